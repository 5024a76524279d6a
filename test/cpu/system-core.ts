/**
 * Loads the cold handlers of assembly/cpu for tests, from a small module of their own that is compiled here when it is
 * older than its sources.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const FILE = join(root, 'build/system-probe.wasm');

type Word = number;

/** Addresses and numbers are u32: results are to be read with `>>> 0`. */
export interface Handlers {
  frameInit(): void;
  tlbInit(s: Word): void;
  flushAll(s: Word): void;
  changeCode(s: Word): void;
  getEflags(s: Word): Word;
  setEflags(s: Word, flags: Word): void;
  loadSegment(s: Word, index: Word, selector: Word): void;
  segmentLinear(s: Word, index: Word, offset: Word, size: Word, write: number): Word;
  farJump(s: Word, selector: Word, offset: Word, next: Word, size: Word): void;
  farCall(s: Word, selector: Word, offset: Word, next: Word, size: Word): void;
  farReturn(s: Word, size: Word, pop: Word): void;
  interruptReturn(s: Word, next: Word, size: Word): void;
  sysenter(s: Word): void;
  sysexit(s: Word): void;
  deliverException(s: Word, vector: Word, error: Word, address: Word): void;
  deliverFault(s: Word): void;
  deliverInterrupt(s: Word, vector: Word, external: number): void;
  resumeDelivery(s: Word): void;
  softwareInterrupt(s: Word, vector: Word, next: Word, kind: Word): void;
  interruptOverflow(s: Word, next: Word): void;
  enterSwiftly(s: Word, vector: Word, error: Word, eip: Word, flags: Word, checked: number): number;
  swiftFrame(s: Word, bytes: Word): Word;
  returnSwiftly(s: Word, frame: Word, flags: Word): number;
  stringOp(s: Word, kind: Word, size: Word, addressSize: Word, source: Word, rep: Word, max: Word): Word;
  portIo(s: Word, port: Word, size: Word, input: Word, immediate: Word, length: Word): void;
  portString(s: Word, input: Word, size: Word, addressSize: Word, source: Word, rep: Word, length: Word): void;
  completeIo(s: Word, value: Word): void;
  cpuid(s: Word, length: Word): void;
  halt(s: Word, length: Word): void;
  vmxGroup(s: Word, modrm: Word, length: Word): void;
  arpl(s: Word, destination: Word, source: Word): Word;
  lar(s: Word, register: Word, selector: Word, size: Word): void;
  lsl(s: Word, register: Word, selector: Word, size: Word): void;
  verify(s: Word, selector: Word, write: Word): void;
  loadLdt(s: Word, selector: Word): void;
  loadTr(s: Word, selector: Word): void;
  storeTr(s: Word): Word;
  loadGdt(s: Word, linear: Word, size: Word): void;
  loadIdt(s: Word, linear: Word, size: Word): void;
  storeGdt(s: Word, linear: Word): void;
  loadMsw(s: Word, value: Word): void;
  storeMsw(s: Word): Word;
  clearTaskSwitched(s: Word): void;
  invalidatePage(s: Word, linear: Word): void;
  movFromCr(s: Word, n: Word): Word;
  movToCr(s: Word, n: Word, value: Word): void;
  movFromDr(s: Word, n: Word): Word;
  movToDr(s: Word, n: Word, value: Word): void;
  clearInterrupt(s: Word): void;
  setInterrupt(s: Word): void;
  flagsImage(s: Word): Word;
  popFlags(s: Word, value: Word, size: Word): void;
  rdmsr(s: Word, length: Word): void;
  wrmsr(s: Word, length: Word): void;
  readTsc(s: Word): void;
  modelledCycles(s: Word): number;
}

export interface SystemCore {
  readonly call: Handlers;
  readonly layout: (name: string) => number;
  readonly memory: WebAssembly.Memory;
}

function newestSource(): number {
  let newest = 0;
  for (const folder of ['assembly', 'assembly/cpu', 'assembly/mmu']) {
    for (const name of readdirSync(join(root, folder))) {
      if (name.endsWith('.ts')) newest = Math.max(newest, statSync(join(root, folder, name)).mtimeMs);
    }
  }
  return newest;
}

function compile(): void {
  const staging = join(root, 'build', `system-probe-${process.pid}`);
  mkdirSync(staging, { recursive: true });
  const built = join(staging, 'system-probe.wasm');
  const asc = join(root, 'node_modules/assemblyscript/bin/asc.js');
  const args = [asc, 'assembly/cpu/system-probe.ts', '--target', 'probe', '--outFile', built];
  execFileSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  renameSync(built, FILE);
  rmSync(staging, { recursive: true });
}

let cached: WebAssembly.Module | undefined;

function load(): WebAssembly.Module {
  if (!existsSync(FILE) || statSync(FILE).mtimeMs < newestSource()) compile();
  return new WebAssembly.Module(readFileSync(FILE));
}

/** A new instance over a new memory of `bytes` bytes. */
export function loadSystemCore(bytes: number): SystemCore {
  cached ??= load();
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536), maximum: 65536, shared: true });
  const imports: WebAssembly.Imports = {};
  for (const { module, name, kind } of WebAssembly.Module.imports(cached)) {
    imports[module] = { ...(imports[module] as object), [name]: kind === 'memory' ? memory : () => {} };
  }
  const { exports } = new WebAssembly.Instance(cached, imports);
  const known = new Map<string, number>();
  const layout = (name: string): number => {
    const found = known.get(name);
    if (found !== undefined) return found;
    const value = exports[name];
    if (!(value instanceof WebAssembly.Global)) throw new Error(`layout.ts has no ${name}`);
    const at = Number(value.value) >>> 0;
    known.set(name, at);
    return at;
  };
  return { call: exports as unknown as Handlers, layout, memory };
}
