/**
 * Subjects that differ by little: short windows of the baseline and of one subject take turns, and each window is compared with the
 * baseline just before and just after it. What slows the computer for longer than a window slows both and is not seen.
 *
 *   baseline │ subject │ baseline │ subject │ …        ratioᵢ = subjectᵢ ÷ mean(baselineᵢ, baselineᵢ₊₁)
 */
import type { Progress } from '../progress.js';
import { BASELINE, type Row, rowsOf, significant } from '../report.js';
import { median, medianInterval } from '../statistics.js';
import type { MicroBench } from './benches.js';
import type { MicroOptions } from './run.js';

const PAIRS_PER_ROUND = 100;
const WARM_UP = 30;

/** Rows whose `ratio` is the median of the windows' ratios; `low` and `high` are its 95 % interval, `pairs` how many there were. */
export function runPaired(bench: MicroBench, { rounds, clock }: MicroOptions, progress: Progress): readonly Row[] {
  const { operations, subjects } = bench.prepare();
  const now = clock === 'cpu' ? cpuNanoseconds : wallNanoseconds;
  const time = (call: () => number): number => {
    const start = now();
    call();
    return (now() - start) / operations;
  };
  const base = subjects.find(({ name }) => name === BASELINE)!;
  for (const { call } of subjects) for (let i = 0; i < WARM_UP; i++) call();
  const all: number[] = [];
  const measured = subjects.flatMap(({ name, about, call }) => {
    if (name === BASELINE) return [];
    progress.step(`${bench.name}: ${name}`);
    const values: number[] = [];
    const ratios: number[] = [];
    let before = time(base.call);
    for (let i = 0; i < rounds * PAIRS_PER_ROUND; i++) {
      const value = time(call);
      const after = time(base.call);
      values.push(value);
      ratios.push((2 * value) / (before + after));
      all.push(after);
      before = after;
    }
    const { low, high } = medianInterval(ratios);
    const interval = { low: significant(low), high: significant(high), pairs: ratios.length };
    return [{ subject: name, about, values, more: { ratio: significant(median(ratios)), ...interval, clock } }];
  });
  const { about } = base;
  return rowsOf(bench.name, 'ns', [{ subject: BASELINE, about, values: all, more: { clock } }, ...measured]);
}

function wallNanoseconds(): number {
  return performance.now() * 1e6;
}

function cpuNanoseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}
