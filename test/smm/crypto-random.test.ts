/** assembly/smm against OpenSSL (node:crypto) on random keys, pages and counters, and the MAC against a model from its paper. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PAGE, SmmUnit } from './unit.js';

const unit = new SmmUnit();
const scratch = unit.allocate(unit.constant('SMM_SCRATCH_SIZE'));
const from = unit.allocate(PAGE);
const to = unit.allocate(PAGE);
const size = unit.constant('AES_SCHEDULE_SIZE');
const schedules = [unit.allocate(size), unit.allocate(size)] as const;

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const key = fc.oneof(bytes(16), bytes(32));
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const counter = fc.oneof(fc.bigInt({ min: 0n, max: 1n << 56n }), fc.constantFrom(0n, 1n, (1n << 56n) - 1n, 1n << 56n));
/** A page is random bytes of some period: shrinking it stays quick. */
const page = fc
  .integer({ min: 1, max: 300 })
  .chain(bytes)
  .map((period) => {
    return Buffer.from(Array.from({ length: PAGE }, (_, i) => period[i % period.length]!));
  });

describe('pages like node:crypto', () => {
  it('ctrPage: en- and decryption are the same, in place too', () => {
    fc.assert(
      fc.property(key, u32, counter, page, (key, number, counter, plain) => {
        const initial = Buffer.alloc(16); // assembly/smm/ctr.ts: the counter block
        initial.writeUInt32BE(number, 0);
        initial.writeBigUInt64BE(counter, 7);
        const expected = createCipheriv(`aes-${key.length * 8}-ctr`, key, initial).update(plain);
        const schedule = unit.schedule(key, schedules[0]);
        unit.call.ctrPage(schedule, scratch, number, counter, unit.put(from, plain), to);
        expect(unit.get(to, PAGE).equals(expected)).toBe(true);
        unit.call.ctrPage(schedule, scratch, number, counter, to, to);
        expect(unit.get(to, PAGE).equals(plain)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('xtsPage: the tweak is the frame number', () => {
    const pair = fc.constantFrom(16, 32).chain((length) => fc.tuple(bytes(length), bytes(length)));
    fc.assert(
      fc.property(pair, u32, page, ([key1, key2], frame, plain) => {
        fc.pre(!Buffer.from(key1).equals(Buffer.from(key2))); // OpenSSL refuses equal keys
        const unitNumber = Buffer.alloc(16);
        unitNumber.writeUInt32LE(frame);
        const name = `aes-${key1.length * 8}-xts` as const;
        const both = Buffer.concat([key1, key2]);
        const expected = createCipheriv(name, both, unitNumber).update(plain);
        const [data, tweak] = [unit.schedule(key1, schedules[0]), unit.schedule(key2, schedules[1])];
        unit.call.xtsPage(data, tweak, scratch, frame, unit.put(from, plain), to, 1);
        expect(unit.get(to, PAGE).equals(expected)).toBe(true);
        unit.call.xtsPage(data, tweak, scratch, frame, unit.put(from, plain), to, 0);
        expect(unit.get(to, PAGE).equals(createDecipheriv(name, both, unitNumber).update(plain))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('leaves everything but its target and its scratch alone', () => {
    const before = unit.get(0, unit.u8.length);
    unit.call.ctrPage(schedules[0], scratch, 7, 9n, from, to);
    const after = unit.get(0, unit.u8.length);
    for (const [at, length] of [
      [scratch, unit.constant('SMM_SCRATCH_SIZE')],
      [to, PAGE],
    ] as const) {
      before.fill(0, at, at + length);
      after.fill(0, at, at + length);
    }
    expect(after.equals(before)).toBe(true);
  });
});

/** SipHash-2-4 as the paper's section 2 writes it, on BigInt. */
function sipModel(key: Buffer, message: Buffer): bigint {
  const mask = (1n << 64n) - 1n;
  const rotate = (x: bigint, by: bigint): bigint => ((x << by) | (x >> (64n - by))) & mask;
  const [k0, k1] = [key.readBigUInt64LE(0), key.readBigUInt64LE(8)];
  const text = Buffer.from('somepseudorandomlygeneratedbytes');
  let [v0, v1, v2, v3] = [
    k0 ^ text.readBigUInt64BE(0),
    k1 ^ text.readBigUInt64BE(8),
    k0 ^ text.readBigUInt64BE(16),
    k1 ^ text.readBigUInt64BE(24),
  ];
  const round = (): void => {
    v0 = (v0 + v1) & mask;
    v1 = rotate(v1, 13n) ^ v0;
    v0 = rotate(v0, 32n);
    v2 = (v2 + v3) & mask;
    v3 = rotate(v3, 16n) ^ v2;
    v0 = (v0 + v3) & mask;
    v3 = rotate(v3, 21n) ^ v0;
    v2 = (v2 + v1) & mask;
    v1 = rotate(v1, 17n) ^ v2;
    v2 = rotate(v2, 32n);
  };
  const padded = Buffer.concat([message, Buffer.alloc(8 - (message.length % 8))]);
  padded[padded.length - 1] = message.length & 0xff;
  for (let at = 0; at < padded.length; at += 8) {
    const word = padded.readBigUInt64LE(at);
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
  v2 ^= 0xffn;
  for (let i = 0; i < 4; i++) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

describe('macPage', () => {
  const at = unit.allocate(16);

  it('is SipHash-2-4 of frame, counter and ciphertext, each number as eight bytes', () => {
    fc.assert(
      fc.property(bytes(16), u32, counter, page, (key, frame, counter, ciphertext) => {
        const head = Buffer.alloc(16);
        head.writeBigUInt64LE(BigInt(frame), 0);
        head.writeBigUInt64LE(counter, 8);
        const expected = sipModel(Buffer.from(key), Buffer.concat([head, ciphertext]));
        unit.put(at, key);
        unit.put(from, ciphertext);
        expect(BigInt.asUintN(64, unit.call.macPage(at, frame, counter, from))).toBe(expected);
      }),
      { numRuns: 50 },
    );
  });

  it('changes with every single bit of the page', () => {
    unit.put(at, Buffer.alloc(16, 3));
    unit.u8.fill(0x5a, from, from + PAGE);
    const tag = unit.call.macPage(at, 1, 1n, from);
    for (let bit = 0; bit < PAGE * 8; bit += 13) {
      unit.u8[from + (bit >> 3)]! ^= 1 << (bit & 7);
      expect(unit.call.macPage(at, 1, 1n, from)).not.toBe(tag);
      unit.u8[from + (bit >> 3)]! ^= 1 << (bit & 7);
    }
    expect(unit.call.macPage(at, 1, 1n, from)).toBe(tag);
  });
});
