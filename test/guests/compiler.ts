/** What there is to build guests with. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why i386 programs cannot be built and run here; empty if they can. */
export function missingCompiler(): string {
  const cwd = mkdtempSync(join(tmpdir(), 'ringfence-probe-'));
  try {
    writeFileSync(join(cwd, 'probe.c'), '#include <stdio.h>\nint main(void) { return puts("i386") < 0; }\n');
    execFileSync('gcc', ['-m32', '-o', 'probe', 'probe.c'], { cwd, stdio: 'pipe' });
    const printed = String(execFileSync(join(cwd, 'probe'), { stdio: 'pipe' })).trim();
    return printed === 'i386' ? '' : 'i386 programs do not run here';
  } catch {
    return 'no gcc -m32 with an i386 C library that runs here';
  } finally {
    rmSync(cwd, { recursive: true });
  }
}

/** For the title of a test that may be skipped. */
export const because = (reason: string): string => (reason ? ` (skipped: ${reason})` : '');
