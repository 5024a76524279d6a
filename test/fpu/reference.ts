/**
 * The transcendental functions in 320-bit fixed point over BigInt, by other methods than assembly/fpu uses: argument
 * halving for exponentials, repeated square roots for logarithms and arctangents, so that a mistake is not made twice.
 */
const BITS = 320n;
export const ONE = 1n << BITS;

/** A finite value m × 2^e. */
export interface Exact {
  readonly m: bigint;
  readonly e: bigint;
}

export function fromPacked(head: number, significand: bigint): Exact {
  const e = BigInt(Math.max(head & 0x7fff, 1) - 16383 - 63);
  return { m: head >> 15 ? -significand : significand, e };
}

/** The value as fixed point; it must be a multiple of 2^-320 or the rest does not matter. */
export function toFixed({ m, e }: Exact): bigint {
  const shift = e + BITS;
  return shift >= 0n ? m << shift : m >> -shift;
}

const mul = (a: bigint, b: bigint): bigint => (a * b) >> BITS;
const div = (a: bigint, b: bigint): bigint => (a << BITS) / b;

function sqrt(x: bigint): bigint {
  const n = x << BITS;
  let r = 1n << (BigInt(n.toString(2).length + 1) / 2n);
  for (;;) {
    const next = (r + n / r) >> 1n;
    if (next >= r) return r;
    r = next;
  }
}

/** e^x − 1 for |x| < 1: (…((y + 2) y + 2) y …) from y = e^(x/2^20) − 1 */
function expm1(x: bigint): bigint {
  const small = x >> 20n;
  let y = 0n;
  let term = ONE;
  for (let n = 1n; n < 40n; n++) {
    term = mul(term, small) / n;
    y += term;
  }
  for (let i = 0; i < 20; i++) y = mul(y, y) + 2n * y;
  return y;
}

/** ln x for x > 0: 2^32 ln(x^(2^-32)), the last logarithm by its series. */
function ln(x: bigint): bigint {
  let r = x;
  for (let i = 0; i < 32; i++) r = sqrt(r);
  const d = r - ONE;
  let sum = 0n;
  let power = ONE;
  for (let n = 1n; n < 20n; n++) {
    power = mul(power, d);
    sum += n % 2n === 1n ? power / n : -(power / n);
  }
  return sum << 32n;
}

/** arctan t for 0 ≤ t ≤ 1: 2^24 × arctan of the tangent halved 24 times. */
function atan(t: bigint): bigint {
  let r = t;
  for (let i = 0; i < 24; i++) r = div(r, ONE + sqrt(ONE + mul(r, r)));
  const square = mul(r, r);
  let sum = 0n;
  let power = r;
  for (let n = 1n; n < 20n; n += 2n) {
    sum += n % 4n === 1n ? power / n : -(power / n);
    power = mul(power, square);
  }
  return sum << 24n;
}

export const LN2 = ln(2n * ONE);
export const PI = 4n * atan(ONE);
/** The x87's π: 66 bits of significand (SDM Vol. 1, 8.3.8). */
export const PI66 = 0x3243f6a8885a308d3n << (BITS - 64n);

/** sin x, by its series at x/2^16 and doubling of (sin, 1 − cos). */
export function sinCos(x: bigint): [bigint, bigint] {
  const small = x >> 16n;
  const square = mul(small, small);
  let s = 0n;
  let v = 0n; // 1 − cos
  let term = small;
  for (let n = 1n; n < 30n; n += 2n) {
    s += term;
    term = -mul(term, square) / ((n + 1n) * (n + 2n));
  }
  term = square / 2n;
  for (let n = 2n; n < 30n; n += 2n) {
    v += term;
    term = -mul(term, square) / ((n + 1n) * (n + 2n));
  }
  for (let i = 0; i < 16; i++) [s, v] = [2n * mul(s, ONE - v), 2n * mul(s, s)];
  return [s, ONE - v];
}

/** x modulo the 66-bit π/2, in [−π/4, π/4], and the quotient modulo 4. */
export function reduce(x: bigint): [bigint, number] {
  const half = PI66 >> 1n;
  let q = x / half;
  let r = x - q * half;
  if (2n * r > half) {
    r -= half;
    q++;
  } else if (2n * r < -half) {
    r += half;
    q--;
  }
  return [r, Number(((q % 4n) + 4n) % 4n)];
}

export const sine = (x: bigint): bigint => {
  const [r, q] = reduce(x);
  const [s, c] = sinCos(r);
  return [s, c, -s, -c][q]!;
};
export const cosine = (x: bigint): bigint => {
  const [r, q] = reduce(x);
  const [s, c] = sinCos(r);
  return [c, -s, -c, s][q]!;
};
export const tangent = (x: bigint): bigint => div(sine(x), cosine(x));
export const exp2m1 = (x: bigint): bigint => expm1(mul(x, LN2));
export const log2 = (x: bigint): bigint => div(ln(x), LN2);
export const angle = (y: bigint, x: bigint): bigint => {
  const [ay, ax] = [y < 0n ? -y : y, x < 0n ? -x : x];
  let a = ay <= ax ? atan(div(ay, ax)) : PI / 2n - atan(div(ax, ay));
  if (x < 0n) a = PI - a;
  return y < 0n ? -a : a;
};

/** Rounds fixed point to 64 bits under RC; head and significand, or undefined when too close to a boundary to tell. */
export function round(x: bigint, rc: number): { head: number; significand: bigint } | undefined {
  const sign = x < 0n ? 1 : 0;
  const magnitude = sign ? -x : x;
  const length = magnitude.toString(2).length;
  const drop = BigInt(length - 64);
  if (drop < 100n) return undefined;
  const rest = magnitude & ((1n << drop) - 1n);
  const half = 1n << (drop - 1n);
  const margin = 1n << (drop - 40n);
  const near = (a: bigint, b: bigint): boolean => (a > b ? a - b : b - a) < margin;
  if (near(rest, 0n) || near(rest, half) || near(rest, 2n * half)) return undefined;
  const up = rc === 0 ? rest > half : rc === 1 ? sign === 1 : rc === 2 ? sign === 0 : false;
  const significand = (magnitude >> drop) + (up ? 1n : 0n);
  if (significand >> 64n) return { head: (sign << 15) | (16383 + length - Number(BITS)), significand: 1n << 63n };
  return { head: (sign << 15) | (16383 + length - 1 - Number(BITS)), significand };
}
