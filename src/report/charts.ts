/**
 * A chart of the scenario's `report:` section → data and a Vega-Lite specification.
 *
 *   rows of the joined table ──group by x, colour, facet──▶ median and 95 % interval per group ──▶ marks
 *
 * Intervals are computed here (statistics.ts), with a fixed seed: the same results give the same picture, bit for bit. Series
 * differ by colour and by shape or dash, so that they can be told apart in print. Text and axes take `currentColor`.
 */
import type { ChartSpec } from '../experiment/cell.js';
import { median, medianInterval } from '../experiment/statistics.js';
import { BatchError, type TableColumn, type Value } from '../experiment/tables.js';
import { type Datum, type Frame, label, type Scaled, scaleOf } from './frame.js';
import type { Grid } from './grid.js';
import { makeMatrix } from './matrix.js';
import { CONFIG, INK, PALETTE } from './style.js';

export interface Chart {
  readonly title: string;
  /** What is drawn, in a sentence. */
  readonly caption: string;
  readonly data: readonly Datum[];
  /** Vega-Lite, without its data. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** What the picture shows as a table, where a table says it better: pages and READMEs show it in place of the picture. */
  readonly grid?: Grid;
}

/** 12,300,000 → 12.3M; 0.25 and 4096 as they are. */
const LABELS = "abs(datum.value) >= 10000 ? format(datum.value, '.3~s') : format(datum.value, '.4~r')";

/** Vega reads dots and brackets in names as paths: columns get plain field names. */
const FIELDS = { x: 'x', y: 'y', colour: 'colour', facet: 'facet' } as const;
type Role = keyof typeof FIELDS;

interface Channel {
  readonly column: TableColumn;
  readonly scaled: Scaled;
  readonly distinct: readonly (string | number | boolean)[];
}

const WIDTH = 700;
/** Width of a letter of an axis's labels, on average, and between two labels. */
const LETTER = 7;
const GAP = 8;
/** Slanted labels that are all shown. */
const MAX_LABELS = 40;
const HEIGHT = 320;
/** Width of one of 1, 2 or 3 facets in a row. */
const FACET_WIDTHS = [560, 330, 230];
/** Most series, facets and categories that a picture can tell apart. */
const MAX_SERIES = 12;
const MAX_FACETS = 12;
const MAX_CATEGORIES = 60;

/** @param place for messages: `report.charts.0` @throws BatchError */
export function makeChart(frame: Frame, chart: ChartSpec, place: string): Chart {
  const { kind } = chart;
  if (kind === 'matrix') return makeMatrix(frame, chart, place);
  const roles = (['x', 'y', 'colour', 'facet'] as const).filter((role) => chart[role] !== undefined);
  if (chart.kind !== 'histogram' && chart.y === undefined) {
    throw new BatchError(`${place}: y is missing; allowed: a column for the second axis`);
  }
  if (chart.kind === 'heatmap' && chart.colour === undefined) {
    throw new BatchError(`${place}: colour is missing; allowed: the column whose values a heatmap shows`);
  }
  const names = roles.map((role) => chart[role] ?? '');
  for (const [index, name] of names.entries()) frame.column(name, `${place}.${roles[index]}`);
  const rows = frame.rows([...new Set(names)], chart.where, place);
  if (rows.length === 0) {
    const why = chart.where === undefined ? 'no cell has values in its columns' : `no row satisfies ${chart.where}`;
    throw new BatchError(`${place}: nothing to draw: ${why}`);
  }
  const channels: Partial<Record<Role, Channel>> = {};
  for (const role of roles) {
    const name = chart[role] ?? '';
    const column = frame.column(name, place);
    const values = rows.map((row) => row[name] ?? null);
    const scaled = column.type === 'number' ? scaleOf(column, values) : { unit: '', factor: 1 };
    const present = new Set(values);
    const distinct = frame.distinct(name).filter((value) => present.has(value));
    channels[role] = {
      column,
      scaled,
      distinct: column.type === 'number' ? distinct.map((value) => Number(value) / scaled.factor) : distinct,
    };
  }
  const scaled = rows.map((row) => {
    const datum: Record<string, Value> = {};
    for (const role of roles) {
      const value = row[chart[role] ?? ''] ?? null;
      datum[FIELDS[role]] = typeof value === 'number' ? value / (channels[role]?.scaled.factor ?? 1) : value;
    }
    return datum;
  });
  return new Drawing({ ...chart, kind }, channels, scaled, place).chart();
}

type DrawnSpec = ChartSpec & { readonly kind: Exclude<ChartSpec['kind'], 'matrix'> };

/** What the line over a median spans: its 95 % interval, or all samples where they are too few to have one. */
type Span = 'interval' | 'all';

function spansText(spans: ReadonlySet<Span>): string {
  if (spans.size === 0) return '';
  const [interval, all] = ['95 % intervals of the median', 'all samples, which are too few for a 95 % interval'];
  if (spans.size === 2) return `; the vertical lines are ${interval}, or span ${all}`;
  return `; the vertical lines ${spans.has('all') ? `span ${all}` : `are ${interval}`}`;
}

class Drawing {
  private readonly spec: DrawnSpec;
  private readonly channels: Partial<Record<Role, Channel>>;
  private readonly rows: readonly Datum[];

  constructor(spec: DrawnSpec, channels: Partial<Record<Role, Channel>>, rows: readonly Datum[], place: string) {
    this.spec = spec;
    this.channels = channels;
    this.rows = rows;
    const limit = (role: Role, most: number): void => {
      const count = channels[role]?.distinct.length ?? 0;
      if (count > most) {
        throw new BatchError(
          `${place}.${role}: ${spec[role]} has ${count} values; allowed: a column with at most ${most}`,
        );
      }
    };
    if (spec.kind !== 'heatmap') limit('colour', MAX_SERIES);
    limit('facet', MAX_FACETS);
    if (spec.kind === 'bar' || spec.kind === 'box') limit('x', MAX_CATEGORIES);
  }

  private name(role: Role): string {
    const channel = this.channels[role];
    return channel === undefined ? '' : label(channel.column, channel.scaled.unit);
  }

  private title(): string {
    const { spec } = this;
    if (spec.title !== undefined) return spec.title;
    if (spec.kind === 'histogram') return `Distribution of ${spec.x}`;
    if (spec.kind === 'heatmap') return `${spec.colour} by ${spec.x} and ${spec.y}`;
    return `${spec.y} by ${spec.x}`;
  }

  chart(): Chart {
    const { spec } = this;
    const { data, unit, caption } = this.draw();
    const facet = this.channels.facet;
    const columns = Math.min(3, facet?.distinct.length ?? 1);
    const width = facet === undefined ? WIDTH : (FACET_WIDTHS[columns - 1] ?? WIDTH);
    const size = { width, height: facet === undefined ? HEIGHT : 240 };
    const body =
      facet === undefined
        ? { ...size, ...unit }
        : {
            facet: { field: FIELDS.facet, type: 'nominal', title: this.name('facet'), sort: facet.distinct },
            columns,
            spec: { ...size, ...unit },
          };
    const about = [caption, spec.where === undefined ? '' : `Only rows with ${spec.where}.`].filter(Boolean).join(' ');
    return {
      title: this.title(),
      caption: about,
      data,
      spec: { $schema: 'https://vega.github.io/schema/vega-lite/v6.json', config: CONFIG, ...body },
    };
  }

  private draw(): { data: readonly Datum[]; unit: Record<string, unknown>; caption: string } {
    switch (this.spec.kind) {
      case 'histogram':
        return this.histogram();
      case 'heatmap':
        return this.heatmap();
      case 'point':
        return this.points();
      case 'box':
        return this.boxes();
      default:
        return this.medians(this.spec.kind);
    }
  }

  /** Whether the axis has a place for every value rather than a scale. */
  private isDiscrete(role: 'x' | 'y'): boolean {
    const { kind } = this.spec;
    if (this.channels[role]?.column.type !== 'number') return true;
    return kind === 'heatmap' || (role === 'x' && (kind === 'bar' || kind === 'box'));
  }

  private axis(role: 'x' | 'y'): Record<string, unknown> {
    const channel = this.channels[role];
    const title = this.name(role);
    const field = FIELDS[role];
    if (channel === undefined) return {};
    if (this.isDiscrete(role)) {
      const numeric = channel.column.type === 'number';
      const longest = Math.max(...channel.distinct.map((value) => String(value).length));
      const count = channel.distinct.length;
      // Labels that do not fit side by side would be left out.
      const crowded = count > 14 || (!numeric && longest * LETTER + GAP > WIDTH / count);
      // Vega judges slanted labels by their boxes, which overlap where they do not.
      const slanted = { labelAngle: -40, ...(count <= MAX_LABELS && { labelOverlap: false }) };
      const angle = role === 'x' && crowded ? slanted : { labelAngle: 0 };
      const axis = { title, ...angle, ...(numeric && { labelExpr: LABELS }) };
      return { field, type: 'ordinal', sort: channel.distinct, axis };
    }
    const type = this.spec[`${role}-scale`] ?? (role === 'x' && isGeometric(channel.distinct) ? 'log' : 'linear');
    if (type === 'log' && channel.distinct.some((value) => Number(value) <= 0)) {
      throw new BatchError(`${role}-scale: ${channel.column.name} has values that are not positive; allowed: linear`);
    }
    const few = role === 'x' && channel.distinct.length <= 8 && (type === 'log' || isEven(channel.distinct));
    const scale = {
      type,
      zero: type === 'linear' && role === 'y',
      nice: type === 'linear' && !few,
      ...(type === 'log' && { padding: 16 }),
    };
    return {
      field,
      type: 'quantitative',
      scale,
      axis: {
        title,
        labelExpr: LABELS,
        ...(few
          ? { values: channel.distinct }
          : type === 'log'
            ? { values: decades(channel.distinct) }
            : { tickCount: 6 }),
      },
    };
  }

  /** Series by colour, and by a second sign for those who cannot see colours. */
  private series(second?: 'shape' | 'strokeDash'): Record<string, unknown> {
    const channel = this.channels.colour;
    if (channel === undefined) return {};
    const title = this.name('colour');
    const own = { field: FIELDS.colour, type: 'nominal', title, sort: channel.distinct };
    const numeric = channel.column.type === 'number' ? { legend: { labelExpr: LABELS, title } } : {};
    const repeated = channel.distinct.length > PALETTE.length ? { scale: { scheme: 'tableau20' } } : {};
    return {
      color: { ...own, ...numeric, ...repeated },
      ...(second !== undefined && {
        [second]: { ...own, ...numeric },
      }),
    };
  }

  /** One row per group: median, what its line spans, number of samples. `spans`: of what kinds the lines are that can be seen. */
  private grouped(value: Role, by: readonly Role[]): { data: Datum[]; most: number; spans: ReadonlySet<Span> } {
    const groups = new Map<string, { keys: Datum; samples: number[] }>();
    for (const row of this.rows) {
      const keys = Object.fromEntries(
        by.filter((role) => role in this.channels).map((role) => [role, row[role] ?? null]),
      );
      const key = JSON.stringify(keys);
      const group = groups.get(key) ?? { keys, samples: [] };
      group.samples.push(Number(row[value]));
      groups.set(key, group);
    }
    let most = 0;
    const spans = new Set<Span>();
    const data = [...groups.values()].map(({ keys, samples }): Datum => {
      const middle = median(samples);
      const interval = medianInterval(samples);
      const { low, high } = interval ?? { low: Math.min(...samples), high: Math.max(...samples) };
      most = Math.max(most, samples.length);
      if (high > low) spans.add(interval === undefined ? 'all' : 'interval');
      return { ...keys, [FIELDS[value]]: middle, low, high, samples: samples.length };
    });
    return { data, most, spans };
  }

  private requireNumber(role: Role): void {
    const column = this.channels[role]?.column;
    if (column === undefined || column.type === 'number') return;
    throw new BatchError(`${role}: ${column.name} holds texts; allowed for a ${this.spec.kind}: a column of numbers`);
  }

  private medians(kind: 'line' | 'bar'): ReturnType<Drawing['draw']> {
    this.requireNumber('y');
    const { data, most, spans } = this.grouped('y', ['x', 'colour', 'facet']);
    const [x, y] = [this.axis('x'), this.axis('y')];
    const offset =
      this.channels.colour === undefined ? {} : { field: FIELDS.colour, sort: this.channels.colour.distinct };
    const error = {
      mark: { type: 'rule', strokeWidth: 1.5, ...(kind === 'bar' && { color: INK, opacity: 0.7 }) },
      encoding: {
        x,
        y: { ...y, field: 'low' },
        y2: { field: 'high' },
        ...(kind === 'line' ? this.series() : this.channels.colour === undefined ? {} : { xOffset: offset }),
      },
    };
    const marks =
      kind === 'line'
        ? [
            { mark: { type: 'line', strokeWidth: 2 }, encoding: { x, y, ...this.series('strokeDash') } },
            {
              mark: { type: 'point', filled: true, size: 55, opacity: 1 },
              encoding: { x, y, ...this.series('shape') },
            },
          ]
        : [
            {
              mark: { type: 'bar' },
              encoding: { x, y, ...this.series(), ...(this.channels.colour !== undefined && { xOffset: offset }) },
            },
          ];
    const repeats = most > 1 ? `Median of up to ${most} samples` : 'One sample each';
    return {
      data,
      unit: { layer: spans.size > 0 ? [...marks, error] : marks },
      caption: `${repeats}${spansText(spans)}.`,
    };
  }

  private points(): ReturnType<Drawing['draw']> {
    const data = thinned(this.rows);
    return {
      data,
      unit: {
        mark: { type: 'point', size: 40, opacity: 0.75, filled: true },
        encoding: { x: this.axis('x'), y: this.axis('y'), ...this.series('shape') },
      },
      caption: `${data.length} ${data.length === 1 ? 'point' : 'points'}${data.length < this.rows.length ? ` of ${this.rows.length}, evenly chosen` : ''}.`,
    };
  }

  private boxes(): ReturnType<Drawing['draw']> {
    this.requireNumber('y');
    const colour = this.channels.colour;
    const offset = colour === undefined ? {} : { xOffset: { field: FIELDS.colour, sort: colour.distinct } };
    return {
      data: this.rows,
      unit: {
        mark: { type: 'boxplot', extent: 1.5, median: { color: INK }, rule: { color: INK } },
        encoding: { x: this.axis('x'), y: this.axis('y'), ...this.series(), ...offset },
      },
      caption: 'Boxes from the first to the third quartile, whiskers to 1.5 times their height, points beyond.',
    };
  }

  private heatmap(): ReturnType<Drawing['draw']> {
    this.requireNumber('colour');
    const { data, most } = this.grouped('colour', ['x', 'y', 'facet']);
    const title = this.name('colour');
    return {
      data,
      unit: {
        mark: { type: 'rect' },
        encoding: {
          x: this.axis('x'),
          y: { ...this.axis('y'), sort: [...(this.channels.y?.distinct ?? [])].reverse() },
          color: {
            field: FIELDS.colour,
            type: 'quantitative',
            scale: { scheme: 'viridis', zero: false },
            legend: { title, labelExpr: LABELS, tickCount: 5 },
          },
        },
      },
      caption: most > 1 ? `Median of up to ${most} samples.` : 'One sample each.',
    };
  }

  private histogram(): ReturnType<Drawing['draw']> {
    this.requireNumber('x');
    const x = { field: FIELDS.x, type: 'quantitative', bin: { maxbins: 30 } };
    return {
      data: this.rows,
      unit: {
        mark: { type: 'bar' },
        encoding: {
          x: { ...x, axis: { title: this.name('x'), labelExpr: LABELS, labelFlush: false } },
          y: { aggregate: 'count', type: 'quantitative', axis: { title: 'samples', tickMinStep: 1 } },
          ...this.series(),
        },
      },
      caption: `${this.rows.length} samples.`,
    };
  }
}

/** Points that a picture can hold. */
const MAX_POINTS = 4000;

function thinned(rows: readonly Datum[]): readonly Datum[] {
  if (rows.length <= MAX_POINTS) return rows;
  const step = rows.length / MAX_POINTS;
  return Array.from({ length: MAX_POINTS }, (_, index) => rows[Math.floor(index * step)] ?? {});
}

/** Ticks of a logarithmic axis: powers of ten, with 2 and 5 between them where that leaves few. */
function decades(values: readonly unknown[]): number[] {
  const numbers = values.map(Number);
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const ticks = (steps: readonly number[]): number[] => {
    const found: number[] = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      found.push(...steps.map((step) => Number(`${step}e${power}`)));
    }
    return found.filter((tick) => tick >= low && tick <= high);
  };
  const powers = ticks([1]);
  return powers.length >= 3 ? powers : ticks([1, 2, 5]);
}

/** 4, 8, 16, 32: each value the same multiple of the one before. */
function isGeometric(values: readonly unknown[]): boolean {
  const numbers = values.map(Number);
  const ratio = (numbers[1] ?? 0) / (numbers[0] ?? 0);
  if (numbers.length < 3 || !(ratio > 1.2) || !Number.isFinite(ratio)) return false;
  return numbers.every(
    (number, index) => index === 0 || Math.abs(number / (numbers[index - 1] ?? 0) / ratio - 1) < 0.01,
  );
}

/** 10, 20, 30: the same distance between neighbours. */
function isEven(values: readonly unknown[]): boolean {
  const numbers = values.map(Number);
  const step = (numbers[1] ?? 0) - (numbers[0] ?? 0);
  return numbers.every(
    (number, index) => index === 0 || Math.abs(number - (numbers[index - 1] ?? 0) - step) <= Math.abs(step) * 0.01,
  );
}
