/**
 * Runs cases on Ringfence: one host with one vCPU in direct mode (no EPT), the windows of native.c behind guest page tables,
 * CPL 3 with flat segments. Exceptions are delivered through an IDT to ring 0, where each vector's handler is a VMCALL: so the
 * pushed frame is checked as well as the registers.
 *
 *   guest-physical, in pages      linear
 *    0      page directory
 *    1 … 4  GDT and TSS, IDT,     D7E66000 …  supervisor
 *           handlers, ring-0 stack
 *    5      low                   00004000    user, as all that follow
 *    6, 7   data                  10000000
 *    8      constant, read-only   10003000
 *    9      stack                 10005000
 *   10, 11  code                  5b3e8000
 *   12      end: VMCALL           6a5d3000
 *   13 …    page tables
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { layOutHost } from '../../src/machine/flat-memory.js';
import { FSW, IMAGE_USED, ST } from './float-state.js';
import { KIND_END, KIND_HANG, type Outcome } from './outcome.js';
import type { State } from './state.js';
import {
  background,
  backgroundPages,
  CODE,
  CODE_SIZE,
  CONSTANT,
  DATA,
  END,
  fill,
  forEachActive,
  LOW,
  mix,
  PAGE_WORDS,
  PAGES,
  STACK,
} from './windows.js';

interface Exports {
  frameAllocateContiguous(count: number, align: number, owner: number, type: number): number;
  tlbInit(vcpu: number): void;
  flushAll(vcpu: number): void;
  changeCode(vcpu: number): void;
  getEflags(vcpu: number): number;
  setEflags(vcpu: number, flags: number): void;
  machineWritten(machine: number, length: number): void;
  run(vcpu: number, budget: number): number;
}

const FRAMES = 64;
const SYSTEM = 0xd7e65000; // out of the reach of sums of a few pointers
const GDT = SYSTEM + 0x1000;
const TSS = GDT + 0x400;
const IDT = SYSTEM + 0x2000;
const HANDLERS = SYSTEM + 0x3000;
const KERNEL_STACK = SYSTEM + 0x4000;
const KERNEL_STACK_PAGE = 4;
const CODE_PAGE = 10;
const END_PAGE = 12;
const FIRST_TABLE = 13;

/** Page-table entry bits: P, R/W, U/S, A, D (SDM Vol. 3A, Table 4-6). */
const SYSTEM_PAGE = 0x63;
const USER_PAGE = 0x67;
const USER_CONSTANT = 0x25;

/** Linear page, guest-physical page, bits. */
const MAPPINGS: readonly (readonly [number, number, number])[] = [
  [GDT, 1, SYSTEM_PAGE],
  [IDT, 2, SYSTEM_PAGE],
  [HANDLERS, 3, SYSTEM_PAGE],
  [KERNEL_STACK, KERNEL_STACK_PAGE, SYSTEM_PAGE],
  [LOW, 5, USER_PAGE],
  [DATA, 6, USER_PAGE],
  [DATA + 0x1000, 7, USER_PAGE],
  [CONSTANT, 8, USER_CONSTANT],
  [STACK, 9, USER_PAGE],
  [CODE, CODE_PAGE, USER_PAGE],
  [CODE + 0x1000, CODE_PAGE + 1, USER_PAGE],
  [END, END_PAGE, USER_CONSTANT],
];

/** Guest-physical page of each of PAGES. */
const PAGE_FRAMES = [6, 7, 9, 5] as const;

const KERNEL_CODE = 0x10;
const KERNEL_DATA = 0x18;
const USER_CODE = 0x23;
const USER_DATA = 0x2b;
const TASK = 0x40;

/** CR0: PE MP ET NE WP AM PG. */
const CR0 = 0x80050033;
/** CR4: OSFXSR OSXMMEXCPT. */
const CR4 = 0x600;
const ERROR_CODES = new Set([8, 10, 11, 12, 13, 14, 17]);
const VMCALL = [0x0f, 0x01, 0xc1] as const;
const EXIT_BUDGET = 0xffff;
const EXIT_VMCALL = 18;
const BUDGET = 100_000;

/** Path of a built core that has what the oracle needs, or why there is none. */
export function findCore(): { path: string } | { reason: string } {
  const path = process.env.ORACLE_CORE ?? fileURLToPath(new URL('../../build/core.wasm', import.meta.url));
  return existsSync(path) ? { path } : { reason: `${path} is missing: run 'npm run build'` };
}

/** What a case consists of. */
export interface Runnable {
  readonly state: State;
  readonly code: Uint8Array;
  readonly image: Uint8Array | undefined;
}

export class Machine {
  readonly #core: Exports;
  readonly #layout: (name: string) => number;
  readonly #u8: Uint8Array;
  readonly #u32: Uint32Array;
  readonly #i32: Int32Array;
  readonly #vcpu: number;
  /** Host address of guest-physical 0. */
  readonly #base: number;
  /** Machine address of guest-physical 0. */
  readonly #machine: number;
  readonly #pristine = backgroundPages();
  readonly #pristineBytes: readonly Buffer[];
  readonly #pageBytes: readonly Buffer[];
  readonly #codeBytes: Buffer;
  readonly #codeFill = Buffer.alloc(CODE_SIZE, 0xcc);
  /** Index into the core's words of each of PAGES. */
  readonly #pageWords: readonly number[];
  readonly #template: Uint32Array;
  readonly #templateBegin: number;
  #exit = 0;

  constructor(path: string) {
    const module = new WebAssembly.Module(readFileSync(path));
    const { memory } = layOutHost(module, { pcpus: 1, vcpus: 1, domains: 1, frames: FRAMES });
    const instance = this.#instantiate(module, memory);
    this.#core = instance.exports as unknown as Exports;
    const known = new Map<string, number>();
    this.#layout = (name) => {
      let value = known.get(name);
      if (value !== undefined) return value;
      const global = instance.exports[name];
      if (!(global instanceof WebAssembly.Global)) throw new Error(`layout.ts has no ${name}`);
      value = (global.value as number) >>> 0;
      known.set(name, value);
      return value;
    };
    this.#u8 = new Uint8Array(memory.buffer);
    this.#u32 = new Uint32Array(memory.buffer);
    this.#i32 = new Int32Array(memory.buffer);
    const at = this.#layout;
    this.#vcpu = this.#read(at('HOST_VCPU_BASE'));
    const frame = this.#core.frameAllocateContiguous(FRAMES / 2, 1, 0, at('FRAME_TYPE_GUEST')) >>> 0;
    this.#machine = frame * 4096;
    this.#base = this.#read(at('HOST_DRAM')) + this.#machine;
    this.#pageWords = PAGE_FRAMES.map((page) => (this.#base + page * 4096) >>> 2);
    this.#pageBytes = PAGE_FRAMES.map((page) => Buffer.from(memory.buffer, this.#base + page * 4096, 4096));
    this.#pristineBytes = PAGES.map((_, i) => Buffer.from(this.#pristine.buffer, i * 4096, 4096));
    this.#codeBytes = Buffer.from(memory.buffer, this.#base + CODE_PAGE * 4096, CODE_SIZE);
    this.#buildGuest();
    this.#buildVcpu();
    this.#templateBegin = this.#vcpu >>> 2;
    this.#template = this.#u32.slice(this.#templateBegin, this.#templateBegin + (at('VCPU_CR4') >>> 2));
  }

  #instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): WebAssembly.Instance {
    const imports: WebAssembly.Imports = {};
    for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
      const abort = (): never => {
        throw new Error('core: abort');
      };
      imports[from] = { ...(imports[from] as object), [name]: kind === 'memory' ? memory : abort };
    }
    return new WebAssembly.Instance(module, imports);
  }

  #read(address: number): number {
    return this.#u32[address >>> 2]!;
  }

  #write(address: number, value: number): void {
    this.#u32[address >>> 2] = value;
  }

  // ── the guest ────────────────────────────────────────────────────────────

  /** Writes a word at a guest-physical address. */
  #poke(physical: number, value: number): void {
    this.#write(this.#base + physical, value);
  }

  #descriptor(table: number, index: number, low: number, high: number): void {
    const page = table === IDT ? 0x2000 : 0x1000;
    this.#poke(page + 8 * index, low);
    this.#poke(page + 8 * index + 4, high);
  }

  #buildGuest(): void {
    const tables = new Map<number, number>();
    for (const [linear, page, bits] of MAPPINGS) {
      const directory = linear >>> 22;
      let table = tables.get(directory);
      if (table === undefined) {
        table = FIRST_TABLE + tables.size;
        tables.set(directory, table);
        this.#poke(4 * directory, table * 4096 + USER_PAGE);
      }
      this.#poke(table * 4096 + 4 * ((linear >>> 12) & 1023), page * 4096 + bits);
    }
    // The descriptors of Linux on x86-64 that a 32-bit program can use (asm/segment.h); all accessed.
    this.#descriptor(GDT, 1, 0x0000ffff, 0x00cf9b00);
    this.#descriptor(GDT, 2, 0x0000ffff, 0x00cf9b00);
    this.#descriptor(GDT, 3, 0x0000ffff, 0x00cf9300);
    this.#descriptor(GDT, 4, 0x0000ffff, 0x00cffb00);
    this.#descriptor(GDT, 5, 0x0000ffff, 0x00cff300);
    const tss = TSS >>> 0;
    this.#descriptor(GDT, 8, ((tss & 0xffff) << 16) | 0x67, (tss & 0xff000000) | 0x8b00 | ((tss >>> 16) & 0xff));
    this.#poke(0x1404, KERNEL_STACK + 0x1000); // ESP0
    this.#poke(0x1408, KERNEL_DATA); //           SS0
    this.#poke(0x1464, 0x680000); //              no I/O permission map
    for (let v = 0; v < 256; v++) {
      const handler = HANDLERS + 16 * v;
      const dpl = v === 3 || v === 4 ? 0xee00 : 0x8e00;
      this.#descriptor(IDT, v, (KERNEL_CODE << 16) | (handler & 0xffff), (handler & 0xffff0000) | dpl);
      this.#u8.set(VMCALL, this.#base + 0x3000 + 16 * v);
    }
    this.#u8.set(VMCALL, this.#base + END_PAGE * 4096);
    for (let i = 0; i < PAGE_WORDS; i++) this.#poke(8 * 4096 + 4 * i, background(CONSTANT + 4 * i));
    this.#codeBytes.fill(0xcc);
    this.#i32.set(this.#pristine.subarray(0, 2 * PAGE_WORDS), this.#pageWords[0]);
    this.#i32.set(this.#pristine.subarray(2 * PAGE_WORDS, 3 * PAGE_WORDS), this.#pageWords[2]);
    this.#i32.set(this.#pristine.subarray(3 * PAGE_WORDS), this.#pageWords[3]);
  }

  #segment(name: string | number, selector: number, base: number, limit: number, access: number): void {
    const index = typeof name === 'number' ? name : this.#layout(name);
    const p = this.#vcpu + this.#layout('VCPU_SEGMENTS') + index * this.#layout('SEGMENT_SIZE');
    this.#write(p + this.#layout('SEGMENT_SELECTOR'), selector);
    this.#write(p + this.#layout('SEGMENT_BASE'), base);
    this.#write(p + this.#layout('SEGMENT_LIMIT'), limit);
    this.#write(p + this.#layout('SEGMENT_ACCESS'), access);
  }

  #buildVcpu(): void {
    const at = this.#layout;
    const set = (name: string, value: number): void => this.#write(this.#vcpu + at(name), value);
    this.#core.tlbInit(this.#vcpu);
    set('VCPU_PCPU', this.#read(at('HOST_PCPU_BASE')));
    set('VCPU_DOMAIN', this.#read(at('HOST_DOMAIN_BASE')));
    set('VCPU_EPTP', 0);
    set('VCPU_DIRECT_BASE', this.#machine);
    set('VCPU_DIRECT_LIMIT', (FRAMES / 2) * 4096);
    set('VCPU_CR0', CR0);
    set('VCPU_CR3', 0);
    set('VCPU_CR4', CR4);
    for (let i = 0; i < 6; i++) this.#segment(i, USER_DATA, 0, 0xffffffff, 0xc0f3);
    this.#segment('CS', USER_CODE, 0, 0xffffffff, 0xc0fb);
    this.#segment('LDTR', 0, 0, 0, 0x10000);
    this.#segment('TR', TASK, TSS, 0x67, 0x8b);
    set('VCPU_GDTR_BASE', GDT);
    set('VCPU_GDTR_LIMIT', 127);
    set('VCPU_IDTR_BASE', IDT);
    set('VCPU_IDTR_LIMIT', 256 * 8 - 1);
    set('VCPU_CPL', 3);
    this.#core.setEflags(this.#vcpu, 0x202);
    this.#core.changeCode(this.#vcpu);
    this.#core.flushAll(this.#vcpu);
  }

  // ── a case ───────────────────────────────────────────────────────────────

  /** Runs `code` from `state`. `slice` > 0: in budgets of that many instructions, which must change nothing. */
  run({ state, code, image }: Runnable, slice = 0, keepPages = false): Outcome {
    this.#begin(state, code);
    if (image !== undefined) this.#loadImage(image);
    let left = BUDGET;
    let exit = EXIT_BUDGET;
    while (exit === EXIT_BUDGET && left > 0) {
      const budget = slice === 0 ? left : slice;
      exit = this.#core.run(this.#vcpu, budget) >>> 0;
      left -= budget;
    }
    this.#exit = exit;
    const outcome = this.#outcome(exit);
    if (image !== undefined) outcome.image = this.#saveImage();
    if (keepPages) outcome.pages = this.#copyPages();
    this.#compare(outcome);
    this.#pokeCode(state.eip, undefined, code.length);
    if (this.#codeBytes.compare(this.#codeFill) !== 0) this.#codeBytes.fill(0xcc); // a stray store
    return outcome;
  }

  /** The basic exit reason that ended the last case. */
  get exit(): number {
    return this.#exit;
  }

  #begin(state: State, code: Uint8Array): void {
    this.#u32.set(this.#template, this.#templateBegin);
    const words = this.#u32;
    const vcpu = this.#vcpu >>> 2;
    for (let i = 0; i < 8; i++) words[vcpu + i] = state.gpr[i]!;
    this.#write(this.#vcpu + this.#layout('VCPU_EIP'), state.eip);
    this.#core.setEflags(this.#vcpu, state.eflags);
    fill(this.#pristine, state.data);
    forEachActive((i) => {
      this.#i32[this.#pageWords[i >>> 10]! + (i & 1023)] = this.#pristine[i]!;
    });
    this.#pokeCode(state.eip, code, code.length);
    this.#core.machineWritten(this.#machine + CODE_PAGE * 4096, CODE_SIZE);
  }

  #pokeCode(eip: number, code: Uint8Array | undefined, length: number): void {
    const at = this.#base + CODE_PAGE * 4096;
    for (let i = 0; i < length; i++) {
      const offset = eip - CODE + i;
      if (offset < CODE_SIZE) this.#u8[at + offset] = code === undefined ? 0xcc : code[i]!;
    }
  }

  #outcome(exit: number): Outcome {
    const at = this.#layout;
    const vcpu = this.#vcpu;
    const eip = this.#read(vcpu + at('VCPU_EIP'));
    const gpr = this.#u32.slice(vcpu >>> 2, (vcpu >>> 2) + 8);
    const outcome: Outcome = {
      kind: KIND_HANG,
      error: 0,
      cr2: this.#read(vcpu + at('VCPU_CR2')),
      eip,
      eflags: this.#core.getEflags(vcpu) >>> 0,
      gpr,
      memory: 0,
      changed: 0,
    };
    if (exit !== EXIT_VMCALL) {
      if (exit !== EXIT_BUDGET) outcome.kind = 0x1000 + exit;
      return outcome;
    }
    if (eip === END) {
      outcome.kind = KIND_END;
      return outcome;
    }
    // In a handler: EIP tells the vector, the frame the rest.
    outcome.kind = (eip - HANDLERS) >>> 4;
    let frame = this.#base + KERNEL_STACK_PAGE * 4096 + (gpr[4]! - KERNEL_STACK);
    if (ERROR_CODES.has(outcome.kind)) {
      outcome.error = this.#read(frame);
      frame += 4;
    }
    outcome.eip = this.#read(frame);
    outcome.eflags = this.#read(frame + 8);
    gpr[4] = this.#read(frame + 12);
    return outcome;
  }

  /** The floating-point state lies as in an FXSAVE image, but with the x87 registers by physical number (layout.ts). */
  #loadImage(image: Uint8Array): void {
    const f = this.#vcpu + this.#layout('VCPU_FPU');
    this.#u8.set(image.subarray(0, IMAGE_USED), f);
    const top = (image[FSW + 1]! >>> 3) & 7;
    for (let i = 0; i < 8; i++) {
      this.#u8.set(image.subarray(ST + 16 * i, ST + 16 * i + 16), f + ST + 16 * ((top + i) & 7));
    }
  }

  #saveImage(): Uint8Array {
    const f = this.#vcpu + this.#layout('VCPU_FPU');
    const image = this.#u8.slice(f, f + IMAGE_USED);
    const top = (image[FSW + 1]! >>> 3) & 7;
    for (let i = 0; i < 8; i++) {
      const from = f + ST + 16 * ((top + i) & 7);
      image.set(this.#u8.subarray(from, from + 16), ST + 16 * i);
    }
    return image;
  }

  #copyPages(): Int32Array {
    const copy = new Int32Array(PAGES.length * PAGE_WORDS);
    for (let p = 0; p < PAGES.length; p++) {
      copy.set(this.#i32.subarray(this.#pageWords[p]!, this.#pageWords[p]! + PAGE_WORDS), p * PAGE_WORDS);
    }
    return copy;
  }

  /** Hashes the words that changed and puts them back. */
  #compare(outcome: Outcome): void {
    let h = 0;
    for (let p = 0; p < PAGES.length; p++) {
      if (this.#pageBytes[p]!.compare(this.#pristineBytes[p]!) === 0) continue;
      const base = this.#pageWords[p]!;
      for (let i = 0; i < PAGE_WORDS; i++) {
        const v = this.#i32[base + i]!;
        const was = this.#pristine[p * PAGE_WORDS + i]!;
        if (v === was) continue;
        h = mix(mix(h, (p << 10) | i), v);
        this.#i32[base + i] = was;
        outcome.changed++;
      }
    }
    outcome.memory = h;
  }
}
