/**
 * Subjects that differ by little: short windows of the baseline and of one subject take turns, and each window is compared with the
 * baseline just before and just after it. What slows the computer for longer than a window slows both and is not seen.
 *
 *   baseline │ subject │ baseline │ subject │ …        ratioᵢ = subjectᵢ ÷ mean(baselineᵢ, baselineᵢ₊₁)
 *
 * Where in the computer's memory the two lie changes more than what is asked (huge pages, cache sets), so every round makes all of them
 * anew; the rounds' medians are the sample. One round more goes first and does not count: the compiler is still at work.
 */
import type { Progress } from '../progress.js';
import { BASELINE, type Row, rowsOf, significant } from '../report.js';
import { median, medianInterval } from '../statistics.js';
import type { MicroBench } from './benches.js';
import type { MicroOptions } from './run.js';

const PAIRS = 100;
const WARM_UP = 30;

/** Rows whose `ratio` is the median of the rounds' median ratios; `low` and `high` are its 95 % interval, `pairs` how many windows there were. */
export function runPaired(bench: MicroBench, { rounds, clock }: MicroOptions, progress: Progress): readonly Row[] {
  const now = clock === 'cpu' ? cpuNanoseconds : wallNanoseconds;
  const samples = new Map<string, { readonly about: string; readonly values: number[]; readonly ratios: number[] }>();
  for (let round = 0; round <= rounds; round++) {
    progress.step(`${bench.name}: round ${round} of ${rounds}`);
    const { operations, subjects } = bench.prepare();
    const time = (call: () => number): number => {
      const start = now();
      call();
      return (now() - start) / operations;
    };
    const base = subjects.find(({ name }) => name === BASELINE)!.call;
    for (const { call } of subjects) for (let i = 0; i < WARM_UP; i++) call();
    for (const { name, about, call } of subjects) {
      const sample = samples.get(name) ?? { about, values: [], ratios: [] };
      samples.set(name, sample);
      const values: number[] = [];
      const ratios: number[] = [];
      let before = time(base);
      for (let i = 0; i < PAIRS; i++) {
        const value = time(call);
        const after = time(base);
        values.push(value);
        ratios.push((2 * value) / (before + after));
        before = after;
      }
      if (round === 0) continue;
      sample.values.push(median(values));
      sample.ratios.push(median(ratios));
    }
  }
  const measured = [...samples].map(([subject, { about, values, ratios }]) => {
    const { low, high } = medianInterval(ratios);
    const interval = { low: significant(low), high: significant(high), pairs: rounds * PAIRS };
    return { subject, about, values, more: { ratio: significant(median(ratios)), ...interval, clock } };
  });
  return rowsOf(bench.name, 'ns', measured);
}

function wallNanoseconds(): number {
  return performance.now() * 1e6;
}

function cpuNanoseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}
