/**
 * Accesses to device registers in guest-physical memory: the page at APIC_PAGE stands for the local APIC. No TLB tag is ever
 * armed for it, so each access comes through the slow path of mmu/access.ts and leaves by an APIC-access VM exit (Intel SDM
 * Vol. 3C, 30.4, "Virtualizing Memory-Mapped APIC Accesses"): between instructions, where the clock is exact. The hypervisor
 * then lets the instruction run again with the page open (cpu/run-mmio.ts), and the access reaches the device.
 *
 * Registers are 32 bits wide, at multiples of 16; other accesses read zero and write nothing.
 */
import { APIC_PAGE, PAGE_SIZE, VCPU_MMIO_OPEN } from '../layout';
import { EXIT_APIC_ACCESS, exitInstruction } from '../record';
import { lapicRead, lapicWrite } from './lapic';

// Intel SDM Vol. 3C, Table 28-6, "Exit Qualification for APIC-Access VM Exits"
const ACCESS_WRITE: u32 = 1 << 12;

/** Whether a host address stands for a device register. */
export function isMmio(host: usize): bool {
  return host - APIC_PAGE < (PAGE_SIZE as usize);
}

export function mmioRead(s: usize, host: usize, size: u32): u32 {
  const offset = (host - APIC_PAGE) as u32;
  if (!load<u32>(s + VCPU_MMIO_OPEN)) {
    exitInstruction(s, EXIT_APIC_ACCESS, offset, 0);
    return 0;
  }
  return size == 4 && (offset & 15) == 0 ? lapicRead(s, offset) : 0;
}

export function mmioWrite(s: usize, host: usize, value: u32, size: u32): void {
  const offset = (host - APIC_PAGE) as u32;
  if (!load<u32>(s + VCPU_MMIO_OPEN)) exitInstruction(s, EXIT_APIC_ACCESS, offset | ACCESS_WRITE, 0);
  else if (size == 4 && (offset & 15) == 0) lapicWrite(s, offset, value);
}
