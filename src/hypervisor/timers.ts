/**
 * What time brings a domain: the PIT, the local APIC's timer, and the vCPU timers that raise VIRQ_TIMER (xen/include/public/vcpu.h).
 * All run by the domain's clock. Mechanism: assembly/vmx/timers.ts.
 */
import type { Guest } from './guest.js';

export const NEVER = 2 ** 53;
const NANOSECONDS = 1e9;

/** Cycles until `ns` nanoseconds, rounded up, or NEVER. */
export function cyclesOf(guest: Guest, ns: number): number {
  return Math.min(NEVER, Math.ceil((ns * guest.host.frequencyHz) / NANOSECONDS));
}

/** Brings the domain's devices and timers up to `clock`: raises what is due. */
export function syncTimers(guest: Guest, clock: number): void {
  guest.core.call.syncTimers(guest.vcpu.base, clock, guest.now());
}

/** The clock at which a running domain must be looked at next, or NEVER. */
export function nextDeadline(guest: Guest): number {
  return guest.core.call.nextDeadline(guest.vcpu.base);
}

/** The clock at which time alone wakes the domain if it waits now, or NEVER. */
export function nextInterrupt(guest: Guest): number {
  return guest.core.call.nextInterrupt(guest.vcpu.base);
}
