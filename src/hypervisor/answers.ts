/**
 * What the core may do by itself (assembly/vmx/answers.ts): answer exits whose answer is data, HLT, and sends within a pCPU where
 * no rule of the security policy could deny one, whose permission it counts as the hook table would; and switch between the vCPUs
 * of a pCPU where no policy observes that. The handlers in exits.ts and hypercalls.ts say the same and serve where the core is
 * not to answer: a host whose HOST_ANSWERS is 0 behaves alike, only slower.
 */
import type { Core } from '../machine/core.js';
import { OBSERVERS } from './context-switch.js';
import { CPUID_LEAVES, type CpuidResult, cpuid, FEATURE_HYPERVISOR } from './cpuid.js';
import { POOL_LOW } from './fork.js';
import { OPERATIONS, permitsAll, type ResolvedRule } from './hooks.js';
import { HYPERCALL_NUMBERS, HYPERVISOR_XEN_VERSION } from './hypercalls.js';
import { VERSION_CONSTANTS } from './version-op.js';

const ALL = 0xffffffff;

/** Tells the core of a host with these rules what it may answer. */
export function permitAnswers(core: Core, rules: readonly ResolvedRule[] = []): void {
  const l = core.layout;
  fillCpuid(core);
  for (const number of HYPERCALL_NUMBERS) {
    const word = l.HOST_HYPERCALLS + 4 * (number >>> 5);
    core.write(word, core.read(word) | (1 << (number & 31)));
  }
  core.write(l.HOST_POOL_LOW, POOL_LOW);
  if (VERSION_CONSTANTS.size > l.CONSTANTS_MAX) throw new RangeError('too many hypercalls with a constant result');
  core.write(l.HOST_CONSTANT_COUNT, VERSION_CONSTANTS.size);
  for (const [i, [command, result]] of [...VERSION_CONSTANTS].entries()) {
    const row = l.HOST_CONSTANTS + i * l.CONSTANT_SIZE;
    core.write(row, HYPERVISOR_XEN_VERSION);
    core.write(row + 4, command);
    core.write(row + 8, result);
  }
  core.write(l.HOST_SEND_HOOK, OPERATIONS.indexOf('send'));
  const send = permitsAll(rules, 'send') ? l.ANSWER_SEND : 0;
  const switches = OBSERVERS.length === 0 ? l.ANSWER_SWITCH : 0;
  core.write(l.HOST_ANSWERS, l.ANSWER_CPUID | l.ANSWER_HYPERCALL | l.ANSWER_HALT | send | switches);
}

function fillCpuid(core: Core): void {
  const l = core.layout;
  const result: CpuidResult = { eax: 0, ebx: 0, ecx: 0, edx: 0 };
  if (CPUID_LEAVES.length > l.CPUID_ROWS_MAX) throw new RangeError('too many CPUID leaves');
  core.write(l.HOST_CPUID_COUNT, CPUID_LEAVES.length);
  for (const [i, { leaf, features, xen, domain }] of CPUID_LEAVES.entries()) {
    const row = l.HOST_CPUID + i * l.CPUID_SIZE;
    cpuid(leaf, ALL, features ? ALL : FEATURE_HYPERVISOR, result);
    const flags = (features ? l.CPUID_FEATURES : 0) | (xen ? l.CPUID_HYPERVISOR : 0) | (domain ? l.CPUID_DOMAIN : 0);
    core.write(row + l.CPUID_LEAF, leaf);
    core.write(row + l.CPUID_FLAGS, flags);
    core.write(row + l.CPUID_EAX, result.eax);
    core.write(row + l.CPUID_EBX, result.ebx);
    core.write(row + l.CPUID_ECX, result.ecx);
    core.write(row + l.CPUID_EDX, result.edx);
  }
}
