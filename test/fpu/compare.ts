/** Compares a case after our FPU with the same case after the real CPU. Every mask here is a documented difference. */
import {
  type Case,
  CODE,
  EAX,
  ECX,
  EDX,
  EFLAGS,
  FCW,
  FOP,
  FSW,
  FTW,
  MEMORY,
  MEMORY_SIZE,
  MXCSR,
  ST,
  TRAP,
  XMM,
} from './record.js';

export interface Tolerance {
  readonly ulp: number;
  readonly undefinedStatus: number;
  /** Singles in XMM registers may differ as two approximations within 1.5 × 2^-12 of the truth do. */
  readonly approximate?: boolean;
}

function nearlyEqual(actual: Case, expected: Case, at: number): boolean {
  const [a, e] = [actual.view.getFloat32(at, true), expected.view.getFloat32(at, true)];
  if (Math.abs(a) <= 2 ** -126 && Math.abs(e) <= 2 ** -126) return true; // either may flush the smallest normal
  return Math.abs(a - e) <= Math.abs(e) * 3 * 2 ** -12;
}

/** Distance of two finite 80-bit values in units of the last place, or infinity. */
function distance(a: Case, b: Case, at: number): bigint {
  if (a.u16(at + 8) >> 15 !== b.u16(at + 8) >> 15) return 1n << 80n;
  const line = (c: Case): bigint => {
    const exponent = BigInt(c.u16(at + 8) & 0x7fff);
    const m = c.u64(at);
    return exponent === 0n ? m : (exponent << 63n) + (m - (1n << 63n)) + 0n;
  };
  const difference = line(a) - line(b);
  return difference < 0n ? -difference : difference;
}

/** Whether an ulp decides that one result is tiny and the other the smallest normal number, and so between UE and none. */
function straddles(a: Case, b: Case): boolean {
  for (let at = ST; at < ST + 128; at += 16) {
    const tiny = [a, b].filter((c) => (c.u16(at + 8) & 0x7fff) === 0);
    if (tiny.length === 1 && distance(a, b, at) === 1n) return true;
  }
  return false;
}

/** Bytes of the operand that hold FIP, FCS, FOP, FDP and FDS after FNSTENV and FNSAVE. */
function pointerBytes(c: Case): readonly [number, number] | undefined {
  const narrow = c.bytes[CODE] === 0x66;
  const [opcode, modrm] = [c.bytes[CODE + (narrow ? 1 : 0)]!, c.bytes[CODE + (narrow ? 2 : 1)]!];
  if (modrm !== 0x36 || (opcode !== 0xd9 && opcode !== 0xdd)) return undefined;
  return narrow ? [6, 14] : [12, 26];
}

/** The first difference in words, or undefined. `before` is the case as it was before the instruction. */
export function difference(before: Case, actual: Case, expected: Case, tolerance: Tolerance): string | undefined {
  const word = (name: string, at: number, mask = 0xffffffff): string | undefined => {
    const [a, e] = [(actual.u32(at) & mask) >>> 0, (expected.u32(at) & mask) >>> 0];
    return a === e ? undefined : `${name}: ${a.toString(16)} instead of ${e.toString(16)}`;
  };
  let status = 0xffff & ~tolerance.undefinedStatus;
  if (tolerance.ulp > 0) {
    status &= ~0x200; // C1 follows the rounding of a result that may differ by an ulp
    // AMD calls every result of FYL2X inexact (and a tiny one an underflow); ours is exact for powers of two.
    if (expected.u16(FSW) & ~actual.u16(FSW) & 0x20) status &= ~0x80b0;
    if (straddles(actual, expected)) status &= ~0x10;
  }
  const found =
    word('trap', TRAP) ??
    word('control word', FCW, 0xffff) ??
    word('status word', FSW, status) ??
    word('tag', FTW, 0xff) ??
    word('mxcsr', MXCSR) ??
    word('eax', EAX) ??
    word('ecx', ECX) ??
    word('edx', EDX) ??
    word('eflags', EFLAGS, 0x8d5);
  if (found !== undefined) return found;
  // AMD writes FOP only while an exception is pending; Intel always: compared where both do.
  if (actual.u32(TRAP) === 0 && actual.u16(FSW) & 0x80 && !(before.u16(FSW) & ~before.u16(FCW) & 0x3f)) {
    const opcode = word('last opcode', FOP, 0x7ff);
    if (opcode !== undefined && expected.u16(FOP) !== 0) return opcode;
  }
  for (let i = 0; i < 8; i++) {
    const at = ST + 16 * i;
    if (actual.extended(at) === expected.extended(at)) continue;
    if (tolerance.ulp > 0 && distance(actual, expected, at) <= BigInt(tolerance.ulp)) continue;
    return `ST(${i}): ${actual.extended(at)} instead of ${expected.extended(at)}`;
  }
  for (let i = 0; i < 32; i++) {
    const xmm = word(`XMM${i >> 2}[${i & 3}]`, XMM + 4 * i);
    if (xmm !== undefined && tolerance.approximate && nearlyEqual(actual, expected, XMM + 4 * i)) continue;
    if (xmm !== undefined) return xmm;
  }
  const skip = pointerBytes(before);
  const offset = before.u32(TRAP) & 63;
  for (let i = 0; i < MEMORY_SIZE; i++) {
    if (skip !== undefined && i >= offset + skip[0] && i < offset + skip[1]) continue;
    const [a, e] = [actual.bytes[MEMORY + i], expected.bytes[MEMORY + i]];
    if (a !== e) return `memory byte ${i - offset}: ${a?.toString(16)} instead of ${e?.toString(16)}`;
  }
  return undefined;
}
