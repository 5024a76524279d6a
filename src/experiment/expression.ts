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
import { ExpressionError, type Token, tokens, WORDS } from './expression-tokens.js';
import { listNames, suggest } from './problem.js';

export type Type = 'number' | 'text' | 'boolean';
export type Value = number | string | boolean;

/**
 * Functions over all domains of a cell: their first argument is evaluated once per domain, with the domain's columns by bare
 * name. In a claim across cells those on the outside are over the cells of a group instead.
 */
export const AGGREGATES = ['all', 'any', 'count', 'sum', 'min', 'max', 'mean', 'distinct'] as const;
export type Aggregate = (typeof AGGREGATES)[number];
const FUNCTIONS = [...AGGREGATES, 'abs', 'contains', 'matches', 'param'];

/** What names mean while an expression is checked. */
export interface Names {
  /** Type of a column, or undefined if there is none. `parts`: `domains.sieve.retired` → ['domains', 'sieve', 'retired']. */
  readonly column: (parts: readonly string[]) => Type | undefined;
  /** Columns of a domain, inside of aggregates; absent where there are no aggregates. */
  readonly domainColumn?: (name: string) => Type | undefined;
  /** Where names of domains are known: those that there are, if the pattern selects none of them. */
  readonly unselected?: (pattern: string) => readonly string[] | undefined;
  /** Type of a parameter of the sweep; absent where there are none. */
  readonly parameter?: (name: string) => Type | undefined;
  /** What names mean inside of functions over cells; absent where an expression is about one cell. */
  readonly cells?: Names;
  /** What to suggest for an unknown name. */
  readonly known: (parts: readonly string[]) => readonly string[];
}

export type Node =
  | { readonly kind: 'literal'; readonly value: Value }
  | { readonly kind: 'column'; readonly parts: readonly string[]; readonly inDomain: boolean }
  | { readonly kind: 'parameter'; readonly name: string }
  | { readonly kind: 'unary'; readonly op: '-' | 'not'; readonly of: Node }
  | { readonly kind: 'binary'; readonly op: string; readonly left: Node; readonly right: Node }
  | { readonly kind: 'in'; readonly of: Node; readonly list: readonly Node[] }
  | {
      readonly kind: 'aggregate';
      readonly name: Aggregate;
      readonly over: 'domains' | 'cells';
      readonly of: Node;
      /** Over domains, the pattern of their names; over cells, the condition that selects them. */
      readonly where?: Node;
    }
  | { readonly kind: 'call'; readonly name: 'abs' | 'contains' | 'matches'; readonly args: readonly Node[] };

export interface Part {
  readonly text: string;
  readonly node: Node;
}

/** A checked expression. */
export interface Expression {
  readonly text: string;
  readonly type: Type;
  readonly root: Node;
  /** Columns and aggregates that are in no other, as written: for messages about a claim that failed. */
  readonly parts: readonly Part[];
}

const MAX_LENGTH = 2000;
const MAX_DEPTH = 40;

interface Typed {
  readonly node: Node;
  readonly type: Type;
  readonly at: number;
}

class Parser {
  private readonly list: readonly Token[];
  private readonly text: string;
  private names: Names;
  private readonly outer: Names;
  private next = 0;
  private depth = 0;
  private inAggregate = false;
  readonly parts: Part[] = [];

  constructor(text: string, names: Names) {
    this.list = tokens(text);
    this.text = text;
    this.names = names;
    this.outer = names;
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

  /** Remembers a part for messages, unless it is inside of another. */
  private show(node: Node, at: number): void {
    if (this.inAggregate || this.names !== this.outer) return;
    const text = this.text.slice(at, this.list[this.next]?.at).trim();
    if (!this.parts.some((part) => part.text === text)) this.parts.push({ text, node });
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
      if (this.names.cells?.column(parts) !== undefined) {
        throw new ExpressionError(`'${full}' has a value in every cell`, at, `inside of ${AGGREGATES.join(', ')}`);
      }
      const allowed = known.length === 0 ? 'a column of the results' : listNames(known);
      throw new ExpressionError(`there is no '${full}'${suggest(parts.at(-1) ?? '', known)}`, at, allowed);
    }
    const node: Node = { kind: 'column', parts, inDomain };
    this.show(node, at);
    return { node, type, at };
  }

  private call(name: string, at: number): Typed {
    const aggregate = AGGREGATES.find((candidate) => candidate === name);
    if (aggregate !== undefined && (this.names.domainColumn ?? this.names.cells) !== undefined)
      return this.aggregate(aggregate, at);
    if (
      name !== 'abs' &&
      name !== 'contains' &&
      name !== 'matches' &&
      (name !== 'param' || this.names.parameter === undefined)
    ) {
      const known = FUNCTIONS.filter((candidate) => {
        if (candidate === 'param') return this.names.parameter !== undefined;
        return (
          (this.names.domainColumn ?? this.names.cells) !== undefined ||
          !(AGGREGATES as readonly string[]).includes(candidate)
        );
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
      if (this.names.cells?.parameter?.(parameter) !== undefined) {
        const allowed = `inside of ${AGGREGATES.join(', ')}; or '${parameter}' in by:`;
        throw new ExpressionError(`param('${parameter}') differs between the cells of a group`, args[0]!.at, allowed);
      }
      const known = this.names.known(['param']);
      throw new ExpressionError(
        `the sweep has no parameter '${parameter}'${suggest(parameter, known)}`,
        args[0]!.at,
        known.length === 0 ? 'a parameter of the sweep; there is none' : listNames(known),
      );
    }
    return { node: { kind: 'parameter', name: parameter }, type, at };
  }

  /** `name(value)` or `name(value, which)`, over the domains of a cell or, on the outside of a claim across cells, over cells. */
  private aggregate(name: Aggregate, at: number): Typed {
    const { names } = this;
    const over = names.cells === undefined ? 'domains' : 'cells';
    if (this.inAggregate)
      throw new ExpressionError(`${name} inside of another`, at, 'one function over domains at a time');
    if (names.cells === undefined) this.inAggregate = true;
    else this.names = names.cells;
    const args = this.args(')');
    if (names.cells === undefined) this.inAggregate = false;
    this.names = names;
    const [of, which] = args;
    if (of === undefined || args.length > 2) {
      const example = over === 'domains' ? "'names-*'" : "param('mode') == 'xts'";
      throw new ExpressionError(
        `${name} has ${args.length} arguments`,
        at,
        `${name}(condition) or ${name}(condition, ${example})`,
      );
    }
    if (name !== 'distinct') {
      const logical = name === 'all' || name === 'any' || name === 'count';
      expectType(of, logical ? 'boolean' : 'number', `in ${name}`);
    }
    if (which !== undefined && over === 'cells') expectType(which, 'boolean', `selects cells in ${name}`);
    if (which !== undefined && over === 'domains' && (which.node.kind !== 'literal' || which.type !== 'text')) {
      const allowed = "names of domains with *, such as 'crowd-*'";
      throw new ExpressionError('the second argument is not a text', which.at, allowed);
    }
    if (which?.node.kind === 'literal' && over === 'domains') {
      const known = names.unselected?.(String(which.node.value));
      if (known !== undefined) throw new ExpressionError('no domain is called so', which.at, listNames(known));
    }
    const type: Type = name === 'all' || name === 'any' ? 'boolean' : 'number';
    const node: Node = {
      kind: 'aggregate',
      name,
      over,
      of: of.node,
      ...(which !== undefined && { where: which.node }),
    };
    this.show(node, at);
    return { node, type, at };
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
  return { text, type, root: node, parts: parser.parts };
}

/** Whether the expression is about parameters alone, so that it is known before anything is run. */
export function isOfParameters({ root }: Expression): boolean {
  const walk = (node: Node): boolean => {
    switch (node.kind) {
      case 'literal':
      case 'parameter':
        return true;
      case 'column':
      case 'aggregate':
        return false;
      case 'unary':
        return walk(node.of);
      case 'in':
        return walk(node.of) && node.list.every(walk);
      case 'call':
        return node.args.every(walk);
      case 'binary':
        return walk(node.left) && walk(node.right);
    }
  };
  return walk(root);
}
