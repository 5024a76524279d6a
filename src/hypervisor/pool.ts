/** Who runs the pCPUs: this thread, or a Piscina pool over the same memory. Both run the very same function. */
import { createRequire } from 'node:module';
import { performance } from 'node:perf_hooks';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Core } from '../machine/core.js';
import type { ResolvedRule } from './hooks.js';
import { type PcpuReport, PcpuRunner } from './pcpu.js';
import type { PcpuTask, WorkerData, WorkerFailure } from './worker.js';

export interface Executor {
  /** Runs the tasks; reports come in the order of the tasks. */
  run(tasks: readonly PcpuTask[]): Promise<readonly PcpuReport[]>;
  close(): Promise<void>;
}

/** Milliseconds after which an inline host lets its caller's signals and timers have their turn: each turn costs some 10 µs. */
const TURN_MS = 4;

export function inlineExecutor(core: Core, rules: readonly ResolvedRule[]): Executor {
  const runner = new PcpuRunner(core, rules);
  let turn = performance.now();
  return {
    run: async (tasks) => {
      const reports = tasks.map((task) => runner.run(task.pcpu, task.end));
      if (performance.now() - turn > TURN_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        turn = performance.now();
      }
      return reports;
    },
    close: async () => {},
  };
}

export function poolExecutor(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  workers: number,
  rules: readonly ResolvedRule[],
): Executor {
  const here = import.meta.url;
  const fromSource = here.endsWith('.ts');
  const data: WorkerData = { module, memory, rules };
  const options = {
    filename: fileURLToPath(new URL(fromSource ? './worker.ts' : './worker.js', here)),
    minThreads: workers,
    maxThreads: workers,
    idleTimeout: Number.POSITIVE_INFINITY,
    atomics: 'sync',
    workerData: data,
    // From source (tests, tsx) the workers need the TypeScript loader as well.
    execArgv: fromSource ? ['--import', pathToFileURL(createRequire(here).resolve('tsx')).href] : [],
  } as const;
  // Loaded here: a host that runs inline, as every cell of a sweep does, has no use for it.
  const starting = import('piscina').then(
    ({ Piscina }) => new Piscina({ ...options, execArgv: [...options.execArgv] }),
  );
  return {
    run: async (tasks) => {
      const pool = await starting;
      const results = await Promise.all(tasks.map((task) => pool.run(task) as Promise<PcpuReport | WorkerFailure>));
      return results.map((result) => {
        if ('failure' in result) throw new Error(`pCPU ${result.pcpu}: ${result.failure}`);
        return result;
      });
    },
    close: async () => await (await starting).destroy(),
  };
}
