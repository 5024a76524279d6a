/**
 * Random tables: the hand-made ones with random rights, flags, leaf sizes, garbage and reserved bits, and random accesses,
 * flushes and rewrites in any order. The core must do what the model does: value, fault record, flags left in memory,
 * misses and references; at the end the TLB must hold what the model holds.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CR0_PE, CR0_PG, CR0_WP, CR4_PGE, CR4_PSE } from './machine.js';
import type { Pair } from './pair.js';
import {
  EPT_PS,
  EPT_WB,
  EPTP,
  EPTP_FLAGS,
  FRAMES,
  GUEST,
  LARGE,
  LARGE_PDE,
  LINEAR,
  makeTables,
  P,
  PD,
  PDE,
  PDPT,
  PML4,
  PS,
  PT,
  PTE,
  RW,
  US,
} from './tables.js';

/** Places of entries that the accesses below use. */
const EPT_ENTRIES = [PML4, PDPT, PD, ...[0, 1, 2, 3, 4].map((frame) => PT + 8 * frame), PD + 8];
/** … and the frames that they point to. */
const GUEST_ENTRIES = [
  [PDE, 2],
  [LARGE_PDE, 0],
  [PTE, 3],
  [PTE + 4, 4],
  [GUEST + 0x1000, 2],
] as const;
/** Linear pages: two 4 KiB neighbours, fragments of a 4 MiB page, one that is not mapped, low and last ones. */
const PAGES = [
  LINEAR,
  LINEAR + 0x1000,
  LARGE,
  LARGE + 0x1000,
  LARGE - 0x1000,
  LARGE + 0x1f_f000,
  0x405000,
  0,
  0xfffff000,
];
const OFFSETS = [0, 1, 2, 3, 4, 0x7ff, 4090, 4092, 4093, 4094, 4095];

const word = fc.integer({ min: 0, max: 0xffffffff });
const eptEntry = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(fc.integer({ min: 0, max: FRAMES + 1 }), fc.constantFrom(7, 7, 7, 5, 4, 3, 1, 2, 6, 0)),
  },
  { weight: 2, arbitrary: fc.tuple(fc.integer({ min: 0, max: FRAMES + 1 }), fc.integer({ min: 0, max: 0xfff })) },
);
const large = EPT_PS | EPT_WB;
const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('access' as const),
      kind: fc.constantFrom('read' as const, 'write' as const, 'fetch' as const),
      linear: fc.tuple(fc.constantFrom(...PAGES), fc.constantFrom(...OFFSETS)).map(([page, offset]) => page + offset),
      size: fc.constantFrom(1, 2, 4),
      value: word,
      user: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('flush' as const), page: fc.constantFrom(...PAGES) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('flushAll' as const, 'flushNonGlobal' as const) }) },
  {
    weight: 4, // an entry, mostly pointing where it did, with other rights and any of A, D, PS, G and what is ignored
    arbitrary: fc
      .tuple(
        fc.constantFrom(...GUEST_ENTRIES),
        fc.oneof({ weight: 3, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 17 }) }),
        fc.constantFrom(P | RW | US, P | RW, P | US, P, 0),
        fc.constantFrom(0, 0x20, 0x60, 0x120, 0x160, 0x80, 0xff8),
      )
      .map(([[at, usual], frame, rights, low]) => ({
        do: 'guest' as const,
        at,
        entry: ((frame < 0 ? usual : frame) << 12) | rights | low,
      })),
  },
  {
    weight: 1, // a 4 MiB leaf with a reserved bit
    arbitrary: fc.integer({ min: 13, max: 20 }).map((bit) => ({
      do: 'guest' as const,
      at: LARGE_PDE,
      entry: P | RW | US | PS | (1 << bit),
    })),
  },
  {
    weight: 1, // one bit changes
    arbitrary: fc.record({
      do: fc.constant('flip' as const),
      at: fc.constantFrom(...EPT_ENTRIES, ...GUEST_ENTRIES.map(([at]) => at)),
      bit: fc.integer({ min: 0, max: 63 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('ept' as const),
      at: fc.constantFrom(...EPT_ENTRIES.slice(3)),
      entry: eptEntry.map(([frame, low]) => (BigInt(frame) << 12n) | BigInt(low) | (low < 8 ? EPT_WB : 0n)),
    }),
  },
  {
    weight: 1, // 2 MiB and 1 GiB leaves, also misaligned ones and of every memory type
    arbitrary: fc.record({
      do: fc.constant('ept' as const),
      at: fc.constantFrom(PD, PDPT),
      entry: fc.constantFrom(
        large | 7n,
        large | 5n,
        large | 4n,
        large | 7n | 0x1000n,
        EPT_PS | 7n,
        EPT_PS | 0x17n,
        EPT_PS | 0x3fn,
      ),
    }),
  },
  {
    weight: 1, // and back to the tables
    arbitrary: fc.constantFrom(
      { do: 'ept' as const, at: PML4, entry: BigInt(PDPT) | 7n },
      { do: 'ept' as const, at: PDPT, entry: BigInt(PD) | 7n },
      { do: 'ept' as const, at: PD, entry: BigInt(PT) | 7n },
    ),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const registers = fc.record({
  eptp: fc.constantFrom(0, EPTP, EPTP_FLAGS),
  cr0: fc.constantFrom(CR0_PG | CR0_WP, CR0_PG, CR0_PG | CR0_WP, 0).map((cr0) => (cr0 | CR0_PE) >>> 0),
  cr4: fc.constantFrom(CR4_PSE | CR4_PGE, CR4_PSE, CR4_PGE, 0),
});

const seen = new Map<string, number>();

function apply(pair: Pair, action: Step): void {
  switch (action.do) {
    case 'access': {
      const fault = pair.access(action);
      const kind = `${fault?.kind ?? 'none'}${fault?.kind === 'exception' ? fault.error & 9 : ''}`;
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      break;
    }
    case 'flush':
      pair.flush('page', action.page);
      break;
    case 'flushAll':
      pair.flush('all');
      break;
    case 'flushNonGlobal':
      pair.flush('nonGlobal');
      break;
    case 'guest':
      pair.write32(action.at, action.entry);
      break;
    case 'ept':
      pair.write64(action.at, action.entry);
      break;
    case 'flip':
      pair.write64(action.at & ~7, pair.machine.read64(action.at & ~7) ^ (1n << BigInt(action.bit)));
  }
}

it.each([0, 1024])(
  'any sequence of accesses, flushes and rewrites has the results of the model, second level: %i',
  (stlb) => {
    const pair = makeTables(0, stlb);
    const fresh = pair.bytes.slice();
    fc.assert(
      fc.property(registers, fc.array(step, { minLength: 4, maxLength: 40 }), (cpu, steps) => {
        pair.machine.bytes.set(fresh);
        pair.bytes.set(fresh);
        pair.set(cpu);
        pair.flush('all');
        for (const action of steps) apply(pair, action);
        pair.compareTlb();
      }),
      { numRuns: 1500 },
    );
    // The generator reaches every outcome often enough to mean something.
    for (const kind of ['none', 'exception0', 'exception1', 'exception9', 'violation', 'misconfiguration']) {
      expect(seen.get(kind) ?? 0, kind).toBeGreaterThan(20);
    }
  },
);

it('tables of pure garbage never reach beyond DRAM and behave like the model', () => {
  const pair = makeTables(0);
  const guard = (from: number, to: number) => pair.machine.view.buffer.slice(from, to);
  const { machine } = pair;
  const headerBefore = Buffer.from(guard(0x1000, 0x2000));
  fc.assert(
    fc.property(registers, fc.integer(), fc.array(word, { minLength: 1, maxLength: 12 }), (cpu, seed, linears) => {
      let state = seed | 1;
      const words = new Uint32Array(pair.bytes.buffer);
      for (let i = 0; i < words.length; i++) {
        state = (Math.imul(state, 0x915f77f5) + 0x2545f491) | 0;
        words[i] = (state >>> 3) & (i & 1 ? 0 : 0x1bfff) & ((state >> 31) | ~0x78); // mostly small numbers: frames that exist
      }
      machine.bytes.set(pair.bytes);
      pair.set({ ...cpu, cr3: (seed & 7) << 12 });
      pair.flush('all');
      for (const linear of linears) {
        for (const kind of ['read', 'write', 'fetch'] as const) {
          pair.access({ kind, linear, size: 4, value: linear, user: (linear & 1) !== 0 });
        }
      }
      pair.compareTlb();
    }),
    { numRuns: 100 },
  );
  expect(Buffer.compare(headerBefore, Buffer.from(guard(0x1000, 0x2000)))).toBe(0);
});
