/**
 * Compares two batches. Cells belong together by their parameters and repeat, so batches of different versions or guests can be
 * compared; where what decides a result differs, the column `id` says so.
 *
 * Deterministic columns must be equal, bit for bit. Wall-clock columns are compared over all cells, each with its own twin, and
 * per point of the sweep, whose repeats are the samples.
 */
import type { BatchResults, ParameterValue } from './cell.js';
import { DOMAIN_COLUMNS, HOST_COLUMNS, WALL_COLUMNS } from './columns.js';
import { canonicalJson } from './fingerprint.js';
import { holm, type Interval, mannWhitney, median, medianInterval, ratioOf, signedRank } from './statistics.js';

type Record = BatchResults['deterministic'][number];
type Value = ParameterValue | null;

export interface Difference {
  /** Position in the plan of A, or of B for a cell that only B has. */
  readonly cell: number;
  /** `memory=8388608 repeat=1` */
  readonly point: string;
  /** '' for columns of the cell. */
  readonly domain: string;
  /** `retired`, `host_quanta`, `status`, `claims`, `id`; `cell` and `domain` where only one batch has it. */
  readonly column: string;
  readonly a: Value;
  readonly b: Value;
}

export interface WallComparison {
  /** Parameters of the point, '' for all cells together. */
  readonly point: string;
  readonly column: string;
  readonly unit: string;
  readonly samplesA: number;
  readonly samplesB: number;
  readonly medianA: number;
  readonly medianB: number;
  /** How many times as much B takes: the median over cells, or over all pairs of repeats of a point; absent where that is no number. */
  readonly ratio?: number;
  /** Its 95 % interval; absent where too few samples have none: fewer than 6 cells, or than 4 repeats on both sides. */
  readonly interval?: Interval;
  /** Two-sided. Wilcoxon's signed-rank test for all cells; the Mann-Whitney U test for a point, whose repeats are no pairs. */
  readonly test: 'signed-rank' | 'mann-whitney';
  readonly p: number;
  /** p after Holm's correction for all comparisons of points. */
  readonly adjusted: number;
}

export interface Comparison {
  /** No deterministic difference. */
  readonly equal: boolean;
  /** Cells in both. */
  readonly cells: number;
  /** Of them, those that ended in neither: of them there was nothing to compare. */
  readonly lost: number;
  /** Names of the parameters of A and of B: cells are put together by them. */
  readonly parameters: readonly [a: readonly string[], b: readonly string[]];
  /** Members of the identities that differ: ringfence, core, costTable, plan. */
  readonly identity: readonly string[];
  readonly fingerprints: readonly [a: string, b: string];
  readonly differences: readonly Difference[];
  readonly wallClock: readonly WallComparison[];
}

/** A point of the sweep for people: `memory=8388608 guest=sieve`; `-` where nothing is swept. */
function pointOf(parameters: Readonly<{ [name: string]: ParameterValue }>): string {
  const parts = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  return parts.length === 0 ? '-' : parts.join(' ');
}

const keyOf = ({ cell }: Record): string => canonicalJson([cell.parameters, cell.repeat]);

function compareCell(a: Record, b: Record): Difference[] {
  const found: Difference[] = [];
  const point = `${pointOf(a.cell.parameters)} repeat=${a.cell.repeat}`;
  const check = (domain: string, column: string, left: Value | undefined, right: Value | undefined): void => {
    const [valueA, valueB] = [left ?? null, right ?? null];
    if (!Object.is(valueA, valueB)) found.push({ cell: a.cell.index, point, domain, column, a: valueA, b: valueB });
  };
  check('', 'id', a.cell.id, b.cell.id);
  check('', 'seed', a.cell.seed, b.cell.seed);
  check('', 'status', a.status, b.status);
  check('', 'claims', canonicalJson(a.claims), canonicalJson(b.claims));
  const [ofA, ofB] = [a.deterministic, b.deterministic];
  if (ofA !== null && ofB !== null) {
    for (const { name } of HOST_COLUMNS) check('', `host_${name}`, ofA.host[name], ofB.host[name]);
    const others = new Map(ofB.domains.map((row) => [row.name, row]));
    for (const row of ofA.domains) {
      const name = String(row.name);
      const other = others.get(name);
      others.delete(name);
      if (other === undefined) check(name, 'domain', name, null);
      else for (const { name: column } of DOMAIN_COLUMNS) check(name, column, row[column], other[column]);
    }
    for (const name of others.keys()) check(String(name), 'domain', null, String(name));
    check('', 'fingerprint', ofA.fingerprint, ofB.fingerprint);
  }
  return found;
}

/** Wall-clock columns that measure something. */
const MEASURED = WALL_COLUMNS.filter(({ unit }) => unit !== undefined);

/** Samples of every measured column; of all cells, those at one place are of the same cell. */
type Samples = readonly (readonly [a: number[], b: number[]])[];

type Judged = Pick<WallComparison, 'ratio' | 'interval' | 'test' | 'p'>;

function judgePairs(a: readonly number[], b: readonly number[]): Judged {
  const ratios = b.map((value, index) => value / (a[index] ?? Number.NaN));
  const { p } = signedRank(ratios.filter((ratio) => ratio > 0 && Number.isFinite(ratio)).map(Math.log));
  const interval = ratios.every(Number.isFinite) ? medianInterval(ratios) : undefined;
  const ratio = median(ratios);
  return {
    test: 'signed-rank',
    p,
    ...(Number.isFinite(ratio) && { ratio }),
    ...(interval !== undefined && { interval }),
  };
}

function judgeGroups(a: readonly number[], b: readonly number[]): Judged {
  const { ratio, low, high } = ratioOf(a, b) ?? {};
  return {
    test: 'mann-whitney',
    p: mannWhitney(a, b)?.p ?? 1,
    ...(ratio !== undefined && { ratio }),
    ...(low !== undefined && high !== undefined && { interval: { low, high } }),
  };
}

function compareWall(groups: ReadonlyMap<string, Samples>): WallComparison[] {
  const rows = [...groups].flatMap(([point, samples]) =>
    MEASURED.flatMap(({ name, unit }, position) => {
      const [a, b] = samples[position] ?? [[], []];
      if (a.length === 0 || b.length === 0) return [];
      const judged = point === '' ? judgePairs(a, b) : judgeGroups(a, b);
      return [
        {
          point,
          column: name,
          unit: unit ?? '',
          samplesA: a.length,
          samplesB: b.length,
          medianA: median(a),
          medianB: median(b),
          ...judged,
          adjusted: judged.p,
        },
      ];
    }),
  );
  const points = rows.filter(({ point }) => point !== '');
  const adjusted = new Map(holm(points.map(({ p }) => p)).map((p, index) => [points[index], p]));
  return rows.map((row) => ({ ...row, adjusted: adjusted.get(row) ?? row.p }));
}

/** Compares batch `b` with batch `a`. */
export function compareBatches(a: BatchResults, b: BatchResults): Comparison {
  const differences: Difference[] = [];
  const others = new Map(b.deterministic.map((record, position) => [keyOf(record), { record, position }]));
  const empty = (): Samples => MEASURED.map(() => [[], []] as const);
  const groups = new Map<string, Samples>([['', empty()]]);
  const hasRepeats = a.deterministic.some(({ cell }) => cell.repeat > 0);
  let cells = 0;
  let lost = 0;
  for (const [position, record] of a.deterministic.entries()) {
    const { cell } = record;
    const other = others.get(keyOf(record));
    others.delete(keyOf(record));
    const place = { cell: cell.index, point: `${pointOf(cell.parameters)} repeat=${cell.repeat}`, domain: '' };
    if (other === undefined) {
      differences.push({ ...place, column: 'cell', a: 'present', b: null });
      continue;
    }
    cells++;
    if (record.deterministic === null && other.record.deterministic === null) lost++;
    differences.push(...compareCell(record, other.record));
    const point = pointOf(cell.parameters);
    if (hasRepeats && !groups.has(point)) groups.set(point, empty());
    for (const [index, { name }] of MEASURED.entries()) {
      const clockA = a.wallClock[position]?.wallClock?.[name];
      const clockB = b.wallClock[other.position]?.wallClock?.[name];
      const [all, own] = [groups.get('')?.[index], hasRepeats ? groups.get(point)?.[index] : undefined];
      if (clockA !== undefined) own?.[0].push(clockA);
      if (clockB !== undefined) own?.[1].push(clockB);
      if (clockA === undefined || clockB === undefined) continue;
      all?.[0].push(clockA);
      all?.[1].push(clockB);
    }
  }
  for (const { record } of others.values()) {
    const { cell } = record;
    const point = `${pointOf(cell.parameters)} repeat=${cell.repeat}`;
    differences.push({ cell: cell.index, point, domain: '', column: 'cell', a: null, b: 'present' });
  }
  const names = ({ parameters }: BatchResults): string[] => parameters.map(({ name }) => name);
  const members = ['ringfence', 'core', 'costTable', 'plan'] as const;
  return {
    equal: differences.length === 0,
    cells,
    lost,
    parameters: [names(a), names(b)],
    identity: members.filter((member) => a.identity[member] !== b.identity[member]),
    fingerprints: [a.fingerprint, b.fingerprint],
    differences,
    wallClock: compareWall(groups),
  };
}
