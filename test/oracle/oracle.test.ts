/**
 * Ringfence against the real CPU: every recorded case, and, where this machine can run them, fresh random ones.
 *
 *   ORACLE_CASES=1000000 npx vitest run test/oracle     a longer live run
 *   ORACLE_SEED=1234     …                              the same live run again
 */
import { describe, expect, it } from 'vitest';
import { diagnose } from './diagnose.js';
import { CORPORA, generator } from './generate.js';
import { goldenPath, readGolden } from './golden.js';
import { findCore, Machine } from './machine.js';
import { buildNative, runComparable } from './native.js';
import { digest } from './outcome.js';
import { undefinedAt } from './program.js';
import { caseSeed } from './random.js';

const core = findCore();
if (!('path' in core)) throw new Error(core.reason);
const machine = new Machine(core.path);
const native = buildNative();
const MAX_SHOWN = 5;

/** Every eighth case runs in budgets of one instruction: slicing must change nothing. */
function sliceOf(index: number): number {
  return index % 8 === 7 ? 1 : 0;
}

describe('recorded results of the real CPU', () => {
  for (const corpus of CORPORA) {
    it(`${corpus.name}: ${corpus.cases} cases`, { timeout: 120_000 }, () => {
      const golden = readGolden(goldenPath(corpus.name));
      const shown: string[] = [];
      let cases = 0;
      let mismatches = 0;
      for (const recorded of golden.cases()) {
        const actual = machine.run(recorded.state, recorded.code, sliceOf(recorded.index));
        cases++;
        if (digest(actual, recorded.undefined) === recorded.digest) continue;
        if (++mismatches <= MAX_SHOWN) {
          shown.push(diagnose({ ...recorded, marks: [], alignment: [] }, actual, native, recorded.undefined));
        }
      }
      expect(cases).toBe(golden.header.recorded);
      expect(mismatches, shown.join('\n\n')).toBe(0);
    });
  }
});

describe('the real CPU of this machine', () => {
  const total = Number(process.env.ORACLE_CASES ?? 20_000);
  const seed = Number(process.env.ORACLE_SEED ?? Date.now() % 0x7fffffff);
  const reason = 'path' in native ? undefined : native.reason;

  it.skipIf(reason !== undefined)(
    `${total} fresh cases, seed ${seed}${reason === undefined ? '' : ` (skipped: ${reason})`}`,
    { timeout: 60_000 + total },
    () => {
      if (!('path' in native)) return;
      const shown: string[] = [];
      let mismatches = 0;
      for (const [k, corpus] of CORPORA.entries()) {
        const generate = generator(corpus.mixture);
        const count = Math.ceil(total / CORPORA.length);
        for (let first = 0; first < count; first += 5000) {
          const programs = Array.from({ length: Math.min(5000, count - first) }, (_, i) =>
            generate(caseSeed(seed + k, first + i)),
          );
          const outcomes = runComparable(native.path, programs);
          for (const [i, program] of programs.entries()) {
            const expected = outcomes[i];
            if (expected === undefined) continue;
            const actual = machine.run(program.state, program.code, sliceOf(i));
            const undefinedFlags = undefinedAt(program, expected.eip);
            if (digest(expected, undefinedFlags) === digest(actual, undefinedFlags)) continue;
            if (++mismatches <= MAX_SHOWN) shown.push(diagnose(program, actual, native, undefinedFlags));
          }
        }
      }
      expect(mismatches, `seed ${seed}\n${shown.join('\n\n')}`).toBe(0);
    },
  );
});
