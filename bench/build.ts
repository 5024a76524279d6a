/**
 * What must be built before a bench runs: the machine (by src/build/ensure.ts, as `npm start` does) and build/bench.wasm,
 * the loops of assembly/bench.ts. Contents are compared, not times.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digest } from '../src/build/ensure.js';
import { packageRoot } from '../src/machine/core.js';

const root = packageRoot();

/** Builds the machine if it is stale. Throws if that fails. */
export function buildMachine(): void {
  const args = [join(root, 'node_modules/tsx/dist/cli.mjs'), 'src/build/ensure.ts'];
  execFileSync(process.execPath, args, { cwd: root, stdio: ['ignore', 2, 2] });
}

let loops: WebAssembly.Module | undefined;

/** The compiled loops. Throws if they cannot be built. */
export function loopModule(): WebAssembly.Module {
  if (loops !== undefined) return loops;
  const file = join(root, 'build/bench.wasm');
  const stamp = join(root, 'build/bench.stamp');
  const sources = ['assembly/bench.ts', 'assembly/layout.ts', 'assembly/record.ts', 'assembly/cpu', 'assembly/mmu'];
  const wanted = digest(root, [...sources, 'asconfig.json', 'package-lock.json']);
  if (!existsSync(file) || !existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
    const staging = mkdtempSync(join(tmpdir(), 'ringfence-bench-'));
    try {
      const built = join(staging, 'bench.wasm');
      const asc = join(root, 'node_modules/assemblyscript/bin/asc.js');
      const args = [asc, 'assembly/bench.ts', '--target', 'release', '--outFile', built];
      execFileSync(process.execPath, args, { cwd: root, stdio: ['ignore', 2, 2] });
      const beside = `${file}.${process.pid}`;
      writeFileSync(beside, readFileSync(built)); // the staging folder may be on another file system
      renameSync(beside, file);
      writeFileSync(stamp, wanted);
    } finally {
      rmSync(staging, { recursive: true, force: true });
    }
  }
  loops = new WebAssembly.Module(readFileSync(file));
  return loops;
}
