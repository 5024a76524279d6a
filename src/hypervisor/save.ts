/**
 * Saving a host at the end of a quantum, and going on from there: the flat memory and what the host knows beside it, in a
 * sealed file. Pages that are all zero are left out, and so are caches of decoded code: they are filled again.
 */
import type { Core } from '../machine/core.js';
import { readPlan } from '../machine/flat-memory.js';
import { PLAN_NAMES } from '../machine/plan.js';
import { HostView } from '../machine/views.js';
import type { AuditEntry } from './hooks.js';
import type { RegistryState } from './registry.js';
import { type Format, type Piece, SaveError, seal, unseal } from './sealed-file.js';
import type { HostConfig, Reproducer } from './types.js';

const FORMAT: Format = { magic: 'RINGFSAV', version: 1, what: 'saved host' };
const PAGE = 4096;

/** A host between two quanta. */
export interface HostImage {
  readonly config: HostConfig;
  readonly state: HostState;
  /** Pieces of the flat memory that are not zero. */
  readonly memory: readonly Piece[];
  /** What the one who saved wants to find again; JSON. */
  readonly context?: unknown;
}

export interface HostState {
  /** Virtual time at which the last quantum ended, cycles. */
  readonly time: number;
  readonly quanta: number;
  /** Whether boot, if it ends (RunOptions.boot), has ended. */
  readonly booted?: boolean;
  readonly audit: readonly AuditEntry[];
  readonly reproducers: readonly Reproducer[];
  readonly registry: RegistryState;
  /** Slots of forks to come, by template. */
  readonly expected: readonly (readonly [number, readonly number[]])[];
}

// ── Memory ──────────────────────────────────────────────────────────────────

/** Copies what is not zero; the caches of decoded code are left out. */
export function captureMemory(core: Core): Piece[] {
  const l = core.layout;
  const host = new HostView(core);
  const pieces: Piece[] = [];
  let start = -1;
  const flush = (end: number): void => {
    if (start >= 0) pieces.push({ address: start, bytes: core.u8.slice(start, end) });
    start = -1;
  };
  const caches = Array.from({ length: host.pcpus }, (_, i) => host.pcpuAddress(i));
  // Behind DRAM are the plaintext of protected domains, so that a saved host is as secret as the host, and their disks.
  const end = core.read(l.HOST_DISKS) + core.read(l.HOST_DISK_PAGES) * PAGE;
  for (let at = l.HOST_MAGIC; at < end; at += PAGE) {
    const cached = caches.some((p) => at >= p + l.PCPU_HASH && at < p + l.PCPU_SIZE);
    if (cached || core.call.isZero(at, PAGE)) flush(at);
    else if (start < 0) start = at;
  }
  flush(end);
  return pieces;
}

/** Puts it back into a memory that was laid out for the same host. Throws SaveError if it is another host's. */
export function restoreMemory(core: Core, pieces: readonly Piece[]): void {
  const l = core.layout;
  const before = readPlan(core);
  for (const { address, bytes } of pieces) {
    if (address + bytes.length > core.u8.length) throw new SaveError('damaged', 'the memory does not fit the host');
    core.u8.set(bytes, address);
  }
  const after = readPlan(core);
  if (PLAN_NAMES.some((name) => after[name] !== before[name])) {
    throw new SaveError('damaged', 'the memory is that of another host');
  }
  const host = new HostView(core);
  for (let i = 0; i < host.pcpus; i++) core.write(host.pcpuAddress(i) + l.PCPU_ARENA_NEXT, 0);
}

// ── The file ────────────────────────────────────────────────────────────────

/** The file's bytes. */
export function writeImage(image: HostImage): Uint8Array {
  const { config, state, context, memory } = image;
  return seal(FORMAT, { config, state, context }, memory);
}

/** Reads a file's bytes. Throws SaveError. */
export function readImage(file: Uint8Array): HostImage {
  const { content, memory } = unseal(FORMAT, file);
  const { config, state, context } = content as Pick<HostImage, 'config' | 'state' | 'context'>;
  return { config, state, memory, ...(context !== undefined && { context }) };
}
