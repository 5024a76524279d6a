/**
 * From opcode rows to micro-operations. A µop is one row's semantics bound to operand kinds and a width; the hot ones
 * become cases of the interpreter's dense switch, all others of the cold switch. Identical µops are made once.
 */
import { parse, type Statement, walk } from './language.js';
import { CONDITIONS, type End, ROWS, type Row } from './table.js';

/** Where an operand is: register field a or b, memory, immediate, CL, relative target, nothing. */
export type Place = 'a' | 'b' | 'm' | 'i' | 'c' | 'j' | '';

export interface Uop {
  id: number;
  name: string;
  program: Statement[];
  places: [dst: Place, src: Place, third: Place];
  /** Width in bytes of dst and of src. */
  width: number;
  sourceWidth: number;
  end: End;
  hot: boolean;
  /** The variant that computes no flags, for use where no one can see them. */
  withoutFlags: boolean;
  /** The variant whose memory operand has no index register. */
  indexless: boolean;
  /** Condition (even code) of the Jcc that is fused into this compare. */
  fused?: number;
  row: Row;
  variants: { dead?: Uop; generic?: Uop; fused?: Uop[]; indexless?: Uop };
}

/** How the decoder fills the µop's register bytes. */
export const FIELD = { none: 0, reg: 1, rm: 2, opcode: 3, accumulator: 4, raw: 5, byte: 8 } as const;

export const IMMEDIATE = {
  none: 0,
  byte: 1, //       Ib, zero-extended
  signed: 2, //     Ib, sign-extended
  full: 3, //       Iz
  word: 4, //       Iw
  far: 5, //        offset and selector
  offset: 6, //     moffs
  enter: 7, //      Iw, Ib
  one: 8, //        the constant 1
  relByte: 9, //    rel8
  relFull: 10, //   rel16/32
  modrm: 11, //     the ModRM byte itself
  string: 12, //    repeat prefix and address size
  xlat: 13,
  escape: 14, //     packed by cpu/escape.ts
  simd: 15,
  simdByte: 16, //   with an imm8
} as const;

export const ROW_FLAG = {
  modrm: 1,
  lockable: 2,
  relative: 4,
  solo: 8,
  grouped: 16,
  registerOnly: 32,
  noAccess: 64,
} as const;

export interface Entry {
  row: Row;
  a: number;
  b: number;
  immediate: number;
  flags: number;
  /** Indexed [memory form][operand size 4]. */
  uops: (Uop | undefined)[];
}

export const UOPS: Uop[] = [];
const byKey = new Map<string, Uop>();

/** A compare, or an operation that sets the flags of one, with a register as destination. */
function isFusable(uop: Uop): boolean {
  if (uop.row.name === 'cmp' || uop.row.name === 'test') return true;
  return (uop.row.name === 'sub' || uop.row.name === 'and') && uop.width === WORD && uop.places[0] === 'a';
}

/** Conditions that a compare can decide without materialised flags: all but O and P. */
export const FUSED_CONDITIONS = [2, 4, 6, 8, 12, 14];

const WORD = 4;
const SHAPES = new Set(['ab', 'ba', 'ai', 'am', 'mb', 'mi']);

/** The µops worth a case of the hot switch: what compilers emit in loops. */
function isHot(row: Row, places: string, width: number, sourceWidth: number): boolean {
  const { name } = row;
  if (width === WORD) {
    if (['add', 'or', 'adc', 'sbb', 'and', 'sub', 'xor', 'cmp', 'test', 'mov'].includes(name))
      return SHAPES.has(places);
    if (['inc', 'dec', 'neg', 'not'].includes(name)) return true;
    if (['shl', 'shr', 'sar', 'rol', 'ror'].includes(name)) return places === 'ai' || places === 'ac';
    if (['movzx', 'movsx', 'imul', 'imul3', 'cmovcc', 'lea', 'cdq', 'leave', 'bswap'].includes(name)) return true;
    if (name === 'mul') return places === 'a';
    if (name === 'xchg') return !places.includes('m');
    if (['push', 'pop', 'call', 'jmp', 'ret', 'jcc'].includes(name)) return !(name === 'pop' && places === 'm');
    return name === 'nop';
  }
  if (width === 1) {
    if (['mov', 'cmp', 'test', 'and', 'or', 'xor', 'add', 'sub'].includes(name)) return SHAPES.has(places);
    return name === 'setcc' && places === 'a';
  }
  return width === 2 && sourceWidth === 2 && ['mov', 'cmp'].includes(name) && SHAPES.has(places);
}

export function calls(program: Statement[], name: string): boolean {
  let found = false;
  walk(
    program,
    (e) => {
      if ((e.kind === 'call' || e.kind === 'name') && e.name === name) found = true;
    },
    (statement) => {
      if (statement.kind === 'call' && statement.name === name) found = true;
    },
  );
  return found;
}

export function assigns(program: Statement[], target: string): boolean {
  let found = false;
  walk(
    program,
    () => {},
    (statement) => {
      if (statement.kind === 'assign' && statement.target === target) found = true;
    },
  );
  return found;
}

export function usesStack(uop: Uop): boolean {
  return ['push', 'drop', 'top', 'release', 'frame'].some((name) => calls(uop.program, name));
}

export function isNear(uop: Uop): boolean {
  return calls(uop.program, 'jump') || calls(uop.program, 'branch');
}

function make(row: Row, program: Statement[], places: Uop['places'], width: number, sourceWidth: number): Uop {
  const key = JSON.stringify([row.name, program, places, width, sourceWidth, row.end, row.reads, row.writes]);
  const known = byKey.get(key);
  if (known) return known;
  const hot = isHot(row, places.join(''), width, sourceWidth);
  const shape = places.map((p) => p || '').join('');
  const name = `${row.name}_${shape || 'x'}_${width * 8}${sourceWidth !== width ? `_${sourceWidth * 8}` : ''}`;
  const uop: Uop = {
    id: 0,
    name,
    program,
    places,
    width,
    sourceWidth,
    end: row.end,
    hot,
    withoutFlags: false,
    indexless: false,
    row,
    variants: {},
  };
  byKey.set(key, uop);
  UOPS.push(uop);
  addVariants(uop);
  if (hot && (places.includes('m') || calls(program, 'ea'))) {
    uop.variants.indexless = { ...uop, name: `${name}_d`, indexless: true, variants: {} };
    UOPS.push(uop.variants.indexless);
    addVariants(uop.variants.indexless);
  }
  return uop;
}

/** The forms of a hot µop that the decoder chooses by what surrounds it. */
function addVariants(uop: Uop): void {
  const { name, program, hot } = uop;
  const setsFlags = JSON.stringify(program).includes('"flags.');
  const works = ['dst', 'src', 'acc'].some((target) => assigns(program, target));
  if (hot && setsFlags && works) {
    uop.variants.dead = { ...uop, name: `${name}_nf`, withoutFlags: true, variants: {} };
    UOPS.push(uop.variants.dead);
  }
  if (hot && (usesStack(uop) || isNear(uop))) {
    uop.variants.generic = { ...uop, name: `${name}_generic`, hot: false, variants: {} };
    UOPS.push(uop.variants.generic);
  }
  if (hot && isFusable(uop)) {
    uop.variants.fused = FUSED_CONDITIONS.map((condition) => ({
      ...uop,
      name: `${name}_j${CONDITIONS[condition >> 1]}`,
      end: 'transfer',
      fused: condition,
      variants: {},
    }));
    UOPS.push(...uop.variants.fused);
  }
}

interface Operand {
  letter: string;
  size: string;
}

function operandsOf(row: Row): Operand[] {
  return row.operands === ''
    ? []
    : row.operands.split(',').map((text) => ({ letter: text[0] ?? '', size: text[1] ?? '' }));
}

function widthOf(operand: Operand | undefined, operandSize: number): number {
  switch (operand?.size) {
    case 'b':
      return 1;
    case 'w':
      return 2;
    case 'd':
      return 4;
    default:
      return operandSize;
  }
}

/** Builds the decoder's entry for a row: field codes, immediate kind and the µop of each form and operand size. */
export function entryFor(row: Row): Entry {
  const operands = operandsOf(row);
  const letters = operands.map((o) => o.letter);
  let a: number = FIELD.none;
  let b: number = FIELD.none;
  let immediate: number = IMMEDIATE.none;
  let flags = (row.lock ? ROW_FLAG.lockable : 0) | (row.solo ? ROW_FLAG.solo : 0);
  const places: Place[] = [];
  const memoryPlaces: Place[] = [];
  const hasE = letters.includes('E');
  for (const operand of operands) {
    const byte = operand.size === 'b' ? FIELD.byte : 0;
    let place: Place = '';
    let memoryPlace: Place | undefined;
    const takeRegister = (code: number): Place => {
      // The first register goes to field a, the second to b; G beside a memory destination goes to b.
      const first = a === FIELD.none && places.length === 0;
      if (first) a = code | byte;
      else b = code | byte;
      return first ? 'a' : 'b';
    };
    switch (operand.letter) {
      case 'E':
        flags |= ROW_FLAG.modrm;
        place = takeRegister(FIELD.rm);
        memoryPlace = 'm';
        break;
      case 'R':
        flags |= ROW_FLAG.modrm | ROW_FLAG.registerOnly;
        place = takeRegister(FIELD.rm);
        break;
      case 'G':
        flags |= ROW_FLAG.modrm;
        if (letters[0] === 'M') {
          b = FIELD.reg | byte;
          place = 'b';
        } else place = takeRegister(FIELD.reg);
        break;
      case 'Z':
        place = takeRegister(FIELD.opcode);
        break;
      case 'A':
        if (letters[0] === 'O') {
          b = FIELD.accumulator | byte;
          place = 'b';
        } else place = takeRegister(FIELD.accumulator);
        break;
      case 'O':
        place = 'm';
        immediate = row.name === 'xlat' ? IMMEDIATE.xlat : IMMEDIATE.offset;
        if (row.name === 'xlat') place = '';
        break;
      case 'M':
        flags |= ROW_FLAG.modrm | (row.access ? 0 : ROW_FLAG.noAccess);
        break;
      case 'F':
        flags |= ROW_FLAG.modrm;
        immediate = IMMEDIATE.escape;
        break;
      case 'V':
        flags |= ROW_FLAG.modrm;
        immediate = operand.size === 'b' ? IMMEDIATE.simdByte : IMMEDIATE.simd;
        break;
      case 'U':
        immediate = IMMEDIATE.simd;
        break;
      case 'N':
        // The flags are those of both forms: a register form must not take the check away from the memory form.
        flags |= ROW_FLAG.modrm | (row.only === 'reg' ? 0 : ROW_FLAG.noAccess);
        immediate = IMMEDIATE.modrm;
        break;
      case 'X':
        flags |= ROW_FLAG.modrm;
        b = FIELD.raw;
        break;
      case 'C':
        place = 'c';
        break;
      case '1':
        place = 'i';
        immediate = IMMEDIATE.one;
        break;
      case 'I':
        place = 'i';
        immediate = { b: IMMEDIATE.byte, s: IMMEDIATE.signed, w: IMMEDIATE.word }[operand.size] ?? IMMEDIATE.full;
        break;
      case 'J':
        place = 'j';
        flags |= ROW_FLAG.relative;
        immediate = operand.size === 'b' ? IMMEDIATE.relByte : IMMEDIATE.relFull;
        break;
      case 'P':
        immediate = IMMEDIATE.far;
        break;
      case 'W':
        immediate = IMMEDIATE.enter;
        break;
      case 'Y':
        immediate = IMMEDIATE.string;
        break;
      default:
        throw new Error(`table: unknown operand "${row.operands}" of ${row.name}`);
    }
    places.push(place);
    memoryPlaces.push(memoryPlace ?? place);
  }
  const uops: (Uop | undefined)[] = [];
  const condition = ['jcc'].includes(row.name) ? row.opcode & 14 : -1;
  // A negated Jcc is the plain one with its targets exchanged, so there are eight of them.
  const text = condition >= 0 ? `branch(cond(${condition}))` : row.semantics;
  const program = parse(text);
  for (const memory of [false, true]) {
    for (const size of [2, 4]) {
      const allowed =
        (row.only === undefined || (row.only === 'mem') === memory) &&
        (row.sizes === undefined || row.sizes.includes(size)) &&
        (!memory || hasE || letters.some((l) => 'MNFV'.includes(l)) || false);
      const form = memory ? memoryPlaces : places;
      const width =
        row.operands === 'Iw' || letters[0] === 'J' || letters[0] === 'M'
          ? size
          : 'FVU'.includes(letters[0] ?? '-')
            ? 4
            : widthOf(operands[0], size);
      const dstWidth = letters[0] === 'I' && operands[0]?.size === 'b' ? size : width;
      const sourceWidth = operands[1] && 'EG'.includes(operands[1].letter) ? widthOf(operands[1], size) : dstWidth;
      uops.push(
        allowed ? make(row, program, [form[0] ?? '', form[1] ?? '', form[2] ?? ''], dstWidth, sourceWidth) : undefined,
      );
    }
  }
  return { row, a, b, immediate, flags, uops };
}

/** All rows as decoder entries, and the µops numbered: hot ones first, densely from 1. */
export function build(): { entries: Entry[]; hot: number } {
  const entries = ROWS.map(entryFor);
  const order = [...UOPS].sort((x, y) => Number(y.hot) - Number(x.hot));
  order.forEach((uop, index) => {
    uop.id = index + FIRST_UOP;
  });
  UOPS.length = 0;
  UOPS.push(...order);
  return { entries, hot: order.filter((uop) => uop.hot).length };
}

/** µop numbers below this are fixed: see assembly/cpu/uops.ts. */
export const FIRST_UOP = 8;
