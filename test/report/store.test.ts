import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { query } from '../../src/experiment/store.js';
import { readBatch, tablesOf } from '../../src/experiment/tables.js';
import { Workspace } from '../cli/console.js';
import { MEMORIES, makeBatch, makeRecords, PAGES, REPEATS, writeBatch } from './batch.js';

const work = new Workspace();
const batch = makeBatch();
const CELLS = MEMORIES.length * PAGES.length * REPEATS;
let folder = '';
beforeAll(() => {
  folder = writeBatch(work.path('sweep'), batch);
});
afterAll(() => work.remove());

const hash = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

describe('tables', () => {
  it('have a value for every column of every row, and no column twice', () => {
    for (const { name, columns, rows } of tablesOf(batch)) {
      expect(new Set(columns.map((column) => column.name.toLowerCase())).size, name).toBe(columns.length);
      for (const row of rows) expect(row.length, name).toBe(columns.length);
    }
  });

  it('have no column twice, whatever parameters are called', async () => {
    const names = ['memory', 'Memory', 'name', 'domain_name', 'ID', 'param_id', 'wall_run_ms', 'host_quanta'];
    const parameters = names.map((name) => ({ name, path: name, type: 'number' as const }));
    const values = Object.fromEntries(names.map((name, index) => [name, index]));
    const odd = makeBatch(makeRecords(1, (record) => ({ ...record, cell: { ...record.cell, parameters: values } })));
    const { columns, rows } = await query({ ...odd, parameters }, 'SELECT * FROM results LIMIT 1');
    expect(new Set(columns.map((column) => column.toLowerCase())).size).toBe(columns.length);
    expect(columns).toEqual(
      tablesOf({ ...odd, parameters })
        .at(-1)
        ?.columns.map(({ name }) => name),
    );
    expect(['param_Memory', 'domain_domain_name'].map((name) => rows[0]?.[columns.indexOf(name)])).toEqual([
      1,
      'sieve',
    ]);
  });

  it('keep wall-clock columns out of the deterministic tables', () => {
    const slower = makeBatch(makeRecords(3));
    const [fast, slow] = [tablesOf(batch), tablesOf(slower)];
    for (const [index, table] of fast.entries()) {
      const same = JSON.stringify(table.rows) === JSON.stringify(slow[index]?.rows);
      expect(same, table.name).toBe(table.deterministic);
    }
  });

  it('keep a cell without results, with empty columns', () => {
    const lost = makeBatch(
      makeRecords(1, (record) => {
        if (record.cell.index !== 3) return record;
        const { deterministic: _1, wallClock: _2, ...rest } = record;
        return { ...rest, status: 'timeout', error: { code: 'timeout', message: 'too slow' }, attempts: 2 };
      }),
    );
    const [cells, domains, , , wall, results] = tablesOf(lost);
    expect(cells?.rows.length).toBe(CELLS);
    expect(domains?.rows.length).toBe((CELLS - 1) * 2);
    expect(results?.rows.length).toBe((CELLS - 1) * 2 + 1);
    expect(wall?.rows[3]).toContain('too slow');
  });
});

describe('ringfence query', () => {
  it('answers with numbers that the tables add up to', async () => {
    const sql = 'SELECT page, sum(tlb_misses) AS misses, count(*) AS n FROM results GROUP BY page ORDER BY page';
    const { code, out, err } = await work.run(['query', folder, sql, '--json']);
    expect([code, err]).toEqual([0, '']);
    const expected = ['2m', '4k'].map((page) => {
      const rows = batch.deterministic.filter(({ cell }) => cell.parameters.page === page);
      const domains = rows.flatMap(({ deterministic }) => deterministic?.domains ?? []);
      return { page, misses: domains.reduce((sum, row) => sum + Number(row.tlb_misses), 0), n: domains.length };
    });
    expect(JSON.parse(out)).toEqual(expected);
  });

  it('prints CSV and tables', async () => {
    const sql = `SELECT 'a,"b"' AS quoted, NULL AS nothing, 2::BIGINT AS two, '' AS empty`;
    expect((await work.run(['query', folder, sql, '--csv'])).out).toBe('quoted,nothing,two,empty\n"a,""b""",,2,""\n');
    const { out } = await work.run(['query', folder, 'SELECT cell, status FROM cells WHERE cell < 2']);
    expect(out).toBe('cell  status\n────────────\n   0  ok\n   1  ok\n');
  });

  it('joins in SQL as reports do', async () => {
    const lost = makeBatch(
      makeRecords(1, (record) => {
        const { deterministic: _1, wallClock: _2, ...rest } = record;
        const error = { code: 'timeout', message: 'too slow' };
        return record.cell.index === 3 ? { ...rest, status: 'timeout', error } : record;
      }),
    );
    const joined = tablesOf(lost).at(-1);
    const { columns, rows } = await query(lost, 'SELECT * FROM results');
    expect(columns).toEqual(joined?.columns.map(({ name }) => name));
    expect(rows).toEqual(joined?.rows);
  });

  it('knows the unit of every column of the joined table', async () => {
    const { rows } = await query(batch, `SELECT column_name, unit FROM columns WHERE table_name = 'results'`);
    const units = new Map(rows.map(([name, unit]) => [name, unit]));
    expect(units.get('memory')).toBe('bytes');
    expect(units.get('host_virtual_ns')).toBe('ns');
    expect(units.get('wall_run_ms')).toBe('ms');
    expect(units.get('domain_memory')).toBe('bytes');
  });

  it.each([
    ['SELEC 1', /syntax error/],
    ['SELECT nothing FROM cells', /nothing/],
    ['SELECT 1; SELECT 2', /2 statements; allowed: one SELECT/],
    ['', /0 statements/],
    ['DELETE FROM cells', /DELETE is not allowed: results are read-only/],
    ['DROP TABLE cells', /DROP is not allowed/],
    ['INSERT INTO cells (cell) VALUES (1)', /INSERT is not allowed/],
    [`COPY cells TO '/tmp/ringfence-must-not-exist.csv'`, /disabled/],
    [`SELECT * FROM read_csv('/etc/passwd')`, /disabled/],
    [`SELECT * FROM '/etc/passwd'`, /disabled|not exist/],
    ['SET enable_external_access=true', /SET is not allowed/],
    [`ATTACH '/tmp/ringfence-must-not-exist.db'`, /ATTACH is not allowed/],
  ])('refuses %s with a message of one line', async (sql, message) => {
    const { code, out, err } = await work.run(['query', folder, sql]);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(message);
    expect(err.trimEnd()).not.toContain('\n');
    expect(err).not.toContain('    at ');
  });

  it('says what is wrong with a folder', async () => {
    expect((await work.run(['query', work.path('nowhere'), 'SELECT 1'])).err).toContain('no such folder');
    mkdirSync(work.path('unfinished'));
    writeFileSync(work.path('unfinished/journal.ndjson'), '');
    const unfinished = await work.run(['query', work.path('unfinished'), 'SELECT 1']);
    expect([unfinished.code, unfinished.err]).toEqual([2, expect.stringContaining('--resume')]);
    work.write('other/results.json', '{"fingerprint":"x"}');
    expect((await work.run(['query', work.path('other'), 'SELECT 1'])).err).toContain('a single run');
    work.write('newer/results.json', '{"format":99}');
    expect((await work.run(['query', work.path('newer'), 'SELECT 1'])).err).toContain('format 99');
    expect(() => readBatch(work.path('newer'))).toThrow(/format 99/);
  });
});

describe('ringfence export', () => {
  it('writes the same Parquet and CSV for the same deterministic results', async () => {
    const slower = writeBatch(work.path('slower'), makeBatch(makeRecords(2)));
    for (const format of ['parquet', 'csv']) {
      const [first, second] = [work.path(`${format}-1`), work.path(`${format}-2`)];
      expect((await work.run(['export', folder, '--format', format, '--to', first])).code).toBe(0);
      expect((await work.run(['export', slower, '--format', format, '--to', second])).code).toBe(0);
      for (const name of ['cells', 'domains', 'exits', 'claims', 'columns']) {
        expect(hash(join(first, `${name}.${format}`)), name).toBe(hash(join(second, `${name}.${format}`)));
      }
      expect(hash(join(first, `wall_clock.${format}`))).not.toBe(hash(join(second, `wall_clock.${format}`)));
    }
    const header = readFileSync(work.path('csv-1/cells.csv'), 'utf8').split('\n')[0];
    expect(header).toMatch(/^cell,id,repeat,seed,memory,page,status,/);
  });

  it('writes a database that DuckDB opens, twice over', async () => {
    for (let round = 0; round < 2; round++) {
      const { code, out } = await work.run(['export', folder]);
      expect([code, out]).toEqual([0, `${folder}/results.duckdb\n`]);
    }
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const instance = await DuckDBInstance.create(join(folder, 'results.duckdb'), { access_mode: 'READ_ONLY' });
    const connection = await instance.connect();
    const reader = await connection.runAndReadAll('SELECT count(*)::INTEGER AS n FROM results');
    expect(reader.getRowObjectsJS()).toEqual([{ n: CELLS * 2 }]);
    connection.closeSync();
    instance.closeSync();
  });
});

describe('the heavy libraries', () => {
  it('are imported only when a command needs them', () => {
    const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    expect(sources.length).toBeGreaterThan(50);
    for (const name of sources) {
      const text = readFileSync(join('src', name), 'utf8');
      expect(text, name).not.toMatch(/^(import|export) (?!type )[^;]*from '(@duckdb|vega|bullmq|ioredis)/m);
    }
  });
});
