/** One cell, run in this thread, as a record. What goes wrong is in the record; nothing is thrown. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HostError } from '../hypervisor/types.js';
import {
  BATCH_FILES,
  type Cell,
  type CellError,
  type CellRecord,
  type CellStatus,
  cellFolder,
  deterministicPart,
} from './cell.js';
import { fingerprint } from './fingerprint.js';
import { writeConsoles } from './output.js';
import { listNames } from './problem.js';
import { type Experiment, type ExperimentOptions, type Platform, runExperiment, runId } from './run.js';
import { type DomainSpec, filesOf, type HostSpec, type Scenario } from './scenario.js';

export type ConsolePolicy = 'none' | 'failed' | 'all';

/** Plain data: it is posted to worker threads, and to other machines. */
export interface CellTask {
  readonly cell: Cell;
  readonly scenario: Scenario;
  /** SHA-256 of the core.wasm that the batch began with. */
  readonly core?: string;
  /** Largest flat memory, bytes. */
  readonly memoryBytes: number;
  readonly reproducer: string;
  /** Folder of the batch, for consoles. */
  readonly out?: string;
  readonly consoles: ConsolePolicy;
  /** Cells with the same share their boot; without one, the cell boots itself. */
  readonly boot?: string;
}

/** The platform, with what it says of sizes. */
export interface CellPlatform extends Platform {
  readonly hostBytes?: (host: HostSpec, domains: readonly DomainSpec[]) => { readonly needed: number };
}

export function failedRecord(task: CellTask, status: CellStatus, error: CellError, attempts = 1): CellRecord {
  return { cell: task.cell, status, claims: [], error, reproducer: task.reproducer, attempts };
}

/**
 * @param memory gives the flat memory; default: a new one
 * @param booted where the cell's host goes on from, or who gets it when it has booted
 */
export async function runCell(
  task: CellTask,
  platform: CellPlatform,
  memory?: (pages: number) => WebAssembly.Memory,
  booted?: ExperimentOptions['booted'],
): Promise<CellRecord> {
  const { cell, scenario, memoryBytes } = task;
  const needed = platform.hostBytes?.(scenario.host, scenario.domains).needed ?? 0;
  if (needed > memoryBytes) {
    const [wanted, limit] = [needed, memoryBytes].map((bytes) => `${Math.ceil(bytes / 1024 ** 2)} MiB`);
    return failedRecord(task, 'memory', {
      code: 'memory',
      message: `needs ${wanted} of flat memory; the limit is ${limit}`,
    });
  }
  const start = performance.now();
  let experiment: Experiment;
  try {
    experiment = await runExperiment(scenario, platform, {
      workers: 1,
      inline: true,
      versions: {},
      parameters: cell.parameters,
      attest: (ended) => fingerprint(deterministicPart(completed(cell, ended))),
      ...(memory !== undefined && { memory }),
      ...(booted !== undefined && { booted }),
    });
  } catch (error) {
    return failedRecord(task, ...explain(error));
  }
  const fault = platformFault(experiment) ?? changedFile(task, platform);
  if (fault !== undefined) return failedRecord(task, 'failed', fault);
  const { results } = experiment;
  const record = completed(cell, experiment);
  try {
    keepConsoles(task, record.status, experiment);
  } catch (error) {
    const message = `consoles cannot be written: ${(error as Error).message}`;
    return failedRecord(task, 'failed', { code: 'console', message });
  }
  const wall = results.wallClock;
  return {
    ...record,
    ...(results.attestation !== undefined && { attestation: results.attestation }),
    wallClock: {
      total_ms: performance.now() - start,
      boot_ms: wall.bootMs,
      run_ms: wall.runMs,
      mips: wall.mips,
      memory: needed > 0 ? needed : wall.memoryMiB * 1024 ** 2,
      restored: booted !== undefined && 'restore' in booted ? 1 : 0,
    },
    reproducer: task.reproducer,
    attempts: 1,
  };
}

/** What the record of a cell that ran to its end says about it. */
function completed(cell: Cell, { results, rows }: Experiment) {
  return {
    cell,
    status: results.passed ? 'ok' : 'claim-failed',
    deterministic: { fingerprint: results.fingerprint, domains: rows.domains, host: rows.host },
    claims: results.failedClaims,
  } satisfies Partial<CellRecord>;
}

function explain(error: unknown): [CellStatus, CellError] {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof HostError) {
    return [error.code === 'host-memory' ? 'memory' : 'failed', { code: error.code, message }];
  }
  // V8's words for a memory that the operating system does not give.
  if (error instanceof RangeError && /memory/i.test(message)) return ['memory', { code: 'memory', message }];
  return ['failed', { code: 'internal', message }];
}

function platformFault({ broken, results }: Experiment): CellError | undefined {
  const [first] = broken;
  if (first !== undefined) {
    const message = first.outcome.kind === 'platform-error' ? first.outcome.message : first.outcome.kind;
    return { code: 'platform', message: `domain '${first.name}': ${message}` };
  }
  if (results.deterministic.zeroSum) return undefined;
  return { code: 'platform', message: 'memory or CPU time of an ended domain was not given back' };
}

/** A guest, module or disk that is no longer what the plan was made of would give a result under a wrong id. */
function changedFile({ cell, scenario }: CellTask, { costTable }: CellPlatform): CellError | undefined {
  const hashes = new Map<string, string>();
  const hashOf = (path: string): string => {
    const hash = hashes.get(path) ?? createHash('sha256').update(readFileSync(path)).digest('hex');
    hashes.set(path, hash);
    return hash;
  };
  try {
    if (runId(scenario, costTable, hashOf) === cell.id) return undefined;
  } catch {
    // One that can no longer be read has changed, too.
  }
  const names = scenario.domains.flatMap((each) => [each.guest, ...filesOf(each).map(({ name }) => name)]);
  const message = `one of ${listNames([...new Set(names)])} is not the file that the plan was made of`;
  return { code: 'file-changed', message };
}

function keepConsoles(task: CellTask, status: CellStatus, { consoles }: Experiment): void {
  if (task.out === undefined || task.consoles === 'none' || (task.consoles === 'failed' && status === 'ok')) return;
  writeConsoles(join(task.out, BATCH_FILES.console, cellFolder(task.cell.index)), consoles);
}
