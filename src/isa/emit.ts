/**
 * Writes AssemblyScript for a µop, twice from the same semantics: a *hot* case, which finishes only when every access
 * hits the L1 TLB and otherwise leaves without any effect, and a *cold* case, which uses the slow accessors.
 */
import type { Expr, Statement } from './language.js';
import { walk } from './language.js';
import { assigns, calls, type Place, type Uop } from './uops.js';

/** Pure helpers: no vCPU argument. Everything else is a handler that gets the vCPU first. */
const PURE = new Set(['rotl', 'rotr', 'imulOverflow']);
/** Handlers that cannot fault, so no check follows. */
const SAFE = new Set([
  'mul',
  'imul',
  'rcl',
  'rcr',
  'shld',
  'shrd',
  'bsf',
  'bsr',
  'cbw',
  'cwd',
  'setDirection',
  'sahf',
  'lahf',
  'daa',
  'das',
  'aaa',
  'aas',
  'aad',
  'countDown',
  'countZero',
  'settle',
]);
const REGISTERS: Record<string, string> = {
  eax: 'VCPU_EAX',
  ecx: 'VCPU_ECX',
  edx: 'VCPU_EDX',
  ebx: 'VCPU_EBX',
  esp: 'VCPU_ESP',
  ebp: 'VCPU_EBP',
};
const FLAG_READS: Record<string, string> = {
  cf: 'flagC(s)',
  zf: 'flagZ(s)',
  sf: 'flagS(s)',
  of: 'flagO(s)',
  pf: 'flagP(s)',
  af: 'flagA(s)',
};
const CONDITION = [
  'flagO(s)',
  'flagC(s)',
  'flagZ(s)',
  '(flagC(s) | flagZ(s))',
  'flagS(s)',
  'flagP(s)',
  '(flagS(s) ^ flagO(s))',
  '((flagS(s) ^ flagO(s)) | flagZ(s))',
];

export const handlers = new Set<string>();

const type = (width: number): string => `u${width * 8}`;
const signed = (text: string, width: number): string =>
  width === 4 ? `(${text})` : `(((${text}) << ${32 - width * 8}) as i32 >> ${32 - width * 8})`;
const masked = (text: string, width: number): string =>
  width === 4 ? text : `(${text}) & ${width === 1 ? '0xff' : '0xffff'}`;

/** Address of the register that a µop field names. */
const registerAt = (place: Place): string => `s + (load<u8>(pc, ${place === 'a' ? 2 : 3}) as usize)`;
const BASE_DISP = 'load<u32>(s + (load<u8>(pc, 4) as usize)) + load<u32>(pc, 8)';
const INDEX = '(load<u32>(s + (load<u8>(pc, 5) as usize)) << load<u8>(pc, 6))';
/** The effective address of the memory operand that a µop's fields describe. */
export const ADDRESS = `${BASE_DISP} + ${INDEX}`;
const address = (c: Context): string => (c.hot && c.uop.indexless ? BASE_DISP : ADDRESS);

interface Context {
  uop: Uop;
  hot: boolean;
  locals: Map<string, string>;
  lines: string[];
  leave: string;
}

function expression(c: Context, e: Expr): string {
  const { uop } = c;
  switch (e.kind) {
    case 'number':
      return String(e.value);
    case 'unary':
      return e.op === '!' ? `u32((${expression(c, e.arg)}) == 0)` : `${e.op}(${expression(c, e.arg)})`;
    case 'select':
      return `(${expression(c, e.test)} ? ${expression(c, e.yes)} : ${expression(c, e.no)})`;
    case 'binary': {
      const left = expression(c, e.left);
      const right = expression(c, e.right);
      if (e.op === '&&') return `(${left} & ${right})`;
      const text = `(${left} ${e.op === '>>' ? '>>>' : e.op} ${right})`;
      return ['==', '!=', '<', '<=', '>', '>='].includes(e.op) ? `u32${text}` : text;
    }
    case 'name': {
      const local = c.locals.get(e.name);
      if (local) return local;
      if (e.name in FLAG_READS) return FLAG_READS[e.name]!;
      if (e.name in REGISTERS) return `load<u32>(s + ${REGISTERS[e.name]})`;
      switch (e.name) {
        case 'acc':
          return `(load<${type(uop.width)}>(s + VCPU_EAX) as u32)`;
        case 'bits':
          return String(uop.width * 8);
        case 'size':
          return String(uop.width);
        case 'next':
          return '(load<u32>(s + VCPU_EIP_PAGE) + load<u32>(blk + BLOCK_END))';
        case 'length':
          return '(load<u8>(pc, 7) as u32)';
        case 'reg':
          return '(load<u8>(pc, 3) as u32)';
        case 'gprIndex':
          return `(load<u8>(pc, ${uop.places[0] === 'a' ? 2 : 3}) as u32 >>> 2)`;
        case 'imm':
        case 'modrm':
          return 'load<u32>(pc, 12)';
        case 'disp':
          return 'load<u32>(pc, 8)';
        case 'ea':
          return `(${address(c)})`;
      }
      throw new Error(`${uop.name}: unknown name "${e.name}"`);
    }
    case 'call':
      return call(c, e.name, e.args);
  }
}

/** A call of a built-in function or a handler, as an expression. */
function call(c: Context, name: string, args: Expr[]): string {
  const { uop } = c;
  const list = args.map((a) => expression(c, a));
  const first = list[0] ?? '';
  switch (name) {
    case 'msb':
      return `((${first}) >>> ${uop.width * 8 - 1} & 1)`;
    case 'sext':
      return `(${signed(first, uop.width)} as u32)`;
    case 'sextSource':
      return `(${signed(first, uop.sourceWidth)} as u32)`;
    case 'sar':
      return `((${first}) as i32 >> ((${list[1]}) as i32) as u32)`;
    case 'cond': {
      const code = Number(first);
      const text = CONDITION[code >> 1]!;
      return code & 1 ? `(${text} ^ 1)` : text;
    }
  }
  const [base = name, suffix] = name.split('.');
  let target = base;
  if (suffix === 'w') target = `${base}${uop.width * 8}`;
  if (suffix === 'o') list.push(String(uop.width));
  if (suffix === 'a') list.push('load<u32>(pc, 12)');
  handlers.add(target);
  return `${target}(${PURE.has(base) ? list.join(', ') : ['s', ...list].join(', ')})`;
}

function mayFault(name: string): boolean {
  const base = name.split('.')[0]!;
  return !PURE.has(base) && !SAFE.has(base);
}

function check(c: Context): void {
  c.lines.push(`if (faulted(s)) return ${c.leave};`);
}

function write(c: Context, target: 'dst' | 'src', value: string): void {
  const { uop } = c;
  const place = uop.places[target === 'dst' ? 0 : 1];
  const width = target === 'dst' ? uop.width : uop.sourceWidth;
  if (place === 'a' || place === 'b') c.lines.push(`store<${type(width)}>(r${place}, ${value});`);
  else if (place === 'm' && c.hot) c.lines.push(`store<${type(width)}>(h, ${value});`);
  else if (place === 'm') {
    c.lines.push(`writeU${width * 8}(s, m, ${value});`);
    if (!readsMemory(uop)) check(c);
  } else throw new Error(`${uop.name}: cannot write ${target}`);
}

function flags(c: Context, name: string, args: string[]): void {
  const bits = c.uop.width * 8;
  const f: Record<string, string> = {
    'flags.add': `flagsAdd${bits}(s, ${args.join(', ')})`,
    'flags.sub': `flagsSub${bits}(s, ${args.join(', ')})`,
    'flags.inc': `flagsInc${bits}(s, ${args.join(', ')})`,
    'flags.dec': `flagsDec${bits}(s, ${args.join(', ')})`,
    'flags.logic': `flagsLogic${bits}(s, ${args.join(', ')})`,
    'flags.shift': `flagsShift${bits}(s, ${args.join(', ')})`,
    'flags.carry': `flagsCarryOverflow(s, ${args.join(', ')})`,
    'flags.cf': `flagsCarry(s, ${args.join(', ')})`,
  };
  const text = f[name];
  if (!text) throw new Error(`${c.uop.name}: unknown flag effect ${name}`);
  c.lines.push(`${text};`);
}

function statements(c: Context, program: Statement[]): void {
  const { uop } = c;
  for (const statement of program) {
    switch (statement.kind) {
      case 'let': {
        const local = `v_${statement.name}`;
        c.lines.push(`const ${local}: u32 = ${masked(expression(c, statement.value), uop.width)};`);
        c.locals.set(statement.name, local);
        break;
      }
      case 'assign': {
        const value = expression(c, statement.value);
        const target = statement.target;
        if (target === 'dst' || target === 'src') {
          const handler =
            !c.hot && /^[a-z]\w*\(s\b/.test(value) && statement.value.kind === 'call' && mayFault(statement.value.name);
          if (handler && !['cond'].includes((statement.value as { name: string }).name)) {
            c.lines.push(`const t: u32 = ${value};`);
            check(c);
            write(c, target, 't');
          } else write(c, target, value);
        } else if (target === 'acc') c.lines.push(`store<${type(uop.width)}>(s + VCPU_EAX, ${value});`);
        else if (target === 'al') c.lines.push(`store<u8>(s + VCPU_EAX, ${value});`);
        else if (target in REGISTERS) c.lines.push(`store<u32>(s + ${REGISTERS[target]}, ${value});`);
        else throw new Error(`${uop.name}: unknown target "${target}"`);
        break;
      }
      case 'if':
        c.lines.push(`if (${expression(c, statement.test)}) {`);
        statements(c, statement.body);
        c.lines.push('}');
        break;
      case 'call':
        effect(c, statement.name, statement.args);
    }
  }
}

function effect(c: Context, name: string, args: Expr[]): void {
  const { uop } = c;
  if (name.startsWith('flags.')) {
    if (!(c.hot && uop.withoutFlags))
      flags(
        c,
        name,
        args.map((a) => expression(c, a)),
      );
    return;
  }
  const value = () => expression(c, args[0]!);
  switch (name) {
    case 'push':
      if (c.hot) c.lines.push(`store<u32>(hs, ${value()});`, 'store<u32>(s + VCPU_ESP, sp);');
      else {
        c.lines.push(`pushValue(s, ${value()}, ${uop.width});`);
        check(c);
      }
      return;
    case 'drop':
      c.lines.push(c.hot ? 'store<u32>(s + VCPU_ESP, sp + 4);' : `adjustStack(s, ${uop.width});`);
      return;
    case 'release':
      c.lines.push(c.hot ? `store<u32>(s + VCPU_ESP, sp + 4 + ${value()});` : `adjustStack(s, ${value()});`);
      return;
    case 'jump':
    case 'branch':
      return; // emitted by the terminal
    case 'string':
      c.lines.push(`return stringInstruction(s, blk, pc, ${args.map((a) => expression(c, a)).join(', ')});`);
      return;
  }
  c.lines.push(`${call(c, name, args)};`);
  if (mayFault(name)) check(c);
}

export function readsMemory(uop: Uop): boolean {
  return (uop.places[0] === 'm' && calls(uop.program, 'dst')) || (uop.places[1] === 'm' && calls(uop.program, 'src'));
}

export function writesMemory(uop: Uop): boolean {
  return (
    (uop.places[0] === 'm' && assigns(uop.program, 'dst')) || (uop.places[1] === 'm' && assigns(uop.program, 'src'))
  );
}

export function memoryWidth(uop: Uop): number {
  if (uop.places[0] === 'm') return uop.width;
  return uop.places[1] === 'm' ? uop.sourceWidth : 0;
}

function tlbCheck(lines: string[], address: string, size: number, tag: 'TLB_TAG_R' | 'TLB_TAG_W', host: string): void {
  const entry = `e_${host}`;
  lines.push(`const ${entry} = tlb + ((${address} >>> 8) & TLB_INDEX_MASK);`);
  const last = size === 1 ? address : `(${address} + ${size - 1})`;
  lines.push(`if (load<u32>(${entry}, ${tag}) != (${last} & PAGE_MASK)) break;`);
  lines.push(`const ${host} = ${address} + load<u32>(${entry}, TLB_ADDEND);`);
}

/** Declares the operands that the program names: register addresses, memory, values before the instruction. */
function prologue(c: Context): void {
  const { uop, lines } = c;
  const [dst, src, third] = uop.places;
  for (const place of ['a', 'b'] as const)
    if (dst === place || src === place) {
      const index = dst === place ? 0 : 1;
      const name = index === 0 ? 'dst' : 'src';
      if (calls(uop.program, name) || assigns(uop.program, name)) lines.push(`const r${place} = ${registerAt(place)};`);
    }
  const bits = memoryWidth(uop) * 8;
  if (bits) {
    const reads = readsMemory(uop);
    const writes = writesMemory(uop);
    lines.push(`const m: u32 = ${address(c)};`);
    if (c.hot) tlbCheck(lines, 'm', bits / 8, writes ? 'TLB_TAG_W' : 'TLB_TAG_R', 'h');
    else if (reads) {
      if (writes) {
        lines.push(`probeWrite(s, m, ${bits / 8});`);
        check(c);
      }
      lines.push(`const x: u32 = readU${bits}(s, m);`);
      check(c);
    }
  }
  const bind = (name: 'dst' | 'src' | 'third', place: Place, width: number) => {
    if (!calls(uop.program, name)) return;
    let text: string;
    if (place === 'a' || place === 'b') text = `load<${type(width)}>(r${place})`;
    else if (place === 'm') text = c.hot ? `load<${type(width)}>(h)` : 'x';
    else if (place === 'c') text = 'load<u8>(s + VCPU_ECX)';
    else if (place === 'i') text = masked('load<u32>(pc, 12)', width);
    else throw new Error(`${uop.name}: no place for ${name}`);
    lines.push(`const ${name}: u32 = ${text};`);
    c.locals.set(name, name);
  };
  bind('dst', dst, uop.width);
  bind('src', src, uop.sourceWidth);
  bind('third', third, uop.width);
  if (third === 'i') c.locals.set('imm', masked('load<u32>(pc, 12)', uop.width));
  stackPrologue(c);
}

function stackPrologue(c: Context): void {
  const { uop, lines } = c;
  if (calls(uop.program, 'push') && c.hot) {
    lines.push('const sp: u32 = load<u32>(s + VCPU_ESP) - 4;');
    tlbCheck(lines, 'sp', 4, 'TLB_TAG_W', 'hs');
  }
  if (calls(uop.program, 'top')) {
    if (c.hot) {
      lines.push('const sp: u32 = load<u32>(s + VCPU_ESP);');
      tlbCheck(lines, 'sp', 4, 'TLB_TAG_R', 'hs');
      lines.push('const top: u32 = load<u32>(hs);');
    } else {
      lines.push(`const top: u32 = stackTop(s, ${uop.width});`);
      check(c);
    }
    c.locals.set('top', 'top');
  }
  if (calls(uop.program, 'frame')) {
    if (c.hot) {
      lines.push('const fp: u32 = load<u32>(s + VCPU_EBP);');
      tlbCheck(lines, 'fp', 4, 'TLB_TAG_R', 'hf');
      lines.push('const frame: u32 = load<u32>(hf);');
    } else {
      lines.push('const frame: u32 = stackFrame(s);');
      check(c);
    }
    c.locals.set('frame', 'frame');
  }
}

function terminalCall(uop: Uop): Extract<Statement, { kind: 'call' }> | undefined {
  for (const statement of uop.program)
    if (statement.kind === 'call' && (statement.name === 'jump' || statement.name === 'branch')) return statement;
  return undefined;
}

/** Comparison that decides a fused condition without flags. */
function fusedTest(uop: Uop): string {
  const compare = uop.row.name === 'cmp' || uop.row.name === 'sub';
  const w = uop.width;
  const result = compare ? masked('dst - src', w) : 'dst & src';
  switch (uop.fused) {
    case 2:
      return compare ? 'dst < src' : 'false';
    case 4:
      return compare ? 'dst == src' : '(dst & src) == 0';
    case 6:
      return compare ? 'dst <= src' : '(dst & src) == 0';
    case 8:
      return `(${signed(result, w)} as i32) < 0`;
    case 12:
      return compare
        ? `(${signed('dst', w)} as i32) < (${signed('src', w)} as i32)`
        : `(${signed('dst & src', w)} as i32) < 0`;
    default:
      return compare
        ? `(${signed('dst', w)} as i32) <= (${signed('src', w)} as i32)`
        : `(${signed('dst & src', w)} as i32) <= 0`;
  }
}

/** A case of the hot switch, without the `case` label. */
export function emitHot(uop: Uop): string[] {
  const c: Context = { uop, hot: true, locals: new Map(), lines: [], leave: '' };
  prologue(c);
  const link = (test: string) =>
    `next = load<usize>(blk + (${test} ? BLOCK_LINK0 : BLOCK_LINK1)); if (!next) next = follow(s, blk, ${test});`;
  if (uop.fused !== undefined) {
    // The way on is found first: without it the cold case does everything.
    c.lines.push(`const taken: bool = ${fusedTest(uop)};`, link('taken'), 'if (!next) break;');
    statements(c, uop.program);
    c.lines.push('break;');
    return c.lines;
  }
  const terminal = terminalCall(uop);
  if (terminal) {
    const returns = calls(uop.program, 'next');
    if (returns) {
      c.lines.push('const back: u32 = load<u32>(s + VCPU_EIP_PAGE) + load<u32>(blk + BLOCK_END);');
      c.locals.set('next', 'back');
    }
    if (terminal.name === 'branch')
      c.lines.push(`const taken: bool = (${expression(c, terminal.args[0]!)}) != 0;`, link('taken'));
    else if (terminal.args.length === 0)
      c.lines.push('next = load<usize>(blk + BLOCK_LINK0); if (!next) next = follow(s, blk, true);');
    else c.lines.push(`next = findLinear(s, ${expression(c, terminal.args[0]!)});`);
    c.lines.push('if (!next) break;');
    statements(c, uop.program);
    c.lines.push('break;');
    return c.lines;
  }
  statements(c, uop.program);
  c.lines.push('pc += UOP_SIZE; continue;');
  return c.lines;
}

/** A case of the cold switch, without the `case` label; it returns a status. */
export function emitCold(uop: Uop): string[] {
  const c: Context = { uop, hot: false, locals: new Map(), lines: [], leave: 'STATUS_FAULT' };
  prologue(c);
  if (uop.fused !== undefined) {
    c.lines.push(`const taken: bool = ${fusedTest(uop)};`);
    statements(c, uop.program);
    c.lines.push('return transferNear(s, blk, taken, 4);');
    return c.lines;
  }
  const terminal = terminalCall(uop);
  const relative = uop.row.operands.startsWith('J');
  const width = relative ? uop.width : uop.width;
  if (terminal?.name === 'branch') {
    c.lines.push(`const taken: bool = (${expression(c, terminal.args[0]!)}) != 0;`);
    c.lines.push(`return transferNear(s, blk, taken, ${width});`);
    return c.lines;
  }
  if (terminal) {
    const target = terminal.args.length
      ? expression(c, terminal.args[0]!)
      : '(load<u32>(s + VCPU_EIP_PAGE) + load<u32>(blk + BLOCK_TARGET0))';
    c.lines.push(`const target: u32 = nearTarget(s, ${target}, ${width});`);
    check(c);
    statements(c, uop.program);
    c.lines.push('store<u32>(s + VCPU_EIP, target);', 'return STATUS_TRANSFER;');
    return c.lines;
  }
  statements(c, uop.program);
  if (c.lines.at(-1)?.startsWith('return ')) return c.lines;
  if (uop.end === 'boundary')
    c.lines.push(
      'store<u32>(s + VCPU_EIP, load<u32>(s + VCPU_EIP_PAGE) + load<u32>(blk + BLOCK_END));',
      'return STATUS_BOUNDARY;',
    );
  else c.lines.push(uop.end === 'transfer' ? 'return STATUS_BOUNDARY;' : 'return STATUS_NEXT;');
  return c.lines;
}

/** Does anything after the walk of `program` still need the flags as they were? */
export function flagMasks(uop: Uop): { reads: number; kills: number; writes: number } {
  const BIT: Record<string, number> = { C: 1, P: 2, A: 4, Z: 8, S: 16, O: 32 };
  const mask = (text: string) => [...text].reduce((sum, flag) => sum | (BIT[flag] ?? 0), 0);
  const effects: Record<string, number> = {
    'flags.add': 63,
    'flags.sub': 63,
    'flags.logic': 63,
    'flags.shift': 63,
    'flags.inc': 62,
    'flags.dec': 62,
    'flags.carry': 33,
    'flags.cf': 1,
  };
  const conditionReads = [32, 1, 8, 9, 16, 2, 48, 56];
  let reads = mask(uop.row.reads ?? '');
  let kills = 0;
  let writes = mask(uop.row.writes ?? '');
  walk(uop.program, (e) => {
    if (e.kind === 'name' && e.name in FLAG_READS) reads |= mask(e.name[0]!.toUpperCase());
    if (e.kind === 'call' && e.name === 'cond' && e.args[0]?.kind === 'number')
      reads |= conditionReads[e.args[0].value >> 1]!;
  });
  const visit = (program: Statement[], sure: boolean): void => {
    for (const statement of program) {
      if (statement.kind === 'if') visit(statement.body, false);
      if (statement.kind !== 'call') continue;
      const effect = effects[statement.name] ?? 0;
      writes |= effect;
      if (sure) kills |= effect;
    }
  };
  visit(uop.program, true);
  if (uop.withoutFlags) writes = kills = 0;
  return { reads, kills, writes };
}
