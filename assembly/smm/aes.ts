/**
 * AES (FIPS 197): key expansion, one block, and rounds on 128 blocks at once.
 *
 *   schedule  +0    u32 rounds (10 or 14)
 *             +16   round keys, 16 bytes each; 63h is added to every byte of those from the first round on (sbox.ts)
 *             +256  planes of S(n ⊕ last byte of round key 0) ⊕ 63h for n = 0 … 127, then for n = 128 … 255 (ctr.ts)
 *             +512  the round keys as masks: u32 for each bit, all ones or zero, in the order of planes
 *
 * Round keys are constant over the blocks, so a plane of a key is one repeated u32. Nothing here branches on or addresses by
 * keys or data.
 */
import { BYTE_PLANES, substitute } from './sbox';

export const AES_ROUNDS: usize = 0;
export const AES_KEYS: usize = 16;
export const AES_INDEX: usize = 256;
export const AES_MASKS: usize = 512;
export const AES_MASKS_ROUND: usize = 512;
/** Bytes of an expanded key; aligned to 16. */
export const AES_SCHEDULE_SIZE: usize = 8192;

// Scratch of one caller.
export const SCRATCH_A: usize = 0; // planes
export const SCRATCH_B: usize = 2048; // planes
export const SCRATCH_SQUARE: usize = 4096; // 512 bytes
export const SCRATCH_MASKS: usize = 4608; // 512 bytes
export const SCRATCH_BYTE: usize = 5120; // planes of one byte
export const SCRATCH_FIRST: usize = 5248; // 512 bytes
export const SCRATCH_STATE: usize = 5760; // 16 bytes
export const SCRATCH_TWEAK: usize = 5776; // 16 bytes
export const SCRATCH_BLOCKS: usize = 6144; // 128 blocks: tweaks
/** Bytes of scratch that every function of smm/ may overwrite; aligned to 16. Holds secrets: on chip. */
export const SMM_SCRATCH_SIZE: usize = 8192;

/** FIPS 197, 5.1.1, "SubBytes()" of the 16 bytes at `state`, without its constant. `byte`: 128 bytes. */
export function subBytes(state: usize, byte: usize): void {
  const one = i8x16.splat(1);
  const s = v128.load(state);
  for (let i: i32 = 0; i < 8; i++) v128.store(byte + (i << 4), v128.and(i64x2.shr_u(s, i), one));
  substitute(byte, 1);
  let result = i64x2.splat(0);
  for (let i: i32 = 0; i < 8; i++) {
    result = v128.or(result, i64x2.shl(v128.and(v128.load(byte + (i << 4)), one), i));
  }
  v128.store(state, result);
}

/** FIPS 197, 5.1.2, "ShiftRows()". */
function shiftRows(s: v128): v128 {
  return v128.shuffle<u8>(s, s, 0, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12, 1, 6, 11);
}

/** FIPS 197, 5.1.3, "MixColumns()". */
function mixColumns(s: v128): v128 {
  const next = v128.shuffle<u8>(s, s, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12);
  const sum = v128.xor(s, next);
  const rest = v128.shuffle<u8>(sum, sum, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
  const reduce = v128.and(i8x16.lt_s(sum, i8x16.splat(0)), i8x16.splat(0x1b));
  return v128.xor(v128.xor(next, rest), v128.xor(i8x16.add(sum, sum), reduce));
}

/** ShiftRows, MixColumns and AddRoundKey of the 16 bytes at `state`. */
export function shiftMixAdd(state: usize, key: usize): void {
  v128.store(state, v128.xor(mixColumns(shiftRows(v128.load(state))), v128.load(key)));
}

/** Encrypts the 16 bytes at `from` to `to`. */
export function aesEncryptBlock(schedule: usize, scratch: usize, from: usize, to: usize): void {
  const rounds = load<u32>(schedule + AES_ROUNDS) as usize;
  const state = scratch + SCRATCH_STATE;
  let key = schedule + AES_KEYS;
  v128.store(state, v128.xor(v128.load(from), v128.load(key)));
  for (let r: usize = 1; r < rounds; r++) {
    key += 16;
    subBytes(state, scratch + SCRATCH_BYTE);
    shiftMixAdd(state, key);
  }
  subBytes(state, scratch + SCRATCH_BYTE);
  v128.store(to, v128.xor(shiftRows(v128.load(state)), v128.load(key, 16)));
}

/** Address of the last round key. */
export function lastKey(schedule: usize): usize {
  return schedule + AES_KEYS + ((load<u32>(schedule + AES_ROUNDS) as usize) << 4);
}

/** Writes the bits of `count` bytes at `from` as masks in the order of planes: 32 bytes each. */
export function expandMasks(from: usize, count: usize, to: usize): void {
  const low = i32x4(1, 2, 4, 8);
  const high = i32x4(16, 32, 64, 128);
  const zero = i32x4.splat(0);
  for (let n: usize = 0; n < count; n++) {
    const byte = i32x4.splat(load<u8>(from + n) as i32);
    v128.store(to + n * 32, i32x4.ne(v128.and(byte, low), zero));
    v128.store(to + n * 32, i32x4.ne(v128.and(byte, high), zero), 16);
  }
}

/** FIPS 197, 5.2, "KeyExpansion()" of the 128- or 256-bit key at `key`. `schedule` is aligned to 16. */
export function aesExpand(key: usize, bits: u32, schedule: usize): void {
  const words: usize = bits == 256 ? 8 : 4;
  const rounds = words + 6;
  const keys = schedule + AES_KEYS;
  const byte = schedule + AES_MASKS; // scratch until the masks are written
  store<u32>(schedule + AES_ROUNDS, rounds as u32);
  memory.copy(keys, key, words * 4);
  let constant: u32 = 1;
  for (let i = words; i < 4 * (rounds + 1); i++) {
    let t = load<u32>(keys + i * 4 - 4);
    if (i % words == 0) {
      t = substituteWord(rotr<u32>(t, 8), byte) ^ constant;
      constant = (constant << 1) ^ ((constant >> 7) * 0x11b);
    } else if (words == 8 && i % 8 == 4) {
      t = substituteWord(t, byte);
    }
    store<u32>(keys + i * 4, load<u32>(keys + (i - words) * 4) ^ t);
  }
  indexPlanes(schedule, load<u8>(keys + 15));
  const constant63 = i8x16.splat(0x63);
  for (let r: usize = 0; r <= rounds; r++) {
    const k = keys + r * 16;
    if (r != 0) v128.store(k, v128.xor(v128.load(k), constant63));
    expandMasks(k, 16, schedule + AES_MASKS + r * AES_MASKS_ROUND);
  }
}

function substituteWord(word: u32, byte: usize): u32 {
  const state = byte + 128;
  v128.store(state, i32x4.splat(word as i32));
  subBytes(state, byte);
  return load<u32>(state) ^ 0x63636363;
}

/** Planes of S(n ⊕ key) ⊕ 63h over all n: the only varying byte of a page's counter blocks after SubBytes of round 1. */
function indexPlanes(schedule: usize, key: u32): void {
  for (let half: usize = 0; half < 2; half++) {
    const p = schedule + AES_INDEX + half * BYTE_PLANES;
    v128.store(p, v128.xor(i8x16.splat(0xaa as i8), bit(key, 0)), 0);
    v128.store(p, v128.xor(i8x16.splat(0xcc as i8), bit(key, 1)), 16);
    v128.store(p, v128.xor(i8x16.splat(0xf0 as i8), bit(key, 2)), 32);
    v128.store(p, v128.xor(i16x8.splat(0xff00 as i16), bit(key, 3)), 48);
    v128.store(p, v128.xor(i32x4.splat(0xffff0000), bit(key, 4)), 64);
    v128.store(p, v128.xor(i64x2(0xffffffff00000000, 0xffffffff00000000), bit(key, 5)), 80);
    v128.store(p, v128.xor(i64x2(0, -1), bit(key, 6)), 96);
    v128.store(p, bit(key ^ ((half as u32) << 7), 7), 112);
  }
  substitute(schedule + AES_INDEX, 2);
}

function bit(byte: u32, i: u32): v128 {
  return i32x4.splat(-(((byte >> i) & 1) as i32));
}
