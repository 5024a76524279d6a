/** `events`: what one event costs, on every engine. The guest is bench/guests/events.elf. */
import { fileURLToPath } from 'node:url';
import type { Progress } from '../progress.js';
import { BASELINE, type Row, rowsOf } from '../report.js';
import type { Workload } from './engines.js';
import { measure, type PeerOptions, presentEngines } from './measure.js';
import { engineTimes } from './peers.js';

const WORKLOAD: Workload = {
  name: 'events.elf',
  image: fileURLToPath(new URL('../guests/events.elf', import.meta.url)),
  imageName: 'events.elf',
  cmdline: '',
  memoryMiB: 128,
  checksums: 0,
};

/** Where issue 3 wants Ringfence to be faster than QEMU TCG and v86. */
const TARGETS = ['cr3-touch8', 'page-fault', 'int-iret', 'random-touch'];

export async function runEvents(
  options: PeerOptions,
  progress: Progress,
): Promise<{ rows: readonly Row[]; summary: readonly string[] }> {
  const engines = presentEngines(options, progress).filter(({ name }) => name !== 'native');
  const marks = await measure(WORKLOAD, engines, options.rounds, progress);
  const rows = [...marks].flatMap(([event, byEngine]) =>
    rowsOf(`events/${event}`, 'ns', engineTimes(byEngine, engines, options.clock)),
  );
  return { rows, summary: ['', ...targets(rows), ''] };
}

function targets(rows: readonly Row[]): readonly string[] {
  const lines: string[] = [];
  for (const event of TARGETS) {
    const time = (engine: string): number | undefined =>
      rows.find(({ bench, subject }) => bench === `events/${event}` && subject === engine)?.median;
    const own = time('ringfence-ept') ?? time(BASELINE);
    if (own === undefined) continue;
    for (const peer of ['qemu-tcg', 'v86-jit']) {
      const theirs = time(peer);
      if (theirs === undefined) continue;
      lines.push(`${event}: speed with EPT against ${peer}: ${(theirs / own).toFixed(2)} (wanted: more than 1)`);
    }
  }
  return lines;
}
