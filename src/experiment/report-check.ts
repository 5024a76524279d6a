/** Mistakes in `report:` that would otherwise show only after the sweep: columns and conditions of charts. */
import type { BatchResults, ParameterColumn, ReportSpec } from './cell.js';
import { type ClaimProblem, expressionFault } from './claims.js';
import type { Names } from './expression.js';
import { listNames, quote, suggest } from './problem.js';
import { type TableColumn, tablesOf } from './tables.js';

/** Columns of the joined table of a batch with these parameters. */
function joinedColumns(parameters: readonly ParameterColumn[]): ReadonlyMap<string, TableColumn> {
  const empty: Pick<BatchResults, 'parameters' | 'deterministic' | 'wallClock' | 'across'> = {
    parameters,
    deterministic: [],
    wallClock: [],
    across: [],
  };
  const { columns } = tablesOf(empty as unknown as BatchResults).at(-1)!;
  return new Map(columns.map((column) => [column.name, column]));
}

export function checkReport(
  { charts = [], table = [] }: ReportSpec,
  parameters: readonly ParameterColumn[],
): ClaimProblem[] {
  if (charts.length + table.length === 0) return [];
  const columns = joinedColumns(parameters);
  const known = [...columns.keys()];
  const type = (name: string): TableColumn['type'] | undefined => columns.get(name)?.type;
  const names: Names = {
    column: (parts) => (parts.length === 1 ? type(parts[0] ?? '') : undefined),
    parameter: type,
    known: () => known,
  };
  const problems: ClaimProblem[] = [];
  const column = (path: ClaimProblem['path'], name: string | undefined): void => {
    if (name === undefined || columns.has(name)) return;
    problems.push({ path, problem: `no column ${quote(name)}${suggest(name, known)}`, allowed: listNames(known) });
  };
  const condition = (path: ClaimProblem['path'], text: string | undefined): void => {
    const fault = text === undefined ? undefined : expressionFault(text, names);
    if (fault !== undefined) problems.push({ path, ...fault });
  };
  for (const [index, chart] of charts.entries()) {
    const at = ['report', 'charts', index];
    for (const role of ['x', 'y', 'colour', 'facet'] as const) column([...at, role], chart[role]);
    condition([...at, 'where'], chart.where);
    for (const [word, { when }] of (chart.words ?? []).entries()) condition([...at, 'words', word, 'when'], when);
  }
  for (const [index, name] of table.entries()) column(['report', 'table', index], name);
  return problems;
}
