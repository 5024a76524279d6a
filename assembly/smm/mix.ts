/** MixColumns on bit planes (planes.ts), the costliest step of a round after SubBytes. */

function sum(a: v128, b: v128, c: v128, d: v128): v128 {
  return v128.xor(v128.xor(a, b), v128.xor(c, d));
}

/**
 * MixColumns and AddRoundKey of the column whose rows are the bytes at a0 … a3, to the four bytes at `b`. FIPS 197, 5.1.3:
 * b(r) = 2 (a(r) + a(r+1)) + a(r+1) + (a(r+2) + a(r+3)), 2 being the multiplication by x modulo 11bh. Written out bit by bit,
 * because an offset that is constant costs nothing.
 */
export function mixColumn(a0: usize, a1: usize, a2: usize, a3: usize, b: usize, masks: usize): void {
  let x0 = v128.load(a0, 112);
  let x1 = v128.load(a1, 112);
  let x2 = v128.load(a2, 112);
  let x3 = v128.load(a3, 112);
  // Sums of neighbouring rows: h of bit 7, d of the bit before, u of this one.
  const h0 = v128.xor(x0, x1);
  const h1 = v128.xor(x1, x2);
  const h2 = v128.xor(x2, x3);
  const h3 = v128.xor(x3, x0);
  let d0 = h0;
  let d1 = h1;
  let d2 = h2;
  let d3 = h3;
  let u0: v128, u1: v128, u2: v128, u3: v128;

  // bit 0
  x0 = v128.load(a0, 0);
  x1 = v128.load(a1, 0);
  x2 = v128.load(a2, 0);
  x3 = v128.load(a3, 0);
  u0 = v128.xor(x0, x1);
  u1 = v128.xor(x1, x2);
  u2 = v128.xor(x2, x3);
  u3 = v128.xor(x3, x0);
  v128.store(b, sum(x1, d0, u2, v128.load32_splat(masks, 0)), 0);
  v128.store(b, sum(x2, d1, u3, v128.load32_splat(masks, 32)), 128);
  v128.store(b, sum(x3, d2, u0, v128.load32_splat(masks, 64)), 256);
  v128.store(b, sum(x0, d3, u1, v128.load32_splat(masks, 96)), 384);
  d0 = v128.xor(u0, h0);
  d1 = v128.xor(u1, h1);
  d2 = v128.xor(u2, h2);
  d3 = v128.xor(u3, h3);

  // bit 1
  x0 = v128.load(a0, 16);
  x1 = v128.load(a1, 16);
  x2 = v128.load(a2, 16);
  x3 = v128.load(a3, 16);
  u0 = v128.xor(x0, x1);
  u1 = v128.xor(x1, x2);
  u2 = v128.xor(x2, x3);
  u3 = v128.xor(x3, x0);
  v128.store(b, sum(x1, d0, u2, v128.load32_splat(masks, 4)), 16);
  v128.store(b, sum(x2, d1, u3, v128.load32_splat(masks, 36)), 144);
  v128.store(b, sum(x3, d2, u0, v128.load32_splat(masks, 68)), 272);
  v128.store(b, sum(x0, d3, u1, v128.load32_splat(masks, 100)), 400);
  d0 = u0;
  d1 = u1;
  d2 = u2;
  d3 = u3;

  // bit 2
  x0 = v128.load(a0, 32);
  x1 = v128.load(a1, 32);
  x2 = v128.load(a2, 32);
  x3 = v128.load(a3, 32);
  u0 = v128.xor(x0, x1);
  u1 = v128.xor(x1, x2);
  u2 = v128.xor(x2, x3);
  u3 = v128.xor(x3, x0);
  v128.store(b, sum(x1, d0, u2, v128.load32_splat(masks, 8)), 32);
  v128.store(b, sum(x2, d1, u3, v128.load32_splat(masks, 40)), 160);
  v128.store(b, sum(x3, d2, u0, v128.load32_splat(masks, 72)), 288);
  v128.store(b, sum(x0, d3, u1, v128.load32_splat(masks, 104)), 416);
  d0 = v128.xor(u0, h0);
  d1 = v128.xor(u1, h1);
  d2 = v128.xor(u2, h2);
  d3 = v128.xor(u3, h3);

  // bit 3
  x0 = v128.load(a0, 48);
  x1 = v128.load(a1, 48);
  x2 = v128.load(a2, 48);
  x3 = v128.load(a3, 48);
  u0 = v128.xor(x0, x1);
  u1 = v128.xor(x1, x2);
  u2 = v128.xor(x2, x3);
  u3 = v128.xor(x3, x0);
  v128.store(b, sum(x1, d0, u2, v128.load32_splat(masks, 12)), 48);
  v128.store(b, sum(x2, d1, u3, v128.load32_splat(masks, 44)), 176);
  v128.store(b, sum(x3, d2, u0, v128.load32_splat(masks, 76)), 304);
  v128.store(b, sum(x0, d3, u1, v128.load32_splat(masks, 108)), 432);
  d0 = v128.xor(u0, h0);
  d1 = v128.xor(u1, h1);
  d2 = v128.xor(u2, h2);
  d3 = v128.xor(u3, h3);

  // bit 4
  x0 = v128.load(a0, 64);
  x1 = v128.load(a1, 64);
  x2 = v128.load(a2, 64);
  x3 = v128.load(a3, 64);
  u0 = v128.xor(x0, x1);
  u1 = v128.xor(x1, x2);
  u2 = v128.xor(x2, x3);
  u3 = v128.xor(x3, x0);
  v128.store(b, sum(x1, d0, u2, v128.load32_splat(masks, 16)), 64);
  v128.store(b, sum(x2, d1, u3, v128.load32_splat(masks, 48)), 192);
  v128.store(b, sum(x3, d2, u0, v128.load32_splat(masks, 80)), 320);
  v128.store(b, sum(x0, d3, u1, v128.load32_splat(masks, 112)), 448);
  d0 = u0;
  d1 = u1;
  d2 = u2;
  d3 = u3;

  // bit 5
  x0 = v128.load(a0, 80);
  x1 = v128.load(a1, 80);
  x2 = v128.load(a2, 80);
  x3 = v128.load(a3, 80);
  u0 = v128.xor(x0, x1);
  u1 = v128.xor(x1, x2);
  u2 = v128.xor(x2, x3);
  u3 = v128.xor(x3, x0);
  v128.store(b, sum(x1, d0, u2, v128.load32_splat(masks, 20)), 80);
  v128.store(b, sum(x2, d1, u3, v128.load32_splat(masks, 52)), 208);
  v128.store(b, sum(x3, d2, u0, v128.load32_splat(masks, 84)), 336);
  v128.store(b, sum(x0, d3, u1, v128.load32_splat(masks, 116)), 464);
  d0 = u0;
  d1 = u1;
  d2 = u2;
  d3 = u3;

  // bit 6
  x0 = v128.load(a0, 96);
  x1 = v128.load(a1, 96);
  x2 = v128.load(a2, 96);
  x3 = v128.load(a3, 96);
  u0 = v128.xor(x0, x1);
  u1 = v128.xor(x1, x2);
  u2 = v128.xor(x2, x3);
  u3 = v128.xor(x3, x0);
  v128.store(b, sum(x1, d0, u2, v128.load32_splat(masks, 24)), 96);
  v128.store(b, sum(x2, d1, u3, v128.load32_splat(masks, 56)), 224);
  v128.store(b, sum(x3, d2, u0, v128.load32_splat(masks, 88)), 352);
  v128.store(b, sum(x0, d3, u1, v128.load32_splat(masks, 120)), 480);
  d0 = u0;
  d1 = u1;
  d2 = u2;
  d3 = u3;

  // bit 7
  x0 = v128.load(a0, 112);
  x1 = v128.load(a1, 112);
  x2 = v128.load(a2, 112);
  x3 = v128.load(a3, 112);
  u0 = h0;
  u1 = h1;
  u2 = h2;
  u3 = h3;
  v128.store(b, sum(x1, d0, u2, v128.load32_splat(masks, 28)), 112);
  v128.store(b, sum(x2, d1, u3, v128.load32_splat(masks, 60)), 240);
  v128.store(b, sum(x3, d2, u0, v128.load32_splat(masks, 92)), 368);
  v128.store(b, sum(x0, d3, u1, v128.load32_splat(masks, 124)), 496);
}

/**
 * MixColumns and AddRoundKey of a column of which one row varies: 2, 1, 1 and 3 times the byte at `from` go to the bytes at `to` + r0 …
 * r3, the row itself and those that follow it, with the masks at `masks` + m0 … m3.
 */
export function mixByte(
  from: usize,
  to: usize,
  r0: usize,
  r1: usize,
  r2: usize,
  r3: usize,
  masks: usize,
  m0: usize,
  m1: usize,
  m2: usize,
  m3: usize,
): void {
  const high = v128.load(from, 112);
  let two = high;
  let one: v128;
  r0 += to;
  r1 += to;
  r2 += to;
  r3 += to;
  m0 += masks;
  m1 += masks;
  m2 += masks;
  m3 += masks;

  one = v128.load(from, 0);
  v128.store(r0, v128.xor(two, v128.load32_splat(m0, 0)), 0);
  v128.store(r1, v128.xor(one, v128.load32_splat(m1, 0)), 0);
  v128.store(r2, v128.xor(one, v128.load32_splat(m2, 0)), 0);
  v128.store(r3, v128.xor(v128.xor(one, two), v128.load32_splat(m3, 0)), 0);
  two = one;

  one = v128.load(from, 16);
  two = v128.xor(two, high);
  v128.store(r0, v128.xor(two, v128.load32_splat(m0, 4)), 16);
  v128.store(r1, v128.xor(one, v128.load32_splat(m1, 4)), 16);
  v128.store(r2, v128.xor(one, v128.load32_splat(m2, 4)), 16);
  v128.store(r3, v128.xor(v128.xor(one, two), v128.load32_splat(m3, 4)), 16);
  two = one;

  one = v128.load(from, 32);
  v128.store(r0, v128.xor(two, v128.load32_splat(m0, 8)), 32);
  v128.store(r1, v128.xor(one, v128.load32_splat(m1, 8)), 32);
  v128.store(r2, v128.xor(one, v128.load32_splat(m2, 8)), 32);
  v128.store(r3, v128.xor(v128.xor(one, two), v128.load32_splat(m3, 8)), 32);
  two = one;

  one = v128.load(from, 48);
  two = v128.xor(two, high);
  v128.store(r0, v128.xor(two, v128.load32_splat(m0, 12)), 48);
  v128.store(r1, v128.xor(one, v128.load32_splat(m1, 12)), 48);
  v128.store(r2, v128.xor(one, v128.load32_splat(m2, 12)), 48);
  v128.store(r3, v128.xor(v128.xor(one, two), v128.load32_splat(m3, 12)), 48);
  two = one;

  one = v128.load(from, 64);
  two = v128.xor(two, high);
  v128.store(r0, v128.xor(two, v128.load32_splat(m0, 16)), 64);
  v128.store(r1, v128.xor(one, v128.load32_splat(m1, 16)), 64);
  v128.store(r2, v128.xor(one, v128.load32_splat(m2, 16)), 64);
  v128.store(r3, v128.xor(v128.xor(one, two), v128.load32_splat(m3, 16)), 64);
  two = one;

  one = v128.load(from, 80);
  v128.store(r0, v128.xor(two, v128.load32_splat(m0, 20)), 80);
  v128.store(r1, v128.xor(one, v128.load32_splat(m1, 20)), 80);
  v128.store(r2, v128.xor(one, v128.load32_splat(m2, 20)), 80);
  v128.store(r3, v128.xor(v128.xor(one, two), v128.load32_splat(m3, 20)), 80);
  two = one;

  one = v128.load(from, 96);
  v128.store(r0, v128.xor(two, v128.load32_splat(m0, 24)), 96);
  v128.store(r1, v128.xor(one, v128.load32_splat(m1, 24)), 96);
  v128.store(r2, v128.xor(one, v128.load32_splat(m2, 24)), 96);
  v128.store(r3, v128.xor(v128.xor(one, two), v128.load32_splat(m3, 24)), 96);
  two = one;

  one = v128.load(from, 112);
  v128.store(r0, v128.xor(two, v128.load32_splat(m0, 28)), 112);
  v128.store(r1, v128.xor(one, v128.load32_splat(m1, 28)), 112);
  v128.store(r2, v128.xor(one, v128.load32_splat(m2, 28)), 112);
  v128.store(r3, v128.xor(v128.xor(one, two), v128.load32_splat(m3, 28)), 112);
}
