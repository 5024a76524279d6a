/**
 * Statistics of wall-clock samples: medians, bootstrap intervals, the Mann-Whitney U test, Holm's correction.
 * Nothing here is random: resampling follows a seeded generator, so the same samples give the same interval.
 */

/** Middle of the sorted samples; the mean of the two middle ones for even counts. NaN for none. */
export function median(samples: ArrayLike<number>): number {
  const sorted = Float64Array.from(samples).sort();
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] ?? Number.NaN;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** xorshift32 (Marsaglia 2003): uniform in [0, 1). */
function generator(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

const RESAMPLES = 2000;
/** Samples drawn at most: large groups get fewer resamples, and need fewer. */
const DRAWS = 4e6;

export interface Interval {
  readonly low: number;
  readonly high: number;
}

function resampled(samples: ArrayLike<number>, random: () => number, into: Float64Array): number {
  for (let draw = 0; draw < into.length; draw++) into[draw] = samples[Math.floor(random() * samples.length)] ?? 0;
  return median(into);
}

/**
 * Percentile bootstrap of median(b) / median(a) (Efron and Tibshirani 1993, chapter 13).
 * @returns the interval at `confidence`; undefined where a group has fewer than two samples or a median is not positive
 */
export function ratioInterval(
  a: readonly number[],
  b: readonly number[],
  confidence: number = 0.95,
  seed: number = 1,
): Interval | undefined {
  if (a.length < 2 || b.length < 2 || !(median(a) > 0)) return undefined;
  const random = generator(seed);
  const count = Math.max(200, Math.min(RESAMPLES, Math.floor(DRAWS / (a.length + b.length))));
  const intoA = new Float64Array(a.length);
  const intoB = new Float64Array(b.length);
  const ratios = new Float64Array(count);
  for (let index = 0; index < count; index++) {
    ratios[index] = resampled(b, random, intoB) / resampled(a, random, intoA);
  }
  ratios.sort();
  const at = (share: number): number => ratios[Math.min(count - 1, Math.max(0, Math.round(share * (count - 1))))] ?? 0;
  const tail = (1 - confidence) / 2;
  return { low: at(tail), high: at(1 - tail) };
}

/** Complementary error function, relative error below 1.2e-7 (a Chebyshev fit, Numerical Recipes, section 6.2). */
function erfc(x: number): number {
  const z = Math.abs(x);
  const t = 2 / (2 + z);
  const coefficients = [
    ...[-1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806],
    ...[0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277],
  ];
  const polynomial = coefficients.reduceRight((sum, coefficient) => coefficient + t * sum, 0);
  const tail = t * Math.exp(-z * z + polynomial);
  return x >= 0 ? tail : 2 - tail;
}

/** Number of ways to draw `n` of `n + m` ranks with the statistic U, for every U: exact null distribution. */
function exactCounts(n: number, m: number): number[] {
  // Gaussian binomial coefficient: multiply by (1 − q^(m+i)), divide by (1 − q^i), for i = 1 … n.
  const counts = new Array<number>(n * m + 1).fill(0);
  counts[0] = 1;
  for (let i = 1; i <= n; i++) {
    for (let u = n * m; u >= m + i; u--) counts[u] = (counts[u] ?? 0) - (counts[u - m - i] ?? 0);
    for (let u = i; u <= n * m; u++) counts[u] = (counts[u] ?? 0) + (counts[u - i] ?? 0);
  }
  return counts;
}

/** Up to this many samples in both groups together, without ties, the p-value is exact. */
const EXACT_MAX = 30;

export interface RankTest {
  /** Pairs (a, b) with a > b, ties counted by half. */
  readonly u: number;
  /** Two-sided probability of so uneven a U, were both groups alike. */
  readonly p: number;
  readonly exact: boolean;
}

/**
 * Mann-Whitney U test, two-sided: exact for small groups without ties, else the normal approximation with corrections for
 * ties and continuity (Mann and Whitney 1947; Hollander and Wolfe, section 4.1). undefined where a group is empty.
 */
export function mannWhitney(a: readonly number[], b: readonly number[]): RankTest | undefined {
  const [n, m] = [a.length, b.length];
  if (n === 0 || m === 0) return undefined;
  const all = [...a.map((value) => ({ value, own: true })), ...b.map((value) => ({ value, own: false }))];
  all.sort((left, right) => left.value - right.value);
  let rankSum = 0;
  let ties = 0;
  for (let start = 0; start < all.length; ) {
    let end = start + 1;
    while (end < all.length && all[end]?.value === all[start]?.value) end++;
    const size = end - start;
    ties += size ** 3 - size;
    const rank = (start + 1 + end) / 2;
    for (let index = start; index < end; index++) if (all[index]?.own === true) rankSum += rank;
    start = end;
  }
  const u = rankSum - (n * (n + 1)) / 2;
  const total = n + m;
  if (ties === 0 && total <= EXACT_MAX) {
    const counts = exactCounts(n, m);
    const ways = counts.reduce((sum, count) => sum + count, 0);
    const small = Math.min(u, n * m - u);
    const tail = counts.slice(0, small + 1).reduce((sum, count) => sum + count, 0);
    return { u, p: Math.min(1, (2 * tail) / ways), exact: true };
  }
  const variance = ((n * m) / 12) * (total + 1 - ties / (total * (total - 1)));
  if (!(variance > 0)) return { u, p: 1, exact: false };
  const distance = Math.max(0, Math.abs(u - (n * m) / 2) - 0.5);
  return { u, p: Math.min(1, erfc(distance / Math.sqrt(2 * variance))), exact: false };
}

/** Holm's step-down adjustment: p-values that many tests at once may be judged by (Holm 1979). */
export function holm(ps: readonly number[]): number[] {
  const order = ps.map((p, index) => ({ p, index })).sort((left, right) => left.p - right.p);
  const adjusted = new Array<number>(ps.length).fill(1);
  let worst = 0;
  for (const [rank, { p, index }] of order.entries()) {
    worst = Math.max(worst, Math.min(1, p * (ps.length - rank)));
    adjusted[index] = worst;
  }
  return adjusted;
}

/** Percentile bootstrap of the median, as ratioInterval; undefined for fewer than two samples. */
export function medianInterval(
  samples: readonly number[],
  confidence: number = 0.95,
  seed: number = 1,
): Interval | undefined {
  if (samples.length < 2) return undefined;
  const random = generator(seed);
  const count = Math.max(200, Math.min(RESAMPLES, Math.floor(DRAWS / samples.length / 8)));
  const into = new Float64Array(samples.length);
  const medians = Float64Array.from({ length: count }, () => resampled(samples, random, into)).sort();
  const at = (share: number): number => medians[Math.round(share * (count - 1))] ?? 0;
  const tail = (1 - confidence) / 2;
  return { low: at(tail), high: at(1 - tail) };
}
