/** `ringfence submit` */
import { Option } from 'commander';
import { buildIdentity, type ConsolePolicy, checkScenario, planOf, submitBatch, versions } from '../index.js';
import { helpText, type Register, setOption } from './command.js';
import { EXIT } from './exit.js';
import type { Io } from './io.js';
import { QUEUE_OPTION, queueErrors } from './queue.js';

export interface SubmitArguments {
  readonly queue: string;
  readonly set: readonly string[];
  readonly console?: ConsolePolicy;
  readonly json?: boolean;
}

/** @returns the exit code */
export async function submitCommand(file: string, args: SubmitArguments, io: Io): Promise<number> {
  const machine = await io.machine();
  const plan = planOf(checkScenario(file, { sets: args.set, guests: io.guests, machine }), machine);
  const word = (text: string): string => (/^[\w./:=,+@%-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
  const sets = args.set.map((set) => ` --set ${word(set)}`).join('');
  const submission = await queueErrors(io, () =>
    submitBatch(args.queue, plan, {
      identity: buildIdentity(machine),
      versions: versions(),
      ...(args.console !== undefined && { consoles: args.console }),
      reproducer: ({ index }) => `ringfence run ${word(file)}${sets}${plan.isBatch ? ` --cell ${index}` : ''}`,
    }),
  );
  if (args.json === true) io.out.write(`${JSON.stringify(submission, null, 2)}\n`);
  else io.out.write(`batch ${submission.batch}: ${submission.cells} cells, ${submission.done} of them done\n`);
  if (!submission.durable) io.err.write('warning: this Redis loses its data when it restarts (appendonly is off)\n');
  return EXIT.ok;
}

export const registerSubmit: Register = (program, io, done) => {
  program
    .command('submit')
    .description('put the cells of a scenario into a queue, for `ringfence worker`, with the images that they need')
    .argument('<scenario.yaml>', 'the scenario')
    .requiredOption(...QUEUE_OPTION)
    .addOption(setOption())
    .addOption(new Option('--console <which>', 'consoles to keep (default: failed)').choices(['none', 'failed', 'all']))
    .option('--json', 'print {batch, cells, done, durable} as JSON')
    .addHelpText(
      'after',
      helpText(['ringfence submit sweep.yaml --queue redis://127.0.0.1:6379'], {
        0: 'submitted; the name of the batch is printed. Again, nothing is there twice',
        2: 'the scenario is wrong, or the queue cannot be reached',
      }),
    )
    .action(async (file: string, args: SubmitArguments) => done(await submitCommand(file, args, io)));
};
