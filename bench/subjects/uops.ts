/**
 * The block of µops that the interpreters in TypeScript and C run: the guest loop of bench/micro/interpreter.ts as a
 * decoder with flag liveness leaves it. The format is that of assembly/cpu/uops.ts; operations are numbered here.
 */
import type { Flat } from '../micro/machine.js';

export const OPS = {
  STOP: 0,
  MOV: 1,
  MOV_I: 2,
  ADD: 3,
  ADD_I: 4,
  SUB: 5,
  SUB_I: 6,
  AND: 7,
  AND_I: 8,
  AND_I_FLAGS: 9,
  OR: 10,
  OR_I: 11,
  XOR: 12,
  XOR_I: 13,
  INC: 14,
  DEC: 15,
  DEC_FLAGS: 16,
  ROL_I: 17,
  SHL_I: 18,
  SHR_I: 19,
  LEA: 20,
  LOAD: 21,
  LOAD_8: 22,
  STORE: 23,
  STORE_8: 24,
  JMP: 25,
  JZ: 26,
  JNZ: 27,
} as const;

export interface Uop {
  readonly op: number;
  /** Offsets of registers in the vCPU. */
  readonly a?: number;
  readonly b?: number;
  readonly base?: number;
  readonly index?: number;
  readonly scale?: number;
  readonly disp?: number;
  readonly imm?: number;
}

const HEADER = 32;
const LINK0 = 20;
const SIZE = 16;

/** Writes a block of `instructions` instructions to host address `block`; both of its links lead back to itself. */
export function writeBlock({ u32, at }: Flat, block: number, instructions: number, uops: readonly Uop[]): void {
  const zero = at('VCPU_ZERO');
  u32.fill(0, block >>> 2, (block + HEADER) >>> 2);
  u32[block >>> 2] = instructions;
  u32[(block + LINK0) >>> 2] = block;
  u32[(block + LINK0 + 4) >>> 2] = block;
  for (const [i, { op, a = 0, b = 0, base = zero, index = zero, scale = 0, disp = 0, imm = 0 }] of uops.entries()) {
    const p = (block + HEADER + i * SIZE) >>> 2;
    u32[p] = op | (a << 16) | (b << 24);
    u32[p + 1] = base | (index << 8) | (scale << 16);
    u32[p + 2] = disp;
    u32[p + 3] = imm;
  }
}
