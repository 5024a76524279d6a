/**
 * From bytes to µops, driven by the decode tables that src/isa/table.ts becomes (generated/rom.ts).
 *
 *   row (16 bytes)  { field a, field b, immediate, flags, µop by [memory form][operand size], group }
 *
 * Intel SDM Vol. 2A, Chapter 2, "Instruction Format".
 */

import {
  ATTRIBUTE_CONDITION,
  ATTRIBUTE_JCC,
  ATTRIBUTE_NEAR,
  ATTRIBUTE_STACK,
  ATTRIBUTE_WIDTH,
  ATTRIBUTE_WRITES,
  FIELD_BYTE,
  FIELD_OPCODE,
  FIELD_RAW,
  FIELD_REG,
  FIELD_RM,
  FUSED_ORDER,
  IMMEDIATE_BYTE,
  IMMEDIATE_ENTER,
  IMMEDIATE_ESCAPE,
  IMMEDIATE_FAR,
  IMMEDIATE_FULL,
  IMMEDIATE_MODRM,
  IMMEDIATE_OFFSET,
  IMMEDIATE_ONE,
  IMMEDIATE_REL_BYTE,
  IMMEDIATE_REL_FULL,
  IMMEDIATE_SIGNED,
  IMMEDIATE_SIMD,
  IMMEDIATE_SIMD_BYTE,
  IMMEDIATE_STRING,
  IMMEDIATE_WORD,
  IMMEDIATE_XLAT,
  ROM_ATTRIBUTES,
  ROM_FUSED,
  ROM_GENERIC,
  ROM_INDEXLESS,
  ROM_ROWS,
  ROW_GROUPED,
  ROW_LOCKABLE,
  ROW_MODRM,
  ROW_NO_ACCESS,
  ROW_REGISTER_ONLY,
} from '../generated/rom';
import { VCPU_EBX, VCPU_EDI, VCPU_T0, VCPU_T1, VCPU_ZERO } from '../layout';
import { AHEAD_FPU, AHEAD_POP, escapeOperand, packEscape, packSimd, simdOperand } from './escape';
import { MODE_CODE32, MODE_FLAT_CODE, MODE_FLAT_DATA, MODE_STACK32 } from './mode';
import {
  BLOCK_EXCHANGED,
  BLOCK_TARGET0,
  BLOCK_TARGET1,
  UOP_A,
  UOP_ADDRESS16,
  UOP_AHEAD,
  UOP_AL,
  UOP_B,
  UOP_BASE,
  UOP_DISP,
  UOP_IMM,
  UOP_INDEX,
  UOP_LENGTH,
  UOP_SCALE,
  UOP_SEGMENT,
  UOP_SIZE,
  UOP_TOO_LONG,
} from './uops';

// Where a row keeps what; the codes in it are numbered by src/isa/uops.ts.
const ROW_B: usize = 1;
const ROW_IMMEDIATE: usize = 2;
const ROW_FLAGS: usize = 3;
const ROW_UOPS: usize = 4;
const ROW_GROUP: usize = 12;
const ROW_SIZE: usize = 16;

export const INSTRUCTION_LIMIT: u32 = 15; // bytes
const MASKMOV: u32 = 0xf7;
const DS_INDEX: u32 = 3;
const SS_INDEX: u32 = 2;

/** Byte offset of a register in the vCPU. */
function register(field: u32, modrm: u32, opcode: u32): u32 {
  const source = field & 7;
  let n: u32 = 0;
  if (source == FIELD_REG) n = (modrm >>> 3) & 7;
  else if (source == FIELD_RM) n = modrm & 7;
  else if (source == FIELD_OPCODE) n = opcode & 7;
  else if (source == FIELD_RAW) return (modrm >>> 3) & 7;
  return field & FIELD_BYTE ? ((n & 3) << 2) | (n >>> 2) : n << 2;
}

/** Attributes of a µop. */
export function attributesOf(op: u32): u32 {
  return load<u32>(ROM_ATTRIBUTES + ((op as usize) << 2));
}

/**
 * Decodes the instruction at `code` into µops from `u` on and returns length | bytes of µops << 8. Reads at most 32 bytes;
 * the caller refuses a result longer than the bytes that are really there. `offset` is the instruction's place in its page;
 * a branch leaves its targets in `blk`.
 */
export function decodeInstruction(blk: usize, u: usize, code: usize, offset: u32, mode: u32): u32 {
  const wide: u32 = mode & MODE_CODE32 ? 4 : 2;
  let p = code;
  let size = wide;
  let addressSize = wide;
  let prefixSegment: i32 = -1;
  let lock = false;
  let operandPrefix: u32 = 0;
  let repeat: u32 = 0;
  let opcode: u32 = 0;
  for (;;) {
    opcode = load<u8>(p++);
    if (p - code > (INSTRUCTION_LIMIT as usize)) return tooLong(u);
    if (opcode == 0x66) {
      size = 6 - wide;
      operandPrefix = 0x66;
    } else if (opcode == 0x67) addressSize = 6 - wide;
    else if (opcode == 0xf0) lock = true;
    else if (opcode == 0xf2) repeat = 2;
    else if (opcode == 0xf3) repeat = 1;
    else if (opcode == 0x64 || opcode == 0x65) prefixSegment = (opcode - 0x60) as i32;
    else if ((opcode & 0xe7) == 0x26) prefixSegment = ((opcode >>> 3) & 3) as i32;
    else break;
  }
  // F2 and F3 win over 66 as mandatory prefixes.
  const mandatory: u32 = repeat == 2 ? 0xf2 : repeat == 1 ? 0xf3 : operandPrefix;
  let index = opcode;
  if (opcode == 0x0f) {
    opcode = load<u8>(p++);
    index = 256 + opcode;
  }
  let row = ROM_ROWS + (index as usize) * ROW_SIZE;
  let flags: u32 = load<u8>(row, ROW_FLAGS);
  const modrm: u32 = flags & ROW_MODRM ? (load<u8>(p) as u32) : 0;
  if (flags & ROW_GROUPED) {
    row = ROM_ROWS + ((load<u16>(row, ROW_GROUP) as usize) + ((modrm >>> 3) & 7)) * ROW_SIZE;
    flags = load<u8>(row, ROW_FLAGS) | ROW_MODRM;
  }
  const immediate: u32 = load<u8>(row, ROW_IMMEDIATE);
  const memory = (flags & ROW_MODRM) != 0 && modrm < 0xc0 && !(flags & ROW_REGISTER_ONLY);
  let op: u32 = load<u16>(row + ROW_UOPS + ((memory ? 4 : 0) + (size == 4 ? 2 : 0)));
  const attributes = attributesOf(op);

  // ── Memory operand ──
  let base: u32 = VCPU_ZERO as u32;
  let indexRegister: u32 = VCPU_ZERO as u32;
  let scale: u32 = 0;
  let disp: u32 = 0;
  let segmentIndex: u32 = DS_INDEX;
  let addressed = false;
  if (flags & ROW_MODRM) p++;
  if (memory) {
    addressed = true;
    const mod = modrm >>> 6;
    const rm = modrm & 7;
    if (addressSize == 4) {
      base = rm << 2;
      if (rm == 4) {
        const sib: u32 = load<u8>(p++);
        base = (sib & 7) << 2;
        if (((sib >>> 3) & 7) != 4) {
          indexRegister = ((sib >>> 3) & 7) << 2;
          scale = sib >>> 6;
        }
      }
      if (base == 16 || (base == 20 && mod != 0)) segmentIndex = SS_INDEX;
      if (mod == 1) disp = load<i8>(p++) as u32;
      else if (mod == 2 || (base == 20 && mod == 0)) {
        if (mod == 0) base = VCPU_ZERO as u32;
        disp = load<u32>(p);
        p += 4;
      }
    } else {
      if (mod == 0 && rm == 6) {
        disp = load<u16>(p);
        p += 2;
      } else {
        base = rm == 4 ? 24 : rm == 5 ? 28 : rm == 2 || rm == 3 || rm == 6 ? 20 : 12;
        if (rm < 4) indexRegister = rm & 1 ? 28 : 24;
        if (base == 20) segmentIndex = SS_INDEX;
        if (mod == 1) disp = load<i8>(p++) as u32;
        else if (mod == 2) {
          disp = load<i16>(p) as u32;
          p += 2;
        }
      }
    }
  } else if (immediate == IMMEDIATE_OFFSET) {
    addressed = true;
    disp = addressSize == 4 ? load<u32>(p) : (load<u16>(p) as u32);
    p += addressSize as usize;
  } else if (immediate == IMMEDIATE_XLAT) {
    addressed = true;
    base = VCPU_EBX as u32;
    indexRegister = VCPU_T1 as u32;
  }
  const simd = immediate == IMMEDIATE_SIMD || immediate == IMMEDIATE_SIMD_BYTE;
  if (simd && opcode == MASKMOV && !memory) {
    // MASKMOVQ and MASKMOVDQU store at DS:EDI, which ModRM does not tell.
    addressed = true;
    base = VCPU_EDI as u32;
  }
  if (prefixSegment >= 0) segmentIndex = prefixSegment as u32;

  // ── Immediate ──
  let imm: u32 = 0;
  let relative: u32 = 0;
  switch (immediate) {
    case IMMEDIATE_BYTE:
      imm = load<u8>(p++);
      break;
    case IMMEDIATE_SIGNED:
      imm = load<i8>(p++) as u32;
      break;
    case IMMEDIATE_FULL:
      imm = size == 4 ? load<u32>(p) : (load<u16>(p) as u32);
      p += size as usize;
      break;
    case IMMEDIATE_WORD:
      imm = load<u16>(p);
      p += 2;
      break;
    case IMMEDIATE_FAR:
      disp = size == 4 ? load<u32>(p) : (load<u16>(p) as u32);
      imm = load<u16>(p + (size as usize));
      p += (size as usize) + 2;
      break;
    case IMMEDIATE_ENTER:
      imm = (load<u16>(p) as u32) | ((load<u8>(p + 2) as u32) << 16);
      p += 3;
      break;
    case IMMEDIATE_ONE:
      imm = 1;
      break;
    case IMMEDIATE_REL_BYTE:
      relative = load<i8>(p++) as u32;
      imm = addressSize;
      break;
    case IMMEDIATE_REL_FULL:
      relative = size == 4 ? load<u32>(p) : (load<i16>(p) as u32);
      p += size as usize;
      break;
    case IMMEDIATE_MODRM:
      imm = modrm | (opcode << 8) | (size << 16);
      break;
    case IMMEDIATE_ESCAPE:
      imm = packEscape(opcode, modrm, size == 4, segmentIndex, offset);
      break;
    case IMMEDIATE_SIMD:
      imm = packSimd(mandatory, opcode, modrm, 0);
      break;
    case IMMEDIATE_SIMD_BYTE:
      imm = packSimd(mandatory, opcode, modrm, load<u8>(p++));
      break;
    case IMMEDIATE_STRING:
      imm = repeat | (addressSize << 4);
      break;
    default:
      break;
  }
  const length = (p - code) as u32;
  if (length > INSTRUCTION_LIMIT) return tooLong(u);
  // LOCK is legal on memory destinations of the instructions that SDM Vol. 2A, "LOCK", lists; else #UD.
  if (lock && !(memory && flags & ROW_LOCKABLE)) op = 0;

  // ── Address µops ──
  let at = u;
  const flat = mode & MODE_FLAT_DATA && (segmentIndex == DS_INDEX || segmentIndex == SS_INDEX || segmentIndex == 0);
  const checks = addressed && op != 0 && !flat && !(flags & ROW_NO_ACCESS);
  // POP to memory: its source is read, and addresses count with ESP already incremented: SDM Vol. 2B, "POP".
  const pops = opcode == 0x8f && index == 0x8f;
  if (checks && immediate == IMMEDIATE_ESCAPE) at = putUop(at, UOP_AHEAD, AHEAD_FPU, 0, 0, 0, 0, imm);
  if (checks && pops) at = putUop(at, UOP_AHEAD, AHEAD_POP, 0, 0, 0, 0, size);
  if (immediate == IMMEDIATE_XLAT) at = putUop(at, UOP_AL, 0, 0, 0, 0, 0, 0);
  if (addressed && op) {
    if (addressSize == 2) {
      at = putUop(at, UOP_ADDRESS16, 0, base, indexRegister, scale, disp, 0);
      base = VCPU_T0 as u32;
      indexRegister = VCPU_ZERO as u32;
      scale = 0;
      disp = 0;
    }
    if (pops && base == 16 && addressSize == 4) disp += size;
    if (checks) {
      let access = ((attributes >>> ATTRIBUTE_WIDTH) & 15) | (((attributes >>> ATTRIBUTE_WRITES) & 1) << 16);
      if (immediate == IMMEDIATE_ESCAPE) access = escapeOperand(opcode, modrm, size == 4);
      else if (simd) access = simdOperand(mandatory, opcode, modrm);
      at = putUop(at, UOP_SEGMENT, segmentIndex, base, indexRegister, scale, disp, access);
      base = VCPU_T0 as u32;
      indexRegister = VCPU_ZERO as u32;
      scale = 0;
      disp = 0;
    }
  }

  // ── The instruction's own µop ──
  if (immediate == IMMEDIATE_REL_BYTE || immediate == IMMEDIATE_REL_FULL) {
    const target = offset + length + relative;
    const negated = (attributes >>> ATTRIBUTE_JCC) & 1 & opcode;
    store<u32>(blk, negated ? offset + length : target, BLOCK_TARGET0);
    store<u32>(blk, negated ? target : offset + length, BLOCK_TARGET1);
    store<u32>(blk, negated, BLOCK_EXCHANGED);
  }
  const flatStack = (mode & (MODE_STACK32 | MODE_FLAT_DATA)) == (MODE_STACK32 | MODE_FLAT_DATA);
  if (
    ((attributes >>> ATTRIBUTE_STACK) & 1 && !flatStack) ||
    ((attributes >>> ATTRIBUTE_NEAR) & 1 && (!(mode & MODE_FLAT_CODE) || size == 2))
  ) {
    const generic = load<u16>(ROM_GENERIC + ((op as usize) << 1));
    if (generic && op) op = generic;
  }
  if (addressed && indexRegister == (VCPU_ZERO as u32)) {
    const indexless = load<u16>(ROM_INDEXLESS + ((op as usize) << 1));
    if (indexless) op = indexless;
  }
  store<u16>(at, op as u16);
  store<u8>(at, register(load<u8>(row), modrm, opcode) as u8, UOP_A);
  store<u8>(
    at,
    (immediate == IMMEDIATE_STRING ? segmentIndex : register(load<u8>(row, ROW_B), modrm, opcode)) as u8,
    UOP_B,
  );
  store<u8>(at, base as u8, UOP_BASE);
  store<u8>(at, indexRegister as u8, UOP_INDEX);
  store<u8>(at, scale as u8, UOP_SCALE);
  store<u8>(at, length as u8, UOP_LENGTH);
  store<u32>(at, disp, UOP_DISP);
  store<u32>(at, imm, UOP_IMM);
  return length | (((at + UOP_SIZE - u) as u32) << 8);
}

function putUop(at: usize, op: u32, b: u32, base: u32, index: u32, scale: u32, disp: u32, imm: u32): usize {
  store<u16>(at, op as u16);
  store<u8>(at, 0, UOP_A);
  store<u8>(at, b as u8, UOP_B);
  store<u8>(at, base as u8, UOP_BASE);
  store<u8>(at, index as u8, UOP_INDEX);
  store<u8>(at, scale as u8, UOP_SCALE);
  store<u8>(at, 0, UOP_LENGTH);
  store<u32>(at, disp, UOP_DISP);
  store<u32>(at, imm, UOP_IMM);
  return at + UOP_SIZE;
}

function tooLong(u: usize): u32 {
  putUop(u, UOP_TOO_LONG, 0, 0, 0, 0, 0, 0);
  store<u8>(u, INSTRUCTION_LIMIT as u8, UOP_LENGTH);
  return INSTRUCTION_LIMIT | ((UOP_SIZE as u32) << 8);
}

/** The compare at `previous` merged with the Jcc at `u`, or 0 where they do not merge. */
export function fused(previous: usize, u: usize): u32 {
  const attributes = attributesOf(load<u16>(u));
  if (!((attributes >>> ATTRIBUTE_JCC) & 1)) return 0;
  // A generic Jcc cuts its target to 16 bits or checks the limit of CS.
  if (!load<u16>(ROM_GENERIC + ((load<u16>(u) as usize) << 1))) return 0;
  const first: u32 = load<u16>(ROM_FUSED + ((load<u16>(previous) as usize) << 1));
  if (!first) return 0;
  const condition: u64 = (attributes >>> ATTRIBUTE_CONDITION) & 14;
  const order = ((FUSED_ORDER >>> (condition << 1)) & 15) as u32;
  return order == 15 ? 0 : first + order;
}
