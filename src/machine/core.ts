/**
 * The compiled core over one shared memory: `Core` holds the layout, the exported functions and typed arrays over the memory.
 * The module is compiled once per process; an instance costs 0.1 ms and is made once per (thread, host).
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { isMainThread } from 'node:worker_threads';
import { HostKeystream, type KeystreamFunctions } from './keystream.js';
import { type Layout, readLayout } from './layout.js';

/** Functions of the core. Addresses are offsets in the flat memory: `vcpu` and `domain` are base addresses. */
export interface CoreFunctions {
  /** Size of the host whose plan is in the header, in WebAssembly pages; more than 65536 does not fit. See flat-memory.ts. */
  hostPages(): number;
  /** Lays it out in zeroed memory. */
  hostInit(): void;

  /** Executes up to `budget` instructions; returns a basic exit reason or 0xFFFF (budget used up). */
  run(vcpu: number, budget: number): number;
  /**
   * Runs a pCPU until its time reaches `end`. Returns the basic exit reason of its current vCPU, whose exit waits for a verdict;
   * 0xFFFF: the quantum is over; 0xFFFC: PCPU_NEXT is to be switched to; 0xFFFD: the vCPU is at its instruction limit. To go on
   * it is called again, with the verdict or the cycles that the switch took.
   */
  runPcpu(pcpu: number, end: number, verdict: number, taken: number): number;
  /** Makes another vCPU the one that the pCPU runs; returns the modelled cycles that it takes. */
  contextSwitch(pcpu: number, to: number): number;
  /** Σ counter × weight of the vCPU: modelled cycles since it was created. */
  modelledCycles(vcpu: number): number;
  /** Sets the vCPU's idle time; its TSC moves by the same amount. */
  setIdle(vcpu: number, idle: number): void;
  /** Handles the HLT in the exit record. 0: no wait, 1: it waits, 2: for ever (IF is 0), 3: for ever. */
  halt(vcpu: number): number;
  /** Brings the domain's devices and timers up to its clock `clock`, at pCPU time `now`: raises what is due. */
  syncTimers(vcpu: number, clock: number, now: number): void;
  /** The clock at which a running domain must be looked at next, or 2^53. */
  nextDeadline(vcpu: number): number;
  /** The clock at which time alone wakes the domain if it waits now, or 2^53. */
  nextInterrupt(vcpu: number): number;
  // The scheduler: assembly/sched. Times are a pCPU's, in cycles.
  enqueueVcpu(pcpu: number, index: number, since: number): void;
  /** The vCPU that is to run, or 0xFFFFFFFF. */
  dequeueVcpu(pcpu: number, now: number): number;
  /** Lets a vCPU sleep from `now` until `wake`. */
  blockVcpu(pcpu: number, index: number, now: number, wake: number): void;
  /** Lets the vCPU at `vcpu`, if it sleeps, wake at `now`. */
  wakeVcpu(vcpu: number, now: number): void;
  /** The next vCPU whose time to wake has come, or 0xFFFFFFFF. */
  takeWoken(pcpu: number, now: number): number;
  earliestWake(pcpu: number): number;
  /** Charges a domain for cycles that it ran. */
  chargeDomain(domain: number, cycles: number): void;
  /** Cycles that a domain may run from `now` on; refills its budget. Infinity without a cap. */
  domainBudget(domain: number, now: number): number;
  /** Cycles that a capped domain gets per period. */
  capAllowance(domain: number): number;
  // A heap of vCPUs: offsets of its length and items in the pCPU, and of its key in the vCPU.
  heapContains(pcpu: number, length: number, items: number, index: number): number;
  heapPush(pcpu: number, length: number, items: number, key: number, index: number): void;
  heapRemove(pcpu: number, length: number, items: number, key: number, index: number): number;
  heapUpdate(pcpu: number, length: number, items: number, key: number, index: number): void;
  // The bits of event channels: assembly/device/event-channel.ts.
  eventPending(domain: number, port: number): number;
  /** Sets a port pending at pCPU time `now`. */
  eventSet(domain: number, port: number, now: number): void;
  eventUnmask(domain: number, port: number, now: number): void;
  /** Asserts INTR if an upcall is pending and there is a callback vector. */
  upcallAssert(domain: number): number;
  /** The port to which a virtual interrupt is bound, or 0. */
  virqPort(domain: number, virq: number): number;
  /** Finishes the I/O instruction in the exit record; `value` is what IN or INS read. */
  completeIo(vcpu: number, value: number): void;
  /** Moves EIP past the instruction in the exit record. */
  skipInstruction(vcpu: number): void;
  getEflags(vcpu: number): number;
  setEflags(vcpu: number, flags: number): void;
  /** To be called after CS, SS, DS, ES, CPL or CR0 was set from outside. */
  changeCode(vcpu: number): void;
  /** To be called after DR7 was set from outside. */
  armBreakpoints(vcpu: number): void;
  /** Empties the TLB of a new vCPU; VCPU_STLB_ENTRIES is set. */
  tlbInit(vcpu: number): void;
  flushAll(vcpu: number): void;
  /** Delivers an exception to the guest; afterwards the fault record may hold an exit. */
  deliverException(vcpu: number, vector: number, error: number, address: number): void;
  /** Byte at a guest-linear address without side effects, or −1. */
  peekU8(vcpu: number, linear: number): number;

  /** First of `count` frames whose number is a multiple of `align`, or 0xFFFFFFFF. */
  frameAllocateContiguous(count: number, align: number, owner: number, type: number): number;
  frameAllocate(owner: number, type: number): number;
  frameFree(frame: number): number;
  /** An empty EPT; returns its EPTP or 0. */
  eptCreate(owner: number, accessedDirty: number): number;
  /** Level 1: 4 KiB, 2: 2 MiB, 3: 1 GiB. Returns the number of table frames allocated, or a negative error. */
  eptMap(eptp: number, gpa: number, frame: number, level: number, rights: number): number;
  /** Number of table frames allocated to split a larger page, or a negative error. */
  eptUnmap(eptp: number, gpa: number, level: number): number;
  /** Frame behind a guest-physical address, or 0xFFFFFFFF. */
  eptFrame(eptp: number, gpa: number): number;
  /** 1 if the 4 KiB page at `gpa` can be mapped or unmapped without allocating a table. */
  eptTablesReady(eptp: number, gpa: number): number;
  /** An EPT for `owner` that shares all that `parent` (an EPTP) maps; 0 if no frame is left. */
  eptFork(parent: number, owner: number): number;
  /** Sets the accessed flags in a table (its machine address) and the owner's tables below. */
  eptAge(table: number, level: number): void;
  /** Frees the pages and tables that belong to the EPT's owner; returns how many frames. */
  eptReclaim(eptp: number): number;
  /** 1 if the page of the domain at `gpa` is shared, and would be copied for a write. */
  isShared(domain: number, gpa: number): number;
  /** Gives the domain its own copy of a shared page, with a frame of the pCPU's pool. Returns the frame, −1: none left, −5: not shared. */
  unsharePage(domain: number, gpa: number, pcpu: number): number;
  /** The same for the EPT violation in the vCPU's exit record. */
  unshareFault(vcpu: number): number;
  /** The frame of a page that may become common, or 0xFFFFFFFF. */
  mergeCandidate(domain: number, gpa: number): number;
  /** Makes the frame of a candidate common. */
  mergeNominate(domain: number, gpa: number): void;
  /** Makes a candidate a common frame of the same content; its own frame is to be freed after `followCommon`. */
  mergeInto(domain: number, gpa: number, common: number): void;
  /** The domain holds no common frame any more; frees those that nobody holds. */
  mergeRelease(domain: number): void;
  mergeReap(): void;
  /** What a vCPU's TLBs hold of pages that became common leads there. */
  followCommon(vcpu: number): void;
  /** 53 bits that tell the contents of a frame. */
  frameHash(frame: number): number;
  frameEqual(one: number, other: number): number;
  /** Fills the pool of a pCPU; returns how many frames it holds. */
  poolFill(pcpu: number, wanted: number): number;
  poolDrain(pcpu: number): void;
  /** Gives a vCPU that was copied from another a second-level TLB that holds the same. */
  stlbCopy(vcpu: number, from: number): void;
  /** All that the TLB holds becomes shared, or the owner's again. */
  shareHeld(vcpu: number): void;
  unshareHeld(vcpu: number, owner: number): void;
  /** What the TLB holds of a page moves with it, from one host address to another. */
  moveFrame(vcpu: number, from: number, to: number): void;
  /** Makes a slot of both L1 banks hold `held` (page | TLB_HELD_*), a translation to a host page. */
  tlbHold(vcpu: number, slot: number, held: number, host: number): void;
  copyBytes(to: number, from: number, count: number): void;
  /** To be called after machine memory was written from outside a vCPU: code decoded from it is stale. */
  machineWritten(machine: number, length: number): void;
  /** Whether `bytes` (a multiple of 64) from `address` (aligned to 16) are all zero. */
  isZero(address: number, bytes: number): number;

  /** Copies guest-linear memory to flat-memory address `to`; 0 if a byte is not mapped. */
  copyFromGuest(vcpu: number, to: number, linear: number, count: number): number;
  /** Copies from flat-memory address `from` to guest-linear memory; 0 if a byte may not be written. */
  copyToGuest(vcpu: number, linear: number, from: number, count: number): number;
  /** Writes the vcpu_runstate_info of a vCPU that runs to its scratch area, or to the area that it registered. */
  runstateFill(vcpu: number): void;
  runstateTell(vcpu: number): void;
  /** 1 if an interrupt waits for the vCPU, whatever IF says. */
  interruptPending(vcpu: number): number;

  busReset(domain: number): void;
  portRead(domain: number, port: number, size: number, now: number): number;
  portWrite(domain: number, port: number, size: number, value: number, now: number): number;
  pitSync(domain: number, now: number): void;
  /** Clock of the timer's next edge, or 2^53. */
  pitDeadline(domain: number): number;
  /** Gives the vCPU a local APIC with identifier `id` and the low half of IA32_APIC_BASE; `boot`: set up as by a BIOS. */
  lapicReset(vcpu: number, id: number, base: number, boot: number): void;
  lapicSetBase(vcpu: number, base: number): void;
  lapicRead(vcpu: number, offset: number): number;
  lapicWrite(vcpu: number, offset: number, value: number): void;
  lapicRequest(vcpu: number, vector: number): void;
  lapicSync(vcpu: number, now: number): void;
  /** Clock of the APIC timer's next interrupt, or 2^53. */
  lapicDeadline(vcpu: number): number;
  /** Executes one step with device registers within reach, at clock `now`; returns as `run` does. */
  runMmio(vcpu: number, now: number): number;
  uartInput(domain: number): void;
  /** Gives the domain a disk: source id, DMA_* addresses, 512-byte sectors at `store` in the flat memory. */
  diskAttach(domain: number, source: number, space: number, sectors: number, store: number, readOnly: number): void;
  /** Lets the domain's disk carry out what is in its queue; `vcpu` pays. */
  virtioServe(domain: number, vcpu: number): void;
  // Secure memory management: assembly/smm/unit.ts. Without an SMM all frames are open.
  /** Empties the key-table entry of a domain; returns its address. */
  smmKeyEntry(domain: number): number;
  /** Derives the first keys of an entry whose mode, metadata and master key are set. */
  smmKeyReady(domain: number): void;
  /** Destroys a domain's keys. */
  smmForget(domain: number): void;
  /** Bytes of DRAM that counters, MACs and tree of so many pages take under SMM_MODE_*. */
  smmMetadataBytes(pages: number, mode: number): number;
  /** Hook of populate_physmap: the frame is the domain's page `index` and reads as zeros. `rights`: SMM_READ … and SMM_PIN. */
  smmPopulate(domain: number, frame: number, index: number, rights: number): void;
  /** The same for a granted frame that the domain maps under `handle`. */
  smmShare(domain: number, handle: number, frame: number, rights: number): void;
  /** Hook of decrease_reservation for such a mapping; frames that are given back: frameFree. */
  smmUnshare(domain: number, handle: number): void;
  /** Hook of context_switch: the pCPU now runs this vCPU. Returns the number of slots flushed. */
  smmSwitch(pcpu: number, vcpu: number): number;
  /** The domain runs on this pCPU no longer. */
  smmLeave(pcpu: number, domain: number): void;
  /** Writes back and drops all slots of a pCPU. */
  smmFlush(pcpu: number): number;
  /** Address of a frame's plaintext for the hypervisor, until the next calls; 0 if it fails its check. */
  smmAddress(frame: number, write: number): number;
  /** The same for observers: nothing changes, and it is good until the next call. */
  smmPeek(frame: number): number;

  /** Copies from guest-linear memory into the console ring; returns how many bytes were mapped. */
  consoleWrite(domain: number, vcpu: number, linear: number, count: number): number;
}

const FUNCTIONS: readonly (keyof CoreFunctions)[] = [
  'hostPages',
  'hostInit',
  'run',
  'runPcpu',
  'contextSwitch',
  'modelledCycles',
  'halt',
  'syncTimers',
  'nextDeadline',
  'nextInterrupt',
  'enqueueVcpu',
  'dequeueVcpu',
  'blockVcpu',
  'wakeVcpu',
  'takeWoken',
  'earliestWake',
  'chargeDomain',
  'domainBudget',
  'capAllowance',
  'heapContains',
  'heapPush',
  'heapRemove',
  'heapUpdate',
  'eventPending',
  'eventSet',
  'eventUnmask',
  'upcallAssert',
  'virqPort',
  'setIdle',
  'completeIo',
  'skipInstruction',
  'getEflags',
  'setEflags',
  'changeCode',
  'armBreakpoints',
  'tlbInit',
  'tlbHold',
  'flushAll',
  'deliverException',
  'peekU8',
  'frameAllocateContiguous',
  'frameAllocate',
  'frameFree',
  'eptCreate',
  'eptMap',
  'eptUnmap',
  'eptFrame',
  'eptTablesReady',
  'eptFork',
  'eptAge',
  'eptReclaim',
  'isShared',
  'unsharePage',
  'unshareFault',
  'mergeCandidate',
  'mergeNominate',
  'mergeInto',
  'mergeRelease',
  'mergeReap',
  'followCommon',
  'frameHash',
  'frameEqual',
  'poolFill',
  'poolDrain',
  'stlbCopy',
  'shareHeld',
  'unshareHeld',
  'moveFrame',
  'copyBytes',
  'machineWritten',
  'isZero',
  'copyFromGuest',
  'copyToGuest',
  'interruptPending',
  'runstateFill',
  'runstateTell',
  'busReset',
  'portRead',
  'portWrite',
  'pitSync',
  'pitDeadline',
  'lapicReset',
  'lapicSetBase',
  'lapicRead',
  'lapicWrite',
  'lapicRequest',
  'lapicSync',
  'lapicDeadline',
  'runMmio',
  'uartInput',
  'diskAttach',
  'virtioServe',
  'consoleWrite',
  'smmKeyEntry',
  'smmKeyReady',
  'smmForget',
  'smmMetadataBytes',
  'smmPopulate',
  'smmShare',
  'smmUnshare',
  'smmSwitch',
  'smmLeave',
  'smmFlush',
  'smmAddress',
  'smmPeek',
];

export class Core {
  readonly layout: Layout;
  readonly call: CoreFunctions;
  readonly memory: WebAssembly.Memory;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f64: Float64Array;

  constructor(module: WebAssembly.Module, memory: WebAssembly.Memory) {
    const linked = linkedTo(memory, module);
    linked.keystream = undefined; // its views end where the memory ended before
    this.layout = linked.layout;
    this.call = linked.call;
    this.memory = memory;
    this.u8 = new Uint8Array(memory.buffer);
    this.u16 = new Uint16Array(memory.buffer);
    this.u32 = new Uint32Array(memory.buffer);
    this.i32 = new Int32Array(memory.buffer);
    this.f64 = new Float64Array(memory.buffer);
  }

  /** The u32 at a four-byte aligned address. */
  read(address: number): number {
    return this.u32[address >>> 2]!;
  }

  write(address: number, value: number): void {
    this.u32[address >>> 2] = value;
  }

  /** The f64 at an eight-byte aligned address. */
  readF64(address: number): number {
    return this.f64[address >>> 3]!;
  }

  writeF64(address: number, value: number): void {
    this.f64[address >>> 3] = value;
  }

  /** The u64 at a four-byte aligned address, which must be below 2^53. */
  readU64(address: number): number {
    return this.u32[address >>> 2]! + this.u32[(address >>> 2) + 1]! * 0x1_0000_0000;
  }

  writeU64(address: number, value: number): void {
    this.u32[address >>> 2] = value % 0x1_0000_0000;
    this.u32[(address >>> 2) + 1] = Math.floor(value / 0x1_0000_0000);
  }
}

/** The core in the build folder as it is now. */
export function coreBytes(): Uint8Array {
  return readFileSync(CORE());
}

/** Its SHA-256. */
export function coreSha256(): string {
  return createHash('sha256').update(coreBytes()).digest('hex');
}

const CORE = (): string => join(packageRoot(), 'build', 'core.wasm');

const modules = new Map<string, WebAssembly.Module>();

/**
 * Lets V8 allocate the interpreter's registers properly although its function is huge: 10 to 20 % on Node 20. It must be
 * set before the module is compiled, and only the main thread may. V8 complains on stderr about a flag that it does not
 * know, so engines other than those it was measured on are left alone.
 */
const V8_FLAG = '--no-turbo-use-mid-tier-regalloc-for-huge-functions';

/** Root of the package: the nearest folder above this file that holds package.json (it differs between src/ and dist/). */
export function packageRoot(): string {
  root ??= rootAbove(dirname(fileURLToPath(import.meta.url)));
  return root;
}

let root: string | undefined;

function rootAbove(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('package.json not found above the program');
  return rootAbove(parent);
}

/** The compiled core, from the package's build folder unless `path` says otherwise; compiled once per process. */
export function coreModule(path: string = CORE()): WebAssembly.Module {
  let module = modules.get(path);
  if (module === undefined) {
    if (!existsSync(path)) throw new Error(`${path} is missing: run 'npm run build'`);
    if (isMainThread && /^1[12]\./.test(process.versions.v8)) setFlagsFromString(V8_FLAG);
    module = new WebAssembly.Module(readFileSync(path));
    modules.set(path, module);
  }
  return module;
}

interface Linked {
  readonly module: WebAssembly.Module;
  readonly layout: Layout;
  readonly call: CoreFunctions;
  keystream: HostKeystream | undefined;
}

const instances = new WeakMap<WebAssembly.Memory, Linked>();
const layouts = new WeakMap<WebAssembly.Module, Layout>();

/**
 * The module over the memory. All that changes in an instance is the memory (test/isa/module.test.ts looks), so the hosts that a
 * thread lays out in a memory, one after the other, have one instance: a new one costs as much as a short guest.
 */
function linkedTo(memory: WebAssembly.Memory, module: WebAssembly.Module): Linked {
  const known = instances.get(memory);
  if (known?.module === module) return known;
  const hostKeystream = (jobs: number, count: number, stream: number): undefined => {
    linked.keystream ??= new HostKeystream(linked.call as unknown as KeystreamFunctions, memory);
    linked.keystream.run(jobs, count, stream);
  };
  const { exports } = new WebAssembly.Instance(module, { env: { memory, abort, hostKeystream } });
  const layout = layouts.get(module) ?? readLayout(exports);
  layouts.set(module, layout);
  const linked: Linked = { module, layout, call: checkedFunctions(exports), keystream: undefined };
  instances.set(memory, linked);
  return linked;
}

function abort(_message?: number, _file?: number, line?: number, column?: number): never {
  throw new Error(`core: abort at ${line}:${column}`);
}

function checkedFunctions(exports: WebAssembly.Exports): CoreFunctions {
  const missing = FUNCTIONS.filter((name) => typeof exports[name] !== 'function');
  if (missing.length > 0) throw new Error(`the core does not export ${missing.join(', ')}: rebuild it`);
  // The exports themselves are a hash table to V8: see readLayout.
  const functions = Object.entries(exports).filter(([, value]) => typeof value === 'function');
  return Object.fromEntries(functions) as unknown as CoreFunctions;
}
