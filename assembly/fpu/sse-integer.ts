/**
 * Packed integer arithmetic on MMX and XMM registers. An MMX operand is the low half of a vector whose high half is 0;
 * all operations but packing and unpacking work lane by lane, so the low half is right whatever the width.
 */
import { VCPU_EAX } from '../layout';
import {
  enterMmx,
  enterXmm,
  isRegister,
  loadPart,
  loadXmm,
  mmx,
  P_66,
  P_NONE,
  regField,
  setMmx,
  touchMmx,
  xmm,
} from './sse-state';
import { fpu, X_OPERAND } from './state';

/** Both low halves in one vector: what the 64-bit forms of PACK work on. */
function join(a: v128, b: v128): v128 {
  return v128.shuffle<u64>(a, b, 0, 2);
}

/** The high half moved down: what the 64-bit forms of PUNPCKH deliver. */
function high(a: v128): v128 {
  return v128.shuffle<u64>(a, a, 1, 1);
}

/** 0 … n−1 shift by n or more: clears (logical) or fills with the sign (arithmetic). */
function shift(opcode: u32, a: v128, by: u64): v128 {
  const n = by > 64 ? 64 : (by as i32);
  switch (opcode) {
    case 0xd1:
      return n > 15 ? i64x2.splat(0) : i16x8.shr_u(a, n);
    case 0xd2:
      return n > 31 ? i64x2.splat(0) : i32x4.shr_u(a, n);
    case 0xd3:
      return n > 63 ? i64x2.splat(0) : i64x2.shr_u(a, n);
    case 0xe1:
      return i16x8.shr_s(a, n > 15 ? 15 : n);
    case 0xe2:
      return i32x4.shr_s(a, n > 31 ? 31 : n);
    case 0xf1:
      return n > 15 ? i64x2.splat(0) : i16x8.shl(a, n);
    case 0xf2:
      return n > 31 ? i64x2.splat(0) : i32x4.shl(a, n);
    default:
      return n > 63 ? i64x2.splat(0) : i64x2.shl(a, n);
  }
}

/** PSADBW: sums of absolute differences of each group of eight bytes. */
function sumOfDifferences(a: v128, b: v128): v128 {
  const difference = v128.or(i8x16.sub_sat_u(a, b), i8x16.sub_sat_u(b, a));
  const sums = i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(difference));
  const halves = i64x2.add(v128.and(sums, i64x2.splat(0xffffffff)), i64x2.shr_u(sums, 32));
  return halves;
}

function multiplyHighWords(low: v128, highPart: v128): v128 {
  return v128.shuffle<u16>(low, highPart, 1, 3, 5, 7, 9, 11, 13, 15);
}

/** a op b. `narrow`: MMX. Opcodes that are no packed operation never come here. */
function combine(opcode: u32, a: v128, b: v128, narrow: bool): v128 {
  switch (opcode) {
    case 0x60:
      return v128.shuffle<u8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    case 0x61:
      return v128.shuffle<u16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
    case 0x62:
      return v128.shuffle<u32>(a, b, 0, 4, 1, 5);
    case 0x63:
      return narrow ? i8x16.narrow_i16x8_s(join(a, b), a) : i8x16.narrow_i16x8_s(a, b);
    case 0x64:
      return i8x16.gt_s(a, b);
    case 0x65:
      return i16x8.gt_s(a, b);
    case 0x66:
      return i32x4.gt_s(a, b);
    case 0x67:
      return narrow ? i8x16.narrow_i16x8_u(join(a, b), a) : i8x16.narrow_i16x8_u(a, b);
    case 0x68:
      return narrow ? high(combine(0x60, a, b, false)) : combine(0x60, high(a), high(b), false);
    case 0x69:
      return narrow ? high(combine(0x61, a, b, false)) : combine(0x61, high(a), high(b), false);
    case 0x6a:
      return narrow ? high(combine(0x62, a, b, false)) : combine(0x62, high(a), high(b), false);
    case 0x6b:
      return narrow ? i16x8.narrow_i32x4_s(join(a, b), a) : i16x8.narrow_i32x4_s(a, b);
    case 0x6c:
      return join(a, b);
    case 0x6d:
      return v128.shuffle<u64>(a, b, 1, 3);
    case 0x74:
      return i8x16.eq(a, b);
    case 0x75:
      return i16x8.eq(a, b);
    case 0x76:
      return i32x4.eq(a, b);
    case 0xd4:
      return i64x2.add(a, b);
    case 0xd5:
      return i16x8.mul(a, b);
    case 0xd8:
      return i8x16.sub_sat_u(a, b);
    case 0xd9:
      return i16x8.sub_sat_u(a, b);
    case 0xda:
      return i8x16.min_u(a, b);
    case 0xdb:
      return v128.and(a, b);
    case 0xdc:
      return i8x16.add_sat_u(a, b);
    case 0xdd:
      return i16x8.add_sat_u(a, b);
    case 0xde:
      return i8x16.max_u(a, b);
    case 0xdf:
      return v128.andnot(b, a);
    case 0xe0:
      return i8x16.avgr_u(a, b);
    case 0xe3:
      return i16x8.avgr_u(a, b);
    case 0xe4:
      return multiplyHighWords(i32x4.extmul_low_i16x8_u(a, b), i32x4.extmul_high_i16x8_u(a, b));
    case 0xe5:
      return multiplyHighWords(i32x4.extmul_low_i16x8_s(a, b), i32x4.extmul_high_i16x8_s(a, b));
    case 0xe8:
      return i8x16.sub_sat_s(a, b);
    case 0xe9:
      return i16x8.sub_sat_s(a, b);
    case 0xea:
      return i16x8.min_s(a, b);
    case 0xeb:
      return v128.or(a, b);
    case 0xec:
      return i8x16.add_sat_s(a, b);
    case 0xed:
      return i16x8.add_sat_s(a, b);
    case 0xee:
      return i16x8.max_s(a, b);
    case 0xef:
      return v128.xor(a, b);
    case 0xf4:
      return i64x2.extmul_low_i32x4_u(v128.shuffle<u32>(a, a, 0, 2, 0, 2), v128.shuffle<u32>(b, b, 0, 2, 0, 2));
    case 0xf5:
      return i32x4.dot_i16x8_s(a, b);
    case 0xf6:
      return sumOfDifferences(a, b);
    case 0xf8:
      return i8x16.sub(a, b);
    case 0xf9:
      return i16x8.sub(a, b);
    case 0xfa:
      return i32x4.sub(a, b);
    case 0xfb:
      return i64x2.sub(a, b);
    case 0xfc:
      return i8x16.add(a, b);
    case 0xfd:
      return i16x8.add(a, b);
    case 0xfe:
      return i32x4.add(a, b);
    default:
      return shift(opcode, a, i64x2.extract_lane(b, 0));
  }
}

/** 60 … 6B, 74 … 76, D1 … FE: op mm, mm/m64 and op xmm, xmm/m128; 6C and 6D only the latter. */
export function packedInteger(s: usize, prefix: u32, opcode: u32, modrm: u32, linear: u32): bool {
  const f = fpu(s);
  const n = regField(modrm);
  if (prefix == P_66) {
    if (!enterXmm(s) || !loadXmm(s, f, modrm, linear, false)) return true;
    const d = xmm(f, n);
    v128.store(d, combine(opcode, v128.load(d), v128.load(f, X_OPERAND), false));
    return true;
  }
  if (prefix != P_NONE || opcode == 0x6c || opcode == 0x6d) return false;
  const size: u32 = opcode <= 0x62 ? 4 : 8; // PUNPCKL reads only 32 bits
  if (!enterMmx(s) || !loadPart(s, f, modrm, linear, size, mmx(f, modrm & 7))) return true;
  const a = v128.load64_zero(mmx(f, n));
  setMmx(f, n, i64x2.extract_lane(combine(opcode, a, v128.load(f, X_OPERAND), true), 0));
  return true;
}

/** 71, 72, 73: shifts by an immediate; the reg field is the operation, r/m the register. */
export function shiftImmediate(s: usize, prefix: u32, opcode: u32, modrm: u32, imm: u32): bool {
  const f = fpu(s);
  const n = modrm & 7;
  const operation = regField(modrm);
  const bytes = opcode == 0x73 && (operation == 3 || operation == 7);
  if (!isRegister(modrm) || (prefix != P_66 && (prefix != P_NONE || bytes))) return false;
  if (!bytes && operation != 2 && operation != 6 && (operation != 4 || opcode == 0x73)) return false;
  if (prefix == P_66 ? !enterXmm(s) : !enterMmx(s)) return true;
  if (bytes) {
    shiftBytes(xmm(f, n), imm, operation == 7);
    return true;
  }
  // /2 right logical: D1…, /4 right arithmetic: E1…, /6 left: F1…
  const code = (operation == 2 ? 0xd0 : operation == 4 ? 0xe0 : 0xf0) + (opcode - 0x70);
  if (prefix == P_66) v128.store(xmm(f, n), shift(code, v128.load(xmm(f, n)), imm as u64));
  else setMmx(f, n, i64x2.extract_lane(shift(code, v128.load64_zero(mmx(f, n)), imm as u64), 0));
  return true;
}

/** PSLLDQ, PSRLDQ */
function shiftBytes(p: usize, by: u32, left: bool): void {
  const low = load<u64>(p);
  const upper = load<u64>(p, 8);
  const n = by > 15 ? 16 : by;
  const bits = ((n & 7) << 3) as u64;
  const from: u64 = n == 16 ? 0 : left ? low : upper;
  const other: u64 = left ? upper : low;
  let near: u64 = 0;
  let far: u64 = 0;
  if (n >= 8) far = left ? from << bits : from >>> bits;
  else {
    near = left ? from << bits : from >>> bits;
    far = left ? other << bits : other >>> bits;
    if (bits) far |= left ? from >>> (64 - bits) : from << (64 - bits);
  }
  store<u64>(p, left ? near : far);
  store<u64>(p, left ? far : near, 8);
}

/** C4 PINSRW, C5 PEXTRW, D7 PMOVMSKB */
export function wordAndMask(s: usize, prefix: u32, opcode: u32, modrm: u32, linear: u32, imm: u32): bool {
  const f = fpu(s);
  const wide = prefix == P_66;
  const n = regField(modrm);
  if ((prefix != P_NONE && !wide) || (opcode != 0xc4 && !isRegister(modrm))) return false;
  if (wide ? !enterXmm(s) : !enterMmx(s)) return true;
  const lane = (((wide ? imm & 7 : imm & 3) as usize) << 1) as usize;
  const source = wide ? xmm(f, modrm & 7) : mmx(f, modrm & 7);
  const general = s + VCPU_EAX + ((n as usize) << 2);
  if (opcode == 0xc4) {
    if (!loadPart(s, f, modrm, linear, 2, s + VCPU_EAX + ((modrm & 7) << 2))) return true;
    const word = load<u16>(f, X_OPERAND);
    if (wide) store<u16>(xmm(f, n) + lane, word);
    else {
      setMmx(f, n, load<u64>(mmx(f, n)));
      store<u16>(mmx(f, n) + lane, word);
    }
    return true;
  }
  if (!wide) touchMmx(f);
  if (opcode == 0xc5) store<u32>(general, load<u16>(source + lane));
  else store<u32>(general, i8x16.bitmask(wide ? v128.load(source) : v128.load64_zero(source)));
  return true;
}
