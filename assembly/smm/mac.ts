/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012) as the MAC of a page and as the keyed hash of the counter tree. Additions, XOR and
 * rotations only, hence constant-time. docs/adr/0011 says why this one. Keys are 16 bytes.
 */
import { PAGE_SIZE } from '../layout';

/** The 64-bit tag of `length` bytes at `from`. */
export function sipHash(key: usize, from: usize, length: usize): u64 {
  return sip(key, false, 0, 0, from, length);
}

/** The tag of two words followed by `length` bytes. */
export function sipHash2(key: usize, first: u64, second: u64, from: usize, length: usize): u64 {
  return sip(key, true, first, second, from, length);
}

/** The tag of a page: over frame, counter and ciphertext, so that a page that moved, or is old, does not match. */
export function macPage(key: usize, frame: u32, counter: u64, ciphertext: usize): u64 {
  return sip(key, true, frame as u64, counter, ciphertext, PAGE_SIZE as usize);
}

function word(high: u32, low: u32): u64 {
  return ((high as u64) << 32) | (low as u64);
}

function sip(key: usize, headed: bool, first: u64, second: u64, from: usize, length: usize): u64 {
  const k0 = load<u64>(key);
  const k1 = load<u64>(key, 8);
  let v0 = k0 ^ word(0x736f6d65, 0x70736575);
  let v1 = k1 ^ word(0x646f7261, 0x6e646f6d);
  let v2 = k0 ^ word(0x6c796765, 0x6e657261);
  let v3 = k1 ^ word(0x74656462, 0x79746573);
  const end = from + (length & ~7);
  let last = ((length + (headed ? 16 : 0)) as u64) << 56;
  for (let i: usize = 0; i < (length & 7); i++) last |= (load<u8>(end + i) as u64) << ((i as u64) << 3);
  for (let p = headed ? from - 16 : from; ; p += 8) {
    const word = p >= end ? last : p >= from ? load<u64>(p) : p == from - 16 ? first : second;
    v3 ^= word;
    v0 += v1;
    v2 += v3;
    v1 = rotl<u64>(v1, 13) ^ v0;
    v3 = rotl<u64>(v3, 16) ^ v2;
    v0 = rotl<u64>(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = rotl<u64>(v1, 17) ^ v2;
    v3 = rotl<u64>(v3, 21) ^ v0;
    v2 = rotl<u64>(v2, 32);
    v0 += v1;
    v2 += v3;
    v1 = rotl<u64>(v1, 13) ^ v0;
    v3 = rotl<u64>(v3, 16) ^ v2;
    v0 = rotl<u64>(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = rotl<u64>(v1, 17) ^ v2;
    v3 = rotl<u64>(v3, 21) ^ v0;
    v2 = rotl<u64>(v2, 32);
    v0 ^= word;
    if (p >= end) break;
  }
  v2 ^= 0xff;
  for (let round = 0; round < 4; round++) {
    v0 += v1;
    v2 += v3;
    v1 = rotl<u64>(v1, 13) ^ v0;
    v3 = rotl<u64>(v3, 16) ^ v2;
    v0 = rotl<u64>(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = rotl<u64>(v1, 17) ^ v2;
    v3 = rotl<u64>(v3, 21) ^ v0;
    v2 = rotl<u64>(v2, 32);
  }
  return v0 ^ v1 ^ v2 ^ v3;
}
