/**
 * What time brings a domain: the PIT, the local APIC's timer, and the vCPU timers that raise VIRQ_TIMER
 * (xen/include/public/vcpu.h). All run by the domain's clock, f64 cycles. A deadline of 0 is none.
 */
import { eventMasked, eventSet, virqPort } from '../device/event-channel';
import { lapicDeadline, lapicSync, lapicTimerWakes } from '../device/lapic';
import { picWouldInterrupt } from '../device/pic';
import { pitCounts, pitDeadline, pitSync } from '../device/pit';
import {
  DOMAIN_CALLBACK_VECTOR,
  DOMAIN_EVTCHN_PORTS,
  POLL_ANY,
  POLL_NONE,
  POLL_UPCALL,
  VCPU_DOMAIN,
  VCPU_LAPIC_DEADLINE,
  VCPU_POLL_END,
  VCPU_POLL_PORT,
  VCPU_TIMER_NEXT,
  VCPU_TIMER_ONCE,
  VCPU_TIMER_PERIOD,
  VCPU_TIMERS_DUE,
} from '../layout';
import { NEVER } from '../sched/run-queue';

const TIMER_IRQ: u32 = 0;
const VIRQ_TIMER: u32 = 0;

/** A stored time, or NEVER for 0. */
function orNever(time: f64): f64 {
  return time == 0 ? NEVER : time;
}

/** Whether nothing is armed that time could bring. Then the others need not be asked one by one, several times per event. */
function nothingArmed(s: usize): bool {
  const timers = load<f64>(s + VCPU_TIMER_ONCE) + load<f64>(s + VCPU_TIMER_NEXT) + load<f64>(s + VCPU_LAPIC_DEADLINE);
  return timers == 0 && !pitCounts(load<usize>(s + VCPU_DOMAIN));
}

/** Brings the domain's devices and timers up to `clock`, at pCPU time `now`: raises what is due. */
export function syncTimers(s: usize, clock: f64, now: f64): void {
  store<f64>(s + VCPU_TIMERS_DUE, 0);
  if (nothingArmed(s)) return;
  const d = load<usize>(s + VCPU_DOMAIN);
  pitSync(d, clock);
  lapicSync(s, clock);
  const once = load<f64>(s + VCPU_TIMER_ONCE);
  const next = load<f64>(s + VCPU_TIMER_NEXT);
  let due = false;
  if (once != 0 && once <= clock) {
    store<f64>(s + VCPU_TIMER_ONCE, 0);
    due = true;
  }
  if (next != 0 && next <= clock) {
    const period = load<f64>(s + VCPU_TIMER_PERIOD);
    store<f64>(s + VCPU_TIMER_NEXT, next + period * (Math.floor((clock - next) / period) + 1));
    due = true;
  }
  if (!due) return;
  const port = virqPort(d, VIRQ_TIMER);
  if (port != 0) eventSet(d, port, now);
}

/** The clock at which the vCPU's own timers are due next, or NEVER. */
function timerDeadline(s: usize): f64 {
  return Math.min(orNever(load<f64>(s + VCPU_TIMER_ONCE)), orNever(load<f64>(s + VCPU_TIMER_NEXT)));
}

function pitInterrupt(d: usize): f64 {
  const deadline = pitDeadline(d);
  return deadline >= NEVER || picWouldInterrupt(d, TIMER_IRQ) == 0 ? NEVER : deadline;
}

/** The clock at which a running domain must be looked at next, or NEVER. */
export function nextDeadline(s: usize): f64 {
  if (nothingArmed(s)) return NEVER;
  return Math.min(Math.min(pitInterrupt(load<usize>(s + VCPU_DOMAIN)), timerDeadline(s)), lapicDeadline(s));
}

/** The clock at which time alone wakes the domain if it waits now, or NEVER. */
export function nextInterrupt(s: usize): f64 {
  const d = load<usize>(s + VCPU_DOMAIN);
  const polled = load<u32>(s + VCPU_POLL_PORT);
  if (polled == POLL_NONE && nothingArmed(s)) return NEVER;
  let wake = pitInterrupt(d);
  const timer = lapicDeadline(s);
  if (timer < wake && lapicTimerWakes(s)) wake = timer;
  const deadline = timerDeadline(s);
  if (deadline < wake) {
    const port = virqPort(d, VIRQ_TIMER);
    const seen = polled == POLL_UPCALL || load<u32>(d + DOMAIN_CALLBACK_VECTOR) != 0;
    const polls = polled == POLL_ANY || polled == port;
    if (port != 0 && (polls || (seen && !eventMasked(d, port)))) wake = deadline;
  }
  if (polled != POLL_NONE) wake = Math.min(wake, orNever(load<f64>(s + VCPU_POLL_END)));
  return wake;
}

/** Whether another domain's event, or an event of its own ports, could ever interrupt the domain. */
function mayBeNotified(d: usize): bool {
  return load<u32>(d + DOMAIN_EVTCHN_PORTS) > 0 && load<u32>(d + DOMAIN_CALLBACK_VECTOR) != 0;
}

/** Whether anything could ever interrupt the domain if it waits now. */
export function canWake(s: usize): bool {
  return nextInterrupt(s) < NEVER || mayBeNotified(load<usize>(s + VCPU_DOMAIN));
}
