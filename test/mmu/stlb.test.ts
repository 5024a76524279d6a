/** The second-level TLB against the model: what it holds, way by way, and what it answers. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Pair } from './pair.js';
import { A, D, EPTP, EPTP_FLAGS, G, GUEST, makeTables, P, PS, RW, US } from './tables.js';

const DIRECTORY = GUEST + 0x1000;
const TABLE = GUEST + 0x2000;
const ENTRIES = 1024;

/** Every PDE refers to one page table, whose entries map guest frames 3, 4, 5, …, 15, 3, …: many pages, few frames. */
function wide(eptp: number, stlb: number = ENTRIES): Pair {
  const pair = makeTables(eptp, stlb);
  for (let i = 0; i < 1024; i++) {
    pair.write32(DIRECTORY + 4 * i, 0x2000 | P | RW | US | A);
    pair.write32(TABLE + 4 * i, ((3 + (i % 13)) << 12) | P | RW | US | A | D);
  }
  return pair;
}

const read = (pair: Pair, linear: number, user = false) =>
  pair.access({ kind: 'read', linear, size: 4, value: 0, user });

/** Walks and second-level hits of something. */
function counts(pair: Pair, action: () => void): [number, number] {
  const now = () => ['COUNTER_TLB_MISS', 'COUNTER_STLB_HIT'].map((name) => pair.machine.count(name));
  const before = now();
  action();
  const [miss, hit] = now().map((count, i) => count - before[i]!);
  return [miss!, hit!];
}

/** 18 pages: six indices of the first level with three pages each, three sets of the second with six pages each. */
const INDICES = [0x003, 0x004, 0x005, 0x403, 0x404, 0xc05];
const SETS = [0x00, 0x5a, 0xc3];
const PAGES = INDICES.flatMap((index) =>
  Array.from({ length: 256 }, (_, high) => (high << 12) | index)
    .filter((page) => SETS.includes((page & 255) ^ ((page >> 8) & 255) ^ (page >> 16)))
    .map((page) => page * 4096),
);

const page = fc.constantFrom(...PAGES);
const step = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constant('access' as const),
      kind: fc.constantFrom('read' as const, 'read' as const, 'write' as const, 'fetch' as const),
      page,
      user: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('page' as const), page }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('all' as const, 'nonGlobal' as const, 'nonGlobal' as const) }),
  },
  {
    weight: 1, // a PTE: rights, flags, global or not
    arbitrary: fc.record({
      do: fc.constant('pte' as const),
      page,
      bits: fc
        .constantFrom(P | RW | US, P | RW | US, P | RW | US, P | US, P | RW, 0)
        .chain((rights) => fc.constantFrom(0, A, A | D, A | D | G).map((flags) => rights | flags)),
    }),
  },
  {
    weight: 1, // a PDE: the table, or a 4 MiB page on guest-physical 0
    arbitrary: fc.record({
      do: fc.constant('pde' as const),
      page,
      bits: fc.constantFrom(0x2000 | P | RW | US | A, PS | P | RW | US | A | D, PS | P | RW | US | A | D | G),
    }),
  },
);

describe('the second level', () => {
  it('does what the model does in any sequence, also where a generation ends', () => {
    let [hits, walks] = [0, 0];
    const pairs = [0, EPTP, EPTP_FLAGS].map((eptp) => wide(eptp));
    const fresh = pairs[0]!.bytes.slice();
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 }),
        fc.array(step, { minLength: 20, maxLength: 150, size: 'max' }),
        fc.constantFrom(2, 0x3fffe, 0x3ffff),
        fc.constantFrom(2, 0x3ffff),
        (kind, steps, local, global) => {
          const pair = pairs[kind]!;
          const { machine } = pair;
          machine.bytes.set(fresh);
          pair.bytes.set(fresh);
          pair.flush('all');
          const sets = machine.view.getUint32(machine.stlb + machine.at('STLB_SETS'), true);
          new Uint8Array(machine.view.buffer, sets, 8 * ENTRIES).fill(0);
          machine.view.setUint32(machine.stlb + machine.at('STLB_LOCAL'), (local << 14) >>> 0, true);
          machine.view.setUint32(machine.stlb + machine.at('STLB_GLOBAL'), ((global << 14) | (1 << 13)) >>> 0, true);
          const [misses, found] = counts(pair, () => {
            for (const action of steps) {
              if (action.do === 'access') pair.access({ ...action, linear: action.page, size: 4, value: 0x5a5a5a5a });
              else if (action.do === 'page') pair.flush('page', action.page);
              else if (action.do === 'pte') {
                const index = (action.page >>> 12) & 1023;
                pair.write32(TABLE + 4 * index, ((3 + (index % 13)) << 12) | action.bits);
              } else if (action.do === 'pde') pair.write32(DIRECTORY + 4 * (action.page >>> 22), action.bits);
              else pair.flush(action.do);
            }
          });
          pair.compareTlb();
          walks += misses;
          hits += found;
        },
      ),
      { numRuns: 500 },
    );
    expect(hits).toBeGreaterThan(1000);
    expect(walks).toBeGreaterThan(1000);
  });

  it('answers where the first level lost a page, without a reference', () => {
    const pair = wide(EPTP);
    const [one, two] = [0x00003000, 0x01003000];
    read(pair, one);
    read(pair, two);
    const before = pair.machine.count('COUNTER_WALK_EPT');
    expect(counts(pair, () => read(pair, one))).toEqual([0, 1]);
    expect(counts(pair, () => read(pair, one))).toEqual([0, 0]);
    expect(counts(pair, () => read(pair, two, true))).toEqual([1, 0]); // another bank
    expect(pair.machine.count('COUNTER_WALK_EPT') - before).toBe(12);
  });

  it('does not answer a write before the page is dirty, and answers it afterwards', () => {
    const pair = wide(EPTP);
    pair.write32(TABLE + 4 * 3, 0x3000 | P | RW | US);
    const write = (linear: number) => pair.access({ kind: 'write', linear, size: 4, value: 1, user: false });
    read(pair, 0x00003000);
    read(pair, 0x01003000);
    expect(counts(pair, () => write(0x00003000))).toEqual([1, 0]); // sets D
    read(pair, 0x01003000);
    expect(counts(pair, () => write(0x00003000))).toEqual([0, 1]);
    pair.compareTlb();
  });

  it('arms no write tag where the frame has become code since', () => {
    const { machine, ...pair } = wide(EPTP);
    const { mmu, s } = machine;
    void pair;
    mmu.writeU32(s, 0x00003000, 1);
    mmu.readU32(s, 0x01003000);
    mmu.markCode(s, machine.dram + GUEST + 3 * 4096 + 3 * 4096, 4); // PTE 3 maps guest frame 6
    expect(machine.count('COUNTER_TLB_MISS')).toBe(2);
    mmu.readU32(s, 0x00003000);
    expect(machine.count('COUNTER_STLB_HIT')).toBe(1);
    expect(machine.entry(0x00003000).tagW & 0xfff).not.toBe(0);
  });

  it('holds as many pages as it has entries at any power-of-two stride', () => {
    for (const entries of [1024, 4096, 16384, 65536]) {
      const { machine } = wide(0, entries);
      const { mmu, s } = machine;
      for (let shift = 12; shift <= 24; shift++) {
        mmu.flushAll(s);
        const pages = Math.min(entries, 2 ** (32 - shift));
        for (let i = 0; i < pages; i++) mmu.readU32(s, (i << shift) >>> 0);
        const walks = machine.count('COUNTER_TLB_MISS');
        for (let i = 0; i < pages; i++) mmu.readU32(s, (i << shift) >>> 0);
        expect(machine.count('COUNTER_TLB_MISS') - walks, `${entries} entries, stride 2^${shift}`).toBe(0);
      }
    }
  });
});

describe('a vCPU', () => {
  it('that is initialised again finds nothing of before', () => {
    const { machine } = wide(0);
    const { mmu, s } = machine;
    mmu.readU32(s, 0x00003000);
    mmu.tlbInit(s);
    mmu.readU32(s, 0x00003000);
    expect(machine.count('COUNTER_TLB_MISS')).toBe(2);
  });

  it('may use a part of its room, and has none where it wants more', () => {
    const { machine } = wide(0, 4096);
    const { mmu, s } = machine;
    const again = (entries: number, pages: number): number => {
      machine.set('VCPU_STLB_ENTRIES', entries);
      mmu.tlbInit(s);
      for (let i = 0; i < pages; i++) mmu.readU32(s, i * 2 ** 24); // one index of the first level
      const before = machine.count('COUNTER_STLB_HIT');
      for (let i = 0; i < pages; i++) mmu.readU32(s, i * 2 ** 24);
      return machine.count('COUNTER_STLB_HIT') - before;
    };
    expect(again(4096, 256)).toBe(256);
    expect(again(1024, 256)).toBe(256);
    expect(again(0, 256)).toBe(0);
    expect(again(8192, 256)).toBe(0);
    expect(machine.get('VCPU_STLB')).toBe(0);
  });

  it('has its own, even if it was copied from another', () => {
    const { machine } = wide(0);
    const { mmu, s, s2, view } = machine;
    mmu.readU32(s, 0x00003000);
    const size = machine.at('VCPU_SIZE');
    new Uint8Array(view.buffer).copyWithin(s2, s, s + size);
    mmu.tlbInit(s2); // its slot has no room for any
    expect(view.getUint32(s2 + machine.at('VCPU_STLB'), true)).toBe(0);
    expect(view.getUint32(s + machine.at('VCPU_STLB'), true)).toBe(machine.stlb);
  });
});
