/**
 * Accesses to device registers in guest-physical memory. The page at APIC_PAGE stands for the local APIC, the one at VIRTIO_PAGE
 * for the domain's virtio device. No TLB tag is ever armed for them, so each access comes through the slow path of
 * mmu/access.ts and leaves by a VM exit, between instructions, where the clock is exact: an APIC-access exit (Intel SDM Vol. 3C,
 * 30.4, "Virtualizing Memory-Mapped APIC Accesses"), or the EPT violation of an address that the EPT does not map. The
 * hypervisor then lets the instruction run again with the pages open (cpu/run-mmio.ts), and the access reaches the device.
 *
 * The APIC's registers are 32 bits wide, at multiples of 16; other accesses read zero and write nothing.
 */
import { APIC_PAGE, MMIO_SIZE, PAGE_SIZE, VCPU_DOMAIN, VCPU_MMIO_OPEN, VIRTIO_ADDRESS, VIRTIO_PAGE } from '../layout';
import { OF_TRANSLATION, READ, WRITE } from '../mmu/ept';
import { EXIT_APIC_ACCESS, EXIT_EPT_VIOLATION, exitInstruction, exitPhysical } from '../record';
import { lapicRead, lapicWrite } from './lapic';
import { virtioRead, virtioWrite } from './virtio-mmio';

// Intel SDM Vol. 3C, Table 28-6, "Exit Qualification for APIC-Access VM Exits"
const ACCESS_WRITE: u32 = 1 << 12;

/** Whether a host address stands for a device register. */
export function isMmio(host: usize): bool {
  return host - APIC_PAGE < MMIO_SIZE;
}

/** Reads `size` bytes of registers at `host`, which the guest sees at `linear`; 0 with an exit recorded if they are not within reach. */
export function mmioRead(s: usize, host: usize, linear: u32, size: u32): u32 {
  if (!load<u32>(s + VCPU_MMIO_OPEN)) {
    exit(s, host, linear, READ);
    return 0;
  }
  if (host >= VIRTIO_PAGE) return virtioRead(load<usize>(s + VCPU_DOMAIN), (host - VIRTIO_PAGE) as u32, size);
  const offset = (host - APIC_PAGE) as u32;
  return size == 4 && (offset & 15) == 0 ? lapicRead(s, offset) : 0;
}

export function mmioWrite(s: usize, host: usize, linear: u32, value: u32, size: u32): void {
  const offset = (host - APIC_PAGE) as u32;
  if (!load<u32>(s + VCPU_MMIO_OPEN)) exit(s, host, linear, WRITE);
  else if (offset >= PAGE_SIZE) virtioWrite(load<usize>(s + VCPU_DOMAIN), offset - PAGE_SIZE, value, size);
  else if (size == 4 && (offset & 15) == 0) lapicWrite(s, offset, value);
}

function exit(s: usize, host: usize, linear: u32, access: u32): void {
  const offset = (host & (PAGE_SIZE - 1)) as u32;
  if (host >= VIRTIO_PAGE) {
    exitPhysical(s, EXIT_EPT_VIOLATION, access | OF_TRANSLATION, linear, VIRTIO_ADDRESS + offset);
  } else {
    exitInstruction(s, EXIT_APIC_ACCESS, access == WRITE ? offset | ACCESS_WRITE : offset, 0);
  }
}
