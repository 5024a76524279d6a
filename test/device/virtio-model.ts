/**
 * A virtio disk, written from the specification (Virtual I/O Device (VIRTIO) Version 1.2: 2.7 "Split Virtqueues", 5.2 "Block Device") for
 * clarity, over a copy of a guest's memory that is one piece from 0. What the specification leaves to the device is as docs/devices.md
 * says: chains are copied first, a broken queue ends all work, memory is moved up to the first absent byte.
 */

const SECTOR = 512;
const LARGEST = 16 * 16384; // size_max × seg_max
const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;
const [IN, OUT, FLUSH, GET_ID] = [0, 1, 4, 8];
const [OK, IOERR, UNSUPPORTED] = [0, 1, 2];

class Broken extends Error {}
class Absent extends Error {}

interface Piece {
  readonly address: bigint;
  readonly length: bigint;
}

export class ModelDisk {
  readonly memory: Uint8Array;
  readonly disk: Uint8Array;
  needsReset = false;
  /** InterruptStatus. */
  interrupt = 0;
  faults = 0;
  readonly #size: number;
  readonly #indirect: boolean;
  readonly #readOnly: boolean;
  readonly #at: { readonly table: bigint; readonly available: bigint; readonly used: bigint };
  #taken = 0;
  #given = 0;

  constructor(
    memory: Uint8Array,
    disk: Uint8Array,
    queue: { size: number; indirect: boolean; readOnly: boolean; table: bigint; available: bigint; used: bigint },
  ) {
    this.memory = memory;
    this.disk = disk;
    this.#size = queue.size;
    this.#indirect = queue.indirect;
    this.#readOnly = queue.readOnly;
    this.#at = queue;
  }

  serve(): void {
    if (this.needsReset) return;
    let gave = false;
    try {
      const waiting = (this.#u16(this.#at.available + 2n) - this.#taken) & 0xffff;
      if (waiting > this.#size) throw new Broken();
      for (let i = 0; i < waiting; i++) {
        const head = this.#u16(this.#at.available + 4n + 2n * BigInt(this.#taken % this.#size));
        this.#taken = (this.#taken + 1) & 0xffff;
        const written = this.#request(this.#chain(head));
        const element = new DataView(new ArrayBuffer(8));
        element.setUint32(0, head, true);
        element.setUint32(4, written, true);
        const ring = this.#at.used + 4n + 8n * BigInt(this.#given % this.#size);
        this.#write(ring, new Uint8Array(element.buffer));
        this.#given = (this.#given + 1) & 0xffff;
        this.#write(this.#at.used + 2n, Uint8Array.of(this.#given & 0xff, this.#given >> 8));
        gave = true;
      }
    } catch (error) {
      if (!(error instanceof Broken) && !(error instanceof Absent)) throw error;
      this.needsReset = true;
      this.interrupt |= 2;
    }
    if (gave && !(this.#flags() & 1)) this.interrupt |= 1;
  }

  /** Flags of the available ring; interrupts are wanted if they cannot be read. */
  #flags(): number {
    try {
      return this.#u16(this.#at.available);
    } catch {
      return 0;
    }
  }

  #chain(head: number): readonly { flags: number; piece: Piece }[] {
    const chain: { flags: number; piece: Piece }[] = [];
    let [table, entries, index, nested] = [this.#at.table, this.#size, head, false];
    for (;;) {
      if (index >= entries || chain.length === this.#size) throw new Broken();
      const raw = this.#read(table + 16n * BigInt(index), 16);
      const view = new DataView(raw.buffer);
      const piece = { address: view.getBigUint64(0, true), length: BigInt(view.getUint32(8, true)) };
      const [flags, next] = [view.getUint16(12, true), view.getUint16(14, true)];
      if (flags & INDIRECT) {
        if (!this.#indirect || nested || flags & NEXT || piece.length % 16n !== 0n) throw new Broken();
        [table, entries, index, nested] = [piece.address, Number(piece.length / 16n), 0, true];
        continue;
      }
      if (!(flags & WRITE) && chain.some((other) => other.flags & WRITE)) throw new Broken();
      chain.push({ flags, piece });
      if (!(flags & NEXT)) return chain;
      index = next;
    }
  }

  /** Returns the bytes written. */
  #request(chain: readonly { flags: number; piece: Piece }[]): number {
    const part = (write: number): Piece[] =>
      chain.filter(({ flags }) => (flags & WRITE) === write).map(({ piece }) => piece);
    const [readable, writable] = [part(0), part(WRITE)];
    const [out, into] = [total(readable), total(writable)];
    if (out < 16n || into === 0n) throw new Broken();
    let status = IOERR;
    try {
      const header = new DataView(this.#gather(readable, 0n, 16).buffer);
      const sector = header.getBigUint64(8, true);
      status = this.#execute(header.getUint32(0, true), sector, readable, writable);
    } catch (error) {
      if (!(error instanceof Absent)) throw error;
    }
    try {
      this.#scatter(writable, into - 1n, Uint8Array.of(status));
    } catch (error) {
      if (!(error instanceof Absent)) throw error;
      return 0;
    }
    return Number(into < 0xfffffffen ? into : 0xfffffffen);
  }

  #execute(type: number, sector: bigint, readable: Piece[], writable: Piece[]): number {
    const data = type === IN ? total(writable) - 1n : total(readable) - 16n;
    if (type === FLUSH) return OK;
    if (type === GET_ID) {
      const id = new Uint8Array(20);
      id.set(Buffer.from('ringdisk'));
      const wanted = total(writable) - 1n;
      this.#scatter(writable, 0n, id.subarray(0, Number(wanted < 20n ? wanted : 20n)));
      return OK;
    }
    if (type !== IN && type !== OUT) return UNSUPPORTED;
    if (type === OUT && this.#readOnly) return IOERR;
    if (data % BigInt(SECTOR) !== 0n || data > BigInt(LARGEST)) return IOERR;
    if (sector + data / BigInt(SECTOR) > BigInt(this.disk.length / SECTOR)) return IOERR;
    const at = Number(sector) * SECTOR;
    if (type === IN) this.#scatter(writable, 0n, this.disk.subarray(at, at + Number(data)));
    else this.#gather(readable, 16n, Number(data), this.disk.subarray(at, at + Number(data)));
    return OK;
  }

  /** `length` bytes of the pieces from `skip` on. Those before an absent one are in `to`. */
  #gather(pieces: readonly Piece[], skip: bigint, length: number, to: Uint8Array = new Uint8Array(length)): Uint8Array {
    let done = 0;
    for (const { address, count } of cut(pieces, skip, length)) {
      this.#move(address, count, (at, n) => to.set(this.memory.subarray(at, at + n), done));
      done += count;
    }
    return to;
  }

  #scatter(pieces: readonly Piece[], skip: bigint, bytes: Uint8Array): void {
    let done = 0;
    for (const { address, count } of cut(pieces, skip, bytes.length)) {
      this.#write(address, bytes.subarray(done, done + count));
      done += count;
    }
  }

  #read(address: bigint, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.#move(address, length, (at, n) => bytes.set(this.memory.subarray(at, at + n)));
    return bytes;
  }

  #write(address: bigint, bytes: Uint8Array): void {
    this.#move(address, bytes.length, (at, n) => this.memory.set(bytes.subarray(0, n), at));
  }

  #u16(address: bigint): number {
    const bytes = this.#read(address, 2);
    return bytes[0]! | (bytes[1]! << 8);
  }

  /** Calls `move` for what of the range is memory; throws Absent if not all of it is. */
  #move(address: bigint, length: number, move: (at: number, n: number) => void): void {
    const fault = (): never => {
      this.faults++;
      throw new Absent();
    };
    if (address + BigInt(length) > 2n ** 32n) fault();
    const at = Number(address);
    const n = Math.max(0, Math.min(length, this.memory.length - at));
    if (n > 0) move(at, n);
    if (n < length) fault();
  }
}

function total(pieces: readonly Piece[]): bigint {
  return pieces.reduce((sum, { length }) => sum + length, 0n);
}

function* cut(pieces: readonly Piece[], skip: bigint, length: number): Generator<{ address: bigint; count: number }> {
  let left = BigInt(length);
  for (const piece of pieces) {
    if (left === 0n) return;
    if (skip >= piece.length) {
      skip -= piece.length;
      continue;
    }
    const here = piece.length - skip < left ? piece.length - skip : left;
    if (piece.address + skip >= 2n ** 64n) throw new Absent(); // wraps: no access is made
    yield { address: piece.address + skip, count: Number(here) };
    left -= here;
    skip = 0n;
  }
}
