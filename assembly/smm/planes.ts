/**
 * 128 blocks of 16 bytes as 128 bit planes, and back.
 *
 *   blocks   16 bytes each, block n at 16 n
 *   planes   bit n of plane (byte b, bit i) is bit i of byte b of block n; v128 at 128 b + 16 i
 *
 * Three steps of exchanging bits between the eight planes of a byte turn each 8 × 8 bit square; four steps of interleaving
 * bytes turn the 16 × 16 byte squares.
 */
import { BYTE_PLANES } from './sbox';

/** Blocks that are worked on at once: the bits of a v128. */
export const LANES: usize = 128;
/** Bytes of the planes of 128 blocks. */
export const PLANES_SIZE: usize = 2048;

function exchange(p: usize, high: usize, low: usize, shift: i32, mask: v128): void {
  const a = v128.load(p + low * 16);
  const b = v128.load(p + high * 16);
  const t = v128.and(v128.xor(i64x2.shr_u(a, shift), b), mask);
  v128.store(p + high * 16, v128.xor(b, t));
  v128.store(p + low * 16, v128.xor(a, i64x2.shl(t, shift)));
}

/** Turns the 8 × 8 bit squares of the eight vectors at `p`: its own inverse. */
export function turnBits(p: usize): void {
  const m1 = i8x16.splat(0x55);
  const m2 = i8x16.splat(0x33);
  const m4 = i8x16.splat(0x0f);
  exchange(p, 1, 0, 1, m1);
  exchange(p, 3, 2, 1, m1);
  exchange(p, 5, 4, 1, m1);
  exchange(p, 7, 6, 1, m1);
  exchange(p, 2, 0, 2, m2);
  exchange(p, 3, 1, 2, m2);
  exchange(p, 6, 4, 2, m2);
  exchange(p, 7, 5, 2, m2);
  exchange(p, 4, 0, 4, m4);
  exchange(p, 5, 1, 4, m4);
  exchange(p, 6, 2, 4, m4);
  exchange(p, 7, 3, 4, m4);
}

function low8(a: v128, b: v128): v128 {
  return v128.shuffle<u8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

function high8(a: v128, b: v128): v128 {
  return v128.shuffle<u8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

/**
 * One step of turning a 16 × 16 byte square: rows k and k + 8 are interleaved into rows 2 k and 2 k + 1. Four such steps
 * (perfect shuffles of 256 bytes) turn it.
 */
function interleave(from: usize, fromStride: usize, to: usize, toStride: usize): void {
  for (let k: usize = 0; k < 8; k++) {
    const a = v128.load(from + k * fromStride);
    const b = v128.load(from + (k + 8) * fromStride);
    v128.store(to + 2 * k * toStride, low8(a, b));
    v128.store(to + (2 * k + 1) * toStride, high8(a, b));
  }
}

/** Turns a 16 × 16 byte square whose rows lie `fromStride` apart into one whose rows lie `toStride` apart. `square`: 512 bytes. */
export function turnBytes(from: usize, fromStride: usize, to: usize, toStride: usize, square: usize): void {
  interleave(from, fromStride, square, 16);
  interleave(square, 16, square + 256, 16);
  interleave(square + 256, 16, square, 16);
  interleave(square, 16, to, toStride);
}

/** Planes to blocks. The planes are destroyed. */
export function unpack(planes: usize, blocks: usize, square: usize): void {
  for (let b: usize = 0; b < 16; b++) turnBits(planes + b * BYTE_PLANES);
  for (let j: usize = 0; j < 8; j++) turnBytes(planes + j * 16, BYTE_PLANES, blocks + j * 16, 128, square);
}

/** Blocks to planes. */
export function pack(blocks: usize, planes: usize, square: usize): void {
  for (let j: usize = 0; j < 8; j++) turnBytes(blocks + j * 16, 128, planes + j * 16, BYTE_PLANES, square);
  for (let b: usize = 0; b < 16; b++) turnBits(planes + b * BYTE_PLANES);
}
