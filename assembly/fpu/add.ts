/** Addition of unpacked non-zero finite values: A ± B into W. */
import { J_BIT } from './float80';
import { setWide, setWideNormalized, shiftLow } from './round';
import { VALUE_EXPONENT, VALUE_SIGN, X_A, X_B } from './state';

/**
 * W = A + B, or A − B with `negate` 1. Below bit 0 of the 128-bit sum everything is ORed into bit 0, so both the sum and
 * the difference round correctly. An exact zero gets the sign `zeroSign`.
 */
export function addValues(f: usize, negate: u32, zeroSign: u32): void {
  let big = f + X_A;
  let small = f + X_B;
  let signBig = load<u32>(big, VALUE_SIGN);
  let signSmall = load<u32>(small, VALUE_SIGN) ^ negate;
  let distance = load<i32>(big, VALUE_EXPONENT) - load<i32>(small, VALUE_EXPONENT);
  if (distance < 0 || (distance == 0 && load<u64>(big) < load<u64>(small))) {
    const p = big;
    big = small;
    small = p;
    const sign = signBig;
    signBig = signSmall;
    signSmall = sign;
    distance = -distance;
  }
  const exponent = load<i32>(big, VALUE_EXPONENT);
  const high = load<u64>(big);
  const m = load<u64>(small);
  const n = distance as u32;
  const smallHigh: u64 = n < 64 ? m >>> n : 0;
  const smallLow: u64 = n == 0 ? 0 : shiftLow(m, 0, n);
  if (signBig == signSmall) {
    const sum = high + smallHigh;
    if (sum < high)
      setWide(f, signBig, exponent + 1, (sum >>> 1) | J_BIT, (sum << 63) | (smallLow >>> 1) | (smallLow & 1));
    else setWide(f, signBig, exponent, sum, smallLow);
    return;
  }
  const difference = high - smallHigh - u64(smallLow != 0);
  const low = -smallLow;
  if ((difference | low) == 0) setWide(f, zeroSign, 0, 0, 0);
  else setWideNormalized(f, signBig, exponent, difference, low);
}
