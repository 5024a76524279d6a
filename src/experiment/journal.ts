/**
 * The journal of a batch: what is done, safe on the disk. Format: cell.ts.
 *
 *   append ─▶ pending ─▶ ┌ one write, one fdatasync for all that waited ┐ ─▶ acknowledged
 *                        └ at most every 50 ms                          ┘
 *
 * A write that fails (a full disk) is cut off again, so that the file stays a good journal, and nothing after it is taken.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  BATCH_FILES,
  BATCH_FORMAT,
  type BatchIdentity,
  type CellRecord,
  type JournalEntry,
  type JournalHeader,
  type JournalLine,
} from './cell.js';

/** The journal is damaged, or is not of this plan. `code` is stable. */
export class JournalError extends Error {
  readonly code: 'damaged' | 'other-plan' | 'no-journal';
  constructor(code: JournalError['code'], message: string) {
    super(message);
    this.name = 'JournalError';
    this.code = code;
  }
}

/** The journal cannot be written: a full disk, a folder that is gone. What it holds is good. */
export class JournalWriteError extends Error {
  /** Records that are safe in the journal. */
  readonly kept: number;
  readonly code: string;
  constructor(code: string, message: string, kept: number) {
    super(message);
    this.name = 'JournalWriteError';
    this.code = code;
    this.kept = kept;
  }
}

const SUM = /^\{"sum":"([0-9a-f]{16})",/;
const PREFIX = '{"sum":"0123456789abcdef",'.length;

const sumOf = (rest: string): string => createHash('sha256').update(rest).digest('hex').slice(0, 16);

/** An entry as a line, line feed included. */
export function journalLine(sequence: number, entry: JournalEntry): string {
  const rest = JSON.stringify({ sequence, ...entry }).slice(1);
  return `{"sum":"${sumOf(rest)}",${rest}\n`;
}

/** @returns undefined if the line is not as it was written */
function parseLine(text: string, sequence: number): JournalLine | undefined {
  const sum = SUM.exec(text)?.[1];
  if (sum === undefined || sumOf(text.slice(PREFIX)) !== sum) return undefined;
  const line = JSON.parse(text) as JournalLine;
  return line.sequence === sequence ? line : undefined;
}

export interface Journal {
  readonly header: JournalHeader;
  /** By index of the cell. A later line of a cell replaces an earlier one. */
  readonly records: ReadonlyMap<number, CellRecord>;
  /** Number of good lines. */
  readonly lines: number;
  /** Bytes of good lines; what follows was torn by a crash. */
  readonly bytes: number;
}

const LINE_FEED = 0x0a;

/**
 * Reads a journal.
 * @param path the file, or the batch's folder
 * @throws JournalError if there is none or it is damaged before its last line
 */
export function readJournal(path: string): Journal {
  const file = path.endsWith('.ndjson') ? path : join(path, BATCH_FILES.journal);
  if (!existsSync(file)) throw new JournalError('no-journal', `${file}: there is no journal`);
  const bytes = readFileSync(file);
  const records = new Map<number, CellRecord>();
  let header: JournalHeader | undefined;
  let lines = 0;
  let start = 0;
  for (;;) {
    const end = bytes.indexOf(LINE_FEED, start);
    if (end < 0) break;
    const line = parseLine(bytes.toString('utf8', start, end), lines);
    if (line === undefined) {
      if (end === bytes.length - 1) break; // the last line: torn
      const why = `line ${lines + 1} is damaged: its checksum or its number is wrong`;
      const cure = `cut it there (head -n ${lines}) and --resume runs the rest again`;
      throw new JournalError('damaged', `${file}: ${why}; the lines before it are good: ${cure}`);
    }
    if (lines === 0) {
      if (line.kind !== 'header' || line.format !== BATCH_FORMAT) {
        throw new JournalError('damaged', `${file}: line 1 is not a header of format ${BATCH_FORMAT}`);
      }
      header = line;
    } else if (line.kind === 'cell') records.set(line.record.cell.index, line.record);
    lines++;
    start = end + 1;
  }
  if (header === undefined) throw new JournalError('no-journal', `${file}: the journal has no header`);
  return { header, records, lines, bytes: start };
}

/** What in two identities differs, for messages; undefined if nothing does. */
export function identityDifference(mine: BatchIdentity, theirs: BatchIdentity): string | undefined {
  const names = {
    plan: 'the scenario, its guests or its arguments',
    core: 'the machine (build/core.wasm)',
    costTable: 'the cost table',
    ringfence: 'the version of Ringfence',
  } as const;
  for (const [key, what] of Object.entries(names)) {
    if (mine[key as keyof BatchIdentity] !== theirs[key as keyof BatchIdentity]) return what;
  }
  return undefined;
}

/** What a journal needs of a file; tests give one that fails. */
export interface JournalFile {
  write(bytes: Uint8Array, position: number): Promise<void>;
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

async function openFile(path: string): Promise<JournalFile> {
  const isNew = !existsSync(path);
  const handle: FileHandle = await open(path, isNew ? 'wx+' : 'r+');
  if (isNew) await syncFolder(dirname(path));
  return {
    write: async (bytes, position) => {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
        done += bytesWritten;
      }
    },
    sync: () => handle.datasync(),
    truncate: (length) => handle.truncate(length),
    close: () => handle.close(),
  };
}

/** So that a file that is new there is still there after a loss of power. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync().catch(() => {}); // not every system syncs folders
  await folder.close();
}

interface Pending {
  readonly entry: JournalEntry;
  readonly done: () => void;
  readonly fail: (error: Error) => void;
}

export interface JournalOptions {
  /** Least milliseconds between two fsyncs. */
  readonly groupMs?: number;
  readonly file?: (path: string) => Promise<JournalFile>;
}

export class JournalWriter {
  private readonly file: JournalFile;
  private readonly groupMs: number;
  private bytes: number;
  private sequence: number;
  /** Records that are safe. */
  kept: number;
  private pending: Pending[] = [];
  private flushing: Promise<void> | undefined;
  private lastSync = 0;
  private broken: JournalWriteError | undefined;

  private constructor(file: JournalFile, bytes: number, sequence: number, kept: number, groupMs: number) {
    this.file = file;
    this.bytes = bytes;
    this.sequence = sequence;
    this.kept = kept;
    this.groupMs = groupMs;
  }

  /** A new journal in `folder`. @throws JournalWriteError */
  static async create(folder: string, header: JournalHeader, options: JournalOptions = {}): Promise<JournalWriter> {
    return await JournalWriter.start(folder, undefined, header, options);
  }

  /** Goes on with a journal; a torn end is cut off. @throws JournalWriteError */
  static async resume(
    folder: string,
    journal: Journal,
    entry: JournalEntry,
    options: JournalOptions = {},
  ): Promise<JournalWriter> {
    return await JournalWriter.start(folder, journal, entry, options);
  }

  private static async start(
    folder: string,
    journal: Journal | undefined,
    entry: JournalEntry,
    options: JournalOptions,
  ): Promise<JournalWriter> {
    const { groupMs = 50, file: opened = openFile } = options;
    const { bytes = 0, lines = 0, records } = journal ?? {};
    const kept = records?.size ?? 0;
    const path = join(folder, BATCH_FILES.journal);
    let writer: JournalWriter | undefined;
    try {
      const file = await opened(path);
      writer = new JournalWriter(file, bytes, lines, kept, groupMs);
      await file.truncate(bytes);
    } catch (error) {
      throw writeError(error, kept);
    }
    try {
      await writer.append(entry);
    } catch (error) {
      await writer.close();
      throw error;
    }
    return writer;
  }

  /** Resolves when the entry is safe on the disk. Rejects with JournalWriteError; then every later entry does too. */
  append(entry: JournalEntry): Promise<void> {
    if (this.broken !== undefined) return Promise.reject(this.broken);
    return new Promise((done, fail) => {
      this.pending.push({ entry, done, fail });
      this.flushing ??= this.flush();
    });
  }

  private async flush(): Promise<void> {
    const wait = this.lastSync + this.groupMs - performance.now();
    if (wait > 0) await new Promise((done) => setTimeout(done, wait));
    else await Promise.resolve();
    const group = this.pending;
    this.pending = [];
    try {
      const text = group.map(({ entry }, index) => journalLine(this.sequence + index, entry)).join('');
      const bytes = Buffer.from(text, 'utf8');
      await this.file.write(bytes, this.bytes);
      await this.file.sync();
      this.bytes += bytes.length;
      this.sequence += group.length;
      this.kept += group.filter(({ entry }) => entry.kind === 'cell').length;
    } catch (error) {
      this.broken = writeError(error, this.kept);
      await this.file.truncate(this.bytes).catch(() => {}); // a torn end is tolerated as well
      for (const { fail } of [...group, ...this.pending]) fail(this.broken);
      this.pending = [];
      this.flushing = undefined;
      return;
    }
    this.lastSync = performance.now();
    for (const { done } of group) done();
    this.flushing = this.pending.length > 0 ? this.flush() : undefined;
  }

  /** Waits for what is pending, then closes the file. */
  async close(): Promise<void> {
    while (this.flushing !== undefined) await this.flushing;
    await this.file.close();
  }
}

function writeError(error: unknown, kept: number, what: string = 'the journal'): JournalWriteError {
  const { code = 'EIO', message } = error as NodeJS.ErrnoException;
  const why = code === 'ENOSPC' ? 'the disk is full' : `${what} cannot be written: ${message}`;
  return new JournalWriteError(code, why, kept);
}

/** Writes other files of a batch. @throws JournalWriteError */
export function writeBeside(what: string, kept: number, write: () => void): void {
  try {
    write();
  } catch (error) {
    throw writeError(error, kept, what);
  }
}
