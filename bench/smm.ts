/** npm run bench -- smm: the memory-encryption unit beside what it is to be compared with. */

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
  { bench: 'smm/modes', subject: 'ctr+mac', than: BASELINE, most: 2.2 },
  { bench: 'smm/guest', subject: 'ctr', than: BASELINE, least: 0.97 },
  { bench: 'smm/fill', subject: 'ctr+mac', than: BASELINE, most: 2.2 },
] as const;

export async function runSmm(options: PeerOptions, progress: Progress) {
  const benches = [
    ctrBench(await loadNoble(), progress),
    MODE_BENCH,
    GUEST_BENCH,
    FILL_BENCH,
    WRITE_BACK_BENCH,
    FLUSH_BENCH,
  ];
  const rows: Row[] = [];
  for (const bench of benches) rows.push(...(await runMicro(bench, options, progress)));
  return { rows, summary: summary(rows) };
}

function summary(rows: readonly Row[]): readonly string[] {
  const median = (bench: string, subject: string): number | undefined =>
    rows.find((row) => row.bench === bench && row.subject === subject)?.median;
  const lines: string[] = [''];
  for (const target of TARGETS) {
    const own = median(target.bench, target.subject);
    const other = median(target.bench, target.than);
    if (own === undefined || other === undefined) continue;
    const name = target.than === BASELINE ? `the baseline of ${target.bench}` : target.than;
    if ('least' in target) {
      lines.push(
        `${target.subject}: ${(other / own).toFixed(2)} × as fast as ${name} (wanted: at least ${target.least})`,
      );
    } else
      lines.push(
        `${target.subject}: ${(own / other).toFixed(2)} × the time of ${name} (wanted: at most ${target.most})`,
      );
  }
  return [...lines, ''];
}
