/** A folder that looks like a clone after `npm start`, to type a document's commands in. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { type Ended, ended } from '../child.js';

const ROOT = resolve(import.meta.dirname, '../..');
/** What commands and scenarios of the documents name. Results go beside it, into the scratch folder. */
const SEEN = ['package.json', 'node_modules', 'dist', 'build', 'guests', 'scenarios', 'docs'];

export class Scratch {
  readonly path = mkdtempSync(join(tmpdir(), 'ringfence-docs-'));
  private readonly env: NodeJS.ProcessEnv;

  constructor() {
    for (const name of SEEN) symlinkSync(join(ROOT, name), this.at(name));
    mkdirSync(this.at('bin'));
    mkdirSync(this.at('tmp'));
    this.program('ringfence', `exec "${process.execPath}" "${join(ROOT, 'dist/src/cli/main.js')}" "$@"`);
    // npm's own takes longer to find the command than the command takes; one test asks it.
    this.program('npx', 'exec "$@"');
    const own = Object.entries(process.env).filter(([name]) => !/^(RINGFENCE|VITEST|NODE_OPTIONS)/.test(name));
    this.env = { ...Object.fromEntries(own), PATH: `${this.at('bin')}${delimiter}${process.env.PATH}` };
  }

  private program(name: string, line: string): void {
    writeFileSync(this.at(`bin/${name}`), `#!/bin/sh\n${line}\n`);
    chmodSync(this.at(`bin/${name}`), 0o755);
  }

  at(name: string): string {
    return join(this.path, name);
  }

  write(name: string, text: string): void {
    writeFileSync(this.at(name), text);
  }

  /** Types one line into a shell; folders of all users become folders of this one. */
  type(line: string): Promise<Ended> {
    const text = line.replaceAll(' /tmp/', ` ${this.at('tmp')}/`);
    const child = spawn('/bin/bash', ['-c', `set -o pipefail; ${text}`], {
      cwd: this.path,
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return ended(child);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
