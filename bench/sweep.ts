/**
 * What a batch costs beside its cells: 1,000 short cells by `sweep` (pool, journal, fsync, results, starting and ending of
 * threads included) beside the same cells in bare loops, one per thread, that call runHost and keep nothing.
 *
 * Both use the compiled package in dist/ and the same number of threads, and each run is a process of its own, so that both
 * compile the machine. The bare loops run before and after the batch; their mean is compared, so that a machine that gets
 * slower or faster meanwhile does not decide.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import type * as Ringfence from '../src/index.js';
import { packageRoot } from '../src/machine/core.js';
import type { PeerOptions } from './peers/measure.js';
import { BenchError, type Progress } from './progress.js';
import { BASELINE, type Row, rowsOf } from './report.js';
import { sharedBoots } from './shared-boot.js';

const CELLS = 1000;
/** Outermost, so that cells of all sizes come early and memory can be compared. */
const SEEDS = 50;
/**
 * The batch runs in a process of its own, as it does for users: what the bare loops leave behind is not its memory. Resident
 * memory is looked at after so many cells: of the whole process, as the system counts it, with no garbage collection forced
 * before. So it holds what V8 has not yet given back, and grows while pages of the heaps for new objects are used for the first
 * time. A second batch collects garbage at these cells and tells what is left: what a batch really keeps per cell.
 */
const WATCHED = [100, 250, 500, 1000];

const dist = (file: string): string => pathToFileURL(join(packageRoot(), 'dist/src', file)).href;

/** The thread of a bare loop: gets scenarios, says when it is ready, runs them when told, says that it is done. */
const BARE = `
import { parentPort, workerData } from 'node:worker_threads';
const { hostConfig } = await import(workerData.run);
const { machine } = await import(workerData.machine);
const { RecycledMemory } = await import(workerData.recycle);
const { runHost, costTable } = machine();
const memory = new RecycledMemory();
parentPort.on('message', async () => {
  for (const scenario of workerData.scenarios) {
    await runHost(hostConfig(scenario, costTable), { workers: 1, inline: true, memory: memory.take });
  }
  parentPort.postMessage('done');
});
parentPort.postMessage('ready');
`;

/** The process of the bare loops: gets the scenario, prints what they cost. The threads are loaded before. */
const BARE_LOOPS = `
import { Worker } from 'node:worker_threads';
const { index, scenario, threads, thread, modules } = JSON.parse(process.argv[1]);
const { checkScenario } = await import(index);
const scenarios = checkScenario(scenario).points.map((point) => point.scenario);
const message = (worker) => new Promise((done, fail) => worker.once('message', done).once('error', fail));
const workers = Array.from({ length: threads }, (_, t) => {
  const mine = scenarios.filter((_, index) => index % threads === t);
  return new Worker(new URL('data:text/javascript,' + encodeURIComponent(thread)), {
    execArgv: [], workerData: { scenarios: mine, ...modules },
  });
});
await Promise.all(workers.map(message));
const [start, used] = [performance.now(), process.cpuUsage()];
const done = workers.map(message);
for (const worker of workers) worker.postMessage('go');
await Promise.all(done);
const { user, system } = process.cpuUsage(used);
process.stdout.write(JSON.stringify({ real: performance.now() - start, cpu: (user + system) / 1000 }) + '\\n');
process.exit(0);
`;

/** The process of the batch: gets its scenario, prints JSON lines: cells done, in the end what it cost. */
const BATCH = `
const { index, scenario, threads, out, watched } = JSON.parse(process.argv[1]);
const { checkScenario, sweep } = await import(index);
const print = (line) => process.stdout.write(JSON.stringify(line) + '\\n');
const plan = checkScenario(scenario);
const [start, used] = [performance.now(), process.cpuUsage()];
const { passed } = await sweep(plan, {
  ...{ workers: threads, out },
  onProgress: ({ done }) => {
    if (done % 10 !== 0) return;
    if (watched.includes(done)) globalThis.gc?.();
    const { rss, heapUsed } = process.memoryUsage();
    print({ done, bytes: rss, live: heapUsed });
  },
});
const { user, system } = process.cpuUsage(used);
print({ passed, real: performance.now() - start, cpu: (user + system) / 1000 });
`;

interface Resident {
  readonly done: number;
  readonly bytes: number;
  /** Of the main thread's heap, garbage included unless it was collected. */
  readonly live: number;
}

/** What a process that runs `source` with these values prints. */
function linesOf(source: string, values: object, flags: readonly string[] = []): AsyncIterable<string> {
  const argument = JSON.stringify({ index: dist('index.js'), ...values });
  const child = spawn(process.execPath, [...flags, '--input-type=module', '-e', source, argument], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return createInterface(child.stdout);
}

async function batchOf(
  scenario: Ringfence.ScenarioInput,
  threads: number,
  out: string,
  onCells: (done: number) => void,
  flags: readonly string[] = [],
): Promise<Cost & { readonly resident: readonly Resident[] }> {
  const resident: Resident[] = [];
  let cost: (Cost & { readonly passed: boolean }) | undefined;
  for await (const line of linesOf(BATCH, { scenario, threads, out, watched: WATCHED }, flags)) {
    const told = JSON.parse(line) as Resident | (Cost & { readonly passed: boolean });
    if ('done' in told) {
      resident.push(told);
      onCells(told.done);
    } else cost = told;
  }
  if (cost?.passed !== true) throw new BenchError('a cell of the sweep failed');
  return { ...cost, resident };
}

/** Milliseconds of real time, and of processor time of all threads. */
interface Cost {
  readonly real: number;
  readonly cpu: number;
}

/** All cells in bare loops. */
async function bare(scenario: Ringfence.ScenarioInput, threads: number): Promise<Cost> {
  const modules = {
    run: dist('experiment/host-config.js'),
    machine: dist('experiment/machine.js'),
    recycle: dist('experiment/recycle.js'),
  };
  for await (const line of linesOf(BARE_LOOPS, { scenario, threads, thread: BARE, modules }))
    return JSON.parse(line) as Cost;
  throw new BenchError('the bare loops ended without a result');
}

export async function runSweep(
  _: PeerOptions,
  progress: Progress,
): Promise<{ rows: readonly Row[]; summary: string[] }> {
  const { checkScenario, defineScenario } = (await import(dist('index.js'))) as typeof Ringfence;
  const threads = Math.min(2, availableParallelism());
  const scenario = defineScenario({
    host: { pcpus: 1 },
    domains: { a: { guest: 'sieve', memory: '4MiB' } },
    sweep: {
      grid: {
        'host.seed': { from: 1, to: SEEDS, step: 1 },
        'domains.a.cmdline': ['n=100000', 'n=400000'],
        'domains.a.memory': { from: '4MiB', to: '22MiB', step: '2MiB' },
      },
    },
  });
  const cells = checkScenario(scenario).points.length;
  if (cells !== CELLS) throw new BenchError(`the sweep has ${cells} cells, not ${CELLS}`);
  const folder = mkdtempSync(join(tmpdir(), 'ringfence-sweep-'));
  try {
    progress.step('sweep: bare loops');
    const before = await bare(scenario, threads);
    const batch = await batchOf(scenario, threads, join(folder, 'batch'), (done) =>
      progress.step(`sweep: ${done} of ${CELLS} cells`),
    );
    const mib = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(0)} MiB`;
    const settled = batch.resident.filter(({ done }) => done >= WATCHED[0]!);
    const [first, last] = [settled[0]!, settled.at(-1)!];
    const most = settled.reduce((a, b) => (b.bytes > a.bytes ? b : a));
    const told = settled.filter(({ done }) => WATCHED.includes(done)).map((at) => `${mib(at.bytes)} after ${at.done}`);
    progress.step('sweep: bare loops again');
    const loops = [before, await bare(scenario, threads)];
    const step = (done: number): void => progress.step(`sweep: what is kept after ${done} of ${CELLS} cells`);
    const collected = await batchOf(scenario, threads, join(folder, 'collected'), step, ['--expose-gc']);
    const kept = collected.resident.filter(({ done }) => WATCHED.includes(done));
    const live = kept.map(({ live }) => `${(live / 1024 ** 2).toFixed(2)}`).join(', ');
    const real = loops.map((loop) => (loop.real * threads) / CELLS);
    const cpu = loops.map((loop) => loop.cpu / CELLS);
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    const boots = await sharedBoots(progress);
    const [batchReal, batchCpu] = [(batch.real * threads) / CELLS, batch.cpu / CELLS];
    const percent = (part: number, whole: number): string => `${((part / whole) * 100).toFixed(1)} %`;
    return {
      rows: [
        ...rowsOf('sweep', 'ms/cell', [
          { subject: BASELINE, about: 'bare loops: runHost, nothing kept; real time per thread', values: real },
          { subject: 'batch', about: 'pool, journal, fsync, results, start and end', values: [batchReal] },
        ]),
        ...rowsOf('sweep-cpu', 'ms/cell', [
          { subject: BASELINE, about: 'bare loops; processor time, which other programs do not change', values: cpu },
          { subject: 'batch', about: 'pool, journal, fsync, results, start and end', values: [batchCpu] },
        ]),
        ...boots.rows,
      ],
      summary: [
        `sweep: ${percent(mean(real), batchReal)} of the throughput of bare loops on ${threads} threads`,
        `sweep: ${percent(mean(cpu), batchCpu)} of their processor time is the cells'; ${(batchCpu - mean(cpu)).toFixed(2)} ms per cell more`,
        `sweep: resident memory ${told.join(', ')} cells: ${percent(last.bytes - first.bytes, first.bytes)} more; at most ${mib(most.bytes)}, after ${most.done}`,
        `sweep: live heap of the runner, collected after ${WATCHED.join(', ')} cells: ${live} MiB; resident then ${kept.map(({ bytes }) => mib(bytes)).join(', ')}`,
        ...boots.summary,
        '',
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
