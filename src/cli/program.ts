/** The command line: commands, options, help; errors to exit codes. */
import { Command, CommanderError } from 'commander';
import { oneLine, ScenarioError } from '../index.js';
import { registerAttest } from './attest.js';
import { registerCheck } from './check.js';
import { registerCollect } from './collect.js';
import type { Register } from './command.js';
import { registerCompare } from './compare.js';
import { registerCompletion } from './completion.js';
import { EXIT, EXIT_HELP } from './exit.js';
import { registerInit } from './init.js';
import type { Io } from './io.js';
import { registerList } from './list.js';
import { registerMerge } from './merge.js';
import { registerExport, registerQuery } from './query.js';
import { registerReport } from './report.js';
import { registerResume } from './resume.js';
import { registerRun, userError } from './run.js';
import { registerSchema } from './schema.js';
import { registerSlurm } from './slurm.js';
import { registerSubmit } from './submit.js';
import { registerWorker } from './worker.js';

/** In the order of the help. */
const COMMANDS: readonly Register[] = [
  registerRun,
  registerResume,
  registerCheck,
  registerInit,
  registerList,
  registerSchema,
  registerQuery,
  registerExport,
  registerCompare,
  registerAttest,
  registerReport,
  registerMerge,
  registerSlurm,
  registerSubmit,
  registerWorker,
  registerCollect,
  registerCompletion,
];

const EXAMPLES = `
Examples:
  ringfence run scenarios/first-light.yaml
  ringfence init mine.yaml && ringfence run mine.yaml --out /tmp/mine
  ringfence run mine.yaml --set host.pcpus=2 --json | jq -r .fingerprint
`;

/** What the list of commands says of one: its description up to the first pause. Its own help has all. */
const firstWords = (command: Command): string => /^[^;:,(]*/.exec(command.description())?.[0].trim() ?? '';

/** The whole command line; `done` is handed the exit code of the command that ran. */
export function build(io: Io, done: (exitCode: number) => void): Command {
  const program = new Command('ringfence')
    .description('Runs real IA-32 guests by the hundred, with the same result every time.')
    .version(io.versions.ringfence ?? '', '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', `${EXAMPLES}\n${EXIT_HELP}`)
    .configureHelp({ subcommandDescription: firstWords })
    .exitOverride()
    .configureOutput({
      writeOut: io.out.write,
      writeErr: io.err.write,
      getOutHelpWidth: () => Math.min(100, io.out.columns),
      getErrHelpWidth: () => Math.min(100, io.err.columns),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  for (const register of COMMANDS) register(program, io, done);
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
