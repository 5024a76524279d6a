/** Explains a mismatch: the program, where it began, and what differs from the real CPU. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type buildNative, runNative } from './native.js';
import { describeStart, differences, hex, kindName, type Outcome } from './outcome.js';
import type { Program } from './program.js';
import { backgroundPages, fill, PAGES } from './windows.js';

/** The program as objdump shows it, or its bytes where there is no objdump. */
export function disassemble(code: Uint8Array, eip: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'oracle-'));
  try {
    const file = join(folder, 'code');
    writeFileSync(file, code);
    const args = ['-D', '-b', 'binary', '-m', 'i386', '-M', 'intel', `--adjust-vma=0x${hex(eip)}`, file];
    const objdump = spawnSync('objdump', args, { encoding: 'utf8' });
    const lines = (objdump.stdout ?? '').split('\n').filter((line) => /^\s*[0-9a-f]+:\s/.test(line));
    if (objdump.status === 0 && lines.length > 0) return lines.map((line) => `  ${line.trim()}`).join('\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
  return `  ${[...code].map((b) => hex(b, 2)).join(' ')}`;
}

/** Words of memory in which two outcomes differ. */
function memoryDifferences(program: Program, expected: Outcome, actual: Outcome): string[] {
  if (expected.pages === undefined || actual.pages === undefined) return [];
  const before = backgroundPages();
  fill(before, program.state.data);
  const lines: string[] = [];
  for (let i = 0; i < before.length && lines.length < 8; i++) {
    const e = expected.pages[i]!;
    const a = actual.pages[i]!;
    if (e === a) continue;
    const address = PAGES[i >>> 10]! + 4 * (i & 1023);
    lines.push(`  [${hex(address)}] was ${hex(before[i]!)}  expected ${hex(e)}  actual ${hex(a)}`);
  }
  return lines;
}

/** A report on one mismatch. The program is run natively again where that is possible, to show what was expected. */
export function diagnose(
  program: Program,
  actual: Outcome,
  native: ReturnType<typeof buildNative>,
  undefinedFlags: number,
): string {
  const text = [describeStart(program), disassemble(program.code, program.state.eip)];
  if ('path' in native) {
    const expected = runNative(native.path, [program], true)[0]!;
    text.push(`  native: ${kindName(expected.kind)}`, ...differences(program, expected, actual, undefinedFlags));
    text.push(...memoryDifferences(program, expected, actual));
  } else {
    text.push(`  Ringfence ends by ${kindName(actual.kind)} at ${hex(actual.eip)}; the recorded digest differs`);
    text.push(
      `  ${[...actual.gpr].map((v) => hex(v)).join(' ')} eflags ${hex(actual.eflags)} memory ${hex(actual.memory)}`,
    );
  }
  return text.join('\n');
}
