/**
 * 128 blocks of 16 bytes as 128 bit planes, and back.
 *
 *   blocks   16 bytes each, block n at 16 n
 *   planes   bit n of plane (byte b, bit i) is bit i of byte b of block n; v128 at 128 b + 16 i
 *
 * Three steps of exchanging bits between the eight planes of a byte turn each 8 × 8 bit square: vector j then holds that byte of
 * blocks j, 8 + j, 16 + j … Two steps of interleaving bytes, four rows at a time, turn the 16 × 16 byte square of each j.
 */
import { byteAt } from './rounds';
import { BYTE_PLANES } from './sbox';

/** Blocks that are worked on at once: the bits of a v128. */
export const LANES: usize = 128;
/** Bytes of the planes of 128 blocks. */
export const PLANES_SIZE: usize = 2048;

/** Turns the 8 × 8 bit squares of the planes of a byte. */
function turnBits(from: usize, to: usize): void {
  const m1 = i8x16.splat(0x55);
  const m2 = i8x16.splat(0x33);
  const m4 = i8x16.splat(0x0f);
  let x0 = v128.load(from, 0);
  let x1 = v128.load(from, 16);
  let x2 = v128.load(from, 32);
  let x3 = v128.load(from, 48);
  let x4 = v128.load(from, 64);
  let x5 = v128.load(from, 80);
  let x6 = v128.load(from, 96);
  let x7 = v128.load(from, 112);
  let t: v128;
  t = v128.and(v128.xor(i64x2.shr_u(x0, 1), x1), m1);
  x1 = v128.xor(x1, t);
  x0 = v128.xor(x0, i64x2.shl(t, 1));
  t = v128.and(v128.xor(i64x2.shr_u(x2, 1), x3), m1);
  x3 = v128.xor(x3, t);
  x2 = v128.xor(x2, i64x2.shl(t, 1));
  t = v128.and(v128.xor(i64x2.shr_u(x4, 1), x5), m1);
  x5 = v128.xor(x5, t);
  x4 = v128.xor(x4, i64x2.shl(t, 1));
  t = v128.and(v128.xor(i64x2.shr_u(x6, 1), x7), m1);
  x7 = v128.xor(x7, t);
  x6 = v128.xor(x6, i64x2.shl(t, 1));
  t = v128.and(v128.xor(i64x2.shr_u(x0, 2), x2), m2);
  x2 = v128.xor(x2, t);
  x0 = v128.xor(x0, i64x2.shl(t, 2));
  t = v128.and(v128.xor(i64x2.shr_u(x1, 2), x3), m2);
  x3 = v128.xor(x3, t);
  x1 = v128.xor(x1, i64x2.shl(t, 2));
  t = v128.and(v128.xor(i64x2.shr_u(x4, 2), x6), m2);
  x6 = v128.xor(x6, t);
  x4 = v128.xor(x4, i64x2.shl(t, 2));
  t = v128.and(v128.xor(i64x2.shr_u(x5, 2), x7), m2);
  x7 = v128.xor(x7, t);
  x5 = v128.xor(x5, i64x2.shl(t, 2));
  t = v128.and(v128.xor(i64x2.shr_u(x0, 4), x4), m4);
  x4 = v128.xor(x4, t);
  x0 = v128.xor(x0, i64x2.shl(t, 4));
  t = v128.and(v128.xor(i64x2.shr_u(x1, 4), x5), m4);
  x5 = v128.xor(x5, t);
  x1 = v128.xor(x1, i64x2.shl(t, 4));
  t = v128.and(v128.xor(i64x2.shr_u(x2, 4), x6), m4);
  x6 = v128.xor(x6, t);
  x2 = v128.xor(x2, i64x2.shl(t, 4));
  t = v128.and(v128.xor(i64x2.shr_u(x3, 4), x7), m4);
  x7 = v128.xor(x7, t);
  x3 = v128.xor(x3, i64x2.shl(t, 4));
  v128.store(to, x0, 0);
  v128.store(to, x1, 16);
  v128.store(to, x2, 32);
  v128.store(to, x3, 48);
  v128.store(to, x4, 64);
  v128.store(to, x5, 80);
  v128.store(to, x6, 96);
  v128.store(to, x7, 112);
}

function low(a: v128, b: v128): v128 {
  return v128.shuffle<u8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

function high(a: v128, b: v128): v128 {
  return v128.shuffle<u8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

/**
 * Two perfect shuffles of a 16 × 16 byte square, for a quarter of its rows: rows k, k + 4, k + 8 and k + 12 at `from` + 128 k become
 * rows 4 k … 4 k + 3 at `to`. Four perfect shuffles of 256 bytes turn the square.
 */
function gather(from: usize, to: usize): void {
  const a = v128.load(from, 0);
  const b = v128.load(from, 512);
  const c = v128.load(from, 1024);
  const d = v128.load(from, 1536);
  const ac = low(a, c);
  const bd = low(b, d);
  const ca = high(a, c);
  const db = high(b, d);
  v128.store(to, low(ac, bd), 0);
  v128.store(to, high(ac, bd), 16);
  v128.store(to, low(ca, db), 32);
  v128.store(to, high(ca, db), 48);
}

/** The other two shuffles: from what gather() wrote to rows 128 bytes apart. The key and what is at `other` are XORed to them. */
function scatter(from: usize, key: v128, other: usize, to: usize): void {
  const a = v128.load(from, 0);
  const b = v128.load(from, 64);
  const c = v128.load(from, 128);
  const d = v128.load(from, 192);
  const ac = low(a, c);
  const bd = low(b, d);
  const ca = high(a, c);
  const db = high(b, d);
  v128.store(to, v128.xor(v128.xor(low(ac, bd), key), v128.load(other, 0)), 0);
  v128.store(to, v128.xor(v128.xor(high(ac, bd), key), v128.load(other, 128)), 128);
  v128.store(to, v128.xor(v128.xor(low(ca, db), key), v128.load(other, 256)), 256);
  v128.store(to, v128.xor(v128.xor(high(ca, db), key), v128.load(other, 384)), 384);
}

/** Turns the 16 × 16 byte squares of 16 rows 128 bytes apart; rows are XORed to the key and to `other`, which has their form. */
function turnBytes(from: usize, key: v128, other: usize, to: usize, square: usize): void {
  for (let j: usize = 0; j < 128; j += 16) {
    gather(from + j, square);
    gather(from + j + 128, square + 64);
    gather(from + j + 256, square + 128);
    gather(from + j + 384, square + 192);
    scatter(square, key, other + j, to + j);
    scatter(square + 16, key, other + j + 512, to + j + 512);
    scatter(square + 32, key, other + j + 1024, to + j + 1024);
    scatter(square + 48, key, other + j + 1536, to + j + 1536);
  }
}

/**
 * Planes to blocks, with the end of the last round: row r is read `shift` × r columns on, the 16 bytes at `key` are XORed.
 * @param temporary planes
 * @param square 256 bytes
 * @param other what the blocks are XORed to
 */
export function unpack(
  planes: usize,
  shift: usize,
  key: usize,
  temporary: usize,
  square: usize,
  other: usize,
  to: usize,
): void {
  for (let n: usize = 0; n < 16; n++) {
    turnBits(byteAt(planes, n & 3, (n >> 2) + shift * (n & 3)), temporary + n * BYTE_PLANES);
  }
  turnBytes(temporary, v128.load(key), other, to, square);
}

/** Blocks, XORed to `other` and to the 16 bytes at `key`, to planes. `other` is overwritten. */
export function pack(blocks: usize, other: usize, key: usize, planes: usize, square: usize): void {
  const k = v128.load(key);
  for (let i: usize = 0; i < PLANES_SIZE; i += 16) {
    v128.store(other + i, v128.xor(v128.xor(v128.load(blocks + i), k), v128.load(other + i)));
  }
  memory.fill(planes, 0, PLANES_SIZE);
  turnBytes(other, i64x2.splat(0), planes, planes, square);
  for (let p = planes; p < planes + PLANES_SIZE; p += BYTE_PLANES) turnBits(p, p);
}
