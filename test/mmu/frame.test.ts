import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EPTP_AD, Machine } from './machine.js';

const GUEST_TYPE = 1;
const EPT_TYPE = 2;
const NONE = 0xffffffff;

/** Every frame is free, or owned with the type it was asked for; the free list and the count agree. */
function check(machine: Machine, owned: ReadonlyMap<number, number>): void {
  const linked = new Set<number>();
  for (let f = machine.get('HOST_FREE_HEAD'); f !== NONE; f = machine.frame(f, 'FRAME_LINK')) {
    expect(linked.has(f)).toBe(false);
    linked.add(f);
  }
  const fresh = machine.get('HOST_FRAME_FRESH');
  for (let f = 0; f < machine.frames; f++) {
    const owner = owned.get(f);
    expect(machine.frame(f, 'FRAME_TYPE'), `frame ${f}`).toBe(owner === undefined ? 0 : GUEST_TYPE);
    expect(linked.has(f), `frame ${f}`).toBe(owner === undefined && f < fresh);
    if (owner !== undefined) expect(machine.frame(f, 'FRAME_OWNER')).toBe(owner);
  }
  expect(machine.get('HOST_FREE_COUNT')).toBe(machine.frames - owned.size);
}

describe('the frame allocator', () => {
  it('keeps its books in any order of calls, gives zeroed frames, and fails only when it must', () => {
    const call = fc.oneof(
      fc.record({ do: fc.constant('one' as const), owner: fc.integer({ min: 0, max: 9 }) }),
      fc.record({
        do: fc.constant('many' as const),
        owner: fc.integer({ min: 0, max: 9 }),
        count: fc.integer({ min: 1, max: 9 }),
        align: fc.constantFrom(1, 2, 4, 8),
      }),
      fc.record({ do: fc.constant('free' as const), frame: fc.integer({ min: 0, max: 34 }) }),
    );
    const machine = new Machine(32);
    const table = machine.get('HOST_FRAME_TABLE');
    fc.assert(
      fc.property(fc.array(call, { maxLength: 40 }), (calls) => {
        machine.bytes.fill(0);
        new Uint8Array(machine.view.buffer, table, 32 * 16).fill(0);
        machine.mmu.frameInit();
        const owned = new Map<number, number>();
        for (const c of calls) {
          if (c.do === 'free') {
            expect(machine.mmu.frameFree(c.frame)).toBe(owned.delete(c.frame) ? 1 : 0);
            continue;
          }
          const count = c.do === 'one' ? 1 : c.count;
          const align = c.do === 'one' ? 1 : c.align;
          const first =
            (c.do === 'one'
              ? machine.mmu.frameAllocate(c.owner, GUEST_TYPE)
              : machine.mmu.frameAllocateContiguous(count, align, c.owner, GUEST_TYPE)) >>> 0;
          if (first === NONE) {
            for (let f = 0; f + count <= 32; f += align) {
              const run = Array.from({ length: count }, (_, i) => f + i);
              expect(run.some((frame) => owned.has(frame))).toBe(true);
            }
            continue;
          }
          expect(first % align).toBe(0);
          for (let f = first; f < first + count; f++) {
            expect(owned.has(f)).toBe(false);
            owned.set(f, c.owner);
            const page = machine.bytes.subarray(f * 4096, f * 4096 + 4096);
            expect(page.every((byte) => byte === 0)).toBe(true);
            page.fill(0xaa);
          }
        }
        check(machine, owned);
      }),
      { numRuns: 150 },
    );
  });

  it('finds a run that begins among freed frames and ends among untouched ones', () => {
    const machine = new Machine(32);
    const { mmu } = machine;
    expect(mmu.frameAllocateContiguous(25, 1, 1, GUEST_TYPE)).toBe(0);
    mmu.frameFree(24);
    mmu.frameFree(3);
    expect(mmu.frameAllocateContiguous(8, 8, 2, GUEST_TYPE)).toBe(24);
    expect(mmu.frameAllocate(3, GUEST_TYPE)).toBe(3);
    expect(mmu.frameAllocate(3, GUEST_TYPE) >>> 0).toBe(NONE);
  });

  it('forgets code of a freed frame', () => {
    const machine = new Machine(4);
    const frame = machine.mmu.frameAllocate(1, GUEST_TYPE);
    machine.mmu.markCode(machine.s, machine.dram + frame * 4096, 1);
    machine.mmu.frameFree(frame);
    expect(machine.frame(frame, 'FRAME_CODE_MASK')).toBe(0);
    expect(machine.frame(frame, 'FRAME_GENERATION')).toBe(1);
  });

  it('scrubs freed frames', () => {
    const machine = new Machine(4);
    const frame = machine.mmu.frameAllocate(1, GUEST_TYPE);
    machine.bytes.fill(0x55);
    machine.mmu.frameFree(frame);
    expect(machine.bytes.subarray(frame * 4096, frame * 4096 + 4096).every((byte) => byte === 0)).toBe(true);
    expect(machine.bytes[(frame + 1) * 4096]).toBe(0x55);
  });

  it('links nothing at the start, however many frames there are', () => {
    const machine = new Machine(2048);
    expect(machine.get('HOST_FREE_COUNT')).toBe(2048);
    const table = new Uint8Array(machine.view.buffer, machine.get('HOST_FRAME_TABLE'), 2048 * 16);
    expect(table.every((byte) => byte === 0)).toBe(true);
  });
});

describe('building EPTs', () => {
  function host(frames = 2048): Machine {
    const machine = new Machine(frames);
    machine.mmu.frameAllocateContiguous(1024, 512, 9, GUEST_TYPE); // frames that can be mapped by 2 MiB leaves
    return machine;
  }
  const lookup = (machine: Machine, eptp: number, gpa: number): [number, number] => [
    machine.mmu.eptFrame(eptp, gpa) >>> 0,
    machine.mmu.eptPeek(eptp, gpa) & 7,
  ];

  it('makes tables that belong to the domain, and the architectural pointer', () => {
    const machine = host();
    const plain = machine.mmu.eptCreate(3, 0) >>> 0;
    const flags = machine.mmu.eptCreate(4, 1) >>> 0;
    expect([plain & 0xfff, flags & 0xfff]).toEqual([0x1e, 0x1e | EPTP_AD]);
    expect(machine.mmu.eptMap(flags, 0x12345000, 7, 1, 5)).toBe(3);
    expect(machine.mmu.eptMap(flags, 0x12346000, 8, 1, 7)).toBe(0);
    expect(lookup(machine, flags, 0x12345678)).toEqual([7, 5]);
    expect(lookup(machine, flags, 0x12347000)).toEqual([NONE, 0]);
    const owned = (owner: number): number =>
      Array.from({ length: machine.frames }, (_, f) => f).filter(
        (f) => machine.frame(f, 'FRAME_OWNER') === owner && machine.frame(f, 'FRAME_TYPE') === EPT_TYPE,
      ).length;
    expect([owned(3), owned(4)]).toEqual([1, 4]);
    expect(machine.mmu.eptReclaim(flags)).toBe(4);
    expect([owned(3), owned(4)]).toEqual([1, 0]);
  });

  it('writes leaves that the walker accepts, at every level', () => {
    const machine = host();
    const eptp = machine.mmu.eptCreate(1, 1) >>> 0;
    machine.set('VCPU_EPTP', eptp);
    expect(machine.mmu.eptMap(eptp, 0x00200000, 512, 2, 7)).toBe(2);
    expect(machine.mmu.eptMap(eptp, 0x40000000, 0, 3, 7)).toBe(0);
    expect(machine.mmu.eptMap(eptp, 0x00001000, 3, 1, 7)).toBe(1);
    machine.write32(512 * 4096 + 0x5000, 0x11111111);
    machine.write32(3 * 4096, 0x33333333);
    expect(machine.mmu.readU32(machine.s, 0x00205000)).toBe(0x11111111);
    expect(machine.mmu.readU32(machine.s, 0x40000000 + 512 * 4096 + 0x5000)).toBe(0x11111111);
    expect(machine.mmu.readU32(machine.s, 0x1000)).toBe(0x33333333);
    expect(machine.fault()).toBeUndefined();
  });

  it('refuses what the hardware or the geometry cannot do, and changes nothing', () => {
    const machine = host();
    const eptp = machine.mmu.eptCreate(1, 0) >>> 0;
    const before = Buffer.from(machine.bytes);
    for (const [gpa, frame, level, rights] of [
      [0x1800, 1, 1, 7],
      [0x1000, 1, 0, 7],
      [0, 0, 4, 7],
      [0x200000, 511, 2, 7],
      [0x201000, 512, 2, 7],
      [0x1000, 1, 1, 0],
      [0x1000, 1, 1, 2],
      [0x1000, 1, 1, 6],
      [0x1000, 1, 1, 8],
      [0x1000, 1 << 20, 1, 7],
    ] as const) {
      expect(machine.mmu.eptMap(eptp, gpa, frame, level, rights)).toBe(-3);
    }
    expect(machine.mmu.eptUnmap(eptp, 0x1234, 1)).toBe(-3);
    expect(machine.mmu.eptUnmap(eptp, 0x1000, 1)).toBe(0);
    expect(Buffer.compare(before, machine.bytes)).toBe(0);
    machine.mmu.eptMap(eptp, 0x1000, 1, 1, 7);
    expect(machine.mmu.eptMap(eptp, 0, 512, 2, 7)).toBe(-2);
    expect(lookup(machine, eptp, 0x1000)).toEqual([1, 7]);
  });

  it('splits larger pages, with the rest still mapped as before', () => {
    const machine = host();
    const eptp = machine.mmu.eptCreate(1, 0) >>> 0;
    machine.mmu.eptMap(eptp, 0x40000000, 0, 3, 5);
    expect(machine.mmu.eptUnmap(eptp, 0x40203000, 1)).toBe(2);
    expect(lookup(machine, eptp, 0x40203000)).toEqual([NONE, 0]);
    for (const gpa of [0x40000000, 0x40202fff, 0x40204000, 0x403ff000, 0x40400000, 0x40700000]) {
      expect(lookup(machine, eptp, gpa)).toEqual([(gpa - 0x40000000) >>> 12, 5]);
    }
    expect(machine.mmu.eptPeek(eptp, 0x7ffff000) & 7).toBe(5); // beyond DRAM, still mapped
    expect(machine.mmu.eptMap(eptp, 0x40204000, 9, 1, 7)).toBe(0);
    expect(lookup(machine, eptp, 0x40204000)).toEqual([9, 7]);
    expect(machine.mmu.eptReclaim(eptp)).toBe(4);
  });

  it('reports that no frame is left', () => {
    const machine = new Machine(3);
    const eptp = machine.mmu.eptCreate(1, 0) >>> 0;
    expect(machine.mmu.eptMap(eptp, 0, 0, 1, 7)).toBe(-1);
    expect(machine.mmu.eptCreate(1, 0)).toBe(0);
  });

  it('random maps and unmaps look up like a dictionary', () => {
    const machine = host(4096);
    const page = fc.integer({ min: 0, max: 15 }).map((n) => ((n & 3) << 12) | ((n >> 2) << 21));
    const call = fc.record({
      gpa: page,
      frame: fc.integer({ min: 0, max: 1023 }),
      large: fc.boolean(),
      rights: fc.constantFrom(1, 3, 4, 5, 7),
      unmap: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 30 }), (calls) => {
        const eptp = machine.mmu.eptCreate(1, 0) >>> 0;
        const free = machine.get('HOST_FREE_COUNT');
        const model = new Map<number, [number, number]>();
        let tables = 1;
        for (const { gpa, frame, large, rights, unmap } of calls) {
          const level = large ? 2 : 1;
          const base = large ? gpa & ~0x1fffff : gpa;
          const first = large ? frame & 512 : frame;
          const done = unmap
            ? machine.mmu.eptUnmap(eptp, base, level)
            : machine.mmu.eptMap(eptp, base, first, level, rights);
          if (done < 0) {
            expect([done, large]).toEqual([-2, true]); // 4 KiB pages are in the way
            continue;
          }
          tables += done;
          for (let i = 0; i < (large ? 512 : 1); i++) {
            if (unmap) model.delete(base + i * 4096);
            else model.set(base + i * 4096, [first + i, rights]);
          }
        }
        for (let n = 0; n < 4; n++) {
          for (const low of [0, 1, 2, 3, 4, 511]) {
            const gpa = n * 0x200000 + low * 4096;
            expect(lookup(machine, eptp, gpa)).toEqual(model.get(gpa) ?? [NONE, 0]);
          }
        }
        expect(machine.mmu.eptReclaim(eptp)).toBe(tables);
        expect(machine.get('HOST_FREE_COUNT')).toBe(free + 1);
      }),
      { numRuns: 200 },
    );
  });

  it('tables that an attacker rewrote do not make it free or write what is not its own', () => {
    const machine = host();
    const victim = machine.mmu.eptCreate(2, 0) >>> 0;
    machine.mmu.eptMap(victim, 0, 1, 1, 7);
    const eptp = machine.mmu.eptCreate(1, 0) >>> 0;
    machine.mmu.eptMap(eptp, 0x1000, 1, 1, 7);
    const root = eptp & ~0xfff;
    machine.write64(root + 8, BigInt(victim & ~0xfff) | 7n); //  another domain's tables
    machine.write64(root + 16, BigInt(root) | 7n); //            its own root
    machine.write64(root + 24, 0xfffff007n); //                  nowhere
    machine.write64(root + 32, 0x5007n); //                      a guest's frame
    const guests = Array.from({ length: 1024 }, (_, f) => machine.frame(f, 'FRAME_TYPE'));
    machine.mmu.eptReclaim(eptp);
    expect(Array.from({ length: 1024 }, (_, f) => machine.frame(f, 'FRAME_TYPE'))).toEqual(guests);
    expect(machine.mmu.eptFrame(victim, 0)).toBe(1);

    const other = machine.mmu.eptCreate(1, 0) >>> 0;
    machine.write64(other & ~0xfff, 0xfffff007n);
    machine.mmu.eptMap(other, 0x1000, 1, 1, 7);
    machine.mmu.eptUnmap(other, 0x1000, 1);
    const page = new Uint8Array(machine.view.buffer, machine.at('VOID_PAGE'), 4096);
    expect(page.every((byte) => byte === 0xff)).toBe(true);
  });
});
