/**
 * The hypervisor's part in a vCPU's local APIC (assembly/device/lapic.ts): accesses to its registers, which exit because only
 * between instructions the clock is exact, and IA32_APIC_BASE. Intel SDM Vol. 3A, 10.4, "Local APIC".
 */
import { EXIT_BUDGET, handleExit } from './exits.js';
import { type Guest, RESUME, type Verdict } from './guest.js';
import { syncTimers } from './timers.js';

const IA32_APIC_BASE = 0x1b;

/** Lets the instruction that was about to access a register do so. It may still exit for another reason. */
export function onApicAccess(guest: Guest): Verdict {
  const { core, vcpu } = guest;
  const clock = guest.clock();
  syncTimers(guest, clock);
  const reason = core.call.runMmio(vcpu.base, clock);
  return reason === EXIT_BUDGET ? RESUME : handleExit(guest, reason);
}

/**
 * RDMSR and WRMSR of IA32_APIC_BASE. The registers stay where they are and the boot processor stays what it is; x2APIC mode is
 * reserved: only the enable bit may change. False: #GP(0).
 */
export function accessApicBase(guest: Guest, writes: boolean): boolean {
  const { core, vcpu } = guest;
  const l = core.layout;
  const base = core.read(vcpu.base + l.VCPU_LAPIC_BASE);
  if (vcpu.ecx !== IA32_APIC_BASE || base === 0) return false;
  if (!writes) {
    vcpu.eax = base;
    vcpu.edx = 0;
  } else {
    if (vcpu.edx !== 0 || (vcpu.eax | l.LAPIC_BASE_ENABLE) >>> 0 !== (base | l.LAPIC_BASE_ENABLE) >>> 0) return false;
    core.call.lapicSetBase(vcpu.base, vcpu.eax);
  }
  guest.advance();
  return true;
}
