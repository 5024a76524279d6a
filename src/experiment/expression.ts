/**
 * The language of claims: conditions over columns of results. Nothing but what is listed here can be said; there is no eval.
 *
 *   or         and { "or" and }
 *   and        not { "and" not }
 *   not        "not" not | comparison
 *   comparison sum [ ("<" | "<=" | ">" | ">=" | "==" | "!=") sum | "in" "[" or { "," or } "]" ]
 *   sum        product { ("+" | "-") product }
 *   product    factor { ("*" | "/") factor }
 *   factor     "-" factor | number [unit] | 'text' | "true" | "false" | "(" or ")" | function "(" or { "," or } ")" | column
 *   column     name { "." name | "['" any "']" }
 *
 * Numbers have the units of scenarios: 20M, 8MiB, 10ms, 1GHz, in base units. Types are checked before anything is run.
 */
import { listNames, suggest } from './problem.js';
import { COUNT, FREQUENCY, MEMORY, parseQuantity, TIME } from './units.js';

export type Type = 'number' | 'text' | 'boolean';
export type Value = number | string | boolean;

/** A mistake in an expression. `at` is the 0-based offset in its text. */
export class ExpressionError extends Error {
  readonly at: number;
  readonly allowed: string;
  constructor(message: string, at: number, allowed: string) {
    super(message);
    this.name = 'ExpressionError';
    this.at = at;
    this.allowed = allowed;
  }
}

/** Functions over all domains: their first argument is evaluated once per domain, with the domain's columns by bare name. */
export const AGGREGATES = ['all', 'any', 'count', 'sum', 'min', 'max', 'mean'] as const;
type Aggregate = (typeof AGGREGATES)[number];
const FUNCTIONS = [...AGGREGATES, 'abs', 'contains', 'matches', 'param'];

/** What names mean while an expression is checked. */
export interface Names {
  /** Type of a column, or undefined if there is none. `parts`: `domains.sieve.retired` → ['domains', 'sieve', 'retired']. */
  readonly column: (parts: readonly string[]) => Type | undefined;
  /** Columns of a domain, inside of aggregates; absent where there are no aggregates. */
  readonly domainColumn?: (name: string) => Type | undefined;
  /** Type of a parameter of the sweep; absent where there are none. */
  readonly parameter?: (name: string) => Type | undefined;
  /** What to suggest for an unknown name. */
  readonly known: (parts: readonly string[]) => readonly string[];
}

/** What names are worth when it is evaluated. */
export interface Values {
  readonly column: (parts: readonly string[]) => Value | undefined;
  readonly domains?: readonly { readonly name: string; readonly column: (name: string) => Value | undefined }[];
  readonly parameter?: (name: string) => Value | undefined;
}

type Node =
  | { readonly kind: 'literal'; readonly value: Value }
  | { readonly kind: 'column'; readonly parts: readonly string[]; readonly inDomain: boolean }
  | { readonly kind: 'parameter'; readonly name: string }
  | { readonly kind: 'unary'; readonly op: '-' | 'not'; readonly of: Node }
  | { readonly kind: 'binary'; readonly op: string; readonly left: Node; readonly right: Node }
  | { readonly kind: 'in'; readonly of: Node; readonly list: readonly Node[] }
  | { readonly kind: 'aggregate'; readonly name: Aggregate; readonly of: Node; readonly glob: RegExp }
  | { readonly kind: 'call'; readonly name: 'abs' | 'contains' | 'matches'; readonly args: readonly Node[] };

/** A checked expression. */
export interface Expression {
  readonly text: string;
  readonly type: Type;
  readonly root: Node;
  /** Columns outside of aggregates, for messages about a claim that failed. */
  readonly columns: readonly string[][];
}

interface Token {
  readonly kind: 'number' | 'text' | 'name' | 'symbol' | 'end';
  readonly text: string;
  readonly at: number;
  readonly value?: Value;
}

const MAX_LENGTH = 2000;
const MAX_DEPTH = 40;
const SPACE = /\s+/y;
const NUMBER = /[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?([a-zµA-Z]*)/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
/** After a dot a name may hold what names of domains hold, except at its end. */
const MEMBER = /[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?/y;
const TEXT = /'([^']*)'|"([^"]*)"/y;
const SYMBOL = /<=|>=|==|!=|[<>()[\],+\-*/.]/y;
const WORDS = new Set(['and', 'or', 'not', 'in', 'true', 'false']);

function numberOf(text: string, suffix: string, at: number): number {
  if (suffix === '') return Number(text);
  for (const unit of [COUNT, MEMORY, TIME, FREQUENCY]) {
    const number = Object.hasOwn(unit.factors, suffix) ? parseQuantity(unit, text) : undefined;
    if (number !== undefined) return number;
  }
  throw new ExpressionError(`'${text}' is not a number`, at, 'a number, or one with a unit: 20M, 8MiB, 10ms, 1GHz');
}

function tokens(text: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  while (at < text.length) {
    const space = match(SPACE);
    if (space !== null) {
      at += space[0].length;
      continue;
    }
    const afterDot = found.at(-1)?.text === '.' && found.at(-1)?.kind === 'symbol';
    const name = afterDot ? match(MEMBER) : match(NAME);
    const number = name === null ? match(NUMBER) : null;
    const string = name === null && number === null ? match(TEXT) : null;
    const symbol = name === null && number === null && string === null ? match(SYMBOL) : null;
    const whole = (name ?? number ?? string ?? symbol)?.[0];
    if (whole === undefined) {
      const quoteMark = text[at] === "'" || text[at] === '"';
      throw new ExpressionError(
        quoteMark ? 'a text without an end' : `the character '${text[at]}' has no meaning`,
        at,
        quoteMark
          ? '\'text\' or "text"'
          : 'columns, numbers, texts in quotes, and or not in, < <= > >= == != + - * / ( )',
      );
    }
    if (name !== null) found.push({ kind: 'name', text: whole, at });
    else if (number !== null) {
      found.push({ kind: 'number', text: whole, at, value: numberOf(whole, number[1] ?? '', at) });
    } else if (string !== null) found.push({ kind: 'text', text: whole, at, value: string[1] ?? string[2] ?? '' });
    else found.push({ kind: 'symbol', text: whole, at });
    at += whole.length;
  }
  found.push({ kind: 'end', text: 'the end', at: text.length });
  return found;
}

interface Typed {
  readonly node: Node;
  readonly type: Type;
  readonly at: number;
}

class Parser {
  private readonly list: readonly Token[];
  private readonly names: Names;
  private next = 0;
  private depth = 0;
  private inAggregate = false;
  readonly columns: string[][] = [];

  constructor(text: string, names: Names) {
    this.list = tokens(text);
    this.names = names;
  }

  private get token(): Token {
    return this.list[this.next] ?? this.list.at(-1)!;
  }

  /** Takes the token if it is this word or symbol. */
  private take(text: string): boolean {
    const { token } = this;
    if ((token.kind !== 'name' && token.kind !== 'symbol') || token.text !== text) return false;
    this.next++;
    return true;
  }

  private need(text: string): void {
    if (this.take(text)) return;
    throw new ExpressionError(`${shown(this.token)} where '${text}' is missing`, this.token.at, `'${text}'`);
  }

  whole(): Typed {
    const result = this.or();
    if (this.token.kind !== 'end') {
      throw new ExpressionError(
        `${shown(this.token)} is too much`,
        this.token.at,
        'the end, or: and, or, a comparison',
      );
    }
    return result;
  }

  private or(): Typed {
    if (++this.depth > MAX_DEPTH) {
      throw new ExpressionError('nested too deeply', this.token.at, `at most ${MAX_DEPTH} levels`);
    }
    let left = this.and();
    while (this.take('or')) left = this.logical('or', left, this.and());
    this.depth--;
    return left;
  }

  private and(): Typed {
    let left = this.not();
    while (this.take('and')) left = this.logical('and', left, this.not());
    return left;
  }

  private logical(op: string, left: Typed, right: Typed): Typed {
    expectType(left, 'boolean', `on the left of '${op}'`);
    expectType(right, 'boolean', `on the right of '${op}'`);
    return { node: { kind: 'binary', op, left: left.node, right: right.node }, type: 'boolean', at: left.at };
  }

  private not(): Typed {
    const { at } = this.token;
    if (!this.take('not')) return this.comparison();
    if (++this.depth > MAX_DEPTH) throw new ExpressionError('nested too deeply', at, `at most ${MAX_DEPTH} levels`);
    const of = this.not();
    this.depth--;
    expectType(of, 'boolean', "after 'not'");
    return { node: { kind: 'unary', op: 'not', of: of.node }, type: 'boolean', at };
  }

  private comparison(): Typed {
    const left = this.sum();
    const { text, at } = this.token;
    if (this.take('in')) {
      this.need('[');
      const list = this.args(']').map((item) => {
        sameType(left, item, at);
        return item.node;
      });
      return { node: { kind: 'in', of: left.node, list }, type: 'boolean', at: left.at };
    }
    const op = ['<', '<=', '>', '>=', '==', '!='].find((symbol) => this.take(symbol));
    if (op === undefined) return left;
    const right = this.sum();
    sameType(left, right, at);
    if (left.type === 'boolean' && op !== '==' && op !== '!=') {
      throw new ExpressionError(`'${text}' cannot order true and false`, at, '== or !=');
    }
    if (['<', '<=', '>', '>=', '==', '!='].includes(this.token.text) && this.token.kind === 'symbol') {
      throw new ExpressionError('comparisons cannot be chained', this.token.at, 'a < b and b < c');
    }
    return { node: { kind: 'binary', op, left: left.node, right: right.node }, type: 'boolean', at: left.at };
  }

  private sum(): Typed {
    return this.chain(['+', '-'], () => this.product());
  }

  private product(): Typed {
    return this.chain(['*', '/'], () => this.factor());
  }

  private chain(ops: readonly string[], part: () => Typed): Typed {
    let left = part();
    for (;;) {
      const op = ops.find((symbol) => this.take(symbol));
      if (op === undefined) return left;
      const right = part();
      expectType(left, 'number', `on the left of '${op}'`);
      expectType(right, 'number', `on the right of '${op}'`);
      left = { node: { kind: 'binary', op, left: left.node, right: right.node }, type: 'number', at: left.at };
    }
  }

  private factor(): Typed {
    const { kind, text, at, value } = this.token;
    if (kind === 'number' || kind === 'text') {
      this.next++;
      return { node: { kind: 'literal', value: value! }, type: kind, at };
    }
    if (this.take('true') || this.take('false')) {
      return { node: { kind: 'literal', value: text === 'true' }, type: 'boolean', at };
    }
    if (this.take('-')) {
      if (++this.depth > MAX_DEPTH) throw new ExpressionError('nested too deeply', at, `at most ${MAX_DEPTH} levels`);
      const of = this.factor();
      this.depth--;
      expectType(of, 'number', "after '-'");
      return { node: { kind: 'unary', op: '-', of: of.node }, type: 'number', at };
    }
    if (this.take('(')) {
      const inner = this.or();
      this.need(')');
      return { ...inner, at };
    }
    if (kind === 'name' && !WORDS.has(text)) {
      this.next++;
      return this.take('(') ? this.call(text, at) : this.column(text, at);
    }
    throw new ExpressionError(
      `${shown(this.token)} where a value is missing`,
      at,
      'a column, a number, a text in quotes, or (',
    );
  }

  private args(close: string): Typed[] {
    const list = [this.or()];
    while (this.take(',')) list.push(this.or());
    this.need(close);
    return list;
  }

  private column(first: string, at: number): Typed {
    const parts = [first];
    for (;;) {
      if (this.take('.')) {
        if (this.token.kind !== 'name') {
          throw new ExpressionError(`${shown(this.token)} after '.'`, this.token.at, 'a name');
        }
        parts.push(this.token.text);
        this.next++;
      } else if (this.token.text === '[' && this.list[this.next + 1]?.kind === 'text') {
        this.next++;
        parts.push(String(this.token.value));
        this.next++;
        this.need(']');
      } else break;
    }
    const inDomain = this.inAggregate && parts.length === 1 && this.names.domainColumn?.(first) !== undefined;
    const type = inDomain ? this.names.domainColumn?.(first) : this.names.column(parts);
    if (type === undefined) {
      const known = this.names.known(parts);
      const full = parts.join('.');
      const allowed = known.length === 0 ? 'a column of the results' : listNames(known);
      throw new ExpressionError(`there is no '${full}'${suggest(parts.at(-1) ?? '', known)}`, at, allowed);
    }
    if (!inDomain && !this.columns.some((other) => other.join('\0') === parts.join('\0'))) this.columns.push(parts);
    return { node: { kind: 'column', parts, inDomain }, type, at };
  }

  private call(name: string, at: number): Typed {
    const aggregate = AGGREGATES.find((candidate) => candidate === name);
    if (aggregate !== undefined && this.names.domainColumn !== undefined) return this.aggregate(aggregate, at);
    if (
      name !== 'abs' &&
      name !== 'contains' &&
      name !== 'matches' &&
      (name !== 'param' || this.names.parameter === undefined)
    ) {
      const known = FUNCTIONS.filter((candidate) => {
        if (candidate === 'param') return this.names.parameter !== undefined;
        return this.names.domainColumn !== undefined || !(AGGREGATES as readonly string[]).includes(candidate);
      });
      throw new ExpressionError(`there is no function '${name}'${suggest(name, known)}`, at, listNames(known));
    }
    const args = this.args(')');
    const wanted = name === 'abs' || name === 'param' ? 1 : 2;
    if (args.length !== wanted) {
      throw new ExpressionError(`${name} has ${args.length} arguments`, at, `${wanted}`);
    }
    for (const arg of args) expectType(arg, name === 'abs' ? 'number' : 'text', `as an argument of ${name}`);
    if (name !== 'param') {
      const type: Type = name === 'abs' ? 'number' : 'boolean';
      return { node: { kind: 'call', name, args: args.map((arg) => arg.node) }, type, at };
    }
    const parameter = args[0]!.node.kind === 'literal' ? String(args[0]!.node.value) : '';
    const type = this.names.parameter?.(parameter);
    if (type === undefined) {
      const known = this.names.known(['param']);
      throw new ExpressionError(
        `the sweep has no parameter '${parameter}'${suggest(parameter, known)}`,
        args[0]!.at,
        known.length === 0 ? 'a parameter of the sweep; there is none' : listNames(known),
      );
    }
    return { node: { kind: 'parameter', name: parameter }, type, at };
  }

  private aggregate(name: Aggregate, at: number): Typed {
    if (this.inAggregate)
      throw new ExpressionError(`${name} inside of another`, at, 'one function over domains at a time');
    this.inAggregate = true;
    const args = this.args(')');
    this.inAggregate = false;
    const [of, pattern] = args;
    if (of === undefined || args.length > 2) {
      throw new ExpressionError(
        `${name} has ${args.length} arguments`,
        at,
        `${name}(condition) or ${name}(condition, 'names-*')`,
      );
    }
    const logical = name === 'all' || name === 'any' || name === 'count';
    expectType(of, logical ? 'boolean' : 'number', `in ${name}`);
    let glob = '*';
    if (pattern !== undefined) {
      if (pattern.node.kind !== 'literal' || pattern.type !== 'text') {
        throw new ExpressionError(
          'the second argument is not a text',
          pattern.at,
          "names of domains with *, such as 'crowd-*'",
        );
      }
      glob = String(pattern.node.value);
    }
    const type: Type = name === 'all' || name === 'any' ? 'boolean' : 'number';
    return { node: { kind: 'aggregate', name, of: of.node, glob: globPattern(glob) }, type, at };
  }
}

function shown(token: Token): string {
  return token.kind === 'end' ? 'the end' : `'${token.text.slice(0, 40)}'`;
}

function expectType({ type, at }: Typed, wanted: Type, where: string): void {
  if (type === wanted) return;
  throw new ExpressionError(`a ${typeName(type)} ${where}`, at, `a ${typeName(wanted)}`);
}

function sameType(left: Typed, right: Typed, at: number): void {
  if (left.type === right.type) return;
  const [a, b] = [typeName(left.type), typeName(right.type)];
  throw new ExpressionError(`a ${a} is compared with a ${b}`, at, 'values of one kind');
}

const typeName = (type: Type): string => (type === 'boolean' ? 'condition' : type);

/** `crowd-*` as a pattern. */
function globPattern(glob: string): RegExp {
  return new RegExp(
    `^${glob
      .split('*')
      .map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
      .join('.*')}$`,
  );
}

/** @throws ExpressionError */
export function parseExpression(text: string, names: Names, wanted?: Type): Expression {
  if (text.length > MAX_LENGTH) {
    throw new ExpressionError('the expression is too long', 0, `at most ${MAX_LENGTH} characters`);
  }
  const parser = new Parser(text, names);
  const { node, type } = parser.whole();
  if (wanted !== undefined && type !== wanted) {
    throw new ExpressionError(`is a ${typeName(type)}`, 0, `a ${typeName(wanted)}, for example retired < 20M`);
  }
  return { text, type, root: node, columns: parser.columns };
}

/** @returns the value, or undefined if a column has none here */
export function evaluate(expression: Expression, values: Values): Value | undefined {
  return value(expression.root, values, undefined);
}

type Domain = NonNullable<Values['domains']>[number];

function value(node: Node, values: Values, domain: Domain | undefined): Value | undefined {
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
      return aggregate(
        node.name,
        node.of,
        (values.domains ?? []).filter(({ name }) => node.glob.test(name)),
        values,
      );
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
      return (left as number) / (right as number);
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

function aggregate(name: Aggregate, of: Node, domains: readonly Domain[], values: Values): Value | undefined {
  const found = domains.map((domain) => value(of, values, domain));
  if (name === 'all') return found.length > 0 && found.every((item) => item === true);
  if (name === 'any') return found.some((item) => item === true);
  if (name === 'count') return found.filter((item) => item === true).length;
  const numbers = found.filter((item): item is number => typeof item === 'number');
  const sum = numbers.reduce((total, item) => total + item, 0);
  if (name === 'sum') return sum;
  if (numbers.length === 0) return undefined;
  if (name === 'mean') return sum / numbers.length;
  return numbers.reduce((best, item) => (name === 'min' ? Math.min(best, item) : Math.max(best, item)));
}
