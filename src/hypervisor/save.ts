/**
 * Saving a host at the end of a quantum, and going on from there: the flat memory and what the host knows beside it.
 *
 *   0          8         12         16                                                   end − 32
 *   ┌──────────┬─────────┬──────────┬──────────────┬───────────────┬───────────────────┬─────────┐
 *   │ RINGFSAV │ version │ length   │ header, JSON │ byte arrays   │ pages of the flat │ SHA-256 │
 *   └──────────┴─────────┴─ of the header ─────────┴─ of the header ┴─ memory ──────────┴─────────┘
 *
 * Little-endian. Pages that are all zero are left out, and so are caches of decoded code: they are filled again. A file belongs to
 * the core that wrote it, because addresses in the flat memory are the core's.
 */
import { createHash } from 'node:crypto';
import { type Core, coreSha256 } from '../machine/core.js';
import { HostView } from '../machine/views.js';
import type { AuditEntry } from './hooks.js';
import type { RegistryState } from './registry.js';
import type { HostConfig, Reproducer } from './types.js';

const MAGIC = 'RINGFSAV';
export const SAVE_VERSION = 1;
const HEADER_AT = 16;
const CHECKSUM = 32;
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

export interface Piece {
  readonly address: number;
  readonly bytes: Uint8Array;
}

export interface HostState {
  /** Virtual time at which the last quantum ended, cycles. */
  readonly time: number;
  readonly quanta: number;
  readonly audit: readonly AuditEntry[];
  readonly reproducers: readonly Reproducer[];
  readonly registry: RegistryState;
  /** Slots of forks to come, by template. */
  readonly expected: readonly (readonly [number, readonly number[]])[];
}

/** A file that is no saved host, or cannot be used here. `code` is stable: magic, version, damaged, core. */
export class SaveError extends Error {
  readonly code: 'magic' | 'version' | 'damaged' | 'core';
  constructor(code: SaveError['code'], message: string) {
    super(message);
    this.name = 'SaveError';
    this.code = code;
  }
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
  // Behind DRAM is the plaintext of protected domains: a saved host is as secret as the host.
  const end = core.read(l.HOST_END) + host.pcpus * core.read(l.HOST_SMM_SLOTS) * PAGE;
  for (let at = l.HOST_MAGIC; at < end; at += PAGE) {
    const cached = caches.some((p) => at >= p + l.PCPU_HASH && at < p + l.PCPU_SIZE);
    if (cached || core.call.isZero(at, PAGE)) flush(at);
    else if (start < 0) start = at;
  }
  flush(end);
  return pieces;
}

/** Puts it back into a memory that hostInit has laid out for the same host. Throws SaveError if it is another host's. */
export function restoreMemory(core: Core, pieces: readonly Piece[]): void {
  const l = core.layout;
  const sizes = [l.HOST_PCPUS, l.HOST_VCPUS, l.HOST_DOMAINS, l.HOST_FRAMES, l.HOST_END];
  const before = sizes.map((at) => core.read(at));
  for (const { address, bytes } of pieces) {
    if (address + bytes.length > core.u8.length) throw new SaveError('damaged', 'the memory does not fit the host');
    core.u8.set(bytes, address);
  }
  if (sizes.some((at, i) => core.read(at) !== before[i])) {
    throw new SaveError('damaged', 'the memory is that of another host');
  }
  const host = new HostView(core);
  for (let i = 0; i < host.pcpus; i++) core.write(host.pcpuAddress(i) + l.PCPU_ARENA_NEXT, 0);
}

// ── The file ────────────────────────────────────────────────────────────────

/** Byte arrays become references into a list. */
function pack(value: unknown, blobs: Map<Uint8Array, number>): unknown {
  if (value instanceof Uint8Array) {
    const index = blobs.get(value) ?? blobs.size;
    blobs.set(value, index);
    return { $bytes: index };
  }
  if (Array.isArray(value)) return value.map((item) => pack(item, blobs));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, pack(item, blobs)]));
}

function unpack(value: unknown, blobs: readonly Uint8Array[]): unknown {
  if (Array.isArray(value)) return value.map((item) => unpack(item, blobs));
  if (typeof value !== 'object' || value === null) return value;
  const index = (value as { $bytes?: unknown }).$bytes;
  if (typeof index === 'number') return blobs[index];
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unpack(item, blobs)]));
}

/** The file's bytes. */
export function writeImage(image: HostImage): Uint8Array {
  const blobs = new Map<Uint8Array, number>();
  const { config, state, context } = image;
  const content = pack({ config, state, context }, blobs);
  const header = Buffer.from(
    JSON.stringify({
      core: coreSha256(),
      content,
      blobs: [...blobs.keys()].map((bytes) => bytes.length),
      memory: image.memory.map(({ address, bytes }) => [address, bytes.length]),
    }),
  );
  const start = Buffer.alloc(HEADER_AT);
  start.write(MAGIC, 'latin1');
  start.writeUInt32LE(SAVE_VERSION, 8);
  start.writeUInt32LE(header.length, 12);
  const body = Buffer.concat([start, header, ...blobs.keys(), ...image.memory.map(({ bytes }) => bytes)]);
  return Buffer.concat([body, createHash('sha256').update(body).digest()]);
}

interface Header {
  readonly core: string;
  readonly content: unknown;
  readonly blobs: readonly number[];
  readonly memory: readonly (readonly [number, number])[];
}

/** Reads a file's bytes. Throws SaveError. */
export function readImage(file: Uint8Array): HostImage {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) throw new SaveError('magic', 'is no saved host');
  if (bytes.length < HEADER_AT + CHECKSUM) throw new SaveError('damaged', `ends after ${bytes.length} bytes`);
  const version = bytes.readUInt32LE(8);
  if (version !== SAVE_VERSION) {
    throw new SaveError('version', `has version ${version} of the format; this program reads version ${SAVE_VERSION}`);
  }
  const body = bytes.subarray(0, -CHECKSUM);
  if (!createHash('sha256').update(body).digest().equals(bytes.subarray(-CHECKSUM))) {
    throw new SaveError('damaged', 'is damaged: its checksum does not match its contents');
  }
  let at = HEADER_AT + bytes.readUInt32LE(12);
  const header = JSON.parse(bytes.toString('utf8', HEADER_AT, at)) as Header;
  if (header.core !== coreSha256()) {
    throw new SaveError('core', 'was saved by another build of the machine (build/core.wasm differs)');
  }
  const next = (length: number): Uint8Array => {
    at += length;
    return new Uint8Array(body.subarray(at - length, at));
  };
  const blobs = header.blobs.map(next);
  const memory = header.memory.map(([address, length]) => ({ address, bytes: next(length) }));
  const { config, state, context } = unpack(header.content, blobs) as Pick<HostImage, 'config' | 'state' | 'context'>;
  return { config, state, memory, ...(context !== undefined && { context }) };
}
