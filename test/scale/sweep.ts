/** A sweep of short cells on the real machine, and the command as processes of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Ended, ended } from '../child.js';

export const CELLS = 12;

/** Slow enough to be killed in the middle, fast enough for a test. Two cells each share their boot. */
const SCENARIO = `title: Random reads
host: { pcpus: 1 }
domains:
  chase: { guest: pchase, memory: 8MiB, expect: { outcome: poweroff } }
boot: { retired: 100k }
sweep:
  grid:
    domains.chase.cmdline: { as: size, values: [kb=16, kb=64] }
    domains.chase.cap: { as: cap, values: [0, 50] }
repeat: 3
`;

export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'ringfence-scale-'));
  readonly scenario = join(this.path, 'sweep.yaml');

  constructor() {
    writeFileSync(this.scenario, SCENARIO);
  }

  at(name: string): string {
    return join(this.path, name);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

const ROOT = resolve(import.meta.dirname, '../..');

/** argv of the command, from source. */
export const COMMAND = [process.execPath, '--import', 'tsx', join(ROOT, 'src/cli/main.ts')] as const;

export function start(...argv: readonly string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const [program, ...rest] = COMMAND;
  const child = spawn(program, [...rest, ...argv], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  return { child, ended: ended(child) };
}
