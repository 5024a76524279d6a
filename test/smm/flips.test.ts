/** Bits flipped in DRAM while domains sleep, and what running guests make of it; `flips-soak.ts` does 100,000. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Protection } from '../../src/hypervisor/types.js';
import { type Flip, FlippedHosts, type Tally, targetsOf } from './flips.js';

const DOMAINS = 24;
const RUNS = 28;

function flip(protection: Protection): fc.Arbitrary<Flip> {
  return fc.record({
    target: fc.constantFrom(...targetsOf(protection)),
    choice: fc.nat(2 ** 30),
    bit: fc.nat(63),
  });
}

describe('bits flipped in DRAM', () => {
  it.each<[Protection, number]>([
    ['xts', 4],
    ['ctr', 4],
    ['xts+mac', RUNS],
    ['ctr+mac', RUNS],
    ['ctr+mac+tree', RUNS],
  ])(
    '%s: what a guest reads again is right, or the guest is stopped, and its neighbours do not notice',
    async (mode, runs) => {
      const hosts = new FlippedHosts(mode, DOMAINS + 1); // the last domain is left alone
      const total: Tally = { detected: 0, unread: 0, garbled: 0 };
      const flips = fc.array(flip(mode), { minLength: DOMAINS, maxLength: DOMAINS });
      await fc.assert(
        fc.asyncProperty(flips, async (each) => {
          const tally = await hosts.inject(each);
          for (const key of ['detected', 'unread', 'garbled'] as const) total[key] += tally[key];
        }),
        { numRuns: runs, endOnFailure: true },
      );
      const checks = mode.includes('mac');
      expect(total.detected + total.unread + total.garbled).toBe(runs * DOMAINS);
      expect(total.garbled > 0).toBe(!checks);
      expect(total.detected > (runs * DOMAINS) / 3).toBe(checks);
      expect(total.unread).toBeGreaterThan(0);
    },
    240_000,
  );
});
