/** The prebuilt images and the recorded values are what the sources give, where there is a compiler to ask. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { build, toolchain } from '../../guests/build.mjs';
import { record } from '../../guests/native/record.mjs';

const readJson = (path: string) => JSON.parse(readFileSync(new URL(`../../guests/${path}`, import.meta.url), 'utf8'));
const manifest = readJson('manifest.json');
const scratch = mkdtempSync(join(tmpdir(), 'ringfence-rebuild-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** Why i386 programs cannot be built and run here; empty if they can. */
function missing(): string {
  try {
    writeFileSync(join(scratch, 'probe.c'), '#include <stdio.h>\nint main(void) { return puts("i386") < 0; }\n');
    const options = { cwd: scratch, stdio: 'pipe' } as const;
    execFileSync('gcc', ['-m32', '-o', 'probe', 'probe.c'], options);
    return String(execFileSync('./probe', options)).trim() === 'i386' ? '' : 'i386 programs do not run here';
  } catch {
    return 'no gcc -m32 with an i386 C library that runs here';
  }
}

const noCompiler = missing();
const otherCompiler = noCompiler || (toolchain() === manifest.toolchain ? '' : `built with ${manifest.toolchain}`);
const because = (reason: string): string => (reason ? ` (skipped: ${reason})` : '');

describe('guests', () => {
  it.skipIf(otherCompiler)(`rebuild to the same bytes${because(otherCompiler)}`, { timeout: 60_000 }, () => {
    const built: Map<string, { file: string; bytes: number; sha256: string }> = build(join(scratch, 'images'));
    const listed = Object.entries(manifest.guests as Record<string, { sha256: string }>);
    expect([...built].map(([name, { sha256 }]) => [name, sha256])).toEqual(
      listed.map(([name, { sha256 }]) => [name, sha256]),
    );
  });

  it.skipIf(noCompiler)(`give natively what was recorded${because(noCompiler)}`, { timeout: 60_000 }, () => {
    expect(record()).toEqual(readJson('native/expected.json').results);
  });
});
