/** HLT waits for an interrupt. With interrupts off nothing can end the wait: there is no NMI source. */
import { FLAG_IF, FLAG_TF } from '../cpu/flags';
import { skipInstruction } from '../cpu/io';
import { modelledCycles } from '../cpu/time';
import { interruptPending } from '../device/upcall';
import { PCPU_BASE, POLL_NONE, VCPU_EFLAGS, VCPU_IDLE, VCPU_PCPU, VCPU_POLL_PORT } from '../layout';
import { canWake, syncTimers } from './timers';

export const HALT_OVER: u32 = 0; //     an interrupt waits already, or the single-step trap of HLT ends the wait at once
export const HALT_WAITS: u32 = 1;
export const HALT_MASKED: u32 = 2; //   for ever: interrupts are off
export const HALT_FOREVER: u32 = 3; //  for ever: nothing is left that could interrupt

/** Handles the HLT in the exit record: HALT_*. EIP moves on unless it waits for ever. */
export function halt(s: usize): u32 {
  return haltAt(s, modelledCycles(s));
}

/** The same; the vCPU's modelled cycles are known. */
export function haltAt(s: usize, cycles: f64): u32 {
  const eflags = load<u32>(s + VCPU_EFLAGS);
  if (!(eflags & FLAG_TF)) {
    if (!(eflags & FLAG_IF)) return HALT_MASKED;
    syncTimers(s, load<f64>(s + VCPU_IDLE) + cycles, load<f64>(load<usize>(s + VCPU_PCPU) + PCPU_BASE) + cycles);
    if (!interruptPending(s)) {
      store<u32>(s + VCPU_POLL_PORT, POLL_NONE);
      if (!canWake(s)) return HALT_FOREVER;
      skipInstruction(s);
      return HALT_WAITS;
    }
  }
  skipInstruction(s);
  return HALT_OVER;
}
