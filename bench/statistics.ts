/** Of several measurements of one thing. */

/** The middle value, or the mean of the two middle ones; NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >>> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The geometric mean of positive values; NaN for none. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** Half of the distance between the quartiles, relative to the median, in percent: how far rounds lie apart. */
export function spread(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.round(part * (sorted.length - 1))]!;
  return (50 * (at(0.75) - at(0.25))) / median(sorted);
}

/** The 95 % interval of the median of what the values were drawn from, by order statistics: no distribution is assumed. */
export function medianInterval(values: readonly number[]): { readonly low: number; readonly high: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const half = 0.98 * Math.sqrt(sorted.length); // 1.96 standard deviations of a binomial with p = ½
  const at = (place: number): number => sorted[Math.min(sorted.length - 1, Math.max(0, place))]!;
  return { low: at(Math.floor(sorted.length / 2 - half)), high: at(Math.ceil(sorted.length / 2 + half)) };
}
