/** Random bytes in every mode: no trap, no hang, nothing outside the domain touched. `npx tsx test/fuzz/soak.ts` runs millions. */
import { describe, expect, it } from 'vitest';
import { FuzzMachine } from './machine.js';

describe('random code', () => {
  for (const seed of [1, 2026, 0xdeadbeef]) {
    it(`100,000 strings from seed ${seed} stay inside their domain`, () => {
      const report = new FuzzMachine(seed).run(100_000);
      expect(report.cases).toBe(100_000);
      // The strings really execute, fault and exit in several ways; an arrangement that ran nothing would prove nothing.
      expect(report.steps).toBeGreaterThan(300_000);
      expect(report.exceptions).toBeGreaterThan(50_000);
      expect(report.exits.size).toBeGreaterThanOrEqual(5);
    });
  }
});
