/**
 * What time brings a domain: the PIT, the local APIC's timer, and the vCPU timers that raise VIRQ_TIMER (xen/include/public/vcpu.h). All run by the
 * domain's clock. A deadline of 0 is none.
 */
import { isMasked, NO_PORT, setPending, VIRQ_TIMER, virqPort } from './event-channel.js';
import type { Guest } from './guest.js';

export const NEVER = 2 ** 53;
const TIMER_IRQ = 0;
const NANOSECONDS = 1e9;

/** Cycles until `ns` nanoseconds, rounded up, or NEVER. */
export function cyclesOf(guest: Guest, ns: number): number {
  return Math.min(NEVER, Math.ceil((ns * guest.host.frequencyHz) / NANOSECONDS));
}

/** Brings the domain's devices and timers up to `clock`: raises what is due. */
export function syncTimers(guest: Guest, clock: number): void {
  const { core, vcpu, domain } = guest;
  const l = core.layout;
  guest.deadline = 0;
  core.call.pitSync(domain.base, clock);
  core.call.lapicSync(vcpu.base, clock);
  const once = core.readF64(vcpu.base + l.VCPU_TIMER_ONCE);
  const next = core.readF64(vcpu.base + l.VCPU_TIMER_NEXT);
  let due = false;
  if (once !== 0 && once <= clock) {
    core.writeF64(vcpu.base + l.VCPU_TIMER_ONCE, 0);
    due = true;
  }
  if (next !== 0 && next <= clock) {
    const period = core.readF64(vcpu.base + l.VCPU_TIMER_PERIOD);
    core.writeF64(vcpu.base + l.VCPU_TIMER_NEXT, next + period * (Math.floor((clock - next) / period) + 1));
    due = true;
  }
  if (!due) return;
  const port = virqPort(core, domain.base, VIRQ_TIMER);
  if (port !== NO_PORT) setPending(core, domain.base, port, guest.now());
}

/** The clock at which the vCPU's own timers are due next, or NEVER. */
function timerDeadline(guest: Guest): number {
  const { core, vcpu } = guest;
  const l = core.layout;
  const once = core.readF64(vcpu.base + l.VCPU_TIMER_ONCE) || NEVER;
  return Math.min(once, core.readF64(vcpu.base + l.VCPU_TIMER_NEXT) || NEVER);
}

function pitInterrupt(guest: Guest): number {
  const { core, domain } = guest;
  const deadline = core.call.pitDeadline(domain.base);
  if (deadline >= NEVER || core.call.picWouldInterrupt(domain.base, TIMER_IRQ) === 0) return NEVER;
  return deadline;
}

/** The clock at which a running domain must be looked at next, or NEVER. */
export function nextDeadline(guest: Guest): number {
  return Math.min(pitInterrupt(guest), timerDeadline(guest), guest.core.call.lapicDeadline(guest.vcpu.base));
}

/** The clock at which time alone wakes the domain if it waits now, or NEVER. */
export function nextInterrupt(guest: Guest): number {
  const { core, vcpu, domain } = guest;
  const l = core.layout;
  const polled = core.read(vcpu.base + l.VCPU_POLL_PORT);
  let wake = pitInterrupt(guest);
  if (core.call.lapicTimerWakes(vcpu.base) !== 0) wake = Math.min(wake, core.call.lapicDeadline(vcpu.base));
  const deadline = timerDeadline(guest);
  if (deadline < wake) {
    const port = virqPort(core, domain.base, VIRQ_TIMER);
    const seen = polled === l.POLL_UPCALL || core.read(domain.base + l.DOMAIN_CALLBACK_VECTOR) !== 0;
    const polls = polled === l.POLL_ANY || polled === port;
    if (port !== NO_PORT && (polls || (seen && !isMasked(core, domain.base, port)))) wake = deadline;
  }
  if (polled !== l.POLL_NONE) wake = Math.min(wake, core.readF64(vcpu.base + l.VCPU_POLL_END) || NEVER);
  return wake;
}

/** Whether another domain's event, or an event of its own ports, could ever interrupt the domain. */
export function mayBeNotified(guest: Guest): boolean {
  const { core, domain } = guest;
  const l = core.layout;
  return core.read(domain.base + l.DOMAIN_EVTCHN_PORTS) > 0 && core.read(domain.base + l.DOMAIN_CALLBACK_VECTOR) !== 0;
}
