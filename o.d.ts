declare namespace __AdaptedExports {
  /** Exported memory */
  export const memory: WebAssembly.Memory;
  /**
   * assembly/cpu/flags/getEflags
   * @param s `usize`
   * @returns `u32`
   */
  export function getEflags(s: number): number;
  /**
   * assembly/cpu/flags/setEflags
   * @param s `usize`
   * @param flags `u32`
   */
  export function setEflags(s: number, flags: number): void;
  /**
   * assembly/cpu/interrupts/deliverException
   * @param s `usize`
   * @param vector `u32`
   * @param error `u32`
   * @param address `u32`
   */
  export function deliverException(s: number, vector: number, error: number, address: number): void;
  /**
   * assembly/cpu/io/completeIo
   * @param s `usize`
   * @param value `u32`
   */
  export function completeIo(s: number, value: number): void;
  /**
   * assembly/cpu/io/skipInstruction
   * @param s `usize`
   */
  export function skipInstruction(s: number): void;
  /**
   * assembly/cpu/mode/changeCode
   * @param s `usize`
   */
  export function changeCode(s: number): void;
  /**
   * assembly/cpu/mode/updateMode
   * @param s `usize`
   */
  export function updateMode(s: number): void;
  /**
   * assembly/cpu/run/run
   * @param s `usize`
   * @param budget `i32`
   * @returns `u32`
   */
  export function run(s: number, budget: number): number;
  /**
   * assembly/cpu/time/modelledCycles
   * @param s `usize`
   * @returns `f64`
   */
  export function modelledCycles(s: number): number;
  /**
   * assembly/device/bus/busReset
   * @param d `usize`
   */
  export function busReset(d: number): void;
  /**
   * assembly/device/bus/portRead
   * @param d `usize`
   * @param port `u32`
   * @param size `u32`
   * @param now `f64`
   * @returns `u32`
   */
  export function portRead(d: number, port: number, size: number, now: number): number;
  /**
   * assembly/device/bus/portWrite
   * @param d `usize`
   * @param port `u32`
   * @param size `u32`
   * @param value `u32`
   * @param now `f64`
   * @returns `u32`
   */
  export function portWrite(d: number, port: number, size: number, value: number, now: number): number;
  /**
   * assembly/device/clock/setIdle
   * @param s `usize`
   * @param idle `f64`
   */
  export function setIdle(s: number, idle: number): void;
  /**
   * assembly/device/console/consoleWrite
   * @param d `usize`
   * @param s `usize`
   * @param linear `u32`
   * @param count `u32`
   * @returns `u32`
   */
  export function consoleWrite(d: number, s: number, linear: number, count: number): number;
  /**
   * assembly/device/pic/picWouldInterrupt
   * @param d `usize`
   * @param irq `u32`
   * @returns `u32`
   */
  export function picWouldInterrupt(d: number, irq: number): number;
  /**
   * assembly/device/pit/pitDeadline
   * @param d `usize`
   * @returns `f64`
   */
  export function pitDeadline(d: number): number;
  /**
   * assembly/device/pit/pitSync
   * @param d `usize`
   * @param now `f64`
   */
  export function pitSync(d: number, now: number): void;
  /**
   * assembly/device/uart/consolePut
   * @param d `usize`
   * @param byte `u32`
   */
  export function consolePut(d: number, byte: number): void;
  /**
   * assembly/device/uart/uartInput
   * @param d `usize`
   */
  export function uartInput(d: number): void;
  /**
   * assembly/device/upcall/interruptPending
   * @param s `usize`
   * @returns `u32`
   */
  export function interruptPending(s: number): number;
  /**
   * assembly/host/hostBytes
   * @param pcpus `u32`
   * @param vcpus `u32`
   * @param domains `u32`
   * @param frames `u32`
   * @returns `u32`
   */
  export function hostBytes(pcpus: number, vcpus: number, domains: number, frames: number): number;
  /**
   * assembly/host/hostInit
   * @param pcpus `u32`
   * @param vcpus `u32`
   * @param domains `u32`
   * @param frames `u32`
   */
  export function hostInit(pcpus: number, vcpus: number, domains: number, frames: number): void;
  /**
   * assembly/mmu/access/peekU8
   * @param s `usize`
   * @param linear `u32`
   * @returns `i32`
   */
  export function peekU8(s: number, linear: number): number;
  /**
   * assembly/mmu/code/machineWritten
   * @param machine `u32`
   * @param length `u32`
   */
  export function machineWritten(machine: number, length: number): void;
  /**
   * assembly/mmu/ept-map/eptCreate
   * @param owner `u32`
   * @param accessedDirty `bool`
   * @returns `u32`
   */
  export function eptCreate(owner: number, accessedDirty: boolean): number;
  /**
   * assembly/mmu/ept-map/eptDestroy
   * @param eptp `u32`
   * @returns `u32`
   */
  export function eptDestroy(eptp: number): number;
  /**
   * assembly/mmu/ept-map/eptFrame
   * @param eptp `u32`
   * @param gpa `u32`
   * @returns `u32`
   */
  export function eptFrame(eptp: number, gpa: number): number;
  /**
   * assembly/mmu/ept-map/eptMap
   * @param eptp `u32`
   * @param gpa `u32`
   * @param frame `u32`
   * @param level `u32`
   * @param rights `u32`
   * @returns `i32`
   */
  export function eptMap(eptp: number, gpa: number, frame: number, level: number, rights: number): number;
  /**
   * assembly/mmu/ept-map/eptTablesReady
   * @param eptp `u32`
   * @param gpa `u32`
   * @returns `u32`
   */
  export function eptTablesReady(eptp: number, gpa: number): number;
  /**
   * assembly/mmu/ept-map/eptUnmap
   * @param eptp `u32`
   * @param gpa `u32`
   * @param level `u32`
   * @returns `i32`
   */
  export function eptUnmap(eptp: number, gpa: number, level: number): number;
  /**
   * assembly/mmu/frame/frameAllocate
   * @param owner `u32`
   * @param type `u32`
   * @returns `u32`
   */
  export function frameAllocate(owner: number, type: number): number;
  /**
   * assembly/mmu/frame/frameAllocateContiguous
   * @param count `u32`
   * @param align `u32`
   * @param owner `u32`
   * @param type `u32`
   * @returns `u32`
   */
  export function frameAllocateContiguous(count: number, align: number, owner: number, type: number): number;
  /**
   * assembly/mmu/frame/frameFree
   * @param frame `u32`
   * @returns `bool`
   */
  export function frameFree(frame: number): boolean;
  /**
   * assembly/mmu/guest-copy/copyFromGuest
   * @param s `usize`
   * @param to `usize`
   * @param linear `u32`
   * @param count `u32`
   * @returns `u32`
   */
  export function copyFromGuest(s: number, to: number, linear: number, count: number): number;
  /**
   * assembly/mmu/guest-copy/copyToGuest
   * @param s `usize`
   * @param linear `u32`
   * @param from `usize`
   * @param count `u32`
   * @returns `u32`
   */
  export function copyToGuest(s: number, linear: number, from: number, count: number): number;
  /**
   * assembly/mmu/scrub/isZero
   * @param address `usize`
   * @param bytes `usize`
   * @returns `bool`
   */
  export function isZero(address: number, bytes: number): boolean;
  /**
   * assembly/mmu/tlb/flushAll
   * @param s `usize`
   */
  export function flushAll(s: number): void;
  /**
   * assembly/mmu/tlb/tlbInit
   * @param s `usize`
   */
  export function tlbInit(s: number): void;
  /** assembly/smm/aes/AES_SCHEDULE_SIZE */
  export const AES_SCHEDULE_SIZE: {
    /** @type `usize` */
    get value(): number
  };
  /**
   * assembly/smm/aes/aesEncryptBlock
   * @param schedule `usize`
   * @param scratch `usize`
   * @param from `usize`
   * @param to `usize`
   */
  export function aesEncryptBlock(schedule: number, scratch: number, from: number, to: number): void;
  /**
   * assembly/smm/aes/aesExpand
   * @param key `usize`
   * @param bits `u32`
   * @param schedule `usize`
   */
  export function aesExpand(key: number, bits: number, schedule: number): void;
  /** assembly/smm/aes/SMM_SCRATCH_SIZE */
  export const SMM_SCRATCH_SIZE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/smm/counter/COUNTER_LIMIT */
  export const COUNTER_LIMIT: {
    /** @type `u64` */
    get value(): bigint
  };
  /** assembly/smm/counter/COUNTER_NONE */
  export const COUNTER_NONE: {
    /** @type `u64` */
    get value(): bigint
  };
  /**
   * assembly/smm/counter/counterNext
   * @param cell `usize`
   * @param limit `u64`
   * @returns `u64`
   */
  export function counterNext(cell: number, limit: bigint): bigint;
  /**
   * assembly/smm/ctr/ctrBlocks
   * @param schedule `usize`
   * @param scratch `usize`
   * @param block `usize`
   * @param from `usize`
   * @param to `usize`
   */
  export function ctrBlocks(schedule: number, scratch: number, block: number, from: number, to: number): void;
  /**
   * assembly/smm/ctr/ctrPage
   * @param schedule `usize`
   * @param scratch `usize`
   * @param page `u32`
   * @param counter `u64`
   * @param from `usize`
   * @param to `usize`
   */
  export function ctrPage(schedule: number, scratch: number, page: number, counter: bigint, from: number, to: number): void;
  /**
   * assembly/smm/mac/macPage
   * @param key `usize`
   * @param frame `u32`
   * @param counter `u64`
   * @param ciphertext `usize`
   * @returns `u64`
   */
  export function macPage(key: number, frame: number, counter: bigint, ciphertext: number): bigint;
  /**
   * assembly/smm/mac/sipHash
   * @param key `usize`
   * @param from `usize`
   * @param length `usize`
   * @returns `u64`
   */
  export function sipHash(key: number, from: number, length: number): bigint;
  /** assembly/smm/tree/TREE_ARITY */
  export const TREE_ARITY: {
    /** @type `u32` */
    get value(): number
  };
  /**
   * assembly/smm/tree/treeBytes
   * @param pages `u32`
   * @param tree `bool`
   * @returns `u32`
   */
  export function treeBytes(pages: number, tree: boolean): number;
  /**
   * assembly/smm/tree/treeCounter
   * @param region `usize`
   * @param page `u32`
   * @returns `usize`
   */
  export function treeCounter(region: number, page: number): number;
  /**
   * assembly/smm/tree/treeInit
   * @param region `usize`
   * @param pages `u32`
   * @param key `usize`
   * @param root `usize`
   */
  export function treeInit(region: number, pages: number, key: number, root: number): void;
  /**
   * assembly/smm/tree/treeMac
   * @param region `usize`
   * @param pages `u32`
   * @param page `u32`
   * @returns `usize`
   */
  export function treeMac(region: number, pages: number, page: number): number;
  /**
   * assembly/smm/tree/treeUpdate
   * @param region `usize`
   * @param pages `u32`
   * @param key `usize`
   * @param root `usize`
   * @param page `u32`
   * @param counter `u64`
   * @returns `bool`
   */
  export function treeUpdate(region: number, pages: number, key: number, root: number, page: number, counter: bigint): boolean;
  /**
   * assembly/smm/tree/treeVerify
   * @param region `usize`
   * @param pages `u32`
   * @param key `usize`
   * @param root `usize`
   * @param page `u32`
   * @returns `bool`
   */
  export function treeVerify(region: number, pages: number, key: number, root: number, page: number): boolean;
  /**
   * assembly/smm/xts/xtsPage
   * @param dataSchedule `usize`
   * @param tweakSchedule `usize`
   * @param scratch `usize`
   * @param frame `u32`
   * @param from `usize`
   * @param to `usize`
   * @param encrypt `bool`
   */
  export function xtsPage(dataSchedule: number, tweakSchedule: number, scratch: number, frame: number, from: number, to: number, encrypt: boolean): void;
  /**
   * assembly/smm/xts/xtsUnit
   * @param dataSchedule `usize`
   * @param tweakSchedule `usize`
   * @param scratch `usize`
   * @param unit `usize`
   * @param from `usize`
   * @param to `usize`
   * @param encrypt `bool`
   */
  export function xtsUnit(dataSchedule: number, tweakSchedule: number, scratch: number, unit: number, from: number, to: number, encrypt: boolean): void;
  /** assembly/layout/LAYOUT_MAGIC */
  export const LAYOUT_MAGIC: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/LAYOUT_VERSION */
  export const LAYOUT_VERSION: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/PAGE_SHIFT */
  export const PAGE_SHIFT: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/PAGE_SIZE */
  export const PAGE_SIZE: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/PAGE_MASK */
  export const PAGE_MASK: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/HOST */
  export const HOST: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/HOST_MAGIC */
  export const HOST_MAGIC: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/HOST_VERSION */
  export const HOST_VERSION: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/HOST_PCPUS */
  export const HOST_PCPUS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/HOST_VCPUS */
  export const HOST_VCPUS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/HOST_DOMAINS */
  export const HOST_DOMAINS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/HOST_FRAMES */
  export const HOST_FRAMES: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/HOST_PCPU_BASE */
  export const HOST_PCPU_BASE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/HOST_VCPU_BASE */
  export const HOST_VCPU_BASE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/HOST_DOMAIN_BASE */
  export const HOST_DOMAIN_BASE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/HOST_FRAME_TABLE */
  export const HOST_FRAME_TABLE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/HOST_DRAM */
  export const HOST_DRAM: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/HOST_END */
  export const HOST_END: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/HOST_FREE_HEAD */
  export const HOST_FREE_HEAD: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/HOST_FREE_COUNT */
  export const HOST_FREE_COUNT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/HOST_FRAME_FRESH */
  export const HOST_FRAME_FRESH: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/HOST_CLOCK_MODE */
  export const HOST_CLOCK_MODE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/HOST_FREQUENCY */
  export const HOST_FREQUENCY: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/HOST_SLICE */
  export const HOST_SLICE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/HOST_SWITCH_CYCLES */
  export const HOST_SWITCH_CYCLES: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/HOST_SCHEDULER */
  export const HOST_SCHEDULER: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/HOST_BOOST */
  export const HOST_BOOST: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/SCHEDULER_CREDIT */
  export const SCHEDULER_CREDIT: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/SCHEDULER_ROUND_ROBIN */
  export const SCHEDULER_ROUND_ROBIN: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/HOST_CLOCK_DOMAIN */
  export const HOST_CLOCK_DOMAIN: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/HOST_CLOCK_PCPU */
  export const HOST_CLOCK_PCPU: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/HOST_WEIGHTS */
  export const HOST_WEIGHTS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/COUNTER_RETIRED */
  export const COUNTER_RETIRED: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/COUNTER_TLB_MISS */
  export const COUNTER_TLB_MISS: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/COUNTER_WALK_GUEST */
  export const COUNTER_WALK_GUEST: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/COUNTER_WALK_EPT */
  export const COUNTER_WALK_EPT: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/COUNTER_EXCEPTION */
  export const COUNTER_EXCEPTION: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/COUNTER_INTERRUPT */
  export const COUNTER_INTERRUPT: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/COUNTER_PAGE_FAULT */
  export const COUNTER_PAGE_FAULT: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/COUNTER_TLB_FLUSH */
  export const COUNTER_TLB_FLUSH: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/COUNTER_DOUBLE_FAULT */
  export const COUNTER_DOUBLE_FAULT: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/COUNTER_EXIT_CYCLES */
  export const COUNTER_EXIT_CYCLES: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/COUNTER_EXIT */
  export const COUNTER_EXIT: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/COUNTERS */
  export const COUNTERS: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/DECODE_ROM */
  export const DECODE_ROM: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DECODE_ROM_SIZE */
  export const DECODE_ROM_SIZE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VOID_PAGE */
  export const VOID_PAGE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/SLOW_BANK */
  export const SLOW_BANK: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/SLOW_BANK_SIZE */
  export const SLOW_BANK_SIZE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/REGIONS */
  export const REGIONS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_EAX */
  export const VCPU_EAX: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_ECX */
  export const VCPU_ECX: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_EDX */
  export const VCPU_EDX: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_EBX */
  export const VCPU_EBX: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_ESP */
  export const VCPU_ESP: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_EBP */
  export const VCPU_EBP: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_ESI */
  export const VCPU_ESI: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_EDI */
  export const VCPU_EDI: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_ZERO */
  export const VCPU_ZERO: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_T0 */
  export const VCPU_T0: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_T1 */
  export const VCPU_T1: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_EIP */
  export const VCPU_EIP: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_FLAG_RESULT */
  export const VCPU_FLAG_RESULT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_FLAG_AUX */
  export const VCPU_FLAG_AUX: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_EFLAGS */
  export const VCPU_EFLAGS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_CPL */
  export const VCPU_CPL: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_FETCH_PAGE */
  export const VCPU_FETCH_PAGE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_FETCH_BASE */
  export const VCPU_FETCH_BASE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_FETCH_GENERATION */
  export const VCPU_FETCH_GENERATION: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_EIP_PAGE */
  export const VCPU_EIP_PAGE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_MODE */
  export const VCPU_MODE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_TLB_BANK */
  export const VCPU_TLB_BANK: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_INHIBIT */
  export const VCPU_INHIBIT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/INHIBIT_STI */
  export const INHIBIT_STI: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/INHIBIT_MOV_SS */
  export const INHIBIT_MOV_SS: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/VCPU_INTR */
  export const VCPU_INTR: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_PCPU */
  export const VCPU_PCPU: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_DOMAIN */
  export const VCPU_DOMAIN: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_INDEX */
  export const VCPU_INDEX: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_ACTIVITY */
  export const VCPU_ACTIVITY: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/INTR_PIC */
  export const INTR_PIC: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/INTR_EVENT */
  export const INTR_EVENT: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/ACTIVITY_ACTIVE */
  export const ACTIVITY_ACTIVE: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/ACTIVITY_HLT */
  export const ACTIVITY_HLT: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/ACTIVITY_SHUTDOWN */
  export const ACTIVITY_SHUTDOWN: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/VCPU_FAULT */
  export const VCPU_FAULT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_FAULT_VECTOR */
  export const VCPU_FAULT_VECTOR: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_FAULT_ERROR */
  export const VCPU_FAULT_ERROR: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_FAULT_ADDRESS */
  export const VCPU_FAULT_ADDRESS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/FAULT_NONE */
  export const FAULT_NONE: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/FAULT_EXCEPTION */
  export const FAULT_EXCEPTION: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/FAULT_EXIT */
  export const FAULT_EXIT: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/FAULT_NO_ERROR */
  export const FAULT_NO_ERROR: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/VCPU_EXIT_REASON */
  export const VCPU_EXIT_REASON: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_EXIT_QUALIFICATION */
  export const VCPU_EXIT_QUALIFICATION: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_EXIT_LINEAR */
  export const VCPU_EXIT_LINEAR: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_EXIT_PHYSICAL */
  export const VCPU_EXIT_PHYSICAL: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_EXIT_LENGTH */
  export const VCPU_EXIT_LENGTH: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_EXIT_INFO */
  export const VCPU_EXIT_INFO: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/SEGMENT_SELECTOR */
  export const SEGMENT_SELECTOR: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/SEGMENT_BASE */
  export const SEGMENT_BASE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/SEGMENT_LIMIT */
  export const SEGMENT_LIMIT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/SEGMENT_ACCESS */
  export const SEGMENT_ACCESS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/SEGMENT_SIZE */
  export const SEGMENT_SIZE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_SEGMENTS */
  export const VCPU_SEGMENTS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/ES */
  export const ES: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/CS */
  export const CS: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/SS */
  export const SS: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/DS */
  export const DS: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/FS */
  export const FS: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/GS */
  export const GS: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/LDTR */
  export const LDTR: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/TR */
  export const TR: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/VCPU_GDTR_BASE */
  export const VCPU_GDTR_BASE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_GDTR_LIMIT */
  export const VCPU_GDTR_LIMIT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_IDTR_BASE */
  export const VCPU_IDTR_BASE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_IDTR_LIMIT */
  export const VCPU_IDTR_LIMIT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_CR0 */
  export const VCPU_CR0: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_CR2 */
  export const VCPU_CR2: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_CR3 */
  export const VCPU_CR3: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_CR4 */
  export const VCPU_CR4: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_DR0 */
  export const VCPU_DR0: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_DR6 */
  export const VCPU_DR6: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_DR7 */
  export const VCPU_DR7: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_SYSENTER_CS */
  export const VCPU_SYSENTER_CS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_SYSENTER_ESP */
  export const VCPU_SYSENTER_ESP: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_SYSENTER_EIP */
  export const VCPU_SYSENTER_EIP: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_TSC_BASE */
  export const VCPU_TSC_BASE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_CPUID_MASK */
  export const VCPU_CPUID_MASK: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_EPTP */
  export const VCPU_EPTP: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_DIRECT_BASE */
  export const VCPU_DIRECT_BASE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_DIRECT_LIMIT */
  export const VCPU_DIRECT_LIMIT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_CODE_EPOCH */
  export const VCPU_CODE_EPOCH: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_CODE_WRITTEN */
  export const VCPU_CODE_WRITTEN: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_EXIT_VALUE */
  export const VCPU_EXIT_VALUE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_VECTORING_INFO */
  export const VCPU_VECTORING_INFO: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_VECTORING_ERROR */
  export const VCPU_VECTORING_ERROR: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_PAT */
  export const VCPU_PAT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_RUN_STATE */
  export const VCPU_RUN_STATE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_IDLE */
  export const VCPU_IDLE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_WAKE */
  export const VCPU_WAKE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_BLOCKED_AT */
  export const VCPU_BLOCKED_AT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_MAX_RETIRED */
  export const VCPU_MAX_RETIRED: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_CHUNK_END */
  export const VCPU_CHUNK_END: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_TSC_ADJUST */
  export const VCPU_TSC_ADJUST: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_FETCH_USER */
  export const VCPU_FETCH_USER: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/RUN_NONE */
  export const RUN_NONE: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/RUN_RUNNABLE */
  export const RUN_RUNNABLE: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/RUN_BLOCKED */
  export const RUN_BLOCKED: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/RUN_DEFERRED */
  export const RUN_DEFERRED: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/VCPU_POLL_PORT */
  export const VCPU_POLL_PORT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/POLL_NONE */
  export const POLL_NONE: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/POLL_UPCALL */
  export const POLL_UPCALL: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/POLL_ANY */
  export const POLL_ANY: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/VCPU_POLL_END */
  export const VCPU_POLL_END: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_TIMER_ONCE */
  export const VCPU_TIMER_ONCE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_TIMER_NEXT */
  export const VCPU_TIMER_NEXT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_TIMER_PERIOD */
  export const VCPU_TIMER_PERIOD: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_SCHED_KEY */
  export const VCPU_SCHED_KEY: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_SCHED_ORDER */
  export const VCPU_SCHED_ORDER: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_SCHED_AT */
  export const VCPU_SCHED_AT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_SWITCHES */
  export const VCPU_SWITCHES: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_PREEMPTIONS */
  export const VCPU_PREEMPTIONS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_WAKEUPS */
  export const VCPU_WAKEUPS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_RUNNABLE_SINCE */
  export const VCPU_RUNNABLE_SINCE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_WAITED */
  export const VCPU_WAITED: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_WAKE_LATENCY */
  export const VCPU_WAKE_LATENCY: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_WAKE_LATENCY_MAX */
  export const VCPU_WAKE_LATENCY_MAX: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_WOKEN */
  export const VCPU_WOKEN: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_BUDGET */
  export const VCPU_BUDGET: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_RUN_BUDGET */
  export const VCPU_RUN_BUDGET: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_DELIVERIES */
  export const VCPU_DELIVERIES: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_RETIRED_BASE */
  export const VCPU_RETIRED_BASE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_DEBUG */
  export const VCPU_DEBUG: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_DEBUG_PENDING */
  export const VCPU_DEBUG_PENDING: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_FETCH_BUFFER */
  export const VCPU_FETCH_BUFFER: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_FETCH_BUFFER_SIZE */
  export const VCPU_FETCH_BUFFER_SIZE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_STEP_BLOCK */
  export const VCPU_STEP_BLOCK: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_STEP_BLOCK_SIZE */
  export const VCPU_STEP_BLOCK_SIZE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_COUNTERS */
  export const VCPU_COUNTERS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_FPU */
  export const VCPU_FPU: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_FPU_SIZE */
  export const VCPU_FPU_SIZE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/FPU_CONTROL */
  export const FPU_CONTROL: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/FPU_STATUS */
  export const FPU_STATUS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/FPU_TAG */
  export const FPU_TAG: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/FPU_OPCODE */
  export const FPU_OPCODE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/FPU_IP */
  export const FPU_IP: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/FPU_CS */
  export const FPU_CS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/FPU_DP */
  export const FPU_DP: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/FPU_DS */
  export const FPU_DS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/FPU_MXCSR */
  export const FPU_MXCSR: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/FPU_REGISTERS */
  export const FPU_REGISTERS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/FPU_XMM */
  export const FPU_XMM: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/FPU_SCRATCH */
  export const FPU_SCRATCH: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_FPU_SEGMENT */
  export const VCPU_FPU_SEGMENT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_SCRATCH */
  export const VCPU_SCRATCH: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_SCRATCH_SIZE */
  export const VCPU_SCRATCH_SIZE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/TLB_ENTRIES */
  export const TLB_ENTRIES: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/TLB_INDEX_MASK */
  export const TLB_INDEX_MASK: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/TLB_TAG_R */
  export const TLB_TAG_R: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/TLB_TAG_W */
  export const TLB_TAG_W: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/TLB_TAG_X */
  export const TLB_TAG_X: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/TLB_ADDEND */
  export const TLB_ADDEND: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/TLB_ENTRY_SIZE */
  export const TLB_ENTRY_SIZE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/TLB_NEVER */
  export const TLB_NEVER: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/TLB_HELD_VALID */
  export const TLB_HELD_VALID: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/TLB_HELD_WRITE */
  export const TLB_HELD_WRITE: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/TLB_HELD_EXECUTE */
  export const TLB_HELD_EXECUTE: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/TLB_HELD_GLOBAL */
  export const TLB_HELD_GLOBAL: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/TLB_HELD_READ */
  export const TLB_HELD_READ: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/TLB_HELD_LARGE */
  export const TLB_HELD_LARGE: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/TLB_BANK_SIZE */
  export const TLB_BANK_SIZE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/TLB_HELD_BANK_SIZE */
  export const TLB_HELD_BANK_SIZE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_TLB */
  export const VCPU_TLB: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_TLB_HELD */
  export const VCPU_TLB_HELD: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/TLB_LOG_CAPACITY */
  export const TLB_LOG_CAPACITY: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/VCPU_TLB_LOG_COUNT */
  export const VCPU_TLB_LOG_COUNT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_TLB_GLOBALS */
  export const VCPU_TLB_GLOBALS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_TLB_LOG */
  export const VCPU_TLB_LOG: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_TLB_LARGE */
  export const VCPU_TLB_LARGE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/TLB_LARGE_SIZE */
  export const TLB_LARGE_SIZE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/VCPU_SIZE */
  export const VCPU_SIZE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/PCPU_INDEX */
  export const PCPU_INDEX: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/PCPU_CODE_EPOCH */
  export const PCPU_CODE_EPOCH: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/PCPU_ARENA_NEXT */
  export const PCPU_ARENA_NEXT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/PCPU_TIME */
  export const PCPU_TIME: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/PCPU_CURRENT */
  export const PCPU_CURRENT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/PCPU_SEQUENCE */
  export const PCPU_SEQUENCE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/PCPU_QUEUE_LENGTH */
  export const PCPU_QUEUE_LENGTH: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/PCPU_BLOCKED_LENGTH */
  export const PCPU_BLOCKED_LENGTH: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/PCPU_SLICE_END */
  export const PCPU_SLICE_END: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/PCPU_BUSY */
  export const PCPU_BUSY: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/PCPU_QUEUE */
  export const PCPU_QUEUE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/PCPU_QUEUE_CAPACITY */
  export const PCPU_QUEUE_CAPACITY: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/PCPU_BLOCKED */
  export const PCPU_BLOCKED: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/PCPU_BLOCKED_CAPACITY */
  export const PCPU_BLOCKED_CAPACITY: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/PCPU_VTIME */
  export const PCPU_VTIME: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/PCPU_SCHED_ORDER */
  export const PCPU_SCHED_ORDER: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/PCPU_SWITCHES */
  export const PCPU_SWITCHES: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/PCPU_SWITCH_CYCLES */
  export const PCPU_SWITCH_CYCLES: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/PCPU_SWITCHED_AT */
  export const PCPU_SWITCHED_AT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/PCPU_HASH */
  export const PCPU_HASH: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/BLOCK_HASH_SLOTS */
  export const BLOCK_HASH_SLOTS: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/BLOCK_HASH_SLOT_SIZE */
  export const BLOCK_HASH_SLOT_SIZE: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/PCPU_ARENA */
  export const PCPU_ARENA: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/PCPU_ARENA_SIZE */
  export const PCPU_ARENA_SIZE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/PCPU_SIZE */
  export const PCPU_SIZE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_ID */
  export const DOMAIN_ID: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_STATE */
  export const DOMAIN_STATE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_EPTP */
  export const DOMAIN_EPTP: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_DIRECT_BASE */
  export const DOMAIN_DIRECT_BASE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_DIRECT_LIMIT */
  export const DOMAIN_DIRECT_LIMIT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_PAGES */
  export const DOMAIN_PAGES: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_TABLE_PAGES */
  export const DOMAIN_TABLE_PAGES: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_SHUTDOWN_REASON */
  export const DOMAIN_SHUTDOWN_REASON: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_VCPU */
  export const DOMAIN_VCPU: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_MEMORY */
  export const DOMAIN_MEMORY: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_PORT_61 */
  export const DOMAIN_PORT_61: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_PORT_80 */
  export const DOMAIN_PORT_80: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_PORT_92 */
  export const DOMAIN_PORT_92: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_PORT_CF9 */
  export const DOMAIN_PORT_CF9: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_UART */
  export const DOMAIN_UART: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_PIC */
  export const DOMAIN_PIC: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_PIT */
  export const DOMAIN_PIT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_CONSOLE_HEAD */
  export const DOMAIN_CONSOLE_HEAD: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_CONSOLE_TAIL */
  export const DOMAIN_CONSOLE_TAIL: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_INPUT_HEAD */
  export const DOMAIN_INPUT_HEAD: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_INPUT_TAIL */
  export const DOMAIN_INPUT_TAIL: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_CONSOLE_KEPT */
  export const DOMAIN_CONSOLE_KEPT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_CONSOLE_DROPPED */
  export const DOMAIN_CONSOLE_DROPPED: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_CONSOLE */
  export const DOMAIN_CONSOLE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_CONSOLE_SIZE */
  export const DOMAIN_CONSOLE_SIZE: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_INPUT */
  export const DOMAIN_INPUT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_INPUT_SIZE */
  export const DOMAIN_INPUT_SIZE: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_SHARED_INFO */
  export const DOMAIN_SHARED_INFO: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_CALLBACK_VECTOR */
  export const DOMAIN_CALLBACK_VECTOR: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_PCPU */
  export const DOMAIN_PCPU: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_GANG */
  export const DOMAIN_GANG: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_EVTCHN_PORTS */
  export const DOMAIN_EVTCHN_PORTS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_MAPPINGS */
  export const DOMAIN_MAPPINGS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_PINS */
  export const DOMAIN_PINS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_GRANT_FRAMES */
  export const DOMAIN_GRANT_FRAMES: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_GRANT_FRAME */
  export const DOMAIN_GRANT_FRAME: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_SHARED_AT */
  export const DOMAIN_SHARED_AT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_HOOKS */
  export const DOMAIN_HOOKS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/HOOKS */
  export const HOOKS: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_PRIVILEGED */
  export const DOMAIN_PRIVILEGED: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_PAUSED */
  export const DOMAIN_PAUSED: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_PARENT */
  export const DOMAIN_PARENT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_FORKS */
  export const DOMAIN_FORKS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_COPIED */
  export const DOMAIN_COPIED: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_WEIGHT */
  export const DOMAIN_WEIGHT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_CAP */
  export const DOMAIN_CAP: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_VTIME */
  export const DOMAIN_VTIME: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_BUDGET */
  export const DOMAIN_BUDGET: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_REFILL */
  export const DOMAIN_REFILL: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_EVTCHN */
  export const DOMAIN_EVTCHN: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/EVTCHN_PORTS */
  export const EVTCHN_PORTS: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/EVTCHN_STATE */
  export const EVTCHN_STATE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/EVTCHN_VIRQ */
  export const EVTCHN_VIRQ: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/EVTCHN_REMOTE_DOMAIN */
  export const EVTCHN_REMOTE_DOMAIN: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/EVTCHN_REMOTE_PORT */
  export const EVTCHN_REMOTE_PORT: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/EVTCHN_SIZE */
  export const EVTCHN_SIZE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_MAPTRACK */
  export const DOMAIN_MAPTRACK: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/MAPTRACK_ENTRIES */
  export const MAPTRACK_ENTRIES: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/MAPTRACK_FLAGS */
  export const MAPTRACK_FLAGS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/MAPTRACK_DOMAIN */
  export const MAPTRACK_DOMAIN: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/MAPTRACK_REF */
  export const MAPTRACK_REF: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/MAPTRACK_GPA */
  export const MAPTRACK_GPA: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/MAPTRACK_SIZE */
  export const MAPTRACK_SIZE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_GRANT_ACTIVE */
  export const DOMAIN_GRANT_ACTIVE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/GRANT_FRAMES_MAX */
  export const GRANT_FRAMES_MAX: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/GRANT_REFS_PER_FRAME */
  export const GRANT_REFS_PER_FRAME: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/ACTIVE_FRAME */
  export const ACTIVE_FRAME: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/ACTIVE_DOMAIN */
  export const ACTIVE_DOMAIN: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/ACTIVE_READERS */
  export const ACTIVE_READERS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/ACTIVE_WRITERS */
  export const ACTIVE_WRITERS: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/ACTIVE_SIZE */
  export const ACTIVE_SIZE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/DOMAIN_SIZE */
  export const DOMAIN_SIZE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/FRAME_OWNER */
  export const FRAME_OWNER: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/FRAME_TYPE */
  export const FRAME_TYPE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/FRAME_LINK */
  export const FRAME_LINK: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/FRAME_CODE_MASK */
  export const FRAME_CODE_MASK: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/FRAME_GENERATION */
  export const FRAME_GENERATION: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/FRAME_ENTRY_SIZE */
  export const FRAME_ENTRY_SIZE: {
    /** @type `usize` */
    get value(): number
  };
  /** assembly/layout/FRAME_NONE */
  export const FRAME_NONE: {
    /** @type `u32` */
    get value(): number
  };
  /** assembly/layout/FRAME_OWNER_FREE */
  export const FRAME_OWNER_FREE: {
    /** @type `u16` */
    get value(): number
  };
  /** assembly/layout/FRAME_OWNER_HYPERVISOR */
  export const FRAME_OWNER_HYPERVISOR: {
    /** @type `u16` */
    get value(): number
  };
  /** assembly/layout/FRAME_TYPE_FREE */
  export const FRAME_TYPE_FREE: {
    /** @type `u16` */
    get value(): number
  };
  /** assembly/layout/FRAME_TYPE_GUEST */
  export const FRAME_TYPE_GUEST: {
    /** @type `u16` */
    get value(): number
  };
  /** assembly/layout/FRAME_TYPE_EPT */
  export const FRAME_TYPE_EPT: {
    /** @type `u16` */
    get value(): number
  };
  /** assembly/layout/FRAME_TYPE_SHARED */
  export const FRAME_TYPE_SHARED: {
    /** @type `u16` */
    get value(): number
  };
}
/** Instantiates the compiled WebAssembly module with the given imports. */
export declare function instantiate(module: WebAssembly.Module, imports: {
}): Promise<typeof __AdaptedExports>;
