/** The step that is let through to device registers: see device/mmio.ts. */
import { VCPU_MMIO_NOW, VCPU_MMIO_OPEN } from '../layout';
import { run } from './run';

/** Executes one step with device registers within reach, at clock `now`. Returns as `run` does. */
export function runMmio(s: usize, now: f64): u32 {
  store<f64>(s + VCPU_MMIO_NOW, now);
  store<u32>(s + VCPU_MMIO_OPEN, 1);
  const reason = run(s, 1);
  store<u32>(s + VCPU_MMIO_OPEN, 0);
  return reason;
}
