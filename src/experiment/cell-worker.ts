/** The worker of a CellPool: one cell per task, run inline, in a memory that is used again. */

import type { CellRecord } from './cell.js';
import { type CellPlatform, type CellTask, runCell } from './cell-run.js';
import { machine } from './machine.js';
import { RecycledMemory } from './recycle.js';

/** A task with the flag that tells the pool that the cell has begun: a new thread takes its time to load. */
export interface WorkerTask extends CellTask {
  readonly began: Int32Array;
}

let platform: CellPlatform | undefined;
const memory = new RecycledMemory();

export default async function work(task: WorkerTask): Promise<CellRecord> {
  Atomics.store(task.began, 0, 1);
  platform ??= machine();
  return await runCell(task, platform, memory.take);
}
