/** Console output by hypercall: a guest's bytes, through its own translation, into the console ring. */
import { PAGE_MASK, PAGE_SIZE } from '../layout';
import { peek } from '../mmu/paging';
import { consolePut } from './uart';

/**
 * Copies `count` bytes from guest-linear `linear` into the ring of domain `d`; there must be room for them. Returns how
 * many were copied: fewer if a page is not mapped. Nothing else of the guest changes.
 */
export function consoleWrite(d: usize, s: usize, linear: u32, count: u32): u32 {
  let done: u32 = 0;
  while (done < count) {
    const at = linear + done;
    const found = peek(s, at, true);
    if (found == 0) break;
    const from = (found & PAGE_MASK) as usize;
    const offset = at & (PAGE_SIZE - 1);
    const n = min(count - done, PAGE_SIZE - offset);
    for (let i: u32 = 0; i < n; i++) consolePut(d, load<u8>(from + ((offset + i) as usize)));
    done += n;
  }
  return done;
}
