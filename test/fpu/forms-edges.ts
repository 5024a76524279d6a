/**
 * The x87 forms on operands at the edges: each is one of a few values, and any exception may be unmasked. What hardly ever meets by
 * chance (a denormal, a scale of exactly ±0 and an unmasked #U; a comparison under an unmasked stack fault) meets here.
 */
import { type Form, makeX87Case, X87_FORMS } from './forms-x87.js';
import type { Random } from './random.js';
import { type Case, FCW, FSW, FTW, ST } from './record.js';

const J = 1n << 63n;
const BIAS = 16383;

/** Magnitudes: exponent as stored, significand. */
const EDGES: readonly (readonly [number, bigint])[] = [
  [0, 0n],
  [0, 0n],
  [0, 1n],
  [0, J - 1n],
  [0, J >> 1n],
  [0, J], // pseudo-denormals
  [0, J | 5n],
  [1, J],
  [1, J | 5n],
  [64, J | 5n],
  [BIAS - 1, J], // ½ and just below 1
  [BIAS - 1, J | (J - 1n)],
  [BIAS, J],
  [BIAS, J | (J >> 1n)],
  [BIAS + 2, 5n << 61n],
  [BIAS + 5, 63n << 58n],
  [BIAS + 6, J],
  [BIAS + 14, J | (J >> 3n)],
  [BIAS + 15, J],
  [BIAS + 63, J | 1n],
  [32766, J],
  [32766, J | (J - 1n)],
  [32767, J], // infinity, QNaN, SNaN, pseudo-infinity
  [32767, J | (J >> 1n)],
  [32767, J | 1n],
  [32767, 0n],
  [BIAS, 1n], // unnormal
];

/** Those whose result is exact and whose operands are registers, beside stores. */
export const EDGE_FORMS: readonly Form[] = X87_FORMS.filter(
  (form) => form.operand === 'none' && form.ulp === 0 && !/^(FN|FLD[1LPZ]|FENI|FWAIT)/.test(form.name),
);

export function makeEdgeCase(c: Case, form: Form, random: Random): void {
  makeX87Case(c, form, random);
  const masks = random.pick([0x3f, 0x3f ^ (1 << random.below(6)), 0x3f ^ (1 << random.below(6)), random.below(64)]);
  c.set16(FCW, (c.u16(FCW) & ~0x3f) | masks);
  c.set16(FSW, c.u16(FSW) & (~0x3f | masks)); // nothing is pending
  if (random.once(4)) c.bytes[FTW] = random.u32() & 0xff;
  for (let at = ST; at < ST + 128; at += 16) {
    const [exponent, significand] = random.pick(EDGES);
    c.set16(at + 8, exponent | (random.below(2) << 15));
    c.view.setBigUint64(at, significand, true);
  }
}
