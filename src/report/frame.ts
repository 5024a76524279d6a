/**
 * The joined table of a batch as charts see it: columns by name, units that people read, rows without repetition.
 *
 * The joined table has one row per domain. A chart that draws no column of a domain gets one row per cell instead, so that a
 * cell with many domains does not weigh more.
 */
import { DOMAIN_COLUMNS } from '../experiment/columns.js';
import { parseExpression } from '../experiment/expression.js';
import { ExpressionError } from '../experiment/expression-tokens.js';
import { evaluate } from '../experiment/expression-value.js';
import { listNames, quote, suggest } from '../experiment/problem.js';
import { BatchError, type Table, type TableColumn, type Value } from '../experiment/tables.js';

/** The values of a row by column; null where there is none. */
export type View = (name: string) => Value;

export type Datum = Readonly<Record<string, Value>>;

const DOMAIN_NAMES = new Set(DOMAIN_COLUMNS.map(({ name }) => name));

export class Frame {
  readonly columns: ReadonlyMap<string, TableColumn>;
  private readonly table: Table;
  private readonly positions: ReadonlyMap<string, number>;

  constructor(results: Table) {
    this.table = results;
    this.columns = new Map(results.columns.map((column) => [column.name, column]));
    this.positions = new Map(results.columns.map(({ name }, index) => [name, index]));
  }

  /** Whether a column belongs to a domain rather than to its cell; a parameter may have taken the plain name. */
  isOfDomain(name: string): boolean {
    if (name.startsWith('domain_')) return DOMAIN_NAMES.has(name.slice('domain_'.length));
    return DOMAIN_NAMES.has(name) && !this.columns.has(`domain_${name}`);
  }

  /** @throws BatchError with the names that are near */
  column(name: string, where: string): TableColumn {
    const column = this.columns.get(name);
    if (column !== undefined) return column;
    const names = [...this.columns.keys()];
    throw new BatchError(`${where}: no column ${quote(name)}${suggest(name, names)}; allowed: ${listNames(names)}`);
  }

  /** Distinct values that are not null, numbers in order, others in the order of the plan. */
  distinct(name: string): (string | number | boolean)[] {
    const position = this.positions.get(name);
    const found = new Set<string | number | boolean>();
    for (const row of this.table.rows) {
      const value = position === undefined ? null : (row[position] ?? null);
      if (value !== null) found.add(value);
    }
    const values = [...found];
    return values.every((value) => typeof value === 'number') ? values.sort((a, b) => Number(a) - Number(b)) : values;
  }

  /** Rows with values in all the columns `names` that satisfy `where`. */
  rows(names: readonly string[], where: string | undefined, place: string): Datum[] {
    const perCell = !names.some((name) => this.isOfDomain(name));
    const seen = new Set<Value>();
    const found: Datum[] = [];
    for (const at of this.views(where, place)) {
      if (names.some((name) => at(name) === null)) continue;
      if (perCell && seen.has(at('cell'))) continue;
      seen.add(at('cell'));
      found.push(Object.fromEntries(names.map((name) => [name, at(name)])));
    }
    return found;
  }

  /** Rows that satisfy `where`, each as a look-up by column. @throws BatchError */
  views(where: string | undefined, place: string): View[] {
    const views = this.table.rows.map(
      (row): View =>
        (name) =>
          row[this.positions.get(name) ?? -1] ?? null,
    );
    return where === undefined ? views : views.filter(this.test(where, `${place}: where`));
  }

  /** A condition in the language of claims over the columns of a row; `param('x')` is the column of that parameter. */
  test(condition: string, place: string): (view: View) => boolean {
    const names = [...this.columns.keys()];
    try {
      const type = (name: string): TableColumn['type'] | undefined => this.columns.get(name)?.type;
      const column = (parts: readonly string[]) => (parts.length === 1 ? type(parts[0] ?? '') : undefined);
      const expression = parseExpression(condition, { column, parameter: type, known: () => names }, 'boolean');
      return (view) => {
        const value = (name: string) => view(name) ?? undefined;
        return evaluate(expression, { column: ([name = '']) => value(name), parameter: value }) === true;
      };
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      throw new BatchError(`${place}: ${error.message}; allowed: ${error.allowed}`);
    }
  }
}

/** A column in a unit for people: values are divided by `factor`. */
export interface Scaled {
  readonly unit: string;
  readonly factor: number;
}

const STEPS: Readonly<Record<string, readonly (readonly [unit: string, factor: number])[]>> = {
  bytes: [
    ['GiB', 1024 ** 3],
    ['MiB', 1024 ** 2],
    ['KiB', 1024],
  ],
  ns: [
    ['s', 1e9],
    ['ms', 1e6],
    ['µs', 1e3],
  ],
  ms: [['s', 1e3]],
  Hz: [
    ['GHz', 1e9],
    ['MHz', 1e6],
  ],
};

/** The largest unit in which the largest value is at least 1 and, for sizes, no value loses its round look. */
export function scaleOf(column: TableColumn, values: readonly Value[]): Scaled {
  const unit = column.unit ?? '';
  const numbers = values.filter((value): value is number => typeof value === 'number' && value !== 0).map(Math.abs);
  const largest = Math.max(0, ...numbers);
  const isRound = (factor: number): boolean => numbers.every((number) => (number / factor) % 0.25 === 0);
  for (const [name, factor] of STEPS[unit] ?? []) {
    if (largest >= factor && (unit !== 'bytes' || isRound(factor) || largest >= factor * 16)) {
      return { unit: name, factor };
    }
  }
  return { unit, factor: 1 };
}

/** `host_virtual_ns` in milliseconds: `host_virtual [ms]`. A unit that the name says already is not repeated. */
export function label(column: TableColumn, unit: string): string {
  const suffix = `_${column.unit ?? ''}`;
  const isRescaled = unit !== column.unit && column.name.endsWith(suffix);
  const name = isRescaled && suffix !== '_' ? column.name.slice(0, -suffix.length) : column.name;
  return unit === '' || name === unit || name.endsWith(`_${unit}`) ? name : `${name} [${unit}]`;
}
