/** `ringfence merge` */
import { type BatchResults, mergeBatches } from '../index.js';
import { asUsage } from './batch.js';
import { helpText, type Register } from './command.js';
import { EXIT } from './exit.js';
import type { Io } from './io.js';
import { tellAcross } from './run-batch.js';

export interface MergeArguments {
  readonly out: string;
  readonly json?: boolean;
}

/** The exit code of a finished batch: 3 where cells failed, 1 where claims do. */
export function batchExit({ counts, deterministic, passed }: BatchResults): number {
  if (counts.ok + counts['claim-failed'] < deterministic.length) return EXIT.fault;
  return passed ? EXIT.ok : EXIT.claimFailed;
}

/** What `merge` and `collect` print. */
export function tellBatch(results: BatchResults, out: string, json: boolean, io: Io): void {
  tellAcross(results, io);
  if (json) {
    io.out.write(`${JSON.stringify(results, null, 2)}\n`);
    return;
  }
  const { counts, deterministic, fingerprint } = results;
  const found = Object.entries(counts).filter(([, count]) => count > 0);
  io.out.write(
    `cells        ${deterministic.length}: ${found.map(([status, count]) => `${count} ${status}`).join(', ')}\n`,
  );
  io.out.write(`fingerprint  ${fingerprint}\nresults      ${out}\n`);
}

/** @returns the exit code */
export async function mergeCommand(folders: readonly string[], args: MergeArguments, io: Io): Promise<number> {
  try {
    const results = await mergeBatches(folders, args.out);
    tellBatch(results, args.out, args.json === true, io);
    return batchExit(results);
  } catch (error) {
    throw asUsage(error);
  }
}

export const registerMerge: Register = (program, io, done) => {
  program
    .command('merge')
    .description(
      'put the shards of a sweep together: `ringfence run --shard i/n` makes them; the results are those of one machine',
    )
    .argument('<dirs...>', 'folders of all shards')
    .requiredOption('--out <dir>', 'folder for the whole batch; new or empty')
    .option('--json', 'print the results as one JSON object')
    .addHelpText(
      'after',
      helpText(['ringfence merge /tmp/shard-1 /tmp/shard-2 /tmp/shard-3 --out results/sweep'], {
        0: 'merged; every claim holds',
        1: 'merged; a claim failed',
        2: 'the shards do not belong together, or cells are missing or there twice',
        3: 'merged; a cell failed',
      }),
    )
    .action(async (folders: string[], args: MergeArguments) => done(await mergeCommand(folders, args, io)));
};
