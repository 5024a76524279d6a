/** Random operands that meet the borders: denormals, infinities, NaNs of both kinds, ties, format limits. */
import type { Random } from './random.js';

/** A significand pattern as two words; `top` forces bit 63. */
function pattern(random: Random, top: boolean): [number, number] {
  let high = random.u32();
  let low = random.u32();
  switch (random.below(12)) {
    case 0:
      high = 0;
      low = 0;
      break;
    case 1:
      high = 0xffffffff;
      low = 0xffffffff;
      break;
    case 2: // a few bits
      high = 1 << random.below(32);
      low = 1 << random.below(32);
      break;
    case 3: // ones at the top
      high = 0xffffffff;
      low = -1 << random.below(32);
      break;
    case 4: // ties and neighbours of ties of a single
      low = random.pick([0, 0, 1, 0xffffffff]);
      high = ((high & 0xffffff00) | random.pick([0x80, 0x7f, 0x81, 0x00, 0xff])) >>> 0;
      break;
    case 5: // ties and neighbours of ties of a double
      low = ((low & 0xfffff800) | random.pick([0x400, 0x3ff, 0x401, 0, 0x7ff])) >>> 0;
      break;
    case 6: // short
      low = 0;
      high &= 0xffff0000;
      break;
    case 7:
      low = 0;
      high &= 0xffffff00;
      break;
    case 8:
      low &= 0xfffff800;
      break;
    case 9: // just above a power of two
      high = 0;
      low = random.below(8);
      break;
    default:
  }
  if (top) high |= 0x80000000;
  return [high >>> 0, low >>> 0];
}

function put80(
  view: DataView,
  at: number,
  sign: number,
  exponent: number,
  [high, low]: readonly [number, number],
): void {
  view.setUint32(at, low, true);
  view.setUint32(at + 4, high, true);
  view.setUint16(at + 8, (sign << 15) | (exponent & 0x7fff), true);
}

/** Writes an 80-bit value. `near`: exponent around which ordinary values lie, so that operands interact. */
export function extended(view: DataView, at: number, random: Random, near: number): void {
  const sign = random.below(2);
  const kind = random.below(32);
  const clamp = (e: number): number => Math.min(32766, Math.max(1, e));
  if (kind < 13) put80(view, at, sign, clamp(near + random.below(9) - 4), pattern(random, true));
  else if (kind < 16) put80(view, at, sign, clamp(near + random.below(140) - 70), pattern(random, true));
  else if (kind === 16) put80(view, at, sign, random.below(32767), pattern(random, true));
  else if (kind === 17) put80(view, at, sign, 0, [0, 0]);
  else if (kind === 18) put80(view, at, sign, 0x7fff, [0x80000000, 0]);
  else if (kind === 19) {
    const [high, low] = pattern(random, true);
    put80(view, at, sign, 0x7fff, [(high | 0x40000000) >>> 0, low]);
  } else if (kind === 20) {
    const [high, low] = pattern(random, true);
    put80(view, at, sign, 0x7fff, [(high & 0xbfffffff) >>> 0, low | (random.below(4) === 0 ? 0 : 1)]);
  } else if (kind === 21) {
    const [high, low] = pattern(random, false);
    put80(view, at, sign, 0, [high & 0x7fffffff, low]); // denormal
  } else if (kind === 22)
    put80(view, at, sign, 0, pattern(random, true)); // pseudo-denormal
  else if (kind === 23) {
    const [high, low] = pattern(random, false);
    put80(view, at, sign, random.below(0x8000), [high & 0x7fffffff, low]); // unnormal, pseudo-NaN, pseudo-infinity
  } else if (kind === 24) put80(view, at, sign, 1 + random.below(70), pattern(random, true));
  else if (kind === 25) put80(view, at, sign, 32766 - random.below(70), pattern(random, true));
  else if (kind === 26)
    put80(view, at, sign, 16383 + random.pick([-127, -126, -149, -150, 127, 128]), pattern(random, true));
  else if (kind === 27)
    put80(view, at, sign, 16383 + random.pick([-1023, -1022, -1074, -1075, 1023, 1024]), pattern(random, true));
  else if (kind === 28) {
    // an integer or a half
    const exponent = random.below(66);
    const [high, low] = pattern(random, true);
    const value = (BigInt(high) << 32n) | BigInt(low);
    const drop = BigInt(Math.max(0, 63 - exponent - random.below(2)));
    const kept = (value >> drop) << drop;
    put80(view, at, sign, 16383 + exponent, [Number(kept >> 32n), Number(kept & 0xffffffffn)]);
  } else if (kind === 29) put80(view, at, sign, 16383 + random.below(4) - 2, [0x80000000, 0]);
  else put80(view, at, sign, 16383 + random.below(80) - 10, pattern(random, true));
}

/** A single-precision bit pattern. */
export function single(random: Random): number {
  const sign = random.below(2) << 31;
  const fraction = random.pick([
    0,
    1,
    0x7fffff,
    0x400000,
    0x3fffff,
    random.u32(),
    random.u32(),
    random.u32() & 0x7ff000,
  ]);
  const exponent = random.pick([
    0,
    0,
    1,
    2,
    254,
    255,
    127,
    126,
    128,
    150,
    103,
    random.u32(),
    random.u32(),
    127 + random.below(30),
  ]);
  return (sign | ((exponent & 0xff) << 23) | (fraction & 0x7fffff)) >>> 0;
}

/** A double-precision bit pattern. */
export function double(random: Random): bigint {
  const words = (): bigint => (BigInt(random.u32()) << 32n) | BigInt(random.u32());
  const fraction = random.pick([
    0n,
    1n,
    (1n << 52n) - 1n,
    1n << 51n,
    (1n << 51n) - 1n,
    1n << 28n,
    (words() >> 32n) << 32n,
  ]);
  const chosen = random.below(2) ? words() : random.below(2) ? words() & ~0xfffffffn : fraction;
  const list = [
    0,
    0,
    1,
    2,
    2046,
    2047,
    1023,
    1022,
    1024,
    1023 - 126,
    1023 - 127,
    1023 + 127,
    1023 + 128,
    1075,
    1023 + 31,
  ];
  const exponent = random.pick([...list, random.u32(), random.u32(), 1023 + random.below(64)]);
  return (BigInt(random.below(2)) << 63n) | (BigInt(exponent & 0x7ff) << 52n) | (chosen & ((1n << 52n) - 1n));
}
