/** The worker of a CellPool with cells that misbehave: the first domain's command line says how. */
import { existsSync, writeFileSync } from 'node:fs';
import work, { type WorkerTask } from '../../src/experiment/cell-worker.js';

export default async function misbehave(task: WorkerTask): Promise<unknown> {
  const [fault, marker] = (task.scenario.domains[0]?.cmdline ?? '').split(' ');
  Atomics.store(task.began, 0, 1);
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
      return await work(task);
    default:
      return await work(task);
  }
}
