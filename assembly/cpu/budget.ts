/** The budget of a run: steps given, steps charged, and what of them were instructions retired. */
import {
  COUNTER_RETIRED,
  VCPU_BUDGET,
  VCPU_COUNTERS,
  VCPU_DELIVERIES,
  VCPU_RETIRED_BASE,
  VCPU_RUN_BUDGET,
} from '../layout';

function retiredCounter(s: usize): usize {
  return s + VCPU_COUNTERS + ((COUNTER_RETIRED as usize) << 3);
}

export function beginRun(s: usize, budget: i32): void {
  store<i32>(s + VCPU_RUN_BUDGET, budget);
  store<i32>(s + VCPU_BUDGET, budget);
  store<u32>(s + VCPU_DELIVERIES, 0);
  store<u64>(s + VCPU_RETIRED_BASE, load<u64>(retiredCounter(s)));
}

/** Brings COUNTER_RETIRED up to date within a run. Exact wherever the running block is paid for: see `solo` in the opcode table. */
export function settle(s: usize): void {
  const spent = load<i32>(s + VCPU_RUN_BUDGET) - load<i32>(s + VCPU_BUDGET);
  const retired = (spent as i64) - (load<u32>(s + VCPU_DELIVERIES) as i64);
  store<u64>(retiredCounter(s), load<u64>(s + VCPU_RETIRED_BASE) + (retired as u64));
}

/** An event delivered uses up a step, so that a guest which only faults still comes to its budget's end. */
export function charge(s: usize): void {
  store<i32>(s + VCPU_BUDGET, load<i32>(s + VCPU_BUDGET) - 1);
  store<u32>(s + VCPU_DELIVERIES, load<u32>(s + VCPU_DELIVERIES) + 1);
}
