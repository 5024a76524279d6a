/**
 * Reference model of address translation, written from the manual and from nothing else: clause by clause, with big
 * integers, no fast paths. Intel SDM Vol. 3A chapter 4 (32-bit paging) and Vol. 3C chapter 28 (EPT).
 *
 * Where the manual leaves a choice the model takes the same one as the comments of assembly/mmu/paging.ts and ept.ts: a PDE that references a table is
 * marked accessed when it is used, also if the PTE then faults; the entry that maps the page is marked only when the
 * guest's rights permit the access, and before the page's own guest-physical address is translated; EPT table entries are
 * marked on the way down, an EPT leaf when the access is allowed.
 */

export type Kind = 'read' | 'write' | 'fetch';

export interface Cpu {
  cr0: number;
  cr3: number;
  cr4: number;
  /** 0: no EPT, guest memory is machine memory from directBase on. */
  eptp: number;
  directBase: number;
  directLimit: number;
}

export type ModelFault =
  | { readonly kind: 'exception'; readonly vector: 14; readonly error: number; readonly address: number }
  | { readonly kind: 'violation'; readonly qualification: number; readonly linear: number; readonly physical: number }
  | { readonly kind: 'misconfiguration'; readonly physical: number };

/** Thrown inside the model, caught by `access`. */
class Stop extends Error {
  readonly fault: ModelFault;
  constructor(fault: ModelFault) {
    super(fault.kind);
    this.fault = fault;
  }
}

/** Where a linear page lies and what may be done with it without a further walk. */
export interface Page {
  /** Machine address of the 4 KiB page; undefined if nothing is there. */
  readonly machine: number | undefined;
  readonly read: boolean;
  readonly write: boolean;
  readonly execute: boolean;
  readonly global: boolean;
  readonly large: boolean;
}

/** DRAM: reads beyond its end give all ones, writes are dropped. */
export class Dram {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  byte(machine: number): number {
    return this.bytes[machine] ?? 0xff;
  }
  setByte(machine: number, value: number): void {
    if (machine < this.bytes.length) this.bytes[machine] = value;
  }
  entry(machine: number, size: 4 | 8): bigint {
    if (machine >= this.bytes.length) return size === 8 ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn;
    return size === 8 ? this.#view.getBigUint64(machine, true) : BigInt(this.#view.getUint32(machine, true));
  }
  setFlags(machine: number, flags: bigint, size: 4 | 8): void {
    for (let i = 0; i < size; i++) {
      this.setByte(machine + i, this.byte(machine + i) | Number((flags >> BigInt(8 * i)) & 0xffn));
    }
  }
}

const bit = (value: bigint, n: number): boolean => ((value >> BigInt(n)) & 1n) === 1n;
const bits = (value: bigint, high: number, low: number): bigint =>
  (value >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n);

const MAXPHYADDR = 32;

interface Rights {
  read: boolean;
  write: boolean;
  execute: boolean;
}

interface Physical {
  readonly machine: number | undefined;
  readonly rights: Rights;
  /** Whether a write needs no dirty flag set any more. */
  readonly dirty: boolean;
}

/** What a guest-physical access is for. */
type Purpose = 'structure' | 'translation';

export class Model {
  readonly dram: Dram;
  readonly cpu: Cpu;
  guestReferences = 0;
  eptReferences = 0;

  constructor(bytes: Uint8Array, cpu: Cpu) {
    this.dram = new Dram(bytes);
    this.cpu = cpu;
  }

  /** Translates; returns the page or the fault. */
  translate(linear: number, kind: Kind, user: boolean): Page | ModelFault {
    try {
      return this.#linear(linear, kind, user);
    } catch (error) {
      if (error instanceof Stop) return error.fault;
      throw error;
    }
  }

  // ── 32-bit paging ─────────────────────────────────────────────────────────

  #linear(linear: number, kind: Kind, user: boolean): Page {
    const { cr0, cr3, cr4 } = this.cpu;
    const address = BigInt(linear);
    if (!bit(BigInt(cr0), 31)) {
      const { machine, rights, dirty } = this.#physical(address, linear, [kind], 'translation');
      return { machine, ...rights, write: rights.write && dirty, global: false, large: false };
    }
    const pageSizeExtensions = bit(BigInt(cr4), 4);
    const writeProtect = bit(BigInt(cr0), 16);

    // 4.3: bits 31:12 of CR3 locate the page directory, bits 31:22 of the linear address select the PDE.
    const pdeAt = (bits(BigInt(cr3), 31, 12) << 12n) | (bits(address, 31, 22) << 2n);
    let leaf = this.#guestEntry(pdeAt, linear);
    const pde = leaf.value;
    const pageFault = (present: boolean, reserved: boolean): never => {
      // Figure 4-12: P, W/R, U/S, RSVD. I/D stays 0 without NX and SMEP.
      const error = (present ? 1 : 0) | (kind === 'write' ? 2 : 0) | (user ? 4 : 0) | (reserved ? 8 : 0);
      throw new Stop({ kind: 'exception', vector: 14, error, address: linear });
    };
    if (!bit(pde, 0)) pageFault(false, false);
    const path = [pde];
    let page: bigint;
    const large = bit(pde, 7) && pageSizeExtensions;
    if (large) {
      // 4.3: bits 21:13 hold address bits 39:32 or are reserved; with MAXPHYADDR = 32 all are reserved.
      if (bits(pde, 21, 13) !== 0n) pageFault(true, true);
      page = (bits(pde, 31, 22) << 22n) | bits(address, 21, 0);
    } else {
      this.#guestFlags(leaf, 1n << 5n, linear);
      leaf = this.#guestEntry((bits(pde, 31, 12) << 12n) | (bits(address, 21, 12) << 2n), linear);
      if (!bit(leaf.value, 0)) pageFault(false, false);
      path.push(leaf.value);
      page = (bits(leaf.value, 31, 12) << 12n) | bits(address, 11, 0);
    }

    // 4.6.1: user-mode accesses need U/S = 1 in every entry. Writes need R/W = 1 in every entry, but supervisor-mode
    // writes need it only if CR0.WP = 1. Reads and fetches in supervisor mode are always permitted.
    const userPage = path.every((entry) => bit(entry, 2));
    const writablePage = path.every((entry) => bit(entry, 1));
    const mayWrite = writablePage || (!user && !writeProtect);
    if ((user && !userPage) || (kind === 'write' && !mayWrite)) pageFault(true, false);

    // 4.8: accessed for every use, dirty for a write.
    const flags = (1n << 5n) | (kind === 'write' ? 1n << 6n : 0n);
    this.#guestFlags(leaf, flags, linear);
    const { machine, rights, dirty } = this.#physical(page, linear, [kind], 'translation');
    return {
      machine,
      ...rights,
      write: rights.write && dirty && mayWrite && bit(leaf.value | flags, 6),
      global: bit(leaf.value, 8) && bit(BigInt(cr4), 7),
      large,
    };
  }

  /** Vol. 3C, 28.3.3.2: with EPT accessed and dirty flags, accesses to guest structures are treated as writes. */
  #guestEntry(gpa: bigint, linear: number) {
    const treatedAsWrite = this.cpu.eptp !== 0 && bit(BigInt(this.cpu.eptp), 6);
    const where = this.#physical(gpa, linear, treatedAsWrite ? ['read', 'write'] : ['read'], 'structure');
    this.guestReferences++;
    const machine = where.machine === undefined ? Number.MAX_SAFE_INTEGER : where.machine + Number(bits(gpa, 11, 0));
    return { gpa, machine, rights: where.rights, value: this.dram.entry(machine, 4) };
  }

  /** The update is a locked read-modify-write of the guest's memory. */
  #guestFlags(entry: { gpa: bigint; machine: number; rights: Rights; value: bigint }, flags: bigint, linear: number) {
    if ((entry.value & flags) === flags) return;
    if (!entry.rights.write) throw this.#violation(entry.gpa, linear, ['read', 'write'], 'structure', entry.rights);
    this.dram.setFlags(entry.machine, flags, 4);
  }

  // ── EPT ───────────────────────────────────────────────────────────────────

  #physical(gpa: bigint, linear: number, kinds: readonly Kind[], purpose: Purpose): Physical {
    const { eptp, directBase, directLimit } = this.cpu;
    const all = { read: true, write: true, execute: true };
    if (eptp === 0) {
      const machine = directBase + Number(gpa & ~0xfffn);
      const there = Number(gpa) < directLimit && machine < this.dram.bytes.length;
      return { machine: there ? machine : undefined, rights: all, dirty: true };
    }
    const flagsEnabled = bit(BigInt(eptp), 6);
    const path: bigint[] = [];
    let table = bits(BigInt(eptp), 31, 12) << 12n;
    for (let level = 4; ; level--) {
      const shift = 12 + 9 * (level - 1);
      const at = Number(table) + 8 * Number(bits(gpa, shift + 8, shift));
      const entry = this.dram.entry(at, 8);
      this.eptReferences++;
      path.push(entry);
      const [read, write, execute] = [bit(entry, 0), bit(entry, 1), bit(entry, 2)];
      // 28.3.3.2: an entry that is not present gives a violation whose rights are 0.
      if (!read && !write && !execute) {
        throw this.#violation(gpa, linear, kinds, purpose, { read: false, write: false, execute: false });
      }
      const leaf = level === 1 || (level !== 4 && bit(entry, 7));
      if (this.#misconfigured(entry, level, leaf)) {
        throw new Stop({ kind: 'misconfiguration', physical: Number(gpa) });
      }
      if (!leaf) {
        if (flagsEnabled) this.dram.setFlags(at, 1n << 8n, 8);
        table = bits(entry, 31, 12) << 12n;
        continue;
      }
      const rights = {
        read: path.every((e) => bit(e, 0)),
        write: path.every((e) => bit(e, 1)),
        execute: path.every((e) => bit(e, 2)),
      };
      const allowed = { read: rights.read, write: rights.write, fetch: rights.execute };
      if (!kinds.every((kind) => allowed[kind])) throw this.#violation(gpa, linear, kinds, purpose, rights);
      if (flagsEnabled) {
        this.dram.setFlags(at, (1n << 8n) | (kinds.includes('write') ? 1n << 9n : 0n), 8);
      }
      const size = BigInt(shift);
      const machine = Number((((entry & 0xffff_f000n) >> size) << size) | (gpa & ((1n << size) - 1n) & ~0xfffn));
      return {
        machine: machine < this.dram.bytes.length ? machine : undefined,
        rights,
        dirty: !flagsEnabled || bit(this.dram.entry(at, 8), 9),
      };
    }
  }

  /** 28.3.3.1; execute-only translations are supported. */
  #misconfigured(entry: bigint, level: number, leaf: boolean): boolean {
    if (!bit(entry, 0) && bit(entry, 1)) return true;
    if (bits(entry, 51, MAXPHYADDR) !== 0n) return true;
    if (leaf) {
      const type = Number(bits(entry, 5, 3));
      if (![0, 1, 4, 5, 6].includes(type)) return true; // UC, WC, WT, WP, WB
      return level > 1 && bits(entry, 12 + 9 * (level - 1) - 1, 12) !== 0n;
    }
    return level === 4 ? bits(entry, 7, 3) !== 0n : bits(entry, 6, 3) !== 0n;
  }

  /** Table 28-7. */
  #violation(gpa: bigint, linear: number, kinds: readonly Kind[], purpose: Purpose, rights: Rights): Stop {
    const number = { read: 0, write: 1, fetch: 2 };
    let qualification = 1 << 7; // the guest-linear address is valid
    for (const kind of kinds) qualification |= 1 << number[kind];
    if (rights.read) qualification |= 1 << 3;
    if (rights.write) qualification |= 1 << 4;
    if (rights.execute) qualification |= 1 << 5;
    if (purpose === 'translation') qualification |= 1 << 8;
    return new Stop({ kind: 'violation', qualification, linear, physical: Number(gpa) });
  }
}

interface Held {
  /** Linear page number. */
  readonly linear: number;
  readonly page: Page;
}

/** What a held translation is dropped by. */
type Doomed = (entry: Held) => boolean;

/** The second level: four ways, newest first. A page's set is the exclusive-or of the digits of its number, one digit per set. */
export class SecondLevelModel {
  readonly sets: ((Held & { readonly user: boolean }) | undefined)[][];

  constructor(entries: number) {
    this.sets = Array.from({ length: entries / 4 }, () => new Array(4).fill(undefined));
  }

  #set(linear: number) {
    if (this.sets.length === 0) return undefined;
    let index = 0;
    for (let rest = linear; rest > 0; rest = Math.floor(rest / this.sets.length)) index ^= rest % this.sets.length;
    return this.sets[index];
  }

  find(linear: number, user: boolean): Page | undefined {
    return this.#set(linear)?.find((entry) => entry?.linear === linear && entry.user === user)?.page;
  }

  put(linear: number, user: boolean, page: Page): void {
    const set = this.#set(linear);
    if (set === undefined) return;
    const known = set.findIndex((entry) => entry?.linear === linear && entry.user === user);
    if (known >= 0) set[known] = { linear, user, page };
    else {
      set.unshift({ linear, user, page });
      set.pop();
    }
  }

  drop(doomed: Doomed): void {
    for (const set of this.sets) {
      for (const [way, entry] of set.entries()) if (entry !== undefined && doomed(entry)) set[way] = undefined;
    }
  }
}

/**
 * The TLB's geometry is the machine's own: two direct-mapped banks of 4096 pages, and a second level. Every access of a value
 * goes through it.
 */
export class TlbModel {
  readonly model: Model;
  readonly held = new Map<number, Held>();
  readonly second: SecondLevelModel;
  /** Look-ups that needed a walk, and those of the first level that the second answered. */
  misses = 0;
  secondHits = 0;

  constructor(model: Model, secondLevelEntries: number) {
    this.model = model;
    this.second = new SecondLevelModel(secondLevelEntries);
  }

  #slot(linear: number, user: boolean): number {
    return ((linear >>> 12) & 4095) + (user ? 4096 : 0);
  }

  /** The page for an access; a held translation is used as it is, however old. */
  page(linear: number, kind: Kind, user: boolean): Page | ModelFault {
    const slot = this.#slot(linear, user);
    const entry = this.held.get(slot);
    const right = kind === 'fetch' ? 'execute' : kind;
    if (entry !== undefined && entry.linear === linear >>> 12 && entry.page[right]) return entry.page;
    const known = this.second.find(linear >>> 12, user);
    if (known?.[right]) {
      this.secondHits++;
      this.held.set(slot, { linear: linear >>> 12, page: known });
      return known;
    }
    this.misses++;
    const found = this.model.translate(linear, kind, user);
    if ('kind' in found) {
      this.flushPage(linear);
      return found;
    }
    this.second.put(linear >>> 12, user, found);
    this.held.set(slot, { linear: linear >>> 12, page: found });
    return found;
  }

  read(linear: number, size: number, user: boolean): number | ModelFault {
    const pages = this.#pages(linear, size, 'read', user);
    if (!Array.isArray(pages)) return pages;
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + this.model.dram.byte(this.#at(pages, linear, i));
    return value;
  }

  write(linear: number, size: number, value: number, user: boolean): ModelFault | undefined {
    const pages = this.#pages(linear, size, 'write', user);
    if (!Array.isArray(pages)) return pages;
    for (let i = 0; i < size; i++) this.model.dram.setByte(this.#at(pages, linear, i), (value >>> (8 * i)) & 255);
    return undefined;
  }

  /** The page or pages of a value, all translated before any byte is touched. */
  #pages(linear: number, size: number, kind: Kind, user: boolean): Page[] | ModelFault {
    const pages: Page[] = [];
    const next = ((linear & ~0xfff) + 0x1000) >>> 0;
    for (const at of (linear & 0xfff) + size > 4096 ? [linear, next] : [linear]) {
      const page = this.page(at, kind, user);
      if ('kind' in page) return page;
      pages.push(page);
    }
    return pages;
  }

  #at(pages: readonly Page[], linear: number, i: number): number {
    const offset = (linear & 0xfff) + i;
    const page = pages[offset >>> 12];
    return page?.machine === undefined ? Number.MAX_SAFE_INTEGER : page.machine + (offset & 0xfff);
  }

  /** INVLPG: all fragments of the page that contains the address (Vol. 3A, 4.10.2.3), global or not. */
  flushPage(linear: number): void {
    this.#drop(
      (entry) => entry.linear === linear >>> 12 || (entry.page.large && entry.linear >>> 10 === linear >>> 22),
    );
  }
  flushNonGlobal(): void {
    this.#drop((entry) => !entry.page.global);
  }
  flushAll(): void {
    this.#drop(() => true);
  }

  #drop(doomed: Doomed): void {
    for (const [slot, entry] of this.held) if (doomed(entry)) this.held.delete(slot);
    this.second.drop(doomed);
  }
}
