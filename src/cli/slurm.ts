/** `ringfence slurm` */
import { InvalidArgumentError } from 'commander';
import { checkScenario, slurmScript } from '../index.js';
import { helpText, type Register, setOption, wholeNumber } from './command.js';
import { CommandError, EXIT } from './exit.js';
import type { Io } from './io.js';

export interface SlurmArguments {
  readonly tasks: number;
  readonly cpus: number;
  readonly time?: string;
  readonly out?: string;
  readonly set: readonly string[];
}

/** @returns the exit code */
export async function slurmCommand(file: string, args: SlurmArguments, io: Io): Promise<number> {
  const plan = checkScenario(file, { sets: args.set, guests: io.guests, machine: await io.machine() });
  const cells = plan.points.length;
  if (args.tasks > cells) {
    throw new CommandError(
      EXIT.usage,
      `--tasks ${args.tasks}: the scenario has ${cells} cells; allowed: 1 to ${cells}`,
    );
  }
  if (!plan.isBatch) {
    throw new CommandError(
      EXIT.usage,
      `${file}: has neither sweep: nor repeat:; allowed: a scenario with cells to share`,
    );
  }
  const name = plan.points[0]?.scenario.name ?? 'ringfence';
  const { tasks, cpus, time, out = `results/${name}-shards`, set: sets } = args;
  const job = { scenario: file, sets, tasks, cpus, out, name };
  io.out.write(slurmScript(time === undefined ? job : { ...job, time }));
  return EXIT.ok;
}

function duration(text: string): string {
  if (!/^([0-9]+-)?[0-9]{1,3}(:[0-9]{2}){1,2}$/.test(text)) {
    throw new InvalidArgumentError('Allowed: as Slurm writes it, for example 02:00:00.');
  }
  return text;
}

export const registerSlurm: Register = (program, io, done) => {
  program
    .command('slurm')
    .description('print a Slurm array script, which runs a sweep in shards')
    .argument('<scenario.yaml>', 'the scenario')
    .requiredOption('--tasks <n>', 'number of shards', wholeNumber(1, 100_000))
    .option('--cpus <n>', 'CPUs, and so cells at a time, per task', wholeNumber(1, 64), 1)
    .option('--time <HH:MM:SS>', 'time limit of a task', duration)
    .option('--out <dir>', 'folder for the shards, on a shared file system (default: results/<scenario>-shards)')
    .addOption(setOption())
    .addHelpText(
      'after',
      helpText(['ringfence slurm sweep.yaml --tasks 64 --cpus 4 --out /scratch/me > sweep.sh', 'sbatch sweep.sh'], {
        0: 'printed',
        2: 'the scenario or the arguments are wrong',
      }),
    )
    .action(async (file: string, args: SlurmArguments) => done(await slurmCommand(file, args, io)));
};
