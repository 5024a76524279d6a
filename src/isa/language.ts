/**
 * The expression language in which src/isa/table.ts states what instructions do, and its parser.
 *
 *   program    = { statement ";" }
 *   statement  = "let" name "=" expr | target "=" expr | "if" "(" expr ")" "{" program "}" | name "(" args ")"
 *   target     = "dst" | "src" | register
 *   expr       = the operators of C on unsigned 32-bit values, calls, names, integers
 *
 * Values have the width of the instruction's operand, zero-extended. The generators give every name its meaning,
 * so one text drives the interpreter, the flag-liveness masks and the fault classes.
 */

export type Expr =
  | { kind: 'number'; value: number }
  | { kind: 'name'; name: string }
  | { kind: 'call'; name: string; args: Expr[] }
  | { kind: 'unary'; op: string; arg: Expr }
  | { kind: 'binary'; op: string; left: Expr; right: Expr }
  | { kind: 'select'; test: Expr; yes: Expr; no: Expr };

export type Statement =
  | { kind: 'let'; name: string; value: Expr }
  | { kind: 'assign'; target: string; value: Expr }
  | { kind: 'if'; test: Expr; body: Statement[] }
  | { kind: 'call'; name: string; args: Expr[] };

const TOKEN = /\s*(?:(0x[0-9a-fA-F]+|\d+)|([A-Za-z_][\w.]*)|(<<|>>|==|!=|<=|>=|&&|\|\||[-+*&|^~<>=?:;(){},!]))/y;

/** Binding strength of binary operators, as in C. */
const PRECEDENCE: Record<string, number> = {
  '||': 1,
  '&&': 2,
  '|': 3,
  '^': 4,
  '&': 5,
  '==': 6,
  '!=': 6,
  '<': 7,
  '<=': 7,
  '>': 7,
  '>=': 7,
  '<<': 8,
  '>>': 8,
  '+': 9,
  '-': 9,
  '*': 10,
};

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw new SyntaxError(`semantics: unexpected text at ${at}: "${text.slice(at, at + 20)}" in "${text}"`);
    tokens.push(match[1] ?? match[2] ?? match[3] ?? '');
  }
  return tokens;
}

/** Parses a program. Throws SyntaxError with the offending text. */
export function parse(text: string): Statement[] {
  const tokens = tokenize(text);
  let position = 0;
  const peek = () => tokens[position] ?? '';
  const take = () => tokens[position++] ?? '';
  const expect = (token: string) => {
    const found = take();
    if (found !== token)
      throw new SyntaxError(`semantics: expected "${token}", found "${found || 'the end'}" in "${text}"`);
  };
  const isName = (token: string) => /^[A-Za-z_]/.test(token);

  function args(): Expr[] {
    const list: Expr[] = [];
    expect('(');
    while (peek() !== ')') {
      list.push(expression());
      if (peek() !== ')') expect(',');
    }
    expect(')');
    return list;
  }

  function primary(): Expr {
    const token = take();
    if (token === '(') {
      const inner = expression();
      expect(')');
      return inner;
    }
    if (token === '~' || token === '!' || token === '-') return { kind: 'unary', op: token, arg: primary() };
    if (/^\d/.test(token)) return { kind: 'number', value: Number(token) };
    if (!isName(token)) throw new SyntaxError(`semantics: expected a value, found "${token}" in "${text}"`);
    return peek() === '(' ? { kind: 'call', name: token, args: args() } : { kind: 'name', name: token };
  }

  function binary(least: number): Expr {
    let left = primary();
    for (;;) {
      const op = peek();
      const strength = PRECEDENCE[op];
      if (strength === undefined || strength < least) return left;
      take();
      left = { kind: 'binary', op, left, right: binary(strength + 1) };
    }
  }

  function expression(): Expr {
    const test = binary(1);
    if (peek() !== '?') return test;
    take();
    const yes = expression();
    expect(':');
    return { kind: 'select', test, yes, no: expression() };
  }

  function statement(): Statement {
    const name = take();
    if (name === 'let') {
      const local = take();
      expect('=');
      return { kind: 'let', name: local, value: expression() };
    }
    if (name === 'if') {
      expect('(');
      const test = expression();
      expect(')');
      expect('{');
      const body = program('}');
      expect('}');
      return { kind: 'if', test, body };
    }
    if (!isName(name)) throw new SyntaxError(`semantics: expected a statement, found "${name}" in "${text}"`);
    if (peek() === '(') return { kind: 'call', name, args: args() };
    expect('=');
    return { kind: 'assign', target: name, value: expression() };
  }

  function program(end: string): Statement[] {
    const list: Statement[] = [];
    while (peek() !== end) {
      const one = statement();
      list.push(one);
      if (peek() === ';') take();
      else if (one.kind !== 'if' && peek() !== end) expect(';');
    }
    return list;
  }

  return program('');
}

/** Calls `visit` for every expression of the program, inner ones included. */
export function walk(program: Statement[], visit: (expr: Expr) => void, visitStatement?: (s: Statement) => void): void {
  const go = (expr: Expr): void => {
    visit(expr);
    if (expr.kind === 'call') expr.args.forEach(go);
    else if (expr.kind === 'unary') go(expr.arg);
    else if (expr.kind === 'binary') {
      go(expr.left);
      go(expr.right);
    } else if (expr.kind === 'select') {
      go(expr.test);
      go(expr.yes);
      go(expr.no);
    }
  };
  for (const statement of program) {
    visitStatement?.(statement);
    if (statement.kind === 'let' || statement.kind === 'assign') go(statement.value);
    else if (statement.kind === 'call') statement.args.forEach(go);
    else {
      go(statement.test);
      walk(statement.body, visit, visitStatement);
    }
  }
}
