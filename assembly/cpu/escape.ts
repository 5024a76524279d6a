/**
 * Between the decoder and the floating-point unit: how ESC and SIMD instructions are packed into a µop, what memory they
 * access, and their hand-over to assembly/fpu.
 *
 *   ESC    31      27       16  15  14    12  11    10    8 7      0
 *         ┌─────────┬──────────┬───┬────────┬──────┬───────┬───────┐
 *         │    –    │  offset  │ – │ segment│ wide │ D8+n  │ ModRM │   offset: of the instruction in its page
 *         └─────────┴──────────┴───┴────────┴──────┴───────┴───────┘
 *   SIMD   31        24 23     16 15      8 7      0
 *         ┌────────────┬─────────┬─────────┬───────┐
 *         │   prefix   │  imm8   │ opcode  │ ModRM │   prefix: 0, 66H, F2H, F3H
 *         └────────────┴─────────┴─────────┴───────┘
 */
import { sse } from '../fpu/sse';
import { x87, x87Available } from '../fpu/x87';
import { VCPU_EIP, VCPU_EIP_PAGE, VCPU_FPU_SEGMENT } from '../layout';
import { faulted } from '../record';
import { stackTop } from './push';

const ESCAPE: u32 = 0xd8;
/** Marks an operand that is written, beside its size in bytes. */
export const OPERAND_WRITTEN: u32 = 1 << 16;

// What UOP_AHEAD looks at
export const AHEAD_FPU: u32 = 0; // #NM and #MF of an ESC instruction, packed as below
export const AHEAD_POP: u32 = 1; // the source of POP to memory, of so many bytes

/** False: what comes before the faults of the operand's segment has faulted. */
export function ahead(s: usize, kind: u32, value: u32): bool {
  if (kind == AHEAD_FPU) return x87Available(s, ESCAPE | ((value >>> 8) & 7), value & 0xff);
  stackTop(s, value);
  return !faulted(s);
}

export function packEscape(opcode: u32, modrm: u32, wide: bool, segmentIndex: u32, offset: u32): u32 {
  return modrm | ((opcode & 7) << 8) | ((wide ? 1 : 0) << 11) | (segmentIndex << 12) | (offset << 16);
}

export function packSimd(prefix: u32, opcode: u32, modrm: u32, imm: u32): u32 {
  return modrm | (opcode << 8) | (imm << 16) | (prefix << 24);
}

/** Bytes of the memory operand of an ESC instruction, with OPERAND_WRITTEN. SDM Vol. 2D, Tables, "Escape Opcodes". */
export function escapeOperand(opcode: u32, modrm: u32, wide: bool): u32 {
  const reg = (modrm >>> 3) & 7;
  const stores = (opcode & 1) != 0 && opcode != 0xdb && reg != 0 && reg != 1 && reg != 4 && reg != 5;
  const written = stores ? OPERAND_WRITTEN : 0;
  switch (opcode) {
    case 0xd9:
      if (reg < 4) return 4 | written;
      return reg & 1 ? 2 | written : (wide ? 28 : 14) | written; // control word, environment
    case 0xdb:
      if (reg < 4) return 4 | (reg ? OPERAND_WRITTEN : 0);
      return reg == 7 ? 10 | OPERAND_WRITTEN : 10;
    case 0xdc:
      return 8;
    case 0xdd:
      if (reg < 4) return 8 | (reg ? OPERAND_WRITTEN : 0);
      return reg == 7 ? 2 | OPERAND_WRITTEN : (wide ? 108 : 94) | written; // status word, state
    case 0xde:
      return 2;
    case 0xdf:
      if (reg < 4) return 2 | (reg ? OPERAND_WRITTEN : 0);
      return (reg & 1 ? 8 : 10) | (reg > 5 ? OPERAND_WRITTEN : 0);
    default:
      return 4; // D8, DA
  }
}

/** Bytes of the memory operand of a SIMD instruction, with OPERAND_WRITTEN. SDM Vol. 2D, Table A-3, "Two-byte Opcode Map". */
export function simdOperand(prefix: u32, opcode: u32, modrm: u32): u32 {
  const scalar: u32 = prefix == 0xf2 ? 8 : prefix == 0xf3 ? 4 : 16;
  const vector: u32 = prefix ? 16 : 8; // MMX or XMM
  switch (opcode) {
    case 0x10:
    case 0x51:
    case 0x52:
    case 0x53:
    case 0x58:
    case 0x59:
    case 0x5c:
    case 0x5d:
    case 0x5e:
    case 0x5f:
    case 0xc2:
      return scalar;
    case 0x11:
      return scalar | OPERAND_WRITTEN;
    case 0x12:
    case 0x16:
      return 8;
    case 0x13:
    case 0x17:
    case 0xd6:
      return 8 | OPERAND_WRITTEN;
    case 0x14:
    case 0x15:
    case 0x28:
    case 0x54:
    case 0x55:
    case 0x56:
    case 0x57:
    case 0x5b:
    case 0xc6:
      return 16;
    case 0x29:
    case 0x2b:
      return 16 | OPERAND_WRITTEN;
    case 0x2a:
      return prefix & 0x80 ? 4 : 8;
    case 0x2c:
    case 0x2d:
      return prefix == 0 ? 8 : scalar;
    case 0x2e:
    case 0x2f:
      return prefix ? 8 : 4;
    case 0x5a:
      return prefix == 0 ? 8 : scalar;
    case 0x60:
    case 0x61:
    case 0x62:
      return prefix ? 16 : 4;
    case 0x6e:
      return 4;
    case 0x7e:
      return prefix == 0xf3 ? 8 : 4 | OPERAND_WRITTEN;
    case 0x7f:
    case 0xe7:
    case 0xf7:
      return vector | OPERAND_WRITTEN;
    case 0xae:
      return stateOperand((modrm >>> 3) & 7);
    case 0xc3:
      return 4 | OPERAND_WRITTEN;
    case 0xc4:
      return 2;
    case 0xe6:
      return prefix == 0xf3 ? 8 : 16;
    default:
      return vector;
  }
}

/** 0F AE: FXSAVE, FXRSTOR, LDMXCSR, STMXCSR, and CLFLUSH, which touches a byte. */
function stateOperand(reg: u32): u32 {
  if (reg < 2) return 512 | (reg == 0 ? OPERAND_WRITTEN : 0);
  if (reg < 4) return 4 | (reg == 3 ? OPERAND_WRITTEN : 0);
  return 1;
}

/** Executes an ESC instruction. */
export function escapeFpu(s: usize, packed: u32, ea: u32): void {
  // The FPU records where the instruction and its operand are.
  store<u32>(s + VCPU_EIP, load<u32>(s + VCPU_EIP_PAGE) + (packed >>> 16));
  store<u32>(s + VCPU_FPU_SEGMENT, (packed >>> 12) & 7);
  x87(s, ESCAPE | ((packed >>> 8) & 7), packed & 0xff, ea, packed & (1 << 11) ? 4 : 2);
}

/** Executes an MMX, SSE or SSE2 instruction. */
export function simd(s: usize, packed: u32, ea: u32): void {
  sse(s, packed >>> 24, (packed >>> 8) & 0xff, packed & 0xff, ea, (packed >>> 16) & 0xff);
}
