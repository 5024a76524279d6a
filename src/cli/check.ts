/** `ringfence check` */
import { ScenarioError } from '../experiment/problem.js';
import { formatQuantity, MEMORY } from '../experiment/units.js';
import { EXIT } from './exit.js';
import type { Io } from './io.js';
import { load } from './run.js';

export interface CheckArguments {
  readonly json?: boolean;
  readonly set: readonly string[];
}

/** Runs nothing and writes nothing but its answer. @returns the exit code */
export async function checkCommand(file: string, args: CheckArguments, io: Io): Promise<number> {
  try {
    const scenario = load(file, args.set, io, await io.machine());
    if (args.json === true) {
      io.out.write(`${JSON.stringify({ ok: true, problems: [], scenario }, null, 2)}\n`);
      return EXIT.ok;
    }
    const { domains, host } = scenario;
    const bytes = domains.reduce((sum, domain) => sum + domain.memoryBytes, 0);
    const count = `${domains.length} ${domains.length === 1 ? 'domain' : 'domains'}`;
    io.out.write(`${file}: ok: ${count}, ${formatQuantity(MEMORY, bytes)}, ${host.pcpus} physical CPUs\n`);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof ScenarioError) || args.json !== true) throw error;
    io.out.write(`${JSON.stringify({ ok: false, problems: error.problems }, null, 2)}\n`);
    return EXIT.usage;
  }
}
