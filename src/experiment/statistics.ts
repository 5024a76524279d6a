/**
 * Statistics of wall-clock samples: medians, the Mann-Whitney U test and Wilcoxon's signed-rank test, the intervals that belong
 * to them, Holm's correction. All of it is by ranks: nothing is assumed of how times are distributed, and nothing is resampled.
 * An interval is there only where so few samples can have one of that confidence.
 */

/** Middle of the sorted samples; the mean of the two middle ones for even counts. NaN for none. */
export function median(samples: ArrayLike<number>): number {
  const sorted = Float64Array.from(samples).sort();
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] ?? Number.NaN;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
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

/** Up to this many samples, without ties, probabilities are exact. */
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
    return { u, p: exactP(exactCounts(n, m), u), exact: true };
  }
  const variance = ((n * m) / 12) * (total + 1 - ties / (total * (total - 1)));
  return { u, p: normalP(u - (n * m) / 2, variance), exact: false };
}

/** Two-sided probability of a statistic as far from the middle as `at`, or farther. */
function exactP(counts: readonly number[], at: number): number {
  const ways = counts.reduce((sum, count) => sum + count, 0);
  const tail = counts.slice(0, Math.min(at, counts.length - 1 - at) + 1).reduce((sum, count) => sum + count, 0);
  return Math.min(1, (2 * tail) / ways);
}

/** The same by the normal distribution, with correction for continuity. */
function normalP(fromMiddle: number, variance: number): number {
  if (!(variance > 0)) return 1;
  return Math.min(1, erfc(Math.max(0, Math.abs(fromMiddle) - 0.5) / Math.sqrt(2 * variance)));
}

/** How many of the smallest values of a statistic have, together, at most half of 1 − `confidence`. */
function tailLength(counts: readonly number[], confidence: number): number {
  const ways = counts.reduce((sum, count) => sum + count, 0);
  let [length, tail] = [0, 0];
  for (const count of counts) {
    tail += count;
    if (tail / ways > (1 - confidence) / 2) break;
    length++;
  }
  return length;
}

/** z with P(|Z| ≤ z) = confidence. */
function normalQuantile(confidence: number): number {
  let [low, high] = [0, 40];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (erfc(middle / Math.SQRT2) > 1 - confidence) low = middle;
    else high = middle;
  }
  return low;
}

/** The `rank`-th smallest, from 0, of all b − a; both sorted. By bisection: there may be many millions of them. */
function rankedDifference(a: Float64Array, b: Float64Array, rank: number): number {
  const atMost = (limit: number): number => {
    let [pairs, below] = [0, 0]; // of b, those that are at most limit above this a
    for (const value of a) {
      while (below < b.length && (b[below] ?? 0) - value <= limit) below++;
      pairs += below;
    }
    return pairs;
  };
  let low = (b[0] ?? 0) - (a.at(-1) ?? 0);
  let high = (b.at(-1) ?? 0) - (a[0] ?? 0);
  if (atMost(low) > rank) return low;
  for (let step = 0; step < 64 && low < high; step++) {
    const middle = low + (high - low) / 2;
    if (atMost(middle) > rank) high = middle;
    else low = middle;
  }
  return high;
}

export interface Estimate extends Partial<Interval> {
  readonly ratio: number;
}

/**
 * How many times as large values of `b` are as those of `a`: the median of all b / a, with the interval of the factors that the
 * Mann-Whitney test does not refuse (Hodges and Lehmann 1963; Hollander and Wolfe, sections 4.2 and 4.3, of logarithms).
 * @returns no interval where too few samples have none, at 95 % fewer than 4 and 4; undefined where a value is not positive
 */
export function ratioOf(a: readonly number[], b: readonly number[], confidence: number = 0.95): Estimate | undefined {
  const [n, m] = [a.length, b.length];
  if (n === 0 || m === 0 || ![...a, ...b].every((value) => value > 0)) return undefined;
  const [logA, logB] = [a, b].map((samples) => Float64Array.from(samples, Math.log).sort()) as [
    Float64Array,
    Float64Array,
  ];
  const pairs = n * m;
  const at = (rank: number): number => Math.exp(rankedDifference(logA, logB, rank));
  const ratio = pairs % 2 === 1 ? at((pairs - 1) / 2) : Math.sqrt(at(pairs / 2 - 1) * at(pairs / 2));
  const skip =
    n + m <= EXACT_MAX
      ? tailLength(exactCounts(n, m), confidence)
      : Math.floor(pairs / 2 - normalQuantile(confidence) * Math.sqrt((pairs * (n + m + 1)) / 12));
  if (skip < 1) return { ratio };
  return { ratio, low: at(skip - 1), high: at(pairs - skip) };
}

/** Number of sets of the ranks 1 … n with each sum. */
function rankSums(n: number): number[] {
  const counts = new Array<number>((n * (n + 1)) / 2 + 1).fill(0);
  counts[0] = 1;
  for (let rank = 1; rank <= n; rank++) {
    for (let sum = counts.length - 1; sum >= rank; sum--) counts[sum] = (counts[sum] ?? 0) + (counts[sum - rank] ?? 0);
  }
  return counts;
}

/**
 * Wilcoxon's signed-rank test of differences of pairs, two-sided: exact for few without ties, else the normal approximation with
 * corrections for ties and continuity; differences of zero are left out (Wilcoxon 1945; Hollander and Wolfe, section 3.1).
 */
export function signedRank(differences: readonly number[]): { readonly p: number; readonly exact: boolean } {
  const sorted = differences.filter((value) => value !== 0).sort((x, y) => Math.abs(x) - Math.abs(y));
  const n = sorted.length;
  let [sum, ties] = [0, 0];
  for (let start = 0; start < n; ) {
    let end = start + 1;
    while (end < n && Math.abs(sorted[end] ?? 0) === Math.abs(sorted[start] ?? 0)) end++;
    const positive = sorted.slice(start, end).filter((value) => value > 0).length;
    sum += positive * ((start + 1 + end) / 2);
    ties += (end - start) ** 3 - (end - start);
    start = end;
  }
  if (n === 0) return { p: 1, exact: true };
  if (ties === 0 && n <= EXACT_MAX) return { p: exactP(rankSums(n), sum), exact: true };
  const variance = (n * (n + 1) * (2 * n + 1)) / 24 - ties / 48;
  return { p: normalP(sum - (n * (n + 1)) / 4, variance), exact: false };
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

/** Number of sets of 0 … n of n things. */
function binomials(n: number): number[] {
  const counts = [1];
  for (let k = 1; k <= n; k++) counts.push(((counts[k - 1] ?? 0) * (n - k + 1)) / k);
  return counts;
}

/**
 * Interval of the median, between two of the samples (Hollander and Wolfe, section 3.6: it belongs to the sign test).
 * @returns undefined where too few samples have none: at 95 % fewer than 6
 */
export function medianInterval(samples: readonly number[], confidence: number = 0.95): Interval | undefined {
  const n = samples.length;
  const skip =
    n <= 1000
      ? tailLength(binomials(n), confidence)
      : Math.floor(n / 2 - normalQuantile(confidence) * Math.sqrt(n / 4));
  if (skip < 1) return undefined;
  const sorted = Float64Array.from(samples).sort();
  return { low: sorted[skip - 1] ?? 0, high: sorted[n - skip] ?? 0 };
}
