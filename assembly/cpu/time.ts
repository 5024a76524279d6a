/** Virtual time as the guest sees it: a function of event counts alone. */
import { COUNTER_EXIT, HOST_WEIGHTS, VCPU_COUNTERS, VCPU_TSC_ADJUST, VCPU_TSC_BASE } from '../layout';

/** Modelled cycles of this vCPU so far: Σ counter × weight. The exits' part is summed as they happen: record.ts. */
function cycles(s: usize): u64 {
  // Four sums side by side, every address a constant: every exit comes here.
  if (COUNTER_EXIT != 16) unreachable();
  const a = term(s, 0) + term(s, 4) + term(s, 8) + term(s, 12);
  const b = term(s, 1) + term(s, 5) + term(s, 9) + term(s, 13);
  const c = term(s, 2) + term(s, 6) + term(s, 10) + term(s, 14);
  const d = term(s, 3) + term(s, 7) + term(s, 11) + term(s, 15);
  return a + b + (c + d);
}

function term(s: usize, i: usize): u64 {
  return load<u64>(s + VCPU_COUNTERS + (i << 3)) * u64(load<u32>(HOST_WEIGHTS + (i << 2)));
}

/** Modelled cycles for TypeScript: a whole number, exact below 2^53 (about a month at 3 GHz). */
export function modelledCycles(s: usize): f64 {
  return f64(cycles(s));
}

/** The time-stamp counter. COUNTER_RETIRED must be exact: RDTSC, RDMSR and WRMSR stand alone in their blocks. */
export function virtualTsc(s: usize): u64 {
  return load<u64>(s + VCPU_TSC_BASE) + load<u64>(s + VCPU_TSC_ADJUST) + cycles(s);
}

/** WRMSR to IA32_TIME_STAMP_COUNTER. */
export function setVirtualTsc(s: usize, value: u64): void {
  store<u64>(s + VCPU_TSC_ADJUST, value - cycles(s) - load<u64>(s + VCPU_TSC_BASE));
}
