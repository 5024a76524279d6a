/** Compiles native.c and runs cases on the real CPU. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RECORD_SIZE } from './record.js';

const SOURCE = join(dirname(fileURLToPath(import.meta.url)), 'native.c');

/** Returns the harness's path, compiling it when it is older than its source, or the reason why there is none. */
export function buildNative(): { path: string } | { reason: string } {
  if (process.arch !== 'x64' || process.platform !== 'linux') return { reason: 'not Linux on x86-64' };
  const path = join(tmpdir(), `ringfence-fpu-${process.getuid?.() ?? 0}`, 'native');
  if (!existsSync(path) || statSync(path).mtimeMs < statSync(SOURCE).mtimeMs) {
    mkdirSync(dirname(path), { recursive: true });
    const fresh = `${path}.${process.pid}`;
    const args = ['-m32', '-O1', '-fno-pie', '-no-pie', '-o', fresh, SOURCE];
    const gcc = spawnSync('gcc', args, { encoding: 'utf8' });
    if (gcc.error !== undefined) return { reason: 'no gcc' };
    if (gcc.status !== 0) return { reason: `gcc -m32 failed: ${gcc.stderr.split('\n')[0]}` };
    spawnSync('mv', [fresh, path]);
  }
  return { path };
}

/** Runs a batch natively and returns the records after it. */
export function runNative(path: string, records: Uint8Array): Uint8Array {
  const child = spawnSync(path, [], { input: records, maxBuffer: records.length + RECORD_SIZE });
  if (child.status !== 0 || child.stdout.length !== records.length) {
    throw new Error(`native harness ended with ${child.signal ?? child.status} after ${child.stdout.length} bytes`);
  }
  return new Uint8Array(child.stdout);
}
