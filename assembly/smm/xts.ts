/**
 * XTS-AES (IEEE 1619-2018, 5.3 and 5.4; NIST SP 800-38E) over data units of 4 KiB whose number is the machine frame. It is
 * what SEV and MKTME do: equal plaintext at an address gives equal ciphertext, and nothing tells old ciphertext from new.
 */
import {
  AES_MASKS,
  aesEncryptBlock,
  SCRATCH_A,
  SCRATCH_B,
  SCRATCH_BLOCKS,
  SCRATCH_MASKS,
  SCRATCH_SQUARE,
  SCRATCH_TWEAK,
} from './aes';
import { LANES, PLANES_SIZE, pack, unpack } from './planes';
import { addKey, decryptRounds, encryptRounds } from './rounds';

/** En- or decrypts the 4,096 bytes of data unit `frame`. All addresses are aligned to 16. */
export function xtsPage(
  dataSchedule: usize,
  tweakSchedule: usize,
  scratch: usize,
  frame: u32,
  from: usize,
  to: usize,
  encrypt: bool,
): void {
  const unit = scratch + SCRATCH_TWEAK;
  store<u64>(unit, frame as u64);
  store<u64>(unit, 0, 8);
  xtsUnit(dataSchedule, tweakSchedule, scratch, unit, from, to, encrypt);
}

/** The same for any 128-bit data-unit number at `unit`. Shorter units of whole blocks are its beginning. */
export function xtsUnit(
  dataSchedule: usize,
  tweakSchedule: usize,
  scratch: usize,
  unit: usize,
  from: usize,
  to: usize,
  encrypt: bool,
): void {
  const a = scratch + SCRATCH_A;
  const b = scratch + SCRATCH_B;
  const blocks = scratch + SCRATCH_BLOCKS;
  const square = scratch + SCRATCH_SQUARE;
  const tweak = scratch + SCRATCH_TWEAK;
  aesEncryptBlock(tweakSchedule, scratch, unit, tweak);
  for (let half: usize = 0; half < 2; half++) {
    addTweaks(tweak, from, blocks);
    pack(blocks, a, square);
    let result: usize;
    if (encrypt) {
      addKey(a, dataSchedule + AES_MASKS);
      result = encryptRounds(dataSchedule, 1, a, b);
    } else {
      result = decryptRounds(dataSchedule, a, b, scratch + SCRATCH_MASKS);
    }
    unpack(result, blocks, square);
    const next = addTweaks(tweak, blocks, to);
    v128.store(tweak, next);
    from += PLANES_SIZE;
    to += PLANES_SIZE;
  }
}

/** XORs t, t·α, t·α² … to 128 blocks. @returns t·α¹²⁸ */
function addTweaks(tweak: usize, from: usize, to: usize): v128 {
  let low = load<u64>(tweak);
  let high = load<u64>(tweak, 8);
  for (let i: usize = 0; i < LANES * 16; i += 16) {
    store<u64>(to + i, load<u64>(from + i) ^ low);
    store<u64>(to + i, load<u64>(from + i, 8) ^ high, 8);
    const carry = high >> 63;
    high = (high << 1) | (low >> 63);
    low = (low << 1) ^ (carry * 0x87);
  }
  return i64x2.replace_lane(i64x2.splat(low as i64), 1, high as i64);
}
