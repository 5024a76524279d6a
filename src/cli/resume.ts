/** `ringfence resume` */
import { AbortedError, checkOutput, HostError, resumeHost, SaveError, writeOutput } from '../index.js';
import { helpText, type Register, wholeNumber } from './command.js';
import { CommandError, EXIT, EXIT_CODES } from './exit.js';
import type { Io } from './io.js';
import { exitCodeOf, report } from './run.js';

interface ResumeArguments {
  readonly workers?: number;
  readonly out?: string;
  readonly json?: boolean;
}

/** @returns the exit code */
export async function resumeCommand(file: string, args: ResumeArguments, io: Io): Promise<number> {
  if (args.out !== undefined) checkOutput(args.out);
  try {
    const { scenario, experiment } = await resumeHost(file, {
      machine: await io.machine(),
      signal: io.signal,
      versions: io.versions,
      ...(args.workers !== undefined && { workers: args.workers }),
    });
    const folder = args.out ?? `results/${scenario.name}-resumed`;
    if (args.out === undefined) checkOutput(folder);
    writeOutput(folder, experiment);
    report(scenario, experiment, folder, args, io);
    const { results, broken } = experiment;
    if (broken.length > 0 || !results.deterministic.zeroSum) return EXIT.fault;
    return results.passed ? EXIT.ok : EXIT.claimFailed;
  } catch (error) {
    if (error instanceof SaveError) throw new CommandError(EXIT.usage, `${file}: ${error.message}`);
    if (io.signal.aborted || error instanceof AbortedError) {
      throw new CommandError(exitCodeOf(io.signal), 'interrupted; no results were written');
    }
    if (error instanceof HostError) throw new CommandError(EXIT.fault, error.message);
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (code !== undefined && (syscall === 'open' || syscall === 'read')) {
      throw new CommandError(EXIT.usage, `${file}: cannot be read (${code})`);
    }
    throw error;
  }
}

export const registerResume: Register = (program, io, done) => {
  program
    .command('resume')
    .description('go on with a saved host (by `ringfence run --save-at`); the results are those of the whole run')
    .argument('<host.save>', 'the file')
    .option('--workers <n>', 'threads (default: one per CPU); never changes a result', wholeNumber(1, 64))
    .option('--out <dir>', 'folder for the results (default: results/<scenario>-resumed)')
    .option('--json', 'print the results as JSON (docs/results.md) instead of the table')
    .addHelpText(
      'after',
      helpText(['ringfence run mine.yaml --save-at 5ms', 'ringfence resume results/mine.save'], EXIT_CODES),
    )
    .action(async (file: string, args: ResumeArguments) => done(await resumeCommand(file, args, io)));
};
