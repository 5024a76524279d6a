/** `ringfence compare` */
import { type Comparison, compareBatches, oneLine, type WallComparison } from '../index.js';
import { openBatch } from './batch.js';
import { helpText, type Register } from './command.js';
import { EXIT } from './exit.js';
import { renderGrid } from './grid.js';
import type { Io } from './io.js';

export interface CompareArguments {
  readonly json?: boolean;
}

/** Rows that are printed; `--json` prints all. */
const MAX_ROWS = 40;

const short = (value: unknown): string => {
  const text = value === null ? '(none)' : String(value);
  return /^[0-9a-f]{64}$/.test(text) ? `${text.slice(0, 12)}…` : oneLine(text);
};

/** Five significant digits, no exponent for everyday sizes. */
const figure = (number: number): string =>
  Math.abs(number) >= 1e5 ? String(Math.round(number)) : String(Number(number.toPrecision(5)));

const probability = (p: number): string => (p < 0.0001 ? '< 0.0001' : p.toFixed(4));

function more(rows: readonly unknown[]): string {
  return rows.length > MAX_ROWS ? `… and ${rows.length - MAX_ROWS} more; --json lists all\n` : '';
}

function renderDifferences({ differences }: Comparison): string {
  const columns = ['cell', 'point', 'domain', 'column', 'A', 'B'].map((heading) => ({ heading }));
  const rows = differences
    .slice(0, MAX_ROWS)
    .map(({ cell, point, domain, column, a, b }) => [String(cell), point, domain, column, short(a), short(b)]);
  return `${renderGrid(columns, rows)}${more(differences)}`;
}

function renderWall(rows: readonly WallComparison[]): string {
  const right = ['n A', 'n B', 'median A', 'median B', 'B / A', '95 % interval', 'p', 'p (Holm)'];
  const columns = [
    ...['point', 'column', 'unit'].map((heading) => ({ heading })),
    ...right.map((heading) => ({ heading, right: true })),
  ];
  const shown = rows.filter(({ point, column }) => point === '' || column === 'run_ms');
  const cells = shown
    .slice(0, MAX_ROWS)
    .map((row) => [
      ...[row.point === '' ? 'all cells' : row.point, row.column, row.unit, String(row.samplesA), String(row.samplesB)],
      ...[figure(row.medianA), figure(row.medianB), row.ratio === undefined ? '-' : row.ratio.toFixed(3)],
      row.interval === undefined ? '-' : `${row.interval.low.toFixed(3)} to ${row.interval.high.toFixed(3)}`,
      ...[probability(row.p), probability(row.adjusted)],
    ]);
  const left = rows.length - shown.length;
  return `${renderGrid(columns, cells)}${more(shown)}${left > 0 ? 'other columns by point: --json\n' : ''}`;
}

const swept = (names: readonly string[]): string => (names.length === 0 ? 'nothing' : names.join(', '));

/** @returns the exit code */
export function compareCommand(folderA: string, folderB: string, args: CompareArguments, io: Io): number {
  const comparison = compareBatches(openBatch(folderA), openBatch(folderB));
  const { equal, cells, lost, parameters, identity, differences, fingerprints, wallClock } = comparison;
  if (args.json === true) io.out.write(`${JSON.stringify(comparison, null, 2)}\n`);
  else {
    const verdict = equal
      ? 'equal'
      : `${differences.length} ${differences.length === 1 ? 'difference' : 'differences'}`;
    io.out.write(`deterministic results of ${cells} ${cells === 1 ? 'cell' : 'cells'}: ${verdict}\n`);
    if (lost > 0) io.out.write(`of them, ended in neither: ${lost}\n`);
    if (cells === 0) io.out.write(`no cell is in both; A sweeps ${swept(parameters[0])}, B ${swept(parameters[1])}\n`);
    if (identity.length > 0) io.out.write(`different inputs: ${identity.join(', ')}\n`);
    io.out.write(`fingerprints  A ${fingerprints[0]}\n              B ${fingerprints[1]}\n`);
    if (!equal) io.out.write(`\n${renderDifferences(comparison)}`);
    if (wallClock.length > 0)
      io.out.write(
        `\nwall clock (all cells: in pairs, signed-rank test; a point: Mann-Whitney U test; two-sided):\n${renderWall(wallClock)}`,
      );
  }
  return equal ? EXIT.ok : EXIT.claimFailed;
}

export const registerCompare: Register = (program, io, done) => {
  program
    .command('compare')
    .description(
      'compare two batches: deterministic results exactly, by cell and column; wall-clock columns by median, ' +
        'interval and rank test',
    )
    .argument('<a>', 'folder of a finished batch')
    .argument('<b>', 'folder of another')
    .option('--json', 'print everything as one JSON object')
    .addHelpText(
      'after',
      helpText(['ringfence compare results/before results/after', 'ringfence compare a b --json | jq .differences'], {
        0: 'the deterministic results are equal',
        1: 'they differ',
        2: 'a folder is wrong',
      }),
    )
    .action((folderA: string, folderB: string, args: CompareArguments) =>
      done(compareCommand(folderA, folderB, args, io)),
    );
};
