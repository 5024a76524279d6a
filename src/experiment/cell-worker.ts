/** The worker of a CellPool: one cell per task, run inline, in a memory that is used again. */

import type { CellRecord } from './cell.js';
import { type CellPlatform, type CellTask, failedRecord, runCell } from './cell-run.js';
import { coreHash, machine } from './machine.js';
import { RecycledMemory } from './recycle.js';

/** A task with the flag that tells the pool that the cell has begun: a new thread takes its time to load. */
export interface WorkerTask extends CellTask {
  readonly began: Int32Array;
}

/** Of the module that this thread loads: a build may come between. */
let core: string | undefined;
let platform: CellPlatform | undefined;
const memory = new RecycledMemory();

export default async function work(task: WorkerTask): Promise<CellRecord> {
  Atomics.store(task.began, 0, 1);
  platform ??= machine();
  core ??= coreHash();
  if (task.core !== undefined && task.core !== core) {
    const message = 'build/core.wasm is not the one that the batch began with';
    return failedRecord(task, 'failed', { code: 'core-changed', message });
  }
  return await runCell(task, platform, memory.take);
}
