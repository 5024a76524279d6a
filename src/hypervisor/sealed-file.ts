/**
 * Files that a saved host or a saved domain is kept in.
 *
 *   0       8         12        16                                                        end − 32
 *   ┌───────┬─────────┬─────────┬──────────────┬───────────────┬──────────────────────────┬─────────┐
 *   │ magic │ version │ length  │ header, JSON │ byte arrays   │ pieces of memory         │ SHA-256 │
 *   └───────┴─────────┴─ of the header ────────┴─ of the header ┴──────────────────────────┴─────────┘
 *
 * Little-endian. A file belongs to the core that wrote it, because what it holds is laid out as the core has it.
 */
import { createHash } from 'node:crypto';
import { coreSha256 } from '../machine/core.js';

const HEADER_AT = 16;
const CHECKSUM = 32;

/** One kind of file. */
export interface Format {
  /** Eight characters. */
  readonly magic: string;
  readonly version: number;
  /** What the file holds, for messages. */
  readonly what: string;
}

/** Bytes of a memory. */
export interface Piece {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/**
 * Something cannot be saved, or a file cannot be used here. `code` is stable. magic, version, damaged, core: of the file;
 * machine: the host differs from the one that saved; domain: the domain cannot be saved.
 */
export class SaveError extends Error {
  readonly code: 'magic' | 'version' | 'damaged' | 'core' | 'machine' | 'domain';
  constructor(code: SaveError['code'], message: string) {
    super(message);
    this.name = 'SaveError';
    this.code = code;
  }
}

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

interface Header {
  readonly core: string;
  readonly content: unknown;
  readonly blobs: readonly number[];
  readonly memory: readonly (readonly [number, number])[];
}

/** The file's bytes. `content` is plain data; byte arrays may stand anywhere in it. */
export function seal(format: Format, content: unknown, memory: readonly Piece[]): Uint8Array {
  const blobs = new Map<Uint8Array, number>();
  const packed = pack(content, blobs);
  const header: Header = {
    core: coreSha256(),
    content: packed,
    blobs: [...blobs.keys()].map((bytes) => bytes.length),
    memory: memory.map(({ address, bytes }) => [address, bytes.length]),
  };
  const text = Buffer.from(JSON.stringify(header));
  const start = Buffer.alloc(HEADER_AT);
  start.write(format.magic, 'latin1');
  start.writeUInt32LE(format.version, 8);
  start.writeUInt32LE(text.length, 12);
  const body = Buffer.concat([start, text, ...blobs.keys(), ...memory.map(({ bytes }) => bytes)]);
  return Buffer.concat([body, createHash('sha256').update(body).digest()]);
}

/** What `seal` was given. Throws SaveError. */
export function unseal(format: Format, file: Uint8Array): { readonly content: unknown; readonly memory: Piece[] } {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.toString('latin1', 0, format.magic.length) !== format.magic) {
    throw new SaveError('magic', `is no ${format.what}`);
  }
  if (bytes.length < HEADER_AT + CHECKSUM) throw new SaveError('damaged', `ends after ${bytes.length} bytes`);
  const version = bytes.readUInt32LE(8);
  if (version !== format.version) {
    throw new SaveError(
      'version',
      `has version ${version} of the format; this program reads version ${format.version}`,
    );
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
  return { content: unpack(header.content, blobs), memory };
}
