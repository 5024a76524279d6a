/** Compares a corpus as recorded with Ringfence: what the test files share. */
import { expect, it } from 'vitest';
import { diagnose } from './diagnose.js';
import type { Corpus } from './generate.js';
import { goldenPath, readGolden } from './golden.js';
import { findCore, Machine } from './machine.js';
import { buildNative } from './native.js';
import { digest } from './outcome.js';

const MAX_SHOWN = 5;

/** Every eighth case runs in budgets of one instruction: slicing must change nothing. */
export function sliceOf(index: number): number {
  return index % 8 === 7 ? 1 : 0;
}

/** A machine over the built core; throws without one. */
export function newMachine(): Machine {
  const core = findCore();
  if (!('path' in core)) throw new Error(core.reason);
  return new Machine(core.path);
}

export function testRecorded(corpus: Corpus): void {
  it(`${corpus.name}: the ${corpus.cases} recorded cases`, { timeout: 120_000 }, () => {
    const machine = newMachine();
    const golden = readGolden(goldenPath(corpus.name));
    const shown: string[] = [];
    let cases = 0;
    let mismatches = 0;
    for (const recorded of golden.cases()) {
      const actual = machine.run(recorded, sliceOf(recorded.index));
      cases++;
      if (digest(actual, recorded.undefined) === recorded.digest) continue;
      if (++mismatches > MAX_SHOWN) continue;
      const again = machine.run(recorded, 0, true);
      shown.push(diagnose({ ...recorded, marks: [] }, again, buildNative(), recorded.undefined));
    }
    expect(mismatches, shown.join('\n\n')).toBe(0);
    expect(cases).toBe(golden.header.recorded);
  });
}
