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
 * round 2 has 4 varying bytes, its other 12 are done once; from round 3 on all bytes vary.
 */
import {
  AES_INDEX,
  AES_KEYS,
  expandMasks,
  lastKey,
  SCRATCH_A,
  SCRATCH_B,
  SCRATCH_BYTE,
  SCRATCH_FIRST,
  SCRATCH_MASKS,
  SCRATCH_SQUARE,
  SCRATCH_STATE,
  shiftMixAdd,
  subBytes,
} from './aes';
import { mixByte } from './mix';
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
  const key = lastKey(schedule);
  // Rounds 1 and 2 with 0 for the bytes that vary: behind SubBytes everything is linear.
  v128.store(state, v128.xor(v128.load(block), v128.load(keys)));
  subBytes(state, byte);
  store<u8>(state, 0, 15);
  shiftMixAdd(state, keys + 16);
  expandMasks(state, 4, first);
  subBytes(state, byte);
  store<u32>(state, 0);
  shiftMixAdd(state, keys + 32);
  expandMasks(state, 16, second);
  for (let half: usize = 0; half < 2; half++) {
    // Round 1: the byte that varies is row 3 of column 0 after ShiftRows.
    const index = schedule + AES_INDEX + half * BYTE_PLANES;
    mixByte(index, b, 384, 0, 128, 256, first, 96, 0, 32, 64);
    substitute(b, 4);
    // Round 2: row r of column 0 is in column 4 − r after ShiftRows.
    mixByte(b, a, 0, 128, 256, 384, second, 0, 32, 64, 96);
    mixByte(b + 128, a + 1536, 128, 256, 384, 0, second + 384, 32, 64, 96, 0);
    mixByte(b + 256, a + 1024, 256, 384, 0, 128, second + 256, 64, 96, 0, 32);
    mixByte(b + 384, a + 512, 384, 0, 128, 256, second + 128, 96, 0, 32, 64);
    const planes = encryptRounds(schedule, 3, a, b);
    unpack(planes, 1, key, planes == a ? b : a, scratch + SCRATCH_SQUARE, from, to);
    from += PLANES_SIZE;
    to += PLANES_SIZE;
  }
}
