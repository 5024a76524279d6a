/**
 * Claims about many cells at once.
 *
 *   across:
 *     - claim: sentence
 *       when: condition over a cell          only these cells; default: all
 *       by: [parameter, …]                   one group per combination of their values; default: one group of all
 *       that: condition over a group         functions over its cells, such as mean(host.cycles, param('mode') == 'xts')
 */
import type { CellRecord, ParameterColumn, ParameterValue } from './cell.js';
import { type ClaimProblem, claimNames, expressionFault, found, type ParameterTypes, valuesOf } from './claims.js';
import { DOMAIN_COLUMNS } from './columns.js';
import { isOfParameters, type Names, parseExpression, type Type } from './expression.js';
import { evaluate, type Values } from './expression-value.js';
import { listNames, quote, suggest } from './problem.js';
import type { AcrossSpec, ClaimSpec } from './scenario.js';

/** A claim across cells that does not hold in a group. */
export interface AcrossFailure {
  readonly claim: string;
  /** Values of the parameters of `by:`. */
  readonly group: Readonly<Record<string, ParameterValue>>;
  readonly expected: string;
  readonly found: string;
}

/** `cell.<name>`, beside the columns that claims about one cell know. */
const CELL_TYPES: ReadonlyMap<string, Type> = new Map([
  ['status', 'text'],
  ['fingerprint', 'text'],
  ['repeat', 'number'],
  ['seed', 'number'],
]);

function cellNames(names: Names): Names {
  return {
    ...names,
    column: (parts) =>
      parts[0] === 'cell' && parts.length === 2 ? CELL_TYPES.get(parts[1] ?? '') : names.column(parts),
    known: (parts) => (parts[0] === 'cell' ? [...CELL_TYPES.keys()].map((name) => `cell.${name}`) : names.known(parts)),
  };
}

/** Names on the outside of a claim across cells: there, values are those of a group. */
function groupNames(cells: Names, by: readonly string[]): Names {
  return {
    column: () => undefined,
    parameter: (name) => (by.includes(name) ? cells.parameter?.(name) : undefined),
    cells,
    known: (parts) => (parts[0] === 'param' ? by : ['all(…)', 'mean(…)', 'max(…)', 'distinct(…)', "param('…')"]),
  };
}

/** What is known of a cell before it is run. */
export interface PlannedValues {
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  readonly domains: readonly { readonly name: string }[];
}

/** Problems of claims that show only when all cells are known. */
export function checkAcross(
  claims: readonly ClaimSpec[],
  across: readonly AcrossSpec[],
  cells: readonly PlannedValues[],
  parameters: ParameterTypes,
): ClaimProblem[] {
  const problems: ClaimProblem[] = [];
  const all = [...new Set(cells.flatMap(({ domains }) => domains.map(({ name }) => name)))];
  const names = claimNames(all, parameters, true);
  const ofCell = cellNames(names);
  // Of claims about one cell, all else was checked cell by cell; a pattern must select somebody in any of them.
  const ofAny: Names = { ...anyNames(parameters), ...(names.unselected && { unselected: names.unselected }) };
  for (const [index, claim] of claims.entries()) {
    for (const part of ['that', 'when'] as const) {
      const fault = claim[part] === undefined ? undefined : expressionFault(claim[part], ofAny);
      if (fault !== undefined) problems.push({ path: ['expect', index, part], ...fault });
    }
  }
  for (const [index, { that, when, by = [] }] of across.entries()) {
    for (const [position, name] of by.entries()) {
      if (parameters.has(name)) continue;
      const known = [...parameters.keys()];
      const problem = `the sweep has no parameter ${quote(name)}${suggest(name, known)}`;
      const allowed = known.length === 0 ? 'a parameter of the sweep; there is none' : listNames(known);
      problems.push({ path: ['across', index, 'by', position], problem, allowed });
    }
    const fault = expressionFault(that, groupNames(ofCell, by));
    if (fault !== undefined) problems.push({ path: ['across', index, 'that'], ...fault });
    const condition = when === undefined ? undefined : expressionFault(when, ofCell);
    if (condition !== undefined) problems.push({ path: ['across', index, 'when'], ...condition });
  }
  if (problems.length > 0) return problems;
  const lists = [
    ['expect', claims],
    ['across', across],
  ] as const;
  for (const [list, claim, index] of lists.flatMap(([name, all]) => all.map((each, at) => [name, each, at] as const))) {
    if (claim.when === undefined || isEver(claim.when, ofCell, cells)) continue;
    const allowed = 'a condition that a cell of the sweep satisfies; otherwise the claim says nothing';
    problems.push({ path: [list, index, 'when'], problem: 'holds in no cell', allowed });
  }
  return problems;
}

/** Whether the condition holds in a cell; true where that is not known yet. */
function isEver(when: string, names: Names, cells: readonly PlannedValues[]): boolean {
  const expression = parseExpression(when, names, 'boolean');
  if (!isOfParameters(expression)) return true;
  return cells.some(
    ({ parameters }) =>
      evaluate(expression, { column: () => undefined, parameter: (name) => parameters[name] }) === true,
  );
}

/** Columns whatever domains there are: that they exist was checked before anything was run. */
function anyNames(parameters: ParameterTypes): Names {
  const types = new Map(DOMAIN_COLUMNS.map(({ name, type }) => [name, type]));
  const names = claimNames([], parameters);
  return cellNames({
    ...names,
    column: (parts) => names.column(parts) ?? (parts[0] === 'host' ? undefined : types.get(parts.at(-1) ?? '')),
  });
}

function cellValues({ cell, status, deterministic }: CellRecord): Values {
  const { domains = [], host = {} } = deterministic ?? {};
  const values = valuesOf({ domains, host, parameters: cell.parameters });
  const own: Readonly<Record<string, ParameterValue | undefined>> = {
    status,
    fingerprint: deterministic?.fingerprint,
    repeat: cell.repeat,
    seed: cell.seed,
  };
  return { ...values, column: (parts) => (parts[0] === 'cell' ? own[parts[1] ?? ''] : values.column(parts)) };
}

/** The claims that do not hold, in the order of the scenario and of the first cell of each group. */
export function failedAcross(
  across: readonly AcrossSpec[],
  columns: readonly ParameterColumn[],
  records: readonly CellRecord[],
): AcrossFailure[] {
  if (across.length === 0) return [];
  const ofCell = anyNames(new Map(columns.map(({ name, type }) => [name, type])));
  const cells = records.map((record) => ({ record, values: cellValues(record) }));
  const failed: AcrossFailure[] = [];
  for (const { claim, that, when, by = [] } of across) {
    const condition = when === undefined ? undefined : parseExpression(when, ofCell, 'boolean');
    const expression = parseExpression(that, groupNames(ofCell, by), 'boolean');
    const groups = new Map<string, { group: Record<string, ParameterValue>; cells: Values[] }>();
    if (by.length === 0) groups.set('[]', { group: {}, cells: [] }); // a claim about no cell is a mistake, not a truth
    for (const { record, values } of cells) {
      if (condition !== undefined && evaluate(condition, values) !== true) continue;
      const group = Object.fromEntries(by.map((name) => [name, record.cell.parameters[name] ?? '']));
      const key = JSON.stringify(Object.values(group));
      const known = groups.get(key) ?? { group, cells: [] };
      known.cells.push(values);
      groups.set(key, known);
    }
    for (const { group, cells: members } of groups.values()) {
      const values: Values = { column: () => undefined, parameter: (name) => group[name], cells: members };
      if (evaluate(expression, values) === true) continue;
      failed.push({ claim, group, expected: that, found: found(expression, values) });
    }
  }
  return failed;
}
