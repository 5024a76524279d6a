/** CPUID is an unconditional VM exit (SDM Vol. 3C 25.1.2); what the leaves say is the hypervisor's policy. */
import { EXIT_CPUID, exitInstruction } from '../record';

export function cpuid(s: usize, length: u32): void {
  exitInstruction(s, EXIT_CPUID, 0, length);
}
