/**
 * A plan's cells, all of them or those of a shard: run, recorded, and taken up again after whatever stopped them.
 *
 *   cells not in the journal ─▶ bundles, one lane per worker ─▶ CellPool ─▶ records ─▶ journal ─▶ (fsynced) counted as done
 *                                                                              └─ all there ─▶ results.json
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { AbortedError } from '../hypervisor/types.js';
import { BundleQueue } from './bundle-queue.js';
import {
  BATCH_FILES,
  BATCH_FORMAT,
  type BatchIdentity,
  type BatchResults,
  CELL_STATUSES,
  type CellRecord,
  type CellStatus,
  deterministicPart,
  isCompleted,
  type JournalHeader,
} from './cell.js';
import { CellAborted, CellPool } from './cell-pool.js';
import type { CellTask, ConsolePolicy } from './cell-run.js';
import { failedAcross } from './claims-across.js';
import { canonicalJson } from './fingerprint.js';
import {
  identityDifference,
  type Journal,
  JournalError,
  type JournalOptions,
  JournalWriteError,
  JournalWriter,
  readJournal,
  writeBeside,
} from './journal.js';
import { LockedError, takeLock } from './lock.js';
import { OutputError } from './output.js';
import type { CellLimits, Plan, PlannedCell } from './plan.js';

export interface BatchProgress {
  /** Cells of this run, those of earlier runs included. */
  readonly total: number;
  /** Safe in the journal. */
  readonly done: number;
  /** Done by this run. */
  readonly doneNow: number;
  /** Of those done: neither ok nor claim-failed. */
  readonly failed: number;
  readonly claimsFailed: number;
}

export interface BatchOptions {
  readonly workers: number;
  /** Folder of the batch. Without one nothing is written, and nothing can be resumed. */
  readonly out?: string;
  /** Goes on with the folder's journal, if it has one. */
  readonly resume?: boolean;
  /** With `resume`: runs cells again that failed, timed out, ran out of memory or crashed. */
  readonly retry?: boolean;
  /** Runs the cells with index % count === index − 1 only; `index` from 1. */
  readonly shard?: { readonly index: number; readonly count: number };
  readonly consoles?: ConsolePolicy;
  readonly limits?: Partial<CellLimits>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: BatchProgress) => void;
  readonly identity: Omit<BatchIdentity, 'plan'>;
  readonly versions: Readonly<Record<string, string>>;
  /** Shell command that runs one cell of the plan. */
  readonly reproducer?: (cell: PlannedCell['cell']) => string;
  /** For tests: module of the worker threads, and the journal's file. */
  readonly worker?: string;
  readonly journal?: JournalOptions;
}

/** The cells of a shard; without one, all. */
export function shardCells(cells: readonly PlannedCell[], shard: BatchOptions['shard']): readonly PlannedCell[] {
  return shard === undefined ? cells : cells.filter(({ cell }) => cell.index % shard.count === shard.index - 1);
}

/** What a queue or a pool needs to run a cell of a plan. */
export function cellTask(
  plan: Plan,
  { cell, scenario, boot }: PlannedCell,
  options: Pick<BatchOptions, 'out' | 'consoles' | 'limits' | 'reproducer'> & Partial<Pick<BatchOptions, 'identity'>>,
): CellTask {
  return {
    cell,
    scenario,
    memoryBytes: options.limits?.memoryBytes ?? plan.limits.memoryBytes,
    reproducer: options.reproducer?.(cell) ?? '',
    consoles: options.consoles ?? 'failed',
    ...(options.out !== undefined && { out: options.out }),
    ...(options.identity !== undefined && { core: options.identity.core }),
    ...(boot !== undefined && { boot }),
  };
}

/**
 * Runs a plan.
 * @throws OutputError, LockedError, JournalError, JournalWriteError, AbortedError; what was acknowledged stays in the journal
 */
export async function runBatch(plan: Plan, options: BatchOptions): Promise<BatchResults> {
  if (options.signal?.aborted) throw new AbortedError();
  const identity: BatchIdentity = { ...options.identity, plan: plan.resolved.plan };
  const { out } = options;
  if (out === undefined) {
    const records = new Map<number, CellRecord>();
    await runCells(plan, options, records, (record) => Promise.resolve(void records.set(record.cell.index, record)));
    return batchResults(plan, identity, options.versions, [...records.values()]);
  }
  checkFolder(out);
  const release = openFolder(out);
  try {
    const header = headerOf(plan, identity, options);
    const journal = options.resume === true ? readForResume(out, header) : checkEmpty(out);
    const before = journal?.records ?? new Map<number, CellRecord>();
    writeBeside('the plan', before.size, () => writePlan(out, plan)); // again: titles and charts may have changed since
    const writer =
      journal === undefined
        ? await JournalWriter.create(out, header, options.journal)
        : await JournalWriter.resume(
            out,
            journal,
            { kind: 'resume', started: header.started, versions: header.versions },
            options.journal,
          );
    try {
      const earlier = new Map([...before].filter(([, record]) => options.retry !== true || isCompleted(record)));
      await runCells(plan, options, earlier, (record) => {
        // Of the disk, not of the cell: it is run again when there is room.
        const { code, message } = record.error ?? {};
        if (code === 'console')
          return Promise.reject(
            new JournalWriteError(/ENOSPC/.test(`${message}`) ? 'ENOSPC' : 'EIO', `${message}`, writer.kept),
          );
        return writer.append({ kind: 'cell', record });
      });
    } finally {
      await writer.close();
    }
    // From the journal, so that what is told is what is kept.
    const results = batchResults(plan, identity, options.versions, [...readJournal(out).records.values()]);
    writeBeside(BATCH_FILES.results, results.deterministic.length, () => writeResults(out, results));
    return results;
  } finally {
    release();
  }
}

/** Makes the folder and takes its lock. @throws OutputError, LockedError */
function openFolder(out: string): () => void {
  try {
    mkdirSync(out, { recursive: true });
    return takeLock(out);
  } catch (error) {
    if (error instanceof LockedError) throw error;
    throw new OutputError(`--out ${out}: cannot be written: ${(error as Error).message}`);
  }
}

async function runCells(
  plan: Plan,
  options: BatchOptions,
  earlier: ReadonlyMap<number, CellRecord>,
  keep: (record: CellRecord) => Promise<void>,
): Promise<void> {
  const mine = shardCells(plan.cells, options.shard);
  const todo = mine.filter(({ cell }) => !earlier.has(cell.index));
  const counts = { total: mine.length, done: mine.length - todo.length, doneNow: 0, failed: 0, claimsFailed: 0 };
  const count = ({ status }: CellRecord): void => {
    if (status === 'claim-failed') counts.claimsFailed++;
    else if (status !== 'ok') counts.failed++;
  };
  for (const record of earlier.values()) count(record);
  options.onProgress?.({ ...counts });
  if (todo.length === 0) return;
  const workers = Math.max(1, Math.min(options.workers, todo.length));
  const pool = new CellPool({
    workers,
    timeMs: options.limits?.timeMs ?? plan.limits.timeMs,
    snapshotBytes: options.limits?.snapshotBytes ?? plan.limits.snapshotBytes,
    ...(options.worker !== undefined && { worker: options.worker }),
  });
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  options.signal?.addEventListener('abort', abort, { once: true });
  stop.signal.addEventListener('abort', () => void pool.close(), { once: true });
  const queue = new BundleQueue(todo, workers, (group) => pool.isBooting(group));
  const kept: Promise<void>[] = [];
  let failure: unknown;
  const lane = async (): Promise<void> => {
    for (;;) {
      const cells = stop.signal.aborted ? [] : queue.take();
      if (cells.length === 0) return;
      const records = await pool.runAll(cells.map((cell) => cellTask(plan, cell, options)));
      queue.learn(records);
      for (const record of records) {
        const safe = keep(record).then(
          () => {
            count(record);
            counts.done++;
            counts.doneNow++;
            options.onProgress?.({ ...counts });
          },
          (error: unknown) => {
            failure ??= error;
            stop.abort();
          },
        );
        kept.push(safe);
      }
      if (kept.length > 1000) await Promise.all(kept.splice(0, 500));
    }
  };
  try {
    await Promise.all(Array.from({ length: workers }, lane));
  } catch (error) {
    if (!(error instanceof CellAborted)) throw error;
  } finally {
    await Promise.all(kept);
    options.signal?.removeEventListener('abort', abort);
    await pool.close();
  }
  if (failure !== undefined) throw failure;
  if (options.signal?.aborted) throw new AbortedError();
}

/** What a batch's folder may hold at its top beside the files of this module. */
const isOurs = (name: string): boolean =>
  (Object.values(BATCH_FILES) as string[]).includes(name) ||
  /^(report|charts|results|manifest|cells|domains|exits|claims|wall_clock|columns)\b|^\.lock-|^lock\./.test(name);

function refuse(out: string, why: string): never {
  throw new OutputError(`--out ${out}: ${why}; allowed: a new or an empty folder, or one of this batch with --resume`);
}

/** Refuses what is not ours; looks at names only. @throws OutputError */
function checkFolder(out: string): void {
  if (!existsSync(out)) return;
  if (!statSync(out).isDirectory()) refuse(out, 'is not a folder');
  const foreign = readdirSync(out).find((name) => !isOurs(name));
  if (foreign !== undefined) refuse(out, `holds '${foreign}', which is not a result of Ringfence`);
}

/** Refuses a folder that holds results already. Called with the lock, so that a batch that runs is told as that. */
function checkEmpty(out: string): undefined {
  if (existsSync(join(out, BATCH_FILES.journal))) refuse(out, 'holds a batch already');
  if (existsSync(join(out, BATCH_FILES.results))) refuse(out, 'holds the results of a run');
}

function headerOf(plan: Plan, identity: BatchIdentity, options: BatchOptions): JournalHeader {
  return {
    kind: 'header',
    format: BATCH_FORMAT,
    identity,
    versions: options.versions,
    cells: plan.cells.length,
    ...(options.shard !== undefined && { shard: options.shard }),
    started: new Date().toISOString(),
  };
}

/** @returns undefined if the folder has no journal, or only the torn beginning of one. @throws JournalError */
function readForResume(out: string, mine: JournalHeader): Journal | undefined {
  let journal: Journal;
  try {
    journal = readJournal(out);
  } catch (error) {
    if (error instanceof JournalError && error.code === 'no-journal') return undefined;
    throw error;
  }
  const difference = identityDifference(mine.identity, journal.header.identity);
  if (difference !== undefined) {
    throw new JournalError('other-plan', `${out}: cannot go on: ${difference} changed since the batch began`);
  }
  const [theirs, ours] = [journal.header.shard, mine.shard].map((shard) =>
    shard ? `${shard.index}/${shard.count}` : 'all',
  );
  if (theirs !== ours)
    throw new JournalError('other-plan', `${out}: cannot go on: it holds the shard ${theirs}, not ${ours}`);
  return journal;
}

function writePlan(out: string, plan: Plan): void {
  writeFileSync(join(out, BATCH_FILES.scenario), plan.text);
  writeFileSync(join(out, BATCH_FILES.resolved), `${JSON.stringify(plan.resolved, null, 1)}\n`);
}

/** SHA-256 over deterministicPart of every record in canonical JSON, one per line, in the order of the plan. */
export function batchFingerprint(records: readonly CellRecord[]): string {
  const hash = createHash('sha256');
  for (const record of inOrder(records)) hash.update(`${canonicalJson(deterministicPart(record))}\n`);
  return hash.digest('hex');
}

const inOrder = (records: readonly CellRecord[]): CellRecord[] =>
  [...records].sort((a, b) => a.cell.index - b.cell.index);

/** Results of the cells that have a record. */
export function batchResults(
  plan: Pick<Plan, 'resolved'>,
  identity: BatchIdentity,
  versions: Readonly<Record<string, string>>,
  records: readonly CellRecord[],
): BatchResults {
  const ordered = inOrder(records);
  const quotes = ordered.map(({ attestation }) => attestation ?? null);
  const counts = Object.fromEntries(CELL_STATUSES.map((status) => [status, 0])) as Record<CellStatus, number>;
  for (const { status } of ordered) counts[status]++;
  const { name, title, description, parameters, cells, across: claims = [] } = plan.resolved;
  const across = ordered.length === cells.length ? failedAcross(claims, parameters, ordered) : [];
  return {
    format: BATCH_FORMAT,
    fingerprint: batchFingerprint(ordered),
    passed: counts.ok === ordered.length && across.length === 0,
    across,
    scenario: { name, title, description },
    identity,
    parameters,
    counts,
    deterministic: ordered.map(deterministicPart),
    ...(quotes.some((quote) => quote !== null) && { attestations: quotes }),
    wallClock: ordered.map(({ wallClock, error, reproducer, attempts }) => ({
      ...(wallClock !== undefined && { wallClock }),
      ...(error !== undefined && { error }),
      reproducer,
      attempts,
    })),
    versions,
  };
}

/** Writes results.json, whole or not at all; one record per line, the deterministic ones in canonical form. */
export function writeResults(out: string, results: BatchResults): void {
  const { deterministic, attestations, wallClock, ...head } = results;
  const partial = join(out, `.lock-results-${process.pid}`);
  const file = openSync(partial, 'w');
  try {
    const write = (text: string): void => void writeSync(file, text);
    write(JSON.stringify(head, null, 1).replace(/\n\}$/, ',\n'));
    writeArray(write, 'deterministic', deterministic, ',\n');
    if (attestations !== undefined) writeArray(write, 'attestations', attestations, ',\n');
    writeArray(write, 'wallClock', wallClock, '\n}\n');
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(partial, join(out, BATCH_FILES.results));
}

function writeArray(write: (text: string) => void, name: string, items: readonly unknown[], end: string): void {
  write(` "${name}": [`);
  for (const [index, item] of items.entries()) write(`${index === 0 ? '' : ','}\n  ${canonicalJson(item)}`);
  write(`\n ]${end}`);
}
