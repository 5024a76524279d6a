/**
 * What arithmetic leaves in the lazy flags (layout in ./flags.ts). Operands are zero-extended to 32 bits; `r` may carry
 * rubbish above its width. A carry vector holds the carry (or borrow) out of every bit position:
 *
 *   addition      (a & b) | ((a | b) & ~r)          subtraction   (~a & b) | (~(a ^ b) & r)
 */
import { VCPU_FLAG_AUX, VCPU_FLAG_RESULT } from '../layout';
import { AUX_AF, AUX_CARRIES, AUX_CF, AUX_PO } from './flags';

function addCarries(a: u32, b: u32, r: u32): u32 {
  return (a & b) | ((a | b) & ~r);
}
function subCarries(a: u32, b: u32, r: u32): u32 {
  return (~a & b) | (~(a ^ b) & r);
}
function put(s: usize, result: u32, aux: u32): void {
  store<u32>(s + VCPU_FLAG_RESULT, result);
  store<u32>(s + VCPU_FLAG_AUX, aux);
}
/** Sign-extends a byte or word so that bit 31 is its sign. */
function extend8(r: u32): u32 {
  return (((r << 24) as i32) >> 24) as u32;
}
function extend16(r: u32): u32 {
  return (((r << 16) as i32) >> 16) as u32;
}
function align8(c: u32): u32 {
  return ((c << 24) & (AUX_CF | AUX_PO)) | (c & AUX_AF);
}
function align16(c: u32): u32 {
  return ((c << 16) & (AUX_CF | AUX_PO)) | (c & AUX_AF);
}

export function flagsAdd32(s: usize, a: u32, b: u32, r: u32): void {
  put(s, r, addCarries(a, b, r) & AUX_CARRIES);
}
export function flagsAdd16(s: usize, a: u32, b: u32, r: u32): void {
  put(s, extend16(r), align16(addCarries(a, b, r)));
}
export function flagsAdd8(s: usize, a: u32, b: u32, r: u32): void {
  put(s, extend8(r), align8(addCarries(a, b, r)));
}
export function flagsSub32(s: usize, a: u32, b: u32, r: u32): void {
  put(s, r, subCarries(a, b, r) & AUX_CARRIES);
}
export function flagsSub16(s: usize, a: u32, b: u32, r: u32): void {
  put(s, extend16(r), align16(subCarries(a, b, r)));
}
export function flagsSub8(s: usize, a: u32, b: u32, r: u32): void {
  put(s, extend8(r), align8(subCarries(a, b, r)));
}

/** INC and DEC keep CF: OF is what the carries say, and CF ^ OF is rebuilt from the old CF. */
function keepCarry(s: usize, aux: u32): u32 {
  const old = load<u32>(s + VCPU_FLAG_AUX) & AUX_CF;
  const overflow = (aux ^ (aux << 1)) & AUX_CF;
  return old | ((old ^ overflow) >>> 1) | (aux & AUX_AF);
}
export function flagsInc32(s: usize, a: u32, r: u32): void {
  put(s, r, keepCarry(s, addCarries(a, 1, r)));
}
export function flagsInc16(s: usize, a: u32, r: u32): void {
  put(s, extend16(r), keepCarry(s, align16(addCarries(a, 1, r))));
}
export function flagsInc8(s: usize, a: u32, r: u32): void {
  put(s, extend8(r), keepCarry(s, align8(addCarries(a, 1, r))));
}
export function flagsDec32(s: usize, a: u32, r: u32): void {
  put(s, r, keepCarry(s, subCarries(a, 1, r)));
}
export function flagsDec16(s: usize, a: u32, r: u32): void {
  put(s, extend16(r), keepCarry(s, align16(subCarries(a, 1, r))));
}
export function flagsDec8(s: usize, a: u32, r: u32): void {
  put(s, extend8(r), keepCarry(s, align8(subCarries(a, 1, r))));
}

export function flagsLogic32(s: usize, r: u32): void {
  put(s, r, 0);
}
export function flagsLogic16(s: usize, r: u32): void {
  put(s, extend16(r), 0);
}
export function flagsLogic8(s: usize, r: u32): void {
  put(s, extend8(r), 0);
}

/** Shifts and multiplications: CF and OF given, AF cleared (architecturally undefined). */
export function flagsShift32(s: usize, r: u32, carry: u32, overflow: u32): void {
  put(s, r, (carry << 31) | (((carry ^ overflow) & 1) << 30));
}
export function flagsShift16(s: usize, r: u32, carry: u32, overflow: u32): void {
  flagsShift32(s, extend16(r), carry, overflow);
}
export function flagsShift8(s: usize, r: u32, carry: u32, overflow: u32): void {
  flagsShift32(s, extend8(r), carry, overflow);
}

/** Rotates: CF and OF change, the others stay. */
export function flagsCarryOverflow(s: usize, carry: u32, overflow: u32): void {
  const rest = load<u32>(s + VCPU_FLAG_AUX) & ~(AUX_CF | AUX_PO);
  store<u32>(s + VCPU_FLAG_AUX, rest | (carry << 31) | (((carry ^ overflow) & 1) << 30));
}

/** CF alone; OF stays, so CF ^ OF follows. */
export function flagsCarry(s: usize, carry: u32): void {
  const aux = load<u32>(s + VCPU_FLAG_AUX);
  const changed = (aux ^ (carry << 31)) & AUX_CF;
  store<u32>(s + VCPU_FLAG_AUX, aux ^ changed ^ (changed >>> 1));
}
