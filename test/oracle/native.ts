/** Compiles native.c and runs programs on the real CPU. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IMAGE_SIZE, IMAGE_USED } from './float-state.js';
import { comparable, type Outcome } from './outcome.js';
import type { Program } from './program.js';
import { type Vendor, vendorDiffers, vendorHere } from './vendor.js';
import { PAGES } from './windows.js';

const SOURCE = join(dirname(fileURLToPath(import.meta.url)), 'native.c');
const FLAGS = '-O2 -static-pie -nostdlib -nostartfiles -ffreestanding -fno-stack-protector -fcf-protection=none'.split(
  ' ',
);

/** Returns the harness's path, compiling it when it is older than its source, or undefined with the reason. */
export function buildNative(): { path: string } | { reason: string } {
  if (process.arch !== 'x64' || process.platform !== 'linux') return { reason: 'not Linux on x86-64' };
  const path = join(tmpdir(), `ringfence-oracle-${process.getuid?.() ?? 0}`, 'native');
  if (!existsSync(path) || statSync(path).mtimeMs < statSync(SOURCE).mtimeMs) {
    mkdirSync(dirname(path), { recursive: true });
    const fresh = `${path}.${process.pid}`;
    const gcc = spawnSync('gcc', [...FLAGS, '-o', fresh, SOURCE], { encoding: 'utf8' });
    if (gcc.error !== undefined) return { reason: 'no gcc' };
    if (gcc.status !== 0) return { reason: `gcc failed: ${gcc.stderr}` };
    spawnSync('mv', [fresh, path]);
  }
  const probe = spawnSync(path, ['0'], { input: Buffer.alloc(0), encoding: 'utf8' });
  if (probe.status !== 0)
    return { reason: probe.stderr.trim() || `harness ended with ${probe.signal ?? probe.status}` };
  return { path };
}

const CASE_SIZE = 192;
const RESULT_SIZE = 64;
const CODE_AT = 44;
const CODE_CAPACITY = 144;

function encode(programs: readonly Program[], size: number): Buffer {
  const buffer = Buffer.alloc(programs.length * size);
  for (const [i, { state, code, image }] of programs.entries()) {
    const at = i * size;
    if (code.length > CODE_CAPACITY) throw new Error('program too long');
    for (let k = 0; k < 8; k++) buffer.writeUInt32LE(state.gpr[k]!, at + 4 * k);
    buffer.writeUInt32LE(state.eflags, at + 32);
    buffer.writeUInt32LE(state.eip, at + 36);
    buffer.writeUInt16LE(0x23, at + 40);
    buffer.writeUInt16LE(code.length, at + 42);
    buffer.set(code, at + CODE_AT);
    buffer.writeUInt32LE(state.data, at + CODE_AT + CODE_CAPACITY);
    if (image !== undefined) buffer.set(image, at + CASE_SIZE);
  }
  return buffer;
}

/** Runs programs natively, all with or all without a floating-point image; with `dump` the outcomes carry the writable pages. */
export function runNative(path: string, programs: readonly Program[], dump = false): Outcome[] {
  const float = programs.some((p) => p.image !== undefined);
  const extra = float ? IMAGE_SIZE : 0;
  const size = RESULT_SIZE + extra + (dump ? PAGES.length * 4096 : 0);
  const flags = String((float ? 1 : 0) | (dump ? 2 : 0));
  const child = spawnSync(path, [flags], {
    input: encode(programs, CASE_SIZE + extra),
    maxBuffer: programs.length * size + 65536,
  });
  if (child.status !== 0 || child.stdout.length !== programs.length * size) {
    throw new Error(`oracle harness: status ${child.status} signal ${child.signal} ${child.stderr.toString()}`);
  }
  const out = child.stdout;
  return programs.map((_, i) => {
    const at = i * size;
    const gpr = new Uint32Array(8);
    for (let k = 0; k < 8; k++) gpr[k] = out.readUInt32LE(at + 4 * k);
    const outcome: Outcome = {
      gpr,
      eflags: out.readUInt32LE(at + 32),
      eip: out.readUInt32LE(at + 36),
      kind: out.readUInt32LE(at + 40),
      error: out.readUInt32LE(at + 44),
      cr2: out.readUInt32LE(at + 48),
      memory: out.readInt32LE(at + 52),
      changed: out.readUInt32LE(at + 56),
    };
    const rest = at + RESULT_SIZE;
    if (float) outcome.image = Uint8Array.from(out.subarray(rest, rest + IMAGE_USED));
    if (dump)
      outcome.pages = new Int32Array(out.buffer.slice(out.byteOffset + rest + extra, out.byteOffset + at + size));
    return outcome;
  });
}

/**
 * Runs programs natively and leaves out (as undefined) what says nothing about IA-32: see `comparable`; and that in which
 * processors differ: see `vendorDiffers`.
 */
export function runComparable(
  path: string,
  programs: readonly Program[],
  vendor: Vendor = vendorHere(),
): (Outcome | undefined)[] {
  return runNative(path, programs).map((o, i) => {
    const program = programs[i]!;
    return comparable(program, o) && !vendorDiffers(vendor, program, o) ? o : undefined;
  });
}
