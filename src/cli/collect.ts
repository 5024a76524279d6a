/** `ringfence collect` */
import { collectBatch } from '../index.js';
import { helpText, type Register } from './command.js';
import type { Io } from './io.js';
import { batchExit, tellBatch } from './merge.js';
import { QUEUE_OPTION, queueErrors } from './queue.js';

export interface CollectArguments {
  readonly queue: string;
  readonly out: string;
  readonly batch?: string;
  readonly wait?: boolean;
  readonly remove?: boolean;
  readonly json?: boolean;
}

/** @returns the exit code */
export async function collectCommand(args: CollectArguments, io: Io): Promise<number> {
  let last = -1;
  const results = await queueErrors(io, () =>
    collectBatch(args.queue, {
      out: args.out,
      wait: args.wait === true,
      remove: args.remove === true,
      signal: io.signal,
      ...(args.batch !== undefined && { batch: args.batch }),
      onProgress: (now, total) => {
        if (now !== last && io.err.isTerminal) io.err.write(`\r\u001b[2K${now} of ${total} cells done`);
        last = now;
      },
    }),
  );
  if (last >= 0 && io.err.isTerminal) io.err.write('\r\u001b[2K');
  tellBatch(results, args.out, args.json === true, io);
  return batchExit(results);
}

export const registerCollect: Register = (program, io, done) => {
  program
    .command('collect')
    .description('write the folder of a batch that workers ran; its results are those of one machine')
    .requiredOption(...QUEUE_OPTION)
    .requiredOption('--out <dir>', 'folder for the batch; new or empty')
    .option('--batch <name>', 'which batch, if the queue has more than one')
    .option('--wait', 'wait for cells that are not done')
    .option('--remove', 'remove the batch from the queue afterwards')
    .option('--json', 'print the results as one JSON object')
    .addHelpText(
      'after',
      helpText(['ringfence collect --queue redis://127.0.0.1:6379 --out results/sweep --wait'], {
        0: 'collected; every claim holds',
        1: 'collected; a claim failed',
        2: 'cells are missing, or the queue or the folder is wrong',
        3: 'collected; a cell failed',
      }),
    )
    .action(async (args: CollectArguments) => done(await collectCommand(args, io)));
};
