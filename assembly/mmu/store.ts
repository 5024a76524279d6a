/**
 * Stores that the page walkers make themselves: accessed and dirty flags. Plain read-modify-writes suffice where the
 * hardware locks the bus, because one pCPU owns the domain. They reach DRAM only: absent memory reads as all ones, so
 * its flags are set. A table may lie in a frame that holds decoded code; such code becomes stale like by any write.
 */
import { FRAME_CODE_MASK } from '../layout';
import { inBuffer, markDirty } from '../smm/buffer';
import { codeWritten } from './code';
import { entryOfHost } from './frame';

/** Sets flags in a four-byte paging-structure entry at host address `p`. */
export function storeFlags32(s: usize, p: usize, flags: u32): void {
  if (inBuffer(p)) markDirty(s, p);
  if (load<u32>(entryOfHost(p), FRAME_CODE_MASK) != 0) codeWritten(s, p, 4);
  store<u32>(p, load<u32>(p) | flags);
}

/** Sets flags in an eight-byte paging-structure entry at host address `p`. */
export function storeFlags64(s: usize, p: usize, flags: u64): void {
  if (load<u32>(entryOfHost(p), FRAME_CODE_MASK) != 0) codeWritten(s, p, 8);
  store<u64>(p, load<u64>(p) | flags);
}
