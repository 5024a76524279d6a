/**
 * AES rounds on the planes of 128 blocks (planes.ts). A round is SubBytes in place, then ShiftRows, MixColumns and
 * AddRoundKey in one pass to other planes; rows are shifted by reading from other addresses.
 */
import { AES_MASKS, AES_MASKS_ROUND, AES_ROUNDS } from './aes';
import { BYTE_PLANES, substitute } from './sbox';

function key(masks: usize, row: usize, i: usize): v128 {
  return v128.load32_splat(masks + row * 32 + i * 4);
}

/** MixColumns and AddRoundKey of the column whose rows are the bytes at a0 … a3, to the bytes at b0 … b3. */
function mixColumn(
  a0: usize,
  a1: usize,
  a2: usize,
  a3: usize,
  b0: usize,
  b1: usize,
  b2: usize,
  b3: usize,
  masks: usize,
): void {
  // FIPS 197, 5.1.3: b(r) = 2 (a(r) + a(r+1)) + a(r+1) + (a(r+2) + a(r+3)), 2 the multiplication by x modulo 11bh
  let x0 = v128.load(a0, 112);
  let x1 = v128.load(a1, 112);
  let x2 = v128.load(a2, 112);
  let x3 = v128.load(a3, 112);
  const h0 = v128.xor(x0, x1);
  const h1 = v128.xor(x1, x2);
  const h2 = v128.xor(x2, x3);
  const h3 = v128.xor(x3, x0);
  let d0 = h0;
  let d1 = h1;
  let d2 = h2;
  let d3 = h3;
  for (let i: usize = 0; i < 8; i++) {
    x0 = v128.load(a0 + i * 16);
    x1 = v128.load(a1 + i * 16);
    x2 = v128.load(a2 + i * 16);
    x3 = v128.load(a3 + i * 16);
    const u0 = v128.xor(x0, x1);
    const u1 = v128.xor(x1, x2);
    const u2 = v128.xor(x2, x3);
    const u3 = v128.xor(x3, x0);
    v128.store(b0 + i * 16, v128.xor(v128.xor(x1, d0), v128.xor(u2, key(masks, 0, i))));
    v128.store(b1 + i * 16, v128.xor(v128.xor(x2, d1), v128.xor(u3, key(masks, 1, i))));
    v128.store(b2 + i * 16, v128.xor(v128.xor(x3, d2), v128.xor(u0, key(masks, 2, i))));
    v128.store(b3 + i * 16, v128.xor(v128.xor(x0, d3), v128.xor(u1, key(masks, 3, i))));
    const reduce = i == 0 || i == 2 || i == 3;
    d0 = reduce ? v128.xor(u0, h0) : u0;
    d1 = reduce ? v128.xor(u1, h1) : u1;
    d2 = reduce ? v128.xor(u2, h2) : u2;
    d3 = reduce ? v128.xor(u3, h3) : u3;
  }
}

function at(planes: usize, row: usize, column: usize): usize {
  return planes + ((column & 3) * 4 + row) * BYTE_PLANES;
}

/** ShiftRows, MixColumns, AddRoundKey. */
export function mix(from: usize, to: usize, masks: usize): void {
  for (let c: usize = 0; c < 4; c++) {
    const b = to + c * 4 * BYTE_PLANES;
    mixColumn(
      at(from, 0, c),
      at(from, 1, c + 1),
      at(from, 2, c + 2),
      at(from, 3, c + 3),
      b,
      b + 128,
      b + 256,
      b + 384,
      masks + c * 128,
    );
  }
}

/** ShiftRows, AddRoundKey. */
export function finish(from: usize, to: usize, masks: usize): void {
  for (let n: usize = 0; n < 16; n++) {
    const a = at(from, n & 3, (n >> 2) + (n & 3));
    const b = to + n * BYTE_PLANES;
    for (let i: usize = 0; i < 8; i++) {
      v128.store(b + i * 16, v128.xor(v128.load(a + i * 16), v128.load32_splat(masks + n * 32 + i * 4)));
    }
  }
}

/** AddRoundKey in place. */
export function addKey(planes: usize, masks: usize): void {
  for (let i: usize = 0; i < 128; i++) {
    v128.store(planes + i * 16, v128.xor(v128.load(planes + i * 16), v128.load32_splat(masks + i * 4)));
  }
}

/** Rounds `first` to the last of the blocks at `a`; `b` is used on the way. @returns where the result is */
export function encryptRounds(schedule: usize, first: usize, a: usize, b: usize): usize {
  const rounds = load<u32>(schedule + AES_ROUNDS) as usize;
  let masks = schedule + AES_MASKS + first * AES_MASKS_ROUND;
  for (let r = first; r < rounds; r++) {
    substitute(a, 16);
    mix(a, b, masks);
    const t = a;
    a = b;
    b = t;
    masks += AES_MASKS_ROUND;
  }
  substitute(a, 16);
  finish(a, b, masks);
  return b;
}

/** L⁻¹ of the affine map of the S-box, FIPS 197, 5.3.2, "InvSubBytes()": bit i is the sum of bits i + 2, i + 5, i + 7. */
function unmap(planes: usize): void {
  for (let p = planes; p < planes + 16 * BYTE_PLANES; p += BYTE_PLANES) {
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
  substitute(planes, 16);
  unmap(planes);
}

/** a0 += 4 (a0 + a2), a2 += 4 (a0 + a2): MixColumns of the result is InvMixColumns, FIPS 197, 5.3.3. */
function prepareRows(a0: usize, a2: usize): void {
  const h7 = v128.xor(v128.load(a0, 112), v128.load(a2, 112));
  const h6 = v128.xor(v128.load(a0, 96), v128.load(a2, 96));
  let d2 = i64x2.splat(0); // sums of bits i − 2 and i − 1
  let d1 = i64x2.splat(0);
  for (let i: usize = 0; i < 8; i++) {
    const x0 = v128.load(a0 + i * 16);
    const x2 = v128.load(a2 + i * 16);
    // x² (bit 6, bit 7 fold): bit 6 → 1bh, bit 7 → 36h
    let f = d2;
    if (i == 0 || i == 1 || i == 3 || i == 4) f = v128.xor(f, h6);
    if (i == 1 || i == 2 || i == 4 || i == 5) f = v128.xor(f, h7);
    v128.store(a0 + i * 16, v128.xor(x0, f));
    v128.store(a2 + i * 16, v128.xor(x2, f));
    d2 = d1;
    d1 = v128.xor(x0, x2);
  }
}

/** The inverse cipher on the blocks at `a`, `b` used on the way; `zero`: 128 bytes. @returns where the result is */
export function decryptRounds(schedule: usize, a: usize, b: usize, zero: usize): usize {
  let round = load<u32>(schedule + AES_ROUNDS) as usize;
  const masks = schedule + AES_MASKS;
  memory.fill(zero, 0, 128);
  addKey(a, masks + round * AES_MASKS_ROUND);
  for (let n: usize = 0; n < 16; n++) memory.copy(at(b, n & 3, (n >> 2) + (n & 3)), a + n * BYTE_PLANES, BYTE_PLANES);
  while (true) {
    const t = a;
    a = b;
    b = t;
    round--;
    substituteBack(a);
    addKey(a, masks + round * AES_MASKS_ROUND);
    if (round == 0) break;
    for (let c: usize = 0; c < 4; c++) {
      const p = a + c * 4 * BYTE_PLANES;
      prepareRows(p, p + 256);
      prepareRows(p + 128, p + 384);
      mixColumn(p, p + 128, p + 256, p + 384, at(b, 0, c), at(b, 1, c + 1), at(b, 2, c + 2), at(b, 3, c + 3), zero);
    }
  }
  return a;
}
