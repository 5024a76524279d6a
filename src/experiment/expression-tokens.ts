/** Words of the language of claims. The grammar is in expression.ts. */
import { COUNT, FREQUENCY, MEMORY, parseQuantity, TIME } from './units.js';

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

export interface Token {
  readonly kind: 'number' | 'text' | 'name' | 'symbol' | 'end';
  readonly text: string;
  readonly at: number;
  readonly value?: number | string;
}

const SPACE = /\s+/y;
const NUMBER = /[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?([a-zµA-Z]*)/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
/** After a dot a name may hold what names of domains hold, except at its end. */
const MEMBER = /[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?/y;
const TEXT = /'([^']*)'|"([^"]*)"/y;
const SYMBOL = /<=|>=|==|!=|[<>()[\],+\-*/.]/y;
export const WORDS = new Set(['and', 'or', 'not', 'in', 'true', 'false']);

function numberOf(text: string, suffix: string, at: number): number {
  if (suffix === '') return Number(text);
  for (const unit of [COUNT, MEMORY, TIME, FREQUENCY]) {
    const number = Object.hasOwn(unit.factors, suffix) ? parseQuantity(unit, text) : undefined;
    if (number !== undefined) return number;
  }
  throw new ExpressionError(`'${text}' is not a number`, at, 'a number, or one with a unit: 20M, 8MiB, 10ms, 1GHz');
}

export function tokens(text: string): Token[] {
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
