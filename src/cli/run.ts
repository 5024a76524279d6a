/** `ringfence run` */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import {
  AbortedError,
  CatalogueError,
  type ConsolePolicy,
  checkOutput,
  checkScenario,
  type DraftPlan,
  type Experiment,
  HostError,
  JournalError,
  JournalWriteError,
  LockedError,
  listNames,
  MEMORY,
  OutputError,
  oneLine,
  parseQuantity,
  runScenario,
  SaveError,
  type Scenario,
  suggest,
  TIME,
  type Unit,
  writeOutput,
} from '../index.js';
import { helpText, type Register, setOption, wholeNumber } from './command.js';
import { CommandError, EXIT, EXIT_CODES } from './exit.js';
import { hasColour, type Io, type Machine } from './io.js';
import { progressLine } from './progress.js';
import { runBatchCommand } from './run-batch.js';
import { painter, renderTable } from './table.js';

export interface RunArguments {
  readonly workers?: number;
  readonly out?: string;
  readonly json?: boolean;
  readonly set: readonly string[];
  readonly resume?: boolean;
  readonly retry?: boolean;
  readonly shard?: { readonly index: number; readonly count: number };
  readonly console?: ConsolePolicy;
  readonly cell?: number;
  readonly cellTime?: number;
  readonly cellMemory?: number;
  readonly saveAt?: number;
  readonly saveDomain?: string;
  readonly saveTo?: string;
}

/** Failed claims that are printed; results.json holds all. */
export const MAX_CLAIMS = 20;

/** Options that only a batch has. */
const BATCH_OPTIONS = ['resume', 'retry', 'shard', 'console', 'cellTime', 'cellMemory'] as const;

/** @returns the exit code */
export async function runCommand(file: string, args: RunArguments, io: Io): Promise<number> {
  const machine = await io.machine();
  const plan = checkScenario(file, { sets: args.set, guests: io.guests, machine });
  if (plan.isBatch && args.cell === undefined && args.saveAt !== undefined) {
    throw new CommandError(
      EXIT.usage,
      '--save-at is for a single run: a scenario without sweep: and repeat:, or --cell',
    );
  }
  if (plan.isBatch && args.cell === undefined) return await runBatchCommand(file, plan, args, io, machine);
  const odd = BATCH_OPTIONS.find((name) => args[name] !== undefined);
  if (odd !== undefined) {
    const option = odd.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new CommandError(EXIT.usage, `--${option} is for a scenario with sweep: or repeat:, run without --cell`);
  }
  const index = args.cell ?? 0;
  const point = plan.points[index];
  if (point === undefined) {
    throw new CommandError(EXIT.usage, `there is no cell ${index}; allowed: 0 to ${plan.points.length - 1}`);
  }
  const { scenario } = point;
  const folder = args.out ?? `results/${scenario.name}${args.cell === undefined ? '' : `-cell-${index}`}`;
  checkOutput(folder);
  const saved = args.saveTo ?? savedTo(folder, args.saveDomain);
  checkSaved(scenario, args);
  if (args.saveAt !== undefined) {
    mkdirSync(dirname(saved), { recursive: true });
    rmSync(saved, { force: true });
  }
  const experiment = await execute(plan, index, args, io, machine, saved);
  if (args.saveAt !== undefined && !existsSync(saved)) {
    const what = args.saveDomain === undefined ? 'the run' : `domain '${args.saveDomain}'`;
    io.err.write(`nothing was saved: ${what} ended before the time of --save-at\n`);
  }
  writeOutput(folder, experiment);
  report(scenario, experiment, folder, args, io);
  const { results, broken } = experiment;
  if (broken.length > 0 || !results.deterministic.zeroSum) return EXIT.fault;
  return results.passed ? EXIT.ok : EXIT.claimFailed;
}

function savedTo(folder: string, domain: string | undefined): string {
  return `${folder.replace(/\/+$/, '')}${domain === undefined ? '.save' : `-${domain.replaceAll('/', '-')}.domain`}`;
}

function checkSaved({ domains }: Scenario, { saveAt, saveDomain: name }: RunArguments): void {
  if (name === undefined) return;
  if (saveAt === undefined) throw new CommandError(EXIT.usage, '--save-domain needs --save-at: when');
  const names = domains.map((domain) => domain.name);
  // A domain that another one makes has a name with a slash, which is known when it is there.
  if (names.includes(name) || name.includes('/')) return;
  throw new CommandError(
    EXIT.usage,
    `--save-domain: no domain '${name}'${suggest(name, names)}; allowed: ${listNames(names)}`,
  );
}

async function execute(
  plan: DraftPlan,
  cell: number,
  args: RunArguments,
  io: Io,
  machine: Machine,
  saved: string,
): Promise<Experiment> {
  const { scenario } = plan.points[cell]!;
  const { host, limitNs } = scenario;
  const progress = progressLine(io.err, host.frequencyHz, limitNs, () => performance.now());
  try {
    return await runScenario(plan, {
      cell,
      machine,
      workers: args.workers ?? host.workers ?? Math.max(1, Math.min(io.parallelism, host.pcpus)),
      signal: io.signal,
      onProgress: progress.update,
      versions: io.versions,
      ...(args.saveAt !== undefined &&
        (args.saveDomain === undefined
          ? { save: { ns: args.saveAt, file: saved } }
          : { saveDomain: { name: args.saveDomain, ns: args.saveAt, file: saved } })),
    });
  } catch (error) {
    if (io.signal.aborted || error instanceof AbortedError) {
      throw new CommandError(exitCodeOf(io.signal), 'interrupted; no results were written');
    }
    if (!(error instanceof HostError)) throw error;
    const name = scenario.domains[error.domain]?.name;
    throw new CommandError(EXIT.fault, `${name === undefined ? '' : `domain '${name}': `}${error.message}`);
  } finally {
    progress.clear();
  }
}

export function exitCodeOf(signal: AbortSignal): number {
  return typeof signal.reason === 'number' ? signal.reason : EXIT.interrupted;
}

export function report(
  scenario: Scenario,
  experiment: Experiment,
  folder: string,
  args: Pick<RunArguments, 'json'>,
  io: Io,
): void {
  const { results, broken } = experiment;
  if (args.json === true) io.out.write(`${JSON.stringify(results, null, 2)}\n`);
  else io.out.write(`${renderTable(scenario, experiment, painter(hasColour(io)))}results      ${folder}\n`);
  const { failedClaims } = results;
  for (const { domain, claim, expected, found } of failedClaims.slice(0, MAX_CLAIMS)) {
    const subject = domain === '' ? '' : `domain '${domain}': `;
    io.err.write(`${oneLine(`claim failed: ${subject}${claim}: expected ${expected}, found ${found}`)}\n`);
  }
  if (failedClaims.length > MAX_CLAIMS) {
    io.err.write(`claim failed: ${failedClaims.length - MAX_CLAIMS} more, all in ${folder}/results.json\n`);
  }
  for (const reproducer of results.wallClock.reproducers) {
    const { domain, message, seed, quantum, retired, eip } = reproducer;
    const where = `seed ${seed}, quantum ${quantum}, after ${retired} instructions at 0x${eip.toString(16)}`;
    io.err.write(`${oneLine(`platform error: domain '${domain}': ${message} (${where})`)}\n`);
  }
  if (broken.length === 0 && !results.deterministic.zeroSum) {
    io.err.write('platform error: memory or CPU time of an ended domain was not given back\n');
  }
}

/** Errors that a user can do something about, as exit code and message; others are internal. */
export function userError(error: unknown): { readonly exitCode: number; readonly message: string } | undefined {
  if (error instanceof CommandError) return error;
  if (error instanceof SaveError) return { exitCode: EXIT.usage, message: error.message };
  if (error instanceof OutputError) return { exitCode: EXIT.usage, message: error.message };
  if (error instanceof LockedError) return { exitCode: EXIT.usage, message: error.message };
  if (error instanceof JournalError) {
    return { exitCode: error.code === 'damaged' ? EXIT.fault : EXIT.usage, message: error.message };
  }
  if (error instanceof JournalWriteError) {
    const message = `${error.message}; ${error.kept} cells are kept; make room, then go on with --resume`;
    return { exitCode: EXIT.fault, message };
  }
  if (error instanceof CatalogueError) return { exitCode: EXIT.fault, message: error.message };
  return undefined;
}

function shard(text: string): { readonly index: number; readonly count: number } {
  const [index = 0, count = 0] = (/^([0-9]{1,6})\/([0-9]{1,6})$/.exec(text) ?? []).slice(1).map(Number);
  if (index < 1 || index > count) throw new InvalidArgumentError('Allowed: i/n, i from 1 to n, for example 2/8.');
  return { index, count };
}

/** Reader of an option with a unit, in its base unit. */
function quantity(unit: Unit, allowed: string): (text: string) => number {
  return (text) => {
    const number = parseQuantity(unit, text);
    if (number === undefined || number === 0) throw new InvalidArgumentError(`Allowed: ${allowed}.`);
    return number;
  };
}

export const registerRun: Register = (program, io, done) => {
  program
    .command('run')
    .description('run a scenario, or every cell of its sweep; print a table, write results and console logs')
    .argument('<scenario.yaml>', 'the scenario')
    .option('--workers <n>', 'threads (default: one per CPU); never changes a result', wholeNumber(1, 64))
    .option('--out <dir>', 'folder for the results (default: results/<scenario>)')
    .option('--json', 'print the results as JSON instead of the table')
    .addOption(setOption())
    .option('--save-at <time>', 'save the host at this virtual time, and go on', quantity(TIME, TIME.examples))
    .option('--save-domain <name>', 'save this domain alone, for restore: in a scenario')
    .option('--save-to <file>', 'where to (default: beside the results)')
    .option('--resume', 'sweep: go on with the batch in the folder')
    .option('--retry', 'sweep: the same, and run cells again that failed')
    .option('--shard <i/n>', 'sweep: run part i of n', shard)
    .option('--cell <n>', 'sweep: run one cell alone', wholeNumber(0, 1e6))
    .addOption(new Option('--console <which>', 'sweep: consoles to keep').choices(['none', 'failed', 'all']))
    .option('--cell-time <time>', 'sweep: real time per cell', quantity(TIME, TIME.examples))
    .option('--cell-memory <size>', 'sweep: memory per cell', quantity(MEMORY, MEMORY.examples))
    .addHelpText(
      'after',
      helpText(
        ['ringfence run mine.yaml --set host.pcpus=2', 'ringfence run sweep.yaml --out /tmp/s --resume'],
        EXIT_CODES,
      ),
    )
    .action(async (file: string, args: RunArguments) => done(await runCommand(file, args, io)));
};
