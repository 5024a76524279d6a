/** What expressions are worth. */
import type { Aggregate, Expression, Node, Value } from './expression.js';

/** What names are worth when it is evaluated. */
export interface Values {
  readonly column: (parts: readonly string[]) => Value | undefined;
  readonly domains?: readonly { readonly name: string; readonly column: (name: string) => Value | undefined }[];
  readonly parameter?: (name: string) => Value | undefined;
  /** The cells of a group, for claims across cells. */
  readonly cells?: readonly Values[];
}

/** @returns the value, or undefined if a column has none here */
export function evaluate(expression: Expression, values: Values): Value | undefined {
  return value(expression.root, values, undefined);
}

type Domain = NonNullable<Values['domains']>[number];

export function value(node: Node, values: Values, domain: Domain | undefined): Value | undefined {
  switch (node.kind) {
    case 'literal':
      return node.value;
    case 'column':
      return node.inDomain ? domain?.column(node.parts[0]!) : values.column(node.parts);
    case 'parameter':
      return values.parameter?.(node.name);
    case 'unary': {
      const of = value(node.of, values, domain);
      if (of === undefined) return undefined;
      return node.op === 'not' ? of !== true : -(of as number);
    }
    case 'in': {
      const of = value(node.of, values, domain);
      return of === undefined ? undefined : node.list.some((item) => value(item, values, domain) === of);
    }
    case 'call':
      return call(
        node.name,
        node.args.map((arg) => value(arg, values, domain)),
      );
    case 'aggregate':
      return aggregate(node.name, everyone(node, values));
    case 'binary':
      return binary(node.op, value(node.left, values, domain), () => value(node.right, values, domain));
  }
}

function call(name: 'abs' | 'contains' | 'matches', args: readonly (Value | undefined)[]): Value | undefined {
  const [first, second] = args;
  if (first === undefined) return undefined;
  if (name === 'abs') return Math.abs(first as number);
  if (second === undefined) return undefined;
  if (name === 'contains') return String(first).includes(String(second));
  return globPattern(String(second)).test(String(first));
}

function binary(op: string, left: Value | undefined, later: () => Value | undefined): Value | undefined {
  if (op === 'and') return left === true && later() === true;
  if (op === 'or') return left === true || later() === true;
  const right = later();
  if (left === undefined || right === undefined) return undefined;
  switch (op) {
    case '+':
      return (left as number) + (right as number);
    case '-':
      return (left as number) - (right as number);
    case '*':
      return (left as number) * (right as number);
    case '/':
      return right === 0 ? undefined : (left as number) / (right as number); // no claim holds of what is nothing
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
    case '==':
      return left === right;
    default:
      return left !== right;
  }
}

/** What the function is about: a value for every domain that the pattern selects, or for every cell that the condition does. */
function everyone(node: Extract<Node, { kind: 'aggregate' }>, values: Values): (Value | undefined)[] {
  const { of, over, where } = node;
  if (over === 'domains') {
    const pattern = where?.kind === 'literal' ? globPattern(String(where.value)) : /^/;
    const domains = (values.domains ?? []).filter(({ name }) => pattern.test(name));
    return domains.map((domain) => value(of, values, domain));
  }
  const cells = (values.cells ?? []).filter((cell) => where === undefined || value(where, cell, undefined) === true);
  return cells.map((cell) => value(of, cell, undefined));
}

function aggregate(name: Aggregate, found: readonly (Value | undefined)[]): Value | undefined {
  if (name === 'all') return found.length > 0 && found.every((item) => item === true);
  if (name === 'any') return found.some((item) => item === true);
  if (name === 'count') return found.filter((item) => item === true).length;
  if (name === 'distinct') return found.length === 0 ? undefined : new Set(found).size;
  const numbers = found.filter((item): item is number => typeof item === 'number');
  const sum = numbers.reduce((total, item) => total + item, 0);
  if (name === 'sum') return sum;
  if (numbers.length === 0) return undefined;
  if (name === 'mean') return sum / numbers.length;
  return numbers.reduce((best, item) => (name === 'min' ? Math.min(best, item) : Math.max(best, item)));
}

/** `crowd-*` as a pattern. */
export function globPattern(glob: string): RegExp {
  return new RegExp(
    `^${glob
      .split('*')
      .map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
      .join('.*')}$`,
  );
}
