/**
 * Exits that the core answers itself, because what they answer is data which the policy has put into the host header
 * (src/hypervisor/answers.ts). To the guest, to every counter and to the clock they are exits like any other; only the way
 * to TypeScript and back is saved.
 *
 *   CPUID   → row of HOST_CPUID, cut to the vCPU's features
 *   VMCALL  → event_channel_op send within the pCPU (send.ts)
 *             −ENOSYS for a number that HOST_HYPERCALLS does not know; row of HOST_CONSTANTS with (EAX, EBX)
 *   others  → to the hypervisor
 */
import { skipInstruction } from '../cpu/io';
import { lapicPresent } from '../device/lapic';
import {
  ANSWER_CPUID,
  ANSWER_HYPERCALL,
  ANSWER_SEND,
  CONSTANT_SIZE,
  CPUID_DOMAIN,
  CPUID_EAX,
  CPUID_EBX,
  CPUID_ECX,
  CPUID_EDX,
  CPUID_FEATURES,
  CPUID_FLAGS,
  CPUID_HYPERVISOR,
  CPUID_LEAF,
  CPUID_SIZE,
  DOMAIN_ID,
  HOST_ANSWERS,
  HOST_CONSTANT_COUNT,
  HOST_CONSTANTS,
  HOST_CPUID,
  HOST_CPUID_COUNT,
  HOST_HYPERCALLS,
  HOST_POOL_LOW,
  HOST_POOL_TARGET,
  PCPU_POOL_COUNT,
  VCPU_CPL,
  VCPU_CPUID_MASK,
  VCPU_DOMAIN,
  VCPU_EAX,
  VCPU_EBX,
  VCPU_ECX,
  VCPU_EDX,
  VCPU_PCPU,
} from '../layout';
import { EXIT_CPUID, EXIT_VMCALL } from '../record';
import { sendEvent } from './send';

// Leaf 1: Intel SDM Vol. 2A, CPUID, Table 3-11, "More on Feature Information Returned in the EDX Register", and ECX bit 31
const EDX_APIC: u32 = 1 << 9;
const ECX_HYPERVISOR: u32 = 1 << 31;
// xen/include/public/errno.h, xen.h, event_channel.h
const ENOSYS: u32 = 38;
const EVENT_CHANNEL_OP: u32 = 32;
const EVTCHNOP_SEND: u32 = 4;

/** Answers the CPUID or VMCALL in the exit record at pCPU time `now`, and moves on; false: it is the hypervisor's. */
export function answer(s: usize, reason: u32, now: f64): bool {
  const answers = load<u32>(HOST_ANSWERS);
  if (reason == EXIT_CPUID && answers & ANSWER_CPUID) answerCpuid(s);
  else if (reason != EXIT_VMCALL || !answerHypercall(s, answers, now)) return false;
  skipInstruction(s);
  return true;
}

function answerCpuid(s: usize): void {
  const row = rowOf(s, load<u32>(s + VCPU_EAX));
  const flags = load<u32>(row, CPUID_FLAGS);
  let ecx = load<u32>(row, CPUID_ECX);
  let edx = load<u32>(row, CPUID_EDX);
  if (flags & CPUID_FEATURES) {
    edx &= load<u32>(s + VCPU_CPUID_MASK);
    ecx &= load<u32>(s + VCPU_CPUID_MASK, 4);
    // "CPUID.1:EDX[9] follows IA32_APIC_BASE[11]": SDM Vol. 3A, 10.4.3, "Enabling or Disabling the Local APIC".
    if (!lapicPresent(s)) edx &= ~EDX_APIC;
  }
  if (flags & CPUID_DOMAIN) ecx = load<u32>(load<usize>(s + VCPU_DOMAIN) + DOMAIN_ID);
  store<u32>(s + VCPU_EAX, load<u32>(row, CPUID_EAX));
  store<u32>(s + VCPU_EBX, load<u32>(row, CPUID_EBX));
  store<u32>(s + VCPU_ECX, ecx);
  store<u32>(s + VCPU_EDX, edx);
}

/** The row for `leaf`: the first one if there is none, or none for this vCPU. */
function rowOf(s: usize, leaf: u32): usize {
  const end = HOST_CPUID + (load<u32>(HOST_CPUID_COUNT) as usize) * CPUID_SIZE;
  for (let row = HOST_CPUID; row < end; row += CPUID_SIZE) {
    if (load<u32>(row, CPUID_LEAF) != leaf) continue;
    const told = load<u32>(row, CPUID_FLAGS) & CPUID_HYPERVISOR;
    return told && !(load<u32>(s + VCPU_CPUID_MASK, 4) & ECX_HYPERVISOR) ? HOST_CPUID : row;
  }
  return HOST_CPUID;
}

/** Those of ring 3, and all while the pCPU's pool is low, are the hypervisor's. */
function answerHypercall(s: usize, answers: u32, now: f64): bool {
  if (load<u32>(s + VCPU_CPL) || poolIsLow(s)) return false;
  const number = load<u32>(s + VCPU_EAX);
  const command = load<u32>(s + VCPU_EBX);
  if (number == EVENT_CHANNEL_OP && command == EVTCHNOP_SEND) {
    if (!(answers & ANSWER_SEND) || !sendEvent(s, load<u32>(s + VCPU_ECX), now)) return false;
    store<u32>(s + VCPU_EAX, 0);
    return true;
  }
  if (!(answers & ANSWER_HYPERCALL)) return false;
  if (number >= 64 || !((load<u64>(HOST_HYPERCALLS) >>> u64(number)) & 1)) {
    store<u32>(s + VCPU_EAX, 0 - ENOSYS);
    return true;
  }
  const end = HOST_CONSTANTS + (load<u32>(HOST_CONSTANT_COUNT) as usize) * CONSTANT_SIZE;
  for (let row = HOST_CONSTANTS; row < end; row += CONSTANT_SIZE) {
    if (load<u32>(row) != number || load<u32>(row, 4) != command) continue;
    store<u32>(s + VCPU_EAX, load<u32>(row, 8));
    return true;
  }
  return false;
}

/** src/hypervisor/fork.ts, `poolIsLow`: the call then waits for the quantum's end, where the pool is filled. */
function poolIsLow(s: usize): bool {
  const target = load<u32>(HOST_POOL_TARGET);
  if (target == 0) return false;
  return load<u32>(load<usize>(s + VCPU_PCPU) + PCPU_POOL_COUNT) < min(load<u32>(HOST_POOL_LOW), target);
}
