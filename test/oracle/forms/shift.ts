/** Shifts, rotates, double shifts; multiplication and division. */
import {
  CF,
  DIVIDE_EFFECT,
  doubleShiftEffect,
  type Effect,
  MULTIPLY_EFFECT,
  rotateEffect,
  shiftEffect,
} from '../flags.js';
import {
  clobbered,
  destination,
  immediate,
  loadRegister,
  rmDestination,
  rmSource,
  shape,
  size,
  source,
  wordSize,
} from '../operand.js';
import { type Builder, bytesOf } from '../program.js';
import { EAX, ECX, EDX } from '../state.js';
import { type Form, form } from './form.js';

const GROUP2 = ['rol', 'ror', 'rcl', 'rcr', 'shl', 'shr', 'sal', 'sar'] as const;

function effectOf(reg: number, count: number, bits: number): Effect {
  return reg < 4 ? rotateEffect(count) : shiftEffect(count, bits, reg === 7);
}

function count(p: Builder): number {
  const k = p.r.below(8);
  if (k < 4) return p.r.below(33);
  return k < 6 ? p.r.pick([0, 1, 7, 8, 9, 15, 16, 17, 18, 31, 32, 33]) : p.r.below(256);
}

/** D0 D1 (by one), C0 C1 (by an immediate), D2 D3 (by CL). */
function shifts(reg: number): Form[] {
  const name = GROUP2[reg]!;
  const reads = reg === 2 || reg === 3 ? CF : 0;
  const weight = reg === 6 ? 0.5 : 2;
  const make = (kind: 'one' | 'immediate' | 'cl'): Form =>
    form(name, weight, reads, (p) => {
      const s = size(p);
      if (kind === 'cl' && p.cl === undefined && p.r.once(2)) loadRegister(p, ECX, count(p));
      const o = rmDestination(p, s);
      const cl = p.cl;
      const opcode = { one: 0xd0, immediate: 0xc0, cl: 0xd2 }[kind] + (s === 1 ? 0 : 1);
      const n = kind === 'one' ? 1 : kind === 'cl' ? cl : count(p);
      p.begin(`${name}${s * 8} ${shape(o)},${{ one: '1', immediate: 'imm', cl: 'cl' }[kind]}`);
      p.encode({ opcode: [opcode], size: s, reg, rm: o, ...(kind === 'immediate' ? { immediate: [n!] } : {}) });
      clobbered(p, o, s);
      if (n === undefined) p.maybe(effectOf(reg, 31, s * 8));
      else p.effect(effectOf(reg, n & 31, s * 8));
    });
  return [make('one'), make('immediate'), make('cl')];
}

function doubleShift(name: string, opcode: number): Form[] {
  return [
    form(name, 3, 0, (p) => {
      const s = wordSize(p);
      let n = count(p);
      if (s === 2 && (n & 31) > 16) n = (n & 0xe0) | (n & 15); // above the operand's size the result is undefined
      const o = rmDestination(p, s);
      p.begin(`${name}${s * 8} ${shape(o)},r,imm`);
      p.encode({ opcode: [0x0f, opcode], size: s, reg: source(p), rm: o, immediate: [n] });
      clobbered(p, o, s);
      p.effect(doubleShiftEffect(n & 31));
    }),
    form(name, 2, 0, (p) => {
      const s = wordSize(p);
      const cl = p.cl;
      if (cl === undefined || (s === 2 && (cl & 31) > 16)) loadRegister(p, ECX, count(p) & (s === 2 ? 0xef : 0xff));
      const o = rmDestination(p, s);
      p.begin(`${name}${s * 8} ${shape(o)},r,cl`);
      p.encode({ opcode: [0x0f, opcode + 1], size: s, reg: source(p), rm: o });
      p.effect(doubleShiftEffect(p.cl! & 31));
      clobbered(p, o, s);
    }),
  ];
}

function multiply(name: string, reg: number): Form {
  return form(name, 2, 0, (p) => {
    const s = size(p);
    const o = rmSource(p, s);
    p.begin(`${name}${s * 8} ${shape(o)}`);
    p.encode({ opcode: [s === 1 ? 0xf6 : 0xf7], size: s, reg, rm: o });
    p.clobber(EAX);
    if (s !== 1) p.clobber(EDX);
    p.effect(MULTIPLY_EFFECT);
  });
}

const multiplySigned: Form[] = [
  form('imul', 2, 0, (p) => {
    const s = wordSize(p);
    const d = destination(p, s);
    const o = rmSource(p, s);
    p.begin(`imul${s * 8} r,${shape(o)}`);
    p.encode({ opcode: [0x0f, 0xaf], size: s, reg: d, rm: o });
    p.clobber(d);
    p.effect(MULTIPLY_EFFECT);
  }),
  form('imul', 2, 0, (p) => {
    const s = wordSize(p);
    const d = destination(p, s);
    const o = rmSource(p, s);
    const short = p.r.once(2);
    p.begin(`imul${s * 8} r,${shape(o)},${short ? 'imm8' : 'imm'}`);
    p.encode({
      opcode: [short ? 0x6b : 0x69],
      size: s,
      reg: d,
      rm: o,
      immediate: bytesOf(immediate(p), short ? 1 : s),
    });
    p.clobber(d);
    p.effect(MULTIPLY_EFFECT);
  }),
];

/** Most random dividends overflow: prepare EDX (or AH) so that some divisions succeed. */
function divide(name: string, reg: number): Form {
  return form(name, 3, 0, (p) => {
    const s = size(p);
    const k = p.r.below(6);
    if (s === 1 && k < 4) {
      loadRegister(p, EAX, p.r.below(k < 2 ? 0x100 : 0x2000));
    } else if (k < 2) {
      loadRegister(p, EDX, p.r.below(k === 0 ? 2 : 0x1000));
    } else if (k < 4) {
      p.begin(s === 2 ? 'cwd' : 'cdq');
      p.encode({ opcode: [0x99], size: s, bare: true });
      p.clobber(EDX);
    }
    const o = rmSource(p, s);
    p.begin(`${name}${s * 8} ${shape(o)}`);
    p.encode({ opcode: [s === 1 ? 0xf6 : 0xf7], size: s, reg, rm: o });
    p.clobber(EAX);
    if (s !== 1) p.clobber(EDX);
    p.effect(DIVIDE_EFFECT);
  });
}

export const SHIFT_FORMS: readonly Form[] = [
  ...[0, 1, 2, 3, 4, 5, 6, 7].flatMap(shifts),
  ...doubleShift('shld', 0xa4),
  ...doubleShift('shrd', 0xac),
  multiply('mul', 4),
  multiply('imul', 5),
  ...multiplySigned,
  divide('div', 6),
  divide('idiv', 7),
];
