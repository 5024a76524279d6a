/** The engines that run a guest: each in a process of its own, so that none inherits another's state. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BenchError } from '../progress.js';
import { BASELINE } from '../report.js';
import type { Job, JobResult } from './job.js';
import { MarkerReader, type Times } from './markers.js';

export interface Workload {
  readonly name: string;
  readonly image: string;
  readonly imageName: string;
  readonly cmdline: string;
  readonly memoryMiB: number;
  /** Command line of a second domain with the same image, which prints nothing; only Ringfence with EPT has one. */
  readonly peer?: string;
  /** How many checksums it prints; 0 where it says `@done`. */
  readonly checksums: number;
  /** An i386 program that does the same on the real CPU. */
  readonly native?: string;
}

export interface Engine {
  readonly name: string;
  readonly about: string;
  /** Whether it is this project: then it must be right. */
  readonly ringfence: boolean;
  /** Why it cannot run here, or undefined. */
  readonly absent: () => string | undefined;
  /** Undefined where the engine cannot run this workload. */
  readonly run: (workload: Workload) => Promise<JobResult> | undefined;
}

const LIMIT_MS = 600_000;

export const ENGINES: readonly Engine[] = [
  {
    name: BASELINE,
    about: 'Ringfence without EPT',
    ringfence: true,
    absent: () => undefined,
    run: (workload) => inNode('ringfence-child.ts', workload, { ept: false }),
  },
  {
    name: 'ringfence-ept',
    about: 'Ringfence with EPT, 4 KiB pages, A/D flags',
    ringfence: true,
    absent: () => undefined,
    run: (workload) =>
      inNode('ringfence-child.ts', workload, {
        ept: true,
        ...(workload.peer !== undefined && { peer: workload.peer }),
      }),
  },
  { name: 'qemu-tcg', about: 'QEMU, TCG', ringfence: false, absent: whyNoQemu, run: onQemu },
  {
    name: 'v86-jit',
    about: 'v86 with its JIT',
    ringfence: false,
    absent: whyNoV86,
    run: (workload) => inNode('v86-child.ts', workload, { folder: v86Folder() ?? '', jit: true }),
  },
  {
    name: 'v86-interpreter',
    about: "v86's interpreter (JIT off)",
    ringfence: false,
    absent: whyNoV86,
    run: (workload) => inNode('v86-child.ts', workload, { folder: v86Folder() ?? '', jit: false }),
  },
  {
    name: 'native',
    about: 'the real CPU: the same C as an i386 program',
    ringfence: false,
    absent: () => undefined,
    run: (workload) => (workload.native === undefined ? undefined : onCpu(workload)),
  },
];

export const ENGINE_NAMES: readonly string[] = ENGINES.map(({ name }) => name);

const QEMU = 'qemu-system-i386';

function whyNoQemu(): string | undefined {
  return spawnSync(QEMU, ['--version']).status === 0 ? undefined : `${QEMU} is not installed`;
}

/** The folder whose node_modules hold v86: RINGFENCE_V86, else the current one. */
function v86Folder(): string | undefined {
  for (const folder of [process.env.RINGFENCE_V86, process.cwd()]) {
    if (folder === undefined) continue;
    try {
      createRequire(join(folder, 'package.json')).resolve('v86');
      return folder;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

function whyNoV86(): string | undefined {
  if (v86Folder() !== undefined) return undefined;
  return 'the npm package v86 is not installed here; RINGFENCE_V86 may name the folder where it is';
}

/** Runs a child of this folder under Node.js. */
async function inNode(script: string, workload: Workload, options: Job['options']): Promise<JobResult> {
  const { native: _, name: __, peer: ___, ...rest } = workload;
  const job: Job = { ...rest, options };
  const file = fileURLToPath(new URL(script, import.meta.url));
  const tsx = createRequire(import.meta.url).resolve('tsx');
  const child = spawn(process.execPath, ['--import', tsx, file, JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  child.stdout.on('data', (text) => {
    out += text;
  });
  const { code, errors } = await ended(child, workload, script);
  const line = out.split('\n').find((text) => text.startsWith('{"marks"'));
  if (code !== 0 || line === undefined) throw new BenchError(`${script} on ${workload.name} failed:\n${errors}`);
  return JSON.parse(line) as JobResult;
}

/** Without isa-debug-exit the guest halts at its end, so its threads' times can still be read; then QEMU is killed. */
async function onQemu(workload: Workload): Promise<JobResult> {
  const args = ['-accel', 'tcg', '-m', String(workload.memoryMiB), '-display', 'none', '-serial', 'stdio'];
  args.push('-monitor', 'none', '-no-reboot', '-kernel', workload.image, '-append', workload.cmdline);
  const child = spawn(QEMU, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const reader = new MarkerReader(threadTimes(child.pid ?? 0));
  child.stdout.on('data', (chunk: Buffer) => {
    for (const byte of chunk) {
      if (!reader.feed(byte)) continue;
      if (reader.done || (workload.checksums > 0 && reader.marks.length >= workload.checksums)) child.kill('SIGKILL');
    }
  });
  const { code } = await ended(child, workload, QEMU);
  return { marks: reader.marks, end: reader.panic ?? `exit code ${code}` };
}

async function onCpu(workload: Workload): Promise<JobResult> {
  const child = spawn(workload.native!, workload.cmdline.split(' '), { stdio: ['ignore', 'pipe', 'pipe'] });
  const reader = new MarkerReader(() => ({ wallMs: performance.now(), cpuMs: Number.NaN }));
  child.stdout.on('data', (chunk: Buffer) => {
    for (const byte of chunk) reader.feed(byte);
  });
  const { code } = await ended(child, workload, 'the native program');
  return { marks: reader.marks, end: reader.panic ?? `exit code ${code}` };
}

/**
 * A clock of all threads of another process: Linux, Documentation/scheduler/sched-stats, /proc/<pid>/task/<tid>/schedstat,
 * whose first number is nanoseconds on the CPU. It may lag by a timer tick. A thread that has ended keeps its time.
 */
function threadTimes(pid: number): () => Times {
  const known = new Map<string, number>();
  const tasks = `/proc/${pid}/task`;
  return () => {
    const wallMs = performance.now();
    try {
      for (const task of readdirSync(tasks)) {
        known.set(task, Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]));
      }
    } catch {
      return { wallMs, cpuMs: Number.NaN }; // not Linux, or it has ended
    }
    return { wallMs, cpuMs: [...known.values()].reduce((sum, ns) => sum + ns, 0) / 1e6 };
  };
}

/** Waits for the end of a child; kills it when it takes too long. */
function ended(
  child: ChildProcess,
  workload: Workload,
  what: string,
): Promise<{ code: number | null; errors: string }> {
  let errors = '';
  child.stderr?.on('data', (text) => {
    errors += text;
  });
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      kill();
      reject(new BenchError(`${what}: ${workload.name} has not ended after ${LIMIT_MS / 1000} s`));
    }, LIMIT_MS);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      process.removeListener('exit', kill);
      resolve({ code, errors });
    });
  });
}
