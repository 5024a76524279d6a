/**
 * The recorded slice: what the real CPU made of cases that forms.ts makes again from a seed.
 *
 *   golden/<set>.gz = gzip( JSON line {form: [count, digest of the cases before]}, then per case its changes )
 *   changes         = { u16 offset, u8 length, bytes }…, u16 FFFF
 *
 *   npx tsx test/fpu/golden.ts [set …]   records all or these sets again on this machine's CPU
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { FORM_SETS, type FormSet } from './forms.js';
import type { Form } from './forms-x87.js';
import { buildNative, runNative } from './native.js';
import { Random } from './random.js';
import { Case, RECORD_SIZE } from './record.js';

const SEED = 20261121;
const END = 0xffff;

export function goldenFile(name: string): string {
  return fileURLToPath(new URL(`golden/${name}.gz`, import.meta.url));
}

/** The cases of a form: the same for the same seed on every machine. */
export function makeCases(set: FormSet, form: Form, count: number, seed: number): Uint8Array {
  const random = new Random(seed * 7919 + [...form.name].reduce((h, ch) => (h * 31 + ch.charCodeAt(0)) | 0, 7));
  const records = new Uint8Array(count * RECORD_SIZE);
  for (let i = 0; i < count; i++) set.make(new Case(records, i), form, random);
  return records;
}

function digest(records: Uint8Array): string {
  return createHash('sha256').update(records).digest('hex').slice(0, 16);
}

function encode(before: Uint8Array, after: Uint8Array): Buffer {
  const out: number[] = [];
  for (let at = 0; at < before.length; at += RECORD_SIZE) {
    for (let i = 0; i < RECORD_SIZE; i++) {
      if (before[at + i] === after[at + i]) continue;
      let end = i + 1;
      while (end < RECORD_SIZE && end - i < 255 && before[at + end] !== after[at + end]) end++;
      out.push(i & 255, i >> 8, end - i, ...after.subarray(at + i, at + end));
      i = end;
    }
    out.push(255, 255);
  }
  return Buffer.from(out);
}

export interface GoldenForm {
  readonly form: Form;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

/** Reads a set's recording. Throws when a form's cases are not the recorded ones. */
export function* readGolden(set: FormSet): Generator<GoldenForm> {
  const data = gunzipSync(readFileSync(goldenFile(set.name)));
  const line = data.indexOf(10);
  const header = JSON.parse(data.toString('utf8', 0, line)) as Record<string, [number, string]>;
  let at = line + 1;
  for (const form of set.forms) {
    const entry = header[form.name];
    if (entry === undefined) throw new Error(`${form.name} is not recorded: run npx tsx test/fpu/golden.ts`);
    const before = makeCases(set, form, entry[0], SEED);
    if (digest(before) !== entry[1])
      throw new Error(`${form.name}: other cases than recorded: run npx tsx test/fpu/golden.ts`);
    const after = before.slice();
    for (let base = 0; base < after.length; base += RECORD_SIZE) {
      for (let offset = data.readUInt16LE(at); offset !== END; offset = data.readUInt16LE(at)) {
        const length = data[at + 2]!;
        after.set(data.subarray(at + 3, at + 3 + length), base + offset);
        at += 3 + length;
      }
      at += 2;
    }
    yield { form, before, after };
  }
}

function record(set: FormSet, path: string): void {
  const header: Record<string, [number, string]> = {};
  const parts: Buffer[] = [];
  for (const form of set.forms) {
    const before = makeCases(set, form, set.goldenCases, SEED);
    header[form.name] = [set.goldenCases, digest(before)];
    parts.push(encode(before, runNative(path, before)));
  }
  const data = Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), ...parts]);
  mkdirSync(fileURLToPath(new URL('golden', import.meta.url)), { recursive: true });
  const packed = gzipSync(data, { level: 9 });
  writeFileSync(goldenFile(set.name), packed);
  console.log(
    `${set.name}: ${set.forms.length} forms, ${set.forms.length * set.goldenCases} cases, ${packed.length} bytes`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const native = buildNative();
  if (!('path' in native)) throw new Error(native.reason);
  const wanted = process.argv.slice(2);
  for (const set of FORM_SETS) if (wanted.length === 0 || wanted.includes(set.name)) record(set, native.path);
}
