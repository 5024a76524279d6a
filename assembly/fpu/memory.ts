/** Memory operands of up to 512 bytes: all bytes or a fault, never a part. */
import { alignmentChecked, hostRead, hostWrite, probeRead, probeWrite, readU8, writeU8 } from '../mmu/access';
import { faulted, raiseError, VECTOR_AC } from '../record';

/**
 * #AC where alignment is checked: 2, 4, 8 or 16 bytes for the data types, 8 for an extended or BCD value, and the word
 * or doubleword of their format for environments and save areas (SDM Vol. 3A, Table 6-7, "Alignment Requirements by
 * Data Type"). The largest power of two that divides the size says just that, but for 10 bytes.
 */
function misaligned(s: usize, linear: u32, size: u32): bool {
  const alignment = size == 10 ? 8 : size & -size;
  if ((linear & (alignment - 1)) == 0 || !alignmentChecked(s)) return false;
  raiseError(s, VECTOR_AC, 0);
  return true;
}

/** Copies `size` bytes from guest memory to host address `to`; false: fault recorded. */
export function loadBytes(s: usize, linear: u32, size: u32, to: usize): bool {
  if (misaligned(s, linear, size)) return false;
  const p = hostRead(s, linear, size);
  if (p != 0) {
    memory.copy(to, p, size);
    return true;
  }
  if (faulted(s)) return false;
  probeRead(s, linear, size);
  if (faulted(s)) return false;
  for (let i: u32 = 0; i < size; i++) {
    store<u8>(to + i, readU8(s, linear + i));
  }
  return true;
}

/** Copies `size` bytes from host address `from` to guest memory; false: fault recorded and nothing written. */
export function storeBytes(s: usize, linear: u32, size: u32, from: usize): bool {
  if (misaligned(s, linear, size)) return false;
  const p = hostWrite(s, linear, size);
  if (p != 0) {
    memory.copy(p, from, size);
    return true;
  }
  if (faulted(s)) return false;
  probeWrite(s, linear, size);
  if (faulted(s)) return false;
  for (let i: u32 = 0; i < size; i++) writeU8(s, linear + i, load<u8>(from + i));
  return true;
}
