/** Every form against the real CPU: the recorded slice everywhere, fresh cases where gcc -m32 exists. */
import { describe, expect, it } from 'vitest';
import { difference } from './compare.js';
import { FORM_SETS } from './forms.js';
import type { Form } from './forms-x87.js';
import { makeCases, readGolden } from './golden.js';
import { FpuMachine } from './machine.js';
import { buildNative, runNative } from './native.js';
import { Case, CODE, describeCase, FCW, MXCSR, RECORD_SIZE, TRAP } from './record.js';

const machine = new FpuMachine();
const native = buildNative();
const LIVE_CASES = Number(process.env.FPU_CASES ?? 100);

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
  }, 60_000);

  it.skipIf(!('path' in native))(
    `equals this CPU in fresh cases${'reason' in native ? ` (skipped: ${native.reason})` : ''}`,
    () => {
      if (!('path' in native)) return;
      const batches = set.forms.map((form) => makeCases(set, form, LIVE_CASES, 4711));
      const after = runNative(native.path, Buffer.concat(batches));
      for (const [i, form] of set.forms.entries()) {
        const size = LIVE_CASES * RECORD_SIZE;
        expect(mismatch(form, batches[i]!, after.subarray(i * size, (i + 1) * size))).toBeUndefined();
      }
    },
    60_000,
  );
});

describe('undefined encodings', () => {
  // Defined on newer CPUs only: SSE3 (MOVDDUP MOVSLDUP MOVSHDUP), SSE4A (MOVNTSD MOVNTSS), XSAVE, CLWB, CLFLUSHOPT,
  // PTWRITE, WAITPKG (UMONITOR UMWAIT TPAUSE)
  const LATER = /^(f[23]0f1[26]|f[23]0f2b|(66)?0fae(0|1|2|3)[0-9a-f]|f30fae(26|e0)|(66|f[23])0faef0)/;

  it.skipIf(!('path' in native))('raise #UD exactly where this CPU does', () => {
    if (!('path' in native)) return;
    const codes: number[][] = [];
    for (let opcode = 0xd8; opcode <= 0xdf; opcode++) {
      for (let modrm = 0xc0; modrm < 0x100; modrm++) codes.push([opcode, modrm]);
      for (let reg = 0; reg < 8; reg++) codes.push([opcode, (reg << 3) | 6]);
    }
    for (const prefix of [0, 0x66, 0xf2, 0xf3]) {
      for (let opcode = 0x10; opcode < 0x100; opcode++) {
        if (!machine.fpu.sseOpcode(opcode)) continue;
        const group = opcode === 0xae || (opcode >= 0x71 && opcode <= 0x73);
        for (let reg = 0; reg < (group ? 8 : 3); reg++) {
          for (const mod of [0xc0, 6]) codes.push([...(prefix ? [prefix] : []), 0x0f, opcode, mod | (reg << 3), 1]);
        }
      }
    }
    const before = new Uint8Array(codes.length * RECORD_SIZE);
    for (const [i, code] of codes.entries()) {
      const c = new Case(before, i);
      c.bytes.fill(0x90, CODE, CODE + 12);
      c.bytes.set(code, CODE);
      c.set16(FCW, 0x37f);
      c.set32(MXCSR, 0x1f80);
    }
    const after = runNative(native.path, before);
    const wrong: string[] = [];
    for (const [i, code] of codes.entries()) {
      const c = new Case(before.slice(i * RECORD_SIZE, (i + 1) * RECORD_SIZE), 0);
      machine.run(c);
      const name = Buffer.from(code).toString('hex');
      const undefinedHere = c.u32(TRAP) === 256 + 6;
      // FISTTP came with SSE3
      if (/^d[bdf]0e/.test(name) || LATER.test(name)) continue;
      if (undefinedHere !== (new Case(after, i).u32(TRAP) === 256 + 6)) wrong.push(name);
    }
    expect(wrong).toEqual([]);
  });
});
