/**
 * npm run bench                                     all micro benches
 * npm run bench -- <name> [--json] [--rounds n]     one bench
 * npm run bench -- --list                           their names
 *
 * Exit codes: 0 done, 1 a bench failed or its subjects disagree, 2 usage.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../src/machine/core.js';
import { buildMachine } from './build.js';
import { runFork } from './fork.js';
import { MICRO_BENCHES } from './micro/benches.js';
import { runMicro } from './micro/run.js';
import { runPageSharing } from './page-sharing.js';
import { ENGINE_NAMES } from './peers/engines.js';
import { runEvents } from './peers/events.js';
import { runHypervisor } from './peers/hypervisor.js';
import type { PeerOptions } from './peers/measure.js';
import { runPeers } from './peers/peers.js';
import { BenchError, type Progress, progressTo } from './progress.js';
import { type Row, table } from './report.js';
import { runSmm } from './smm.js';
import { runSweep } from './sweep.js';

interface Entry {
  readonly name: string;
  readonly about: string;
  readonly rounds: number;
  /** Runs without a name given. */
  readonly usual: boolean;
  readonly run: (options: PeerOptions, progress: Progress) => Promise<Outcome>;
}

interface Outcome {
  readonly rows: readonly Row[];
  /** Lines below the table. */
  readonly summary?: readonly string[];
}

const ENTRIES: readonly Entry[] = [
  ...MICRO_BENCHES.map((bench) => ({
    name: bench.name,
    about: bench.about,
    rounds: 9,
    usual: true,
    run: async (options: PeerOptions, progress: Progress) => ({ rows: await runMicro(bench, options, progress) }),
  })),
  {
    name: 'peers',
    about: 'whole guests on Ringfence and, where installed, QEMU TCG, v86 and the real CPU (minutes; only by name)',
    rounds: 3,
    usual: false,
    run: runPeers,
  },
  {
    name: 'events',
    about: 'CR3 reloads, TLB misses, faults, interrupts, exits, port I/O on the same engines (only by name)',
    rounds: 5,
    usual: false,
    run: runEvents,
  },
  {
    name: 'fork',
    about: 'forks, resets and ends of a booted domain beside its creation; memory per fork (only by name)',
    rounds: 5,
    usual: false,
    run: runFork,
  },
  {
    name: 'page-sharing',
    about: 'a pass over the pages of 32 equal guests: CPU time per page, frames given back (only by name)',
    rounds: 5,
    usual: false,
    run: runPageSharing,
  },
  {
    name: 'smm',
    about: 'page encryption beside node:crypto, C and @noble/ciphers, and the modes beside each other (only by name)',
    rounds: 9,
    usual: false,
    run: runSmm,
  },
  {
    name: 'hypervisor',
    about: "the hypervisor's own paths on Ringfence: exits, upcalls, events, grants (only by name)",
    rounds: 5,
    usual: false,
    run: runHypervisor,
  },
  {
    name: 'sweep',
    about: 'a batch of 1,000 short cells beside the same cells in bare loops: overhead and memory (only by name)',
    rounds: 1,
    usual: false,
    run: runSweep,
  },
];

const USAGE = `usage: npm run bench -- [name …] [--list] [--json] [--rounds n] [--clock wall|cpu] [--no-build]
       peers and events: [--engines a,b,…]; peers: [--kernel elf] [--no-guests]`;

class UsageError extends Error {}

async function main(argv: readonly string[]): Promise<number> {
  const { values, names } = parse(argv);
  if (values.list) {
    const width = Math.max(...ENTRIES.map(({ name }) => name.length));
    process.stdout.write(ENTRIES.map(({ name, about }) => `${name.padEnd(width)}  ${about}\n`).join(''));
    return 0;
  }
  const chosen = names.length === 0 ? ENTRIES.filter(({ usual }) => usual) : names;
  const progress = progressTo(process.stderr);
  if (!values['no-build']) buildMachine();
  const outcomes: Outcome[] = [];
  const core = coreDigest();
  try {
    for (const entry of chosen) outcomes.push(await entry.run(options(values, entry.rounds), progress));
  } finally {
    progress.done();
  }
  // Engines load the core anew for every run: a build meanwhile would mix two machines in one median.
  if (coreDigest() !== core)
    throw new BenchError('build/core.wasm was rebuilt meanwhile: the figures are worth nothing');
  const rows = outcomes.flatMap((outcome) => outcome.rows);
  if (values.json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  else process.stdout.write([table(rows), ...outcomes.flatMap(({ summary = [] }) => summary)].join('\n'));
  return 0;
}

function coreDigest(): string {
  const path = join(packageRoot(), 'build', 'core.wasm');
  if (!existsSync(path)) throw new BenchError(`${path} is missing: run without --no-build`);
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

type Values = ReturnType<typeof parse>['values'];

function parse(argv: readonly string[]) {
  let parsed: ReturnType<typeof parseOptions>;
  try {
    parsed = parseOptions(argv);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const names = parsed.positionals.map((name) => {
    const entry = ENTRIES.find((candidate) => candidate.name === name);
    if (entry === undefined) {
      throw new UsageError(`no bench is called '${name}'; there are ${ENTRIES.map((e) => e.name).join(', ')}`);
    }
    return entry;
  });
  const { rounds, clock, engines } = parsed.values;
  if (rounds !== undefined && !/^[1-9]\d{0,3}$/.test(rounds)) {
    throw new UsageError(`--rounds must be an integer from 1 to 9999, not '${rounds}'`);
  }
  if (clock !== undefined && clock !== 'wall' && clock !== 'cpu') {
    throw new UsageError(`--clock must be wall or cpu, not '${clock}'`);
  }
  const unknown = engines?.split(',').find((name) => !ENGINE_NAMES.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`no engine is called '${unknown}'; there are ${ENGINE_NAMES.join(', ')}`);
  }
  return { values: parsed.values, names };
}

function parseOptions(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      list: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      'no-build': { type: 'boolean', default: false },
      kernel: { type: 'string' },
      'no-guests': { type: 'boolean', default: false },
      engines: { type: 'string' },
      clock: { type: 'string' },
    },
  });
}

function options(values: Values, rounds: number): PeerOptions {
  const { kernel, engines } = values;
  return {
    rounds: values.rounds === undefined ? rounds : Number(values.rounds),
    clock: values.clock === 'cpu' ? 'cpu' : 'wall',
    guests: !values['no-guests'],
    ...(kernel !== undefined && { kernel }),
    ...(engines !== undefined && { engines: engines.split(',') }),
  };
}

// Leaving by exit() ends the children, too (peers/engines.ts).
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`bench: ${error.message}\n${USAGE}\n`);
    process.exitCode = 2;
  } else {
    const expected = error instanceof BenchError;
    process.stderr.write(
      `bench: ${error instanceof Error ? (expected ? error.message : error.stack) : String(error)}\n`,
    );
    process.exitCode = 1;
  }
}
