/** The disk in the hands of a driver that is right, and of drivers that are not. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AVAILABLE,
  type Descriptor,
  DiskBoard,
  descriptorBytes,
  F,
  headerBytes,
  INDIRECT,
  MEMORY,
  REG,
  STATUS,
  TABLE,
  USED,
  VERSION_1,
  words16,
} from './disk-board.js';
import { ModelDisk } from './virtio-model.js';

const SECTORS = 64;
const SIZE = 8;
const HEADER = 0x20000n;
const DATA = 0x30000n;
const STATUS_AT = 0x40000n;

const board = (change = {}): DiskBoard => new DiskBoard({ sizeBytes: SECTORS * 512, seed: 7, ...change });

function put(x: DiskBoard, index: number, descriptor: Partial<Descriptor>, table = TABLE): void {
  const bytes = descriptorBytes({ address: 0n, length: 0, flags: 0, next: 0, ...descriptor });
  x.domain.writeMemory(table + 16 * index, bytes);
}

/** A request in descriptors 0, 1, 2, made available as the queue's number `nth`. */
function request(x: DiskBoard, type: number, sector: bigint, bytes: number, nth = 1): void {
  x.domain.writeMemory(Number(HEADER), headerBytes(type, sector));
  put(x, 0, { address: HEADER, length: 16, flags: F.next, next: 1 });
  put(x, 1, { address: DATA, length: bytes, flags: F.next | (type === 0 ? F.write : 0), next: 2 });
  put(x, 2, { address: STATUS_AT, length: 1, flags: F.write });
  offer(x, nth, 0);
}

function offer(x: DiskBoard, index: number, head: number, size = SIZE): void {
  x.domain.writeMemory(AVAILABLE + 4 + 2 * ((index - 1) % size), words16(head));
  x.domain.writeMemory(AVAILABLE + 2, words16(index));
}

const status = (x: DiskBoard): number => x.domain.readMemory(Number(STATUS_AT), 1)[0]!;
const used = (x: DiskBoard): number[] => [...new Uint32Array(x.domain.readMemory(USED, 12).buffer)];

describe('the registers of the disk', () => {
  it('say what it is: VIRTIO 1.2, 4.2.2 and 5.2.4', () => {
    const x = board();
    expect([x.read(REG.magic), x.read(REG.version), x.read(REG.deviceId)]).toEqual([0x74726976, 2, 2]);
    expect([x.read(REG.config), x.read(REG.config + 4)]).toEqual([SECTORS, 0]);
    expect([x.read(REG.config + 8), x.read(REG.config + 12), x.read(REG.config + 20)]).toEqual([16384, 16, 512]);
    expect(x.read(REG.config + 20, 2)).toBe(512);
    expect(x.read(REG.config + 1, 1)).toBe(0);
    expect(x.read(REG.shmLength)).toBe(0xffffffff);
    expect(x.read(REG.generation)).toBe(0);
    expect(x.read(REG.queueNumMax)).toBe(128);
    x.write(REG.queueSel, 1);
    expect(x.read(REG.queueNumMax)).toBe(0);
    expect(x.read(REG.magic, 1)).toBe(0); // 4.2.2.2: control registers are 32 bits wide
    expect(x.read(0xffc)).toBe(0);
    for (let offset = 0; offset < 0x1000; offset++) for (const size of [1, 2, 4]) x.read(offset, size);
  });

  it('offer read-only disks as such, and the features that are there', () => {
    const features = (x: DiskBoard): number[] =>
      [0, 1, 2].map((half) => {
        x.write(REG.featuresSel, half);
        return x.read(REG.features);
      });
    const usual = (1 << 1) | (1 << 2) | (1 << 6) | (1 << 9) | INDIRECT;
    expect(features(board())).toEqual([usual, VERSION_1, 0]);
    expect(features(board({ readOnly: true }))).toEqual([usual | (1 << 5), VERSION_1, 0]);
  });

  it('refuse features that are not offered, and drivers without VERSION_1', () => {
    for (const [low, high, accepted] of [
      [0, VERSION_1, true],
      [INDIRECT, VERSION_1, true],
      [1 << 29, VERSION_1, false],
      [0, VERSION_1 | 2, false],
      [0, 0, false],
    ] as const) {
      const x = board();
      x.write(REG.driverFeaturesSel, 0);
      x.write(REG.driverFeatures, low);
      x.write(REG.driverFeaturesSel, 1);
      x.write(REG.driverFeatures, high);
      x.write(REG.status, STATUS.featuresOk);
      expect((x.read(REG.status) & STATUS.featuresOk) !== 0).toBe(accepted);
    }
  });

  it('take any write to any register', () => {
    const x = board();
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.nat(0xfff),
            fc.constantFrom(0, 1, 2, 3, 8, 128, 129, 0x10000, 0xffffffff),
            fc.constantFrom(1, 2, 4),
          ),
          { maxLength: 60 },
        ),
        (writes) => {
          for (const [offset, value, size] of writes) x.write(size === 4 ? offset & ~3 : offset, value, size);
          x.notify();
          x.write(REG.status, 0);
          expect([x.read(REG.status), x.read(REG.queueReady), x.read(REG.interrupt)]).toEqual([0, 0, 0]);
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each([0, 3, 12, 256, 0xffffffff])('do not let a queue of %i entries become ready', (size) => {
    const x = board();
    x.start(size);
    expect(x.read(REG.queueReady)).toBe(0);
  });

  it('keep a queue where it is while it is ready', () => {
    const x = board();
    x.start(SIZE);
    for (const offset of [REG.desc, REG.driver, REG.device, REG.queueNum]) x.write(offset, 0xdead);
    request(x, 0, 3n, 512);
    x.notify();
    expect([status(x), x.needsReset]).toEqual([0, false]);
    expect(x.domain.readMemory(Number(DATA), 512)).toEqual(x.disk.slice(3 * 512, 4 * 512));
  });
});

describe('requests', () => {
  it('read, write and tell what they did', () => {
    const x = board();
    x.start(SIZE);
    const bytes = Uint8Array.from({ length: 1024 }, (_, i) => i * 7);
    x.domain.writeMemory(Number(DATA), bytes);
    request(x, 1, 5n, 1024);
    x.notify();
    expect(status(x)).toBe(0);
    expect(used(x)).toEqual([0x10000, 0, 1]); // index 1; head 0, one byte written
    expect(x.disk.slice(5 * 512, 7 * 512)).toEqual(bytes);
    x.domain.writeMemory(Number(DATA), new Uint8Array(1024));
    request(x, 0, 5n, 1024, 2);
    x.notify();
    expect(x.domain.readMemory(Number(DATA), 1024)).toEqual(bytes);
    // Two requests: index, ring, three descriptors, header; data; status, used element, used index; flags for the interrupt.
    const { requests, reads, readBytes, writes, writeBytes, faults } = x.counts;
    expect({ requests, reads, readBytes, writes, writeBytes, faults }).toEqual({
      ...{ requests: 2, reads: 2 * 7 + 1, readBytes: 2 * (2 + 2 + 48 + 16 + 2) + 1024 },
      ...{ writes: 2 * 3 + 1, writeBytes: 2 * (1 + 8 + 2) + 1024, faults: 0 },
    });
    expect(x.lines).toBe(2 * (7 + 3 + 16)); // 64-byte lines: one for each small access, sixteen for the data
  });

  it('raise the interrupt line until it is acknowledged, unless the driver asks for none', () => {
    const x = board();
    const { portWrite } = x.core.call;
    for (const [port, value] of [
      [0x20, 0x11],
      [0x21, 0x20],
      [0x21, 4],
      [0x21, 1],
      [0x21, 0xdf],
    ] as const) {
      portWrite(x.domain.base, port, 1, value, 0);
    }
    x.start(SIZE);
    expect(x.line).toBe(false);
    request(x, 0, 0n, 512);
    x.notify();
    expect([x.line, x.read(REG.interrupt)]).toEqual([true, 1]);
    x.write(REG.acknowledge, 1);
    expect(x.read(REG.interrupt)).toBe(0);
    x.domain.writeMemory(AVAILABLE, words16(1)); // VIRTQ_AVAIL_F_NO_INTERRUPT
    request(x, 0, 0n, 512, 2);
    x.notify();
    expect(x.read(REG.interrupt)).toBe(0);
  });

  it('say IOERR or UNSUPP where they cannot be done', () => {
    for (const [type, sector, bytes, wanted] of [
      [0, BigInt(SECTORS), 512, 1],
      [0, BigInt(SECTORS - 1), 1024, 1],
      [0, 2n ** 64n - 1n, 512, 1],
      [0, 2n ** 55n, 512, 1],
      [0, 0n, 511, 1],
      [1, 0n, 1, 1],
      [0, 0n, 16 * 16384 + 512, 1],
      [4, 0n, 0, 0],
      [11, 0n, 512, 2],
      [0xffffffff, 0n, 512, 2],
    ] as const) {
      const x = board();
      x.start(SIZE);
      const before = x.disk.slice();
      request(x, type, sector, bytes);
      x.notify();
      expect([type, sector, bytes, status(x)]).toEqual([type, sector, bytes, wanted]);
      expect(x.disk).toEqual(before);
      expect(x.needsReset).toBe(false);
    }
    const x = board({ readOnly: true });
    x.start(SIZE);
    request(x, 1, 0n, 512);
    x.notify();
    expect(status(x)).toBe(1);
  });

  it('end where memory ends, and the rest of the machine goes on', () => {
    const x = board();
    x.start(SIZE);
    request(x, 0, 0n, 8192);
    put(x, 1, { address: BigInt(MEMORY) - 4096n, length: 8192, flags: F.next | F.write, next: 2 });
    x.notify();
    expect([status(x), x.counts.faults, x.needsReset]).toEqual([1, 1, false]);
    expect(x.domain.readMemory(MEMORY - 4096, 4096)).toEqual(x.disk.slice(0, 4096)); // moved before the refusal
  });
});

describe('queues that are not', () => {
  const broken = (change: (x: DiskBoard) => void, features = 0): DiskBoard => {
    const x = board();
    x.start(SIZE, features);
    request(x, 0, 0n, 512);
    change(x);
    x.notify();
    return x;
  };
  const table = 0x50000;
  const indirect = (x: DiskBoard, flags: number, length: number): void => {
    put(x, 0, { address: HEADER, length: 16, flags: F.next, next: 1 }, table);
    put(x, 1, { address: STATUS_AT, length: 1, flags: F.write }, table);
    put(x, 0, { address: BigInt(table), length, flags: F.indirect | flags, next: 1 });
  };
  it.each<[string, (x: DiskBoard) => void, number?]>([
    [
      'a descriptor that is its own successor',
      (x) => put(x, 1, { address: DATA, length: 512, flags: F.next | F.write, next: 1 }),
    ],
    ['a loop of two', (x) => put(x, 2, { address: DATA, length: 1, flags: F.next | F.write, next: 1 })],
    [
      'a successor outside the table',
      (x) => put(x, 1, { address: DATA, length: 512, flags: F.next | F.write, next: SIZE }),
    ],
    ['a head outside the table', (x) => offer(x, 1, 0xffff)],
    ['more chains than entries', (x) => x.domain.writeMemory(AVAILABLE + 2, words16(SIZE + 1))],
    ['an index that ran backwards', (x) => x.domain.writeMemory(AVAILABLE + 2, words16(0xffff))],
    [
      'what is read behind what is written',
      (x) => put(x, 0, { address: HEADER, length: 16, flags: F.next | F.write, next: 1 }),
    ],
    ['a chain without status', (x) => put(x, 1, { address: DATA, length: 512, flags: 0 })],
    ['a chain without header', (x) => put(x, 0, { address: HEADER, length: 15, flags: F.next, next: 1 })],
    [
      'nothing but empty descriptors',
      (x) => {
        for (const i of [0, 1, 2]) put(x, i, { flags: i < 2 ? F.next : 0, next: i + 1 });
      },
    ],
    [
      'a table where no memory is',
      (x) => {
        x.write(REG.queueReady, 0);
        x.write(REG.desc, 0xfffff000);
        x.write(REG.queueReady, 1);
      },
    ],
    [
      'a ring above 4 GiB',
      (x) => {
        x.write(REG.queueReady, 0);
        x.write(REG.driver + 4, 1);
        x.write(REG.queueReady, 1);
      },
    ],
    ['an indirect table that was not agreed', (x) => indirect(x, 0, 32)],
    ['an indirect table with a successor', (x) => indirect(x, F.next, 32), INDIRECT],
    ['an indirect table of odd size', (x) => indirect(x, 0, 33), INDIRECT],
    ['an empty indirect table', (x) => indirect(x, 0, 0), INDIRECT],
    [
      'an indirect table in an indirect table',
      (x) => {
        indirect(x, 0, 32);
        put(x, 0, { address: BigInt(table), length: 32, flags: F.indirect }, table);
      },
      INDIRECT,
    ],
    [
      'an indirect table that loops',
      (x) => {
        indirect(x, 0, 32);
        put(x, 0, { address: HEADER, length: 16, flags: F.next, next: 0 }, table);
      },
      INDIRECT,
    ],
  ])('%s', (_, change, features = 0) => {
    const x = broken(change, features);
    expect(x.needsReset).toBe(true);
    expect(x.read(REG.interrupt)).toBe(2); // a change of configuration tells of it: 2.1.2
    expect(used(x)[0]).toBe(0);
    x.notify(); // nothing more happens …
    expect(used(x)[0]).toBe(0);
    x.domain.writeMemory(AVAILABLE, new Uint8Array(64));
    x.start(SIZE); // … until it is reset
    request(x, 0, 0n, 512);
    x.notify();
    expect([status(x), x.needsReset]).toEqual([0, false]);
  });

  it('follows an indirect table behind other descriptors, as 2.7.5.3.2 demands', () => {
    const x = board();
    x.start(SIZE, INDIRECT);
    request(x, 0, 9n, 512);
    put(x, 1, { address: BigInt(table), length: 32, flags: F.indirect | F.write });
    put(x, 0, { address: DATA, length: 512, flags: F.next | F.write, next: 1 }, table);
    put(x, 1, { address: STATUS_AT, length: 1, flags: F.write }, table);
    x.notify();
    expect([status(x), x.needsReset]).toEqual([0, false]);
    expect(x.domain.readMemory(Number(DATA), 512)).toEqual(x.disk.slice(9 * 512, 10 * 512));
  });

  it('a ring that the device itself makes longer ends all the same', () => {
    const x = board();
    x.start(SIZE);
    x.disk.fill(0xff); // what is read lands on the ring: flags and index become 0xffff
    request(x, 0, 0n, 512);
    put(x, 1, { address: BigInt(AVAILABLE), length: 512, flags: F.next | F.write, next: 2 });
    x.notify();
    expect([status(x), used(x)[0]! >>> 16]).toEqual([0, 1]);
  });

  it('a reset in the middle forgets all that was under way', () => {
    const x = board();
    x.start(SIZE);
    request(x, 0, 0n, 512);
    x.write(REG.notify, 0);
    x.write(REG.status, 0);
    x.core.call.virtioServe(x.domain.base, 0);
    expect([x.counts.reads, x.read(REG.status), x.read(REG.interrupt)]).toEqual([0, 0, 0]);
  });
});

describe('whatever a driver writes', () => {
  const address = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0x20000, max: 0x30000 }).map(BigInt) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 0x300 }).map((below) => BigInt(MEMORY - below)) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 0x200 }).map((off) => BigInt(TABLE + off)) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 0x80 }).map((off) => BigInt(AVAILABLE + off)) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 0x80 }).map((off) => BigInt(USED + off)) },
    { weight: 1, arbitrary: fc.constantFrom(2n ** 32n - 16n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n - 512n) },
  );
  const length = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(16, 512, 1024, 4096) },
    { weight: 3, arbitrary: fc.constantFrom(0, 1, 15, 17, 32, 64, 511, 16384) },
    { weight: 1, arbitrary: fc.constantFrom(0xffffffff, 0x80000000, 262145) },
  );
  const descriptor = fc.record({
    address,
    length,
    flags: fc.constantFrom(0, 1, 1, 2, 3, 3, 4, 5, 6, 0xfff8),
    next: fc.oneof(fc.integer({ min: 0, max: SIZE + 1 }), fc.constant(0xffff)),
  });
  /** A request cut into pieces, which a driver may send … */
  const proper = fc
    .record({
      type: fc.constantFrom(0, 0, 1, 1, 4, 8, 2),
      sector: fc.oneof(fc.integer({ min: 0, max: SECTORS }).map(BigInt), fc.constantFrom(2n ** 55n, 2n ** 64n - 1n)),
      cuts: fc.array(fc.constantFrom(512, 1024, 100, 412), { minLength: 0, maxLength: 4 }),
    })
    .map(({ type, sector, cuts }) => ({ type, sector, cuts }));

  it('comes out as the specification says, byte by byte', { timeout: 120_000 }, () => {
    const x = board();
    const image = x.domain.readMemory(0, MEMORY);
    const contents = x.disk.slice();
    let [whole, broken] = [0, 0];
    fc.assert(
      fc.property(
        fc.array(proper, { minLength: 1, maxLength: 3 }),
        // … and what is then written over it.
        fc.oneof(fc.constant([]), fc.array(fc.tuple(fc.nat(SIZE - 1), descriptor), { minLength: 1, maxLength: 2 })),
        fc.array(descriptor, { maxLength: 4 }),
        fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(0xffff) }),
        fc.boolean(),
        fc.boolean(),
        (requests, garbage, nested, index, indirect, quiet) => {
          x.domain.writeMemory(0, image);
          x.disk.set(contents);
          x.start(SIZE, indirect ? INDIRECT : 0);
          let next = 0;
          for (const [n, { type, sector, cuts }] of requests.entries()) {
            const header = 0x20000 + n * 0x4000;
            x.domain.writeMemory(header, headerBytes(type, sector));
            const direction = type === 1 ? 0 : F.write;
            const head = next;
            const pieces = [
              { address: BigInt(header), length: 16, flags: 0 },
              ...cuts.map((bytes, i) => ({
                address: BigInt(header + 0x100 + i * 0x480),
                length: bytes,
                flags: direction,
              })),
              { address: BigInt(header + 0x3000), length: 1, flags: F.write },
            ];
            if (next + pieces.length > SIZE) break;
            for (const [i, piece] of pieces.entries()) {
              const last = i === pieces.length - 1;
              put(x, next, { ...piece, flags: piece.flags | (last ? 0 : F.next), next: next + 1 });
              next++;
            }
            offer(x, n + 1, head);
          }
          for (const [at, each] of garbage) put(x, at, each);
          for (const [i, each] of nested.entries()) put(x, i, each, 0x20000 + 0x300);
          if (quiet) x.domain.writeMemory(AVAILABLE, words16(1));
          if (index !== undefined) x.domain.writeMemory(AVAILABLE + 2, words16(index));

          const model = new ModelDisk(x.domain.readMemory(0, MEMORY), x.disk.slice(), {
            ...{ size: SIZE, indirect, readOnly: false },
            ...{ table: BigInt(TABLE), available: BigInt(AVAILABLE), used: BigInt(USED) },
          });
          const faults = x.counts.faults;
          for (let i = 0; i < 2; i++) {
            x.notify();
            model.serve();
          }
          expect(x.needsReset).toBe(model.needsReset);
          expect(x.read(REG.interrupt)).toBe(model.interrupt);
          expect(x.counts.faults - faults).toBe(model.faults);
          expect(Buffer.compare(x.disk, model.disk)).toBe(0);
          expect(Buffer.compare(x.domain.readMemory(0, MEMORY), model.memory)).toBe(0);
          if (model.needsReset) broken++;
          else whole++;
        },
      ),
      { numRuns: 500 },
    );
    expect(Math.min(whole, broken)).toBeGreaterThan(75);
  });
});
