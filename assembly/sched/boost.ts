/** Who wakes with more credit than the vCPU that runs may take its place (Xen's BOOST, here by virtual time). */
import { HOST_BOOST, HOST_SLICE, PCPU_SWITCHED_AT } from '../layout';
import { usesCredit } from './credit';
import { earliestWake } from './run-queue';

/** Least part of a slice that a vCPU runs before one that woke may preempt it: 1 ms of 30 ms in Xen (sched_ratelimit_us). */
const RATE_LIMIT: f64 = 30;

export function boosts(): bool {
  return load<u32>(HOST_BOOST) != 0 && usesCredit();
}

/** pCPU time until which the current vCPU is not preempted: a storm of events must not be a storm of switches. */
export function protectedUntil(p: usize): f64 {
  return load<f64>(p + PCPU_SWITCHED_AT) + load<f64>(HOST_SLICE) / RATE_LIMIT;
}

/** `deadline`, or the pCPU time before it at which whoever wakes next may preempt the current vCPU. */
export function boundByBoost(p: usize, deadline: f64): f64 {
  const wakes = earliestWake(p);
  if (wakes >= deadline || !boosts()) return deadline;
  return Math.min(deadline, Math.max(wakes, protectedUntil(p)));
}
