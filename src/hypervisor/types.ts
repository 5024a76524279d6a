/**
 * What goes into a host run and what comes out. Plain data only: a configuration can be posted to a worker, a result
 * compared with a deep-equal. Numbers are JavaScript numbers and stay below 2^53; times are virtual cycles.
 */

import type { DomainImage } from './domain-image.js';
import type { AuditEntry, HookRule, Operation, VerdictCount } from './hooks.js';
import type { Operator } from './operator.js';
import type { PageSharingCounts } from './page-sharing.js';
import type { HostImage } from './save.js';

/** Modelled cycles per event; read and validated by src/machine/cost-table.ts. */
export interface CostLine {
  /** Name of the event, e.g. `retired`, `tlb-miss`, `exit:io`. */
  readonly event: string;
  /** Modelled cycles per event: an integer, 0 … 1,000,000. */
  readonly cycles: number;
  /** Where the number comes from. */
  readonly source: string;
}

export interface CostTable {
  readonly name: string;
  readonly lines: readonly CostLine[];
}

export type EptPageSize = '4k' | '2m' | '1g';

export type Translation =
  | { readonly kind: 'ept'; readonly pageSize: EptPageSize; readonly accessedDirty: boolean }
  /** No second-level translation: guest-physical memory is one contiguous run of frames. */
  | { readonly kind: 'direct' };

export interface ModuleConfig {
  /** The string the guest finds with the module (by convention, its path and arguments). */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** CPUID policy of a domain. Bits that the core does not implement are always clear. */
export interface CpuidConfig {
  /** Bits of leaf 1 EDX to hide. */
  readonly hideEdx?: number;
  /** Bits of leaf 1 ECX to hide. */
  readonly hideEcx?: number;
}

/**
 * How the SMM protects a domain's memory in DRAM: docs/smm.md. `ctr-fixed` (the counter never changes) and `ctr-exposed` (the
 * key lies in DRAM) are wrong on purpose, to show the attacks that they permit.
 */
export type Protection = 'none' | 'xts' | 'xts+mac' | 'ctr' | 'ctr+mac' | 'ctr+mac+tree' | 'ctr-fixed' | 'ctr-exposed';

export type SmmBackend = 'wasm' | 'host';

/** The secure-memory unit: one per pCPU. */
export interface SmmConfig {
  /** Pages of the buffer of each pCPU: 32 … 65536. */
  readonly slots?: number;
  /** What a context switch to another domain does to the slots of the last one. */
  readonly policy?: 'keep' | 'flush';
  readonly keyBits?: 128 | 256;
  /** What the privileged domain gets of protected memory that it maps. */
  readonly deny?: 'ciphertext' | 'fault';
  /** What a granted page is while it is mapped: under its owner's key, or plaintext in DRAM. */
  readonly grants?: 'owner-key' | 'plaintext';
  /** Who computes the keystream of counter modes: the machine, or OpenSSL. Changes no result. */
  readonly backend?: SmmBackend;
  /** Counters per key; then the domain's pages are encrypted under a new one. At least twice its pages. */
  readonly counters?: number;
  /** Names of domains that a faulty hypervisor switches in without telling the unit: to show that they are refused. */
  readonly unnotified?: readonly string[];
  /** 32 bytes from which all keys are derived; default: from the seed. */
  readonly root?: Uint8Array;
}

/** A virtio-blk device over MMIO: docs/devices.md. Zeros beyond its contents. */
export interface DiskConfig {
  /** A multiple of 512, at most 1 GiB. */
  readonly sizeBytes: number;
  /** What it holds at the start. */
  readonly contents?: Uint8Array;
  /** Instead: pseudo-random words, 0 … 2^32 − 1. */
  readonly seed?: number;
  readonly readOnly?: boolean;
  /**
   * Assigned to the domain on a machine without an IOMMU: the addresses that the guest gives it are machine addresses, it reaches all
   * of DRAM, and sees it as it is.
   */
  readonly passthrough?: boolean;
}

export interface DomainConfig {
  readonly name: string;
  /** A Multiboot 1 image: ELF32 i386. */
  readonly image: Uint8Array;
  /** For messages and for multiboot's command line, e.g. `sieve.elf`. */
  readonly imageName: string;
  /** A multiple of 4 KiB (of the page size with 2 MB and 1 GB EPT leaves), at least 2 MiB. */
  readonly memoryBytes: number;
  readonly cmdline: string;
  readonly modules?: readonly ModuleConfig[];
  /** Physical CPU; default: the domain's index modulo the number of pCPUs. */
  readonly pcpu?: number;
  readonly translation: Translation;
  /** Bytes (Latin-1) waiting in the UART's receiver when the domain starts. */
  readonly input?: string;
  /** The domain ends with outcome `limit` at the first exit or slice end after so many instructions. */
  readonly maxInstructions?: number;
  readonly cpuid?: CpuidConfig;
  /** The vCPU has a local APIC, and CPUID says so. */
  readonly apic?: boolean;
  /** The domain begins as a fork of another, which has EPT and is configured before it; image, memory … are the other's. */
  readonly fork?: ForkConfig;
  /** The domain begins from an image; its memory, name of image, translation … must be those of the image's configuration. */
  readonly restore?: DomainImage;
  /** Share of its pCPU, compared with the weights of its neighbours there: 1 … 65535, default 256. */
  readonly weight?: number;
  /** Percent of its pCPU that it may use at most, 1 … 100; default 0: as much as there is. */
  readonly cap?: number;
  /** The control domain (Xen: IS_PRIV): it may create, fork and control domains. */
  readonly privileged?: boolean;
  /**
   * Entries of each vCPU's second-level TLB: 0 (none) or a power of two from 1,024 to 65,536. Default: none where the first level
   * covers the memory (16 MiB), else the next power of two that covers it, at most 65,536.
   */
  readonly secondLevelTlb?: number;
  /** Default: none. */
  readonly protection?: Protection;
  readonly disk?: DiskConfig;
  /** Whether its pages may be shared with those of equal content of others, where the host does that; default true. */
  readonly pageSharing?: boolean;
  /** Guest-physical ranges, whole pages, that stay in the SMM's buffer once they are there; without protection they are nothing special. */
  readonly pin?: readonly PinnedRange[];
}

export interface PinnedRange {
  readonly from: number;
  readonly bytes: number;
}

/** When a domain is forked from another: at the end of the quantum in which the other … */
export interface ForkConfig {
  /** Name of the other. */
  readonly of: string;
  /**
   * `marker`: writes FORK_MARKER to port 0x80, where it stops at once. `blocked`: waits for an interrupt or an event. A number: reaches
   * that virtual time, in cycles.
   */
  readonly at: 'marker' | 'blocked' | number;
}

/** The POST code by which a guest says that it is ready to be forked. */
export const FORK_MARKER = 0xf0;

export interface HostConfig {
  /** 1 … 64. */
  readonly pcpus: number;
  /** Virtual cycles per virtual second. */
  readonly frequencyHz: number;
  /** Length of a quantum: between two quanta cross-pCPU effects are applied. */
  readonly quantumCycles: number;
  /** Time slice of the scheduler. */
  readonly sliceCycles: number;
  /** 0 … 2^32 − 1. Decides what hardware leaves open: the phase of every domain's time-stamp counter. */
  readonly seed: number;
  /** DRAM of the host, whole pages count; default: what the configured domains and their tables need. */
  readonly memoryBytes?: number;
  /** Slots for domains that are created or forked while the host runs; default 0. */
  readonly domainSlots?: number;
  readonly costTable: CostTable;
  readonly domains: readonly DomainConfig[];
  /** Virtual time at which the host stops; domains that still run end with outcome `limit`. */
  readonly limitCycles?: number;
  /**
   * `domain` (default): a domain's TSC and timers advance with its own cycles and its own idle time; time stolen by other
   * domains of the pCPU is invisible, so no domain can change another's results. `pcpu`: they follow the pCPU's time, stolen
   * time included.
   */
  readonly clock?: 'domain' | 'pcpu';
  /** `credit` (default): by weights and caps; `round-robin`: in turn. Changes no domain's results but `scheduling`. */
  readonly scheduler?: 'credit' | 'round-robin';
  /** With `credit`: whoever wakes with more credit preempts (default), or waits for the end of the slice. */
  readonly boost?: boolean;
  /** Policy of the security hooks: the first rule that matches decides, else the operation is permitted. */
  readonly security?: readonly HookRule[];
  /** Default: a unit with default values if a domain is protected, else none. */
  readonly smm?: SmmConfig;
  /**
   * Pages of equal content are kept once, and copied when they are written. `every`: cycles between two passes over all domains;
   * without it only the operator asks for one. Domains in spare slots, forks, protected and privileged ones, and those without 4 KiB EPT leaves
   * take no part.
   */
  readonly pageSharing?: { readonly every?: number };
  /** Whether frames are cleared between owners (default); protected ones never are: they have lost their key. */
  readonly scrub?: boolean;
}

/** How a domain ended. `eip` and `retired` are in the domain's result. Addresses are guest addresses. */
export type Outcome =
  /** `sched_op` shutdown; reason as in Xen's public/sched.h. */
  | {
      readonly kind: 'shutdown';
      readonly code: number;
      readonly reason: 'poweroff' | 'reboot' | 'suspend' | 'crash' | 'watchdog' | 'other';
    }
  /** Reset through port 0xCF9, port 0x92 or the keyboard controller. */
  | { readonly kind: 'reset'; readonly port: number }
  /** HLT with interrupts off, or with nothing left that could interrupt. */
  | { readonly kind: 'halted'; readonly interrupts: boolean }
  /** `vector`: the exception that was being delivered when the double fault could not be, or −1. */
  | { readonly kind: 'triple-fault'; readonly vector: number }
  | {
      readonly kind: 'ept-violation';
      /** Guest-physical address. */
      readonly address: number;
      /** Guest-linear address; −1 where the qualification says that it is not valid. */
      readonly linear: number;
      /** Intel SDM Vol. 3C, Table 28-7, "Exit Qualification for EPT Violations". */
      readonly qualification: number;
      readonly access: 'read' | 'write' | 'execute';
    }
  /** The SMM refused an access. `address`: guest-physical, where it is known, else −1; `linear` too. */
  | {
      readonly kind: 'smm-violation';
      readonly violation: SmmViolation;
      readonly frame: number;
      readonly address: number;
      readonly linear: number;
    }
  | { readonly kind: 'ept-misconfiguration'; readonly address: number; readonly linear: number }
  /** The domain or the host reached its limit. */
  | { readonly kind: 'limit'; readonly limit: 'instructions' | 'host-time' }
  /** A control operation ended it: one of the domain `by`, or of the host's operator. */
  | { readonly kind: 'destroyed'; readonly by: string }
  /** The host had no memory left for a page that the domain shared with others and wrote: guest-physical address. */
  | { readonly kind: 'host-memory'; readonly address: number }
  /** The domain was to be forked from another, which ended before it came to that. */
  | { readonly kind: 'not-forked' }
  /** An exit that the hypervisor does not handle. */
  | { readonly kind: 'unhandled-exit'; readonly reason: number; readonly qualification: number }
  /** An invariant of the core broke (a WebAssembly trap): this domain alone ends. */
  | { readonly kind: 'platform-error'; readonly message: string };

/**
 * permission: the domain has no such right on the frame; context: the unit was not told that the domain runs; integrity: the
 * page's MAC does not match; freshness: its counter is not the one last written.
 */
export type SmmViolation = 'permission' | 'context' | 'integrity' | 'freshness';

/** What the SMM did for a domain, in pages; counted for the owner of the pages. */
export interface SmmCounts {
  readonly fills: number;
  readonly decrypts: number;
  readonly writeBacks: number;
  /** Slots dropped that needed no write-back. */
  readonly cleanDrops: number;
  /** Slots that made room for others. */
  readonly evictions: number;
  readonly macs: number;
  readonly treeNodes: number;
  readonly rekeys: number;
  readonly violations: Readonly<Record<SmmViolation, number>>;
}

/** What a domain's devices did in memory. An access is a transaction, of any length; refused ones are counted, too. */
export interface DmaCounts {
  /** Requests that the device carried out. */
  readonly requests: number;
  /** Accesses by which it read memory, and the bytes that moved. */
  readonly reads: number;
  readonly readBytes: number;
  readonly writes: number;
  readonly writeBytes: number;
  /** Accesses that were refused: no memory there, no right to it, or a page that failed its check. */
  readonly faults: number;
}

/** Deterministic: the same for the same configuration, whatever the number of workers. */
export interface DomainResult {
  readonly name: string;
  /** Index of the configured domain whose settings it has: itself, or the one it was forked from; −1: made by a domain. */
  readonly template: number;
  readonly imageName: string;
  readonly imageSha256: string;
  /** Guest-physical memory. */
  readonly memoryBytes: number;
  readonly translation: Translation;
  /** Where it ran last: a domain moves when it joins a gang. */
  readonly pcpu: number;
  readonly outcome: Outcome;
  /** EIP where the domain ended: at the instruction that ended it. */
  readonly eip: number;
  readonly retired: number;
  /** Of them, those that it took over from the domain that it was forked from. */
  readonly inherited: number;
  /** Modelled cycles the vCPU used (idle time not included). */
  readonly cycles: number;
  /** The domain's clock when it ended: cycles plus idle time (plus stolen time with `clock: 'pcpu'`). */
  readonly clock: number;
  /** What its pCPU made of it: the one part of a result, beside `pcpu`, that neighbours change. */
  readonly scheduling: Scheduling;
  /** VM exits by reason name, zero counts left out. */
  readonly exits: Readonly<Record<string, number>>;
  readonly exitsTotal: number;
  readonly tlbMisses: number;
  readonly stlbHits: number;
  readonly tlbFlushes: number;
  readonly walkGuest: number;
  readonly walkEpt: number;
  readonly exceptions: number;
  readonly interrupts: number;
  readonly pageFaults: number;
  /** Frames given to the guest and frames its EPT used, 4 KiB each. */
  readonly pages: number;
  readonly tablePages: number;
  /** Pages that it shared and then wrote: each was copied. */
  readonly copiedPages: number;
  /** Pages of it that were found to be equal to one of another domain, and became one frame. */
  readonly mergedPages: number;
  readonly protection: Protection;
  readonly smm: SmmCounts;
  readonly dma: DmaCounts;
  /** SHA-256 of its disk's sectors at the end; '' without a disk. */
  readonly diskSha256: string;
  /** What the domain asked of the security hooks, by operation; what it never asked for is left out. */
  readonly hooks: Readonly<Partial<Record<Operation, VerdictCount>>>;
  /** SHA-256 over the architectural registers and all guest memory at the end. */
  readonly stateHash: string;
  readonly consoleSha256: string;
  /** The first MiB of what the domain wrote to its console. */
  readonly console: Uint8Array;
  /** Bytes it wrote beyond that. */
  readonly consoleDropped: number;
}

export interface Scheduling {
  /** Times that a pCPU switched to its vCPU. */
  readonly contextSwitches: number;
  /** Times that it made room for a vCPU that woke. */
  readonly preemptions: number;
  /** pCPU cycles that it was runnable, or out of its cap's budget, and did not run. */
  readonly waited: number;
  readonly wakeups: number;
  /** pCPU cycles between waking and running: the sum of all, and the longest. */
  readonly wakeLatency: number;
  readonly wakeLatencyMax: number;
}

export interface DomainWallClock {
  readonly name: string;
  /** Creating the domain: frames, EPT, image. */
  readonly startMs: number;
  /** Time its pCPU spent running it. */
  readonly runMs: number;
  /** Retired instructions per microsecond of that time. */
  readonly mips: number;
}

export interface HostResult {
  readonly deterministic: {
    /** The configured domains in their order, then those that came into being later, by birth. */
    readonly domains: readonly DomainResult[];
    readonly seed: number;
    readonly quanta: number;
    /** Virtual time of each pCPU at the end. */
    readonly pcpuCycles: readonly number[];
    /** Cycles of it that each pCPU ran guests. */
    readonly pcpuBusyCycles: readonly number[];
    /** Context switches of each pCPU to a vCPU (going idle is none), and the cycles of its time that they took. */
    readonly pcpuContextSwitches: readonly number[];
    readonly pcpuSwitchCycles: readonly number[];
    /** True when every frame is free again and every pCPU queue empty: destroying the domains was zero-sum. */
    readonly zeroSum: boolean;
    readonly pageSharing: PageSharingCounts;
    /** Operations that the security hooks denied, in order: the first 4096. Domains are named by index. */
    readonly audit: readonly AuditEntry[];
  };
  readonly wallClock: {
    readonly workers: number;
    readonly bootMs: number;
    readonly runMs: number;
    readonly destroyMs: number;
    readonly mips: number;
    /** Size of the flat memory. */
    readonly memoryMiB: number;
    /** Who encrypted; absent on a host without an SMM. */
    readonly smmBackend?: SmmBackend;
    readonly domains: readonly DomainWallClock[];
    /** Present where a domain ended with `platform-error`: what is needed to see it again. */
    readonly reproducers: readonly Reproducer[];
  };
}

export interface Reproducer {
  readonly domain: string;
  readonly message: string;
  readonly seed: number;
  readonly quantum: number;
  readonly retired: number;
  readonly eip: number;
}

export interface Progress {
  readonly quantum: number;
  /** Largest virtual time of a pCPU, in cycles. */
  readonly cycles: number;
  readonly retired: number;
  readonly domainsEnded: number;
  readonly domainsTotal: number;
}

/** When boot ends: at the end of the quantum in which … */
export type BootEnd =
  /** virtual time `at` is reached, in cycles. */
  | { readonly kind: 'time'; readonly at: number }
  /** the domain has retired so many instructions. */
  | { readonly kind: 'retired'; readonly domain: string; readonly count: number }
  /** the domain's console (its first MiB, Latin-1) has come to contain the text. */
  | { readonly kind: 'prints'; readonly domain: string; readonly text: string };

export interface BootOptions {
  readonly until: BootEnd;
  /**
   * The configuration from then on. Only limitCycles, sliceCycles, boost, security and domains' weight, cap, maxInstructions and
   * input may differ; a domain whose input differs receives the new one, after what it has received before.
   */
  readonly later: HostConfig;
  /** Gets the host as it is when boot has ended. */
  readonly save?: (image: HostImage) => void;
}

export interface RunOptions {
  /** Worker threads; 1 runs inline in the calling thread. */
  readonly workers: number;
  /** Runs inline whatever `workers` says. */
  readonly inline?: boolean;
  /** Gives the flat memory: shared, zeroed, of at least so many pages of 64 KiB. Default: a new one. Never changes a result. */
  readonly memory?: (pages: number) => WebAssembly.Memory;
  /** Called after every quantum. */
  readonly onProgress?: (progress: Progress) => void;
  /** Called after every quantum, before the next: what the operator does then is part of what decides the results. */
  readonly operator?: (operator: Operator, cycles: number) => void;
  /** Saves the host at the end of the quantum in which virtual time `at` (cycles) is reached, and goes on. */
  readonly save?: { readonly at: number; readonly to: (image: HostImage) => void };
  /** Goes on from a saved host. The configuration must be its own; only limits may differ, if they have not been reached. */
  readonly restore?: HostImage;
  /** The configuration holds until boot ends. A host that was saved before goes on the same way, one saved later ignores it. */
  readonly boot?: BootOptions;
  /** Stops at the end of the running quantum; `runHost` rejects with `AbortedError`. */
  readonly signal?: AbortSignal;
}

/** A configuration or an image that cannot be run. `code` is stable; `domain` is the index of the domain, or −1. */
export class HostError extends Error {
  readonly code: string;
  readonly domain: number;

  constructor(code: string, message: string, domain = -1) {
    super(message);
    this.name = 'HostError';
    this.code = code;
    this.domain = domain;
  }
}

/** The run was stopped by its AbortSignal. */
export class AbortedError extends Error {
  constructor() {
    super('the run was aborted');
    this.name = 'AbortedError';
  }
}
