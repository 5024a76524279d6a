/** Every form against the real CPU: the recorded slice everywhere, fresh cases where gcc -m32 exists. */
import { describe, expect, it } from 'vitest';
import { difference } from './compare.js';
import { FORM_SETS } from './forms.js';
import type { Form } from './forms-x87.js';
import { makeCases, readGolden } from './golden.js';
import { FpuMachine } from './machine.js';
import { buildNative, runNative } from './native.js';
import { Case, describeCase, RECORD_SIZE } from './record.js';

const machine = new FpuMachine();
const native = buildNative();
const LIVE_CASES = Number(process.env.FPU_CASES ?? 150);

/** The first mismatch of a form in words, or undefined. */
function mismatch(form: Form, before: Uint8Array, after: Uint8Array): string | undefined {
  const actual = before.slice();
  for (let i = 0; i * RECORD_SIZE < before.length; i++) {
    const [b, a, e] = [new Case(before, i), new Case(actual, i), new Case(after, i)];
    machine.run(a);
    const found = difference(b, a, e, form);
    if (found === undefined) continue;
    return `${form.name}, case ${i}: ${found}\n${describeCase(b)}\nours\n${describeCase(a)}\nCPU\n${describeCase(e)}`;
  }
  return undefined;
}

describe.each(FORM_SETS)('$name', (set) => {
  it('equals what a real CPU did in the recorded cases', () => {
    for (const { form, before, after } of readGolden(set)) expect(mismatch(form, before, after)).toBeUndefined();
  });

  it.skipIf(!('path' in native))(
    `equals this CPU in fresh cases${'reason' in native ? ` (skipped: ${native.reason})` : ''}`,
    () => {
      if (!('path' in native)) return;
      for (const form of set.forms) {
        const before = makeCases(set, form, LIVE_CASES, 4711);
        expect(mismatch(form, before, runNative(native.path, before))).toBeUndefined();
      }
    },
    60_000,
  );
});
