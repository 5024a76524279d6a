/**
 * A batch in DuckDB: queries, and exports as a database, Parquet or CSV. The tables are those of tables.ts; `columns` tells
 * their units. The library is loaded with the first call: 40 ms and 60 MiB that `ringfence run` does not pay.
 */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { BatchResults } from './cell.js';
import { BatchError, type Table, type TableColumn, tablesOf } from './tables.js';

export type ExportFormat = 'duckdb' | 'parquet' | 'csv';
export const EXPORT_FORMATS: readonly ExportFormat[] = ['duckdb', 'parquet', 'csv'];

/** The SQL is wrong, or wants to change something. */
export class QueryError extends Error {
  override readonly name = 'QueryError';
}

/** A value of an answer: integers beyond 2^53 are texts. */
export type Answer = null | boolean | number | string | readonly Answer[] | { readonly [key: string]: Answer };

export interface QueryResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Answer[])[];
}

const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const sqlType = ({ type, integer }: TableColumn): string =>
  type === 'text' ? 'VARCHAR' : type === 'boolean' ? 'BOOLEAN' : integer ? 'BIGINT' : 'DOUBLE';

async function fill(connection: DuckDBConnection, table: Table): Promise<void> {
  const columns = table.columns.map((column) => `${identifier(column.name)} ${sqlType(column)}`);
  await connection.run(`CREATE TABLE ${identifier(table.name)} (${columns.join(', ')})`);
  const appender = await connection.createAppender(table.name);
  for (const row of table.rows) {
    for (const [position, column] of table.columns.entries()) {
      const value = row[position] ?? null;
      if (value === null) appender.appendNull();
      else if (column.type === 'text') appender.appendVarchar(String(value));
      else if (column.type === 'boolean') appender.appendBoolean(Boolean(value));
      else if (column.integer) appender.appendBigInt(BigInt(value));
      else appender.appendDouble(Number(value));
    }
    appender.endRow();
  }
  appender.closeSync();
}

/** `columns`: what every column of every table means. */
function dictionary(tables: readonly Table[]): Table {
  const column = (name: string, about: string): TableColumn => ({ name, type: 'text', about, integer: false });
  return {
    name: 'columns',
    about: 'what every column of every table means',
    deterministic: true,
    columns: [
      column('table_name', 'the table'),
      column('column_name', 'the column'),
      column('unit', 'of its numbers'),
      column('about', 'what it holds'),
      { name: 'deterministic', type: 'boolean', about: 'the same on every machine', integer: false },
    ],
    rows: tables.flatMap(({ name, columns, deterministic }) =>
      columns.map((own) => [name, own.name, own.unit ?? '', own.about, deterministic && !own.name.startsWith('wall_')]),
    ),
  };
}

/** `results` as a view: columns of cells, then of domains (without their keys), then of wall_clock, named as tables.ts does. */
function joinedView(tables: readonly Table[]): string {
  const columnsOf = (name: string): readonly TableColumn[] =>
    tables.find((table) => table.name === name)?.columns ?? [];
  const [cells, domains, results] = [columnsOf('cells'), columnsOf('domains').slice(2), columnsOf('results')];
  const sources = [
    ...cells.map(({ name }) => `cells.${identifier(name)}`),
    ...domains.map(({ name }) => `domains.${identifier(name)}`),
    ...columnsOf('wall_clock')
      .slice(1)
      .map(({ name }) => `wall_clock.${identifier(name)}`),
  ];
  const selected = results.map(({ name }, index) => `${sources[index]} AS ${identifier(name)}`);
  return `CREATE VIEW results AS SELECT ${selected.join(', ')} FROM cells LEFT JOIN domains USING (cell)
    LEFT JOIN wall_clock USING (cell) ORDER BY cells.cell, domains.domain`;
}

/** Runs `use` with a database of the batch at `path` (`:memory:`, or a file that does not exist). */
async function withDatabase<T>(
  path: string,
  batch: BatchResults,
  use: (connection: DuckDBConnection, tables: readonly Table[]) => Promise<T>,
): Promise<T> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(path, { threads: '1', preserve_insertion_order: 'true' });
  try {
    const connection = await instance.connect();
    try {
      const tables = tablesOf(batch);
      const all = [...tables, dictionary(tables)];
      await connection.run('BEGIN');
      for (const table of all) if (table.name !== 'results') await fill(connection, table);
      await connection.run(joinedView(tables));
      await connection.run('COMMIT');
      return await use(connection, all);
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}

/** First line of DuckDB's message, which often quotes the SQL below it. */
function sqlProblem(error: unknown): QueryError {
  const lines = (error instanceof Error ? error.message : String(error)).split('\n').map((line) => line.trim());
  const told = lines.filter((line) => line !== '' && !line.startsWith('LINE ') && !/^\^+$/.test(line));
  return new QueryError(told.join(' '));
}

/**
 * Answers one SELECT over a batch. It sees the tables of the batch and nothing else: no files, no extensions.
 * @throws QueryError
 */
export async function query(batch: BatchResults, sql: string): Promise<QueryResult> {
  if (/^[;\s]*$/.test(sql)) throw new QueryError('0 statements; allowed: one SELECT');
  return withDatabase(':memory:', batch, async (connection) => {
    const { StatementType } = await import('@duckdb/node-api');
    await connection.run('SET enable_external_access=false');
    await connection.run('SET lock_configuration=true');
    try {
      const statements = await connection.extractStatements(sql);
      if (statements.count !== 1) throw new QueryError(`${statements.count} statements; allowed: one SELECT`);
      const prepared = await statements.prepare(0);
      const type = prepared.statementType;
      if (type !== StatementType.SELECT && type !== StatementType.EXPLAIN) {
        throw new QueryError(`${StatementType[type]} is not allowed: results are read-only; allowed: one SELECT`);
      }
      const reader = await prepared.runAndReadAll();
      return { columns: reader.deduplicatedColumnNames(), rows: reader.getRowsJS().map((row) => row.map(answer)) };
    } catch (error) {
      throw error instanceof QueryError ? error : sqlProblem(error);
    }
  });
}

function answer(value: unknown): Answer {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint') {
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : String(value);
  }
  if (Array.isArray(value)) return value.map(answer);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, answer(member)]));
  }
  return String(value);
}

/**
 * Writes a batch as `results.duckdb`, or as one Parquet or CSV file per table (`results` is left out of these: it repeats the
 * others). Older exports are replaced. Parquet and CSV of equal batches are equal but for wall_clock.
 * @returns the files, relative to `folder`
 * @throws BatchError when the folder cannot be written
 */
export async function exportBatch(batch: BatchResults, folder: string, format: ExportFormat): Promise<string[]> {
  try {
    mkdirSync(folder, { recursive: true });
    return format === 'duckdb' ? await exportDatabase(batch, folder) : await exportFiles(batch, folder, format);
  } catch (error) {
    throw new BatchError(`${folder}: cannot be written: ${(error as Error).message}`);
  }
}

async function exportDatabase(batch: BatchResults, folder: string): Promise<string[]> {
  const name = 'results.duckdb';
  const partial = join(folder, `.${name}.partial-${process.pid}`);
  try {
    await withDatabase(partial, batch, async (connection) => {
      await connection.run('CHECKPOINT');
    });
    renameSync(partial, join(folder, name));
    return [name];
  } finally {
    for (const left of [partial, `${partial}.wal`]) if (existsSync(left)) rmSync(left, { force: true });
  }
}

async function exportFiles(batch: BatchResults, folder: string, format: 'parquet' | 'csv'): Promise<string[]> {
  const options = format === 'parquet' ? 'FORMAT parquet, COMPRESSION zstd' : 'FORMAT csv, HEADER true';
  return withDatabase(':memory:', batch, async (connection, tables) => {
    const names: string[] = [];
    for (const { name } of tables) {
      if (name === 'results') continue;
      const file = `${name}.${format}`;
      const partial = join(folder, `.${file}.partial-${process.pid}`);
      await connection.run(`COPY ${identifier(name)} TO ${literal(partial)} (${options})`);
      renameSync(partial, join(folder, file));
      names.push(file);
    }
    return names;
  });
}
