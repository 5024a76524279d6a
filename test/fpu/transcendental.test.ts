/** The transcendental instructions are correctly rounded in all four modes, against an independent reference. */
import { describe, expect, it } from 'vitest';
import { FpuMachine } from './machine.js';
import { Random } from './random.js';
import { angle, cosine, exp2m1, fromPacked, log2, ONE, round, sine, tangent, toFixed } from './reference.js';

const machine = new FpuMachine();
const { s, state, view } = machine;

interface Value {
  readonly head: number;
  readonly significand: bigint;
}

function value(random: Random, least: number, most: number, positive = false): Value {
  const exponent = random.between(least, most) + 16383;
  const sign = positive ? 0 : random.below(2);
  const low = random.once(4) ? 0 : random.u32();
  const high = random.once(6) ? 0 : random.u32();
  return { head: (sign << 15) | exponent, significand: (1n << 63n) | (BigInt(high) << 32n) | BigInt(low) };
}

const fixed = (v: Value): bigint => toFixed(fromPacked(v.head, v.significand));

/** Executes D9 modrm with ST(0) = first, ST(1) = second; returns ST(0) and ST(1) after it. */
function run(modrm: number, rc: number, first: Value, second?: Value): [Value, Value] {
  machine.fpu.fpuReset(s);
  view.setUint16(state, 0x37f | (rc << 10), true);
  for (const [i, v] of [first, second ?? first].entries()) {
    view.setBigUint64(state + 32 + 16 * i, v.significand, true);
    view.setUint16(state + 40 + 16 * i, v.head, true);
  }
  view.setUint8(state + 4, 0b00000011);
  machine.fpu.x87(s, 0xd9, modrm, 0, 4);
  const top = (view.getUint16(state + 2, true) >> 11) & 7;
  const read = (i: number): Value => {
    const at = state + 32 + 16 * ((top + i) & 7);
    return { head: view.getUint16(at + 8, true), significand: view.getBigUint64(at, true) };
  };
  return [read(0), read(1)];
}

const CASES = 60;

/** Compares ST(`place`) with the reference; a value too close to call does not count, but nearly all must. */
function check(
  modrm: number,
  place: 0 | 1,
  make: (random: Random) => readonly [Value, Value?],
  reference: (first: bigint, second: bigint) => bigint,
): void {
  const random = new Random(modrm * 31 + place);
  let compared = 0;
  for (let i = 0; i < CASES; i++) {
    const [first, second] = make(random);
    const exact = reference(fixed(first), fixed(second ?? first));
    for (let rc = 0; rc < 4; rc++) {
      const wanted = round(exact, rc);
      if (wanted === undefined) continue;
      compared++;
      const got = run(modrm, rc, first, second)[place];
      const show = (v: Value): string => `${v.head.toString(16)}:${v.significand.toString(16)}`;
      expect(show(got), `${show(first)} ${second ? show(second) : ''} rc ${rc}`).toBe(show(wanted));
    }
  }
  expect(compared).toBeGreaterThan(CASES * 3);
}

const angles = (random: Random): readonly [Value] => [
  random.once(3) ? value(random, 0, 62) : random.once(2) ? value(random, -3, 4) : value(random, -30, 0),
];

describe('correctly rounded', () => {
  it('FSIN', () => check(0xfe, 0, angles, sine));
  it('FCOS', () => check(0xff, 0, angles, cosine));
  it('FSINCOS', () => {
    check(0xfb, 0, angles, cosine);
    check(0xfb, 1, angles, sine);
  });
  it('FPTAN', () => check(0xf2, 1, angles, tangent));
  it('F2XM1', () => check(0xf0, 0, (r) => [value(r, r.once(2) ? -3 : -50, -1)], exp2m1));
  it('FYL2X', () => {
    const make = (r: Random): readonly [Value, Value] => [
      value(r, r.once(2) ? -1 : -60, r.once(2) ? 1 : 60, true),
      value(r, -3, 3),
    ];
    check(0xf1, 0, make, (x, y) => (log2(x) * y) / ONE);
  });
  it('FYL2XP1', () => {
    const make = (r: Random): readonly [Value, Value] => [value(r, r.once(2) ? -4 : -50, -3), value(r, -3, 3)];
    check(0xf9, 0, make, (x, y) => (log2(ONE + x) * y) / ONE);
  });
  it('FPATAN', () => {
    const make = (r: Random): readonly [Value, Value] => [value(r, -20, 20), value(r, -20, 20)];
    check(0xf3, 0, make, (x, y) => angle(y, x));
  });
});

describe('tiny arguments', () => {
  // f(x) = x ∓ a cubic that no 64-bit result can show but directed rounding must
  const tiny: Value = { head: 16383 - 100, significand: 1n << 63n };
  const below: Value = { head: 16383 - 101, significand: (1n << 64n) - 1n };
  const above: Value = { head: 16383 - 100, significand: (1n << 63n) + 1n };
  it.each([
    ['FSIN', 0xfe, 0, below, tiny],
    ['FPTAN', 0xf2, 1, tiny, above],
  ] as const)('%s', (_name, modrm, place, down, up) => {
    expect(run(modrm, 1, tiny)[place]).toEqual(down);
    expect(run(modrm, 2, tiny)[place]).toEqual(up);
    expect(run(modrm, 0, tiny)[place]).toEqual(tiny);
  });
});
