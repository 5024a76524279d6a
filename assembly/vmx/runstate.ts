/**
 * How long a vCPU was in which state: struct vcpu_runstate_info, xen/include/public/vcpu.h, as 32-bit guests have it.
 *
 *   0 state   4 state_entry_time   12 time[running]   20 time[runnable]   28 time[blocked]   36 time[offline]   44
 *
 * Times are nanoseconds of the domain's clock, and the four add up to it. A domain with a clock of its own is never "runnable": what
 * neighbours take from it, it must not see. Xen writes the area at every context switch; here it is written when the vCPU runs
 * after it slept, because context switches are neighbours' doing.
 */
import { modelledCycles } from '../cpu/time';
import {
  HOST_CLOCK_DOMAIN,
  HOST_CLOCK_MODE,
  HOST_FREQUENCY,
  RUNSTATE_DUE,
  RUNSTATE_TOLD,
  VCPU_IDLE,
  VCPU_RUNNING_SINCE,
  VCPU_RUNSTATE,
  VCPU_RUNSTATE_AREA,
  VCPU_SCRATCH,
  VCPU_WAITED,
} from '../layout';
import { copyToGuest } from '../mmu/guest-copy';

export const RUNSTATE_SIZE: u32 = 44;
const RUNNING: u32 = 0;

function putTime(p: usize, cycles: f64): void {
  store<u64>(p, u64((cycles * 1e9) / load<f64>(HOST_FREQUENCY)));
}

/** Writes the vCPU's runstate, which runs, to its scratch area. */
export function runstateFill(s: usize): void {
  const p = s + VCPU_SCRATCH;
  const runnable = load<u32>(HOST_CLOCK_MODE) == HOST_CLOCK_DOMAIN ? 0 : load<f64>(s + VCPU_WAITED);
  store<u32>(p, RUNNING);
  putTime(p + 4, load<f64>(s + VCPU_RUNNING_SINCE));
  putTime(p + 12, modelledCycles(s));
  putTime(p + 20, runnable);
  putTime(p + 28, Math.max(0, load<f64>(s + VCPU_IDLE) - runnable));
  store<u64>(p + 36, 0);
}

/** Writes it to the registered area. One that is not mapped is left alone, as in Xen. */
export function runstateTell(s: usize): void {
  store<u32>(s + VCPU_RUNSTATE, RUNSTATE_TOLD);
  runstateFill(s);
  copyToGuest(s, load<u32>(s + VCPU_RUNSTATE_AREA), s + VCPU_SCRATCH, RUNSTATE_SIZE);
}

/** The vCPU wakes at `clock` of its domain. */
export function runstateWoken(s: usize, clock: f64): void {
  store<f64>(s + VCPU_RUNNING_SINCE, clock);
  if (load<u32>(s + VCPU_RUNSTATE) != 0) store<u32>(s + VCPU_RUNSTATE, RUNSTATE_DUE);
}
