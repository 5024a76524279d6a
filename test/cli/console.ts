/** Runs the command line in this process, with its output in strings. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Machine } from '../../src/cli/io.js';
import { main } from '../../src/cli/program.js';
import { fakeMachine } from './fake-machine.js';

export interface Spoken {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A folder of its own for a test, with three guests: `good`, `crash` and `triple`. */
export class Workspace {
  readonly folder = mkdtempSync(join(tmpdir(), 'ringfence-test-'));

  constructor() {
    const guest = (image: string): object => ({
      file: `${image}.elf`,
      description: '',
      cmdline: '',
      memoryMiB: 4,
      hostile: false,
    });
    const names = ['good', 'crash', 'triple', 'broken'];
    for (const name of names) this.write(`guests/images/${name}.elf`, `${name}\n`);
    this.write(
      'guests/manifest.json',
      JSON.stringify({ guests: Object.fromEntries(names.map((name) => [name, guest(name)])) }),
    );
    this.write('guests/native/expected.json', JSON.stringify({ results: { good: { '': { good: '0badcafe' } } } }));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, text: string): string {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), text);
    return this.path(name);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  async run(argv: readonly string[], world: World = {}): Promise<Spoken> {
    let out = '';
    let err = '';
    const isTerminal = world.terminal ?? false;
    const code = await main(argv, {
      out: {
        write: (text) => {
          out += text;
        },
        isTerminal,
        columns: 80,
      },
      err: {
        write: (text) => {
          err += text;
        },
        isTerminal,
        columns: 80,
      },
      env: world.env ?? {},
      parallelism: 2,
      signal: world.signal ?? new AbortController().signal,
      guests: world.guests ?? this.path('guests'),
      versions: { ringfence: '0.0.0-test' },
      machine: async () => world.machine ?? fakeMachine(),
    });
    return { code, out, err };
  }
}

export interface World {
  readonly machine?: Machine;
  readonly env?: Record<string, string>;
  readonly terminal?: boolean;
  readonly signal?: AbortSignal;
  /** Default: the three guests of the workspace. */
  readonly guests?: string;
}
