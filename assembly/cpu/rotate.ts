/** Rotates and double shifts. Intel SDM Vol. 2B, "RCL/RCR/ROL/ROR", "SHLD", "SHRD". Counts are already masked to 5 bits. */
import { flagC } from './flags';
import { flagsCarryOverflow, flagsShift16, flagsShift32 } from './lazy';

export function rotl8(value: u32, n: u32): u32 {
  const k = n & 7;
  return ((value << k) | (value >>> (8 - k))) & 0xff;
}
export function rotl16(value: u32, n: u32): u32 {
  const k = n & 15;
  return ((value << k) | (value >>> (16 - k))) & 0xffff;
}
export function rotl32(value: u32, n: u32): u32 {
  return rotl<u32>(value, n);
}
export function rotr8(value: u32, n: u32): u32 {
  return rotl8(value, 8 - (n & 7));
}
export function rotr16(value: u32, n: u32): u32 {
  return rotl16(value, 16 - (n & 15));
}
export function rotr32(value: u32, n: u32): u32 {
  return rotr<u32>(value, n);
}

/** Rotates the (bits + 1)-bit quantity CF:value left by k in 0 … bits, setting CF and OF. */
function throughCarry(s: usize, value: u32, k: u32, bits: u32, left: bool): u32 {
  const wide = (value as u64) | ((flagC(s) as u64) << bits);
  const turn = left ? k : bits + 1 - k;
  const turned = (wide << turn) | (wide >>> (bits + 1 - turn));
  const r = (turned & (((1 as u64) << bits) - 1)) as u32;
  const carry = ((turned >>> bits) & 1) as u32;
  const top = (r >>> (bits - 1)) & 1;
  flagsCarryOverflow(s, carry, left ? top ^ carry : top ^ ((r >>> (bits - 2)) & 1));
  return r;
}
export function rcl8(s: usize, value: u32, n: u32): u32 {
  return n % 9 == 0 ? value : throughCarry(s, value, n % 9, 8, true);
}
export function rcl16(s: usize, value: u32, n: u32): u32 {
  return n % 17 == 0 ? value : throughCarry(s, value, n % 17, 16, true);
}
export function rcl32(s: usize, value: u32, n: u32): u32 {
  return n == 0 ? value : throughCarry(s, value, n, 32, true);
}
export function rcr8(s: usize, value: u32, n: u32): u32 {
  return n % 9 == 0 ? value : throughCarry(s, value, n % 9, 8, false);
}
export function rcr16(s: usize, value: u32, n: u32): u32 {
  return n % 17 == 0 ? value : throughCarry(s, value, n % 17, 16, false);
}
export function rcr32(s: usize, value: u32, n: u32): u32 {
  return n == 0 ? value : throughCarry(s, value, n, 32, false);
}

export function shld32(s: usize, dst: u32, src: u32, n: u32): u32 {
  if (n == 0) return dst;
  const r = (dst << n) | (src >>> (32 - n));
  flagsShift32(s, r, (dst >>> (32 - n)) & 1, (dst ^ r) >>> 31);
  return r;
}
export function shrd32(s: usize, dst: u32, src: u32, n: u32): u32 {
  if (n == 0) return dst;
  const r = (dst >>> n) | (src << (32 - n));
  flagsShift32(s, r, (dst >>> (n - 1)) & 1, (dst ^ r) >>> 31);
  return r;
}
/** For counts above 16 result and flags are undefined; here dst:src:dst is shifted, as processors do. */
export function shld16(s: usize, dst: u32, src: u32, n: u32): u32 {
  if (n == 0) return dst;
  const wide = ((dst as u64) << 32) | ((src as u64) << 16) | (dst as u64);
  const r = ((wide >>> (32 - n)) & 0xffff) as u32;
  flagsShift16(s, r, ((wide >>> (48 - n)) & 1) as u32, (dst ^ r) >>> 15);
  return r;
}
export function shrd16(s: usize, dst: u32, src: u32, n: u32): u32 {
  if (n == 0) return dst;
  const wide = ((dst as u64) << 32) | ((src as u64) << 16) | (dst as u64);
  const r = ((wide >>> n) & 0xffff) as u32;
  flagsShift16(s, r, ((wide >>> (n - 1)) & 1) as u32, (dst ^ r) >>> 15);
  return r;
}
