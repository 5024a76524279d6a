/**
 * Names of the basic exit reasons, as results and cost tables spell them.
 * Intel SDM Vol. 3D, Appendix C, "VMX Basic Exit Reasons".
 */
export const EXIT_REASON_NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'exception'],
  [1, 'external-interrupt'],
  [2, 'triple-fault'],
  [7, 'interrupt-window'],
  [9, 'task-switch'],
  [10, 'cpuid'],
  [12, 'hlt'],
  [13, 'invd'],
  [14, 'invlpg'],
  [15, 'rdpmc'],
  [16, 'rdtsc'],
  [18, 'vmcall'],
  [28, 'cr-access'],
  [29, 'dr-access'],
  [30, 'io'],
  [31, 'rdmsr'],
  [32, 'wrmsr'],
  [36, 'mwait'],
  [39, 'monitor'],
  [40, 'pause'],
  [44, 'apic-access'],
  [46, 'gdtr-idtr-access'],
  [47, 'ldtr-tr-access'],
  [48, 'ept-violation'],
  [49, 'ept-misconfiguration'],
  [54, 'wbinvd'],
  [59, 'vmfunc'],
]);

export function exitReasonName(reason: number): string {
  return EXIT_REASON_NAMES.get(reason) ?? `reason-${reason}`;
}
