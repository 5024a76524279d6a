/** Clearing memory without touching what is clear: a page that was never written costs the host no memory. */

/** Whether `bytes` (a multiple of 64) from `address` (a multiple of 16) are all zero. */
export function isZero(address: usize, bytes: usize): bool {
  for (let p = address; p < address + bytes; p += 64) {
    const left = v128.or(v128.load(p), v128.load(p, 16));
    const right = v128.or(v128.load(p, 32), v128.load(p, 48));
    if (v128.any_true(v128.or(left, right))) return false;
  }
  return true;
}

/** Makes `bytes` (a multiple of 64) from `address` (a multiple of 16) zero. */
export function scrub(address: usize, bytes: usize): void {
  if (!isZero(address, bytes)) memory.fill(address, 0, bytes);
}
