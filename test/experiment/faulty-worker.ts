/**
 * The worker of a CellPool with cells that misbehave: the first domain's command line says how. With RINGFENCE_TEST_DEATHS, a
 * folder, it dies under the first attempt of every third cell, whatever that is: once before the cell, once after it.
 */
import { existsSync, writeFileSync } from 'node:fs';
import type { CellRecord } from '../../src/experiment/cell.js';
import { type Bundle, type BundleResult, runBundle, runTask } from '../../src/experiment/cell-worker.js';

export default async function misbehave(bundle: Bundle): Promise<BundleResult> {
  return await runBundle(bundle, run);
}

const run: typeof runTask = async (task, booted): Promise<CellRecord> => {
  const [fault, marker] = (task.scenario.domains[0]?.cmdline ?? '').split(' ');
  const deaths = process.env.RINGFENCE_TEST_DEATHS;
  const { index } = task.cell;
  const mark = `${deaths}/${index}`;
  if (deaths !== undefined && index % 3 === 0 && !existsSync(mark)) {
    writeFileSync(mark, '');
    if (index % 2 === 0) await runTask(task, booted);
    return process.exit(9);
  }
  switch (fault) {
    case 'exit':
      return process.exit(3);
    case 'hang':
      for (;;);
    case 'heap': {
      const held: unknown[] = [];
      for (;;) held.push(new Array(200_000).fill({}));
    }
    case 'throw':
      throw new Error('thrown by the worker');
    case 'once':
      if (marker !== undefined && !existsSync(marker)) {
        writeFileSync(marker, '');
        return process.exit(1);
      }
      return await runTask(task, booted);
    default:
      return await runTask(task, booted);
  }
};
