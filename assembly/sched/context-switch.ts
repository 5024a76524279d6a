/**
 * The one place where the vCPU that a pCPU runs changes: to another, to none (idle), from none. The machine's own parts that must
 * know which domain is current, the secure-memory unit, are told here, before the next instruction runs; a policy's observers
 * in src/hypervisor/context-switch.ts, which calls this.
 */
import { VCPU_NONE } from '../host';
import { HOST_SWITCH_CYCLES, PCPU_CURRENT, PCPU_SWITCH_CYCLES, PCPU_SWITCHES, VCPU_SWITCHES } from '../layout';
import { smmNotify } from '../smm/unit';
import { vcpuAt } from './heap';

/**
 * Makes `to`, which is not its current one, the vCPU that the pCPU at `p` runs, and counts it. Returns the modelled cycles that it
 * took, which are time of the pCPU. Going idle is free and not told: an idle pCPU keeps what is loaded until another vCPU comes.
 */
export function contextSwitch(p: usize, to: u32): f64 {
  store<u32>(p + PCPU_CURRENT, to);
  if (to == VCPU_NONE) return 0;
  const v = vcpuAt(to);
  store<f64>(p + PCPU_SWITCHES, load<f64>(p + PCPU_SWITCHES) + 1);
  store<u32>(v + VCPU_SWITCHES, load<u32>(v + VCPU_SWITCHES) + 1);
  const cycles = f64(load<u32>(HOST_SWITCH_CYCLES)) + smmNotify(p, v);
  store<f64>(p + PCPU_SWITCH_CYCLES, load<f64>(p + PCPU_SWITCH_CYCLES) + cycles);
  return cycles;
}
