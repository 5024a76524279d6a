/**
 * One vCPU with its own page tables behind an EPT: the structures that every subject of a micro bench reads.
 *
 *   linear            guest-physical              machine
 *   0 – 4 MiB      ─▶ 0 – 4 MiB (identity)    ─┐
 *   PAGES, 16 MiB  ─▶ 4 – 20 MiB, shuffled    ─┴─▶ frames as the allocator gives them, 4 KiB EPT pages
 *
 * Accessed and dirty flags are set everywhere, so that no subject writes.
 */

import { type Core, coreModule } from '../../src/machine/core.js';
import { layOutHost } from '../../src/machine/flat-memory.js';
import { HostView, VcpuView } from '../../src/machine/views.js';
import { loopModule } from '../build.js';

const PAGE = 4096;
const MIB = 1 << 20;
const GUEST_BYTES = 20 * MIB;
const EPT_TABLES = 16;
const EPT_RWX = 7;

const DIRECTORY = 0x1000;
const TABLES = 0x2000; // of the first 4 MiB, then of PAGES
/** Where a bench may put guest code, and its data: identity-mapped. */
export const CODE = 0x10000;
export const DATA = 0x20000;
/** First linear address of the shuffled pages and their number. */
export const PAGES = 0x10000000;
export const PAGE_COUNT = 4096;
const FIRST_GPA = 4 * MIB;

const P_RW_A_D = 0x63;
const CR0_PE_PG = 0x80000011;
const FLAT_CODE = { selector: 0x08, base: 0, limit: 0xffffffff, access: 0xc09b };
const FLAT_DATA = { selector: 0x10, base: 0, limit: 0xffffffff, access: 0xc093 };

/** assembly/mmu/bench.ts and assembly/device/bench.ts. Results are sums modulo 2^32. */
export interface Loops {
  benchHit(s: number, linear: number, stride: number, span: number, n: number): number;
  benchWalk(s: number, linear: number, pages: number, n: number): number;
  benchEpt(s: number, gpa: number, pages: number, n: number): number;
  benchDma(device: number, gpa: number, pages: number, bytes: number, to: number, n: number): number;
}

/** The flat memory as a subject sees it. */
export interface Flat {
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  /** The same as int32, which JavaScript's bit operations give. */
  readonly i32: Int32Array;
  /** Base address of the vCPU. */
  readonly s: number;
  /** A number of assembly/layout.ts. */
  readonly at: (name: string) => number;
}

export interface BenchMachine extends Flat {
  readonly core: Core;
  readonly loops: Loops;
  /** All numbers of assembly/layout.ts. */
  readonly numbers: ReadonlyMap<string, number>;
  /** Host address of an emulated device of the domain: what it does is on the vCPU's account. */
  readonly device: number;
  /** Host address of guest-physical `gpa`. */
  readonly host: (gpa: number) => number;
  /** The value of one of the vCPU's event counters. */
  readonly count: (name: string) => number;
}

export function benchMachine(): BenchMachine {
  const module = coreModule();
  const frames = GUEST_BYTES / PAGE + EPT_TABLES;
  const core = layOutHost(module, { pcpus: 1, vcpus: 1, domains: 1, frames });
  const { memory } = core;
  const { exports } = new WebAssembly.Instance(loopModule(), { env: { memory, abort: fail, hostKeystream: fail } });
  const numbers = new Map<string, number>();
  for (const [name, value] of Object.entries(exports)) {
    if (value instanceof WebAssembly.Global && typeof value.value === 'number') numbers.set(name, value.value >>> 0);
  }
  const at = (name: string): number => {
    const value = numbers.get(name);
    if (value === undefined) throw new Error(`assembly/layout.ts has no ${name}`);
    return value;
  };
  const view = new HostView(core);
  const s = view.vcpuAddress(0);
  const eptp = mapGuest(core);
  const host = (gpa: number): number => view.frameAddress(core.call.eptFrame(eptp, gpa) >>> 0) + (gpa % PAGE);
  writeTables(core, host);
  startVcpu(core, view, s, eptp);
  const device = attachDevice(core, at, view.domainAddress(0), s, eptp);
  const count = (name: string): number => core.readU64(s + at('VCPU_COUNTERS') + 8 * at(name));
  return {
    core,
    loops: exports as unknown as Loops,
    numbers,
    at,
    s,
    device,
    u8: core.u8,
    u32: core.u32,
    i32: core.i32,
    host,
    count,
  };
}

function fail(): never {
  throw new Error('bench.wasm: abort');
}

/** Gives guest-physical memory frames; every EPT entry has its flags set. Returns the EPTP. */
function mapGuest(core: Core): number {
  const l = core.layout;
  const eptp = core.call.eptCreate(0, 1) >>> 0;
  for (let gpa = 0; gpa < GUEST_BYTES; gpa += PAGE) {
    core.call.eptMap(eptp, gpa, core.call.frameAllocate(0, l.FRAME_TYPE_GUEST) >>> 0, 1, EPT_RWX);
  }
  const dram = core.read(l.HOST_DRAM);
  const ACCESSED = 0x100;
  const DIRTY = 0x200; // of leaves
  const mark = (table: number, level: number): void => {
    for (let p = dram + table; p < dram + table + PAGE; p += 8) {
      const entry = core.read(p);
      if ((entry & EPT_RWX) === 0) continue;
      core.write(p, entry | ACCESSED | (level === 1 ? DIRTY : 0));
      if (level > 1) mark((entry & ~(PAGE - 1)) >>> 0, level - 1);
    }
  };
  mark((eptp & ~(PAGE - 1)) >>> 0, 4);
  return eptp;
}

function writeTables(core: Core, host: (gpa: number) => number): void {
  const entry = (gpa: number, index: number, target: number): void =>
    core.write(host(gpa) + 4 * index, target | P_RW_A_D);
  entry(DIRECTORY, 0, TABLES);
  for (let i = 0; i < 1024; i++) entry(TABLES, i, i * PAGE);
  for (let table = 0; table < PAGE_COUNT / 1024; table++) {
    const gpa = TABLES + (1 + table) * PAGE;
    entry(DIRECTORY, (PAGES >>> 22) + table, gpa);
    for (let i = 0; i < 1024; i++) entry(gpa, i, FIRST_GPA + shuffled(table * 1024 + i) * PAGE);
  }
}

/** A permutation of 0 … PAGE_COUNT − 1: neighbours lie far apart. */
function shuffled(page: number): number {
  return (page * 2741 + 1009) % PAGE_COUNT;
}

/** Lets the domain's device reach the domain's memory. Returns its host address. */
function attachDevice(core: Core, at: Flat['at'], domain: number, s: number, eptp: number): number {
  const device = domain + at('DOMAIN_DEVICE');
  core.write(domain + at('DOMAIN_EPTP'), eptp);
  core.write(domain + at('DOMAIN_VCPU'), s);
  core.write(device + at('DEVICE_DOMAIN'), domain);
  core.write(device + at('DEVICE_SPACE'), at('DMA_GUEST'));
  core.write(device + at('DEVICE_PAYER'), s);
  return device;
}

function startVcpu(core: Core, view: HostView, s: number, eptp: number): void {
  const l = core.layout;
  const vcpu = new VcpuView(core, s);
  core.write(s + l.VCPU_PCPU, view.pcpuAddress(0));
  core.write(s + l.VCPU_DOMAIN, view.domainAddress(0));
  core.write(s + l.VCPU_EPTP, eptp);
  core.write(s + l.VCPU_CR0, CR0_PE_PG);
  core.write(s + l.VCPU_CR3, DIRECTORY);
  for (let i = 0; i < 6; i++) vcpu.setSegment(i, i === l.CS ? FLAT_CODE : FLAT_DATA);
  core.call.tlbInit(s);
  vcpu.eflags = 2;
  core.call.changeCode(s);
}
