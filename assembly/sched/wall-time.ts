/**
 * Who ran since TypeScript last read the wall clock. The core has no clock, and reading one at every switch would cost a tenth of
 * it; so the core notes who ran for how many cycles, and TypeScript reads the clock after so many of them and at the quantum's
 * end, and deals out the time between by cycles. No result depends on that.
 */
import { HOST_SLICE, PCPU_RAN, PCPU_RAN_CYCLES, VCPU_INDEX, VCPU_RAN, VCPU_RAN_NEXT } from '../layout';

/** Part of a slice that is run between two readings: so much of a slice may be counted for another domain. */
const PART: f64 = 20;
const LAST: u32 = 0xffffffff;

/** The vCPU at `v` has run `cycles` on the pCPU at `p`. */
export function noteRan(p: usize, v: usize, cycles: f64): void {
  store<f64>(p + PCPU_RAN_CYCLES, load<f64>(p + PCPU_RAN_CYCLES) + cycles);
  store<f64>(v + VCPU_RAN, load<f64>(v + VCPU_RAN) + cycles);
  if (load<u32>(v + VCPU_RAN_NEXT) != 0) return;
  const others = load<u32>(p + PCPU_RAN);
  store<u32>(v + VCPU_RAN_NEXT, others == 0 ? LAST : others);
  store<u32>(p + PCPU_RAN, load<u32>(v + VCPU_INDEX) + 1);
}

/** Whether the clock should be read before another one runs. */
export function clockIsDue(p: usize): bool {
  return load<f64>(p + PCPU_RAN_CYCLES) * PART >= load<f64>(HOST_SLICE);
}
