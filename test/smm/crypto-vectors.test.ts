/** Published vectors, through the general entry points that the page functions use. */
import { describe, expect, it } from 'vitest';
import { hex, PAGE, SmmUnit } from './unit.js';

const unit = new SmmUnit();
const scratch = unit.allocate(unit.constant('SMM_SCRATCH_SIZE'));
const from = unit.allocate(PAGE);
const to = unit.allocate(PAGE);
const block = unit.allocate(16);
const schedules = [0, 1].map(() => unit.allocate(unit.constant('AES_SCHEDULE_SIZE'))) as [number, number];

describe('AES, FIPS 197', () => {
  // Appendix B "Cipher Example"; Appendix C.1 "AES-128", C.3 "AES-256"
  it.each([
    ['2b7e151628aed2a6abf7158809cf4f3c', '3243f6a8885a308d313198a2e0370734', '3925841d02dc09fbdc118597196a0b32'],
    ['000102030405060708090a0b0c0d0e0f', '00112233445566778899aabbccddeeff', '69c4e0d86a7b0430d8cdb78070b4c55a'],
    [
      '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
      '00112233445566778899aabbccddeeff',
      '8ea2b7ca516745bfeafc49904b496089',
    ],
  ])('key %s', (key, plain, cipher) => {
    unit.put(block, hex(plain));
    unit.call.aesEncryptBlock(unit.schedule(hex(key), schedules[0]), scratch, block, to);
    expect(unit.get(to, 16)).toEqual(hex(cipher));
  });
});

describe('CTR, NIST SP 800-38A', () => {
  const PLAIN = hex(`6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51
    30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710`);
  const FIRST = hex('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff');

  /** Keystream of one counter block: block `n` of the page whose counter blocks differ in the last byte. */
  function keystream(schedule: number, counter: Buffer): Buffer {
    unit.u8.fill(0, from, from + PAGE);
    unit.call.ctrBlocks(schedule, scratch, unit.put(block, counter), from, to);
    return unit.get(to + counter[15]! * 16, 16);
  }

  function increment(counter: Buffer): Buffer {
    const next = BigInt(`0x${counter.toString('hex')}`) + 1n;
    return hex(BigInt.asUintN(128, next).toString(16).padStart(32, '0'));
  }

  // F.5.1 "CTR-AES128.Encrypt", F.5.5 "CTR-AES256.Encrypt"; the counter carries out of its last byte after the first block
  it.each([
    [
      '2b7e151628aed2a6abf7158809cf4f3c',
      `874d6191b620e3261bef6864990db6ce 9806f66b7970fdff8617187bb9fffdff
       5ae4df3edbd5d35e5b4f09020db03eab 1e031dda2fbe03d1792170a0f3009cee`,
    ],
    [
      '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4',
      `601ec313775789a5b7a7f504bbf3d228 f443e3ca4d62b59aca84e990cacaf5c5
       2b0930daa23de94ce87017ba2d84988d dfc9c58db67aada613c2dd08457941a6`,
    ],
  ])('key %s', (key, cipher) => {
    const schedule = unit.schedule(hex(key), schedules[0]);
    let counter = FIRST;
    const stream = Buffer.concat(
      [0, 1, 2, 3].map(() => {
        const bytes = keystream(schedule, counter);
        counter = increment(counter);
        return bytes;
      }),
    );
    expect(Buffer.from(PLAIN.map((byte, i) => byte ^ stream[i]!))).toEqual(hex(cipher));
  });
});

describe('XTS, IEEE 1619-2018, Annex B "Test vectors"', () => {
  const COUNT = Buffer.from(Array.from({ length: 512 }, (_, i) => i & 0xff));
  const E = '27182818284590452353602874713526';
  const PI = '31415926535897932384626433832795';

  // Vectors 1 to 3 (two blocks), 4 (512 bytes), 10 (AES-256, 512 bytes); of the long ones the beginning is compared
  it.each([
    [
      1,
      '00'.repeat(16),
      '00'.repeat(16),
      '',
      Buffer.alloc(32),
      '917cf69ebd68b2ec9b9fe9a3eadda692cd43d2f59598ed858c02c2652fbf922e',
    ],
    [
      2,
      '11'.repeat(16),
      '22'.repeat(16),
      '33'.repeat(5),
      Buffer.alloc(32, 0x44),
      'c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0',
    ],
    [
      3,
      'fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0',
      '22'.repeat(16),
      '33'.repeat(5),
      Buffer.alloc(32, 0x44),
      'af85336b597afc1a900b2eb21ec949d292df4c047e0b21532186a5971a227a89',
    ],
    [
      4,
      E,
      PI,
      '',
      COUNT,
      '27a7479befa1d476489f308cd4cfa6e2a96e4bbe3208ff25287dd3819616e89cc78cf7f5e543445f8333d8fa7f56000005279fa5d8b5e4ad40e736ddb4d35412',
    ],
    [
      10,
      '2718281828459045235360287471352662497757247093699959574966967627',
      '3141592653589793238462643383279502884197169399375105820974944592',
      'ff',
      COUNT,
      '1c3b3a102f770386e4836c99e370cf9bea00803f5e482357a4ae12d414a3e63b5d31e276f8fe4a8d66b317f9ac683f44680a86ac35adfc3345befecb4bb188fd',
    ],
  ])('vector %i', (_, key1, key2, number, plain, cipher) => {
    const [data, tweak] = [unit.schedule(hex(key1), schedules[0]), unit.schedule(hex(key2), schedules[1])];
    const dataUnit = Buffer.alloc(16);
    hex(number).copy(dataUnit); // little-endian, IEEE 1619-2018, 5.1
    unit.put(block, dataUnit);
    unit.put(from, Buffer.concat([plain, Buffer.alloc(PAGE - plain.length)]));
    unit.call.xtsUnit(data, tweak, scratch, block, from, to, 1);
    const expected = hex(cipher);
    expect(unit.get(to, expected.length)).toEqual(expected);
    unit.call.xtsUnit(data, tweak, scratch, block, to, from, 0);
    expect(unit.get(from, plain.length)).toEqual(plain);
  });
});

describe('SipHash-2-4, the 64 vectors of the reference implementation', () => {
  const VECTORS = `
    310e0edd47db6f72 fd67dc93c539f874 5a4fa9d909806c0d 2d7efbd796666785 b7877127e09427cf 8da699cd64557618
    cee3fe586e46c9cb 37d1018bf50002ab 6224939a79f5f593 b0e4a90bdf82009e f3b9dd94c5bb5d7a a7ad6b22462fb3f4
    fbe50e86bc8f1e75 903d84c02756ea14 eef27a8e90ca23f7 e545be4961ca29a1 db9bc2577fcc2a3f 9447be2cf5e99a69
    9cd38d96f0b3c14b bd6179a71dc96dbb 98eea21af25cd6be c7673b2eb0cbf2d0 883ea3e395675393 c8ce5ccd8c030ca8
    94af49f6c650adb8 eab8858ade92e1bc f315bb5bb835d817 adcf6b0763612e2f a5c91da7acaa4dde 716595876650a2a6
    28ef495c53a387ad 42c341d8fa92d832 ce7cf2722f512771 e37859f94623f3a7 381205bb1ab0e012 ae97a10fd434e015
    b4a31508beff4d31 81396229f0907902 4d0cf49ee5d4dcca 5c73336a76d8bf9a d0a704536ba93e0e 925958fcd6420cad
    a915c29bc8067318 952b79f3bc0aa6d4 f21df2e41d4535f9 87577519048f53a9 10a56cf5dfcd9adb eb75095ccd986cd0
    51a9cb9ecba312e6 96afadfc2ce666c7 72fe52975a4364ee 5a1645b276d592a1 b274cb8ebf87870a 6f9bb4203de7b381
    eaecb2a30b22a87f 9924a43cc1315724 bd838d3aafbf8db7 0b1a2a3265d51aea 135079a3231ce660 932b2846e4d70666
    e1915f5cb1eca46c f325965ca16d629f 575ff28e60381be5 724506eb4c328a95`
    .trim()
    .split(/\s+/);

  it('message n is the bytes 0 … n − 1 under the key 0 … 15', () => {
    expect(VECTORS).toHaveLength(64);
    const key = unit.place(Buffer.from(Array.from({ length: 16 }, (_, i) => i)));
    const message = unit.place(Buffer.from(Array.from({ length: 64 }, (_, i) => i)));
    const tags = VECTORS.map((_, length) => {
      const tag = Buffer.alloc(8);
      tag.writeBigUInt64LE(BigInt.asUintN(64, unit.call.sipHash(key, message, length)));
      return tag.toString('hex');
    });
    expect(tags).toEqual(VECTORS);
  });
});
