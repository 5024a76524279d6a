/**
 * RDMSR, WRMSR, RDTSC and RDPMC. Intel SDM Vol. 4, Table 2-2, "IA-32 Architectural MSRs". What CPUID announces, and
 * what kernels touch without asking, is here; everything else is a VM exit: the hypervisor has it or injects #GP(0).
 */
import {
  VCPU_CPL,
  VCPU_CR4,
  VCPU_EAX,
  VCPU_ECX,
  VCPU_EDX,
  VCPU_PAT,
  VCPU_SYSENTER_CS,
  VCPU_SYSENTER_EIP,
  VCPU_SYSENTER_ESP,
} from '../layout';
import { EXIT_RDMSR, EXIT_WRMSR, exitInstruction, faulted, raiseError, VECTOR_GP } from '../record';
import { CR4_TSD } from './control';
import { setVirtualTsc, virtualTsc } from './time';

const IA32_TIME_STAMP_COUNTER: u32 = 0x10;
const IA32_PLATFORM_ID: u32 = 0x17;
const IA32_BIOS_SIGN_ID: u32 = 0x8b; //  microcode revision: none
const IA32_MTRRCAP: u32 = 0xfe; //       no fixed, no variable ranges
const IA32_SYSENTER_CS: u32 = 0x174;
const IA32_SYSENTER_ESP: u32 = 0x175;
const IA32_SYSENTER_EIP: u32 = 0x176;
const IA32_MCG_CAP: u32 = 0x179; //      no machine-check banks
const IA32_MISC_ENABLE: u32 = 0x1a0;
const IA32_PAT: u32 = 0x277;
const IA32_MTRR_DEF_TYPE: u32 = 0x2ff;

const PAT_RESET: u64 = 0x0007040600070406; // SDM Vol. 3A, Table 11-12
const MISC_ENABLE_FAST_STRINGS: u64 = 1;
const MTRR_ENABLED_WRITE_BACK: u64 = 0x806; // E, default type 6

/** RDMSR of `length` bytes: ECX → EDX:EAX. */
export function readMsr(s: usize, length: u32 = 2): void {
  if (load<u32>(s + VCPU_CPL) != 0) return raiseError(s, VECTOR_GP, 0);
  const value = msrValue(s, load<u32>(s + VCPU_ECX), length);
  if (!faulted(s)) setPair(s, value);
}

function msrValue(s: usize, index: u32, length: u32): u64 {
  switch (index) {
    case IA32_TIME_STAMP_COUNTER:
      return virtualTsc(s);
    case IA32_SYSENTER_CS:
      return load<u32>(s + VCPU_SYSENTER_CS);
    case IA32_SYSENTER_ESP:
      return load<u32>(s + VCPU_SYSENTER_ESP);
    case IA32_SYSENTER_EIP:
      return load<u32>(s + VCPU_SYSENTER_EIP);
    case IA32_PAT:
      return load<u64>(s + VCPU_PAT) ^ PAT_RESET;
    case IA32_MISC_ENABLE:
      return MISC_ENABLE_FAST_STRINGS;
    case IA32_MTRR_DEF_TYPE:
      return MTRR_ENABLED_WRITE_BACK;
    case IA32_PLATFORM_ID:
    case IA32_BIOS_SIGN_ID:
    case IA32_MTRRCAP:
    case IA32_MCG_CAP:
      return 0;
    default:
      exitInstruction(s, EXIT_RDMSR, 0, length);
      return 0;
  }
}

/** WRMSR of `length` bytes: EDX:EAX → ECX. */
export function writeMsr(s: usize, length: u32 = 2): void {
  if (load<u32>(s + VCPU_CPL) != 0) return raiseError(s, VECTOR_GP, 0);
  const low = load<u32>(s + VCPU_EAX);
  const value = u64(low) | (u64(load<u32>(s + VCPU_EDX)) << 32);
  switch (load<u32>(s + VCPU_ECX)) {
    case IA32_TIME_STAMP_COUNTER:
      return setVirtualTsc(s, value);
    case IA32_SYSENTER_CS:
      return store<u32>(s + VCPU_SYSENTER_CS, low);
    case IA32_SYSENTER_ESP:
      return store<u32>(s + VCPU_SYSENTER_ESP, low);
    case IA32_SYSENTER_EIP:
      return store<u32>(s + VCPU_SYSENTER_EIP, low);
    case IA32_PAT:
      if (!validPat(value)) return raiseError(s, VECTOR_GP, 0);
      return store<u64>(s + VCPU_PAT, value ^ PAT_RESET);
    // Accepted without effect: kernels write them back on every boot.
    case IA32_BIOS_SIGN_ID:
    case IA32_MISC_ENABLE:
    case IA32_MTRR_DEF_TYPE:
      return;
    default:
      exitInstruction(s, EXIT_WRMSR, 0, length);
  }
}

/** Eight memory types, each 0, 1, 4, 5, 6 or 7. SDM Vol. 3A, Table 11-10, "Memory Types That Can Be Encoded With PAT". */
function validPat(value: u64): bool {
  for (let i = 0; i < 8; i++) {
    const type = u32(value & 0xff);
    if (type > 7 || type == 2 || type == 3) return false;
    value >>>= 8;
  }
  return true;
}

function setPair(s: usize, value: u64): void {
  store<u32>(s + VCPU_EAX, u32(value));
  store<u32>(s + VCPU_EDX, u32(value >>> 32));
}

/** RDTSC. */
export function readTsc(s: usize): void {
  if (load<u32>(s + VCPU_CR4) & CR4_TSD && load<u32>(s + VCPU_CPL) != 0) return raiseError(s, VECTOR_GP, 0);
  setPair(s, virtualTsc(s));
}

/** RDPMC: there are no counters, so every index is invalid. */
export function readPmc(s: usize): void {
  raiseError(s, VECTOR_GP, 0);
}
