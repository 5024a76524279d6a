/**
 * Who may run on a pCPU and who waits for what: the scheduler's queues.
 *
 *   run queue   runnable vCPUs, by virtual time (credit) or by arrival (round robin)
 *   sleepers    blocked vCPUs by the pCPU time at which they wake, and parked ones by that of their domain's refill
 *
 * Every operation is O(log n) in the vCPUs of the pCPU. Times are cycles of the pCPU, f64.
 */
import { VCPU_NONE } from '../host';
import {
  DOMAIN_REFILL,
  PCPU_BLOCKED,
  PCPU_BLOCKED_CAPACITY,
  PCPU_BLOCKED_LENGTH,
  PCPU_CURRENT,
  PCPU_QUEUE,
  PCPU_QUEUE_CAPACITY,
  PCPU_QUEUE_LENGTH,
  PCPU_VTIME,
  RUN_BLOCKED,
  RUN_PARKED,
  RUN_RUNNABLE,
  VCPU_BLOCKED_AT,
  VCPU_DOMAIN,
  VCPU_INDEX,
  VCPU_PCPU,
  VCPU_RUN_STATE,
  VCPU_RUNNABLE_SINCE,
  VCPU_SCHED_KEY,
  VCPU_WAITED,
  VCPU_WAKE,
  VCPU_WAKE_LATENCY,
  VCPU_WAKE_LATENCY_MAX,
  VCPU_WAKEUPS,
  VCPU_WOKEN,
} from '../layout';
import { domainBudget, limitSavings, usesCredit, virtualTime } from './credit';
import { heapPush, heapRemove, heapUpdate, vcpuAt } from './heap';

export const NEVER: f64 = 9007199254740992.0; // 2^53

function pushSleeper(p: usize, index: u32): void {
  if (load<u32>(p + PCPU_BLOCKED_LENGTH) >= PCPU_BLOCKED_CAPACITY) unreachable();
  heapPush(p, PCPU_BLOCKED_LENGTH, PCPU_BLOCKED, VCPU_WAKE, index);
}

/** Queues a vCPU that is runnable since pCPU time `since`. */
export function enqueueVcpu(p: usize, index: u32, since: f64): void {
  if (load<u32>(p + PCPU_QUEUE_LENGTH) >= PCPU_QUEUE_CAPACITY) unreachable();
  const v = vcpuAt(index);
  const d = load<usize>(v + VCPU_DOMAIN);
  limitSavings(d, p);
  store<u32>(v + VCPU_RUN_STATE, RUN_RUNNABLE);
  store<f64>(v + VCPU_RUNNABLE_SINCE, since);
  store<f64>(v + VCPU_SCHED_KEY, virtualTime(d));
  heapPush(p, PCPU_QUEUE_LENGTH, PCPU_QUEUE, VCPU_SCHED_KEY, index);
}

/** Takes the vCPU that is to run at pCPU time `now` out of the run queue, or VCPU_NONE. */
export function dequeueVcpu(p: usize, now: f64): u32 {
  while (load<u32>(p + PCPU_QUEUE_LENGTH) != 0) {
    const index = load<u32>(p + PCPU_QUEUE);
    const v = vcpuAt(index);
    const d = load<usize>(v + VCPU_DOMAIN);
    const key = virtualTime(d);
    if (load<f64>(v + VCPU_SCHED_KEY) < key) {
      // Another vCPU of its domain has run since.
      store<f64>(v + VCPU_SCHED_KEY, key);
      heapUpdate(p, PCPU_QUEUE_LENGTH, PCPU_QUEUE, VCPU_SCHED_KEY, index);
      continue;
    }
    heapRemove(p, PCPU_QUEUE_LENGTH, PCPU_QUEUE, VCPU_SCHED_KEY, index);
    if (domainBudget(d, now) > 0) {
      if (key > load<f64>(p + PCPU_VTIME)) store<f64>(p + PCPU_VTIME, key);
      return index;
    }
    store<u32>(v + VCPU_RUN_STATE, RUN_PARKED);
    store<f64>(v + VCPU_WAKE, load<f64>(d + DOMAIN_REFILL));
    pushSleeper(p, index);
  }
  return VCPU_NONE;
}

/** Notes how long a vCPU had to wait that runs from pCPU time `now` on. */
export function noteStart(index: u32, now: f64): void {
  const v = vcpuAt(index);
  const waited = Math.max(0, now - load<f64>(v + VCPU_RUNNABLE_SINCE));
  store<f64>(v + VCPU_WAITED, load<f64>(v + VCPU_WAITED) + waited);
  if (load<u32>(v + VCPU_WOKEN) == 0) return;
  store<u32>(v + VCPU_WOKEN, 0);
  store<f64>(v + VCPU_WAKE_LATENCY, load<f64>(v + VCPU_WAKE_LATENCY) + waited);
  store<f64>(v + VCPU_WAKE_LATENCY_MAX, Math.max(load<f64>(v + VCPU_WAKE_LATENCY_MAX), waited));
}

/** The pCPU time at which the next vCPU wakes, or NEVER. */
export function earliestWake(p: usize): f64 {
  if (load<u32>(p + PCPU_BLOCKED_LENGTH) == 0) return NEVER;
  return load<f64>(vcpuAt(load<u32>(p + PCPU_BLOCKED)) + VCPU_WAKE);
}

/** Lets a vCPU sleep from pCPU time `now` until `wake`. */
export function blockVcpu(p: usize, index: u32, now: f64, wake: f64): void {
  const v = vcpuAt(index);
  store<f64>(v + VCPU_BLOCKED_AT, now);
  store<f64>(v + VCPU_WAKE, wake);
  store<u32>(v + VCPU_RUN_STATE, RUN_BLOCKED);
  pushSleeper(p, index);
}

/** Lets the vCPU at `v`, if it is blocked, wake at pCPU time `now`, or when it blocked if that is later. */
export function wakeVcpu(v: usize, now: f64): void {
  if (v == 0 || load<u32>(v + VCPU_RUN_STATE) != RUN_BLOCKED) return;
  const wake = Math.max(now, load<f64>(v + VCPU_BLOCKED_AT));
  if (wake >= load<f64>(v + VCPU_WAKE)) return;
  store<f64>(v + VCPU_WAKE, wake);
  heapUpdate(load<usize>(v + VCPU_PCPU), PCPU_BLOCKED_LENGTH, PCPU_BLOCKED, VCPU_WAKE, load<u32>(v + VCPU_INDEX));
}

/**
 * Takes the next vCPU whose time to wake has come by pCPU time `now`, or VCPU_NONE: in the order of these times, then of
 * blocking. A parked one is queued again at once and not returned.
 */
export function takeWoken(p: usize, now: f64): u32 {
  while (load<u32>(p + PCPU_BLOCKED_LENGTH) != 0) {
    const index = load<u32>(p + PCPU_BLOCKED);
    const v = vcpuAt(index);
    if (load<f64>(v + VCPU_WAKE) > now) return VCPU_NONE;
    heapRemove(p, PCPU_BLOCKED_LENGTH, PCPU_BLOCKED, VCPU_WAKE, index);
    if (load<u32>(v + VCPU_RUN_STATE) != RUN_PARKED) return index;
    enqueueVcpu(p, index, load<f64>(v + VCPU_RUNNABLE_SINCE));
  }
  return VCPU_NONE;
}

/**
 * Queues a vCPU that woke at pCPU time `since`. True: it deserves to run before the vCPU that runs now, because it has
 * more credit.
 */
export function enqueueWoken(p: usize, index: u32, since: f64): bool {
  const v = vcpuAt(index);
  store<u32>(v + VCPU_WAKEUPS, load<u32>(v + VCPU_WAKEUPS) + 1);
  store<u32>(v + VCPU_WOKEN, 1);
  enqueueVcpu(p, index, since);
  const current = load<u32>(p + PCPU_CURRENT);
  if (current == VCPU_NONE || !usesCredit()) return false;
  return load<f64>(v + VCPU_SCHED_KEY) < virtualTime(load<usize>(vcpuAt(current) + VCPU_DOMAIN));
}
