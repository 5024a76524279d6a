/** The worker of a CellPool: a bundle of cells per task, one after the other, run inline, in a memory that is used again. */

import { coreModule } from '../machine/core.js';
import type { CellRecord } from './cell.js';
import { type CellPlatform, type CellTask, failedRecord, runCell } from './cell-run.js';
import { coreHash, machine } from './machine.js';
import { RecycledMemory } from './recycle.js';

export interface Bundle {
  readonly tasks: readonly CellTask[];
  /**
   * Number of the task that runs, from 1: whom to blame when the thread dies, and whose time it is. 0 until the first has
   * begun: a new thread takes its time to load.
   */
  readonly running: Int32Array;
}

interface Ready {
  readonly platform: CellPlatform;
  /** Hash of the module that this thread loaded: a build may come between. */
  readonly core: string;
}

let loaded: Ready | undefined;

function ready(): Ready {
  if (loaded !== undefined) return loaded;
  coreModule(); // compiled here, outside of any cell's time
  loaded = { platform: machine(), core: coreHash() };
  return loaded;
}

const memory = new RecycledMemory();

export async function runTask(task: CellTask): Promise<CellRecord> {
  const here = ready();
  if (task.core !== undefined && task.core !== here.core) {
    const message = 'build/core.wasm is not the one that the batch began with';
    return failedRecord(task, 'failed', { code: 'core-changed', message });
  }
  return await runCell(task, here.platform, memory.take);
}

/** @param run what runs a cell; tests give their own */
export async function runBundle({ tasks, running }: Bundle, run = runTask): Promise<CellRecord[]> {
  ready();
  const records: CellRecord[] = [];
  for (const [index, task] of tasks.entries()) {
    Atomics.store(running, 0, index + 1);
    records.push(await run(task));
  }
  return records;
}

export default async function work(bundle: Bundle): Promise<CellRecord[]> {
  return await runBundle(bundle);
}
