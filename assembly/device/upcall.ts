/**
 * Which interrupt an asserted INTR stands for. Event-channel upcalls go before the interrupt controller, as in Xen.
 *
 *   INTR_EVENT ─▶ shared_info.vcpu_info[0].evtchn_upcall_pending ─▶ callback vector
 *   INTR_LAPIC ─▶ lapicAcknowledge
 *   INTR_PIC   ─▶ picAcknowledge
 *
 * The upcall is a level that the guest lowers in memory: INTR_EVENT is dropped when the flag is found clear, and stays
 * while it is set, so that a handler which returns without clearing it is entered again.
 */
import {
  DOMAIN_BLOCKS_INTERRUPTS,
  DOMAIN_CALLBACK_VECTOR,
  DOMAIN_SHARED_INFO,
  INTR_EVENT,
  INTR_LAPIC,
  VCPU_DOMAIN,
  VCPU_INTR,
} from '../layout';
import { lapicAcknowledge } from './lapic';
import { picAcknowledge } from './pic';

export const NO_VECTOR: u32 = 0xffffffff;

/** Whether an upcall is pending and there is a vector for it. */
function upcallPending(d: usize): bool {
  const shared = load<usize>(d + DOMAIN_SHARED_INFO);
  return shared != 0 && load<u32>(d + DOMAIN_CALLBACK_VECTOR) != 0 && load<u8>(shared) != 0;
}

/**
 * 1 if an interrupt would be delivered now were IF set; drops an upcall that the guest has taken back, and what is asserted to a
 * fork whose interrupts are blocked: it stays pending where it comes from.
 */
export function interruptPending(s: usize): u32 {
  const intr = load<u32>(s + VCPU_INTR);
  if (intr == 0) return 0;
  const d = load<usize>(s + VCPU_DOMAIN);
  if (load<u32>(d + DOMAIN_BLOCKS_INTERRUPTS)) {
    store<u32>(s + VCPU_INTR, 0);
    return 0;
  }
  if ((intr & INTR_EVENT) == 0 || upcallPending(d)) return 1;
  store<u32>(s + VCPU_INTR, intr & ~INTR_EVENT);
  return u32((intr & ~INTR_EVENT) != 0);
}

/** The vector of the interrupt that INTR asserts, or NO_VECTOR. */
export function acknowledge(s: usize): u32 {
  if (!interruptPending(s)) return NO_VECTOR;
  const d = load<usize>(s + VCPU_DOMAIN);
  if (load<u32>(s + VCPU_INTR) & INTR_EVENT) return load<u32>(d + DOMAIN_CALLBACK_VECTOR);
  return load<u32>(s + VCPU_INTR) & INTR_LAPIC ? lapicAcknowledge(s) : picAcknowledge(d);
}
