/**
 * Ringfence against the processor of this machine, on fresh random programs.
 *
 *   ORACLE_CASES=1000000 npx vitest run test/oracle/live.test.ts     a longer run
 *   ORACLE_SEED=1234     …                                           the same run again
 */
import { describe, expect, it } from 'vitest';
import { diagnose } from './diagnose.js';
import { CORPORA, generator } from './generate.js';
import { buildNative, runComparable } from './native.js';
import { digest } from './outcome.js';
import { caseSeed } from './random.js';
import { newMachine, sliceOf } from './recorded.js';
import { uncomparedFlags, vendorHere } from './vendor.js';

const BATCH = 5000;
const MAX_SHOWN = 5;

describe('the real CPU of this machine', () => {
  const total = Number(process.env.ORACLE_CASES ?? 20_000);
  const seed = Number(process.env.ORACLE_SEED ?? Date.now() % 0x7fffffff);
  const native = buildNative();
  const skipped = 'path' in native ? '' : ` (skipped: ${native.reason})`;

  it.skipIf(skipped !== '')(`${total} fresh cases, seed ${seed}${skipped}`, { timeout: 60_000 + total }, () => {
    if (!('path' in native)) return;
    const machine = newMachine();
    const vendor = vendorHere();
    const shown: string[] = [];
    let compared = 0;
    let mismatches = 0;
    for (const [k, corpus] of CORPORA.entries()) {
      const generate = generator(corpus.mixture);
      const count = Math.ceil(total / CORPORA.length);
      for (let first = 0; first < count; first += BATCH) {
        const programs = Array.from({ length: Math.min(BATCH, count - first) }, (_, i) =>
          generate(caseSeed(seed + k, first + i)),
        );
        const outcomes = runComparable(native.path, programs);
        for (const [i, program] of programs.entries()) {
          const expected = outcomes[i];
          if (expected === undefined) continue;
          compared++;
          const actual = machine.run(program, sliceOf(i));
          const undefinedFlags = uncomparedFlags(vendor, program, expected);
          if (digest(expected, undefinedFlags) === digest(actual, undefinedFlags)) continue;
          if (++mismatches > MAX_SHOWN) continue;
          shown.push(`${corpus.name}\n${diagnose(program, machine.run(program, 0, true), native, undefinedFlags)}`);
        }
      }
    }
    expect(mismatches, `seed ${seed}\n${shown.join('\n\n')}`).toBe(0);
    expect(compared).toBeGreaterThan(0.97 * total);
  });
});
