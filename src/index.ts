/**
 * Ringfence as a library. The command line uses nothing else.
 *
 *   import { defineScenario, runScenario, sweep } from 'ringfence';
 *
 *   const { results } = await runScenario('scenarios/first-light.yaml');
 *   const batch = await sweep(defineScenario({ domains: { a: { guest: 'sieve' } }, repeat: 10 }), { out: 'results/mine' });
 *   const { rows } = await query(batch, 'SELECT cell, retired FROM results');
 *
 * Errors, all of them classes with a `message` for people:
 *
 *   ScenarioError      the scenario or an option is wrong; `problems` has every mistake with file, line, column
 *   CatalogueError     a file that comes with Ringfence is damaged
 *   HostError          the host cannot be run; `code`, `domain` (runScenario only: a cell of a sweep is recorded instead)
 *   AbortedError       the signal fired; what a sweep has done stays in its journal
 *   OutputError        the folder cannot be used for results
 *   LockedError        another process works in the folder
 *   JournalError       the journal is damaged or of another plan; `code`
 *   JournalWriteError  the journal cannot be written (`code` ENOSPC: the disk is full); `kept` cells are safe
 *   BatchError         a folder is not that of a finished batch, or batches do not belong together
 *   QueryError         the SQL is wrong
 *   QueueError         the queue cannot be reached, or its batch not be worked on here
 *   SaveError          a saved host is damaged, or of another machine
 *   AttestError        results have no quote that could be judged
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { launchedHost } from './experiment/attest.js';
import { type BatchOptions, type BatchProgress, runBatch } from './experiment/batch.js';
import { BATCH_FILES, type BatchIdentity, type BatchResults } from './experiment/cell.js';
import type { ConsolePolicy } from './experiment/cell-run.js';
import { fingerprint } from './experiment/fingerprint.js';
import { readCatalogue } from './experiment/guests.js';
import { hostConfig } from './experiment/host-config.js';
import { writeBeside } from './experiment/journal.js';
import { type Machine, machine } from './experiment/machine.js';
import { writeManifest } from './experiment/manifest.js';
import {
  type CellLimits,
  type DraftPlan,
  identifyPlan,
  type Plan,
  type Point,
  parsePlan,
  readPlan,
} from './experiment/plan.js';
import { ScenarioError } from './experiment/problem.js';
import { type Experiment, hostSettings, runExperiment, type SavedContext } from './experiment/run.js';
import type { Scenario } from './experiment/scenario.js';
import type { ScenarioInput } from './experiment/schema.js';
import { readImage } from './hypervisor/save.js';
import { SaveError } from './hypervisor/sealed-file.js';
import type { Progress } from './hypervisor/types.js';
import { coreSha256, packageRoot } from './machine/core.js';
import type { LaunchedHost } from './security/launch.js';

export {
  AttestError,
  type AttestedBatch,
  type AttestedRun,
  type AttestOptions,
  checkBatch as attestBatch,
  checkResults as attestResults,
} from './experiment/attest.js';
export type { BatchProgress } from './experiment/batch.js';
export type {
  BatchIdentity,
  BatchResults,
  Cell,
  CellRecord,
  CellStatus,
  ClaimFailure,
  ParameterColumn,
  ParameterValue,
  Row,
} from './experiment/cell.js';
export { BATCH_FILES, CELL_STATUSES } from './experiment/cell.js';
export type { ConsolePolicy } from './experiment/cell-run.js';
export { type Column, DOMAIN_COLUMNS, HOST_COLUMNS, WALL_COLUMNS } from './experiment/columns.js';
export { type Comparison, compareBatches, type Difference, type WallComparison } from './experiment/compare.js';
export { describeOutcome } from './experiment/expect.js';
export { CatalogueError, readCatalogue } from './experiment/guests.js';
export { JournalError, JournalWriteError, readJournal } from './experiment/journal.js';
export { languageJsonSchema, resultsJsonSchema } from './experiment/json-schema.js';
export { LockedError } from './experiment/lock.js';
export { type Machine, machine } from './experiment/machine.js';
export { checkOutput, OutputError, writeOutput } from './experiment/output.js';
export type { CellLimits, DraftPlan, Plan, PlannedCell } from './experiment/plan.js';
export { listNames, oneLine, type Problem, ScenarioError, suggest } from './experiment/problem.js';
export {
  type CollectOptions,
  collectBatch,
  QueueError,
  type Submission,
  type SubmitOptions,
  submitBatch,
  type WorkOptions,
  work,
} from './experiment/queue.js';
export type { DomainRecord, Experiment, Results } from './experiment/run.js';
export type { Scenario } from './experiment/scenario.js';
export type { ScenarioInput } from './experiment/schema.js';
export { mergeBatches } from './experiment/shard.js';
export { type SlurmJob, slurmScript } from './experiment/slurm.js';
export {
  type Answer,
  EXPORT_FORMATS,
  type ExportFormat,
  exportBatch,
  QueryError,
  type QueryResult,
  query,
} from './experiment/store.js';
export { BatchError, readBatch } from './experiment/tables.js';
export { formatQuantity, MEMORY, parseQuantity, TIME, type Unit } from './experiment/units.js';
export { SaveError } from './hypervisor/sealed-file.js';
export { AbortedError, HostError, type Progress } from './hypervisor/types.js';
export { packageRoot } from './machine/core.js';
export { type ReportFiles, writeReport } from './report/report.js';

/** A scenario in TypeScript, with the types of the scenario language. Nothing is checked before it is run. */
export function defineScenario(scenario: ScenarioInput): ScenarioInput {
  return scenario;
}

export interface CheckOptions {
  /** `path=value`, applied to the scenario, as `--set`. */
  readonly sets?: readonly string[];
  /** For a scenario in TypeScript: its name, and the folder that its paths start from. Default: `scenario`, the working folder. */
  readonly name?: string;
  readonly folder?: string;
  /** Folder with manifest.json. Default: the guests that come with Ringfence. */
  readonly guests?: string;
  /** What runs the guests; for tests. */
  readonly machine?: Machine;
}

/** A scenario as a file, as TypeScript, or as checkScenario returned it. */
export type ScenarioSource = string | ScenarioInput | DraftPlan;

const isDraft = (source: ScenarioSource): source is DraftPlan => typeof source === 'object' && 'points' in source;

/** Reads and checks a scenario with all cells of its sweep; runs nothing. @throws ScenarioError, CatalogueError */
export function checkScenario(source: ScenarioSource, options: CheckOptions = {}): DraftPlan {
  if (isDraft(source)) return source;
  const { sets = [], guests = join(packageRoot(), 'guests') } = options;
  const { hostBytes, inputBytes, inspectImage } = options.machine ?? machine();
  const context = { catalogue: readCatalogue(guests), hostBytes, inputBytes, inspectImage };
  if (typeof source === 'string') return readPlan(source, sets, context);
  const { name = 'scenario', folder = '.' } = options;
  try {
    return parsePlan(join(folder, `${name}.yaml`), stringify(source, { aliasDuplicateObjects: false }), sets, context);
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    // There is no text that a line number could be of.
    throw new ScenarioError(error.problems.map((problem) => ({ ...problem, file: name, line: 0, column: 0 })));
  }
}

export interface RunOptions extends CheckOptions {
  /** Threads; never changes a result. Default: the scenario's `host.workers`, or one per CPU. */
  readonly workers?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** Saves the host into a file at the end of the quantum in which virtual time `ns` is reached, and goes on. */
  readonly save?: { readonly ns: number; readonly file: string };
  /** Saves one domain for `restore:` in a scenario, and goes on. */
  readonly saveDomain?: { readonly name: string; readonly ns: number; readonly file: string };
  /** Runs this cell of the sweep alone. Default: 0, or the only one. */
  readonly cell?: number;
  /** Versions to be named in the results; default: versions(). */
  readonly versions?: Readonly<Record<string, string>>;
}

/** @throws SaveError if the file is no saved host of a scenario, or cannot be used here; errors of the file system */
export async function resumeHost(
  file: string,
  options: Pick<RunOptions, 'workers' | 'signal' | 'onProgress' | 'versions' | 'machine'> = {},
): Promise<{ readonly scenario: Scenario; readonly experiment: Experiment }> {
  const image = readImage(readFileSync(file));
  const context = image.context as SavedContext | undefined;
  if (context?.scenario === undefined) throw new SaveError('damaged', 'was not saved with a scenario');
  const { scenario, parameters } = context;
  const { signal, onProgress, workers, versions: named } = options;
  const experiment = await runExperiment(scenario, options.machine ?? machine(), {
    workers: workers ?? scenario.host.workers ?? Math.max(1, Math.min(availableParallelism(), scenario.host.pcpus)),
    versions: named ?? versions(),
    attest: ({ results }) => results.fingerprint,
    restore: image,
    ...(parameters !== undefined && { parameters }),
    ...(signal !== undefined && { signal }),
    ...(onProgress !== undefined && { onProgress }),
  });
  return { scenario, experiment };
}

function pointOf(source: ScenarioSource, options: CheckOptions & Pick<RunOptions, 'cell'>): Point {
  const { points } = checkScenario(source, options);
  const point = points[options.cell ?? 0];
  if (point !== undefined) return point;
  throw wrongOption('cell', `there is no cell ${options.cell}`, `0 to ${points.length - 1}`);
}

const wrongOption = (file: string, problem: string, allowed: string): ScenarioError =>
  new ScenarioError([{ file, line: 0, column: 0, problem, allowed }]);

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 1;

/** Runs one scenario (of a sweep, one cell) to its end. @throws ScenarioError, CatalogueError, HostError, AbortedError */
export async function runScenario(source: ScenarioSource, options: RunOptions = {}): Promise<Experiment> {
  const { scenario, parameters } = pointOf(source, options);
  const { signal, onProgress, save, saveDomain } = options;
  return await runExperiment(scenario, options.machine ?? machine(), {
    workers:
      options.workers ?? scenario.host.workers ?? Math.max(1, Math.min(availableParallelism(), scenario.host.pcpus)),
    versions: options.versions ?? versions(),
    attest: ({ results }) => results.fingerprint,
    parameters,
    ...(signal !== undefined && { signal }),
    ...(onProgress !== undefined && { onProgress }),
    ...(saveDomain !== undefined && {
      saveDomain: { ...saveDomain, to: (bytes: Uint8Array) => writeFileSync(saveDomain.file, bytes) },
    }),
    ...(save !== undefined && { save: { ns: save.ns, to: (bytes: Uint8Array) => writeFileSync(save.file, bytes) } }),
  });
}

/**
 * What a scenario (of a sweep, one cell) launches, with its guests and the machine as they are now: for attestResults() and attestBatch().
 * Undefined if no domain is protected. @throws ScenarioError, CatalogueError
 */
export function expectedLaunch(
  source: ScenarioSource,
  options: CheckOptions & Pick<RunOptions, 'cell'> = {},
): LaunchedHost | undefined {
  const { core, costTable } = options.machine ?? machine();
  const { scenario } = pointOf(source, options);
  if (core === undefined) return undefined;
  return launchedHost(hostSettings(scenario), hostConfig(scenario, costTable).domains, core());
}

export interface SweepOptions extends CheckOptions {
  /** Cells at a time, each in a thread of its own. Default: the scenario's `host.workers`, or one per CPU. */
  readonly workers?: number;
  /** Folder of the batch. Without one nothing is written, and nothing can be resumed. */
  readonly out?: string;
  /** Goes on with the folder's journal. */
  readonly resume?: boolean;
  /** With `resume`: runs cells again that failed, timed out, ran out of memory or crashed. */
  readonly retry?: boolean;
  /** This part of the cells only: index % count === index − 1, `index` from 1. */
  readonly shard?: { readonly index: number; readonly count: number };
  /** Consoles that are kept: of no cell, of cells whose claims failed (default), of all. */
  readonly consoles?: ConsolePolicy;
  /** Limits of a cell; default: the scenario's. */
  readonly limits?: Partial<CellLimits>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: BatchProgress) => void;
  /** Versions to be named in the results; default: versions(). */
  readonly versions?: Readonly<Record<string, string>>;
  /** For tests: the module of the worker threads. */
  readonly worker?: string;
}

/**
 * Runs every cell of a scenario, with or without a sweep. A cell that fails is recorded and the batch goes on.
 * @throws ScenarioError, CatalogueError, OutputError, LockedError, JournalError, JournalWriteError, AbortedError
 */
export async function sweep(source: ScenarioSource, options: SweepOptions = {}): Promise<BatchResults> {
  const draft = checkScenario(source, options);
  const plan = planOf(draft, options.machine);
  const { workers = 1, shard: part = { index: 1, count: 1 } } = options;
  if (!isCount(workers)) throw wrongOption('workers', `${workers} is no number of threads`, 'an integer of at least 1');
  if (!isCount(part.count) || !isCount(part.index) || part.index > part.count)
    throw wrongOption('shard', `there is no part ${part.index} of ${part.count}`, 'index from 1 to count');
  const { out, resume, retry, shard, consoles, limits, signal, onProgress, worker } = options;
  const batch: BatchOptions = {
    workers: options.workers ?? draft.points[0]!.scenario.host.workers ?? availableParallelism(),
    identity: buildIdentity(options.machine),
    versions: options.versions ?? versions(),
    reproducer: reproducer(source, draft, options),
    ...(out !== undefined && { out }),
    ...(resume !== undefined && { resume }),
    ...(retry !== undefined && { retry }),
    ...(shard !== undefined && { shard }),
    ...(consoles !== undefined && { consoles }),
    ...(limits !== undefined && { limits }),
    ...(signal !== undefined && { signal }),
    ...(onProgress !== undefined && { onProgress }),
    ...(worker !== undefined && { worker }),
  };
  const results = await runBatch(plan, batch);
  if (out !== undefined) {
    const { identity, versions: named, deterministic } = results;
    writeBeside(BATCH_FILES.manifest, deterministic.length, () => writeManifest(out, plan.resolved, identity, named));
  }
  return results;
}

/** The cells of a scenario with their ids; reads every image. @throws ScenarioError if two cells are the same */
export function planOf(draft: DraftPlan, host: Machine = machine()): Plan {
  return identifyPlan(draft, host.costTable);
}

/** What results depend on beside the plan. */
export function buildIdentity(host: Machine = machine()): Omit<BatchIdentity, 'plan'> {
  return { ringfence: versions().ringfence ?? '', core: coreSha256(), costTable: fingerprint(host.costTable) };
}

let known: Readonly<Record<string, string>> | undefined;

/** Versions of Ringfence and of what it runs on, for results. */
export function versions(): Readonly<Record<string, string>> {
  if (known !== undefined) return known;
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };
  known = {
    ringfence: version,
    node: process.versions.node,
    v8: process.versions.v8,
    platform: `${process.platform} ${process.arch}`,
  };
  return known;
}

/** For a shell of POSIX. */
function shellWord(word: string): string {
  return /^[A-Za-z0-9_./:=,+@%-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function reproducer(
  source: ScenarioSource,
  draft: DraftPlan,
  { out }: SweepOptions,
): NonNullable<BatchOptions['reproducer']> {
  const { file } = draft.points[0]!.scenario;
  const isFile = typeof source === 'string' || (isDraft(source) && source.isFile);
  const path = isFile || out === undefined ? file : join(out, 'scenario.yaml');
  const sets = draft.sets.map((set) => ` --set ${shellWord(set)}`).join('');
  return (cell) => `ringfence run ${shellWord(path)}${sets}${draft.isBatch ? ` --cell ${cell.index}` : ''}`;
}
