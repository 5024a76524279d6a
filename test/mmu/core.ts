/**
 * Loads the compiled MMU for tests: from build/probe.wasm, which `npm test` builds, or, while the MMU alone is being
 * worked on, from its own small module, compiled here when it is older than its sources.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const SOURCES = ['assembly', 'assembly/mmu', 'assembly/cpu/flags.ts', 'assembly/cpu/mode.ts'];

/** Addresses and numbers are u32: results are to be read with `>>> 0`. */
type Word = number;

export interface Mmu {
  // access.ts
  readU8(s: Word, linear: Word): Word;
  readU16(s: Word, linear: Word): Word;
  readU32(s: Word, linear: Word): Word;
  writeU8(s: Word, linear: Word, value: Word): void;
  writeU16(s: Word, linear: Word, value: Word): void;
  writeU32(s: Word, linear: Word, value: Word): void;
  readSystemU8(s: Word, linear: Word): Word;
  readSystemU16(s: Word, linear: Word): Word;
  readSystemU32(s: Word, linear: Word): Word;
  writeSystemU8(s: Word, linear: Word, value: Word): void;
  writeSystemU16(s: Word, linear: Word, value: Word): void;
  writeSystemU32(s: Word, linear: Word, value: Word): void;
  probeRead(s: Word, linear: Word, size: Word): void;
  probeWrite(s: Word, linear: Word, size: Word): void;
  hostRead(s: Word, linear: Word, size: Word): Word;
  hostWrite(s: Word, linear: Word, size: Word): Word;
  fetchPage(s: Word, linear: Word): Word;
  peekU8(s: Word, linear: Word): Word;
  // tlb.ts
  tlbInit(s: Word): void;
  flushAll(s: Word): void;
  flushNonGlobal(s: Word): void;
  flushPage(s: Word, linear: Word): void;
  disarmWrites(s: Word): void;
  // code.ts
  markCode(s: Word, host: Word, length: Word): void;
  syncCodeEpoch(s: Word): void;
  machineWritten(machine: Word, length: Word): void;
  // frame.ts
  frameInit(): void;
  frameAllocate(owner: Word, type: Word): Word;
  frameAllocateContiguous(count: Word, align: Word, owner: Word, type: Word): Word;
  frameFree(frame: Word): Word;
  // ept.ts, ept-map.ts
  eptCreate(owner: Word, accessedDirty: Word): Word;
  eptMap(eptp: Word, gpa: Word, frame: Word, level: Word, rights: Word): number;
  eptUnmap(eptp: Word, gpa: Word, level: Word): number;
  eptFrame(eptp: Word, gpa: Word): Word;
  eptPeek(eptp: Word, gpa: Word): Word;
  eptReclaim(eptp: Word): Word;
  // bench.ts
  benchHit(s: Word, linear: Word, stride: Word, span: Word, n: Word): Word;
  benchHitDependent(s: Word, linear: Word, stride: Word, span: Word, n: Word): Word;
  benchWalk(s: Word, linear: Word, pages: Word, n: Word): Word;
  benchMiss(s: Word, linear: Word, pages: Word, n: Word): Word;
  benchEpt(s: Word, gpa: Word, pages: Word, n: Word): Word;
}

export interface Core {
  readonly mmu: Mmu;
  readonly memory: WebAssembly.Memory;
}

function newestSource(): number {
  let newest = 0;
  for (const source of SOURCES) {
    const path = join(root, source);
    const files = path.endsWith('.ts') ? [path] : readdirSync(path).map((name) => join(path, name));
    for (const file of files) {
      if (file.endsWith('.ts')) newest = Math.max(newest, statSync(file).mtimeMs);
    }
  }
  return newest;
}

function usable(file: string, since: number): WebAssembly.Module | undefined {
  if (!existsSync(file) || statSync(file).mtimeMs < since) return undefined;
  const module = new WebAssembly.Module(readFileSync(file));
  const names = new Set(WebAssembly.Module.exports(module).map((entry) => entry.name));
  return names.has('benchEpt') && names.has('VCPU_STLB') ? module : undefined;
}

function compile(file: string): void {
  const staging = join(root, 'build', `mmu-probe-${process.pid}`);
  mkdirSync(staging, { recursive: true });
  const built = join(staging, 'mmu-probe.wasm');
  const asc = join(root, 'node_modules/assemblyscript/bin/asc.js');
  const args = [asc, 'assembly/mmu/probe.ts', '--target', 'probe', '--outFile', built];
  execFileSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  renameSync(built, file);
  rmSync(staging, { recursive: true });
}

let cached: WebAssembly.Module | undefined;
let numbers: WebAssembly.Exports | undefined;

function load(): WebAssembly.Module {
  const own = join(root, 'build/mmu-probe.wasm');
  const since = newestSource();
  let module = usable(join(root, 'build/probe.wasm'), since) ?? usable(own, since);
  if (module === undefined) {
    compile(own);
    module = usable(own, 0);
  }
  if (module === undefined) throw new Error('build/mmu-probe.wasm lacks the MMU');
  return module;
}

function instantiate(bytes: number): { exports: WebAssembly.Exports; memory: WebAssembly.Memory } {
  cached ??= load();
  const pages = Math.max(16, Math.ceil(bytes / 65536)); // asconfig.json declares 16
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const imports: WebAssembly.Imports = {};
  for (const { module, name, kind } of WebAssembly.Module.imports(cached)) {
    const value = kind === 'memory' ? memory : (): undefined => undefined;
    imports[module] = { ...imports[module], [name]: value };
  }
  return { exports: new WebAssembly.Instance(cached, imports).exports, memory };
}

/** A number of assembly/layout.ts. */
export function layout(name: string): number {
  numbers ??= instantiate(0).exports;
  const value = numbers[name];
  if (!(value instanceof WebAssembly.Global)) throw new Error(`layout.ts has no ${name}`);
  return Number(value.value) >>> 0;
}

/** A new instance over a new memory of at least `bytes` bytes. */
export function loadCore(bytes: number): Core {
  const { exports, memory } = instantiate(bytes);
  return { mmu: exports as unknown as Mmu, memory };
}
