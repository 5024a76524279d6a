/** Claims of a scenario: sentences with conditions over all results of a run. */
import type { ClaimFailure, ParameterValue, Row } from './cell.js';
import { type Column, DOMAIN_COLUMNS, HOST_COLUMNS } from './columns.js';
import type { Path } from './document.js';
import { type Expression, type Names, parseExpression, type Type } from './expression.js';
import { ExpressionError } from './expression-tokens.js';
import { evaluate, globPattern, type Values, value } from './expression-value.js';
import type { ClaimSpec } from './scenario.js';

export type ParameterTypes = ReadonlyMap<string, Type>;

const DOMAIN_TYPES = new Map(DOMAIN_COLUMNS.map(({ name, type }) => [name, type]));
const HOST_TYPES = new Map(HOST_COLUMNS.map(({ name, type }) => [name, type]));
const namesOf = (columns: readonly Column[]): string[] => columns.map(({ name }) => name);

/** `domains.a.b.retired` → domain `a.b`, column `retired` */
function split(parts: readonly string[]): { readonly domain: string; readonly column: string } {
  return { domain: parts.slice(1, -1).join('.'), column: parts.at(-1) ?? '' };
}

/**
 * Names that a pattern ought to have selected some of. Domains that others make, `vm0/domain-1`, are not known before a run: patterns
 * that could mean them, by a slash or a star in front, are taken as they are.
 */
function unselected(pattern: string, domains: readonly string[]): readonly string[] | undefined {
  if (pattern.includes('/') || pattern.startsWith('*')) return undefined;
  return domains.some((name) => globPattern(pattern).test(name)) ? undefined : domains;
}

/** What a claim may name: `domains.<name>.<column>`, `host.<column>`, `param('…')`; with one domain its columns by bare name. */
export function claimNames(domains: readonly string[], parameters: ParameterTypes, isWhole: boolean = false): Names {
  const known = new Set(domains);
  return {
    column: (parts) => {
      if (parts[0] === 'domains' && parts.length >= 3) {
        const { domain, column } = split(parts);
        return known.has(domain) ? DOMAIN_TYPES.get(column) : undefined;
      }
      if (parts[0] === 'host' && parts.length === 2) return HOST_TYPES.get(parts[1] ?? '');
      return parts.length === 1 && known.size === 1 ? DOMAIN_TYPES.get(parts[0] ?? '') : undefined;
    },
    domainColumn: (name) => DOMAIN_TYPES.get(name),
    ...(isWhole && { unselected: (pattern) => unselected(pattern, domains) }),
    parameter: (name) => parameters.get(name),
    known: (parts) => {
      if (parts[0] === 'param') return [...parameters.keys()];
      if (parts[0] === 'host') return namesOf(HOST_COLUMNS);
      if (parts[0] === 'domains' && parts.length >= 3) {
        return known.has(split(parts).domain) ? namesOf(DOMAIN_COLUMNS) : [...known];
      }
      if (parts[0] === 'domains') return domains.map((name) => `domains.${name}.retired`);
      if (known.size === 1) return namesOf(DOMAIN_COLUMNS);
      if (DOMAIN_TYPES.has(parts[0] ?? '')) return [`domains.<name>.${parts[0]}`, `all(${parts[0]} …)`];
      return ['domains.<name>.<column>', 'host.<column>', "param('…')", 'all(…)', 'any(…)', 'sum(…)'];
    },
  };
}

/** What is wrong with a condition, if anything. */
export function expressionFault(
  text: string,
  names: Names,
): { readonly problem: string; readonly allowed: string } | undefined {
  try {
    parseExpression(text, names, 'boolean');
    return undefined;
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return { problem: `character ${error.at + 1}: ${error.message}`, allowed: error.allowed };
  }
}

export interface ClaimProblem {
  readonly path: Path;
  readonly problem: string;
  readonly allowed: string;
}

/** Problems of the claims' conditions. */
export function checkClaims(
  claims: readonly { readonly that: string; readonly when?: string | undefined }[],
  domains: readonly { readonly name: string }[],
  parameters: ParameterTypes,
): ClaimProblem[] {
  const names = claimNames(
    domains.map(({ name }) => name),
    parameters,
  );
  const problems: ClaimProblem[] = [];
  for (const [index, claim] of claims.entries()) {
    for (const key of ['that', 'when'] as const) {
      const text = claim[key];
      if (text === undefined) continue;
      const fault = expressionFault(text, names);
      if (fault !== undefined) problems.push({ path: ['expect', index, key], ...fault });
    }
  }
  return problems;
}

/** The results that claims look at. */
export interface ClaimResults {
  readonly domains: readonly Row[];
  readonly host: Row;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
}

const typeOf = (value: ParameterValue): Type =>
  typeof value === 'string' ? 'text' : typeof value === 'number' ? 'number' : 'boolean';

/** What the names in a claim are worth in a cell. */
export function valuesOf({ domains, host, parameters }: ClaimResults): Values {
  const rows = new Map(domains.map((row) => [String(row.name), row]));
  return {
    column: (parts) => {
      if (parts[0] === 'host') return host[parts[1] ?? ''];
      if (parts.length === 1) return domains[0]?.[parts[0] ?? ''];
      const { domain, column } = split(parts);
      return rows.get(domain)?.[column];
    },
    domains: domains.map((row) => ({ name: String(row.name), column: (name) => row[name] })),
    parameter: (name) => parameters[name],
  };
}

/** The claims that do not hold. */
export function failedScenarioClaims(claims: readonly ClaimSpec[], results: ClaimResults): ClaimFailure[] {
  if (claims.length === 0) return [];
  const types = new Map(Object.entries(results.parameters).map(([name, each]) => [name, typeOf(each)]));
  const names = claimNames(
    results.domains.map(({ name }) => String(name)),
    types,
  );
  const values = valuesOf(results);
  const failed: ClaimFailure[] = [];
  for (const { claim, that, when } of claims) {
    if (when !== undefined && evaluate(parseExpression(when, names, 'boolean'), values) !== true) continue;
    const expression = parseExpression(that, names, 'boolean');
    if (evaluate(expression, values) === true) continue;
    failed.push({ domain: '', claim, expected: that, found: found(expression, values) });
  }
  return failed;
}

/** The columns and functions of the condition with their values. */
export function found(expression: Expression, values: Values): string {
  const shown = expression.parts.map(({ text, node }) => `${text} = ${value(node, values, undefined) ?? 'nothing'}`);
  return shown.length === 0 ? 'not so' : shown.join(', ');
}
