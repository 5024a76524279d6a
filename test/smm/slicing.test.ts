/**
 * How a run of a protected vCPU is cut into budgets changes nothing, wherever the cut falls in fills, evictions, checks and new keys: registers,
 * memory, counters, console, what the SMM counted, and every byte of DRAM.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PROTECTIONS } from '../../src/hypervisor/smm.js';
import { randomSlices, runSliced } from '../cpu/sliced.js';

const GUESTS: readonly (readonly [guest: string, cmdline: string, steps: number])[] = [
  ['rings', 'procs=3 n=2000', 60_000], // ring 3, INT 0x80, timer interrupts
  ['smc', 'n=200', 60_000], // code written ahead, behind and in other pages
  ['paging', 'rounds=1', 60_000], // demand paging in a #PF handler: guest page tables are in the buffer as well
  ['pchase', 'kb=512', 200_000], // more pages than slots, at random
];
const SLOTS = 32; // the least

describe('slicing of a protected guest', () => {
  for (const [guest, cmdline, steps] of GUESTS) {
    it.each(PROTECTIONS.filter((name) => name !== 'none'))(
      `${guest} with %s: no cut changes anything`,
      (protection) => {
        const unit = { protection, slots: SLOTS };
        const whole = runSliced(guest, cmdline, steps, () => steps, unit);
        expect(whole.steps).toBeGreaterThan(steps / 2);
        expect(whole.smm.fills).toBeGreaterThan(5);
        if (guest === 'pchase') expect(whole.smm.evictions).toBeGreaterThan(50);
        fc.assert(
          fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.constantFrom(2, 30, 700), (seed, scale) => {
            expect(runSliced(guest, cmdline, steps, randomSlices(seed, scale), unit)).toEqual(whole);
          }),
          { numRuns: 5 },
        );
      },
    );
  }

  it('one step at a time is the same too', () => {
    const unit = { protection: 'ctr+mac+tree', slots: SLOTS } as const;
    expect(runSliced('smc', 'n=2', 30_000, () => 1, unit)).toEqual(runSliced('smc', 'n=2', 30_000, () => 30_000, unit));
  });
});
