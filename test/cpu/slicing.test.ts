/**
 * How a run is cut into budgets changes nothing: registers, memory, counters and console after N steps are the same for
 * any slicing of N, with timer interrupts, self-modifying code, page faults and repeated string instructions in flight.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomSlices, runSliced } from './sliced.js';

const CASES: [guest: string, cmdline: string, steps: number][] = [
  ['rings', 'procs=3 n=2000', 400_000], // ring 3, INT 0x80, timer interrupts
  ['smc', 'n=200', 250_000], // code written ahead, behind and in other pages
  ['paging', 'rounds=1', 250_000], // demand paging in a #PF handler
  ['strings', 'rounds=1', 250_000], // REP MOVS, STOS, SCAS, CMPS
  ['hostile-garbage', '', 200_000], // rubbish as code
];

describe('slicing', () => {
  for (const [guest, cmdline, steps] of CASES) {
    it(`${guest}: any cut of ${steps} steps gives the same state, counters and console`, () => {
      const whole = runSliced(guest, cmdline, steps, () => steps);
      expect(whole.steps).toBeGreaterThan(50_000);
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.constantFrom(3, 40, 300, 5_000), (seed, scale) => {
          expect(runSliced(guest, cmdline, steps, randomSlices(seed, scale))).toEqual(whole);
        }),
        { numRuns: 25 },
      );
    });
  }

  it('one step at a time is the same too', () => {
    const steps = 30_000;
    expect(runSliced('smc', 'n=2', steps, () => 1)).toEqual(runSliced('smc', 'n=2', steps, () => steps));
  });
});
