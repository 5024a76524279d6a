/** The command line: commands, options, help; errors to exit codes. */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { oneLine, ScenarioError } from '../experiment/problem.js';
import { type CheckArguments, checkCommand } from './check.js';
import { EXIT, EXIT_HELP } from './exit.js';
import type { Io } from './io.js';
import { type RunArguments, runCommand, userError } from './run.js';

const EXAMPLES = `
Examples:
  ringfence run scenarios/first-light.yaml
  ringfence run scenarios/first-light.yaml --workers 2 --out /tmp/light
  ringfence run mine.yaml --set host.pcpus=2 --set domains.sieve.memory=8MiB
  ringfence run mine.yaml --json | jq -r .fingerprint
  ringfence check mine.yaml
`;

function workers(text: string): number {
  const number = Number(text);
  if (!/^[0-9]+$/.test(text) || number < 1 || number > 64) throw new InvalidArgumentError('Allowed: 1 to 64.');
  return number;
}

const collect = (value: string, before: readonly string[]): string[] => [...before, value];

function build(io: Io, done: (exitCode: number) => void): Command {
  const program = new Command('ringfence')
    .description('Runs real IA-32 guests by the hundred, behind page tables and EPT, with the same result every time.')
    .version(io.versions.ringfence ?? '', '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', `${EXAMPLES}\n${EXIT_HELP}`)
    .exitOverride()
    .configureOutput({
      writeOut: io.out.write,
      writeErr: io.err.write,
      getOutHelpWidth: () => Math.min(100, io.out.columns),
      getErrHelpWidth: () => Math.min(100, io.err.columns),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  program
    .command('run')
    .description('run a scenario; print a table, write results and console logs')
    .argument('<scenario.yaml>', 'the scenario')
    .option('--workers <n>', 'threads (default: one per CPU); never changes a result', workers)
    .option('--out <dir>', 'folder for results.json and console/ (default: results/<scenario>)')
    .option('--json', 'print the results as one JSON object instead of the table')
    .option('--set <path=value>', 'change a value of the scenario; may be repeated', collect, [])
    .addHelpText('after', `\n${EXIT_HELP}`)
    .action(async (file: string, args: RunArguments) => done(await runCommand(file, args, io)));
  program
    .command('check')
    .description('say whether a scenario is right, or everything that is wrong with it; run nothing')
    .argument('<scenario.yaml>', 'the scenario')
    .option('--json', 'print {ok, problems, scenario} as JSON')
    .option('--set <path=value>', 'change a value of the scenario; may be repeated', collect, [])
    .action(async (file: string, args: CheckArguments) => done(await checkCommand(file, args, io)));
  return program;
}

/** Runs one command line, without the program's name. @returns the exit code; never rejects */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let exitCode: number = EXIT.ok;
  try {
    const program = build(io, (code) => {
      exitCode = code;
    });
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    return explain(error, io);
  }
}

function explain(error: unknown, io: Io): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage; // it has spoken already
  if (error instanceof ScenarioError) {
    io.err.write(`${error.message}\n`);
    return EXIT.usage;
  }
  const known = userError(error);
  if (known !== undefined) {
    io.err.write(`ringfence: ${oneLine(known.message)}\n`);
    return known.exitCode;
  }
  const message = error instanceof Error ? error.message : String(error);
  io.err.write(`ringfence: internal error: ${oneLine(message)} (RINGFENCE_DEBUG=1 shows where)\n`);
  if ((io.env.RINGFENCE_DEBUG ?? '') !== '' && error instanceof Error) io.err.write(`${error.stack}\n`);
  return EXIT.internal;
}
