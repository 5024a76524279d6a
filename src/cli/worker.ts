/** `ringfence worker` */
import { InvalidArgumentError, Option } from 'commander';
import { buildIdentity, parseQuantity, TIME, work } from '../index.js';
import { helpText, type Register, wholeNumber } from './command.js';
import { CommandError, EXIT } from './exit.js';
import type { Io } from './io.js';
import { QUEUE_OPTION, queueErrors } from './queue.js';
import { exitCodeOf } from './run.js';

export interface WorkerArguments {
  readonly queue: string;
  readonly workers?: number;
  readonly batch?: string;
  readonly drain?: boolean;
  /** Nanoseconds. */
  readonly lease: number;
}

/** @returns the exit code */
export async function workerCommand(args: WorkerArguments, io: Io): Promise<number> {
  const identity = buildIdentity(await io.machine());
  let failed = 0;
  const kept = await queueErrors(io, () =>
    work(args.queue, {
      workers: args.workers ?? io.parallelism,
      identity,
      leaseMs: args.lease / 1e6,
      signal: io.signal,
      ...(args.batch !== undefined && { batch: args.batch }),
      ...(args.drain !== undefined && { drain: args.drain }),
      onRecord: ({ cell, status, error }) => {
        if (status === 'ok') return;
        failed++;
        io.err.write(`cell ${cell.index}: ${status}${error === undefined ? '' : `: ${error.message}`}\n`);
      },
      onSkip: (batch, why) => io.err.write(`batch ${batch} ${why}; it is left to others\n`),
    }),
  );
  io.out.write(`${kept} cells done, ${failed} of them not ok\n`);
  if (io.signal.aborted)
    throw new CommandError(exitCodeOf(io.signal), 'interrupted; cells that ran go to other workers');
  return EXIT.ok;
}

function lease(text: string): number {
  const ns = parseQuantity(TIME, text);
  if (ns === undefined || ns < 500e6 || ns > 3600e9) throw new InvalidArgumentError('Allowed: 500ms to 60min.');
  return ns;
}

export const registerWorker: Register = (program, io, done) => {
  program
    .command('worker')
    .description('run cells from a queue; any number, on any machine with the same version of Ringfence')
    .requiredOption(...QUEUE_OPTION)
    .option('--workers <n>', 'cells at a time (default: one per CPU)', wholeNumber(1, 64))
    .option('--batch <name>', 'work on this batch only (default: all, the oldest first)')
    .option('--drain', 'end when nothing is left, rather than waiting for more')
    .addOption(
      new Option('--lease <time>', 'time after which the cells of a dead worker go to others')
        .argParser(lease)
        .default(30e9, '30s'),
    )
    .addHelpText(
      'after',
      helpText(['ringfence worker --queue redis://127.0.0.1:6379 --drain'], {
        0: 'nothing was left to do (--drain)',
        2: 'no queue, or the batch is for another version, machine or guests',
        130: 'interrupted; 143 terminated. What was running goes to other workers.',
      }),
    )
    .action(async (args: WorkerArguments) => done(await workerCommand(args, io)));
};
