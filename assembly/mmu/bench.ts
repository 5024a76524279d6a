/** Loops that benches time from outside: the loop runs inside WASM, so the call into it costs nothing. */
import { PAGE_SIZE, TLB_ADDEND, TLB_TAG_R, VCPU_TLB_BANK } from '../layout';
import { readU32 } from './access';
import { OF_TRANSLATION, physical, READ } from './ept';
import { SUPERVISOR, walk } from './paging';
import { entryOf, flushPage } from './tlb';

/** `n` loads by the one-compare fast path, `stride` bytes apart within `span` (a power of two) bytes. */
export function benchHit(s: usize, linear: u32, stride: u32, span: u32, n: u32): u32 {
  const bank = load<usize>(s + VCPU_TLB_BANK);
  let sum: u32 = 0;
  let offset: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const address = linear + offset;
    const entry = entryOf(bank, address);
    if (load<u32>(entry, TLB_TAG_R) != ((address + 3) & 0xfffff000)) sum += readU32(s, address);
    else sum += load<u32>((address + load<u32>(entry, TLB_ADDEND)) as usize);
    offset = (offset + stride) & (span - 1);
  }
  return sum;
}

/** The same, each address depending on the value loaded before (which must be 0). */
export function benchHitDependent(s: usize, linear: u32, stride: u32, span: u32, n: u32): u32 {
  const bank = load<usize>(s + VCPU_TLB_BANK);
  let offset: u32 = 0;
  let value: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const address = linear + offset + value;
    const entry = entryOf(bank, address);
    if (load<u32>(entry, TLB_TAG_R) != ((address + 3) & 0xfffff000)) value = readU32(s, address);
    else value = load<u32>((address + load<u32>(entry, TLB_ADDEND)) as usize);
    offset = (offset + stride) & (span - 1);
  }
  return value;
}

/** `n` walks without TLB, over `pages` (a power of two) consecutive pages. */
export function benchWalk(s: usize, linear: u32, pages: u32, n: u32): u32 {
  let sum: u32 = 0;
  for (let i: u32 = 0; i < n; i++) sum += walk(s, linear + (i & (pages - 1)) * PAGE_SIZE, READ, SUPERVISOR);
  return sum;
}

/** `n` TLB misses: each page is dropped, then read (look-up, walk, fill, load). */
export function benchMiss(s: usize, linear: u32, pages: u32, n: u32): u32 {
  let sum: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const address = linear + (i & (pages - 1)) * PAGE_SIZE;
    flushPage(s, address);
    sum += readU32(s, address);
  }
  return sum;
}

/** `n` walks of the EPT alone. */
export function benchEpt(s: usize, gpa: u32, pages: u32, n: u32): u32 {
  let sum: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const address = gpa + (i & (pages - 1)) * PAGE_SIZE;
    sum += physical(s, address, address, READ, OF_TRANSLATION);
  }
  return sum;
}
