/**
 * A batch as tables, the same for SQL, exports and reports.
 *
 *   cells       one row per cell: parameters, host_…                        deterministic
 *   domains     one row per cell and domain                                 deterministic
 *   exits       one row per cell, domain and exit reason that occurred      deterministic
 *   claims      one row per claim that does not hold                        deterministic
 *   wall_clock  one row per cell: what differs from run to run
 *   results     domains × cells × wall_clock (wall_…): what charts draw
 *
 * A parameter keeps its name; a column of the domain that is called the same becomes `domain_<name>` in `results`. A parameter
 * that is called as a column of cells, but for case, becomes `param_<name>`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BATCH_FILES, BATCH_FORMAT, type BatchResults, type ParameterValue } from './cell.js';
import { type Column, DOMAIN_COLUMNS, exitColumn, HOST_COLUMNS, WALL_COLUMNS } from './columns.js';

/** The folder is not one of a finished batch. */
export class BatchError extends Error {
  override readonly name = 'BatchError';
}

export type Value = ParameterValue | null;

export interface TableColumn extends Column {
  /** Whether every number in it is an integer of any run: SQL BIGINT rather than DOUBLE. */
  readonly integer: boolean;
}

export interface Table {
  readonly name: string;
  readonly about: string;
  readonly deterministic: boolean;
  readonly columns: readonly TableColumn[];
  /** Values in the order of the columns. */
  readonly rows: readonly (readonly Value[])[];
}

/** Reads results.json of a batch. @throws BatchError */
export function readBatch(folder: string): BatchResults {
  const path = join(folder, BATCH_FILES.results);
  if (!existsSync(path)) {
    if (!existsSync(folder)) throw new BatchError(`${folder}: no such folder; allowed: the folder of a batch`);
    const unfinished = existsSync(join(folder, BATCH_FILES.journal));
    const why = unfinished
      ? 'the batch is not finished; continue it with: ringfence run <scenario> --resume'
      : 'no results.json; allowed: the folder that `ringfence run` wrote for a sweep';
    throw new BatchError(`${folder}: ${why}`);
  }
  let value: Partial<BatchResults> | null;
  try {
    value = JSON.parse(readFileSync(path, 'utf8')) as Partial<BatchResults> | null;
  } catch (error) {
    throw new BatchError(`${path}: not JSON: ${(error as Error).message}`);
  }
  if (value === null || typeof value !== 'object' || value.format === undefined) {
    throw new BatchError(`${path}: results of a single run; allowed: results of a scenario with sweep: or repeat:`);
  }
  if (value.format !== BATCH_FORMAT) {
    throw new BatchError(`${path}: format ${String(value.format)}; this version reads format ${BATCH_FORMAT}`);
  }
  const { deterministic, wallClock, parameters } = value;
  if (!Array.isArray(deterministic) || !Array.isArray(wallClock) || !Array.isArray(parameters)) {
    throw new BatchError(`${path}: damaged: a list is missing`);
  }
  if (deterministic.length !== wallClock.length) throw new BatchError(`${path}: damaged: lists of different lengths`);
  return value as BatchResults;
}

/** Quotients and measured times; all other numbers count something. */
const FRACTIONAL = new Set(['ns', 'ms', 'MIPS']);

const column = (name: string, type: Column['type'], about: string, unit?: string, integer = true): TableColumn => ({
  name,
  type,
  about,
  integer: type === 'number' && integer,
  ...(unit !== undefined && unit !== '' && { unit }),
});

const from = ({ name, type, about, unit }: Column, prefix = ''): TableColumn =>
  column(`${prefix}${name}`, type, about, unit, !FRACTIONAL.has(unit ?? ''));

const CELL: readonly TableColumn[] = [
  column('cell', 'number', 'position in the plan, from 0'),
  column('id', 'text', 'hash of all that decides the result'),
  column('repeat', 'number', 'from 0'),
  column('seed', 'number', "the host's seed"),
  column('status', 'text', 'ok, claim-failed, failed, timeout, memory or crashed'),
  column('claims_failed', 'number', 'claims that do not hold'),
  column('fingerprint', 'text', 'of all deterministic results of the cell'),
];

const CELL_KEY = column('cell', 'number', 'position in the plan, from 0');
const DOMAIN_KEY = column('domain', 'number', 'position in the cell, from 0');

/** Columns of cells that are not there twice in `results`. */
const SHARED = new Set(['cell', 'id', 'repeat', 'seed', 'status', 'claims_failed', 'fingerprint']);

/** Gives columns names that no other has, with a prefix where they are taken: SQL does not tell `Name` from `name`. */
function namer(names: readonly string[]): (name: string, prefix: string) => string {
  const taken = new Set(names.map((name) => name.toLowerCase()));
  return (name, prefix) => {
    let free = name;
    while (taken.has(free.toLowerCase())) free = `${prefix}${free}`;
    taken.add(free.toLowerCase());
    return free;
  };
}

/** All tables of a batch, `results` last. */
export function tablesOf(batch: BatchResults): Table[] {
  const records = batch.deterministic;
  const named = namer([...SHARED, ...HOST_COLUMNS.map(({ name }) => `host_${name}`)]);
  const parameters = batch.parameters.map(({ name, type, unit, path }) => {
    const integer = records.every(({ cell }) => Number.isSafeInteger(cell.parameters[name] ?? 0));
    return { key: name, ...column(named(name, 'param_'), type, `parameter ${path}`, unit, integer) };
  });
  const value = (row: Readonly<Record<string, ParameterValue>> | undefined, name: string): Value => row?.[name] ?? null;

  const cells: Table = {
    name: 'cells',
    about: 'one row per cell: parameters, host',
    deterministic: true,
    columns: [
      ...CELL.slice(0, 4),
      ...parameters.map(({ key: _, ...rest }) => rest),
      ...CELL.slice(4),
      ...HOST_COLUMNS.map((host) => from(host, 'host_')),
    ],
    rows: records.map(({ cell, status, deterministic, claims }) => [
      ...[cell.index, cell.id, cell.repeat, cell.seed],
      ...parameters.map(({ key }) => value(cell.parameters, key)),
      ...[status, claims.length, deterministic?.fingerprint ?? null],
      ...HOST_COLUMNS.map(({ name }) => value(deterministic?.host, name)),
    ]),
  };
  const domains: Table = {
    name: 'domains',
    about: 'one row per cell and domain',
    deterministic: true,
    columns: [CELL_KEY, DOMAIN_KEY, ...DOMAIN_COLUMNS.map((domain) => from(domain))],
    rows: records.flatMap(({ cell, deterministic }) =>
      (deterministic?.domains ?? []).map((row, position) => [
        cell.index,
        position,
        ...DOMAIN_COLUMNS.map(({ name }) => value(row, name)),
      ]),
    ),
  };
  const reasons = DOMAIN_COLUMNS.filter(({ name }) => name.startsWith('exits_'));
  const exits: Table = {
    name: 'exits',
    about: 'one row per cell, domain and exit reason that occurred',
    deterministic: true,
    columns: [
      CELL_KEY,
      DOMAIN_KEY,
      column('name', 'text', 'the domain'),
      column('reason', 'text', 'basic exit reason'),
      column('count', 'number', 'VM exits', 'exits'),
    ],
    rows: records.flatMap(({ cell, deterministic }) =>
      (deterministic?.domains ?? []).flatMap((row, position) =>
        reasons
          .filter(({ name }) => Number(row[name] ?? 0) > 0)
          .map(({ name }) => [
            ...[cell.index, position, value(row, 'name')],
            ...[name.slice(exitColumn('').length).replaceAll('_', '-'), value(row, name)],
          ]),
      ),
    ),
  };
  const claims: Table = {
    name: 'claims',
    about: 'one row per claim that does not hold',
    deterministic: true,
    columns: [
      column('cell', 'number', 'position in the plan, from 0; none for a claim across cells'),
      column('domain_name', 'text', "the domain, or '' for a claim of the scenario"),
      column('claim', 'text', 'outcome, checksum or the sentence of the claim'),
      column('expected', 'text', 'what it says'),
      column('found', 'text', 'what was found'),
    ],
    rows: [
      ...records.flatMap(({ cell, claims: failed }) =>
        failed.map(({ domain, claim, expected, found }) => [cell.index, domain, claim, expected, found]),
      ),
      ...(batch.across ?? []).map(({ claim, group, expected, found }) => {
        const where = Object.entries(group).map(([name, own]) => `${name} = ${own}: `);
        return [null, '', claim, expected, `${where.join('')}${found}`];
      }),
    ],
  };
  const wallClock: Table = {
    name: 'wall_clock',
    about: 'one row per cell: what differs from run to run',
    deterministic: false,
    columns: [
      CELL_KEY,
      ...WALL_COLUMNS.map((wall) => ({ ...from(wall), integer: false })),
      column('attempts', 'number', '1, or 2 after a retry'),
      column('error_code', 'text', 'why the last attempt failed'),
      column('error_message', 'text', 'the same for people'),
      column('reproducer', 'text', 'command that runs the cell alone'),
    ],
    rows: batch.wallClock.map((wall, position) => [
      records[position]?.cell.index ?? position,
      ...WALL_COLUMNS.map(({ name }) => wall.wallClock?.[name] ?? null),
      ...[wall.attempts, wall.error?.code ?? null, wall.error?.message ?? null, wall.reproducer],
    ]),
  };
  return [cells, domains, exits, claims, wallClock, joined(cells, domains, wallClock)];
}

/** The wide table: one row per domain; a cell without domains (it failed) has one row with empty domain columns. */
function joined(cells: Table, domains: Table, wall: Table): Table {
  const named = namer(cells.columns.map(({ name }) => name));
  const ofDomain = domains.columns.slice(2);
  const ofWall = wall.columns.slice(1, 1 + WALL_COLUMNS.length);
  const byCell = new Map<Value, (readonly Value[])[]>();
  for (const row of domains.rows) {
    const list = byCell.get(row[0] ?? null) ?? [];
    list.push(row.slice(2));
    byCell.set(row[0] ?? null, list);
  }
  const none = [ofDomain.map(() => null)];
  return {
    name: 'results',
    about: 'domains, cells and wall-clock columns joined: what charts draw',
    deterministic: false,
    columns: [
      ...cells.columns,
      ...ofDomain.map((own) => ({ ...own, name: named(own.name, 'domain_') })),
      ...ofWall.map((own) => ({ ...own, name: named(`wall_${own.name}`, 'wall_') })),
    ],
    rows: cells.rows.flatMap((row, position) => {
      const clock = (wall.rows[position] ?? []).slice(1, 1 + WALL_COLUMNS.length);
      return (byCell.get(row[0] ?? null) ?? none).map((domain) => [...row, ...domain, ...clock]);
    }),
  };
}
