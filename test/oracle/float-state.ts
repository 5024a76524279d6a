/** Floating-point values at the borders of their formats, and the x87, MMX and SSE state that a case begins with. */
import { Random } from './random.js';

/** Intel SDM Vol. 1, Table 10-2, "Non-64-Bit-Mode Layout of FXSAVE Area". */
export const IMAGE_SIZE = 512;
export const FCW = 0;
export const FSW = 2;
export const FTW = 4;
export const MXCSR = 24;
export const ST = 32;
export const XMM = 160;
export const IMAGE_USED = 288;

export const STATUS_C1 = 0x200;
const STATUS_SUMMARY = 0x8080; // ES and B
const EXCEPTIONS = 0x3f;

/** Significands as two words. */
function significand(r: Random): readonly [high: number, low: number] {
  switch (r.below(10)) {
    case 0:
      return [0x80000000, 0];
    case 1:
      return [0xffffffff, 0xffffffff];
    case 2:
      return [(0x80000000 | (1 << r.below(31))) >>> 0, 0];
    case 3: // around the middle between two singles
      return [((r.u32() & 0x7fffff00) | 0x80000000 | r.pick([0x7f, 0x80, 0x81])) >>> 0, r.pick([0, 1, 0xffffffff])];
    case 4: // around the middle between two doubles
      return [(r.u32() | 0x80000000) >>> 0, ((r.u32() & 0xfffff800) | r.pick([0x3ff, 0x400, 0x401])) >>> 0];
    case 5:
      return [(r.u32() | 0x80000000) >>> 0, 0];
    default:
      return [(r.u32() | 0x80000000) >>> 0, r.u32()];
  }
}

/** Writes an 80-bit value: ordinary numbers near 1 for the most part, every other class now and then. */
export function extended(view: DataView, at: number, r: Random): void {
  let [high, low] = significand(r);
  let exponent = 16383 + r.between(-4, 8);
  switch (r.below(24)) {
    case 0: // zero
      [exponent, high, low] = [0, 0, 0];
      break;
    case 1: // infinity
      [exponent, high, low] = [0x7fff, 0x80000000, 0];
      break;
    case 2: // quiet NaN
      exponent = 0x7fff;
      high = (high | 0xc0000000) >>> 0;
      break;
    case 3: // signalling NaN
      exponent = 0x7fff;
      high = ((high & 0xbfffffff) | 1) >>> 0;
      break;
    case 4: // denormal, or pseudo-denormal
      exponent = 0;
      if (!r.once(4)) high &= 0x7fffffff;
      break;
    case 5: // formats that are not supported
      exponent = r.below(0x8000);
      high &= 0x7fffffff;
      break;
    case 6:
      exponent = 1 + r.below(70);
      break;
    case 7:
      exponent = 0x7ffe - r.below(70);
      break;
    case 8: // borders of single and double
      exponent = 16383 + r.pick([-150, -149, -127, -126, 127, 128, -1075, -1074, -1023, -1022, 1023, 1024]);
      break;
    case 9: // integers and halves
      exponent = 16383 + r.below(66);
      high = (high & (0xffffffff << r.below(32))) >>> 0;
      low = 0;
      high = (high | 0x80000000) >>> 0;
      break;
    case 10:
      exponent = r.below(0x7fff);
      break;
    case 11:
    case 12:
      exponent = 16383 + r.between(-80, 80);
      break;
    default:
  }
  view.setUint32(at, low, true);
  view.setUint32(at + 4, high, true);
  view.setUint16(at + 8, exponent | (r.below(2) << 15), true);
}

/** A single-precision bit pattern. */
export function single(r: Random): number {
  const exponent = r.pick([
    0,
    1,
    254,
    255,
    127,
    126,
    128,
    103,
    150,
    158,
    127 + r.below(32),
    120 + r.below(16),
    r.below(256),
  ]);
  const fraction = r.pick([0, 1, 0x7fffff, 0x400000, 0x3fffff, r.u32(), r.u32(), r.u32() & 0x7ff000]) & 0x7fffff;
  return ((r.below(2) << 31) | (exponent << 23) | fraction) >>> 0;
}

/** A double-precision bit pattern: high and low word. */
export function double(r: Random): readonly [high: number, low: number] {
  const borders = [0, 1, 2046, 2047, 1023, 1022, 1024, 896, 897, 1150, 1151, 1054, 1055, 971];
  const exponent = r.pick([...borders, 1023 + r.below(40), 1016 + r.below(16), r.below(2048)]);
  const fraction = r.pick([0, 1, 0xfffff, 0x80000, 0x7ffff, r.u32(), r.u32()]) & 0xfffff;
  const low = r.pick([
    0,
    1,
    0xffffffff,
    0x80000000,
    0x10000000,
    0x1fffffff,
    r.u32(),
    r.u32(),
    (r.u32() & 0xe0000000) >>> 0,
  ]);
  return [((r.below(2) << 31) | (exponent << 20) | fraction) >>> 0, low];
}

/** A control word: all exceptions masked most of the time; never the reserved precision 01. */
export function controlWord(r: Random): number {
  const masks = r.below(4) < 3 ? EXCEPTIONS : r.below(64);
  return 0x40 | masks | (r.pick([3, 3, 2, 0]) << 8) | (r.below(4) << 10);
}

export function mxcsr(r: Random): number {
  const masks = r.below(4) < 3 ? EXCEPTIONS : r.below(64);
  const flags = r.once(3) ? r.below(64) : 0;
  const modes = (r.once(5) ? 0x8000 : 0) | (r.once(5) ? 0x40 : 0); // FZ, DAZ
  return flags | modes | (masks << 7) | (r.below(4) << 13);
}

/** ES and B are what the flags and masks make them. */
export function summarised(fsw: number, fcw: number): number {
  const pending = (fsw & ~fcw & EXCEPTIONS) !== 0;
  return (fsw & ~STATUS_SUMMARY) | (pending ? STATUS_SUMMARY : 0);
}

/** Fills eight bytes with singles, a double, or integers. */
function lane(view: DataView, at: number, r: Random, kind: number): void {
  if (kind === 0) {
    view.setUint32(at, single(r), true);
    view.setUint32(at + 4, single(r), true);
  } else if (kind === 1) {
    const [high, low] = double(r);
    view.setUint32(at, low, true);
    view.setUint32(at + 4, high, true);
  } else {
    for (const k of [0, 4]) {
      view.setUint32(
        at + k,
        r.pick([0, 0xffffffff, 0x80008000, 0x7fff7fff, 0x80808080, r.below(80), r.u32(), r.u32()]),
        true,
      );
    }
  }
}

/** The FXSAVE image that a floating-point case begins with. */
export function initialImage(seed: number): Uint8Array {
  const r = new Random(seed ^ 0xf10a7);
  const image = new Uint8Array(IMAGE_SIZE);
  const view = new DataView(image.buffer);
  const fcw = controlWord(r);
  const flags = r.once(4) ? r.below(64) & (r.once(4) ? EXCEPTIONS : fcw) : 0;
  const fsw = summarised(flags | (r.once(8) ? 0x40 : 0) | (r.u32() & 0x4700) | (r.below(8) << 11), fcw);
  view.setUint16(FCW, fcw, true);
  view.setUint16(FSW, fsw, true);
  image[FTW] = r.pick([0xff, 0xff, 0, r.below(256), r.below(256)]);
  view.setUint32(MXCSR, mxcsr(r), true);
  for (let i = 0; i < 8; i++) {
    const at = ST + 16 * i;
    extended(view, at, r);
    if (r.once(4)) {
      lane(view, at, r, 2); // an MMX register
      view.setUint16(at + 8, 0xffff, true);
    }
  }
  const kind = r.below(4); // one kind for all registers, or mixed
  for (let at = XMM; at < IMAGE_USED; at += 8) lane(view, at, r, kind === 3 ? r.below(3) : kind);
  return image;
}
