/**
 * A vCPU's clock, which its domain's devices and its TSC follow: its own modelled cycles and the time it was idle.
 * Times leave as f64, because BigInt would cost an allocation per exit; they are whole numbers below 2^53.
 */
import { VCPU_IDLE, VCPU_TSC_BASE } from '../layout';

/** Sets the idle time; the TSC moves by the same amount, from wherever the guest has set it. */
export function setIdle(s: usize, idle: f64): void {
  const delta = i64(idle) - i64(load<f64>(s + VCPU_IDLE));
  store<f64>(s + VCPU_IDLE, idle);
  store<i64>(s + VCPU_TSC_BASE, load<i64>(s + VCPU_TSC_BASE) + delta);
}
