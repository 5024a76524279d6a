/**
 * What the SMM refuses. The record lies in the domain's key-table entry; the vCPU leaves with a VM exit for a machine check:
 * basic reason 0, vector 18, as memory-encryption hardware reports what it cannot decrypt (Intel SDM Vol. 3C, 25.9.2,
 * "Information for VM Exits Due to Vectored Events"). There is no error code; the qualification holds SMM_VIOLATION_*.
 */
import {
  COUNTER_EXIT,
  SMM_COUNT_VIOLATION,
  SMM_KEY_COUNTS,
  SMM_KEY_DOMAIN,
  SMM_KEY_VIOLATION,
  SMM_KEY_VIOLATION_ADDRESS,
  SMM_KEY_VIOLATION_DOMAIN,
  SMM_KEY_VIOLATION_FRAME,
  VCPU_COUNTERS,
  VCPU_EXIT_INFO,
  VCPU_SMM,
} from '../layout';
import { EXIT_EXCEPTION, exitPhysical, INFO_VALID, VECTOR_MC } from '../record';

const INFO_EXCEPTION: u32 = 3 << 8; // hardware exception

/** Adds `n` to one of a domain's counts; `key` is its key-table entry. */
export function tally(key: usize, which: u32, n: u32): void {
  const p = key + SMM_KEY_COUNTS + ((which as usize) << 3);
  store<u64>(p, load<u64>(p) + (n as u64));
}

/** Charges `n` events to a vCPU's counter below COUNTER_EXIT; no vCPU (0) pays nothing. */
export function charge(s: usize, counter: u32, n: u32): void {
  if (s == 0 || counter >= COUNTER_EXIT) return;
  const p = s + VCPU_COUNTERS + ((counter as usize) << 3);
  store<u64>(p, load<u64>(p) + (n as u64));
}

/** Notes a violation of domain `by` on `frame` in the record of the domain that it concerns. */
export function noteViolation(key: usize, kind: u32, frame: u32, address: u32, by: u32): void {
  tally(key, SMM_COUNT_VIOLATION + kind, 1);
  store<u32>(key, kind, SMM_KEY_VIOLATION);
  store<u32>(key, frame, SMM_KEY_VIOLATION_FRAME);
  store<u32>(key, address, SMM_KEY_VIOLATION_ADDRESS);
  store<u32>(key, by, SMM_KEY_VIOLATION_DOMAIN);
}

/** Refuses an access of a vCPU to `frame`. Returns 0, which ends a translation. */
export function refuse(s: usize, kind: u32, frame: u32, linear: u32, physical: u32): usize {
  const key = load<usize>(s + VCPU_SMM);
  noteViolation(key, kind, frame, physical, load<u32>(key, SMM_KEY_DOMAIN));
  exitPhysical(s, EXIT_EXCEPTION, kind, linear, physical);
  store<u32>(s + VCPU_EXIT_INFO, INFO_VALID | INFO_EXCEPTION | VECTOR_MC);
  return 0;
}
