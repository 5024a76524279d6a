import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Names, parseExpression, type Value } from '../../src/experiment/expression.js';
import { ExpressionError } from '../../src/experiment/expression-tokens.js';
import { evaluate, type Values } from '../../src/experiment/expression-value.js';

const row: Record<string, Value> = {
  __proto__: null as never,
  retired: 1000,
  outcome: 'poweroff',
  quick: true,
  zero: 0,
};
const names: Names = {
  column: (parts) => typeName(row[parts.at(-1) ?? '']),
  domainColumn: (name) => typeName(row[name]),
  parameter: (name) => (name === 'memory' ? 'number' : undefined),
  known: (parts) => (parts[0] === 'param' ? ['memory'] : Object.keys(row)),
};
const values: Values = {
  column: (parts) => row[parts.at(-1) ?? ''],
  domains: [
    { name: 'a', column: (name) => ({ ...row, retired: 10 })[name] },
    { name: 'crowd-0', column: (name) => ({ ...row, retired: 20 })[name] },
    { name: 'crowd-1', column: (name) => ({ ...row, retired: 30, outcome: 'crash' })[name] },
  ],
  parameter: () => 8 * 1024 ** 2,
};

function typeName(value: Value | undefined): 'number' | 'text' | 'boolean' | undefined {
  if (value === undefined) return undefined;
  return typeof value === 'string' ? 'text' : (typeof value as 'number' | 'boolean');
}

const worth = (text: string): Value | undefined => evaluate(parseExpression(text, names), values);

describe('an expression', () => {
  it.each<[string, Value | undefined]>([
    ['1 + 2 * 3', 7],
    ['(1 + 2) * 3', 9],
    ['-2 - -3', 1],
    ['7 / 2', 3.5],
    ['30e6', 30_000_000],
    ['20M', 20_000_000],
    ['8MiB + 1', 8 * 1024 ** 2 + 1],
    ['10ms', 10_000_000],
    ['1.5GHz', 1.5e9],
    ['retired < 30e6 and outcome == "poweroff"', true],
    ["domains.x.retired >= 1k or outcome == 'crash'", true],
    ["domains['a.b-c'].retired == 1000", true],
    ['domains.hello-many-0.retired == 1000', true],
    ["not outcome == 'crash'", true],
    ['not quick or quick', true],
    ["outcome in ['crash', 'poweroff']", true],
    ['retired in [1, 2]', false],
    ["outcome != 'crash'", true],
    ['quick == true', true],
    ["all(outcome == 'poweroff')", false],
    ["all(outcome == 'poweroff', 'a')", true],
    ["any(outcome == 'crash')", true],
    ["count(retired > 10, 'crowd-*')", 2],
    ["all(retired > 0, 'nobody')", false], // a claim about nobody is a mistake, not a truth
    ['sum(retired) - 2 * max(retired)', 0],
    ['min(retired) + mean(retired)', 30],
    ["param('memory') == 8MiB", true],
    ['abs(-3)', 3],
    ["contains(outcome, 'wer')", true],
    ["matches(outcome, 'power*')", true],
    ['retired / zero > 5', undefined],
    ['zero / zero == zero / zero', undefined],
  ])('%s is %j', (text, wanted) => {
    expect(worth(text)).toBe(wanted);
  });

  it.each<[string, number, RegExp]>([
    ['', 0, /value is missing/],
    ['retired <', 9, /value is missing/],
    ['retird < 5', 0, /no 'retird', did you mean 'retired'/],
    ['retired < 5 5', 12, /'5' is too much/],
    ["retired < 'x'", 8, /number is compared with a text/],
    ['retired and quick', 0, /a number on the left of 'and'/],
    ["outcome == 'x", 11, /without an end/],
    ['retired < 5 && quick', 12, /'&' has no meaning/],
    ['1 < 2 < 3', 6, /cannot be chained/],
    ['quick < true', 6, /cannot order/],
    ['retired < 5X', 10, /not a number/],
    ['process.exit(1)', 0, /there is no 'process.exit'/],
    ['eval(1)', 0, /no function 'eval'/],
    ["param('memori') > 1", 6, /no parameter 'memori', did you mean 'memory'/],
    ['all(all(quick))', 4, /inside of another/],
    ['(1 + 2', 6, /'\)' is missing/],
    ['abs(1, 2)', 0, /abs has 2 arguments/],
    ['constructor == 1', 0, /there is no 'constructor'/],
    ['('.repeat(100), 40, /nested too deeply/],
    ['-'.repeat(100), 39, /nested too deeply/],
  ])('%s is refused at %i', (text, at, message) => {
    let error: unknown;
    try {
      parseExpression(text, names);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ExpressionError);
    expect((error as ExpressionError).message).toMatch(message);
    expect((error as ExpressionError).at).toBe(at);
  });

  it('must be of the kind that is wanted', () => {
    expect(() => parseExpression('1 + 1', names, 'boolean')).toThrow(/is a number/);
  });

  // The same tree, written as our text and computed by JavaScript itself.
  type Tree = { text: string; value: number | undefined };
  const tree = fc.letrec<{ sum: Tree }>((tie) => ({
    sum: fc.oneof(
      { maxDepth: 4 },
      fc.nat(1000).map((value) => ({ text: String(value), value })),
      fc.tuple(tie('sum'), fc.constantFrom('+', '-', '*', '/'), tie('sum')).map(([left, op, right]) => ({
        text: `(${left.text} ${op} ${right.text})`,
        value: apply(op, left.value, right.value),
      })),
      tie('sum').map(({ text, value }) => ({ text: `-${text}`, value: value === undefined ? undefined : -value })),
    ),
  })).sum;
  const apply = (op: string, a: number | undefined, b: number | undefined): number | undefined => {
    if (a === undefined || b === undefined || (op === '/' && b === 0)) return undefined;
    return op === '+' ? a + b : op === '-' ? a - b : op === '*' ? a * b : a / b;
  };

  it('computes what JavaScript computes, and nothing where it divides by zero (500 trees)', () => {
    fc.assert(
      fc.property(tree, ({ text, value }) => {
        expect(worth(text)).toBe(value);
      }),
      { numRuns: 500 },
    );
  });

  it('of any text either has a value or is refused with a position inside of it (2,000 texts)', () => {
    const word = fc.constantFrom(
      'retired',
      'outcome',
      '<',
      '==',
      'and',
      'not',
      '(',
      ')',
      "'x'",
      '5',
      'all',
      ',',
      '.',
      '[',
      ']',
      '-',
      'in',
      '%',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(word, { maxLength: 8 }).map((list) => list.join(' ')),
          fc.string({ maxLength: 30 }),
        ),
        (text) => {
          try {
            worth(text);
          } catch (error) {
            expect(error).toBeInstanceOf(ExpressionError);
            const { at } = error as ExpressionError;
            expect(at >= 0 && at <= text.length).toBe(true);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
