/** Random operands: registers, immediates and every addressing form, aimed at the windows. */
import type { Builder, MemoryOperand, Operand, RegisterOperand, Size } from './program.js';
import { bytes16, bytes32, CS_PREFIX, SEGMENT_PREFIXES } from './program.js';
import { EBP, EBX, EDI, ESI, ESP, VALUES } from './state.js';
import { CONSTANT, DATA, LOW, STACK, writable } from './windows.js';

export type Access = 'read' | 'write' | 'none';

/** A register to read. */
export function source(p: Builder): number {
  return p.r.below(8);
}

/** A register to write: seldom ESP, without which the stack instructions that follow only fault. */
export function destination(p: Builder, size: Size): number {
  const index = p.r.below(8);
  return size !== 1 && index === ESP && !p.r.once(12) ? p.r.below(4) : index;
}

export function register(index: number): RegisterOperand {
  return { kind: 'register', index };
}

export function size(p: Builder): Size {
  const k = p.r.below(8);
  return k < 2 ? 1 : k < 4 ? 2 : 4;
}

/** Operand size of an instruction that has no byte form. */
export function wordSize(p: Builder): 2 | 4 {
  return p.r.once(3) ? 2 : 4;
}

export function immediate(p: Builder): number {
  const k = p.r.below(4);
  if (k === 0) return p.r.pick(VALUES);
  return k === 1 ? p.r.between(-130, 130) >>> 0 : p.r.u32();
}

/** Where an operand of `size` bytes shall lie. */
function target(p: Builder, bytes: number): number {
  const r = p.r;
  const k = r.below(200);
  if (k < 124) return DATA + 0xf40 + r.below(0x180);
  if (k < 148) return DATA + 0x1000 - r.between(1, Math.max(1, bytes - 1)); // crosses into the next page
  if (k < 164) return STACK + 0x7c0 + r.below(0x80);
  if (k < 174) return DATA + r.below(0x2000 - bytes + 1);
  if (k < 180) return DATA + 0x2000 - r.below(bytes); // crosses into the hole, or just does not
  if (k < 184) return DATA - r.below(bytes + 1);
  if (k < 190) return CONSTANT + r.below(0x1000);
  if (k < 194) return DATA + 0x2000 + r.below(0x1000);
  if (k < 197) return r.below(64);
  return LOW + 0x7e0 + r.below(0x40);
}

/** A random segment override. All data segments are flat; a write through CS is #GP. */
export function override(p: Builder, access: Access): number | undefined {
  if (!p.r.once(14)) return undefined;
  const prefix = p.r.pick(SEGMENT_PREFIXES);
  // Of a floating-point store, #MF would have to come before #GP: the order is left to test/fpu.
  const refused = prefix === CS_PREFIX && access === 'write';
  if (refused && (p.float || !p.r.once(8))) return undefined;
  if (refused) p.codeWrite = true;
  return prefix;
}

/**
 * A memory operand of `bytes` bytes. `bias` is added to the effective address by the instruction itself (bit offsets).
 * With access 'none' (LEA) the address need not be mapped; `align` holds nearly always.
 */
export function memory(p: Builder, bytes: number, access: Access, bias = 0, align = 1): MemoryOperand {
  if (bias === 0 && align === 1 && p.r.once(16)) return memory16(p, bytes, access);
  const unaligned = align === 1 || p.r.once(40);
  const segment = override(p, access);
  const wild = access === 'none' ? p.r.once(2) : p.r.once(60);
  const usable = (i: number): boolean => wild || p.known[i] !== undefined;
  const value = (i: number): number => p.known[i] ?? 0;
  const bases = [0, 1, 2, 3, 4, 5, 6, 7].filter(usable);
  const indices = bases.filter((i) => i !== ESP);
  const want = (unaligned ? target(p, bytes) : target(p, bytes) & -align) - bias;

  const form = p.r.below(10);
  const base = form >= 2 && bases.length > 0 ? p.r.pick(bases) : undefined;
  const index = (form >= 6 || form === 1) && indices.length > 0 ? p.r.pick(indices) : undefined;
  const scale = p.r.below(4);
  const sum = (base === undefined ? 0 : value(base)) + (index === undefined ? 0 : value(index) * 2 ** scale);

  // The displacement: none or a byte where that hits a window, else four bytes that hit the target.
  let mod = 2;
  let displacement = (want - sum) | 0;
  const byte = p.r.between(-128, 127);
  const fits = (d: number): boolean => {
    const at = (sum + d + bias) >>> 0;
    return wild || access === 'none' || (writable(at, bytes) && (unaligned || (at & (align - 1)) === 0));
  };
  if (base !== undefined && base !== EBP && p.r.once(2) && fits(0)) {
    mod = 0;
    displacement = 0;
  } else if (base !== undefined && p.r.once(2) && fits(byte)) {
    mod = 1;
    displacement = byte;
  } else if (base === undefined) {
    mod = 0;
  }
  const tail: number[] = [];
  let rm: number;
  const sib = index !== undefined || base === ESP || p.r.once(8);
  if (sib) {
    rm = 4;
    tail.push((scale << 6) | ((index ?? 4) << 3) | (base ?? 5));
  } else {
    rm = base ?? 5;
  }
  if (mod === 1) tail.push(displacement & 0xff);
  else if (mod === 2 || base === undefined) tail.push(...bytes32(displacement));
  const address = wild ? undefined : (sum + displacement) >>> 0;
  return { kind: 'memory', modrm: (mod << 6) | rm, tail, address16: false, segment, address };
}

/** Intel SDM Vol. 2A, Table 2-1, "16-Bit Addressing Forms with the ModR/M Byte". */
const FORMS16: readonly (readonly number[])[] = [
  [EBX, ESI],
  [EBX, EDI],
  [EBP, ESI],
  [EBP, EDI],
  [ESI],
  [EDI],
  [EBP],
  [EBX],
];

function memory16(p: Builder, bytes: number, access: Access): MemoryOperand {
  const segment = override(p, access);
  const rm = p.r.below(8);
  const parts = FORMS16[rm]!;
  const known = parts.every((i) => p.known[i] !== undefined);
  const aimed = LOW + (p.r.once(8) ? 0x1000 - p.r.below(bytes + 1) : 0x7e0 + p.r.below(0x40));
  if (!known || p.r.once(4)) {
    return { kind: 'memory', modrm: 6, tail: bytes16(aimed), address16: true, segment, address: aimed };
  }
  const sum = parts.reduce((a, i) => a + (p.known[i]! & 0xffff), 0);
  const byte = p.r.between(-128, 127);
  const wrapped = (d: number): number => (sum + d) & 0xffff;
  const fits = (d: number): boolean => access === 'none' || writable(wrapped(d), bytes);
  let mod = 2;
  let displacement = aimed - sum;
  if (rm !== 6 && p.r.once(2) && fits(0)) {
    mod = 0;
    displacement = 0;
  } else if (p.r.once(2) && fits(byte)) {
    mod = 1;
    displacement = byte;
  }
  const tail = mod === 0 ? [] : mod === 1 ? [byte & 0xff] : bytes16(displacement & 0xffff);
  return { kind: 'memory', modrm: (mod << 6) | rm, tail, address16: true, segment, address: wrapped(displacement) };
}

/**
 * Whether a bus lock for `o` stays within a cache line. One that splits is legal IA-32, but processors raise #DB or #AC for it and
 * kernels and hypervisors slow its whole machine down (SDM Vol. 3A, "Detecting and Raising Bus Locks"): never generated.
 */
export function lockable(o: Operand, bytes: number, bias = 0): boolean {
  return o.kind === 'memory' && o.address !== undefined && ((o.address + bias) & 63) + bytes <= 64;
}

/** An r/m operand to read. */
export function rmSource(p: Builder, s: Size): Operand {
  return p.r.once(2) ? register(source(p)) : memory(p, s, 'read');
}

/** An r/m operand to write, or to read and write; the register is not yet clobbered. */
export function rmDestination(p: Builder, s: Size): Operand {
  return p.r.once(2) ? register(destination(p, s)) : memory(p, s, 'write');
}

/** Forgets the register that an r/m destination names. */
export function clobbered(p: Builder, o: Operand, s: Size): void {
  if (o.kind === 'register') p.clobber(o.index, s);
}

/** "r" or "m", for the names of forms. */
export function shape(o: Operand): string {
  return o.kind === 'register' ? 'r' : o.address16 ? 'm16' : 'm';
}

/** Emits MOV r32, imm32. */
export function loadRegister(p: Builder, index: number, value: number): void {
  p.begin('mov r32,imm');
  p.emit(0xb8 + index, ...bytes32(value));
  p.known[index] = value >>> 0;
}
