/** `ringfence query` and `ringfence export` */
import { Option } from 'commander';
import { type Answer, EXPORT_FORMATS, type ExportFormat, exportBatch, oneLine, QueryError, query } from '../index.js';
import { asUsage, openBatch } from './batch.js';
import { helpText, type Register } from './command.js';
import { CommandError, EXIT } from './exit.js';
import { renderGrid } from './grid.js';
import type { Io } from './io.js';

export interface QueryArguments {
  readonly json?: boolean;
  readonly csv?: boolean;
}

const text = (value: Answer): string =>
  value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);

/** RFC 4180; lines end with a line feed. */
function csvField(value: Answer): string {
  const field = text(value);
  return /[",\r\n]/.test(field) || (field === '' && value !== null) ? `"${field.replaceAll('"', '""')}"` : field;
}

/** @returns the exit code */
export async function queryCommand(folder: string, sql: string, args: QueryArguments, io: Io): Promise<number> {
  if (args.json === true && args.csv === true) {
    throw new CommandError(EXIT.usage, '--json and --csv exclude each other');
  }
  const batch = openBatch(folder);
  try {
    const { columns, rows } = await query(batch, sql);
    if (args.json === true) {
      const objects = rows.map((row) => Object.fromEntries(columns.map((name, index) => [name, row[index] ?? null])));
      io.out.write(`${JSON.stringify(objects, null, 2)}\n`);
    } else if (args.csv === true) {
      io.out.write([columns, ...rows].map((row) => `${row.map(csvField).join(',')}\n`).join(''));
    } else {
      const isNumber = (index: number): boolean => rows.every((row) => typeof (row[index] ?? 0) === 'number');
      const headings = columns.map((heading, index) => ({ heading, right: isNumber(index) }));
      io.out.write(
        renderGrid(
          headings,
          rows.map((row) => row.map((value) => oneLine(text(value)))),
        ),
      );
    }
    return EXIT.ok;
  } catch (error) {
    if (error instanceof QueryError) throw new CommandError(EXIT.usage, error.message);
    throw error;
  }
}

export const registerQuery: Register = (program, io, done) => {
  program
    .command('query')
    .description(
      'answer an SQL SELECT over a batch: tables cells, domains, exits, claims, wall_clock, results (all joined) and columns ' +
        '(what each column means, with its unit)',
    )
    .argument('<dir>', 'folder of a finished batch')
    .argument('<sql>', 'a SELECT in the dialect of DuckDB')
    .option('--json', 'print an array of objects')
    .option('--csv', 'print CSV (RFC 4180) with a header')
    .addHelpText(
      'after',
      helpText(
        [
          `ringfence query out/ "SELECT * FROM columns WHERE table_name = 'domains'"`,
          `ringfence query out/ "SELECT mode, avg(cycles) FROM results GROUP BY 1" --csv`,
        ],
        { 0: 'answered', 2: 'the folder or the SQL is wrong' },
      ),
    )
    .action(async (folder: string, sql: string, args: QueryArguments) =>
      done(await queryCommand(folder, sql, args, io)),
    );
};

export interface ExportArguments {
  readonly format: ExportFormat;
  readonly to?: string;
}

/** @returns the exit code */
export async function exportCommand(folder: string, args: ExportArguments, io: Io): Promise<number> {
  const batch = openBatch(folder);
  const target = args.to ?? folder;
  try {
    for (const file of await exportBatch(batch, target, args.format)) io.out.write(`${target}/${file}\n`);
    return EXIT.ok;
  } catch (error) {
    throw asUsage(error);
  }
}

export const registerExport: Register = (program, io, done) => {
  program
    .command('export')
    .description('write a batch as a DuckDB database, or as Parquet or CSV files, one per table')
    .argument('<dir>', 'folder of a finished batch')
    .addOption(new Option('--format <format>', 'what to write').choices([...EXPORT_FORMATS]).default('duckdb'))
    .option('--to <folder>', 'where to write (default: the batch itself)')
    .addHelpText(
      'after',
      helpText(['ringfence export results/sweep', 'ringfence export results/sweep --format parquet --to /tmp/sweep'], {
        0: 'written; the files are listed',
        2: 'a folder is wrong',
      }),
    )
    .action(async (folder: string, args: ExportArguments) => done(await exportCommand(folder, args, io)));
};
