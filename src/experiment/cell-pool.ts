/**
 * Warm worker threads that run cells, one cell each at a time. A cell that hangs, exhausts memory or kills its thread costs
 * that thread, which is replaced; the cell is tried once more and then recorded as it ended.
 */
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Piscina } from 'piscina';
import type { CellError, CellRecord, CellStatus } from './cell.js';
import { type CellTask, failedRecord } from './cell-run.js';
import type { WorkerTask } from './cell-worker.js';

export interface CellPoolOptions {
  readonly workers: number;
  /** Milliseconds of real time that a cell may take. */
  readonly timeMs: number;
  /** Heap of a worker thread in MiB, beside the flat memory. Default 1024. */
  readonly heapMiB?: number;
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

const WATCH_MS = 100;
/** Time for a new thread to load before the cell's own time begins. */
const LOAD_MS = 60_000;
const MAX_ATTEMPTS = 2;

interface Running {
  readonly began: Int32Array;
  readonly submitted: number;
  /** When the cell was seen to have begun. */
  seen: number;
  readonly kill: AbortController;
  timedOut: boolean;
}

export class CellPool {
  private readonly options: CellPoolOptions;
  private readonly pool: Piscina;
  private readonly running = new Set<Running>();
  private readonly watch: NodeJS.Timeout;
  private closed = false;

  constructor(options: CellPoolOptions) {
    this.options = options;
    const here = import.meta.url;
    const fromSource = here.endsWith('.ts');
    const { workers, heapMiB = 1024 } = options;
    this.pool = new Piscina({
      filename: options.worker ?? fileURLToPath(new URL(fromSource ? './cell-worker.ts' : './cell-worker.js', here)),
      minThreads: workers,
      maxThreads: workers,
      concurrentTasksPerWorker: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      resourceLimits: { maxOldGenerationSizeMb: heapMiB },
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
    for (let attempt = 1; ; attempt++) {
      const record = await this.attempt(task);
      const done = record.status === 'ok' || record.status === 'claim-failed';
      if (done || attempt === MAX_ATTEMPTS) return { ...record, attempts: attempt };
    }
  }

  private async attempt(task: CellTask): Promise<CellRecord> {
    if (this.closed) throw new CellAborted();
    const running: Running = {
      began: new Int32Array(new SharedArrayBuffer(4)),
      submitted: performance.now(),
      seen: 0,
      kill: new AbortController(),
      timedOut: false,
    };
    this.running.add(running);
    const posted: WorkerTask = { ...task, began: running.began };
    try {
      return (await this.pool.run(posted, { signal: running.kill.signal })) as CellRecord;
    } catch (error) {
      if (this.closed) throw new CellAborted();
      return failedRecord(task, ...this.explain(error, running));
    } finally {
      this.running.delete(running);
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
      if (running.seen === 0 && Atomics.load(running.began, 0) === 1) running.seen = now;
      const over =
        running.seen > 0
          ? now - running.seen > this.options.timeMs
          : now - running.submitted > LOAD_MS + this.options.timeMs;
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
