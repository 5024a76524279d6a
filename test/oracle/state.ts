/** The registers a case begins with: everything follows from its seed. */
import { Random } from './random.js';
import { CODE, DATA, LOW, STACK } from './windows.js';

export const EAX = 0;
export const ECX = 1;
export const EDX = 2;
export const EBX = 3;
export const ESP = 4;
export const EBP = 5;
export const ESI = 6;
export const EDI = 7;

export interface State {
  /** EAX ECX EDX EBX ESP EBP ESI EDI, unsigned. */
  readonly gpr: Uint32Array;
  readonly eflags: number;
  /** Where the program begins. */
  readonly eip: number;
  /** Seed of the windows' contents. */
  readonly data: number;
}

export const VALUES: readonly number[] = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe,
  0xffffffff, 0x55555555, 0xaaaaaaaa, 0x00ff00ff, 0x09090909, 0x99999999,
];

function pointer(r: Random): number {
  return DATA + 0x1000 + r.between(-0xc0, 0xc0);
}

function value(r: Random, pointers: number): number {
  const k = r.below(100);
  if (k < pointers) return pointer(r);
  if (k < pointers + 15) return r.between(-130, 130) >>> 0;
  if (k < pointers + 30) return r.pick(VALUES);
  if (k < pointers + 35) return LOW + 0x800 + r.between(-24, 24);
  return r.u32();
}

function stackPointer(r: Random): number {
  const k = r.below(32);
  if (k === 0) return STACK + r.below(20); // pushes leave the page
  if (k === 1) return STACK + 0x1000 - r.below(20); // pops leave the page
  const top = STACK + 0x800 + 4 * r.between(-8, 8);
  return k === 2 ? top + r.between(1, 3) : top;
}

function entry(r: Random): number {
  const k = r.below(16);
  if (k === 0) return CODE + 0x1000 - r.between(1, 24); // the program crosses into the second page
  if (k === 1 && r.once(2)) return CODE + 0x2000 - r.between(1, 24); // and here into the hole
  return CODE + 0x400 + r.below(0x400);
}

/** EFLAGS bits that a state begins with at random: CF PF AF ZF SF OF. */
export const ARITHMETIC = 0x8d5;

export function initialState(seed: number): State {
  const r = new Random(seed ^ 0x51a7e);
  const gpr = new Uint32Array(8);
  for (let i = 0; i < 8; i++) gpr[i] = value(r, i >= ESI || i === EBX || i === EBP ? 50 : 25);
  if (r.once(3)) gpr[ECX] = r.below(40);
  gpr[ESP] = stackPointer(r);
  const df = r.once(7) ? 0x400 : 0;
  const eflags = (r.u32() & ARITHMETIC) | 0x202 | df;
  return { gpr, eflags, eip: entry(r), data: r.u32() };
}
