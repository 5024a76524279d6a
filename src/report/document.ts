/** What a report says, before it is HTML or Markdown. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BATCH_FILES,
  type BatchResults,
  CELL_STATUSES,
  type ReportSpec,
  type ResolvedBatch,
} from '../experiment/cell.js';
import type { Manifest } from '../experiment/manifest.js';
import { median } from '../experiment/statistics.js';
import { BatchError, type Table, type TableColumn, tablesOf, type Value } from '../experiment/tables.js';
import { type Chart, makeChart } from './charts.js';
import { defaultCharts } from './defaults.js';
import { Frame, label, type Scaled, scaleOf } from './frame.js';
import { figure, type Grid } from './grid.js';

export interface ReportDocument {
  readonly title: string;
  readonly description: string;
  /** One sentence: did everything run, does every claim hold. */
  readonly verdict: string;
  readonly passed: boolean;
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly failures: Grid | undefined;
  readonly charts: readonly Chart[];
  /** Charts that cannot be drawn, and why. */
  readonly leftOut: readonly string[];
  readonly table: Grid;
  readonly images: readonly (readonly [guest: string, sha256: string])[];
}

/** Rows of the table, and of the list of failures. */
const MAX_ROWS = 200;
const MAX_FAILURES = 50;
const METRICS = ['outcome', 'retired', 'cycles', 'exits', 'tlb_misses', 'wall_run_ms'];

function readJson<T>(folder: string, name: string): T | undefined {
  const path = join(folder, name);
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch (error) {
    throw new BatchError(`${path}: not JSON: ${(error as Error).message}`);
  }
}

/** @throws BatchError when a file of the batch is damaged, or the table asks for what is not there */
export function makeDocument(folder: string, batch: BatchResults): ReportDocument {
  const resolved = readJson<ResolvedBatch>(folder, BATCH_FILES.resolved);
  const manifest = readJson<Manifest>(folder, BATCH_FILES.manifest);
  const wanted: ReportSpec = resolved?.report ?? {};
  const tables = tablesOf(batch);
  const results = tables.find(({ name }) => name === 'results') as Table;
  const frame = new Frame(results);
  const chosen = wanted.charts ?? (results.rows.length > 0 ? defaultCharts(frame, batch.parameters) : []);
  const done = batch.counts.ok + batch.counts['claim-failed'];
  const charts: Chart[] = [];
  const leftOut: string[] = [];
  for (const [index, chart] of (done === 0 ? [] : chosen).entries()) {
    const place = `report.charts.${index}`;
    try {
      charts.push(makeChart(frame, chart, place));
    } catch (error) {
      // What nobody could know before the results were there: that no row satisfies a condition, or a value is zero.
      if (!(error instanceof BatchError)) throw error;
      leftOut.push(error.message.startsWith(place) ? error.message : `${place}: ${error.message}`);
    }
  }
  return {
    title: batch.scenario.title || batch.scenario.name,
    description: batch.scenario.description,
    verdict: verdict(batch),
    passed: batch.passed,
    facts: [...facts(batch, manifest, resolved), ...leftOut.map((why): [string, string] => ['left out', why])],
    failures: failures(batch),
    charts,
    leftOut,
    table: summary(frame, results, batch, wanted.table),
    images: Object.entries(resolved?.images ?? {}),
  };
}

const cells = (count: number): string => `${count} ${count === 1 ? 'cell' : 'cells'}`;

function verdict({ across = [], counts, deterministic, passed }: BatchResults): string {
  if (passed) return `All ${cells(deterministic.length)} ran, and no claim failed.`;
  const parts = CELL_STATUSES.filter((status) => counts[status] > 0).map((status) => `${counts[status]} ${status}`);
  if (across.length > 0) parts.push(`${across.length} ${across.length === 1 ? 'claim' : 'claims'} across cells failed`);
  return `${cells(deterministic.length)}: ${parts.join(', ')}.`;
}

function facts(
  batch: BatchResults,
  manifest: Manifest | undefined,
  resolved: ResolvedBatch | undefined,
): [string, string][] {
  const { identity, versions, parameters, deterministic } = batch;
  const points = new Set(deterministic.map(({ cell }) => JSON.stringify(cell.parameters))).size;
  const found: [string, string][] = [
    ['fingerprint', batch.fingerprint],
    ['cells', `${deterministic.length}: ${points} ${points === 1 ? 'point' : 'points'} of the sweep`],
  ];
  const repeats = resolved?.repeats ?? 1;
  if (repeats > 1) found.push(['repeats', `${repeats} per point, with derived seeds`]);
  if (parameters.length > 0) found.push(['swept', parameters.map(({ name, path }) => swept(name, path)).join(', ')]);
  if ((resolved?.sets.length ?? 0) > 0) found.push(['--set', resolved?.sets.join(' ') ?? '']);
  for (const { claim } of [...(resolved?.claims ?? []), ...(resolved?.across ?? [])]) found.push(['claim', claim]);
  found.push(['Ringfence', identity.ringfence], ['plan', identity.plan], ['core.wasm', identity.core]);
  found.push(['cost table', identity.costTable]);
  for (const [name, version] of Object.entries(versions)) if (name !== 'ringfence') found.push([name, version]);
  const machine = manifest?.machine;
  if (machine !== undefined) {
    const memory = `${Math.round(machine.memoryBytes / 1024 ** 3)} GiB`;
    found.push(['computer', `${machine.cpu || 'unknown processor'}, ${machine.threads} threads, ${memory}`]);
  }
  return found;
}

const swept = (name: string, path: string): string => (name === path ? name : `${name} (${path})`);

function failures(batch: BatchResults): Grid | undefined {
  const rows = batch.deterministic.flatMap((record, position) => {
    const wall = batch.wallClock[position];
    if (record.status === 'ok') return [];
    const { cell, status } = record;
    const where = `${cell.index}`;
    const reproducer = wall?.reproducer ?? '';
    if (record.claims.length === 0) return [[where, status, wall?.error?.message ?? '', reproducer]];
    return record.claims.map(({ domain, claim, expected, found }) => {
      const told = `${domain === '' ? '' : `${domain}: `}${claim}: expected ${expected}, found ${found}`;
      return [where, status, told, reproducer];
    });
  });
  for (const { claim, group, expected, found } of batch.across ?? []) {
    const where = Object.entries(group).map(([name, value]) => `${name} = ${value}: `);
    rows.unshift(['all', 'claim-failed', `${where.join('')}${claim}: expected ${expected}, found ${found}`, '']);
  }
  if (rows.length === 0) return undefined;
  const heading = (text: string, about: string, right = false) => ({ text, about, right });
  return {
    headings: [
      heading('cell', 'position in the plan', true),
      heading('status', 'how it ended'),
      heading('why', 'the claim or the error'),
      heading('to run it alone', 'shell command'),
    ],
    rows: rows.slice(0, MAX_FAILURES),
    omitted: Math.max(0, rows.length - MAX_FAILURES),
    caption: 'Cells that did not end well, and claims that do not hold.',
  };
}

/** One row per point of the sweep and domain: medians over the repeats; texts where all repeats agree. */
function summary(frame: Frame, results: Table, batch: BatchResults, wanted: readonly string[] | undefined): Grid {
  const parameters = batch.parameters.map(({ name }) => (frame.columns.has(name) ? name : `param_${name}`));
  const ownName = frame.columns.has('domain_name') ? 'domain_name' : 'name';
  const names = wanted ?? [...parameters, ownName, ...METRICS.filter((name) => !parameters.includes(name))];
  const columns = names.map((name, index) => frame.column(name, `report.table.${index}`));
  const at = new Map(results.columns.map(({ name }, index) => [name, index]));
  const perDomain = names.some((name) => frame.isOfDomain(name) && !parameters.includes(name));
  const keys = [...parameters, ...(perDomain ? [ownName] : [])].map((name) => at.get(name) ?? 0);
  const groups = new Map<string, (readonly Value[])[]>();
  for (const row of results.rows) {
    const key = JSON.stringify(keys.map((position) => row[position] ?? null));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  const all = [...groups.values()].map((rows) =>
    columns.map(({ name }) => rows.map((row) => row[at.get(name) ?? 0] ?? null)),
  );
  const scales = columns.map((column, index): Scaled => {
    if (column.type !== 'number') return { unit: '', factor: 1 };
    return scaleOf(
      column,
      all.flatMap((values) => values[index] ?? []),
    );
  });
  const most = Math.max(0, ...[...groups.values()].map((rows) => rows.length));
  return {
    headings: columns.map((column, index) => ({
      text: label(column, scales[index]?.unit ?? ''),
      about: column.about,
      right: column.type === 'number',
    })),
    rows: all
      .slice(0, MAX_ROWS)
      .map((values) => columns.map((column, index) => shown(column, values[index] ?? [], scales[index]?.factor ?? 1))),
    omitted: Math.max(0, all.length - MAX_ROWS),
    caption: `${perDomain ? 'One row per point of the sweep and domain' : 'One row per point of the sweep'}${most > 1 ? `; numbers are medians of up to ${most} samples` : ''}.`,
  };
}

function shown(column: TableColumn, values: readonly Value[], factor: number): string {
  const present = values.filter((value) => value !== null);
  if (present.length === 0) return '';
  if (column.type === 'number') return figure(median(present.map(Number)) / factor);
  const distinct = [...new Set(present.map(String))];
  return distinct.length <= 3 ? distinct.join(', ') : `${distinct.length} different`;
}
