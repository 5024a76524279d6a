/**
 * XTS-AES (IEEE 1619-2018, 5.3 and 5.4; NIST SP 800-38E) over data units of 4 KiB whose number is the machine frame. It is
 * what SEV and MKTME do: equal plaintext at an address gives equal ciphertext, and nothing tells old ciphertext from new.
 */
import {
  AES_KEYS,
  aesEncryptBlock,
  lastKey,
  SCRATCH_A,
  SCRATCH_B,
  SCRATCH_BLOCKS,
  SCRATCH_MASKS,
  SCRATCH_SQUARE,
  SCRATCH_TWEAK,
} from './aes';
import { LANES, PLANES_SIZE, pack, unpack } from './planes';
import { decryptRounds, encryptRounds } from './rounds';

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
  const tweaks = scratch + SCRATCH_BLOCKS;
  const square = scratch + SCRATCH_SQUARE;
  const zero = scratch + SCRATCH_MASKS;
  const tweak = scratch + SCRATCH_TWEAK;
  const first = dataSchedule + AES_KEYS;
  const last = lastKey(dataSchedule);
  aesEncryptBlock(tweakSchedule, scratch, unit, tweak);
  for (let half: usize = 0; half < 2; half++) {
    writeTweaks(tweak, tweaks, false);
    pack(from, tweaks, encrypt ? first : last, a, square);
    writeTweaks(tweak, tweaks, true);
    if (encrypt) {
      const planes = encryptRounds(dataSchedule, 1, a, b);
      unpack(planes, 1, last, planes == a ? b : a, square, tweaks, to);
    } else {
      const planes = decryptRounds(dataSchedule, a, b, zero);
      unpack(planes, 3, first, planes == a ? b : a, square, tweaks, to); // three columns on: one back
    }
    from += PLANES_SIZE;
    to += PLANES_SIZE;
  }
}

/** Writes t, t·α, t·α² … for 128 blocks, and t·α¹²⁸ to `tweak` if `advance`. */
function writeTweaks(tweak: usize, to: usize, advance: bool): void {
  let low = load<u64>(tweak);
  let high = load<u64>(tweak, 8);
  for (let i: usize = 0; i < LANES * 16; i += 16) {
    store<u64>(to + i, low);
    store<u64>(to + i, high, 8);
    const carry = high >> 63;
    high = (high << 1) | (low >> 63);
    low = (low << 1) ^ (carry * 0x87);
  }
  if (!advance) return;
  store<u64>(tweak, low);
  store<u64>(tweak, high, 8);
}
