/** Virtual time as the guest sees it: a function of event counts alone. */
import { COUNTERS, HOST_WEIGHTS, VCPU_COUNTERS, VCPU_TSC_BASE } from '../layout';

/** Modelled cycles of this vCPU so far: Σ counter × weight. */
export function modelledCycles(s: usize): u64 {
  let cycles: u64 = 0;
  for (let i: usize = 0; i < (COUNTERS as usize); i++) {
    const weight = load<u32>(HOST_WEIGHTS + (i << 2));
    if (weight) cycles += load<u64>(s + VCPU_COUNTERS + (i << 3)) * u64(weight);
  }
  return cycles;
}

/** The time-stamp counter. The counters must be exact: RDTSC and RDMSR stand alone in their blocks. */
export function virtualTsc(s: usize): u64 {
  return load<u64>(s + VCPU_TSC_BASE) + modelledCycles(s);
}

/** WRMSR to IA32_TIME_STAMP_COUNTER. */
export function setVirtualTsc(s: usize, value: u64): void {
  store<u64>(s + VCPU_TSC_BASE, value - modelledCycles(s));
}
