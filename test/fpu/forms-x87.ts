/** Every form of the x87 instruction set, with how to make a case of it. */

import { double, extended, single } from './operands.js';
import type { Random } from './random.js';
import { type Case, CODE, EAX, ECX, EDX, EFLAGS, FCW, FSW, FTW, MEMORY, MXCSR, ST, TRAP, XMM } from './record.js';

export type Operand =
  | 'single'
  | 'double'
  | 'extended'
  | 'i16'
  | 'i32'
  | 'i64'
  | 'bcd'
  | 'control'
  | 'environment'
  | 'none';

export interface Form {
  readonly name: string;
  /** The instruction; ModRM with mod 0, rm 6 ([ESI]) for memory operands. */
  readonly code: (random: Random) => readonly number[];
  readonly operand: Operand;
  /** Pushes: ST(7) is mostly empty. */
  readonly push: boolean;
  /** Compared with this tolerance in units of the last place of results (transcendental functions). */
  readonly ulp: number;
  /** Magnitudes of ST(0) for which the result is defined. */
  readonly domain: 'all' | 'one' | 'small';
  /** Condition codes that are undefined after it. */
  readonly undefinedStatus: number;
}

const NONE = { operand: 'none', push: false, ulp: 0, domain: 'all', undefinedStatus: 0 } as const;

function form(name: string, code: Form['code'], more: Partial<Form> = {}): Form {
  return { ...NONE, name, code, ...more };
}

const ARITHMETIC = ['FADD', 'FMUL', 'FCOM', 'FCOMP', 'FSUB', 'FSUBR', 'FDIV', 'FDIVR'];
const CONDITIONS = ['B', 'E', 'BE', 'U'];

function* arithmeticForms(): Generator<Form> {
  const memory: readonly (readonly [number, Operand])[] = [
    [0xd8, 'single'],
    [0xdc, 'double'],
    [0xda, 'i32'],
    [0xde, 'i16'],
  ];
  for (const [reg, name] of ARITHMETIC.entries()) {
    for (const [opcode, operand] of memory)
      yield form(`${name} ${operand}`, () => [opcode, (reg << 3) | 6], { operand });
    yield form(`${name} ST(0),ST(i)`, (r) => [0xd8, 0xc0 | (reg << 3) | r.below(8)]);
    yield form(`${name} ST(i),ST(0)`, (r) => [0xdc, 0xc0 | (reg << 3) | r.below(8)]);
    if (reg !== 2 && reg !== 3) yield form(`${name}P ST(i),ST(0)`, (r) => [0xde, 0xc0 | (reg << 3) | r.below(8)]);
  }
  yield form('FCOMP alias DE D0', (r) => [0xde, 0xd0 | r.below(8)]);
  yield form('FCOMPP', () => [0xde, 0xd9]);
  yield form('FUCOM', (r) => [0xdd, 0xe0 | r.below(8)]);
  yield form('FUCOMP', (r) => [0xdd, 0xe8 | r.below(8)]);
  yield form('FUCOMPP', () => [0xda, 0xe9]);
  yield form('FUCOMI', (r) => [0xdb, 0xe8 | r.below(8)]);
  yield form('FUCOMIP', (r) => [0xdf, 0xe8 | r.below(8)]);
  yield form('FCOMI', (r) => [0xdb, 0xf0 | r.below(8)]);
  yield form('FCOMIP', (r) => [0xdf, 0xf0 | r.below(8)]);
}

function* moveForms(): Generator<Form> {
  const loads: readonly (readonly [string, number, number, Operand])[] = [
    ['FLD single', 0xd9, 0, 'single'],
    ['FLD double', 0xdd, 0, 'double'],
    ['FLD extended', 0xdb, 5, 'extended'],
    ['FILD i16', 0xdf, 0, 'i16'],
    ['FILD i32', 0xdb, 0, 'i32'],
    ['FILD i64', 0xdf, 5, 'i64'],
    ['FBLD', 0xdf, 4, 'bcd'],
  ];
  for (const [name, opcode, reg, operand] of loads) {
    yield form(name, () => [opcode, (reg << 3) | 6], { operand, push: true });
  }
  const stores: readonly (readonly [string, number, number])[] = [
    ['FST single', 0xd9, 2],
    ['FSTP single', 0xd9, 3],
    ['FST double', 0xdd, 2],
    ['FSTP double', 0xdd, 3],
    ['FSTP extended', 0xdb, 7],
    ['FIST i16', 0xdf, 2],
    ['FISTP i16', 0xdf, 3],
    ['FIST i32', 0xdb, 2],
    ['FISTP i32', 0xdb, 3],
    ['FISTP i64', 0xdf, 7],
    ['FBSTP', 0xdf, 6],
  ];
  for (const [name, opcode, reg] of stores) yield form(name, () => [opcode, (reg << 3) | 6]);
  yield form('FLD ST(i)', (r) => [0xd9, 0xc0 | r.below(8)], { push: true });
  yield form('FST ST(i)', (r) => [0xdd, 0xd0 | r.below(8)]);
  yield form('FSTP ST(i)', (r) => [r.pick([0xd9, 0xdd]), 0xd8 | r.below(8)]);
  yield form('FSTP alias DF D0/D8', (r) => [0xdf, 0xd0 | r.below(16)]);
  yield form('FXCH', (r) => [0xd9, 0xc8 | r.below(8)]);
  yield form('FXCH alias', (r) => [r.pick([0xdd, 0xdf]), 0xc8 | r.below(8)]);
  yield form('FFREE', (r) => [0xdd, 0xc0 | r.below(8)]);
  yield form('FFREEP', (r) => [0xdf, 0xc0 | r.below(8)]);
  for (const [i, name] of CONDITIONS.entries()) {
    yield form(`FCMOV${name}`, (r) => [0xda, 0xc0 | (i << 3) | r.below(8)]);
    yield form(`FCMOVN${name}`, (r) => [0xdb, 0xc0 | (i << 3) | r.below(8)]);
  }
  for (const [i, name] of ['FLD1', 'FLDL2T', 'FLDL2E', 'FLDPI', 'FLDLG2', 'FLDLN2', 'FLDZ'].entries()) {
    yield form(name, () => [0xd9, 0xe8 + i], { push: true });
  }
}

function* controlForms(): Generator<Form> {
  yield form('FNOP', () => [0xd9, 0xd0]);
  yield form('FWAIT', () => [0x9b]);
  yield form('FNCLEX', () => [0xdb, 0xe2]);
  yield form('FNINIT', () => [0xdb, 0xe3]);
  yield form('FNENI FNDISI FNSETPM', (r) => [0xdb, r.pick([0xe0, 0xe1, 0xe4])]);
  yield form('FNSTSW AX', () => [0xdf, 0xe0]);
  yield form('FNSTSW', () => [0xdd, 0x3e]);
  yield form('FNSTCW', () => [0xd9, 0x3e]);
  yield form('FLDCW', () => [0xd9, 0x2e], { operand: 'control' });
  yield form('FNSTENV', () => [0xd9, 0x36]);
  yield form('FLDENV', () => [0xd9, 0x26], { operand: 'environment' });
  yield form('FNSAVE', () => [0xdd, 0x36]);
  yield form('FRSTOR', () => [0xdd, 0x26], { operand: 'environment' });
  yield form('FNSTENV 16-bit', () => [0x66, 0xd9, 0x36]);
  yield form('FLDENV 16-bit', () => [0x66, 0xd9, 0x26], { operand: 'environment' });
  yield form('FNSAVE 16-bit', () => [0x66, 0xdd, 0x36]);
  yield form('FRSTOR 16-bit', () => [0x66, 0xdd, 0x26], { operand: 'environment' });
}

function* functionForms(): Generator<Form> {
  const plain: readonly (readonly [string, number])[] = [
    ['FCHS', 0xe0],
    ['FABS', 0xe1],
    ['FTST', 0xe4],
    ['FXAM', 0xe5],
    ['FPREM1', 0xf5],
    ['FDECSTP', 0xf6],
    ['FINCSTP', 0xf7],
    ['FPREM', 0xf8],
    ['FSQRT', 0xfa],
    ['FRNDINT', 0xfc],
    ['FSCALE', 0xfd],
  ];
  for (const [name, modrm] of plain) yield form(name, () => [0xd9, modrm]);
  yield form('FXTRACT', () => [0xd9, 0xf4], { push: true });
  yield form('F2XM1', () => [0xd9, 0xf0], { ulp: 1, domain: 'one' });
  yield form('FYL2X', () => [0xd9, 0xf1], { ulp: 1 });
  yield form('FPTAN', () => [0xd9, 0xf2], { ulp: 1, push: true });
  yield form('FPATAN', () => [0xd9, 0xf3], { ulp: 1 });
  yield form('FYL2XP1', () => [0xd9, 0xf9], { ulp: 1, domain: 'small' });
  yield form('FSINCOS', () => [0xd9, 0xfb], { ulp: 1, push: true });
  yield form('FSIN', () => [0xd9, 0xfe], { ulp: 1 });
  yield form('FCOS', () => [0xd9, 0xff], { ulp: 1 });
}

export const X87_FORMS: readonly Form[] = [...arithmeticForms(), ...moveForms(), ...controlForms(), ...functionForms()];

function fillOperand(c: Case, operand: Operand, random: Random): void {
  const at = MEMORY + c.u32(TRAP);
  for (let i = 0; i < 32; i++) c.set32(MEMORY + 4 * i, random.u32());
  const small = random.pick([0, 1, -1, 0x7fff, -0x8000, 0x7fffffff, -0x80000000, random.below(1000), random.u32() | 0]);
  if (operand === 'single') c.set32(at, single(random));
  else if (operand === 'double') c.view.setBigUint64(at, double(random), true);
  else if (operand === 'extended') extended(c.view, at, random, 16383);
  else if (operand === 'i16') c.set16(at, small & 0xffff);
  else if (operand === 'i32') c.set32(at, small >>> 0);
  else if (operand === 'i64') {
    c.set32(at, random.pick([0, 1, 0xffffffff, random.u32()]));
    c.set32(at + 4, random.pick([0, 0xffffffff, 0x80000000, 0x7fffffff, random.u32()]));
  } else if (operand === 'bcd') {
    for (let i = 0; i < 9; i++) c.bytes[at + i] = (random.below(10) << 4) | random.below(10);
    if (random.once(3)) c.bytes.fill(0, at + random.below(9), at + 9);
    c.bytes[at + 9] = random.below(2) << 7;
  } else if (operand === 'control') c.set16(at, random.u32() & 0xffff);
  else if (operand === 'environment') {
    c.set16(at, random.once(2) ? 0x37f : random.u32() & 0xffff);
    c.set16(at + 4, random.u32() & 0xffff);
    const registers = c.bytes[CODE] === 0x66 ? 14 : 28;
    for (let i = 0; i < 8; i++) extended(c.view, at + registers + 10 * i, random, 16383);
  }
}

/** Fills a case with a random machine state and the form's instruction. */
export function makeX87Case(c: Case, form: Form, random: Random): void {
  const code = form.code(random);
  c.bytes.fill(0x90, CODE, CODE + 12);
  c.bytes.set(code, CODE);
  c.set32(TRAP, random.below(4));
  const masks = random.once(2) ? 0x3f : random.once(2) ? random.below(64) : 0x3f & ~(1 << random.below(6));
  const precision = random.once(3) ? random.pick([0, 2, 1]) : 3;
  const rounding = random.once(2) ? 0 : random.below(4);
  c.set16(FCW, 0x40 | masks | (precision << 8) | (rounding << 10));
  // Exceptions that are set already must be masked, or nothing but #MF would be seen; sometimes just that is wanted.
  const sticky = random.once(4) ? random.below(64) & (random.once(8) ? 0x3f : masks) : 0;
  c.set16(FSW, sticky | (random.below(2) << 6) | (random.u32() & 0x4700) | (random.below(8) << 11));
  const top = (c.u16(FSW) >> 11) & 7;
  let full = 0xff;
  if (random.once(10)) full = random.below(256);
  else if (form.push) full &= ~(1 << ((top + 7) & 7));
  c.bytes[FTW] = full;
  c.set32(MXCSR, 0x1f80);
  const near = random.pick([16383, 16383, 16383, random.below(32767), 8 + random.below(70), 32766 - random.below(70)]);
  for (let i = 0; i < 8; i++) extended(c.view, ST + 16 * i, random, near);
  for (let i = 0; i < 32; i++) c.set32(XMM + 4 * i, 0);
  if (form.domain !== 'all') {
    // Keep ST(0) below 1 or below 1 − √½, beyond which the result is undefined.
    const exponent = c.u16(ST + 8) & 0x7fff;
    const limit = form.domain === 'one' ? 0x3fff : 0x3ffd;
    if (exponent >= limit && exponent < 0x7fff) {
      c.set16(ST + 8, (c.u16(ST + 8) & 0x8000) | (limit - 1 - random.below(random.pick([4, 80]))));
      if (form.domain === 'one' && random.once(20)) {
        c.set16(ST + 8, random.pick([0x3fff, 0xbfff]));
        c.view.setBigUint64(ST, 1n << 63n, true);
      }
    }
  }
  c.set32(EAX, random.u32());
  c.set32(ECX, 0);
  c.set32(EDX, 0);
  c.set32(EFLAGS, random.u32() & 0x8d5);
  fillOperand(c, form.operand, random);
}
