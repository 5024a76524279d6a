/** Recorded results of a real CPU for everything but the plain integer instructions; and that the recording can be trusted. */
import { describe, expect, it } from 'vitest';
import { CORPORA, generator } from './generate.js';
import { goldenPath, readGolden, SEED } from './golden.js';
import { digest } from './outcome.js';
import { caseSeed } from './random.js';
import { newMachine, testRecorded } from './recorded.js';

describe('the real CPU, recorded', () => {
  for (const corpus of CORPORA) if (corpus.name !== 'integer') testRecorded(corpus);
});

describe('the recording', () => {
  it('holds the programs that the generator makes today', () => {
    for (const corpus of CORPORA) {
      const generate = generator(corpus.mixture);
      for (const recorded of readGolden(goldenPath(corpus.name)).cases()) {
        if (recorded.index >= 500) break;
        expect(recorded.code, `${corpus.name} ${recorded.index}`).toEqual(generate(recorded.seed).code);
      }
    }
  });

  it('tells one wrong bit anywhere in the state', () => {
    const machine = newMachine();
    for (const recorded of readGolden(goldenPath('float')).cases()) {
      if (recorded.index >= 100) break;
      const right = machine.run(recorded);
      const seen = digest(right, recorded.undefined);
      for (let i = 0; i < 8; i++) {
        const gpr = right.gpr.slice();
        gpr[i]! ^= 1 << (recorded.index % 32);
        expect(digest({ ...right, gpr }, recorded.undefined)).not.toBe(seen);
      }
      expect(digest({ ...right, eip: right.eip + 1 }, recorded.undefined)).not.toBe(seen);
      expect(digest({ ...right, eflags: right.eflags ^ 0x400 }, recorded.undefined)).not.toBe(seen);
      expect(digest({ ...right, memory: right.memory ^ 1 }, recorded.undefined)).not.toBe(seen);
      const image = right.image!.slice();
      image[160 + recorded.index]! ^= 0x10;
      expect(digest({ ...right, image }, recorded.undefined)).not.toBe(seen);
    }
  });

  it('covers every instruction of the integer maps', () => {
    const prefixes = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3];
    const seen = new Set<number>();
    for (const corpus of CORPORA) {
      const generate = generator(corpus.mixture);
      for (let i = 0; i < Math.min(corpus.cases, 15_000); i++) {
        const { code, marks } = generate(caseSeed(SEED, i));
        for (const mark of marks) {
          let at = mark.at;
          while (prefixes.includes(code[at]!)) at++;
          seen.add(code[at] === 0x0f ? 0x0f00 | code[at + 1]! : code[at]!);
        }
      }
    }
    const missing: string[] = [];
    for (let opcode = 0; opcode < 256; opcode++) {
      const prefix = opcode === 0x0f || prefixes.includes(opcode);
      // SALC is not in the maps; INT1 is Linux's.
      if (!prefix && opcode !== 0xd6 && opcode !== 0xf1 && !seen.has(opcode)) missing.push(opcode.toString(16));
    }
    const second = [0x40, 0x80, 0x90, 0xc8].flatMap((row) =>
      Array.from({ length: row === 0xc8 ? 8 : 16 }, (_, i) => row + i),
    );
    second.push(
      0xa3,
      0xa4,
      0xa5,
      0xab,
      0xac,
      0xad,
      0xaf,
      0xb0,
      0xb1,
      0xb3,
      0xb6,
      0xb7,
      0xba,
      0xbb,
      0xbc,
      0xbd,
      0xbe,
      0xbf,
    );
    second.push(0x02, 0x03, 0x0b, 0x1f, 0xa0, 0xa1, 0xa8, 0xa9, 0xb2, 0xb4, 0xb5, 0xc0, 0xc1, 0xc7);
    for (const opcode of second) if (!seen.has(0x0f00 | opcode)) missing.push(`0f${opcode.toString(16)}`);
    expect(missing).toEqual([]);
  });
});
