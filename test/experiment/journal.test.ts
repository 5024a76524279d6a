import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CellRecord, JournalHeader } from '../../src/experiment/cell.js';
import { type JournalFile, JournalWriteError, JournalWriter, readJournal } from '../../src/experiment/journal.js';
import { LockedError, takeLock } from '../../src/experiment/lock.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringfence-journal-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const header: JournalHeader = {
  kind: 'header',
  format: 1,
  identity: { ringfence: '1', core: 'c', costTable: 't', plan: 'p' },
  versions: {},
  cells: 5,
  started: '2026-01-01T00:00:00.000Z',
};
const record = (index: number, text = 'ok'): CellRecord => ({
  cell: { index, id: `id-${index}`, parameters: { text }, repeat: 0, seed: 1 },
  ...{ status: 'ok', claims: [], reproducer: 'none', attempts: 1 },
});
const path = (): string => join(folder, 'journal.ndjson');

async function fill(count: number): Promise<void> {
  const writer = await JournalWriter.create(folder, header, { groupMs: 0 });
  for (let index = 0; index < count; index++) await writer.append({ kind: 'cell', record: record(index, 'zwölf\n"') });
  await writer.close();
}

describe('the journal', () => {
  it('gives back what was written, and is NDJSON', async () => {
    await fill(5);
    const { header: read, records, lines, bytes } = readJournal(folder);
    expect(read).toMatchObject(header);
    expect([...records.values()]).toEqual(Array.from({ length: 5 }, (_, index) => record(index, 'zwölf\n"')));
    expect([lines, bytes]).toEqual([6, statSync(path()).size]);
    for (const line of readFileSync(path(), 'utf8').trimEnd().split('\n'))
      expect(JSON.parse(line)).toHaveProperty('sum');
  });

  it('cut at any byte keeps every whole line, and goes on from there', async () => {
    await fill(3);
    const whole = readFileSync(path());
    const ends = [...whole.entries()].filter(([, byte]) => byte === 0x0a).map(([index]) => index + 1);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: ends[0]!, max: whole.length }), async (length) => {
        writeFileSync(path(), whole.subarray(0, length));
        const journal = readJournal(folder);
        const kept = ends.filter((end) => end <= length).length;
        expect(journal.lines).toBe(kept);
        const writer = await JournalWriter.resume(
          folder,
          journal,
          { kind: 'resume', started: '', versions: {} },
          { groupMs: 0 },
        );
        await writer.append({ kind: 'cell', record: record(4) });
        await writer.close();
        const again = readJournal(folder);
        expect(again.lines).toBe(kept + 2);
        expect([...again.records.keys()]).toEqual([...journal.records.keys(), 4]);
      }),
      { numRuns: 60 },
    );
  });

  it('tolerates a wrong last line, and tells any other with its number', async () => {
    await fill(3);
    const whole = readFileSync(path());
    const lines = whole.toString('utf8').split('\n');
    appendFileSync(path(), '{"sum":"0000000000000000","sequence":4,"kind":"cell"}\n');
    expect(readJournal(folder).lines).toBe(4);
    for (const [at, damage] of [
      [1, (line: string) => line.replace('"ok"', '"no"')],
      [2, (line: string) => line.slice(5)],
      [2, () => lines[1]!], // a line twice
      [0, () => 'not json'],
    ] as const) {
      writeFileSync(path(), lines.map((line, index) => (index === at ? damage(line) : line)).join('\n'));
      expect(() => readJournal(folder)).toThrow(new RegExp(`journal\\.ndjson: line ${at + 1} is damaged`));
    }
    writeFileSync(path(), whole);
    truncateSync(path(), 20);
    expect(() => readJournal(folder)).toThrow(/no header/);
  });

  it('acknowledges nothing before the fsync, and fsyncs once for all that waited', async () => {
    const events: string[] = [];
    const file: JournalFile = {
      write: async (bytes) => void events.push(`write ${Buffer.from(bytes).toString().split('\n').length - 1}`),
      sync: async () => {
        await new Promise((done) => setTimeout(done, 5));
        events.push('sync');
      },
      truncate: async () => {},
      close: async () => void events.push('close'),
    };
    const writer = await JournalWriter.create(folder, header, { groupMs: 20, file: async () => file });
    events.push('created');
    const all = Array.from({ length: 100 }, (_, index) =>
      writer.append({ kind: 'cell', record: record(index) }).then(() => events.push('ack')),
    );
    await Promise.all(all);
    await writer.close();
    expect(events.slice(0, 6)).toEqual(['write 1', 'sync', 'created', 'write 100', 'sync', 'ack']);
    expect(events.filter((event) => event === 'sync')).toHaveLength(2);
  });

  it('of a full disk is cut back to its last good line; what follows is refused', async () => {
    let room = 3000;
    let held = Buffer.alloc(0);
    const file: JournalFile = {
      write: async (bytes, position) => {
        const part = Buffer.from(bytes).subarray(0, Math.max(0, room));
        held = Buffer.concat([held.subarray(0, position), part]);
        room -= bytes.length;
        if (part.length < bytes.length) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
      },
      sync: async () => {},
      truncate: async (length) => {
        held = held.subarray(0, length);
      },
      close: async () => {},
    };
    const writer = await JournalWriter.create(folder, header, { groupMs: 0, file: async () => file });
    let acknowledged = 0;
    let failure: unknown;
    for (let index = 0; index < 100 && failure === undefined; index++) {
      await writer.append({ kind: 'cell', record: record(index) }).then(
        () => acknowledged++,
        (error: unknown) => {
          failure = error;
        },
      );
    }
    expect(failure).toBeInstanceOf(JournalWriteError);
    expect(failure).toMatchObject({ code: 'ENOSPC', kept: acknowledged, message: 'the disk is full' });
    await expect(writer.append({ kind: 'cell', record: record(100) })).rejects.toBe(failure);
    await writer.close();
    writeFileSync(path(), held);
    expect(readJournal(folder).records.size).toBe(acknowledged);
  });

  const mount = process.getuid?.() === 0 ? spawnSync('mount', ['--version']).status === 0 : false;
  it.skipIf(!mount)('stops cleanly on a real disk that is full (tmpfs of 64 KiB; needs root)', async ({ skip }) => {
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', folder]).status !== 0)
      skip('mount is not allowed here');
    try {
      const writer = await JournalWriter.create(folder, header, { groupMs: 0 });
      let acknowledged = 0;
      const full = async (): Promise<void> => {
        for (let index = 0; index < 10_000; index++, acknowledged++)
          await writer.append({ kind: 'cell', record: record(index) });
      };
      await expect(full()).rejects.toMatchObject({ code: 'ENOSPC' });
      await writer.close();
      expect(acknowledged).toBeGreaterThan(10);
      expect(readJournal(folder).records.size).toBe(acknowledged);
    } finally {
      spawnSync('umount', [folder]);
    }
  });
});

describe('the lock', () => {
  it('is held by one, and given back', () => {
    const release = takeLock(folder);
    expect(() => takeLock(folder)).toThrow(LockedError);
    expect(() => takeLock(folder)).toThrow(`process ${process.pid} works there already`);
    release();
    takeLock(folder)();
  });

  it('of a process that is gone is taken over; of another computer it is not', () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    const lock = join(folder, 'lock');
    const own = (() => {
      const release = takeLock(folder);
      const text = JSON.parse(readFileSync(lock, 'utf8'));
      release();
      return text;
    })();
    writeFileSync(lock, JSON.stringify({ ...own, pid }));
    takeLock(folder)();
    if (own.began !== '') {
      writeFileSync(lock, JSON.stringify({ ...own, began: '1' })); // our id, but an earlier process
      takeLock(folder)();
    }
    writeFileSync(lock, '{"pid":'); // cut short
    takeLock(folder)();
    writeFileSync(lock, JSON.stringify({ ...own, host: 'elsewhere' }));
    expect(() => takeLock(folder)).toThrow(/on elsewhere works there; if it is gone, remove/);
  });
});
