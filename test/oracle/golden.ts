/**
 * Recorded results of the real CPU, one gzip file per corpus. A file holds what is needed to run a case and judge its result
 * without the generator: the case's index (its registers and memory follow from the seed), its code and a digest of the final state.
 *
 *   text   one line of JSON (Header), ended by a newline
 *   u8     length of the code, without the jump to the end            0: the case is left out
 *   u8     arithmetic flags that are undefined at its end, see PACKED
 *   u8     how it ended: the exception's vector, or 255 at its end
 *   u32    digest of the final state, see outcome.ts
 *   bytes  the codes, one after the other
 *
 * Each column lies in one piece, which compresses better.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { initialImage } from './float-state.js';
import { KIND_END } from './outcome.js';
import { caseSeed } from './random.js';
import { initialState, type State } from './state.js';
import { END } from './windows.js';

export interface Header {
  readonly format: 1;
  readonly corpus: string;
  /** Seed of the run; case i has caseSeed(seed, i). */
  readonly seed: number;
  readonly cases: number;
  /** Those that are not left out. */
  readonly recorded: number;
  /** The cases begin with a floating-point state and are compared in it. */
  readonly float: boolean;
  readonly processor: string;
  readonly kernel: string;
}

/** A case read back. */
export interface Recorded {
  readonly index: number;
  readonly seed: number;
  readonly state: State;
  readonly code: Uint8Array;
  readonly image: Uint8Array | undefined;
  readonly undefined: number;
  readonly kind: number;
  readonly digest: number;
}

export interface Row {
  /** The code with its final jump; undefined where the case is left out. */
  readonly code: Uint8Array | undefined;
  readonly undefined: number;
  readonly kind: number;
  readonly digest: number;
}

/** The run that is recorded. */
export const SEED = 0x52464c31;

const END_JUMP = 5;

/** The flags that may be left out, in one byte: CF PF AF ZF SF OF, C1 of the x87, RF. */
const PACKED = [0, 2, 4, 6, 7, 11, 24, 16] as const;

function pack(flags: number): number {
  return PACKED.reduce<number>((v, bit, i) => v | (((flags >>> bit) & 1) << i), 0);
}

function unpack(v: number): number {
  return PACKED.reduce<number>((flags, bit, i) => flags | (((v >>> i) & 1) << bit), 0);
}

export function goldenPath(corpus: string): string {
  return join(dirname(fileURLToPath(import.meta.url)), 'golden', `${corpus}.bin.gz`);
}

export function writeGolden(path: string, header: Header, rows: readonly Row[]): number {
  const n = rows.length;
  const lengths = Buffer.alloc(n);
  const flags = Buffer.alloc(n);
  const kinds = Buffer.alloc(n);
  const digests = Buffer.alloc(4 * n);
  const codes: Uint8Array[] = [];
  for (const [i, row] of rows.entries()) {
    if (row.code === undefined) continue;
    const code = row.code.subarray(0, row.code.length - END_JUMP);
    // A program without instructions would be taken for one left out: a recorder's case always has some.
    if (code.length === 0) continue;
    lengths[i] = code.length;
    flags[i] = pack(row.undefined);
    kinds[i] = row.kind === KIND_END ? 255 : row.kind;
    digests.writeUInt32LE(row.digest, 4 * i);
    codes.push(code);
  }
  const text = Buffer.from(`${JSON.stringify(header)}\n`);
  const packed = gzipSync(Buffer.concat([text, lengths, flags, kinds, digests, ...codes]), { level: 9 });
  packed[9] = 255; // the gzip header's operating system, so that the file is the same everywhere
  writeFileSync(path, packed);
  return packed.length;
}

export interface Golden {
  readonly header: Header;
  readonly cases: () => Generator<Recorded>;
}

export function readGolden(path: string): Golden {
  const data = gunzipSync(readFileSync(path));
  const newline = data.indexOf(10);
  const header = JSON.parse(data.toString('utf8', 0, newline)) as Header;
  const n = header.cases;
  const base = newline + 1;
  function* cases(): Generator<Recorded> {
    let at = base + 7 * n;
    for (let index = 0; index < n; index++) {
      const length = data[base + index]!;
      if (length === 0) continue;
      const seed = caseSeed(header.seed, index);
      const state = initialState(seed);
      const code = new Uint8Array(length + END_JUMP);
      code.set(data.subarray(at, at + length));
      code[length] = 0xe9;
      new DataView(code.buffer).setInt32(length + 1, END - (state.eip + code.length), true);
      at += length;
      const kind = data[base + 2 * n + index]!;
      yield {
        index,
        seed,
        state,
        code,
        image: header.float ? initialImage(seed) : undefined,
        undefined: unpack(data[base + n + index]!),
        kind: kind === 255 ? KIND_END : kind,
        digest: data.readUInt32LE(base + 3 * n + 4 * index),
      };
    }
  }
  return { header, cases };
}
