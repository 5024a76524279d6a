/** FXSAVE, FXRSTOR, the four environment formats and the reset state, against plain models of the manual's figures. */
import { describe, expect, it } from 'vitest';
import { CR0_PE, FpuMachine } from './machine.js';
import { Random } from './random.js';

const machine = new FpuMachine();
const { s, state, view } = machine;
const AT = 0x1400;
const image = (size: number): Buffer => Buffer.from(machine.bytes.slice(machine.host(AT), machine.host(AT) + size));

function randomImage(random: Random): Buffer {
  const b = Buffer.alloc(512, 0);
  for (let i = 0; i < 288; i++) b[i] = random.below(256);
  b.writeUInt16LE((random.below(0x10000) & 0x1f3f) | 0x40, 0);
  const pending = (b.readUInt16LE(2) & ~b.readUInt16LE(0) & 0x3f) !== 0;
  b.writeUInt16LE((b.readUInt16LE(2) & 0x7f7f) | (pending ? 0x8080 : 0), 2);
  b[5] = 0;
  b.writeUInt16LE(b.readUInt16LE(6) & 0x7ff, 6);
  b.writeUInt16LE(0, 14);
  b.writeUInt16LE(0, 22);
  b.writeUInt32LE(random.below(0x10000), 24);
  b.writeUInt32LE(0xffff, 28);
  for (let i = 0; i < 8; i++) b.fill(0, 42 + 16 * i, 48 + 16 * i);
  return b;
}

describe('FXSAVE and FXRSTOR', () => {
  it('give back what was loaded and keep the reserved tail', () => {
    const random = new Random(5);
    for (let i = 0; i < 500; i++) {
      const loaded = randomImage(random);
      machine.bytes.set(loaded, machine.host(AT));
      machine.fpu.fxrstor(s, AT);
      machine.bytes.fill(0xcc, machine.host(AT), machine.host(AT) + 512);
      machine.fpu.fxsave(s, AT);
      expect(machine.fault()).toBe(-1);
      const saved = image(512);
      expect(saved.subarray(288).every((byte) => byte === 0xcc)).toBe(true);
      expect(saved.subarray(0, 288).toString('hex')).toBe(loaded.subarray(0, 288).toString('hex'));
    }
  });

  it('address registers by TOP', () => {
    const loaded = randomImage(new Random(6));
    loaded.writeUInt16LE(0x37f, 0);
    loaded.writeUInt16LE(3 << 11, 2);
    machine.bytes.set(loaded, machine.host(AT));
    machine.fpu.fxrstor(s, AT);
    // ST(0) is physical register 3 = MM3
    const register3 = Buffer.from(machine.bytes.slice(state + 32 + 48, state + 32 + 58));
    expect(register3.equals(loaded.subarray(32, 42))).toBe(true);
  });

  it('refuse reserved MXCSR bits and unaligned images and change nothing', () => {
    const before = Buffer.from(machine.bytes.slice(state, state + 288));
    const loaded = randomImage(new Random(7));
    loaded.writeUInt32LE(0x10000, 24);
    machine.bytes.set(loaded, machine.host(AT));
    machine.fpu.fxrstor(s, AT);
    expect(machine.fault()).toBe(13);
    machine.fpu.fxrstor(s, AT + 8);
    expect(machine.fault()).toBe(13);
    machine.fpu.fxsave(s, AT + 4);
    expect(machine.fault()).toBe(13);
    expect(Buffer.from(machine.bytes.slice(state, state + 288)).equals(before)).toBe(true);
  });
});

describe('environment formats', () => {
  // CS = 1234, DS = 5678 with base 10000; the instruction is at EIP 0xabcde, its operand at offset 0x2400.
  function prepare(cr0: number): void {
    machine.fpu.fpuReset(s);
    machine.set('VCPU_CR0', cr0);
    const segments = s + machine.at('VCPU_SEGMENTS');
    view.setUint32(segments + 16, 0x1234, true);
    view.setUint32(segments + 48, 0x5678, true);
    view.setUint32(segments + 52, 0x1000, true);
    machine.set('VCPU_EIP', 0xabcde);
    machine.set('VCPU_FPU_SEGMENT', 3);
    machine.fpu.x87(s, 0xdb, 0xe3, 0, 4); // FNINIT
    machine.fpu.x87(s, 0xd9, 0xe8, 0, 4); // FLD1
    machine.fpu.x87(s, 0xdd, 0x16, 0x2400, 4); // FST double [DS:1400], linear 2400
    machine.set('VCPU_EIP', 0x11111); // a control instruction does not move the pointers
    machine.bytes.fill(0, machine.host(AT), machine.host(AT) + 32);
  }
  const [FOP, TAG, STATUS] = [0x516, 0x3fff, 0x3800];
  const words = (...values: number[]): string => {
    const b = Buffer.alloc(values.length * 2);
    for (const [i, value] of values.entries()) b.writeUInt16LE(value, 2 * i);
    return b.toString('hex');
  };
  const doubles = (...values: number[]): string => words(...values.flatMap((v) => [v & 0xffff, v >>> 16]));
  const [PROTECTED, REAL] = [CR0_PE, 0];
  const fip = 0x12340 + 0xabcde;
  const fdp = 0x56780 + 0x1400;
  it.each([
    [
      '32-bit protected',
      PROTECTED,
      4,
      doubles(0xffff037f, 0xffff0000 + STATUS, 0xffff0000 + TAG, 0xabcde, (FOP << 16) | 0x1234, 0x1400, 0xffff5678),
    ],
    ['16-bit protected', PROTECTED, 2, words(0x37f, STATUS, TAG, 0xbcde, 0x1234, 0x1400, 0x5678)],
    [
      '32-bit real',
      REAL,
      4,
      doubles(
        0xffff037f,
        0xffff0000 + STATUS,
        0xffff0000 + TAG,
        0xffff0000 + (fip & 0xffff),
        ((fip >> 16) << 12) | FOP,
        0xffff0000 + (fdp & 0xffff),
        (fdp >> 16) << 12,
      ),
    ],
    [
      '16-bit real',
      REAL,
      2,
      words(0x37f, STATUS, TAG, fip & 0xffff, ((fip >> 16) << 12) | FOP, fdp & 0xffff, (fdp >> 16) << 12),
    ],
  ] as const)('%s', (_name, cr0, operandSize, expected) => {
    prepare(cr0);
    machine.fpu.x87(s, 0xd9, 0x36, AT, operandSize);
    expect(machine.fault()).toBe(-1);
    expect(image(operandSize === 4 ? 28 : 14).toString('hex')).toBe(expected);
    // FLDENV takes it back: storing again gives the same image.
    machine.bytes.copyWithin(machine.host(AT + 64), machine.host(AT), machine.host(AT + 32));
    machine.fpu.x87(s, 0xdb, 0xe3, 0, 4);
    machine.fpu.x87(s, 0xd9, 0x26, AT + 64, operandSize);
    machine.bytes.fill(0, machine.host(AT), machine.host(AT) + 32);
    machine.fpu.x87(s, 0xd9, 0x36, AT, operandSize);
    expect(image(operandSize === 4 ? 28 : 14).toString('hex')).toBe(expected);
    machine.set('VCPU_CR0', CR0_PE);
  });
});

it('reset gives the state of power-up', () => {
  machine.fpu.fpuReset(s);
  const b = Buffer.from(machine.bytes.slice(state, state + 288));
  expect([b.readUInt16LE(0), b.readUInt16LE(2), b[4], b.readUInt32LE(24)]).toEqual([0x40, 0, 0xff, 0x1f80]);
  expect(b.subarray(32).every((byte) => byte === 0)).toBe(true);
});
