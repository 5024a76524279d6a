/** `hypervisor`: what Ringfence's own paths cost: exits, upcalls, events, grants. The guest is bench/guests/hypervisor.elf. */
import { fileURLToPath } from 'node:url';
import type { Progress } from '../progress.js';
import { type Measured, type Row, rowsOf, significant } from '../report.js';
import type { Workload } from './engines.js';
import { ENGINES } from './engines.js';
import { measure, type PeerOptions } from './measure.js';
import { engineTimes } from './peers.js';

const WORKLOAD: Workload = {
  name: 'hypervisor.elf',
  image: fileURLToPath(new URL('../guests/hypervisor.elf', import.meta.url)),
  imageName: 'hypervisor.elf',
  cmdline: 'side=second peer=1',
  peer: 'side=first peer=0',
  memoryMiB: 4,
  checksums: 0,
};

/** Nanoseconds at most, as issue 4 wants them. */
const TARGETS: Readonly<Record<string, number>> = {
  cpuid: 150,
  'hypercall-unknown': 150,
  'hypercall-version': 150,
  upcall: 1000,
  event: 1000,
};

/** Every path is measured in many windows: the quickest one says what it costs when nothing else runs. */
function withLeast(measured: Measured): Measured {
  return { ...measured, more: { ...measured.more, least: significant(Math.min(...measured.values)) } };
}

export async function runHypervisor(
  options: PeerOptions,
  progress: Progress,
): Promise<{ rows: readonly Row[]; summary: readonly string[] }> {
  const engines = ENGINES.filter(({ name }) => name === 'ringfence-ept');
  const marks = await measure(WORKLOAD, engines, options.rounds, progress);
  const rows = [...marks].flatMap(([path, byEngine]) =>
    rowsOf(
      `hypervisor/${path}`,
      path === 'grant-copy' ? 'ns/KiB' : 'ns',
      engineTimes(byEngine, engines, options.clock).map(withLeast),
    ),
  );
  const lines = rows.flatMap(({ bench, median, least }) => {
    const wanted = TARGETS[bench.slice('hypervisor/'.length)];
    if (wanted === undefined) return [];
    return [`${bench}: ${median.toFixed(0)} ns, ${Number(least).toFixed(0)} at the least (wanted: at most ${wanted})`];
  });
  return { rows, summary: ['', ...lines, ''] };
}
