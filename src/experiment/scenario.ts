/** A scenario as the rest of the program sees it: checked, complete, in base units. */
import type { CpuidFeature } from '../hypervisor/cpuid.js';
import type { HookRule } from '../hypervisor/hooks.js';
import type { EptPageSize, PinnedRange, Protection, SmmConfig } from '../hypervisor/types.js';
import type { NativeChecksums } from './guests.js';
import type { OUTCOMES } from './schema-domain.js';

export type ExpectedOutcome = (typeof OUTCOMES)[number];

export interface Expectation {
  readonly outcome?: ExpectedOutcome;
  /** The last checksum printed, as 8 lower-case digits; or all that must be printed, by name. */
  readonly checksum?: string | NativeChecksums;
}

export interface ModuleSpec {
  readonly name: string;
  readonly path: string;
}

/** Like DiskConfig. */
export interface DiskSpec {
  readonly sizeBytes: number;
  /** What it begins as. */
  readonly file?: ModuleSpec;
  readonly seed?: number;
  readonly readOnly?: boolean;
  readonly passthrough?: boolean;
}

export interface DomainSpec {
  readonly name: string;
  /** As written: a name of the catalogue or a path. */
  readonly guest: string;
  /** Absolute path of the image. */
  readonly path: string;
  readonly memoryBytes: number;
  readonly cmdline: string;
  readonly pcpu?: number;
  readonly translation:
    | { readonly kind: 'ept'; readonly pageSize: EptPageSize; readonly accessedDirty: boolean }
    | { readonly kind: 'direct' };
  readonly input?: string;
  readonly modules: readonly ModuleSpec[];
  /** CPUID features that the domain does not see. */
  readonly cpuidHide?: readonly CpuidFeature[];
  /** Entries of the second-level TLB, where the scenario says. */
  readonly secondLevelTlb?: number;
  readonly maxInstructions?: number;
  /** It begins as a fork of another: at the other's marker, when it first waits, or at a virtual time in ns. */
  readonly fork?: { readonly of: string; readonly at: 'marker' | 'blocked' | number };
  /** It goes on from the image at `path`: SHA-256 of the file, the frames that it needs, the frequency that it ran at. */
  readonly restore?: { readonly sha256: string; readonly frames: number; readonly frequencyHz: number };
  /** A control domain. */
  readonly apic?: boolean;
  readonly weight?: number;
  readonly cap?: number;
  readonly privileged?: boolean;
  readonly protection?: Protection;
  readonly disk?: DiskSpec;
  readonly pin?: readonly PinnedRange[];
  readonly pageSharing?: boolean;
  readonly expect?: Expectation;
}

/** Files of a domain beside its image. */
export function filesOf({ modules, disk }: DomainSpec): readonly ModuleSpec[] {
  return disk?.file === undefined ? modules : [...modules, disk.file];
}

export interface HostSpec {
  readonly pcpus: number;
  readonly frequencyHz: number;
  readonly quantumNs: number;
  readonly sliceNs: number;
  readonly clock: 'domain' | 'pcpu';
  readonly scheduler: 'credit' | 'round-robin';
  readonly boost: boolean;
  /** Memory for domains and their tables; default: what the domains need. */
  readonly memoryBytes?: number;
  /** Room for domains that come into being while the host runs. */
  readonly domainSlots: number;
  readonly seed: number;
  readonly smm?: SmmConfig;
  /** Pages of equal content are kept once; `everyNs`: virtual time between two passes. */
  readonly pageSharing?: { readonly everyNs: number };
  readonly scrub: boolean;
  readonly workers?: number;
}

/** Values of a scenario that can change while the host runs: what a host is told, not what it is made of. */
export interface Settings {
  readonly limitNs: number;
  readonly sliceNs: number;
  readonly boost: boolean;
  readonly security?: readonly HookRule[];
  /** In the order of the domains. */
  readonly domains: readonly Pick<DomainSpec, 'weight' | 'cap' | 'maxInstructions' | 'input'>[];
}

/** Boot ends at a virtual time, when a domain has retired so many instructions, or when it has printed a text. */
export interface BootSpec {
  readonly until: { readonly ns: number } | { readonly domain: string; readonly retired: number } | BootText;
  /** What holds until then. The scenario says what holds afterwards. */
  readonly before: Settings;
}

interface BootText {
  readonly domain: string;
  readonly prints: string;
}

export interface Scenario {
  /** File name without folder and extension. */
  readonly name: string;
  readonly file: string;
  readonly title: string;
  readonly description: string;
  readonly host: HostSpec;
  /** Virtual time at which the host stops. */
  readonly limitNs: number;
  readonly domains: readonly DomainSpec[];
  /** Policy of the security hooks, if there is one. */
  readonly security?: readonly HookRule[];
  /** What is different before a moment in the run. */
  readonly boot?: BootSpec;
  /** Claims about the results of the whole run. */
  readonly claims?: readonly ClaimSpec[];
}

export interface ClaimSpec {
  /** The sentence. */
  readonly claim: string;
  /** The condition, in the language of expression.ts. */
  readonly that: string;
  /** The claim is about runs that satisfy this condition only. */
  readonly when?: string;
}

/** A claim about many cells at once; see claims-across.ts. */
export interface AcrossSpec extends ClaimSpec {
  /** Parameters: one group of cells per combination of their values. */
  readonly by?: readonly string[];
}
