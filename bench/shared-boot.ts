/**
 * What sharing boots saves: 200 cells that differ in a weight and in how long they run after a boot of 20 ms of virtual time, with
 * every cell booting by itself and with one boot for all. Processor time, as everywhere where other programs run too.
 */
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import type * as Ringfence from '../src/index.js';
import { packageRoot } from '../src/machine/core.js';
import { BenchError, type Progress } from './progress.js';
import { BASELINE, type Row, rowsOf } from './report.js';

const CELLS = 200;

export async function sharedBoots(progress: Progress): Promise<{ rows: readonly Row[]; summary: string[] }> {
  const dist = pathToFileURL(`${packageRoot()}/dist/src/index.js`).href;
  const { checkScenario, defineScenario, sweep } = (await import(dist)) as typeof Ringfence;
  const plan = checkScenario(
    defineScenario({
      host: { pcpus: 1 },
      domains: { a: { guest: 'sieve', cmdline: 'n=4000000', memory: '8MiB' }, b: { guest: 'interp', memory: '4MiB' } },
      boot: { until: '20ms' },
      sweep: {
        grid: {
          'domains.a.weight': { from: 64, to: 2560, step: 64 },
          'limits.time': { from: '21ms', to: '25ms', step: '1ms' },
        },
      },
    }),
  );
  if (plan.points.length !== CELLS) throw new BenchError(`the sweep has ${plan.points.length} cells, not ${CELLS}`);
  const workers = Math.min(2, availableParallelism());
  const run = async (what: string, snapshotBytes: number) => {
    const used = process.cpuUsage();
    const results = await sweep(plan, {
      ...{ workers, limits: { snapshotBytes } },
      onProgress: ({ done }) => progress.step(`sweep: ${done} of ${CELLS} cells, ${what}`),
    });
    const { user, system } = process.cpuUsage(used);
    const restored = results.wallClock.filter((cell) => cell.wallClock?.restored === 1).length;
    return { cpu: (user + system) / 1000 / CELLS, restored, fingerprint: results.fingerprint };
  };
  const alone = await run('every one boots', 0);
  const shared = await run('one boots', 512 * 1024 ** 2);
  if (alone.fingerprint !== shared.fingerprint) throw new BenchError('cells that share their boot have other results');
  if (shared.restored !== CELLS - 1) throw new BenchError(`${shared.restored} cells shared a boot, not ${CELLS - 1}`);
  const times = (alone.cpu / shared.cpu).toFixed(1);
  return {
    rows: rowsOf('sweep-boot', 'ms/cell', [
      { subject: BASELINE, about: 'every cell boots by itself; processor time', values: [alone.cpu] },
      { subject: 'shared', about: 'one boot for all cells, with the same fingerprints', values: [shared.cpu] },
    ]),
    summary: [`sweep: ${CELLS} cells that share their boot take 1/${times} of the processor time`],
  };
}
