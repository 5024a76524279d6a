/**
 * Parts of a batch, run apart, become one: folders of shards here, records from a queue in queue.ts.
 *
 *   journal 1/3 ─┐
 *   journal 2/3 ─┼─ same identity, every cell once ─▶ journal, results.json, manifest.json, console/
 *   journal 3/3 ─┘
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { batchResults, writeResults } from './batch.js';
import {
  BATCH_FILES,
  BATCH_FORMAT,
  type BatchIdentity,
  type BatchResults,
  type CellRecord,
  type JournalHeader,
  type ResolvedBatch,
} from './cell.js';
import { identityDifference, type Journal, JournalError, JournalWriter, readJournal } from './journal.js';
import { takeLock } from './lock.js';
import { writeManifest } from './manifest.js';
import { BatchError } from './tables.js';

/** What a whole batch is made of. */
export interface Parts {
  readonly resolved: ResolvedBatch;
  /** The scenario's text; '' where it was not kept. */
  readonly text: string;
  readonly identity: BatchIdentity;
  readonly versions: Readonly<Record<string, string>>;
  /** One per cell of the plan. */
  readonly records: readonly CellRecord[];
}

/** A few of many numbers: `3, 5, 7 … (40 in all)`. */
function some(numbers: readonly number[]): string {
  const shown = numbers.slice(0, 10).join(', ');
  return numbers.length > 10 ? `${shown} … (${numbers.length} in all)` : shown;
}

/** @throws BatchError if the folder holds anything */
function claimFolder(out: string): () => void {
  if (existsSync(out) && readdirSync(out).length > 0) {
    throw new BatchError(`--out ${out}: is not empty; allowed: a new or an empty folder`);
  }
  try {
    mkdirSync(out, { recursive: true });
    return takeLock(out);
  } catch (error) {
    throw new BatchError(`--out ${out}: cannot be written: ${(error as Error).message}`);
  }
}

/** Writes the folder of a finished batch, as one runner would have; nothing stays of one that cannot be written. @throws BatchError */
export async function assembleBatch(out: string, parts: Parts): Promise<BatchResults> {
  const { resolved } = parts;
  const records = [...parts.records].sort((a, b) => a.cell.index - b.cell.index);
  checkComplete(resolved, records);
  const release = claimFolder(out);
  try {
    return await writeBatch(out, { ...parts, records });
  } catch (error) {
    for (const name of WRITTEN) rmSync(join(out, name), { force: true });
    throw new BatchError(`--out ${out}: cannot be written: ${(error as Error).message}`);
  } finally {
    release();
  }
}

const WRITTEN = [
  BATCH_FILES.scenario,
  BATCH_FILES.resolved,
  BATCH_FILES.journal,
  BATCH_FILES.results,
  BATCH_FILES.manifest,
];

async function writeBatch(out: string, { resolved, text, identity, versions, records }: Parts): Promise<BatchResults> {
  if (text !== '') writeFileSync(join(out, BATCH_FILES.scenario), text);
  writeFileSync(join(out, BATCH_FILES.resolved), `${JSON.stringify(resolved, null, 1)}\n`);
  const header: JournalHeader = {
    kind: 'header',
    format: BATCH_FORMAT,
    identity,
    versions,
    cells: resolved.cells.length,
    started: new Date().toISOString(),
  };
  const journal = await JournalWriter.create(out, header, { groupMs: 0 });
  try {
    await Promise.all(records.map((record) => journal.append({ kind: 'cell', record })));
  } finally {
    await journal.close();
  }
  const results = batchResults({ resolved }, identity, versions, records);
  writeResults(out, results);
  writeManifest(out, resolved, identity, versions);
  return results;
}

/** Every cell of the plan once, under its id. @throws BatchError */
function checkComplete({ cells }: ResolvedBatch, records: readonly CellRecord[]): void {
  const ids = new Map(records.map(({ cell }) => [cell.index, cell.id]));
  const missing = cells.filter(({ index }) => !ids.has(index)).map(({ index }) => index);
  if (missing.length > 0) throw new BatchError(`cells are missing: ${some(missing)}`);
  const foreign = cells.filter(({ index, id }) => ids.get(index) !== id).map(({ index }) => index);
  if (foreign.length > 0 || records.length !== cells.length) {
    throw new BatchError(`records are of another plan: cells ${some(foreign)}`);
  }
}

interface Part {
  readonly folder: string;
  readonly journal: Journal;
  readonly resolved: ResolvedBatch;
}

function readPart(folder: string): Part {
  let journal: Journal;
  try {
    journal = readJournal(folder);
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    throw new BatchError(error.message);
  }
  const path = join(folder, BATCH_FILES.resolved);
  try {
    return { folder, journal, resolved: JSON.parse(readFileSync(path, 'utf8')) as ResolvedBatch };
  } catch (error) {
    throw new BatchError(`${path}: cannot be read: ${(error as Error).message}`);
  }
}

const shardName = ({ header }: Journal): string =>
  header.shard === undefined ? 'all' : `${header.shard.index}/${header.shard.count}`;

/** Cells of the plan that the part should have, and has not. */
function unfinished({ journal, resolved }: Part): number[] {
  const { shard } = journal.header;
  const mine = resolved.cells.filter(({ index }) => shard === undefined || index % shard.count === shard.index - 1);
  return mine.filter(({ index }) => !journal.records.has(index)).map(({ index }) => index);
}

/**
 * Merges the folders of shards into `out`.
 * @throws BatchError for parts of different plans, machines or versions, and for missing or overlapping cells
 */
export async function mergeBatches(folders: readonly string[], out: string): Promise<BatchResults> {
  const parts = folders.map(readPart);
  const [first] = parts;
  if (first === undefined) throw new BatchError('nothing to merge; allowed: the folders of all shards');
  const owner = new Map<number, Part>();
  for (const part of parts) {
    const difference = identityDifference(first.journal.header.identity, part.journal.header.identity);
    if (difference !== undefined) {
      throw new BatchError(`${part.folder} does not belong to ${first.folder}: ${difference} differs`);
    }
    for (const index of part.journal.records.keys()) {
      const other = owner.get(index);
      if (other !== undefined) {
        const names = [other, part].map(({ folder, journal }) => `${folder} (shard ${shardName(journal)})`);
        throw new BatchError(`cell ${index} is in ${names.join(' and in ')}; allowed: every cell once`);
      }
      owner.set(index, part);
    }
  }
  for (const part of parts) {
    const left = unfinished(part);
    if (left.length === 0) continue;
    const shard = `shard ${shardName(part.journal)}`;
    throw new BatchError(`${part.folder} (${shard}) is not finished: cells ${some(left)} are missing; --resume it`);
  }
  const absent = first.resolved.cells.filter(({ index }) => !owner.has(index)).map(({ index }) => index);
  if (absent.length > 0) {
    const given = parts.map(({ journal }) => shardName(journal)).join(', ');
    throw new BatchError(`cells ${some(absent)} are in no folder; given: shards ${given}; allowed: all shards`);
  }
  const scenario = join(first.folder, BATCH_FILES.scenario);
  const results = await assembleBatch(out, {
    resolved: first.resolved,
    text: existsSync(scenario) ? readFileSync(scenario, 'utf8') : '',
    identity: first.journal.header.identity,
    versions: first.journal.header.versions,
    records: parts.flatMap(({ journal }) => [...journal.records.values()]),
  });
  for (const { folder } of parts) {
    const consoles = join(folder, BATCH_FILES.console);
    if (existsSync(consoles)) cpSync(consoles, join(out, BATCH_FILES.console), { recursive: true });
  }
  return results;
}
