/**
 * Cells over a queue: BullMQ on Redis. A queue delivers a cell at least once; its record is kept exactly once.
 *
 *   submit ──▶ plan, images, one job per cell ──▶ Redis ──▶ workers ──▶ HSETNX record by cell ──▶ collect ──▶ folder of a batch
 *                                                   ▲            │
 *                                                   └─ lease ran out: the job goes to another worker
 *
 *   rf:batches                 sorted set of batch ids by time of submission
 *   rf:<batch>:plan            JSON of StoredPlan
 *   rf:<batch>:file:<sha256>   an image or a module
 *   rf:<batch>:records         hash: index of the cell → JSON of its first record
 *   rf:<batch>:consoles        queue-consoles.ts
 *   rf:<batch>:conflicts       set of cells of which two records differed: a broken machine
 *   bull:rf-<batch>:…          BullMQ's own; the job of a cell is named by the cell's id, so that none is there twice
 *
 * A worker that dies, or loses Redis, loses at most its running cells: they are run again, and give the same record. Workers
 * need no files: images come through Redis and are hashed before use. BullMQ is loaded with the first call.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Job, Queue, QueueOptions, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { AbortedError } from '../hypervisor/types.js';
import { cellTask } from './batch.js';
import {
  BATCH_FORMAT,
  type BatchIdentity,
  type BatchResults,
  type CellRecord,
  deterministicPart,
  isCompleted,
} from './cell.js';
import { CellPool } from './cell-pool.js';
import type { ConsolePolicy } from './cell-run.js';
import { canonicalJson } from './fingerprint.js';
import { identityDifference } from './journal.js';
import type { CellLimits, Plan, PlannedCell } from './plan.js';
import { collectConsoles, handOverConsoles } from './queue-consoles.js';
import { type DiskSpec, filesOf } from './scenario.js';
import { assembleBatch } from './shard.js';
import { BatchError } from './tables.js';

/** The queue cannot be reached, has no such batch, or the batch cannot be worked on here. */
export class QueueError extends Error {
  override readonly name = 'QueueError';
}

interface StoredPlan {
  readonly format: typeof BATCH_FORMAT;
  readonly identity: BatchIdentity;
  readonly versions: Readonly<Record<string, string>>;
  readonly text: string;
  readonly limits: CellLimits;
  readonly resolved: Plan['resolved'];
  /** Scenario of each cell; paths are those of the submitter. */
  readonly scenarios: readonly PlannedCell['scenario'][];
  /** SHA-256 by path of the submitter. */
  readonly files: Readonly<Record<string, string>>;
  readonly reproducers: readonly string[];
  /** Group of each cell that shares its boot with others. */
  readonly boots: readonly (string | null)[];
  /** Cells whose consoles are kept. */
  readonly consoles: ConsolePolicy;
}

const BATCHES = 'rf:batches';
const key = (batch: string, what: string): string => `rf:${batch}:${what}`;
const queueName = (batch: string): string => `rf-${batch}`;

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Batches of one identity have one id: submitted twice, they are one. */
export const batchId = (identity: BatchIdentity): string =>
  sha256(Buffer.from(canonicalJson({ format: BATCH_FORMAT, identity }))).slice(0, 16);

/** @param patience retries before giving up; without it, for ever */
async function connect(url: string, patience?: number): Promise<Redis> {
  if (!/^rediss?:\/\/[^/\s]+/.test(url)) {
    throw new QueueError(`--queue ${url}: is not the address of a Redis; allowed: redis://host:port[/database]`);
  }
  const { Redis: Client } = await import('ioredis');
  const client = new Client(url, {
    lazyConnect: true,
    maxRetriesPerRequest: null, // BullMQ asks for it: a command waits for Redis to come back
    retryStrategy: (times) => (patience !== undefined && times > patience ? null : Math.min(times * 100, 2000)),
  });
  let last = '';
  client.on('error', (error) => {
    last = error.message;
  });
  try {
    await client.connect();
    return client;
  } catch (error) {
    client.disconnect();
    const shown = url.replace(/\/\/[^@/]*@/, '//…@'); // a password is nobody's business
    throw new QueueError(`--queue ${shown}: cannot be reached: ${last || (error as Error).message}`);
  }
}

const queueOptions = (connection: Redis): QueueOptions => ({ connection: connection as never, prefix: 'bull' });

async function openQueue(batch: string, connection: Redis): Promise<Queue> {
  const { Queue: Class } = await import('bullmq');
  const queue = new Class(queueName(batch), queueOptions(connection));
  queue.on('error', () => {}); // the connection comes back by itself
  return queue;
}

/** Jobs that are added with one round trip. */
const CHUNK = 500;

export interface Submission {
  readonly batch: string;
  readonly cells: number;
  /** Of them, those that have a record already. */
  readonly done: number;
  /** Whether Redis keeps its data over a restart. */
  readonly durable: boolean;
}

/** What submit needs to know beside the plan. */
export interface SubmitOptions {
  readonly identity: Omit<BatchIdentity, 'plan'>;
  readonly versions: Readonly<Record<string, string>>;
  readonly reproducer: (cell: PlannedCell['cell']) => string;
  /** Consoles that are kept: of no cell, of cells whose claims failed (default), of all. */
  readonly consoles?: ConsolePolicy;
}

/**
 * Puts the cells of a plan into the queue. Again, it adds what is missing and gives failed jobs another chance.
 * @throws QueueError
 */
export async function submitBatch(url: string, plan: Plan, options: SubmitOptions): Promise<Submission> {
  const connection = await connect(url, 3);
  try {
    const identity = { ...options.identity, plan: plan.resolved.plan };
    const batch = batchId(identity);
    const files: Record<string, string> = {};
    for (const { scenario } of plan.cells) {
      for (const domain of scenario.domains) {
        for (const file of [domain.path, ...filesOf(domain).map(({ path }) => path)]) {
          if (files[file] !== undefined) continue;
          const bytes = readFileSync(file);
          files[file] = sha256(bytes);
          await connection.set(key(batch, `file:${files[file]}`), bytes);
        }
      }
    }
    const stored: StoredPlan = {
      format: BATCH_FORMAT,
      identity,
      versions: options.versions,
      text: plan.text,
      limits: plan.limits,
      resolved: plan.resolved,
      scenarios: plan.cells.map(({ scenario }) => scenario),
      files,
      reproducers: plan.cells.map(({ cell }) => options.reproducer(cell)),
      boots: plan.cells.map(({ boot }) => boot ?? null),
      consoles: options.consoles ?? 'failed',
    };
    await connection.set(key(batch, 'plan'), JSON.stringify(stored));
    const queue = await openQueue(batch, connection);
    try {
      for (let start = 0; start < plan.cells.length; start += CHUNK) {
        const jobs = plan.cells.slice(start, start + CHUNK).map(({ cell }) => ({
          name: 'cell',
          data: { index: cell.index },
          opts: { jobId: `c${cell.id}`, attempts: 5, backoff: { type: 'fixed', delay: 500 }, removeOnFail: false },
        }));
        await queue.addBulk(jobs);
      }
      for (const job of await queue.getFailed()) await job.retry('failed');
      await connection.zadd(BATCHES, 'NX', Date.now(), batch);
      const done = await connection.hlen(key(batch, 'records'));
      return { batch, cells: plan.cells.length, done, durable: await isDurable(connection) };
    } finally {
      await queue.close();
    }
  } finally {
    connection.disconnect();
  }
}

async function isDurable(connection: Redis): Promise<boolean> {
  try {
    const [, value] = (await connection.config('GET', 'appendonly')) as string[];
    return value === 'yes';
  } catch {
    return true; // not everyone may ask
  }
}

async function readPlan(connection: Redis, batch: string): Promise<StoredPlan> {
  const text = await connection.get(key(batch, 'plan'));
  if (text === null) throw new QueueError(`the queue has no batch ${batch}; ringfence submit tells its name`);
  const plan = JSON.parse(text) as StoredPlan;
  if (plan.format !== BATCH_FORMAT) {
    throw new QueueError(`batch ${batch} has format ${plan.format}; this version works on format ${BATCH_FORMAT}`);
  }
  return plan;
}

export interface WorkOptions {
  /** Cells at a time. */
  readonly workers: number;
  /** What this worker is, for comparison with what the batch was submitted for. */
  readonly identity: Omit<BatchIdentity, 'plan'>;
  /** Works on this batch only. */
  readonly batch?: string;
  /** Ends when nothing is left to do, rather than waiting for more. */
  readonly drain?: boolean;
  /** Milliseconds after which the cells of a silent worker go to others. */
  readonly leaseMs: number;
  readonly signal?: AbortSignal;
  /** Told of every record, and of batches that are passed over. */
  readonly onRecord?: (record: CellRecord, batch: string) => void;
  readonly onSkip?: (batch: string, why: string) => void;
}

/** Between two looks at the queue, milliseconds. */
const POLL_MS = 250;

const isStopped = (signal: AbortSignal | undefined): boolean => signal?.aborted === true;

const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((done) => {
    const timer = setTimeout(finish, ms);
    function finish(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      done();
    }
    signal?.addEventListener('abort', finish, { once: true });
  });

/**
 * Works on batches, the oldest first, until the signal fires or (`drain`) nothing is left. @returns records kept by this worker
 * @throws QueueError when the one batch that it was told to work on is for another version or machine
 */
export async function work(url: string, options: WorkOptions): Promise<number> {
  const { signal, drain = false } = options;
  const connection = await connect(url);
  const stop = (): void => connection.disconnect();
  const skipped = new Set<string>();
  let kept = 0;
  try {
    while (!isStopped(signal)) {
      const names = options.batch === undefined ? await connection.zrange(BATCHES, 0, -1) : [options.batch];
      let worked = false;
      for (const batch of names) {
        if (isStopped(signal) || skipped.has(batch)) continue;
        const plan = await readPlan(connection, batch);
        const mine = { ...options.identity, plan: plan.identity.plan };
        const difference = identityDifference(mine, plan.identity);
        if (difference !== undefined) {
          const why = `was submitted for another ${difference.replace(/^the /, '')}`;
          if (options.batch !== undefined) throw new QueueError(`batch ${batch} ${why}; nothing was run`);
          skipped.add(batch);
          options.onSkip?.(batch, why);
          continue;
        }
        if (!(await isOpen(connection, batch, plan))) continue;
        worked = true;
        kept += await workOn(url, connection, batch, plan, options);
      }
      if (!worked && drain) break;
      if (!worked) await sleep(POLL_MS * 4, signal);
    }
    return kept;
  } finally {
    stop();
  }
}

interface State {
  readonly done: number;
  /** Jobs that somebody works on or will. Without one, what is not done never will be. */
  readonly open: number;
}

/** Looked at in one transaction: a record is kept before its job is done, so a cell is always seen in one of the two. */
async function stateOf(connection: Redis, batch: string): Promise<State> {
  const jobs = `bull:${queueName(batch)}`;
  const found = await connection
    .multi()
    .hlen(key(batch, 'records'))
    .llen(`${jobs}:wait`)
    .llen(`${jobs}:active`)
    .zcard(`${jobs}:delayed`)
    .exec();
  const [done = 0, ...open] = (found ?? []).map(([, count]) => Number(count));
  return { done, open: open.reduce((sum, count) => sum + count, 0) };
}

async function isOpen(connection: Redis, batch: string, plan: StoredPlan): Promise<boolean> {
  const { done, open } = await stateOf(connection, batch);
  return done < plan.resolved.cells.length && open > 0;
}

/** Images of a batch in a folder of their own, each below its hash. */
async function fetchFiles(
  connection: Redis,
  batch: string,
  plan: StoredPlan,
  folder: string,
): Promise<Map<string, string>> {
  const places = new Map<string, string>();
  for (const [path, hash] of Object.entries(plan.files)) {
    const bytes = await connection.getBuffer(key(batch, `file:${hash}`));
    if (bytes === null || sha256(bytes) !== hash) {
      throw new QueueError(
        `batch ${batch}: the image ${basename(path)} is damaged in the queue; submit the batch again`,
      );
    }
    mkdirSync(join(folder, hash), { recursive: true });
    writeFileSync(join(folder, hash, basename(path)), bytes);
    places.set(path, join(folder, hash, basename(path)));
  }
  return places;
}

function diskHere({ file, ...disk }: DiskSpec, here: (path: string) => string): DiskSpec {
  return { ...disk, ...(file !== undefined && { file: { ...file, path: here(file.path) } }) };
}

function planHere(stored: StoredPlan, places: ReadonlyMap<string, string>): Plan {
  const here = (path: string): string => places.get(path) ?? path;
  const cells = stored.resolved.cells.map((cell, index): PlannedCell => {
    const scenario = stored.scenarios[index]!;
    const domains = scenario.domains.map((domain) => ({
      ...domain,
      path: here(domain.path),
      modules: domain.modules.map((module) => ({ ...module, path: here(module.path) })),
      ...(domain.disk !== undefined && { disk: diskHere(domain.disk, here) }),
    }));
    const boot = stored.boots[index] ?? undefined;
    return { cell, scenario: { ...scenario, domains }, ...(boot !== undefined && { boot }) };
  });
  return { text: stored.text, isBatch: true, limits: stored.limits, resolved: stored.resolved, cells };
}

async function workOn(
  url: string,
  connection: Redis,
  batch: string,
  stored: StoredPlan,
  options: WorkOptions,
): Promise<number> {
  const { workers, leaseMs, signal } = options;
  const folder = mkdtempSync(join(tmpdir(), 'ringfence-worker-'));
  const { Worker: Class } = await import('bullmq');
  const plan = planHere(stored, await fetchFiles(connection, batch, stored, folder));
  const pool = new CellPool({ workers, ...plan.limits });
  const blocking = await connect(url);
  let kept = 0;
  const process = async (job: Job<{ index: number }>): Promise<void> => {
    const { index } = job.data;
    const planned = plan.cells[index]!;
    if ((await connection.hexists(key(batch, 'records'), String(index))) === 1) return; // delivered twice
    const reproducer = (): string => stored.reproducers[index] ?? '';
    const record = await pool.run(cellTask(plan, planned, { consoles: stored.consoles, out: folder, reproducer }));
    if (record.error?.code === 'console') throw new Error(record.error.message); // of this machine's disk: another may have room
    await handOverConsoles(connection, key(batch, 'consoles'), folder, index);
    if (await keep(connection, batch, record)) {
      kept++;
      options.onRecord?.(record, batch);
    }
  };
  const worker: Worker = new Class(queueName(batch), process, {
    ...queueOptions(blocking),
    concurrency: workers,
    lockDuration: leaseMs,
    stalledInterval: Math.max(200, leaseMs / 2),
    maxStalledCount: 20, // a cell that kills its thread is recorded by the pool; a whole worker dies of other things
    drainDelay: 1,
  });
  worker.on('error', () => {}); // lost connections and leases: the job is delivered again
  try {
    while (!isStopped(signal) && (await isOpen(connection, batch, stored))) await sleep(POLL_MS, signal);
    return kept;
  } finally {
    // No new cells first; those that run are given up when stopping, which hands them to other workers at once.
    const closing = worker.close();
    if (isStopped(signal)) await pool.close();
    await Promise.race([closing, sleep(5000)]); // a Redis that is gone is not waited for
    await pool.close();
    blocking.disconnect();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Keeps the first record of a cell that ran to its end, else the first. @returns whether it was this one */
async function keep(connection: Redis, batch: string, record: CellRecord): Promise<boolean> {
  const field = String(record.cell.index);
  if ((await connection.hsetnx(key(batch, 'records'), field, JSON.stringify(record))) === 1) return true;
  const other = JSON.parse((await connection.hget(key(batch, 'records'), field)) ?? 'null') as CellRecord | null;
  if (other === null || !isCompleted(record)) return false;
  if (!isCompleted(other)) {
    await connection.hset(key(batch, 'records'), field, JSON.stringify(record));
    return true;
  }
  const same = canonicalJson(deterministicPart(other)) === canonicalJson(deterministicPart(record));
  if (!same) await connection.sadd(key(batch, 'conflicts'), field);
  return false;
}

export interface CollectOptions {
  readonly out: string;
  /** Needed when the queue has more than one. */
  readonly batch?: string;
  /** Waits for cells that are not done; otherwise they are an error. */
  readonly wait: boolean;
  /** Removes the batch from the queue when its folder is written. */
  readonly remove?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Writes the folder of a batch whose cells were run by workers.
 * @throws QueueError, BatchError, AbortedError
 */
export async function collectBatch(url: string, options: CollectOptions): Promise<BatchResults> {
  const connection = await connect(url, options.wait ? undefined : 3);
  try {
    const batch = options.batch ?? (await onlyBatch(connection));
    const plan = await readPlan(connection, batch);
    const total = plan.resolved.cells.length;
    for (;;) {
      const { done, open } = await stateOf(connection, batch);
      options.onProgress?.(done, total);
      if (done >= total) break;
      if (isStopped(options.signal)) throw new AbortedError();
      if (open === 0) throw new QueueError(await failedJobs(connection, batch));
      if (!options.wait)
        throw new QueueError(`batch ${batch}: ${done} of ${total} cells are done; --wait waits for the rest`);
      await sleep(POLL_MS, options.signal);
    }
    const conflicts = await connection.smembers(key(batch, 'conflicts'));
    if (conflicts.length > 0) {
      const cells = conflicts.slice(0, 10).join(', ');
      throw new BatchError(`two runs of the same cell differ (cells ${cells}): a worker's machine or build is broken`);
    }
    const values = Object.values(await connection.hgetall(key(batch, 'records')));
    const { resolved, text, identity, versions } = plan;
    const records = values.map((value) => JSON.parse(value) as CellRecord);
    const results = await assembleBatch(options.out, { resolved, text, identity, versions, records });
    await collectConsoles(connection, key(batch, 'consoles'), options.out);
    if (options.remove === true) await removeBatch(connection, batch);
    return results;
  } finally {
    connection.disconnect();
  }
}

async function onlyBatch(connection: Redis): Promise<string> {
  const batches = await connection.zrange(BATCHES, 0, -1);
  const [only] = batches;
  if (only !== undefined && batches.length === 1) return only;
  if (only === undefined) throw new QueueError('the queue has no batch; ringfence submit puts one in');
  throw new QueueError(`the queue has ${batches.length} batches; say which with --batch: ${batches.join(', ')}`);
}

async function failedJobs(connection: Redis, batch: string): Promise<string> {
  const queue = await openQueue(batch, connection);
  try {
    const jobs = await queue.getFailed(0, 4);
    const why = jobs.map((job) => `cell ${(job.data as { index: number }).index}: ${job.failedReason}`);
    return `batch ${batch}: cells failed in the queue (${why.join('; ')}); submit it again for another attempt`;
  } finally {
    await queue.close();
  }
}

async function removeBatch(connection: Redis, batch: string): Promise<void> {
  const queue = await openQueue(batch, connection);
  await queue.obliterate({ force: true });
  await queue.close();
  const { files } = await readPlan(connection, batch);
  const keys = [...new Set(Object.values(files))].map((hash) => key(batch, `file:${hash}`));
  await connection.del(...keys, ...['plan', 'records', 'consoles', 'conflicts'].map((what) => key(batch, what)));
  await connection.zrem(BATCHES, batch);
}
