/**
 * Fault and exit records. The core never throws: a slow path that cannot finish fills a record in the
 * vCPU, and every caller returns at once. cpu/run.ts consumes the record at the instruction's first byte.
 */
import {
  COUNTER_EXIT,
  COUNTER_EXIT_CYCLES,
  FAULT_EXCEPTION,
  FAULT_EXIT,
  FAULT_NO_ERROR,
  HOST_WEIGHTS,
  VCPU_COUNTERS,
  VCPU_EXIT_INFO,
  VCPU_EXIT_LENGTH,
  VCPU_EXIT_LINEAR,
  VCPU_EXIT_PHYSICAL,
  VCPU_EXIT_QUALIFICATION,
  VCPU_EXIT_REASON,
  VCPU_FAULT,
  VCPU_FAULT_ADDRESS,
  VCPU_FAULT_ERROR,
  VCPU_FAULT_VECTOR,
} from './layout';

// Intel SDM Vol. 3A, Table 6-1, "Protected-Mode Exceptions and Interrupts"
export const VECTOR_DE: u32 = 0; //  divide error
export const VECTOR_DB: u32 = 1; //  debug
export const VECTOR_NMI: u32 = 2;
export const VECTOR_BP: u32 = 3; //  breakpoint
export const VECTOR_OF: u32 = 4; //  overflow
export const VECTOR_BR: u32 = 5; //  BOUND range exceeded
export const VECTOR_UD: u32 = 6; //  invalid opcode
export const VECTOR_NM: u32 = 7; //  device not available
export const VECTOR_DF: u32 = 8; //  double fault
export const VECTOR_TS: u32 = 10; // invalid TSS
export const VECTOR_NP: u32 = 11; // segment not present
export const VECTOR_SS: u32 = 12; // stack-segment fault
export const VECTOR_GP: u32 = 13; // general protection
export const VECTOR_PF: u32 = 14; // page fault
export const VECTOR_MF: u32 = 16; // x87 floating-point error
export const VECTOR_AC: u32 = 17; // alignment check
export const VECTOR_MC: u32 = 18; // machine check
export const VECTOR_XM: u32 = 19; // SIMD floating-point exception

// Intel SDM Vol. 3D, Appendix C, "VMX Basic Exit Reasons"
export const EXIT_EXCEPTION: u32 = 0;
export const EXIT_TRIPLE_FAULT: u32 = 2;
export const EXIT_CPUID: u32 = 10;
export const EXIT_HLT: u32 = 12;
export const EXIT_VMCALL: u32 = 18;
export const EXIT_IO: u32 = 30;
export const EXIT_RDMSR: u32 = 31;
export const EXIT_WRMSR: u32 = 32;
export const EXIT_APIC_ACCESS: u32 = 44;
export const EXIT_EPT_VIOLATION: u32 = 48;
export const EXIT_EPT_MISCONFIGURATION: u32 = 49;
/** Not an architectural exit: the instruction budget is used up. */
export const EXIT_BUDGET: u32 = 0xffff;

/** The information is valid: SDM Vol. 3C, Table 25-17, "Format of the IDT-Vectoring Information Field", and those of exits alike. */
export const INFO_VALID: u32 = 1 << 31;

/** Records an exception without error code. */
export function raise(s: usize, vector: u32): void {
  raiseError(s, vector, FAULT_NO_ERROR);
}

/** Records an exception with an error code. */
export function raiseError(s: usize, vector: u32, error: u32): void {
  store<u32>(s + VCPU_FAULT, FAULT_EXCEPTION);
  store<u32>(s + VCPU_FAULT_VECTOR, vector);
  store<u32>(s + VCPU_FAULT_ERROR, error);
}

/** Records a page fault: `error` in the format of SDM Vol. 3A, Figure 4-12, "Page-Fault Error Code". */
export function raisePageFault(s: usize, linear: u32, error: u32): void {
  store<u32>(s + VCPU_FAULT_ADDRESS, linear);
  raiseError(s, VECTOR_PF, error);
}

/** Records a VM exit caused by an instruction of `length` bytes. */
export function exitInstruction(s: usize, reason: u32, qualification: u32, length: u32): void {
  store<u32>(s + VCPU_FAULT, FAULT_EXIT);
  store<u32>(s + VCPU_EXIT_REASON, reason);
  store<u32>(s + VCPU_EXIT_QUALIFICATION, qualification);
  store<u32>(s + VCPU_EXIT_LENGTH, length);
  store<u32>(s + VCPU_EXIT_INFO, 0);
}

/** Records a VM exit caused by a guest-physical access. */
export function exitPhysical(s: usize, reason: u32, qualification: u32, linear: u32, physical: u32): void {
  exitInstruction(s, reason, qualification, 0);
  store<u32>(s + VCPU_EXIT_LINEAR, linear);
  store<u32>(s + VCPU_EXIT_PHYSICAL, physical);
}

export function faulted(s: usize): bool {
  return load<u32>(s + VCPU_FAULT) != 0;
}

export function count(s: usize, counter: u32): void {
  const p = s + VCPU_COUNTERS + ((counter as usize) << 3);
  store<u64>(p, load<u64>(p) + 1);
}

/**
 * Counts the exit in the record; called once per exit, where the core returns. Its modelled cycles are added up here, so
 * that reading the clock does not go through eighty counters.
 */
export function countExit(s: usize): void {
  const counter = COUNTER_EXIT + load<u32>(s + VCPU_EXIT_REASON);
  count(s, counter);
  const p = s + VCPU_COUNTERS + ((COUNTER_EXIT_CYCLES as usize) << 3);
  store<u64>(p, load<u64>(p) + u64(load<u32>(HOST_WEIGHTS + ((counter as usize) << 2))));
}
