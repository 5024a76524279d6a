/** npm run bench -- smm: the memory-encryption unit beside what it is to be compared with. */

import { runPaired } from './micro/paired.js';
import { runMicro } from './micro/run.js';
import { ctrBench, loadNoble, MODE_BENCH } from './micro/smm.js';
import { FILL_BENCH, FLUSH_BENCH, GUEST_BENCH, WRITE_BACK_BENCH } from './micro/smm-guest.js';
import type { PeerOptions } from './peers/measure.js';
import type { Progress } from './progress.js';
import { BASELINE, type Row } from './report.js';

/** What was asked for: how many times as fast as another row (or, for `most`, at most how many times its time). */
const TARGETS = [
  { bench: 'smm/ctr', subject: 'ringfence', than: BASELINE, least: 0.7 },
  { bench: 'smm/ctr', subject: 'ringfence', than: 'c', least: 1.5 },
  { bench: 'smm/ctr', subject: 'ringfence', than: 'noble', least: 15 },
  { bench: 'smm/ctr', subject: 'ringfence-host-32', than: BASELINE, least: 2 },
  { bench: 'smm/flush', subject: 'ctr-host', than: BASELINE, least: 1 },
  { bench: 'smm/modes', subject: 'ctr+mac', than: BASELINE, most: 2.2 },
  { bench: 'smm/guest', subject: 'ctr', than: BASELINE, least: 0.97 },
  { bench: 'smm/guest', subject: 'ctr+mac+tree', than: BASELINE, least: 0.97 },
  { bench: 'smm/fill', subject: 'ctr+mac', than: BASELINE, most: 2.2 },
] as const;

export async function runSmm(options: PeerOptions, progress: Progress) {
  const benches = [ctrBench(await loadNoble(), progress), MODE_BENCH, FILL_BENCH, WRITE_BACK_BENCH, FLUSH_BENCH];
  const rows: Row[] = [];
  for (const bench of benches) rows.push(...(await runMicro(bench, options, progress)));
  rows.push(...runPaired(GUEST_BENCH, options, progress));
  return { rows, summary: summary(rows) };
}

function summary(rows: readonly Row[]): readonly string[] {
  const row = (bench: string, subject: string): Row | undefined =>
    rows.find((each) => each.bench === bench && each.subject === subject);
  const lines: string[] = [''];
  for (const target of TARGETS) {
    const own = row(target.bench, target.subject);
    const other = row(target.bench, target.than);
    if (own === undefined || other === undefined) continue;
    const name = target.than === BASELINE ? `the baseline of ${target.bench}` : target.than;
    // A ratio with an interval is of pairs, and says more than the two medians.
    const { low, high, ratio } = own as Row & { readonly low?: number; readonly high?: number };
    const slower = low === undefined || ratio === null ? own.median / other.median : ratio;
    if ('least' in target) {
      const interval = low === undefined ? '' : `, 95 %: ${(1 / high!).toFixed(3)} to ${(1 / low).toFixed(3)}`;
      lines.push(
        `${target.subject}: ${(1 / slower).toFixed(low === undefined ? 2 : 3)} × as fast as ${name} (wanted: at least ${target.least}${interval})`,
      );
    } else lines.push(`${target.subject}: ${slower.toFixed(2)} × the time of ${name} (wanted: at most ${target.most})`);
  }
  return [...lines, ''];
}
