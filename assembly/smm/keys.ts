/**
 * The key table: one entry per domain. The hypervisor's key store gives a domain its master key once; the keys that touch
 * data are derived from it here, on chip, one set per epoch (NIST SP 800-108, "KDF in Counter Mode", with AES as the PRF):
 *
 *   master ─AES─▶ page key · tweak key · MAC key · tree key     block: "SMM" 0 │ epoch │ number │ 0
 *
 * An epoch ends when its last counter was issued (counter.ts); the cell of counters lies here, the tree key stays.
 */
import {
  HOST_SMM_KEY_BITS,
  HOST_SMM_KEYS,
  PAGE_SIZE,
  SMM_KEY_CIPHER,
  SMM_KEY_DOMAIN,
  SMM_KEY_EPOCH,
  SMM_KEY_ISSUED,
  SMM_KEY_MAC,
  SMM_KEY_MAC_OLD,
  SMM_KEY_MASTER,
  SMM_KEY_META,
  SMM_KEY_MODE,
  SMM_KEY_SIZE,
  SMM_KEY_TREE,
  SMM_KEY_TWEAK,
  SMM_MODE_EXPOSED,
  SMM_MODE_XTS,
} from '../layout';
import { aesEncryptBlock, aesExpand } from './aes';

const LABEL: u32 = 0x004d4d53; // "SMM"
const BLOCK: usize = 16;
const BLOCKS: usize = 6; // page key 2, tweak key 2, MAC key 1, tree key 1
/** With SMM_MODE_EXPOSED the key lies in DRAM in the first page of the domain's metadata, before the counters. */
export const EXPOSED_SIZE: usize = 4096;

export function keyOf(domain: u32): usize {
  return load<usize>(HOST_SMM_KEYS) + (domain as usize) * SMM_KEY_SIZE;
}

/** Begins the next epoch: new keys from the master key, counters from 1 on. CTR keeps the page and MAC key of the old one. */
export function nextEpoch(key: usize, scratch: usize): void {
  const bits = load<u32>(HOST_SMM_KEY_BITS);
  const epoch = load<u32>(key, SMM_KEY_EPOCH);
  const tweak = key + SMM_KEY_TWEAK;
  const derived = scratch - PAGE_SIZE; // in the page for plaintext
  aesExpand(key + SMM_KEY_MASTER, bits, tweak);
  for (let i: usize = 0; i < BLOCKS; i++) {
    const at = derived + i * BLOCK;
    store<u32>(at, LABEL);
    store<u32>(at, epoch, 4);
    store<u64>(at, i as u64, 8);
    aesEncryptBlock(tweak, scratch, at, at);
  }
  if ((load<u32>(key, SMM_KEY_MODE) & SMM_MODE_XTS) != 0) {
    aesExpand(derived + 2 * BLOCK, bits, tweak);
  } else {
    memory.copy(tweak, key + SMM_KEY_CIPHER, SMM_KEY_SIZE - SMM_KEY_TWEAK);
  }
  memory.copy(key + SMM_KEY_MAC_OLD, key + SMM_KEY_MAC, BLOCK);
  aesExpand(derived, bits, key + SMM_KEY_CIPHER);
  memory.copy(key + SMM_KEY_MAC, derived + 4 * BLOCK, BLOCK);
  if ((load<u32>(key, SMM_KEY_MODE) & SMM_MODE_EXPOSED) != 0) {
    memory.copy(load<usize>(key, SMM_KEY_META) - EXPOSED_SIZE, derived, 2 * BLOCK);
  }
  if (epoch == 0) memory.copy(key + SMM_KEY_TREE, derived + 5 * BLOCK, BLOCK);
  memory.fill(derived, 0, BLOCKS * BLOCK);
  store<u32>(key, epoch + 1, SMM_KEY_EPOCH);
  store<u64>(key, 0, SMM_KEY_ISSUED);
}

/** The schedule of the page key. In the exposed mode the unit believes what lies in DRAM. */
export function cipherOf(key: usize): usize {
  if ((load<u32>(key, SMM_KEY_MODE) & SMM_MODE_EXPOSED) != 0) {
    aesExpand(load<usize>(key, SMM_KEY_META) - EXPOSED_SIZE, load<u32>(HOST_SMM_KEY_BITS), key + SMM_KEY_CIPHER);
  }
  return key + SMM_KEY_CIPHER;
}

/** A domain ends: its keys are gone, and with them all that its frames held. Counts stay until the entry is used anew. */
export function forgetKey(key: usize): void {
  memory.fill(key + SMM_KEY_MASTER, 0, SMM_KEY_SIZE - SMM_KEY_MASTER);
  store<u32>(key, 0, SMM_KEY_MODE);
}

/** Makes the entry of `domain` empty. */
export function clearKey(domain: u32): usize {
  const key = keyOf(domain);
  memory.fill(key, 0, SMM_KEY_SIZE);
  store<u32>(key, domain, SMM_KEY_DOMAIN);
  return key;
}
