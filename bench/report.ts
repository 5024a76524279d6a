/** What a bench reports: rows, and their two forms. */
import { median, spread } from './statistics.js';

/** The subject that `ratio` refers to. */
export const BASELINE = 'baseline';

export interface Row {
  readonly bench: string;
  /** `baseline` for the row that the others are compared with; `about` says what it is. */
  readonly subject: string;
  readonly about: string;
  /** Median over rounds, in `unit`: time per operation or per run, so less is better. */
  readonly median: number;
  readonly unit: string;
  /** median ÷ median of the bench's baseline: below 1 is faster than the baseline. Null where there is no baseline. */
  readonly ratio: number | null;
  /** Half the distance between the quartiles of the rounds, in percent of the median. */
  readonly spread: number;
  readonly rounds: number;
  readonly [more: string]: unknown;
}

export interface Measured {
  readonly subject: string;
  readonly about: string;
  /** One value per round. */
  readonly values: readonly number[];
  readonly more?: Readonly<Record<string, unknown>>;
}

/** The rows of one bench. */
export function rowsOf(bench: string, unit: string, measured: readonly Measured[]): readonly Row[] {
  const baseline = measured.find(({ subject }) => subject === BASELINE);
  const base = baseline === undefined ? Number.NaN : median(baseline.values);
  return measured.map(({ subject, about, values, more }) => {
    const value = median(values);
    const ratio = value / base;
    return {
      bench,
      subject,
      about,
      median: significant(value),
      unit,
      ratio: Number.isFinite(ratio) ? significant(ratio) : null,
      spread: significant(spread(values), 2),
      rounds: values.length,
      ...more,
    };
  });
}

/** A number with `digits` significant digits: more would only be noise. */
export function significant(value: number, digits = 5): number {
  return Number(value.toPrecision(digits));
}

const COLUMNS = ['bench', 'subject', 'median', 'unit', 'ratio', 'spread', 'what it is'] as const;

/** A table for people; a row of another bench begins after an empty line. */
export function table(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.bench,
    row.subject,
    format(row.median),
    row.unit,
    row.ratio === null ? '–' : row.ratio.toFixed(2),
    `±${row.spread.toFixed(1)} %`,
    row.about,
  ]);
  const widths = COLUMNS.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i >= 2 && i !== 3 && i < 6 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join('  ');
  const lines = [line(COLUMNS)];
  for (const [i, row] of cells.entries()) {
    if (i > 0 && row[0] !== cells[i - 1]![0]) lines.push('');
    lines.push(line(row));
  }
  return `${lines.map((text) => text.trimEnd()).join('\n')}\n`;
}

function format(value: number): string {
  if (value >= 100) return value.toFixed(0);
  if (value >= 10) return value.toFixed(1);
  return value >= 1 ? value.toFixed(2) : value.toPrecision(2);
}
