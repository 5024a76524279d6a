/** `ringfence run` */

import { CatalogueError, readCatalogue } from '../experiment/guests.js';
import { loadScenario } from '../experiment/plan.js';
import { checkOutput, OutputError, writeOutput } from '../experiment/output.js';
import { oneLine } from '../experiment/problem.js';
import { type Experiment, runExperiment } from '../experiment/run.js';
import type { Scenario } from '../experiment/scenario.js';
import { AbortedError, HostError } from '../hypervisor/types.js';
import { collect, type Register, wholeNumber } from './command.js';
import { CommandError, EXIT, EXIT_HELP } from './exit.js';
import { hasColour, type Io, type Machine } from './io.js';
import { progressLine } from './progress.js';
import { painter, renderTable } from './table.js';

export interface RunArguments {
  readonly workers?: number;
  readonly out?: string;
  readonly json?: boolean;
  readonly set: readonly string[];
}

/** Reads a scenario with the guests and the limits of this machine. */
export function load(file: string, sets: readonly string[], io: Io, machine: Machine): Scenario {
  const { hostBytes, inspectImage, inputBytes } = machine;
  return loadScenario(file, sets, { catalogue: readCatalogue(io.guests), hostBytes, inspectImage, inputBytes });
}

/** Failed claims that are printed; results.json holds all. */
const MAX_CLAIMS = 20;

/** @returns the exit code */
export async function runCommand(file: string, args: RunArguments, io: Io): Promise<number> {
  const machine = await io.machine();
  const scenario = load(file, args.set, io, machine);
  const folder = args.out ?? `results/${scenario.name}`;
  checkOutput(folder);
  const experiment = await execute(scenario, args, io, machine);
  writeOutput(folder, experiment);
  report(scenario, experiment, folder, args, io);
  const { results, broken } = experiment;
  if (broken.length > 0 || !results.deterministic.zeroSum) return EXIT.fault;
  return results.passed ? EXIT.ok : EXIT.claimFailed;
}

async function execute(scenario: Scenario, args: RunArguments, io: Io, machine: Machine): Promise<Experiment> {
  const { host, limitNs } = scenario;
  const progress = progressLine(io.err, host.frequencyHz, limitNs, () => performance.now());
  try {
    return await runExperiment(scenario, machine, {
      workers: args.workers ?? host.workers ?? Math.max(1, Math.min(io.parallelism, host.pcpus)),
      signal: io.signal,
      onProgress: progress.update,
      versions: io.versions,
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

function report(scenario: Scenario, experiment: Experiment, folder: string, args: RunArguments, io: Io): void {
  const { results, broken } = experiment;
  if (args.json === true) io.out.write(`${JSON.stringify(results, null, 2)}\n`);
  else io.out.write(`${renderTable(scenario, experiment, painter(hasColour(io)))}results      ${folder}\n`);
  const { failedClaims } = results;
  for (const { domain, claim, expected, found } of failedClaims.slice(0, MAX_CLAIMS)) {
    io.err.write(`${oneLine(`claim failed: domain '${domain}': ${claim}: expected ${expected}, found ${found}`)}\n`);
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
  if (error instanceof OutputError) return { exitCode: EXIT.usage, message: error.message };
  if (error instanceof CatalogueError) return { exitCode: EXIT.fault, message: error.message };
  return undefined;
}

export const registerRun: Register = (program, io, done) => {
  program
    .command('run')
    .description('run a scenario; print a table, write results and console logs')
    .argument('<scenario.yaml>', 'the scenario')
    .option('--workers <n>', 'threads (default: one per CPU); never changes a result', wholeNumber(1, 64))
    .option('--out <dir>', 'folder for results.json and console/ (default: results/<scenario>)')
    .option('--json', 'print the results as one JSON object instead of the table')
    .option('--set <path=value>', 'change a value of the scenario; may be repeated', collect, [])
    .addHelpText('after', `\n${EXIT_HELP}`)
    .action(async (file: string, args: RunArguments) => done(await runCommand(file, args, io)));
};
