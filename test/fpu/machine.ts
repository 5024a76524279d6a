/** The FPU's own WASM module over one vCPU without paging: what a test of it needs. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Case, EAX, ECX, EDX, EFLAGS, IMAGE, IMAGE_SIZE, MEMORY, MEMORY_SIZE, ST, TRAP } from './record.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const SOURCES = ['assembly', 'assembly/cpu', 'assembly/fpu', 'assembly/mmu'];

/** Addresses and numbers are u32: results are to be read with `>>> 0`. */
type Word = number;

export interface Fpu {
  x87(s: Word, opcode: Word, modrm: Word, linear: Word, operandSize: Word): void;
  x87Available(s: Word, opcode: Word, modrm: Word): Word;
  fwait(s: Word): void;
  fxsave(s: Word, linear: Word): void;
  fxrstor(s: Word, linear: Word): void;
  ldmxcsr(s: Word, linear: Word): void;
  stmxcsr(s: Word, linear: Word): void;
  emms(s: Word): void;
  sse(s: Word, prefix: Word, opcode: Word, modrm: Word, linear: Word, imm: Word): void;
  sseHasModrm(opcode: Word): Word;
  sseImmediate(opcode: Word): Word;
  sseOpcode(opcode: Word): Word;
  fpuReset(s: Word): void;
  frameInit(): void;
  tlbInit(s: Word): void;
  flushAll(s: Word): void;
  getEflags(s: Word): Word;
  setEflags(s: Word, flags: Word): void;
}

function newestSource(): number {
  let newest = 0;
  for (const source of SOURCES) {
    for (const name of readdirSync(join(root, source))) {
      if (name.endsWith('.ts')) newest = Math.max(newest, statSync(join(root, source, name)).mtimeMs);
    }
  }
  return newest;
}

/** Whether the file is newer than all sources and holds the whole FPU. */
function usable(file: string, since: number): boolean {
  if (!existsSync(file) || statSync(file).mtimeMs < since) return false;
  const names = WebAssembly.Module.exports(new WebAssembly.Module(readFileSync(file))).map((entry) => entry.name);
  return ['x87', 'sseOpcode', 'fpuReset', 'fxsave', 'flushAll', 'setEflags'].every((name) => names.includes(name));
}

function compile(file: string): void {
  const staging = join(root, 'build', `fpu-probe-${process.pid}`);
  mkdirSync(staging, { recursive: true });
  const built = join(staging, 'fpu-probe.wasm');
  const asc = join(root, 'node_modules/assemblyscript/bin/asc.js');
  execFileSync(process.execPath, [asc, 'assembly/fpu/probe.ts', '--target', 'probe', '--outFile', built], {
    cwd: root,
    stdio: 'inherit',
  });
  renameSync(built, file);
  rmSync(staging, { recursive: true });
}

/**
 * The module to test: build/probe.wasm, which `npm test` builds, or the FPU's own small one, compiled here when it is
 * older than its sources. Test files run side by side, so one of them compiles and the others wait.
 */
export function buildFpu(): string {
  const since = newestSource();
  const own = process.env.FPU_WASM ?? join(root, 'build/fpu-probe.wasm');
  if (process.env.FPU_WASM !== undefined) return own;
  const lock = join(root, 'build/fpu-probe.lock');
  for (;;) {
    for (const file of [join(root, 'build/probe.wasm'), own]) if (usable(file, since)) return file;
    mkdirSync(join(root, 'build'), { recursive: true });
    try {
      mkdirSync(lock);
    } catch {
      // A lock this old was left by a run that was killed.
      if (existsSync(lock) && Date.now() - statSync(lock).mtimeMs > 120_000)
        rmSync(lock, { recursive: true, force: true });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
      continue;
    }
    try {
      compile(own);
      return own;
    } finally {
      rmSync(lock, { recursive: true, force: true });
    }
  }
}

const align = (n: number): number => (n + 4095) & ~4095;

export const CR0_PE = 1;
export const CR0_MP = 2;
export const CR0_EM = 4;
export const CR0_TS = 8;
export const CR0_NE = 32;
export const CR4_OSFXSR = 1 << 9;
export const CR4_OSXMMEXCPT = 1 << 10;

const FRAMES = 4;
/** Guest-physical address of the operand area. */
export const OPERAND = 0x1400;

export class FpuMachine {
  readonly fpu: Fpu;
  readonly s: number;
  readonly dram: number;
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly #exports: WebAssembly.Exports;
  readonly #state: number;

  constructor() {
    const module = new WebAssembly.Module(readFileSync(buildFpu()));
    const memory = new WebAssembly.Memory({ initial: 32, maximum: 65536, shared: true });
    const imports: WebAssembly.Imports = {};
    for (const entry of WebAssembly.Module.imports(module)) {
      const value = entry.kind === 'memory' ? memory : () => {};
      imports[entry.module] = { ...(imports[entry.module] as object), [entry.name]: value };
    }
    this.#exports = new WebAssembly.Instance(module, imports).exports;
    this.fpu = this.#exports as unknown as Fpu;
    this.view = new DataView(memory.buffer);
    this.bytes = new Uint8Array(memory.buffer);
    const pcpu = align(this.at('REGIONS'));
    this.s = pcpu + 4096;
    const table = this.s + this.at('VCPU_SIZE');
    this.dram = align(table + FRAMES * this.at('FRAME_ENTRY_SIZE'));
    this.#state = this.s + this.at('VCPU_FPU');
    this.set('HOST_FRAMES', FRAMES);
    this.set('HOST_FRAME_TABLE', table);
    this.set('HOST_DRAM', this.dram);
    this.set('HOST_END', this.dram + FRAMES * 4096);
    this.fpu.frameInit?.();
    this.fpu.tlbInit?.(this.s);
    this.set('VCPU_PCPU', pcpu);
    this.set('VCPU_TLB_BANK', this.s + this.at('VCPU_TLB'));
    this.set('VCPU_DIRECT_BASE', 0);
    this.set('VCPU_DIRECT_LIMIT', FRAMES * 4096);
    this.set('VCPU_CR0', CR0_PE | CR0_MP | CR0_NE);
    this.set('VCPU_CR4', CR4_OSFXSR | CR4_OSXMMEXCPT);
  }

  at(name: string): number {
    const value = this.#exports[name];
    if (!(value instanceof WebAssembly.Global)) throw new Error(`layout.ts has no ${name}`);
    return Number(value.value) >>> 0;
  }
  #place(name: string): number {
    return name.startsWith('VCPU_') ? this.s + this.at(name) : this.at(name);
  }
  get(name: string): number {
    return this.view.getUint32(this.#place(name), true);
  }
  set(name: string, value: number): void {
    this.view.setUint32(this.#place(name), value, true);
  }
  /** Host address of a guest-physical address. */
  host(physical: number): number {
    return this.dram + physical;
  }
  /** Host address of the FPU block. */
  get state(): number {
    return this.#state;
  }

  /** Takes the fault record: the vector, or −1. */
  fault(): number {
    if (this.get('VCPU_FAULT') === 0) return -1;
    this.set('VCPU_FAULT', 0);
    return this.get('VCPU_FAULT_VECTOR');
  }

  /** Loads a case's state. The image holds registers by stack position, the vCPU by physical number. */
  load(c: Case): void {
    const { bytes } = this;
    const top = (c.u16(IMAGE + 2) >> 11) & 7;
    bytes.set(c.bytes.subarray(IMAGE, IMAGE + 32), this.#state);
    for (let i = 0; i < 8; i++) {
      const at = this.#state + 32 + 16 * ((top + i) & 7);
      bytes.set(c.bytes.subarray(ST + 16 * i, ST + 16 * i + 10), at);
    }
    bytes.set(c.bytes.subarray(IMAGE + 160, IMAGE + IMAGE_SIZE), this.#state + 160);
    bytes.set(c.bytes.subarray(MEMORY, MEMORY + MEMORY_SIZE), this.host(OPERAND));
    this.set('VCPU_EAX', c.u32(EAX));
    this.set('VCPU_ECX', c.u32(ECX));
    this.set('VCPU_EDX', c.u32(EDX));
    this.fpu.setEflags(this.s, (c.u32(EFLAGS) & 0x8d5) | 0x202);
    // What loading such an image does: ES and B follow the masks.
    const pending = (c.u16(IMAGE + 2) & ~c.u16(IMAGE) & 0x3f) !== 0;
    const status = c.u16(IMAGE + 2) & 0x7f7f;
    this.view.setUint16(this.#state + 2, pending ? status | 0x8080 : status, true);
  }

  /** Writes the state back into the case. */
  save(c: Case): void {
    const { bytes } = this;
    const top = (this.view.getUint16(this.#state + 2, true) >> 11) & 7;
    c.bytes.set(bytes.subarray(this.#state, this.#state + 32), IMAGE);
    for (let i = 0; i < 8; i++) {
      const at = this.#state + 32 + 16 * ((top + i) & 7);
      c.bytes.set(bytes.subarray(at, at + 10), ST + 16 * i);
    }
    c.bytes.set(bytes.subarray(this.#state + 160, this.#state + IMAGE_SIZE), IMAGE + 160);
    c.bytes.set(bytes.subarray(this.host(OPERAND), this.host(OPERAND) + MEMORY_SIZE), MEMORY);
    c.set32(EAX, this.get('VCPU_EAX'));
    c.set32(ECX, this.get('VCPU_ECX'));
    c.set32(EDX, this.get('VCPU_EDX'));
    c.set32(EFLAGS, this.fpu.getEflags(this.s) >>> 0);
    const vector = this.fault();
    c.set32(TRAP, vector < 0 ? 0 : 256 + vector);
  }

  /** Decodes the case's instruction, enough for the forms in forms.ts, executes it and writes the state back. */
  run(c: Case): void {
    const offset = c.u32(TRAP);
    this.load(c);
    this.execute(c.code, OPERAND + (offset & 63));
    this.save(c);
  }

  execute(code: Uint8Array, linear: number): void {
    let at = 0;
    let prefix = 0;
    let operandSize = 4;
    for (; code[at] === 0x66 || code[at] === 0xf2 || code[at] === 0xf3; at++) {
      prefix = code[at]!;
      if (prefix === 0x66) operandSize = 2;
    }
    const opcode = code[at]!;
    if (opcode >= 0xd8 && opcode <= 0xdf) this.fpu.x87(this.s, opcode, code[at + 1]!, linear, operandSize);
    else if (opcode === 0x9b) this.fpu.fwait(this.s);
    else {
      const second = code[at + 1]!;
      const modrm = this.fpu.sseHasModrm(second) ? code[at + 2]! : 0;
      const imm = this.fpu.sseImmediate(second) ? code[at + 3]! : 0;
      this.fpu.sse(this.s, prefix, second, modrm, linear, imm);
    }
  }
}
