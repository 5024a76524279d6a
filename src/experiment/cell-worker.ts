/** The worker of a CellPool: a bundle of cells per task, one after the other, run inline, in a memory that is used again. */

import type { HostImage } from '../hypervisor/save.js';
import { coreModule, coreSha256 } from '../machine/core.js';
import type { CellRecord } from './cell.js';
import { type CellPlatform, type CellTask, failedRecord, runCell } from './cell-run.js';
import { machine } from './machine.js';
import { RecycledMemory } from './recycle.js';
import type { ExperimentOptions } from './run.js';
import { packSnapshot, type Snapshot, unpackSnapshot } from './snapshots.js';

export interface Bundle {
  readonly tasks: readonly CellTask[];
  /**
   * Number of the task that runs, from 1: whom to blame when the thread dies, and whose time it is. 0 until the first has
   * begun: a new thread takes its time to load.
   */
  readonly running: Int32Array;
  /** Of cells that share their boot: where they go on from, or how many bytes it may take when the first has made it. */
  readonly boot?: { readonly snapshot: Snapshot } | { readonly limit: number };
}

export interface BundleResult {
  readonly records: CellRecord[];
  readonly snapshot?: Snapshot;
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
  loaded = { platform: machine(), core: coreSha256() };
  return loaded;
}

const memory = new RecycledMemory();

export async function runTask(task: CellTask, booted?: ExperimentOptions['booted']): Promise<CellRecord> {
  const here = ready();
  if (task.core !== undefined && task.core !== here.core) {
    const message = 'build/core.wasm is not the one that the batch began with';
    return failedRecord(task, 'failed', { code: 'core-changed', message });
  }
  return await runCell(task, here.platform, memory.take, booted);
}

/** @param run what runs a cell; tests give their own */
export async function runBundle({ tasks, running, boot }: Bundle, run = runTask): Promise<BundleResult> {
  ready();
  const records: CellRecord[] = [];
  let made: Snapshot | undefined;
  let snapshot = boot !== undefined && 'snapshot' in boot ? boot.snapshot : undefined;
  const save = (image: HostImage): void => {
    if (boot !== undefined && 'limit' in boot) snapshot = made = packSnapshot(image, boot.limit);
  };
  for (const [index, task] of tasks.entries()) {
    Atomics.store(running, 0, index + 1);
    const wanted = boot !== undefined && (snapshot !== undefined || index === 0);
    const booted = snapshot === undefined ? { save } : { restore: unpackSnapshot(snapshot) };
    records.push(await run(task, wanted ? booted : undefined));
  }
  return { records, ...(made !== undefined && { snapshot: made }) };
}

export default async function work(bundle: Bundle): Promise<BundleResult> {
  return await runBundle(bundle);
}
