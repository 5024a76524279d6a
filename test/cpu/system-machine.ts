/**
 * One vCPU in protected mode over 1 MiB of guest memory, without decoder or hypervisor: handlers are called directly.
 *
 *   0x1000 GDT   0x1800 LDT   0x2000 IDT   0x3000 TSSs, 0x100 apart   0x8000 tables for paging   0x10000… stacks, data
 */
import { type Handlers, loadSystemCore, type SystemCore } from './system-core.js';

export const GDT = 0x1000;
export const LDT = 0x1800;
export const IDT = 0x2000;
export const TSS = 0x3000;
export const TABLES = 0x8000;
const MEMORY = 0x100000;
const USED = 0x40000; // cleared between tests

// Segment registers
export const ES = 0;
export const CS = 1;
export const SS = 2;
export const DS = 3;
export const FS = 4;
export const GS = 5;
export const LDTR = 6;
export const TR = 7;

// EFLAGS
export const CF = 1;
export const ZF = 1 << 6;
export const TF = 1 << 8;
export const IF = 1 << 9;
export const NT = 1 << 14;
export const RF = 1 << 16;
export const VM = 1 << 17;
export const iopl = (level: number): number => level << 12;

// Vectors
export const [DB, UD, DF, TSF, NP, SSF, GP, PF] = [1, 6, 8, 10, 11, 12, 13, 14] as const;
export const NO_ERROR = 0xffffffff;

// Access byte: P DPL S type
export const P = 0x80;
export const dpl = (level: number): number => level << 5;
export const CODE = 0x1a; //       S, execute/read
export const CODE_ONLY = 0x18; //  S, execute
export const CONFORMING = 0x1e; // S, execute/read, conforming
export const DATA = 0x12; //       S, read/write
export const READ_ONLY = 0x10; //  S, read
export const EXPAND_DOWN = 0x16; // S, read/write, expand down
export const ACCESSED = 1;
export const LDT_TYPE = 2;
export const TSS16 = 1;
export const TSS32 = 9;
export const BUSY = 2;
export const CALL16 = 4;
export const TASK_GATE = 5;
export const INT16 = 6;
export const TRAP16 = 7;
export const CALL32 = 12;
export const INT32 = 14;
export const TRAP32 = 15;
export const WIDE = 4; // D/B in the flags nibble
export const GRANULAR = 8;

export interface Fault {
  vector: number;
  /** Error code, or −1. */
  error: number;
}

export class SystemMachine {
  readonly core: SystemCore;
  readonly call: Handlers;
  readonly s: number;
  readonly dram: number;
  readonly view: DataView;

  constructor() {
    const probe = loadSystemCore(1 << 20);
    this.s = (probe.layout('REGIONS') + 4095) & ~4095;
    const table = this.s + probe.layout('VCPU_SIZE');
    const frames = MEMORY >>> 12;
    this.dram = (table + frames * probe.layout('FRAME_ENTRY_SIZE') + 4095) & ~4095;
    this.core = loadSystemCore(this.dram + MEMORY);
    this.call = this.core.call;
    this.view = new DataView(this.core.memory.buffer);
    this.set('HOST_FRAMES', frames);
    this.set('HOST_FRAME_TABLE', table);
    this.set('HOST_DRAM', this.dram);
    this.set('HOST_END', this.dram + MEMORY);
    this.call.frameInit();
    this.call.tlbInit(this.s);
    this.setV('VCPU_DIRECT_LIMIT', MEMORY);
    this.reset();
  }

  /** Protected mode, CPL 0, flat 32-bit segments, ESP = 0x20000, empty tables. */
  reset(): void {
    this.fill(0, USED, 0);
    for (let at = 0; at < 128; at += 4) if (at < 64) this.view.setUint32(this.s + at, 0, true);
    this.setV('VCPU_CR0', 0x11);
    this.setV('VCPU_CR2', 0);
    this.setV('VCPU_CR3', 0);
    this.setV('VCPU_CR4', 0);
    this.setV('VCPU_DR6', 0);
    this.setV('VCPU_DR7', 0);
    this.setV('VCPU_CPL', 0);
    this.setV('VCPU_ACTIVITY', 0);
    this.setV('VCPU_INHIBIT', 0);
    this.setV('VCPU_VECTORING_INFO', 0);
    this.setV('VCPU_GDTR_BASE', GDT);
    this.setV('VCPU_GDTR_LIMIT', 0x7ff);
    this.setV('VCPU_IDTR_BASE', IDT);
    this.setV('VCPU_IDTR_LIMIT', 0x7ff);
    for (let index = 0; index < 6; index++)
      this.setSegment(index, index === CS ? 0x08 : 0x10, 0, 0xffffffff, index === CS ? 0xc09b : 0xc093);
    this.setSegment(LDTR, 0, 0, 0, 1 << 16);
    this.setSegment(TR, 0x28, TSS, 0x67, 0x8b);
    this.eflags = 2;
    this.esp = 0x20000;
    this.clear();
    this.call.flushAll(this.s);
    this.call.changeCode(this.s);
    this.#warm = !this.#warm;
    if (this.#warm) this.warm();
  }

  /** Every other test begins with tables and stacks in the TLB, so that both ways of access are taken. */
  #warm = false;
  warm(): void {
    for (const page of [GDT, IDT, TSS, 0x17000, 0x18000, 0x19000, 0x1f000, 0x20000]) {
      for (const kind of [2, 1]) {
        this.setV('VCPU_ESI', page);
        this.setV('VCPU_EDI', page);
        this.call.stringOp(this.s, kind, 1, 4, DS, 0, 1);
      }
    }
    for (const name of ['VCPU_EAX', 'VCPU_ESI', 'VCPU_EDI']) this.setV(name, 0);
  }

  // ── vCPU fields ──
  v(name: string): number {
    return this.view.getUint32(this.s + this.core.layout(name), true);
  }
  setV(name: string, value: number): void {
    this.view.setUint32(this.s + this.core.layout(name), value, true);
  }
  set(name: string, value: number): void {
    this.view.setUint32(this.core.layout(name), value, true);
  }
  counter(name: string): number {
    return Number(
      this.view.getBigUint64(this.s + this.core.layout('VCPU_COUNTERS') + 8 * this.core.layout(name), true),
    );
  }
  get eip(): number {
    return this.v('VCPU_EIP');
  }
  set eip(value: number) {
    this.setV('VCPU_EIP', value);
  }
  get esp(): number {
    return this.v('VCPU_ESP');
  }
  set esp(value: number) {
    this.setV('VCPU_ESP', value);
  }
  get cpl(): number {
    return this.v('VCPU_CPL');
  }
  get eflags(): number {
    return this.call.getEflags(this.s) >>> 0;
  }
  set eflags(value: number) {
    this.call.setEflags(this.s, value);
  }

  #segment(index: number): number {
    return this.s + this.core.layout('VCPU_SEGMENTS') + 16 * index;
  }
  setSegment(index: number, selector: number, base: number, limit: number, access: number): void {
    [selector, base, limit, access].forEach((value, n) => {
      this.view.setUint32(this.#segment(index) + 4 * n, value, true);
    });
  }
  selector(index: number): number {
    return this.view.getUint32(this.#segment(index), true);
  }
  base(index: number): number {
    return this.view.getUint32(this.#segment(index) + 4, true);
  }
  limit(index: number): number {
    return this.view.getUint32(this.#segment(index) + 8, true);
  }
  access(index: number): number {
    return this.view.getUint32(this.#segment(index) + 12, true);
  }
  usable(index: number): boolean {
    return (this.access(index) & 0x10000) === 0;
  }

  /** Runs at a privilege level, with flat segments of that level: code 0x08/0x1b, data 0x10/0x23, DPL in the cache. */
  setLevel(level: number): void {
    this.setV('VCPU_CPL', level);
    for (let index = 0; index < 6; index++) {
      const selector = (index === CS ? 0x08 : 0x10) | level;
      this.setSegment(index, selector, 0, 0xffffffff, (index === CS ? 0xc09b : 0xc093) | dpl(level));
    }
    this.call.changeCode(this.s);
    if (this.#warm && level === 3) this.warm();
  }

  // ── Guest memory ──
  fill(at: number, length: number, value: number): void {
    new Uint8Array(this.core.memory.buffer, this.dram + at, length).fill(value);
  }
  bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.core.memory.buffer, this.dram + at, length);
  }
  u8(at: number): number {
    return this.view.getUint8(this.dram + at);
  }
  u16(at: number): number {
    return this.view.getUint16(this.dram + at, true);
  }
  u32(at: number): number {
    return this.view.getUint32(this.dram + at, true);
  }
  setU16(at: number, value: number): void {
    this.view.setUint16(this.dram + at, value, true);
  }
  setU32(at: number, value: number): void {
    this.view.setUint32(this.dram + at, value, true);
  }
  words(at: number, count: number, size = 4): number[] {
    return Array.from({ length: count }, (_, n) => (size === 4 ? this.u32(at + 4 * n) : this.u16(at + 2 * n)));
  }

  // ── Descriptors ──
  /** `limit` is the 20-bit field; `flags` its nibble G D/B L AVL. */
  descriptor(at: number, base: number, limit: number, access: number, flags: number): void {
    this.setU16(at, limit & 0xffff);
    this.setU16(at + 2, base & 0xffff);
    this.setU32(
      at + 4,
      ((base >>> 16) & 0xff) | (access << 8) | (limit & 0xf0000) | (flags << 20) | (base & 0xff000000),
    );
  }
  gate(at: number, selector: number, offset: number, access: number, count = 0): void {
    this.setU16(at, offset & 0xffff);
    this.setU16(at + 2, selector);
    this.setU32(at + 4, count | (access << 8) | (offset & 0xffff0000));
  }
  /** A flat segment at a selector of the GDT. */
  flat(selector: number, access: number, flags = GRANULAR | WIDE): void {
    this.descriptor(GDT + (selector & ~7), 0, 0xfffff, access, flags);
  }
  idt(vector: number, selector: number, offset: number, access: number): void {
    this.gate(IDT + 8 * vector, selector, offset, access);
  }
  accessByte(selector: number): number {
    return this.u8(GDT + (selector & ~7) + 5);
  }

  // ── Faults ──
  /** The recorded exception, taken out of the record; undefined if there is none. */
  fault(): Fault | undefined {
    if (this.v('VCPU_FAULT') !== 1) return undefined;
    const error = this.v('VCPU_FAULT_ERROR');
    this.clear();
    return { vector: this.v('VCPU_FAULT_VECTOR'), error: error === NO_ERROR ? -1 : error };
  }
  /** The recorded exit reason, taken out of the record; undefined if there is none. */
  exit(): number | undefined {
    if (this.v('VCPU_FAULT') !== 2) return undefined;
    this.clear();
    return this.v('VCPU_EXIT_REASON');
  }
  clear(): void {
    this.setV('VCPU_FAULT', 0);
  }
  /** Everything that must not change when a handler faults: registers, flags, segments, control registers. */
  state(): string {
    const general = Array.from({ length: 12 }, (_, n) =>
      n >= 8 && n < 11 ? 0 : this.view.getUint32(this.s + 4 * n, true),
    );
    const segments = Array.from({ length: 32 }, (_, n) => this.view.getUint32(this.#segment(0) + 4 * n, true));
    const control = ['VCPU_CPL', 'VCPU_CR0', 'VCPU_CR3', 'VCPU_CR4', 'VCPU_DR7', 'VCPU_MODE'].map((name) =>
      this.v(name),
    );
    return JSON.stringify([general, this.eflags, segments, control]);
  }
}
