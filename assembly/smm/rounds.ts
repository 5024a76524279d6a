/**
 * AES rounds on the planes of 128 blocks (planes.ts). A round is SubBytes in place, then ShiftRows, MixColumns and AddRoundKey in
 * one pass to other planes: rows are shifted by reading from other addresses. The last round leaves ShiftRows and AddRoundKey
 * to unpack(), which reads the planes anyway.
 */
import { AES_MASKS, AES_MASKS_ROUND, AES_ROUNDS } from './aes';
import { mixColumn } from './mix';
import { BYTE_PLANES, substitute } from './sbox';

const BLOCK_BYTES: usize = 16;
const COLUMN: usize = 4 * BYTE_PLANES;

/** Address of a byte's planes. */
export function byteAt(planes: usize, row: usize, column: usize): usize {
  return planes + (column & 3) * COLUMN + row * BYTE_PLANES;
}

/** Address of the masks of the last round key. */
function lastMasks(schedule: usize): usize {
  return schedule + AES_MASKS + (load<u32>(schedule + AES_ROUNDS) as usize) * AES_MASKS_ROUND;
}

/**
 * Rounds `first` to the last of the blocks at `a`, without the last ShiftRows and AddRoundKey; `b` is used on the way.
 * @returns where the result is
 */
export function encryptRounds(schedule: usize, first: usize, a: usize, b: usize): usize {
  const last = lastMasks(schedule);
  for (let masks = schedule + AES_MASKS + first * AES_MASKS_ROUND; masks < last; masks += AES_MASKS_ROUND) {
    substitute(a, BLOCK_BYTES);
    for (let c: usize = 0; c < 4; c++) {
      const m = masks + c * 128;
      mixColumn(byteAt(a, 0, c), byteAt(a, 1, c + 1), byteAt(a, 2, c + 2), byteAt(a, 3, c + 3), b + c * COLUMN, m);
    }
    const t = a;
    a = b;
    b = t;
  }
  substitute(a, BLOCK_BYTES);
  return a;
}

/**
 * The inverse cipher on the blocks at `a` after the first AddRoundKey, without the last InvShiftRows and AddRoundKey; `b` is used on the way, `zero` is 128
 * bytes. @returns where the result is
 */
export function decryptRounds(schedule: usize, a: usize, b: usize, zero: usize): usize {
  memory.fill(zero, 0, 128);
  let masks = lastMasks(schedule);
  substituteBack(a);
  for (masks -= AES_MASKS_ROUND; masks > schedule + AES_MASKS; masks -= AES_MASKS_ROUND) {
    for (let c: usize = 0; c < 4; c++) {
      // InvShiftRows by where the rows are read.
      const a0 = byteAt(a, 0, c);
      const a1 = byteAt(a, 1, c - 1);
      const a2 = byteAt(a, 2, c - 2);
      const a3 = byteAt(a, 3, c - 3);
      prepareRows(a0, a2, masks + c * 128);
      prepareRows(a1, a3, masks + c * 128 + 32);
      mixColumn(a0, a1, a2, a3, b + c * COLUMN, zero);
    }
    const t = a;
    a = b;
    b = t;
    substituteBack(a);
  }
  return a;
}

/** L⁻¹ of the affine map of the S-box, FIPS 197, 5.3.2, "InvSubBytes()": bit i is the sum of bits i + 2, i + 5, i + 7. */
function unmap(planes: usize): void {
  for (let p = planes; p < planes + BLOCK_BYTES * BYTE_PLANES; p += BYTE_PLANES) {
    const b0 = v128.load(p, 0);
    const b1 = v128.load(p, 16);
    const b2 = v128.load(p, 32);
    const b3 = v128.load(p, 48);
    const b4 = v128.load(p, 64);
    const b5 = v128.load(p, 80);
    const b6 = v128.load(p, 96);
    const b7 = v128.load(p, 112);
    v128.store(p, v128.xor(v128.xor(b2, b5), b7), 0);
    v128.store(p, v128.xor(v128.xor(b3, b6), b0), 16);
    v128.store(p, v128.xor(v128.xor(b4, b7), b1), 32);
    v128.store(p, v128.xor(v128.xor(b5, b0), b2), 48);
    v128.store(p, v128.xor(v128.xor(b6, b1), b3), 64);
    v128.store(p, v128.xor(v128.xor(b7, b2), b4), 80);
    v128.store(p, v128.xor(v128.xor(b0, b3), b5), 96);
    v128.store(p, v128.xor(v128.xor(b1, b4), b6), 112);
  }
}

/** InvSubBytes of bytes to which 63h was already added: S⁻¹ = L⁻¹ ∘ S' ∘ L⁻¹ with S' = L ∘ (inversion). */
function substituteBack(planes: usize): void {
  unmap(planes);
  substitute(planes, BLOCK_BYTES);
  unmap(planes);
}

/**
 * AddRoundKey of rows r and r + 2, then both += 4 (row r + row r + 2): MixColumns of the result is InvMixColumns, FIPS 197, 5.3.3.
 */
function prepareRows(a0: usize, a2: usize, masks: usize): void {
  for (let i: usize = 0; i < 8; i++) {
    v128.store(a0 + i * 16, v128.xor(v128.load(a0 + i * 16), v128.load32_splat(masks + i * 4)));
    v128.store(a2 + i * 16, v128.xor(v128.load(a2 + i * 16), v128.load32_splat(masks + i * 4, 64)));
  }
  const h7 = v128.xor(v128.load(a0, 112), v128.load(a2, 112));
  const h6 = v128.xor(v128.load(a0, 96), v128.load(a2, 96));
  let d2 = i64x2.splat(0); // sums of bits i − 2 and i − 1
  let d1 = i64x2.splat(0);
  for (let i: usize = 0; i < 8; i++) {
    const x0 = v128.load(a0 + i * 16);
    const x2 = v128.load(a2 + i * 16);
    let f = d2; // bits 6 and 7 reduce to 1bh and 36h
    if (i == 0 || i == 1 || i == 3 || i == 4) f = v128.xor(f, h6);
    if (i == 1 || i == 2 || i == 4 || i == 5) f = v128.xor(f, h7);
    v128.store(a0 + i * 16, v128.xor(x0, f));
    v128.store(a2 + i * 16, v128.xor(x2, f));
    d2 = d1;
    d1 = v128.xor(x0, x2);
  }
}
