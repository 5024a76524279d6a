/**
 * Warm worker threads that run cells, one cell each at a time. A cell that hangs, exhausts memory or kills its thread costs
 * that thread, which is replaced; the cell is tried once more and then recorded as it ended.
 *
 * Short cells are sent in bundles: a message per cell, and a thread that waits for it, would cost more than some cells do.
 * When a thread dies, the cell that ran is to blame; the others of its bundle are run again, by themselves, and do not count
 * as tried.
 */
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Piscina } from 'piscina';
import { type CellError, type CellRecord, type CellStatus, isCompleted } from './cell.js';
import { type CellTask, failedRecord } from './cell-run.js';
import type { Bundle, BundleResult } from './cell-worker.js';
import { type Snapshot, Snapshots } from './snapshots.js';

export interface CellPoolOptions {
  readonly workers: number;
  /** Milliseconds of real time that a cell may take. */
  readonly timeMs: number;
  /** Heap of a worker thread in MiB, beside the flat memory. Default 1024. */
  readonly heapMiB?: number;
  /** Bytes that boots which cells share may take, in all. Default 0: every cell boots itself. */
  readonly snapshotBytes?: number;
  /** Module of the worker; tests give their own. */
  readonly worker?: string;
}

/** The pool was closed, or the caller's signal fired, before the cell ended. */
export class CellAborted extends Error {
  constructor() {
    super('the cell was stopped');
    this.name = 'CellAborted';
  }
}

/**
 * V8 lets the part of a heap for new objects grow to 48 MiB while a thread runs, one cell after the other filling it with what
 * is garbage at its end: memory that grows with the number of cells for nothing. This is plenty for what one cell keeps.
 */
const YOUNG_MIB = 12;
const WATCH_MS = 100;
/** Time for a new thread to load before the cell's own time begins. */
const LOAD_MS = 60_000;
const MAX_ATTEMPTS = 2;

interface Running {
  readonly bundle: Bundle;
  /** The task that was seen to run, as in Bundle.running, and since when. */
  task: number;
  since: number;
  readonly kill: AbortController;
  timedOut: boolean;
}

export class CellPool {
  private readonly options: CellPoolOptions;
  private readonly pool: Piscina;
  private readonly snapshots: Snapshots;
  /**
   * Not a Set: V8 leaves a table that a Set has outgrown with its elements and a pointer to the next one. A bundle that was in
   * such a table when it got old would drag all later ones into the old generation, as garbage that grows with the batch.
   */
  private running: Running[] = [];
  private readonly watch: NodeJS.Timeout;
  private closed = false;

  constructor(options: CellPoolOptions) {
    this.options = options;
    this.snapshots = new Snapshots(options.snapshotBytes ?? 0);
    const here = import.meta.url;
    const fromSource = here.endsWith('.ts');
    const { workers, heapMiB = 1024 } = options;
    this.pool = new Piscina({
      filename: options.worker ?? fileURLToPath(new URL(fromSource ? './cell-worker.ts' : './cell-worker.js', here)),
      minThreads: workers,
      maxThreads: workers,
      concurrentTasksPerWorker: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      resourceLimits: { maxOldGenerationSizeMb: heapMiB, maxYoungGenerationSizeMb: YOUNG_MIB },
      recordTiming: false,
      // From source (tests, tsx) the workers need the TypeScript loader as well.
      execArgv: fromSource ? ['--import', pathToFileURL(createRequire(here).resolve('tsx')).href] : [],
    });
    // What happens to a thread is told by the promise of its task; a thread that dies without one is replaced.
    this.pool.on('error', () => {});
    this.watch = setInterval(() => this.look(), WATCH_MS);
    this.watch.unref();
  }

  /**
   * Runs a cell, twice if the first attempt ends in a failure. Never rejects for what the cell does.
   * @throws CellAborted
   */
  async run(task: CellTask): Promise<CellRecord> {
    const [record] = await this.runAll([task]);
    return record!;
  }

  /**
   * Runs cells one after the other in one thread, with the rules of `run` for each. Those that share their boot must be of one
   * group; they wait while another thread boots for it. What fails is tried again without what others have made.
   * @throws CellAborted
   */
  async runAll(tasks: readonly CellTask[]): Promise<CellRecord[]> {
    const first = await this.attemptGroup(tasks);
    const records: CellRecord[] = [];
    for (const [index, task] of tasks.entries()) {
      let record = first[index];
      let attempts = 1;
      if (record === undefined) [record] = await this.attempt([task]);
      while (attempts < MAX_ATTEMPTS && !isCompleted(record!)) {
        [record] = await this.attempt([task]);
        attempts++;
      }
      records.push({ ...record!, attempts });
    }
    return records;
  }

  /** Whether another cell of the group boots just now. */
  isBooting(group: string): boolean {
    return this.snapshots.isBeingMade(group);
  }

  private async attemptGroup(tasks: readonly CellTask[]): Promise<(CellRecord | undefined)[]> {
    const { snapshotBytes = 0 } = this.options;
    const group = snapshotBytes === 0 ? undefined : tasks[0]?.boot;
    if (group === undefined) return await this.attempt(tasks);
    const { snapshot, make } = await this.snapshots.begin(group);
    if (snapshot !== undefined) return await this.attempt(tasks, { snapshot });
    if (!make) return await this.attempt(tasks);
    let made: Snapshot | undefined;
    try {
      return await this.attempt(tasks, { limit: snapshotBytes }, (found) => {
        made = found;
      });
    } finally {
      this.snapshots.end(group, made);
    }
  }

  /** One record per task; where the thread died, that of the cell to blame alone. */
  private async attempt(
    tasks: readonly CellTask[],
    boot?: Bundle['boot'],
    onSnapshot?: (snapshot: Snapshot | undefined) => void,
  ): Promise<(CellRecord | undefined)[]> {
    if (this.closed) throw new CellAborted();
    const begun = new Int32Array(new SharedArrayBuffer(4));
    const bundle: Bundle = { tasks, running: begun, ...(boot !== undefined && { boot }) };
    const running: Running = {
      bundle,
      task: 0,
      since: performance.now(),
      kill: new AbortController(),
      timedOut: false,
    };
    this.running.push(running);
    try {
      const result = (await this.pool.run(bundle, { signal: running.kill.signal })) as BundleResult;
      onSnapshot?.(result.snapshot);
      // Out of what Piscina keeps of the task, for the same reason: it has a Map of them.
      return result.records.splice(0);
    } catch (error) {
      if (this.closed) throw new CellAborted();
      const blamed = Math.max(0, Atomics.load(bundle.running, 0) - 1);
      return tasks.map((task, index) =>
        index === blamed ? failedRecord(task, ...this.explain(error, running)) : undefined,
      );
    } finally {
      this.running = this.running.filter((other) => other !== running);
    }
  }

  private explain(error: unknown, running: Running): [CellStatus, CellError] {
    if (running.timedOut) {
      const limit = `${this.options.timeMs / 1000} s`;
      return ['timeout', { code: 'timeout', message: `did not end within ${limit} of real time` }];
    }
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_WORKER_OUT_OF_MEMORY') {
      return ['memory', { code: 'memory', message: 'its worker thread ran out of heap' }];
    }
    if (/exited with code/.test(message)) return ['crashed', { code: 'crashed', message: `its ${message}` }];
    return ['crashed', { code: 'crashed', message: `its worker thread broke: ${message}` }];
  }

  /** Ends the threads of cells that are over their time. */
  private look(): void {
    const now = performance.now();
    for (const running of this.running) {
      const task = Atomics.load(running.bundle.running, 0);
      if (task !== running.task) {
        running.task = task;
        running.since = now;
      }
      const over = now - running.since > this.options.timeMs + (task === 0 ? LOAD_MS : 0);
      if (!over || running.timedOut) continue;
      running.timedOut = true;
      running.kill.abort();
    }
  }

  /** Ends all threads; cells that run reject with CellAborted. */
  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.watch);
    for (const running of this.running) running.kill.abort();
    await this.pool.destroy();
  }
}
