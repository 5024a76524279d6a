/** The worker: runs one pCPU for one quantum per task. The host's memory and module come once, as worker data. */
import { workerData } from 'piscina';
import { Core } from '../machine/core.js';
import type { ResolvedRule } from './hooks.js';
import { type PcpuReport, PcpuRunner } from './pcpu.js';

export interface WorkerData {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** The policy of the hook table. */
  readonly rules: readonly ResolvedRule[];
}

export interface PcpuTask {
  readonly pcpu: number;
  /** Virtual time at which the quantum ends. */
  readonly end: number;
}

/** A failure of the platform itself, as data: nothing is thrown across threads. */
export interface WorkerFailure {
  readonly pcpu: number;
  readonly failure: string;
}

let runner: PcpuRunner | undefined;

export default function runTask(task: PcpuTask): PcpuReport | WorkerFailure {
  try {
    if (runner === undefined) {
      const { module, memory, rules } = workerData as WorkerData;
      runner = new PcpuRunner(new Core(module, memory), rules);
    }
    return runner.run(task.pcpu, task.end);
  } catch (error) {
    return { pcpu: task.pcpu, failure: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
