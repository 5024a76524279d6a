/**
 * The only map of the flat memory.
 *
 *   0x00000000 ┌───────────────────────────────┐
 *              │ unmapped (address 0 is "none")│
 *   HOST       ├───────────────────────────────┤  plan, region bases, cost weights
 *   DECODE_ROM ├───────────────────────────────┤  decode tables written once by hostInit
 *   VOID_PAGE  ├───────────────────────────────┤  reads of absent machine memory (all ones)
 *   APIC_PAGE  ├───────────────────────────────┤  stands for the registers of local APICs
 *   VIRTIO_PAGE├───────────────────────────────┤  stands for the registers of domains' disks
 *   SLOW_BANK  ├───────────────────────────────┤  a TLB bank that nothing hits
 *   FOREIGN    ├───────────────────────────────┤  which privileged domain maps whose pages
 *   REGIONS    ├───────────────────────────────┤  bases in the host header:
 *              │ pCPUs    stride PCPU_SIZE     │   run queue, block cache
 *              │ vCPUs    stride VCPU_SIZE     │   registers, counters, L1 TLB
 *              │ domains  stride DOMAIN_SIZE   │   EPT pointer, devices, console ring
 *              │ second-level TLBs, STLB_SIZE  │   one per vCPU, then the sets of all
 *              │ pages that became common      │   a table per domain; absent without page sharing
 *              │ SMM tables and units          │   permission table, key table, slot tables; absent without SMM
 *              │ frame table, 16 B per frame   │   and per SMM slot
 *              ├───────────────────────────────┤  4 KiB aligned
 *              │ DRAM frames                   │  all that guests, devices and dumps can see
 *   HOST_END   ├───────────────────────────────┤
 *              │ SMM buffer: slots, scratch    │  absent without SMM
 *              │ sectors of domains' disks     │
 *              └───────────────────────────────┘
 *
 * Everything but the DRAM frames is "on chip": no emulated access can reach it.
 * TypeScript never copies these numbers; it reads the globals that the module exports.
 */

export const LAYOUT_MAGIC: u32 = 0x46474e52; // "RNGF"
export const LAYOUT_VERSION: u32 = 1;

export const PAGE_SHIFT: u32 = 12;
export const PAGE_SIZE: u32 = 4096;
export const PAGE_MASK: u32 = 0xfffff000;

// ── Host header ─────────────────────────────────────────────────────────────
export const HOST: usize = 0x1000;
export const HOST_MAGIC: usize = HOST;
export const HOST_VERSION: usize = HOST_MAGIC + 4;
// The plan: what the host has. src/machine/plan.ts writes it, host.ts lays the regions out from it. u32 each.
export const PLAN: usize = HOST_VERSION + 4;
export const HOST_PCPUS: usize = PLAN; // physical CPUs
export const HOST_VCPUS: usize = HOST_PCPUS + 4; // vCPU slots
export const HOST_DOMAINS: usize = HOST_VCPUS + 4; // domain slots
export const HOST_FRAMES: usize = HOST_DOMAINS + 4; // DRAM frames
export const HOST_STLB_ENTRIES: usize = HOST_FRAMES + 4; // entries of all second-level TLBs
export const HOST_SMM_SLOTS: usize = HOST_STLB_ENTRIES + 4; // slots of each pCPU's SMM buffer, 0: there is no SMM
export const HOST_SMM_BATCH: usize = HOST_SMM_SLOTS + 4; // pages that the host encrypts in one call, 0: the machine does it itself
export const HOST_DISK_PAGES: usize = HOST_SMM_BATCH + 4; // 4 KiB each, of all disks
export const HOST_MERGEABLE_PAGES: usize = HOST_DISK_PAGES + 4; // of all domains: those that can become common
export const PLAN_SIZE: usize = HOST_MERGEABLE_PAGES + 4 - PLAN;
// Where the regions begin.
export const HOST_PCPU_BASE: usize = PLAN + PLAN_SIZE;
export const HOST_VCPU_BASE: usize = HOST_PCPU_BASE + 4;
export const HOST_DOMAIN_BASE: usize = HOST_VCPU_BASE + 4;
export const HOST_STLB: usize = HOST_DOMAIN_BASE + 4; // the second-level TLBs, stride STLB_SIZE, then their sets
export const HOST_FRAME_TABLE: usize = HOST_STLB + 4;
export const HOST_DRAM: usize = HOST_FRAME_TABLE + 4;
export const HOST_END: usize = HOST_DRAM + 4; // first byte after DRAM
export const HOST_DISKS: usize = HOST_END + 4; // sectors of all disks: behind everything else
export const HOST_FREE_HEAD: usize = HOST_DISKS + 4; // first free frame number, or FRAME_NONE
export const HOST_FREE_COUNT: usize = HOST_FREE_HEAD + 4; // number of free frames
export const HOST_FRAME_FRESH: usize = HOST_FREE_COUNT + 4; // frames from here on were never allocated nor linked
/** Frames that the pool of every pCPU should hold, 0: nothing is shared. See mmu/share.ts. */
export const HOST_POOL_TARGET: usize = HOST_FRAME_FRESH + 4;
// Policy of the host run, written once at boot; f64 values are whole numbers below 2^53.
export const HOST_CLOCK_MODE: usize = HOST + 0x100; // u32 HOST_CLOCK_*
export const HOST_FREQUENCY: usize = HOST + 0x108; // f64 virtual cycles per virtual second
export const HOST_SLICE: usize = HOST + 0x110; // f64 time slice in cycles
export const HOST_SWITCH_CYCLES: usize = HOST + 0x118; // u32 modelled cycles of a context switch
export const HOST_SCHEDULER: usize = HOST + 0x11c; // u32 SCHEDULER_*
export const HOST_BOOST: usize = HOST + 0x120; // u32 1: who wakes may preempt
export const SCHEDULER_CREDIT: u32 = 0;
export const SCHEDULER_ROUND_ROBIN: u32 = 1;
export const HOST_FOREIGN_USED: usize = HOST + 0x200; // u32 entries of FOREIGN from here on were never used
export const HOST_FOREIGN_MACHINE: usize = HOST + 0x204; // u32 entries of kind FOREIGN_MACHINE
export const HOST_DMA_MACHINE: usize = HOST + 0x208; // u32 devices whose addresses are machine addresses: device/dma.ts
export const HOST_DMA_TABLES: usize = HOST + 0x20c; // u32 1: one of them wrote to an EPT table
// Pages of equal content that domains share, mmu/merge.ts; all 0 on a host that shares none.
export const HOST_MERGE: usize = HOST + 0x210; // per domain slot {u32 address of its table, u32 entries}, then the tables
export const HOST_MERGE_PAGES: usize = HOST + 0x214; //   u32 pages of domains that are common frames now
export const HOST_MERGE_FRAMES: usize = HOST + 0x218; //  u32 common frames
export const HOST_MERGE_ORPHANS: usize = HOST + 0x21c; // u32 of them, those that no page is any more
export const HOST_MERGE_SCANNED: usize = HOST + 0x220; // f64 pages looked at so far
export const HOST_MERGE_TOTAL: usize = HOST + 0x228; //   f64 pages that became common so far
export const HOST_MERGE_UNDONE: usize = HOST + 0x230; //  u32 of them, those that were copied because they were to be written
export const HOST_MERGE_PASSES: usize = HOST + 0x234; //  u32
export const HOST_MERGE_SAVED: usize = HOST + 0x238; //   u32 frames saved after the pass that saved most
export const MERGE_ENTRY: usize = 8; // of the directory
/** 1: a frame that is given back or taken over is scrubbed; 0: what it held stays, as in the source's threat model. */
export const HOST_KEEP_RESIDUE: usize = HOST + 0x104; // u32, 0 by default: the opposite of "scrub"
export const HOST_CLOCK_DOMAIN: u32 = 0; // a domain's clock: its own cycles and idle time
export const HOST_CLOCK_PCPU: u32 = 1; // a domain's clock: its pCPU's time
// The secure-memory unit (smm/), written by hostInit; all 0 on a host without one. HOST_SMM_SLOTS: in the plan.
export const HOST_SMM_FRAMES: usize = HOST + 0x184; //  permission table
export const HOST_SMM_SHARES: usize = HOST + 0x188; //  its entries for shared frames
export const HOST_SMM_KEYS: usize = HOST + 0x18c; //    key table
export const HOST_SMM_UNITS: usize = HOST + 0x190; //   units, one per pCPU
export const HOST_SMM_POLICY: usize = HOST + 0x194; //  SMM_POLICY_*
export const HOST_SMM_DENY: usize = HOST + 0x198; //    SMM_DENY_*
export const HOST_SMM_KEY_BITS: usize = HOST + 0x19c; // 128 or 256
export const HOST_SMM_GRANTS: usize = HOST + 0x1a0; //  SMM_GRANTS_*
/** 32 bytes: the root of all keys. Only the key store reads it (src/hypervisor/smm.ts). */
export const HOST_SMM_ROOT: usize = HOST + 0x1c0;
export const HOST_SMM_LAUNCHES: usize = HOST + 0x1e0; // u32 domains that got a key so far: no two get the same
/** u64: counters that may be issued under one key before the domain is given a new one. */
export const HOST_SMM_COUNTERS: usize = HOST + 0x1a8;
/** Modelled cycles per event, u32 each, parallel to the vCPU's counters. Data from src/machine/cost-table. */
export const HOST_WEIGHTS: usize = HOST + 0x400;
// What the core answers without the hypervisor (vmx/answers.ts), written by src/hypervisor/answers.ts.
export const HOST_ANSWERS: usize = HOST + 0x580; // u32 ANSWER_*: all 0: every exit goes to the hypervisor
export const HOST_CPUID_COUNT: usize = HOST + 0x584; // u32 rows of HOST_CPUID
export const HOST_HYPERCALLS: usize = HOST + 0x588; // u32[2] a bit per hypercall number that there is
export const HOST_POOL_LOW: usize = HOST + 0x590; // u32 frames of a pCPU's pool below which hypercalls wait
export const HOST_CONSTANT_COUNT: usize = HOST + 0x594; // u32 rows of HOST_CONSTANTS
export const HOST_CONSTANTS: usize = HOST + 0x5a0; // hypercalls with a constant result: EAX, EBX, result, u32 each
export const CONSTANT_SIZE: usize = 12;
export const CONSTANTS_MAX: u32 = 8;
export const ANSWER_CPUID: u32 = 1;
export const ANSWER_HYPERCALL: u32 = 2;
export const ANSWER_SEND: u32 = 4; // event_channel_op send within a pCPU: no hook denies any
export const ANSWER_HALT: u32 = 8;
export const ANSWER_SWITCH: u32 = 16; // another vCPU of the pCPU: nobody in TypeScript is told (sched/context-switch.ts)
export const HOST_SEND_HOOK: usize = HOST + 0x598; // u32 number of the hook that counts sends
/** CPUID by leaf. The first row also answers for leaves that have none. */
export const HOST_CPUID: usize = HOST + 0x600;
export const CPUID_LEAF: usize = 0;
export const CPUID_FLAGS: usize = 4; // CPUID_*
export const CPUID_EAX: usize = 8;
export const CPUID_EBX: usize = 12;
export const CPUID_ECX: usize = 16;
export const CPUID_EDX: usize = 20;
export const CPUID_SIZE: usize = 24;
export const CPUID_ROWS_MAX: u32 = 16;
export const CPUID_FEATURES: u32 = 1; //   ECX and EDX are cut to what the vCPU has
export const CPUID_HYPERVISOR: u32 = 2; // only for vCPUs that are told of a hypervisor
export const CPUID_DOMAIN: u32 = 4; //     ECX is the domain's id

// ── Event counters (u64 each, per vCPU) ─────────────────────────────────────
export const COUNTER_RETIRED: u32 = 0; //        instructions retired; REP counts each iteration
export const COUNTER_TLB_MISS: u32 = 1; //       TLB look-ups that needed a walk
export const COUNTER_WALK_GUEST: u32 = 2; //     references to guest page-directory and page-table entries
export const COUNTER_WALK_EPT: u32 = 3; //       references to EPT entries
export const COUNTER_EXCEPTION: u32 = 4; //      exceptions delivered to the guest
export const COUNTER_INTERRUPT: u32 = 5; //      external and software interrupts delivered
export const COUNTER_PAGE_FAULT: u32 = 6; //     of the exceptions, #PF
export const COUNTER_TLB_FLUSH: u32 = 7; //      whole-TLB invalidations
export const COUNTER_DOUBLE_FAULT: u32 = 8; //   of the exceptions, #DF
export const COUNTER_STLB_HIT: u32 = 9; //       L1 TLB look-ups that the second-level TLB answered
export const COUNTER_DMA: u32 = 10; //           64-byte lines that its devices read or wrote
export const COUNTER_SMM_FILL: u32 = 11; //      SMM slots filled for this vCPU's accesses
export const COUNTER_SMM_CRYPT: u32 = 12; //     pages decrypted or encrypted for them
export const COUNTER_SMM_MAC: u32 = 13; //       pages whose MAC was computed for them
export const COUNTER_SMM_TREE: u32 = 14; //      nodes of a counter tree that were hashed for them
export const COUNTER_EXIT_CYCLES: u32 = 15; //  modelled cycles of all exits so far; its weight is 1
/** Exits by basic exit reason (Intel SDM Vol. 3D, Appendix C, "VMX Basic Exit Reasons"): COUNTER_EXIT + reason. */
export const COUNTER_EXIT: u32 = 16;
export const COUNTERS: u32 = COUNTER_EXIT + 80;

// ── Fixed tables ────────────────────────────────────────────────────────────
export const DECODE_ROM: usize = 0x2000;
export const DECODE_ROM_SIZE: usize = 0x1e000;
export const VOID_PAGE: usize = DECODE_ROM + DECODE_ROM_SIZE;
/** Where translations of a local APIC's registers point: read as ones by whoever does not go through device/mmio.ts. */
export const APIC_PAGE: usize = VOID_PAGE + 4096;
/** The same for those of a domain's virtio device. */
export const VIRTIO_PAGE: usize = APIC_PAGE + 4096;
export const MMIO_SIZE: usize = 2 * 4096; // of both
/** A TLB bank that no address hits: every access takes the slow path, where alignment is checked (cpu/mode.ts). */
export const SLOW_BANK: usize = VIRTIO_PAGE + 4096;
export const SLOW_BANK_SIZE: usize = 65536; // TLB_BANK_SIZE
/** Pages that privileged domains map of others, and machine frames: src/hypervisor/foreign.ts. */
export const FOREIGN: usize = SLOW_BANK + SLOW_BANK_SIZE;
export const FOREIGN_ENTRIES: u32 = 8192;
export const FOREIGN_KIND: usize = 0; // u16 FOREIGN_*
export const FOREIGN_MAPPER: usize = 2; // u16 index of the domain that maps
export const FOREIGN_OWNER: usize = 4; // u32 index of the domain whose page it is
export const FOREIGN_FRAME: usize = 8; // u32
export const FOREIGN_GFN: usize = 12; // u32 where the mapper sees it
export const FOREIGN_SIZE: usize = 16;
export const FOREIGN_FREE: u32 = 0;
export const FOREIGN_PAGE: u32 = 1; // a page of OWNER: holds a reference to the frame
export const FOREIGN_MACHINE: u32 = 2; // a machine frame, whoever owns it
export const FOREIGN_REVOKED: u32 = 3; // OWNER has ended: reads as ones
export const REGIONS: usize = FOREIGN + (FOREIGN_ENTRIES as usize) * FOREIGN_SIZE;

// ── vCPU: general state ─────────────────────────────────────────────────────
// Registers are addressed by byte offset, so AH is VCPU_EAX + 1 (the memory is little-endian).
export const VCPU_EAX: usize = 0;
export const VCPU_ECX: usize = 4;
export const VCPU_EDX: usize = 8;
export const VCPU_EBX: usize = 12;
export const VCPU_ESP: usize = 16;
export const VCPU_EBP: usize = 20;
export const VCPU_ESI: usize = 24;
export const VCPU_EDI: usize = 28;
export const VCPU_ZERO: usize = 32; // always 0: the absent base or index of an address
export const VCPU_T0: usize = 36; // linear address computed by an address µop
export const VCPU_T1: usize = 40; // scratch of multi-µop instructions
export const VCPU_EIP: usize = 44; // exact whenever the core is not inside a block
/** Lazy arithmetic flags, see cpu/flags.ts. */
export const VCPU_FLAG_RESULT: usize = 48;
export const VCPU_FLAG_AUX: usize = 52;
/** EFLAGS without CF PF AF ZF SF OF. */
export const VCPU_EFLAGS: usize = 56;
export const VCPU_CPL: usize = 60;
/** Fetch register: the code page in use. FETCH_PAGE holds the linear page, or 1 when none is valid. */
export const VCPU_FETCH_PAGE: usize = 64;
export const VCPU_FETCH_BASE: usize = 68; // host address of that page's frame
export const VCPU_FETCH_GENERATION: usize = 72; // the frame's generation when it was looked up
export const VCPU_EIP_PAGE: usize = 76; // EIP of the page's first byte: FETCH_PAGE − CS.base
export const VCPU_MODE: usize = 80; // block mode key, see cpu/mode.ts
export const VCPU_TLB_BANK: usize = 84; // host address of the L1 bank for the current CPL, or SLOW_BANK
/** Events inhibited for one instruction: interrupts (STI), or interrupts and debug traps (MOV SS, POP SS). */
export const VCPU_INHIBIT: usize = 88;
export const INHIBIT_STI: u32 = 1;
export const INHIBIT_MOV_SS: u32 = 2;
export const VCPU_INTR: usize = 92; // INTR_*: who asserts INTR
export const VCPU_PCPU: usize = 96; // host address of the pCPU that runs this vCPU
export const VCPU_DOMAIN: usize = 100; // host address of the owning domain
export const VCPU_INDEX: usize = 104;
export const VCPU_ACTIVITY: usize = 108; // 0 active, 1 HLT, 2 shutdown (SDM Vol. 3C 26.4.2, "Guest Non-Register State")

export const INTR_PIC: u32 = 1; //   the interrupt controller
export const INTR_LAPIC: u32 = 4; // the local APIC: an interrupt above its processor priority
export const INTR_EVENT: u32 = 2; // an event-channel upcall; valid while the guest's evtchn_upcall_pending is set

export const ACTIVITY_ACTIVE: u32 = 0;
export const ACTIVITY_HLT: u32 = 1;
export const ACTIVITY_SHUTDOWN: u32 = 2;

// ── vCPU: fault record (set by the slow paths, consumed by cpu/run.ts) ──────
export const VCPU_FAULT: usize = 112; // FAULT_*
export const VCPU_FAULT_VECTOR: usize = 116;
export const VCPU_FAULT_ERROR: usize = 120; // error code, or FAULT_NO_ERROR
export const VCPU_FAULT_ADDRESS: usize = 124; // linear address for #PF

export const FAULT_NONE: u32 = 0;
export const FAULT_EXCEPTION: u32 = 1; // vector, error, address
export const FAULT_EXIT: u32 = 2; // the exit record is filled
export const FAULT_NO_ERROR: u32 = 0xffffffff;

// ── vCPU: exit record ───────────────────────────────────────────────────────
// Intel SDM Vol. 3C, 25.9, "VM-Exit Information Fields"
export const VCPU_EXIT_REASON: usize = 128;
export const VCPU_EXIT_QUALIFICATION: usize = 132;
export const VCPU_EXIT_LINEAR: usize = 136; // guest-linear address
export const VCPU_EXIT_PHYSICAL: usize = 140; // guest-physical address
export const VCPU_EXIT_LENGTH: usize = 144; // VM-exit instruction length
export const VCPU_EXIT_INFO: usize = 148; // VM-exit interruption information or instruction information

// ── vCPU: segments ──────────────────────────────────────────────────────────
// Index order of the Sreg field: ES CS SS DS FS GS, then LDTR, TR.
export const SEGMENT_SELECTOR: usize = 0;
export const SEGMENT_BASE: usize = 4;
export const SEGMENT_LIMIT: usize = 8; // in bytes, granularity applied
/** Access rights in VMCS format (SDM Vol. 3C, Table 25-2, "Format of Access Rights"). */
export const SEGMENT_ACCESS: usize = 12;
export const SEGMENT_SIZE: usize = 16;
export const VCPU_SEGMENTS: usize = 160;
export const ES: u32 = 0;
export const CS: u32 = 1;
export const SS: u32 = 2;
export const DS: u32 = 3;
export const FS: u32 = 4;
export const GS: u32 = 5;
export const LDTR: u32 = 6;
export const TR: u32 = 7;
export const VCPU_GDTR_BASE: usize = VCPU_SEGMENTS + 8 * SEGMENT_SIZE;
export const VCPU_GDTR_LIMIT: usize = VCPU_GDTR_BASE + 4;
export const VCPU_IDTR_BASE: usize = VCPU_GDTR_LIMIT + 4;
export const VCPU_IDTR_LIMIT: usize = VCPU_IDTR_BASE + 4;

// ── vCPU: control, debug and model-specific registers ───────────────────────
export const VCPU_CR0: usize = 320;
export const VCPU_CR2: usize = 324;
export const VCPU_CR3: usize = 328;
export const VCPU_CR4: usize = 332;
export const VCPU_DR0: usize = 336; // DR0 … DR7, 4 bytes each
export const VCPU_DR6: usize = VCPU_DR0 + 24;
export const VCPU_DR7: usize = VCPU_DR0 + 28;
export const VCPU_SYSENTER_CS: usize = 368;
export const VCPU_SYSENTER_ESP: usize = 372;
export const VCPU_SYSENTER_EIP: usize = 376;
export const VCPU_TSC_BASE: usize = 384; // i64: TSC = TSC_BASE + modelled cycles of this vCPU
export const VCPU_CPUID_MASK: usize = 392; // u32 feature masks: leaf 1 EDX, leaf 1 ECX
/** EPT pointer in SDM format (0: no EPT), copied from the domain at switch-in. */
export const VCPU_EPTP: usize = 400;
/** Without EPT: machine address of guest-physical 0 and number of bytes of guest memory. */
export const VCPU_DIRECT_BASE: usize = 404;
export const VCPU_DIRECT_LIMIT: usize = 408;
export const VCPU_CODE_EPOCH: usize = 412; // the pCPU's code epoch when write tags were last disarmed
export const VCPU_CODE_WRITTEN: usize = 416; // 1: a write hit decoded code in the page being executed
/** Datum of an I/O exit: what OUT or OUTS sends, right-aligned in 1, 2 or 4 bytes (cpu/io.ts). */
export const VCPU_EXIT_VALUE: usize = 420;
/** An event whose delivery an exit interrupted, SDM Vol. 3C 25.9.3, "Information for VM Exits During Event Delivery". */
export const VCPU_VECTORING_INFO: usize = 424;
export const VCPU_VECTORING_ERROR: usize = 428;
/** IA32_PAT (SDM Vol. 4, Table 2-2), u64, exclusive-or its reset value: all zeros after reset. */
export const VCPU_PAT: usize = 432;
// Scheduler state (sched/pcpu.ts); f64 values are whole numbers below 2^53.
export const VCPU_RUN_STATE: usize = 440; // RUN_*
export const VCPU_IDLE: usize = 448; // f64 idle (and, with HOST_CLOCK_PCPU, stolen) cycles so far
export const VCPU_WAKE: usize = 456; // f64 pCPU time at which a blocked vCPU wakes
export const VCPU_BLOCKED_AT: usize = 464; // f64 pCPU time at which it blocked
export const VCPU_MAX_RETIRED: usize = 472; // f64 instruction limit, 0: none
export const VCPU_CHUNK_END: usize = 488; // i64 retired count at which the domain's clock is next compared with its timers
/** IA32_TSC_ADJUST (SDM Vol. 3B 17.17.3, "Time-Stamp Counter Adjustment"), u64: what the guest's writes moved the TSC by. */
export const VCPU_TSC_ADJUST: usize = 496;
/** 1 if the fetch register's page was looked up with user rights. */
export const VCPU_FETCH_USER: usize = 504;
export const RUN_NONE: u32 = 0; // slot unused, or its domain has ended
export const RUN_RUNNABLE: u32 = 1;
export const RUN_BLOCKED: u32 = 2;
export const RUN_DEFERRED: u32 = 3; // its hypercall is carried out at the quantum's end
export const RUN_PARKED: u32 = 4; // runnable, but its domain has used up what its cap allows
/** What a blocked vCPU waits for beside an interrupt: a port, or POLL_*; SCHEDOP_poll and SCHEDOP_block. */
export const VCPU_POLL_PORT: usize = 832;
/** 1 from an EPT violation by a write to a shared page until the access's counts were taken back. */
export const VCPU_SHARED_WRITE: usize = 836;
export const POLL_NONE: u32 = 0;
export const POLL_UPCALL: u32 = 0xfffffffe; // evtchn_upcall_pending, whether or not there is a callback vector
export const POLL_ANY: u32 = 0xffffffff; // any event
// Timers by the domain's clock, f64 cycles; 0: off. They raise VIRQ_TIMER.
export const VCPU_POLL_END: usize = 840; // end of a SCHEDOP_poll
export const VCPU_TIMER_ONCE: usize = 848; // VCPUOP_set_singleshot_timer
export const VCPU_TIMER_NEXT: usize = 856; // next tick of VCPUOP_set_periodic_timer
export const VCPU_TIMER_PERIOD: usize = 864;
/** f64 the domain's clock before which none of its timers is due; 0: not known, one may have been moved. */
export const VCPU_TIMERS_DUE: usize = 872;
export const VCPU_RAN: usize = 880; //      f64 cycles that it ran since TypeScript last read the clock: sched/wall-time.ts
export const VCPU_RAN_NEXT: usize = 888; // u32 1 + index of another one that did, 0xffffffff: the last; 0: it did not run
// Scheduling (sched/run-queue.ts): none of it reaches the guest. f64 are whole or fractional cycles.
export const VCPU_SCHED_KEY: usize = 896; //      f64 its place in the run queue: the domain's virtual time when it was queued
export const VCPU_SCHED_ORDER: usize = 904; //    f64 order among equals, of queueing and of blocking
export const VCPU_SCHED_AT: usize = 912; //       u32 its index in the heap that holds it
export const VCPU_SWITCHES: usize = 916; //       u32 times that a pCPU switched to it
export const VCPU_PREEMPTIONS: usize = 920; //    u32 times that it had to make room for one that woke
export const VCPU_WAKEUPS: usize = 924; //        u32 times that it woke
export const VCPU_RUNNABLE_SINCE: usize = 928; // f64 pCPU time since when it is runnable and does not run
export const VCPU_WAITED: usize = 936; //         f64 cycles that it was runnable and did not run
export const VCPU_WAKE_LATENCY: usize = 944; //   f64 of them, between waking and running
export const VCPU_WAKE_LATENCY_MAX: usize = 952;
export const VCPU_WOKEN: usize = 960; //          u32 1: it woke and has not run since
// Runstate, vmx/runstate.ts: VCPUOP_register_runstate_memory_area.
export const VCPU_RUNSTATE: usize = 972; //       u32 RUNSTATE_*
export const VCPU_RUNSTATE_AREA: usize = 976; //  u32 guest-linear address of the area
export const VCPU_RUNNING_SINCE: usize = 984; //  f64 the domain's clock when it last woke
export const RUNSTATE_NONE: u32 = 0; // no area is registered
export const RUNSTATE_TOLD: u32 = 1;
export const RUNSTATE_DUE: u32 = 2; // it woke since: the area is written before it runs
/** i32: instructions the current run may still retire, less those already charged to the running block. */
export const VCPU_BUDGET: usize = 768;
export const VCPU_RUN_BUDGET: usize = 772; // i32: the budget that the run began with
export const VCPU_DELIVERIES: usize = 776; // u32: budget units that went to exception and interrupt delivery in this run
export const VCPU_RETIRED_BASE: usize = 784; // u64: COUNTER_RETIRED when the run began
/** Armed breakpoints, DEBUG_* of cpu/debug.ts; then DR6 bits of debug traps that were met and not yet delivered. */
export const VCPU_DEBUG: usize = 792;
export const VCPU_DEBUG_PENDING: usize = 796;
/** Bytes of an instruction that crosses a page, gathered for decoding. */
export const VCPU_FETCH_BUFFER: usize = 800;
export const VCPU_FETCH_BUFFER_SIZE: usize = 32;
/** Host address of its domain's record in the SMM key table; 0: its accesses do not pass the SMM. */
export const VCPU_SMM: usize = 1000;
/** Single µop block for exact stepping: header, µops and end record, see cpu/uops.ts. */
export const VCPU_STEP_BLOCK: usize = 512;
export const VCPU_STEP_BLOCK_SIZE: usize = 256;
export const VCPU_COUNTERS: usize = 1024; // u64[COUNTERS]
/**
 * x87, MMX and SSE state in the order of the FXSAVE image (SDM Vol. 1, Table 10-2, "Non-64-Bit-Mode Layout of FXSAVE
 * Area"), but with the x87 registers by physical number: R0 … R7 are also MM0 … MM7. The tail is fpu/state.ts scratch.
 */
export const VCPU_FPU: usize = 2048;
export const VCPU_FPU_SIZE: usize = 512;
export const FPU_CONTROL: usize = 0; //  u16 control word
export const FPU_STATUS: usize = 2; //   u16 status word, TOP included
export const FPU_TAG: usize = 4; //      u8 bit n: physical register n is not empty
export const FPU_OPCODE: usize = 6; //   u16 last opcode, 11 bits
export const FPU_IP: usize = 8; //       u32 EIP of the last non-control instruction
export const FPU_CS: usize = 12; //      u16
export const FPU_DP: usize = 16; //      u32 offset of its memory operand
export const FPU_DS: usize = 20; //      u16
export const FPU_MXCSR: usize = 24; //   u32
export const FPU_REGISTERS: usize = 32; // 8 × 16 bytes, 80 bits used
export const FPU_XMM: usize = 160; //    8 × 16 bytes
export const FPU_SCRATCH: usize = 288;
/** Index of the segment register of the memory operand, set by the decoder's handler before fpu/ is called. */
export const VCPU_FPU_SEGMENT: usize = VCPU_FPU + 508;

// The local APIC, device/lapic.ts, and accesses to its registers, device/mmio.ts.
export const VCPU_LAPIC: usize = 2560; // registers; 192 bytes
export const VCPU_LAPIC_BASE: usize = 2752; // u32 IA32_APIC_BASE (SDM Vol. 4, Table 2-2), low half; 0: there is none
export const VCPU_MMIO_OPEN: usize = 2756; // 1: accesses reach the registers, 0: they exit
export const VCPU_LAPIC_DEADLINE: usize = 2760; // f64 clock at which the timer's count is 0, 0: it does not run
export const VCPU_MMIO_NOW: usize = 2768; // f64 the domain's clock while accesses reach the registers
export const LAPIC_ADDRESS: u32 = 0xfee00000;
export const LAPIC_BASE_BOOT: u32 = 1 << 8; // the boot processor
export const LAPIC_BASE_ENABLE: u32 = 1 << 11;

/** Scratch of the cold handlers (cpu/stack.ts, cpu/task.ts); dead between instructions. */
export const VCPU_SCRATCH: usize = 3072;
export const VCPU_SCRATCH_SIZE: usize = 1024;

// ── vCPU: L1 TLB ────────────────────────────────────────────────────────────
//
//   linear address  31          22 21       12 11         0
//                  └──── page tag ───────────┘└─ offset ──┘
//                          └─ index ─┘
//   fast part  {tagR, tagW, tagX, addend}: tag equals the page exactly when the access needs nothing more
//   held part  what the TLB architecturally holds: page | TLB_HELD_* (survives a disarmed tag)
//
export const TLB_ENTRIES: u32 = 4096; // per bank
export const TLB_INDEX_MASK: u32 = (TLB_ENTRIES - 1) << 4; // applied to (address >>> 8)
export const TLB_TAG_R: usize = 0;
export const TLB_TAG_W: usize = 4;
export const TLB_TAG_X: usize = 8;
export const TLB_ADDEND: usize = 12; // host address − linear address
export const TLB_ENTRY_SIZE: usize = 16;
export const TLB_NEVER: u32 = 1; // a tag that no page equals
export const TLB_HELD_VALID: u32 = 1;
export const TLB_HELD_WRITE: u32 = 2; // writing is permitted and D is already set
export const TLB_HELD_EXECUTE: u32 = 4;
export const TLB_HELD_GLOBAL: u32 = 8;
export const TLB_HELD_READ: u32 = 16; // clear only for an execute-only EPT page
export const TLB_HELD_COW: u32 = 64; //     WRITE was held, or would be, if the page were not shared (mmu/share.ts)
export const TLB_HELD_LARGE: u32 = 32; // a fragment of a 4 MiB page: INVLPG drops all of them
export const TLB_BANK_SIZE: usize = (TLB_ENTRIES as usize) * TLB_ENTRY_SIZE;
export const TLB_HELD_BANK_SIZE: usize = (TLB_ENTRIES as usize) * 4;
export const VCPU_TLB: usize = 4096; // supervisor bank, then user bank
export const VCPU_TLB_HELD: usize = VCPU_TLB + 2 * TLB_BANK_SIZE;
/** Indices filled since the last flush, so that a flush clears only those. */
export const TLB_LOG_CAPACITY: u32 = 256;
export const VCPU_TLB_LOG_COUNT: usize = VCPU_TLB_HELD + 2 * TLB_HELD_BANK_SIZE;
export const VCPU_TLB_GLOBALS: usize = VCPU_TLB_LOG_COUNT + 4; // 1: global entries may be held (they are not in the log)
export const VCPU_TLB_LOG: usize = VCPU_TLB_LOG_COUNT + 16; // u16 each: index, bit 10 = user bank
/** A bit per 4 MiB of linear address space of which a TLB_HELD_LARGE fragment may be held. */
export const VCPU_TLB_LARGE: usize = VCPU_TLB_LOG + TLB_LOG_CAPACITY * 2;
export const TLB_LARGE_SIZE: usize = 1024 / 8;
/** The vCPU's second-level TLB. `tlbInit` takes it from the slot, so a copy of a vCPU does not share one. */
export const VCPU_STLB: usize = VCPU_TLB_LARGE + TLB_LARGE_SIZE; // host address, 0: none
export const VCPU_STLB_SHIFT: usize = VCPU_STLB + 4; // log2 of its number of sets
export const VCPU_STLB_ENTRIES: usize = VCPU_STLB + 8; // how many it is to have, set before `tlbInit`
export const VCPU_SIZE: usize = (VCPU_STLB + 16 + 4095) & ~4095;

// ── Second-level TLB, one per vCPU slot: mmu/stlb.ts ────────────────────────
export const STLB_LOCAL: usize = 0; // what tags have above the page where an entry is not global
export const STLB_GLOBAL: usize = 4; // … and where it is
export const STLB_CAPACITY: usize = 8; // entries that there is room for, 0: none
export const STLB_SETS: usize = 12; // host address of the sets
export const STLB_SIZE: usize = 64;
export const STLB_WAYS: u32 = 4;
export const STLB_ENTRY_SIZE: usize = 8;
export const STLB_ENTRIES_MIN: u32 = 1024;
export const STLB_ENTRIES_MAX: u32 = 65536;

// ── pCPU ────────────────────────────────────────────────────────────────────
export const PCPU_INDEX: usize = 0;
export const PCPU_CODE_EPOCH: usize = 4; // bumped when a frame first becomes code
export const PCPU_ARENA_NEXT: usize = 8; // first free byte of the µop arena
export const PCPU_TIME: usize = 16; // u64 virtual time in cycles
export const PCPU_CURRENT: usize = 24; // vCPU index that runs, or 0xffffffff
export const PCPU_QUEUE_LENGTH: usize = 32;
export const PCPU_BLOCKED_LENGTH: usize = 36;
export const PCPU_SLICE_END: usize = 40; // f64 virtual time at which the current vCPU's slice ends
export const PCPU_BUSY: usize = 48; // f64 cycles that guests ran
export const PCPU_SMM: usize = 60; // host address of its SMM unit, 0: none
export const PCPU_QUEUE: usize = 64; // u32 vCPU indices in run order
export const PCPU_QUEUE_CAPACITY: u32 = 8192;
export const PCPU_BLOCKED: usize = PCPU_QUEUE + (PCPU_QUEUE_CAPACITY as usize) * 4; // u32 indices of blocked vCPUs
export const PCPU_BLOCKED_CAPACITY: u32 = 4096;
// Scheduling, sched/run-queue.ts and sched/context-switch.ts.
export const PCPU_VTIME: usize = PCPU_BLOCKED + (PCPU_BLOCKED_CAPACITY as usize) * 4; // f64 virtual time of who ran last
export const PCPU_SCHED_ORDER: usize = PCPU_VTIME + 8; //   f64 next VCPU_SCHED_ORDER
export const PCPU_SWITCHES: usize = PCPU_VTIME + 16; //     f64 context switches to a vCPU
export const PCPU_SWITCH_CYCLES: usize = PCPU_VTIME + 24; // f64 cycles that context switches took
export const PCPU_SWITCHED_AT: usize = PCPU_VTIME + 32; //  f64 time at which the current vCPU began
export const PCPU_PREEMPT: usize = PCPU_VTIME + 40; //      u32 1: who woke is to run before the current vCPU
// Of a quantum that runs, sched/pcpu.ts; between quanta only PCPU_STATE counts, and is PCPU_CHOOSES.
export const PCPU_STATE: usize = PCPU_VTIME + 44; //        u32 PCPU_*
export const PCPU_NOW: usize = PCPU_VTIME + 48; //          f64 time, while no vCPU runs
export const PCPU_BASE: usize = PCPU_VTIME + 56; //         f64 time − modelled cycles of the vCPU that runs
export const PCPU_STARTED: usize = PCPU_VTIME + 64; //      f64 time at which it began to run
export const PCPU_DEADLINE: usize = PCPU_VTIME + 72; //     f64 time at which the scheduler looks again
export const PCPU_NEXT: usize = PCPU_VTIME + 80; //         u32 vCPU to be switched to, or 0xffffffff
export const PCPU_RAN: usize = PCPU_VTIME + 84; //         u32 1 + index of a vCPU that ran since TypeScript last read the clock, 0: none
export const PCPU_RAN_CYCLES: usize = PCPU_VTIME + 88; //  f64 cycles that they ran
export const PCPU_CYCLES: usize = PCPU_VTIME + 96; //      f64 modelled cycles of the vCPU that ran when `runSlice` ended
export const PCPU_CHOOSES: u32 = 0; //  the scheduler is to choose
export const PCPU_RUNS: u32 = 1; //     the current vCPU runs, or waits for a verdict on its exit
export const PCPU_SWITCHES_TO: u32 = 2; // PCPU_NEXT is to be switched to
/** Block hash: {host address of first byte, generation << 4 | mode, block} in 16-byte slots. */
/** Frames for pages that guests of this pCPU copy in the quantum, see mmu/share.ts. */
export const PCPU_POOL_COUNT: usize = 56;
export const PCPU_POOL: usize = 57344; // u32[PCPU_POOL_CAPACITY]
export const PCPU_POOL_CAPACITY: u32 = 512;
export const PCPU_HASH: usize = 65536;
export const BLOCK_HASH_SLOTS: u32 = 32768;
export const BLOCK_HASH_SLOT_SIZE: u32 = 16;
export const PCPU_ARENA: usize = PCPU_HASH + BLOCK_HASH_SLOTS * BLOCK_HASH_SLOT_SIZE;
export const PCPU_ARENA_SIZE: usize = 8 << 20;
export const PCPU_SIZE: usize = PCPU_ARENA + PCPU_ARENA_SIZE;

// ── Domain ──────────────────────────────────────────────────────────────────
export const DOMAIN_ID: usize = 0;
export const DOMAIN_STATE: usize = 4; // 0 free, 1 running, 2 ended
export const DOMAIN_EPTP: usize = 8; // EPT pointer, SDM Vol. 3C 25.6.11; 0: no EPT
export const DOMAIN_DIRECT_BASE: usize = 12; // no EPT: machine address of guest-physical 0
export const DOMAIN_DIRECT_LIMIT: usize = 16; // no EPT: bytes of guest memory
export const DOMAIN_PAGES: usize = 20; // guest frames owned
export const DOMAIN_TABLE_PAGES: usize = 24; // frames used by its EPT
export const DOMAIN_SHUTDOWN_REASON: usize = 28;
export const DOMAIN_VCPU: usize = 32; // host address of its vCPU
export const DOMAIN_MEMORY: usize = 40; // bytes of guest-physical memory from 0
export const DOMAIN_PORT_61: usize = 36; // u8 system control port B
export const DOMAIN_PORT_80: usize = 37; // u8 POST code
export const DOMAIN_PORT_92: usize = 38; // u8 system control port A
export const DOMAIN_PORT_CF9: usize = 39; // u8 reset control
export const DOMAIN_UART: usize = 64; // device/uart.ts
export const DOMAIN_PIC: usize = 256; // device/pic.ts
export const DOMAIN_PIT: usize = 320; // device/pit.ts
export const DOMAIN_CONSOLE_HEAD: usize = 512; // bytes written to the console ring since the domain began
export const DOMAIN_CONSOLE_TAIL: usize = 516; // bytes drained by the host
export const DOMAIN_INPUT_HEAD: usize = 520; // bytes the host wrote to the input ring since the domain began
export const DOMAIN_INPUT_TAIL: usize = 524; // bytes that the UART has taken from it
export const DOMAIN_CONSOLE_KEPT: usize = 528; // drained bytes that were kept
export const DOMAIN_CONSOLE_DROPPED: usize = 536; // f64 drained bytes beyond the host's limit
export const DOMAIN_CONSOLE: usize = 1024; // ring
export const DOMAIN_CONSOLE_SIZE: u32 = 2048; // power of two
export const DOMAIN_INPUT: usize = 3072; // ring
export const DOMAIN_INPUT_SIZE: u32 = 1024; // power of two
// Xen's interface: src/hypervisor/. Everything is zero until the guest uses it.
export const DOMAIN_SHARED_INFO: usize = 544; // u32 host address of the shared_info frame, 0: none yet
export const DOMAIN_CALLBACK_VECTOR: usize = 548; // HVM_PARAM_CALLBACK_IRQ of type vector, 0: none
export const DOMAIN_PCPU: usize = 552; // index of its pCPU
export const DOMAIN_GANG: usize = 556; // index of the first domain of its gang: those that share pages
export const DOMAIN_EVTCHN_PORTS: usize = 560; // ports ever used: those from here on are closed
export const DOMAIN_MAPPINGS: usize = 564; // grant mappings that it holds
export const DOMAIN_PINS: usize = 568; // grant mappings that others hold of its pages
export const DOMAIN_GRANT_FRAMES: usize = 572; // frames of its grant table
export const DOMAIN_GRANT_FRAME: usize = 576; // u32[GRANT_FRAMES_MAX] their numbers
/** u32[1 + GRANT_FRAMES_MAX]: where the guest has mapped its shared_info and its grant table, address | 1, 0: nowhere. */
export const DOMAIN_SHARED_AT: usize = 600;
export const DOMAIN_FOREIGN: usize = 612; // entries of FOREIGN that it holds
export const DOMAIN_FOREIGN_OF: usize = 616; // entries that others hold on its pages
/** Hook verdicts on what the domain asked for, u32[HOOKS][2]: permitted, denied. src/hypervisor/hooks.ts */
export const DOMAIN_HOOKS: usize = 640;
export const HOOKS: u32 = 10;
export const DOMAIN_HANDLE: usize = 768; // u8[16] XEN_DOMCTL_setdomainhandle
// Control (src/hypervisor/): who it is to others, and whose copy it is.
export const DOMAIN_PRIVILEGED: usize = 896; // 1: a control domain
export const DOMAIN_PAUSED: usize = 900; // how often it was paused and not continued: it runs at 0
export const DOMAIN_PARENT: usize = 904; // index + 1 of the domain that it is a fork of, 0: none
export const DOMAIN_FORKS: usize = 908; // forks of it that there are; it is paused meanwhile
export const DOMAIN_FROZEN_AT: usize = 920; // f64 time of its pCPU when it was paused
export const DOMAIN_AWAITED: usize = 928; // FORK_*: whether its marker is awaited, see hypervisor/fork.ts
export const DOMAIN_COPIED: usize = 912; // pages copied because it wrote them and they were shared
export const DOMAIN_MERGED: usize = 932; // u32 pages of it that are common frames now: mmu/merge.ts
export const DOMAIN_MERGES: usize = 936; // u32 pages of it that became common so far
export const DOMAIN_BLOCKS_INTERRUPTS: usize = 940; // u32 1: a fork that is never interrupted, XENMEM_FORK_BLOCK_INTERRUPTS
// Scheduling, src/hypervisor/credit.ts.
export const DOMAIN_WEIGHT: usize = 960; // u32 1 … 65535, 0: the default
export const DOMAIN_CAP: usize = 964; //    u32 percent of one pCPU, 0: none
export const DOMAIN_VTIME: usize = 968; //  f64 cycles that it ran, each divided by its weight
export const DOMAIN_BUDGET: usize = 976; // f64 cycles that a capped domain may still run in this period
export const DOMAIN_REFILL: usize = 984; // f64 pCPU time of its next refill
/** Event channels: the port is the index, port 0 is never used. */
export const DOMAIN_EVTCHN: usize = 4096;
export const EVTCHN_PORTS: u32 = 128;
export const EVTCHN_STATE: usize = 0; // u16 EVTCHNSTAT_*
export const EVTCHN_VIRQ: usize = 2; // u16
export const EVTCHN_REMOTE_DOMAIN: usize = 4; // u32
export const EVTCHN_REMOTE_PORT: usize = 8; // u32
export const EVTCHN_SIZE: usize = 16;
/** Grant mappings that the domain holds: the handle is the index. */
export const DOMAIN_MAPTRACK: usize = DOMAIN_EVTCHN + (EVTCHN_PORTS as usize) * EVTCHN_SIZE;
export const MAPTRACK_ENTRIES: u32 = 256;
export const MAPTRACK_FLAGS: usize = 0; // GNTMAP_*, 0: free
export const MAPTRACK_DOMAIN: usize = 4; // who granted
export const MAPTRACK_REF: usize = 8;
export const MAPTRACK_GPA: usize = 12;
export const MAPTRACK_SIZE: usize = 16;
/** Grants in use, parallel to the guest's grant table. */
export const DOMAIN_GRANT_ACTIVE: usize = DOMAIN_MAPTRACK + (MAPTRACK_ENTRIES as usize) * MAPTRACK_SIZE;
export const GRANT_FRAMES_MAX: u32 = 2;
export const GRANT_REFS_PER_FRAME: u32 = 512;
export const ACTIVE_FRAME: usize = 0; // u32 the frame, as it was when first mapped
export const ACTIVE_DOMAIN: usize = 4; // u32 who mapped it
export const ACTIVE_READERS: usize = 8; // u32 mappings
export const ACTIVE_WRITERS: usize = 12; // u32 of them, writable
export const ACTIVE_SIZE: usize = 16;
/** The domain's disk, a record as below. */
export const DOMAIN_DEVICE: usize =
  (DOMAIN_GRANT_ACTIVE + (GRANT_FRAMES_MAX as usize) * (GRANT_REFS_PER_FRAME as usize) * ACTIVE_SIZE + 4095) & ~4095;
export const DEVICE_SIZE: usize = 4096;
export const DOMAIN_SIZE: usize = DOMAIN_DEVICE + DEVICE_SIZE;

// ── A device that reads and writes memory itself: device/dma.ts ─────────────
export const DEVICE_SOURCE: usize = 0; // u32 source id, bus:device.function in 8, 5 and 3 bits; 0: there is no device
export const DEVICE_DOMAIN: usize = 4; // u32 host address of the domain that drives it
export const DEVICE_SPACE: usize = 8; //  u32 DMA_GUEST, DMA_MACHINE: what its addresses are
export const DEVICE_PAYER: usize = 12; // u32 host address of the vCPU that pays for its accesses, 0: nobody
export const DEVICE_FAULT: usize = 16; // u32 DMA_* of the last access that was refused, 0: none
export const DEVICE_FAULT_ADDRESS: usize = 24; // u64
export const DEVICE_COUNTS: usize = 32; // u64[DMA_COUNTS]
export const DMA_READS: u32 = 0; //       accesses by which it read memory
export const DMA_READ_BYTES: u32 = 1;
export const DMA_WRITES: u32 = 2; //      accesses by which it wrote memory
export const DMA_WRITE_BYTES: u32 = 3;
export const DMA_FAULTS: u32 = 4; //      accesses that were refused
export const DMA_COUNTS: u32 = 5;
export const DMA_GUEST: u32 = 0; //   guest-physical addresses of its domain, with the domain's rights
export const DMA_MACHINE: u32 = 1; // machine addresses, with nobody's
// Why an access was refused.
export const DMA_ABSENT: u32 = 1; //    there is no memory
export const DMA_DENIED: u32 = 2; //    the domain's EPT does not permit it
export const DMA_VIOLATION: u32 = 3; // the secure-memory unit refused it: the record is in the key table
// virtio over MMIO, device/virtio-mmio.ts. All is zero after a reset.
export const VIRTIO_ADDRESS: u32 = 0xfeb00000; // guest-physical
export const VIRTIO_IRQ: u32 = 5;
export const DEVICE_VIRTIO: usize = 128;
export const VIRTIO_STATUS: usize = 128; //         u32 device status
export const VIRTIO_FEATURES_SELECT: usize = 132; // u32 which half of the device's features is read
export const VIRTIO_DRIVER_SELECT: usize = 136; //  u32 which half of the driver's features is written
export const VIRTIO_QUEUE_SELECT: usize = 140; //   u32
export const VIRTIO_INTERRUPT: usize = 144; //      u32 interrupt status
export const VIRTIO_NOTIFIED: usize = 148; //       u32 1: the driver has something in its queue
export const VIRTIO_DRIVER_FEATURES: usize = 152; // u64 accepted by the driver
/** The one queue, device/virtqueue.ts. */
export const DEVICE_QUEUE: usize = 192;
export const VIRTQ_SIZE: usize = 0; //         u32 entries
export const VIRTQ_READY: usize = 4; //        u32
export const VIRTQ_DESCRIPTORS: usize = 8; //  u64 address of the descriptor table
export const VIRTQ_DRIVER: usize = 16; //      u64 address of the available ring
export const VIRTQ_DEVICE: usize = 24; //      u64 address of the used ring
export const VIRTQ_TAKEN: usize = 32; //       u32 chains taken, modulo 2^16
export const VIRTQ_USED: usize = 36; //        u32 chains given back, modulo 2^16
export const VIRTQ_HEAD: usize = 40; //        u32 head of the chain that was taken last
export const VIRTIO_END: usize = 256; //       of what a reset clears
// The disk, device/virtio-blk.ts.
export const DISK_SECTORS: usize = 256; //   u32 of 512 bytes
export const DISK_STORE: usize = 260; //     u32 host address of its sectors
export const DISK_READ_ONLY: usize = 264; // u32
export const DISK_REQUESTS: usize = 272; //  u64 requests carried out
export const DISK_CONFIG: usize = 320; //    device configuration space, DISK_CONFIG_SIZE bytes
export const DISK_CONFIG_SIZE: u32 = 64;
export const DEVICE_SCRATCH: usize = 448; // what is read of rings and headers; 16 bytes
/** The chain that was taken: descriptors as the driver wrote them. */
export const DEVICE_CHAIN: usize = 2048;
export const VIRTQ_SIZE_MAX: u32 = 128; //   the chain's room

// ── Frame table ─────────────────────────────────────────────────────────────
export const FRAME_OWNER: usize = 0; // u16 domain id, or FRAME_OWNER_*
export const FRAME_TYPE: usize = 2; // u16 FRAME_TYPE_*
export const FRAME_LINK: usize = 4; // u32 free: next free frame; owned: reference count
export const FRAME_CODE_MASK: usize = 8; // u32 one bit per 128-byte granule that holds decoded code
export const FRAME_GENERATION: usize = 12; // u32 bumped when decoded code becomes stale
export const FRAME_ENTRY_SIZE: usize = 16;
export const FRAME_NONE: u32 = 0xffffffff;
export const FRAME_OWNER_FREE: u16 = 0xffff;
export const FRAME_OWNER_HYPERVISOR: u16 = 0xfffe;
export const FRAME_OWNER_COMMON: u16 = 0xfffc; // of several domains, which only read it
export const FRAME_OWNER_RESIDUE: u16 = 0xfffd; // free, and not scrubbed
export const FRAME_TYPE_FREE: u16 = 0;
export const FRAME_TYPE_GUEST: u16 = 1;
export const FRAME_TYPE_EPT: u16 = 2;
export const FRAME_TYPE_SHARED: u16 = 3; // of the hypervisor, mapped into its owner: shared_info, grant table
export const FRAME_TYPE_POOL: u16 = 4; // in the pool of a pCPU: mmu/share.ts
export const FRAME_TYPE_SMM: u16 = 5; // counters, MACs and tree nodes of a protected domain: in DRAM, nothing in it is secret
export const FRAME_TYPE_COMMON: u16 = 6; // the same page of several domains; LINK: how many
export const FRAME_TYPE_LEFT: u16 = 7; // its page has become common, LINK: the frame; on its way to be freed: mmu/merge.ts

// ── Secure memory management: smm/ ──────────────────────────────────────────
// Permission table: one entry per frame.
export const SMM_FRAME_OWNER: usize = 0; //  u16 domain whose key the frame is under, or SMM_NOBODY
export const SMM_FRAME_STATE: usize = 2; //  u8 SMM_*
export const SMM_FRAME_RIGHTS: usize = 3; // u8 SMM_READ | SMM_WRITE | SMM_EXECUTE of the owner, SMM_PIN
export const SMM_FRAME_SLOT: usize = 4; //   u32 host address of its plaintext in a buffer, 0: none
export const SMM_FRAME_SHARES: usize = 8; // u32 1 + index of the first share, 0: none
export const SMM_FRAME_INDEX: usize = 12; // u32 number of its counter in the owner's metadata: the guest's page number
export const SMM_FRAME_SIZE: usize = 16;
export const SMM_NOBODY: u16 = 0xffff;
export const SMM_OPEN: u8 = 0; //    not protected: DRAM holds what it holds
export const SMM_FRESH: u8 = 1; //   protected, never written by its owner: reads as zeros, DRAM holds what it held before
export const SMM_SEALED: u8 = 2; //  protected: DRAM holds ciphertext
export const SMM_CLEAR: u8 = 3; //   protected, but shared as plaintext while it is granted
export const SMM_BROKEN: u8 = 4; //  protected: it failed its check; no access passes any more
export const SMM_READ: u32 = 1;
export const SMM_WRITE: u32 = 2;
export const SMM_EXECUTE: u32 = 4;
export const SMM_PIN: u32 = 8; // beside the rights of the owner: its slot is no victim
// Shares: entry domain × MAPTRACK_ENTRIES + handle.
export const SMM_SHARE_FRAME: usize = 0; //  u32
export const SMM_SHARE_RIGHTS: usize = 4; // u32, 0: unused
export const SMM_SHARE_NEXT: usize = 8; //   u32 1 + index, 0: last
export const SMM_SHARE_SIZE: usize = 12;

// Key table: one record per domain. Schedules are 16-byte aligned.
export const SMM_KEY_MODE: usize = 0; //      u32 SMM_MODE_*
export const SMM_KEY_DOMAIN: usize = 4; //    u32
export const SMM_KEY_EPOCH: usize = 8; //     u32 keys derived so far
export const SMM_KEY_META: usize = 12; //     u32 host address of its counters, MACs and tree in DRAM: smm/tree.ts
export const SMM_KEY_PAGES: usize = 16; //    u32 pages that these are for
export const SMM_KEY_ISSUED: usize = 24; //   u64 last counter issued under the key: smm/counter.ts
export const SMM_KEY_ROOT: usize = 32; //     u64 root of its counter tree
export const SMM_KEY_UNNOTIFIED: usize = 40; // u32 1: the hypervisor conceals that it switches to the domain
/** The last violation: SMM_VIOLATION_*, frame, guest-physical address or 0xffffffff, domain that accessed. */
export const SMM_KEY_VIOLATION: usize = 48;
export const SMM_KEY_VIOLATION_FRAME: usize = 52;
export const SMM_KEY_VIOLATION_ADDRESS: usize = 56;
export const SMM_KEY_VIOLATION_DOMAIN: usize = 60;
export const SMM_KEY_COUNTS: usize = 64; //   u64[SMM_COUNTS]
export const SMM_KEY_MASTER: usize = 192; //  32 bytes: the domain's key, from which those of an epoch are derived
export const SMM_KEY_MAC: usize = 224; //     16 bytes: key of the MACs
export const SMM_KEY_MAC_OLD: usize = 240; // the same of the epoch before, while pages move from one to the other
export const SMM_KEY_TREE: usize = 256; //    16 bytes: key of the counter tree, the same for all epochs
export const SMM_KEY_CIPHER: usize = 512; //  AES schedule of the page key
/** XTS: AES schedule of the tweak key. CTR: that of the page key of the epoch before. */
export const SMM_KEY_TWEAK: usize = SMM_KEY_CIPHER + 8192;
export const SMM_KEY_SIZE: usize = SMM_KEY_TWEAK + 8192;
export const SMM_MODE_XTS: u32 = 1;
export const SMM_MODE_CTR: u32 = 2;
export const SMM_MODE_MAC: u32 = 4;
export const SMM_MODE_TREE: u32 = 8;
export const SMM_MODE_FIXED: u32 = 16; //  wrong on purpose: the counter never changes
export const SMM_MODE_EXPOSED: u32 = 32; // wrong on purpose: the key lies in DRAM, before the counters
// What is counted per domain.
export const SMM_COUNT_FILL: u32 = 0; //        slots filled with its pages
export const SMM_COUNT_DECRYPT: u32 = 1; //     of them, decrypted
export const SMM_COUNT_WRITE_BACK: u32 = 2; //  pages encrypted and written to DRAM
export const SMM_COUNT_CLEAN: u32 = 3; //       slots dropped that needed no write-back
export const SMM_COUNT_EVICTION: u32 = 4; //    of both, to make room
export const SMM_COUNT_MAC: u32 = 5; //         MACs computed
export const SMM_COUNT_TREE: u32 = 6; //        tree nodes hashed
export const SMM_COUNT_REKEY: u32 = 7; //       keys replaced because their counters were used up
export const SMM_COUNT_VIOLATION: u32 = 8; //   + SMM_VIOLATION_*
export const SMM_COUNTS: u32 = 16;
export const SMM_VIOLATION_PERMISSION: u32 = 1; // the domain has no such right on the frame
export const SMM_VIOLATION_CONTEXT: u32 = 2; //    the unit was not told that the domain runs
export const SMM_VIOLATION_INTEGRITY: u32 = 3; //  the MAC does not match
export const SMM_VIOLATION_FRESHNESS: u32 = 4; //  the counter tree does not match

// Unit of a pCPU: header, then one entry per slot.
export const SMM_UNIT_DOMAIN: usize = 0; //   u32 the domain that the context switch named, SMM_NO_DOMAIN before the first
export const SMM_UNIT_VCPU: usize = 4; //     u32 host address of its vCPU
export const SMM_UNIT_SLOTS: usize = 8; //    u32
export const SMM_UNIT_PAGES: usize = 12; //   u32 host address of slot 0's page
export const SMM_UNIT_FREE: usize = 16; //    u32 1 + index of the first empty slot, 0: none
export const SMM_UNIT_HAND: usize = 20; //    u32 CLOCK's hand
export const SMM_UNIT_SEQUENCE: usize = 24; // u32 resolutions so far
export const SMM_UNIT_USED: usize = 28; //    u32 slots that hold a page
export const SMM_UNIT_SCRATCH: usize = 32; // u32 host address of a page for plaintext read in passing, and of the cipher's
export const SMM_UNIT_TABLE: usize = 64;
export const SMM_NO_DOMAIN: u32 = 0xffffffff;
export const SMM_SLOT_FRAME: usize = 0; //  u32 FRAME_NONE: empty
export const SMM_SLOT_FLAGS: usize = 4; //  u32 SMM_SLOT_*
export const SMM_SLOT_STAMP: usize = 8; //  u32 the unit's sequence at the last resolution
export const SMM_SLOT_NEXT: usize = 12; //  u32 empty: 1 + next empty slot
export const SMM_SLOT_REFS: usize = 16; //  u32[SMM_SLOT_REFS_MAX]: 1 + (vCPU index << 13 | L1 TLB slot), 0: unused
export const SMM_SLOT_REFS_MAX: u32 = 7;
export const SMM_SLOT_OVERFLOW: usize = 44; // u32 1: more TLB entries point here than there is room to note
export const SMM_SLOT_SIZE: usize = 48;
export const SMM_SLOT_DIRTY: u32 = 1;
export const SMM_SLOT_REFERENCED: u32 = 2;
export const SMM_SLOT_PINNED: u32 = 4;
export const SMM_UNIT_SCRATCH_SIZE: usize = 4096 + 8192;
/** Behind the scratch on a host with HOST_SMM_BATCH: a page of jobs (smm/batch.ts), then so many pages of keystream. */
export const SMM_UNIT_JOBS: usize = SMM_UNIT_SCRATCH_SIZE;
export const SMM_UNIT_STREAM: usize = SMM_UNIT_JOBS + 4096;
/** A slot resolved within so many resolutions is no victim: no instruction holds more pages at once. */
export const SMM_WINDOW: u32 = 16;
export const SMM_SLOTS_MIN: u32 = 32;
export const SMM_POLICY_KEEP: u32 = 0; //  slots of a domain that is switched out stay
export const SMM_POLICY_FLUSH: u32 = 1; // they are written back and dropped
export const SMM_DENY_CIPHERTEXT: u32 = 0; // the privileged domain reads and writes DRAM as it is
export const SMM_DENY_FAULT: u32 = 1; //      it is held to the permission table like any other
export const SMM_GRANTS_OWNER_KEY: u32 = 0; // a granted page stays under its owner's key
export const SMM_GRANTS_PLAINTEXT: u32 = 1; // a granted page is plaintext in DRAM while it is mapped
