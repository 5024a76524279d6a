/**
 * Runs cases of every form on our FPU and on the real CPU and prints what differs:
 *
 *   npx tsx test/fpu/diff.ts [cases per form] [seed] [regular expression of form names] [v|exact]
 *
 * v: print the first wrong case of each form; exact: count a transcendental result that is 1 ulp off as wrong.
 */
import { difference } from './compare.js';
import { FORM_SETS } from './forms.js';
import { makeCases } from './golden.js';
import { FpuMachine } from './machine.js';
import { buildNative, runNative } from './native.js';
import { Case, describeCase } from './record.js';

const [count, seed, pattern] = [Number(process.argv[2] ?? 1000), Number(process.argv[3] ?? 1), process.argv[4] ?? ''];
const native = buildNative();
if (!('path' in native)) throw new Error(native.reason);
const machine = new FpuMachine();
let total = 0;
let failures = 0;
for (const set of FORM_SETS) {
  for (const form of set.forms) {
    if (!new RegExp(pattern).test(form.name)) continue;
    const before = makeCases(set, form, count, seed);
    const expected = runNative(native.path, before);
    const actual = before.slice();
    const reasons = new Map<string, number>();
    let wrong = 0;
    let off = 0;
    let first: number | undefined;
    for (let i = 0; i < count; i++) {
      const a = new Case(actual, i);
      machine.run(a);
      const [b, e] = [new Case(before, i), new Case(expected, i)];
      const reason = difference(b, a, e, process.argv[5] === 'exact' ? { ...form, ulp: 0 } : form);
      if (form.ulp > 0 && difference(b, a, e, { ...form, ulp: 0 })) off++;
      if (reason === undefined) continue;
      wrong++;
      first ??= i;
      const key = reason.replace(/[0-9a-f]{4}:[0-9a-f]{16}/g, 'X');
      reasons.set(key, (reasons.get(key) ?? 0) + 1);
    }
    total += count;
    failures += wrong;
    if (form.ulp > 0) console.log(`${form.name}: ${off} of ${count} not bit-equal`);
    if (first !== undefined) {
      const [b, a, e] = [new Case(before, first), new Case(actual, first), new Case(expected, first)];
      console.log(`── ${form.name}: ${wrong} of ${count} wrong; ${difference(b, a, e, form)}`);
      const top = [...reasons].sort((p, q) => q[1] - p[1]).slice(0, 6);
      for (const [reason, n] of top) console.log(`     ${n} × ${reason}`);
      if (process.argv[5] !== undefined) {
        console.log(`before\n${describeCase(b)}\nactual\n${describeCase(a)}\nexpected\n${describeCase(e)}`);
      }
    }
  }
}
console.log(`${total} cases, ${failures} wrong`);
process.exitCode = failures === 0 ? 0 : 1;
