/**
 * No counter block is ever used twice under one key.
 *
 * A model of what the datapath does with counters: pages of several domains are written back in any order, the counters kept in DRAM are
 * rolled back at will, keys are replaced when their numbers are used up. Every block that any write-back encrypts is recorded.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PAGE, SmmUnit } from './unit.js';

const unit = new SmmUnit();
const scratch = unit.allocate(unit.constant('SMM_SCRATCH_SIZE'));
const page = unit.allocate(PAGE);
const schedule = unit.schedule(Buffer.alloc(16, 9));
const cells = Array.from({ length: 3 }, () => unit.allocate(8));

/** The key of a domain: its cell, and how often it was replaced. */
interface Key {
  readonly cell: number;
  generation: number;
}

type Step =
  | { readonly kind: 'write-back'; readonly domain: number; readonly page: number }
  | { readonly kind: 'roll-back'; readonly domain: number; readonly page: number };

const DOMAINS = cells.length;
const steps = (limit: number): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.record({
      kind: fc.constantFrom('write-back' as const, 'write-back' as const, 'roll-back' as const),
      domain: fc.integer({ min: 0, max: DOMAINS - 1 }),
      page: fc.integer({ min: 0, max: 4 }),
    }),
    { minLength: limit, maxLength: 6 * limit },
  );

/** The counter block of block `index` as the machine forms it, from the keystream's own definition (assembly/smm/ctr.ts). */
function counterBlock(page: number, counter: bigint, index: number): string {
  const block = Buffer.alloc(16);
  block.writeUInt32BE(page, 0);
  block.writeBigUInt64BE(counter, 7);
  block[15] = index;
  return block.toString('hex');
}

describe('counterNext', () => {
  it('never gives a (key, page, counter) twice, whatever happens to counters in DRAM, and across forced wraps', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }).chain((n) => fc.tuple(fc.constant(n), steps(n))),
        ([limit, list]) => {
          const keys: Key[] = cells.map((cell) => ({ cell, generation: 0 }));
          for (const cell of cells) unit.view.setBigUint64(cell, 0n, true);
          const stored = new Map<string, bigint>(); // in DRAM: the attacker's
          const used = new Set<string>();
          let rekeyed = 0;
          for (const { kind, domain, page } of list) {
            const key = keys[domain]!;
            const place = `${domain}/${page}`;
            if (kind === 'roll-back') {
              stored.set(place, 0n);
              continue;
            }
            let counter = unit.call.counterNext(key.cell, BigInt(limit));
            if (counter === 0n) {
              expect(unit.view.getBigUint64(key.cell, true)).toBe(BigInt(limit)); // and it stays so
              expect(unit.call.counterNext(key.cell, BigInt(limit))).toBe(0n);
              key.generation++;
              unit.view.setBigUint64(key.cell, 0n, true);
              rekeyed++;
              counter = unit.call.counterNext(key.cell, BigInt(limit));
            }
            expect(counter >= 1n && counter <= BigInt(limit)).toBe(true);
            stored.set(place, counter);
            const name = `${domain}.${key.generation}:${counterBlock(page, counter, 0)}`;
            expect(used.has(name)).toBe(false);
            used.add(name);
          }
          const writes = list.filter(({ kind }) => kind === 'write-back').length;
          expect(used.size).toBe(writes);
          expect(rekeyed).toBeGreaterThanOrEqual(Math.ceil(writes / limit) - DOMAINS);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('ends at 2^56', () => {
    const limit = BigInt.asUintN(
      64,
      (unit.call as unknown as { COUNTER_LIMIT: { value: bigint } }).COUNTER_LIMIT.value,
    );
    expect(limit).toBe(1n << 56n);
    const cell = unit.allocate(8);
    unit.view.setBigUint64(cell, limit - 1n, true);
    expect(unit.call.counterNext(cell, limit)).toBe(limit);
    expect(unit.call.counterNext(cell, limit)).toBe(0n);
  });
});

describe('counter blocks', () => {
  it('differ when page, counter or index differ', () => {
    const triple = fc.tuple(
      fc.integer({ min: 0, max: 0xffffffff }),
      fc.bigInt({ min: 0n, max: 1n << 56n }),
      fc.integer({ min: 0, max: 255 }),
    );
    fc.assert(
      fc.property(triple, triple, (a, b) => {
        expect(counterBlock(...a) === counterBlock(...b)).toBe(a.every((value, i) => value === b[i]));
      }),
    );
  });

  it('of neighbouring pages and counters give keystreams without a common block', () => {
    const seen = new Map<string, string>();
    for (const number of [0, 1, 2, 255, 256, 0x00ffffff, 0x01000000, 0xffffffff]) {
      for (const counter of [0n, 1n, 2n, 255n, 256n, 0xffffffffn, 1n << 32n, (1n << 56n) - 1n, 1n << 56n]) {
        unit.u8.fill(0, page, page + PAGE);
        unit.call.ctrPage(schedule, scratch, number, counter, page, page);
        for (let i = 0; i < 256; i++) {
          const block = unit.get(page + i * 16, 16).toString('hex');
          const name = `page ${number}, counter ${counter}, block ${i}`;
          expect(seen.get(block), name).toBeUndefined(); // AES is a permutation: equal output means equal counter block
          seen.set(block, name);
        }
      }
    }
    expect(seen.size).toBe(8 * 9 * 256);
  });
});
