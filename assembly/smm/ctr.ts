/**
 * AES in counter mode (NIST SP 800-38A, 6.5, "The Counter Mode") over a page of 4 KiB.
 *
 * Counter block, big-endian:
 *
 *   byte 0     4       7                       15
 *        ┌─────┬───────┬───────────────────────┬───────┐
 *        │page │   0   │ counter of the page   │ block │
 *        └─────┴───────┴───────────────────────┴───────┘
 *         32 bit 24 bit  64 bit, ≤ 2^56         0 … 255
 *
 * The map from (page, counter, block) to counter blocks is injective, so no keystream repeats under one key as long as no
 * (page, counter) does: counter.ts. The same bytes come from any aes-*-ctr with the block of index 0 as the initial value,
 * since the index never carries.
 *
 * Only one byte of 16 differs between the blocks of a page. So round 1 is done once for 15 bytes, once per key for the last;
 * round 2 has 4 varying bytes, its other 12 are done once; from round 3 on all bytes vary (Park and Lee, FACE, 2018, have the
 * same idea for tables).
 */
import {
  AES_INDEX,
  AES_KEYS,
  expandMasks,
  SCRATCH_A,
  SCRATCH_B,
  SCRATCH_BLOCKS,
  SCRATCH_BYTE,
  SCRATCH_FIRST,
  SCRATCH_MASKS,
  SCRATCH_SQUARE,
  SCRATCH_STATE,
  shiftMixAdd,
  subBytes,
} from './aes';
import { PLANES_SIZE, unpack } from './planes';
import { encryptRounds } from './rounds';
import { BYTE_PLANES, substitute } from './sbox';

/** XORs the keystream of (page, counter) to 4,096 bytes. All addresses are aligned to 16. */
export function ctrPage(schedule: usize, scratch: usize, page: u32, counter: u64, from: usize, to: usize): void {
  const state = scratch + SCRATCH_STATE;
  ctrBlock(page, counter, state);
  ctrBlocks(schedule, scratch, state, from, to);
}

/** Writes the counter block of the first 16 bytes of a page. */
export function ctrBlock(page: u32, counter: u64, to: usize): void {
  store<u64>(to, (bswap<u32>(page) as u64) | ((counter >> 56) << 56));
  store<u64>(to, bswap<u64>(counter << 8), 8);
}

/** The same for any counter block at `block`: the keystream is that of the 256 blocks which differ from it in the last byte. */
export function ctrBlocks(schedule: usize, scratch: usize, block: usize, from: usize, to: usize): void {
  const keys = schedule + AES_KEYS;
  const byte = scratch + SCRATCH_BYTE;
  const state = scratch + SCRATCH_STATE;
  const first = scratch + SCRATCH_FIRST;
  const second = scratch + SCRATCH_MASKS;
  const a = scratch + SCRATCH_A;
  const b = scratch + SCRATCH_B;
  // Rounds 1 and 2 with 0 for the bytes that vary: behind SubBytes everything is linear.
  v128.store(state, v128.xor(v128.load(block), v128.load(keys)));
  subBytes(state, byte);
  store<u8>(state, 0, 15);
  shiftMixAdd(state, keys + 16);
  expandMasks(state, first); // of which those of column 0 are used
  subBytes(state, byte);
  store<u32>(state, 0);
  shiftMixAdd(state, keys + 32);
  expandMasks(state, second);
  for (let half: usize = 0; half < 2; half++) {
    varyColumn(schedule + AES_INDEX + half * BYTE_PLANES, first, b);
    substitute(b, 4);
    for (let row: u32 = 0; row < 4; row++) spread(b, second, row, a);
    const planes = encryptRounds(schedule, 3, a, b);
    unpack(planes, scratch + SCRATCH_BLOCKS, scratch + SCRATCH_SQUARE);
    for (let i: usize = 0; i < PLANES_SIZE; i += 16) {
      v128.store(to + i, v128.xor(v128.load(from + i), v128.load(scratch + SCRATCH_BLOCKS + i)));
    }
    from += PLANES_SIZE;
    to += PLANES_SIZE;
  }
}

function mask(masks: usize, byte: usize, i: usize): v128 {
  return v128.load32_splat(masks + (byte * 8 + i) * 4);
}

/** Round 1: the varying byte is row 3 of column 0 after ShiftRows; MixColumns adds 1, 1, 3, 2 times it to rows 0 … 3. */
function varyColumn(index: usize, masks: usize, to: usize): void {
  const high = v128.load(index, 112);
  let below = high; // bit i − 1 of the byte; 2 × it reduces by 1bh
  for (let i: usize = 0; i < 8; i++) {
    const one = v128.load(index + i * 16);
    const two = i == 1 || i == 3 || i == 4 ? v128.xor(below, high) : below;
    v128.store(to + i * 16, v128.xor(one, mask(masks, 0, i)), 0);
    v128.store(to + i * 16, v128.xor(one, mask(masks, 1, i)), 128);
    v128.store(to + i * 16, v128.xor(v128.xor(one, two), mask(masks, 2, i)), 256);
    v128.store(to + i * 16, v128.xor(two, mask(masks, 3, i)), 384);
    below = one;
  }
}

/** Round 2: `row` of column 0 went to column 4 − row; MixColumns adds 2, 1, 1, 3 times it to the rows from `row` on. */
function spread(column: usize, masks: usize, row: u32, to: usize): void {
  const from = column + (row as usize) * BYTE_PLANES;
  const target = ((4 - row) & 3) * 4;
  const r0 = (target + row) as usize;
  const r1 = (target + ((row + 1) & 3)) as usize;
  const r2 = (target + ((row + 2) & 3)) as usize;
  const r3 = (target + ((row + 3) & 3)) as usize;
  const high = v128.load(from, 112);
  let below = high;
  for (let i: usize = 0; i < 8; i++) {
    const one = v128.load(from + i * 16);
    const two = i == 1 || i == 3 || i == 4 ? v128.xor(below, high) : below;
    v128.store(to + (r0 * 8 + i) * 16, v128.xor(two, mask(masks, r0, i)));
    v128.store(to + (r1 * 8 + i) * 16, v128.xor(one, mask(masks, r1, i)));
    v128.store(to + (r2 * 8 + i) * 16, v128.xor(one, mask(masks, r2, i)));
    v128.store(to + (r3 * 8 + i) * 16, v128.xor(v128.xor(one, two), mask(masks, r3, i)));
    below = one;
  }
}
