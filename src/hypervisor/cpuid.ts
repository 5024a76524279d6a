/**
 * CPUID as guests see it. Only what the core implements is advertised; a scenario can hide more.
 * Intel SDM Vol. 2A, CPUID, Table 3-17 "Information Returned by CPUID Instruction"; Xen public/arch-x86/cpuid.h.
 */
import type { CpuidConfig } from './types.js';

// Leaf 1 EDX, "Feature Information Returned in the EDX Register"
export const FEATURE_FPU = 1 << 0; //   x87
export const FEATURE_PSE = 1 << 3; //   4 MB pages
export const FEATURE_TSC = 1 << 4; //   RDTSC
export const FEATURE_MSR = 1 << 5; //   RDMSR and WRMSR
export const FEATURE_CX8 = 1 << 8; //   CMPXCHG8B
export const FEATURE_APIC = 1 << 9; //  a local APIC, where the scenario gives one
export const FEATURE_SEP = 1 << 11; //  SYSENTER and SYSEXIT
export const FEATURE_PGE = 1 << 13; //  global pages
export const FEATURE_CMOV = 1 << 15; // CMOVcc
export const FEATURE_PAT = 1 << 16; //  page attribute table
export const FEATURE_CLFSH = 1 << 19; // CLFLUSH
export const FEATURE_MMX = 1 << 23;
export const FEATURE_FXSR = 1 << 24; //  FXSAVE and FXRSTOR
export const FEATURE_SSE = 1 << 25;
export const FEATURE_SSE2 = 1 << 26;
const FLOATING_POINT = FEATURE_FPU | FEATURE_CLFSH | FEATURE_MMX | FEATURE_FXSR | FEATURE_SSE | FEATURE_SSE2;
const FEATURES_EDX =
  FLOATING_POINT |
  FEATURE_PSE |
  FEATURE_TSC |
  FEATURE_MSR |
  FEATURE_CX8 |
  FEATURE_SEP |
  FEATURE_PGE |
  FEATURE_CMOV |
  FEATURE_PAT;

// Leaf 1 ECX
export const FEATURE_HYPERVISOR = 1 << 31; // never set by hardware: software runs on a hypervisor

const SIGNATURE = 0x6d8; // family 6, model 13, stepping 8
const CLFLUSH_LINE = 8; // in quadwords
const MAX_BASIC = 1;
const MAX_EXTENDED = 0x80000004;
const BRAND = 'Ringfence IA-32 emulated processor';

const XEN_BASE = 0x40000000;
const XEN_MAX = XEN_BASE + 4;
const XEN_HVM_DOMID_PRESENT = 1 << 4; // leaf 4, EAX: ECX is the domain's id
/** The MSR through which a guest places its hypercall page. */
export const XEN_HYPERCALL_MSR = 0x40000000;
export const XEN_VERSION = (4 << 16) | 17; // the ABI that is followed: Xen 4.17

/** Features that a scenario can hide, by the manual's names. Hiding is what CPUID says; the instructions go on working. */
export const CPUID_FEATURES = {
  fpu: { edx: FEATURE_FPU },
  pse: { edx: FEATURE_PSE },
  tsc: { edx: FEATURE_TSC },
  msr: { edx: FEATURE_MSR },
  cx8: { edx: FEATURE_CX8 },
  sep: { edx: FEATURE_SEP },
  pge: { edx: FEATURE_PGE },
  cmov: { edx: FEATURE_CMOV },
  pat: { edx: FEATURE_PAT },
  clfsh: { edx: FEATURE_CLFSH },
  mmx: { edx: FEATURE_MMX },
  fxsr: { edx: FEATURE_FXSR },
  sse: { edx: FEATURE_SSE },
  sse2: { edx: FEATURE_SSE2 },
  hypervisor: { ecx: FEATURE_HYPERVISOR },
} as const satisfies Record<string, { readonly edx?: number; readonly ecx?: number }>;

export type CpuidFeature = keyof typeof CPUID_FEATURES;

/** The policy that hides these features. */
export function hideFeatures(names: readonly CpuidFeature[]): CpuidConfig {
  const words: readonly { readonly edx?: number; readonly ecx?: number }[] = names.map((name) => CPUID_FEATURES[name]);
  return {
    hideEdx: words.reduce((word, { edx = 0 }) => word | edx, 0),
    hideEcx: words.reduce((word, { ecx = 0 }) => word | ecx, 0),
  };
}

/** Leaf 1 feature words of a domain, kept in VCPU_CPUID_MASK: the core consults them too. */
export function cpuidFeatures(config: CpuidConfig | undefined, apic = false): { edx: number; ecx: number } {
  return {
    edx: ((FEATURES_EDX | (apic ? FEATURE_APIC : 0)) & ~(config?.hideEdx ?? 0)) >>> 0,
    ecx: (FEATURE_HYPERVISOR & ~(config?.hideEcx ?? 0)) >>> 0,
  };
}

export interface CpuidResult {
  eax: number;
  ebx: number;
  ecx: number;
  edx: number;
}

/** A leaf that CPUID has, and what decides about its answer. */
interface Leaf {
  readonly leaf: number;
  /** ECX and EDX are features. */
  readonly features?: true;
  /** Only for who is told of a hypervisor. */
  readonly xen?: true;
  /** ECX is the domain's id. */
  readonly domain?: true;
}

/** All leaves; the first one also answers for those that there are not. */
export const CPUID_LEAVES: readonly Leaf[] = [
  { leaf: MAX_BASIC, features: true },
  { leaf: 0 },
  { leaf: XEN_BASE, xen: true },
  { leaf: XEN_BASE + 1, xen: true },
  { leaf: XEN_BASE + 2, xen: true },
  { leaf: XEN_BASE + 3, xen: true },
  { leaf: XEN_MAX, xen: true, domain: true },
  { leaf: 0x80000000 },
  { leaf: 0x80000001 },
  { leaf: 0x80000002 },
  { leaf: 0x80000003 },
  { leaf: MAX_EXTENDED },
];

/** The four characters at `at` as the register that holds them. */
function characters(text: string, at: number): number {
  let word = 0;
  for (let i = 0; i < 4; i++) word |= (text.charCodeAt(at + i) || 0) << (8 * i);
  return word;
}

const words = (text: string) => [characters(text, 0), characters(text, 4), characters(text, 8)] as const;
const VENDOR = words('GenuineIntel'); // in EBX, EDX, ECX
const XEN_SIGNATURE = words('XenVMMXenVMM'); // in EBX, ECX, EDX

/** Fills `out` for `leaf` as domain `domid` sees it. Basic leaves beyond the last return the last one's data, as the manual has it. */
export function cpuid(leaf: number, featuresEdx: number, featuresEcx: number, out: CpuidResult, domid = 0): void {
  out.eax = out.ebx = out.ecx = out.edx = 0;
  if (leaf === 0) {
    out.eax = MAX_BASIC;
    out.ebx = VENDOR[0];
    out.edx = VENDOR[1];
    out.ecx = VENDOR[2];
  } else if (leaf === XEN_BASE && featuresEcx & FEATURE_HYPERVISOR) {
    out.eax = XEN_MAX;
    out.ebx = XEN_SIGNATURE[0];
    out.ecx = XEN_SIGNATURE[1];
    out.edx = XEN_SIGNATURE[2];
  } else if (leaf === XEN_BASE + 1 && featuresEcx & FEATURE_HYPERVISOR) {
    out.eax = XEN_VERSION;
  } else if (leaf === XEN_BASE + 2 && featuresEcx & FEATURE_HYPERVISOR) {
    out.eax = 1; // hypercall pages
    out.ebx = XEN_HYPERCALL_MSR;
  } else if (leaf === XEN_BASE + 3 && featuresEcx & FEATURE_HYPERVISOR) {
    return; // the time-stamp counter is neither emulated nor unstable
  } else if (leaf === XEN_BASE + 4 && featuresEcx & FEATURE_HYPERVISOR) {
    out.eax = XEN_HVM_DOMID_PRESENT;
    out.ecx = domid;
  } else if (leaf === 0x80000000) {
    out.eax = MAX_EXTENDED;
  } else if (leaf > 0x80000000 && leaf <= MAX_EXTENDED) {
    if (leaf === 0x80000001) return;
    const at = (leaf - 0x80000002) * 16;
    out.eax = characters(BRAND, at);
    out.ebx = characters(BRAND, at + 4);
    out.ecx = characters(BRAND, at + 8);
    out.edx = characters(BRAND, at + 12);
  } else {
    out.eax = SIGNATURE;
    out.ebx = CLFLUSH_LINE << 8;
    out.ecx = featuresEcx;
    out.edx = featuresEdx;
  }
}
