/**
 * A hypercall's arguments: copies between guest-linear memory and the flat memory, through the guest's own translation
 * with supervisor rights. A guest pointer never becomes a host address otherwise.
 */
import { FAULT_NONE, PAGE_MASK, PAGE_SIZE, VCPU_EXIT_LENGTH, VCPU_EXIT_REASON, VCPU_FAULT } from '../layout';
import { faulted } from '../record';
import { writeSystemU8, writeSystemU32 } from './access';
import { peek } from './paging';
import { unshareFault } from './share';

/** Copies `count` bytes within the flat memory. */
export function copyBytes(to: usize, from: usize, count: u32): void {
  memory.copy(to, from, count as usize);
}

/** Copies `count` bytes from guest-linear `linear` to flat-memory address `to`. 0 if a byte is not mapped. */
export function copyFromGuest(s: usize, to: usize, linear: u32, count: u32): u32 {
  let done: u32 = 0;
  while (done < count) {
    const at = linear + done;
    if (at < linear) return 0; // wraps
    const found = peek(s, at, true);
    if (found == 0) return 0;
    const offset = at & (PAGE_SIZE - 1);
    const n = min(count - done, PAGE_SIZE - offset);
    const from = ((found & PAGE_MASK) | offset) as usize;
    // Of one word it would mostly be the call.
    if (n == 4) store<u32>(to + (done as usize), load<u32>(from));
    else memory.copy(to + (done as usize), from, n as usize);
    done += n;
  }
  return 1;
}

/**
 * Copies `count` bytes from flat-memory address `from` to guest-linear `linear`. 0 if a byte may not be written; bytes
 * before it are then written, as Xen does. Accesses fill the TLB and set A and D; the exit record stays.
 */
export function copyToGuest(s: usize, linear: u32, from: usize, count: u32): u32 {
  if (count != 0 && linear + (count - 1) < linear) return 0; // wraps
  const reason = load<u32>(s + VCPU_EXIT_REASON);
  const length = load<u32>(s + VCPU_EXIT_LENGTH);
  store<u32>(s + VCPU_FAULT, FAULT_NONE); // the exit that is being handled
  let done: u32 = 0;
  while (done < count) {
    if (count - done >= 4) {
      writeSystemU32(s, linear + done, load<u32>(from + (done as usize)));
      if (!faulted(s)) done += 4;
    } else {
      writeSystemU8(s, linear + done, load<u8>(from + (done as usize)));
      if (!faulted(s)) done++;
    }
    if (!faulted(s)) continue;
    if (unshareFault(s) < 0) break;
    store<u32>(s + VCPU_FAULT, FAULT_NONE); // the page was shared: again, now that it was copied
  }
  const complete = !faulted(s);
  store<u32>(s + VCPU_FAULT, FAULT_NONE);
  store<u32>(s + VCPU_EXIT_REASON, reason);
  store<u32>(s + VCPU_EXIT_LENGTH, length);
  return u32(complete);
}
