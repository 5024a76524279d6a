/** Scenario → host run → results. */

import { writeDomain } from '../hypervisor/domain-image.js';
import { type HostImage, writeImage } from '../hypervisor/save.js';
import { DEFAULT_SMM, hasSmm, isProtected } from '../hypervisor/smm.js';
import type {
  CostTable,
  DomainResult,
  HostConfig,
  HostResult,
  Outcome,
  Progress,
  RunOptions,
  SmmConfig,
} from '../hypervisor/types.js';
import type { Attestation } from '../security/attestation.js';
import { attestRun, launchedHost } from './attest.js';
import { bootOptions, bootScenario } from './boot.js';
import type { ClaimFailure, ParameterValue, Row } from './cell.js';
import { failedScenarioClaims } from './claims.js';
import { domainRows, hostRow } from './columns.js';
import { failedClaims } from './expect.js';
import { fingerprint } from './fingerprint.js';
import { cyclesOf, Files, hostConfig } from './host-config.js';
import type { BootSpec, DiskSpec, DomainSpec, ModuleSpec, Scenario } from './scenario.js';

/** The platform as the experiment layer sees it; tests give their own. */
export interface Platform {
  readonly runHost: (config: HostConfig, options: RunOptions) => Promise<HostResult>;
  readonly costTable: CostTable;
  /** The core's module, to be measured; without it, launches are not quoted. */
  readonly core?: () => Uint8Array;
}

export interface ExperimentOptions {
  readonly workers: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** Versions that results.json names. */
  readonly versions: Readonly<Record<string, string>>;
  /** Runs in this thread, whatever `workers` says. */
  readonly inline?: boolean;
  /** Gives the flat memory; see RunOptions. */
  readonly memory?: (pages: number) => WebAssembly.Memory;
  /** Saves the host when virtual time `ns` is reached, with the scenario, and goes on. `to` gets the file's bytes. */
  readonly save?: { readonly ns: number; readonly to: (file: Uint8Array) => void };
  /** Saves a domain in the same way. */
  readonly saveDomain?: { readonly name: string; readonly ns: number; readonly to: (file: Uint8Array) => void };
  /** Goes on from a saved host; the scenario must be the one that was saved with it. */
  readonly restore?: HostImage;
  /** Of a scenario with boot: gets the host when boot has ended, or gives that of a scenario with the same boot. */
  readonly booted?:
    | { readonly save: (image: HostImage) => void }
    | { readonly restore: Pick<HostImage, 'state' | 'memory'> };
  /** Values of the sweep, for claims. */
  readonly parameters?: Readonly<Record<string, ParameterValue>>;
  /** Quotes the launch of protected domains, for results with the fingerprint that this gives. */
  readonly attest?: (experiment: Experiment) => string;
}

/** What results.json holds, and `--json` prints. */
export interface Results {
  /** SHA-256 over `deterministic` in canonical form. */
  readonly fingerprint: string;
  /** Every claim of the scenario holds. */
  readonly passed: boolean;
  readonly failedClaims: readonly ClaimFailure[];
  readonly scenario: Pick<Scenario, 'name' | 'title' | 'description' | 'file'>;
  /** The same for the same scenario, whatever the machine, the number of workers and the time of day. */
  readonly deterministic: {
    readonly scenario: ScenarioRecord;
    readonly domains: readonly DomainRecord[];
    readonly totals: Totals;
    readonly seed: number;
    readonly quanta: number;
    readonly pcpuCycles: readonly number[];
    readonly pcpuBusyCycles: readonly number[];
    readonly pcpuContextSwitches: readonly number[];
    readonly pcpuSwitchCycles: readonly number[];
    readonly zeroSum: boolean;
    readonly pageSharing: HostResult['deterministic']['pageSharing'];
    /** Operations that the security hooks denied; domains by their place in the scenario. */
    readonly audit: HostResult['deterministic']['audit'];
  };
  readonly wallClock: HostResult['wallClock'] & {
    readonly totalMs: number;
    readonly startMsPerDomain: number;
    readonly memoryMiBPerDomain: number;
  };
  /** A TPM's quote of what was launched, where a domain is protected; its challenge is the fingerprint. */
  readonly attestation?: Attestation;
  readonly versions: Readonly<Record<string, string>>;
}

/** Its file as a hash. */
type DiskRecord = Omit<DiskSpec, 'file'> & { readonly file?: string };

/** The scenario as it was run, without anything that cannot change a result. */
type ScenarioRecord = Omit<Scenario, 'file' | 'host' | 'domains' | 'title' | 'description' | 'name' | 'claims'> & {
  readonly host: Omit<Scenario['host'], 'workers' | 'smm'> & { readonly smm?: Omit<SmmConfig, 'backend'> };
  readonly costTable: string;
  readonly domains: readonly (Omit<DomainSpec, 'path' | 'expect' | 'modules' | 'guest' | 'disk'> & {
    readonly modules: readonly string[];
    readonly disk?: DiskRecord;
  })[];
};

export type DomainRecord = Omit<DomainResult, 'console'> & { readonly consoleBytes: number };

export interface Totals {
  readonly retired: number;
  readonly cycles: number;
  readonly exits: number;
  readonly tlbMisses: number;
  readonly walkReferences: number;
}

export interface Experiment {
  readonly results: Results;
  /** The deterministic results as flat rows: DOMAIN_COLUMNS and HOST_COLUMNS. */
  readonly rows: { readonly domains: readonly Row[]; readonly host: Row };
  /** Console output by domain. */
  readonly consoles: ReadonlyMap<string, Uint8Array>;
  /** Domains that ended because the platform broke, not the guest. */
  readonly broken: readonly { readonly name: string; readonly outcome: Outcome }[];
}

/** What is saved with a host: whose it is. */
export interface SavedContext {
  readonly scenario: Scenario;
  readonly parameters?: Readonly<Record<string, ParameterValue>>;
}

/** Runs a scenario to its end. @throws HostError, AbortedError */
export async function runExperiment(
  scenario: Scenario,
  platform: Platform,
  options: ExperimentOptions,
): Promise<Experiment> {
  const start = performance.now();
  const { costTable } = platform;
  const { signal, onProgress, inline, memory, save, saveDomain, parameters, booted } = options;
  const config = options.restore?.config ?? hostConfig(boots(scenario) ? bootScenario(scenario) : scenario, costTable);
  const shared = booted !== undefined && 'restore' in booted ? { config, ...booted.restore } : undefined;
  const restore = options.restore ?? shared;
  const context: SavedContext = { scenario, ...(parameters !== undefined && { parameters }) };
  const result = await platform.runHost(config, {
    workers: options.workers,
    ...(signal !== undefined && { signal }),
    ...(onProgress !== undefined && { onProgress }),
    ...(inline !== undefined && { inline }),
    ...(memory !== undefined && { memory }),
    ...(restore !== undefined && { restore }),
    ...(saveDomain !== undefined && { operator: domainSaver(saveDomain, config) }),
    ...(boots(scenario) && {
      boot: {
        ...bootOptions(scenario, config),
        ...(booted !== undefined && 'save' in booted && { save: booted.save }),
      },
    }),
    ...(save !== undefined && {
      save: {
        at: cyclesOf(save.ns, config.frequencyHz),
        to: (image: HostImage) => save.to(writeImage({ ...image, context })),
      },
    }),
  });
  signal?.throwIfAborted();
  const experiment = summarise(scenario, costTable, result, performance.now() - start, options);
  const { attest } = options;
  return attest === undefined ? experiment : quoted(experiment, attest, scenario, config, platform);
}

const boots = (scenario: Scenario): scenario is Scenario & { readonly boot: BootSpec } => scenario.boot !== undefined;

/** Saves a domain when its time has come, if it is there then. */
function domainSaver(
  { name, ns, to }: NonNullable<ExperimentOptions['saveDomain']>,
  { frequencyHz }: HostConfig,
): NonNullable<RunOptions['operator']> {
  const at = cyclesOf(ns, frequencyHz);
  let done = false;
  return (operator, cycles) => {
    if (done || cycles < at) return;
    done = true;
    const slot = operator.domains.find((each) => operator.name(each) === name);
    if (slot !== undefined) to(writeDomain(operator.save(slot)));
  };
}

/** The same with the quote of its launch, if there is one to make. */
function quoted(
  experiment: Experiment,
  attest: NonNullable<ExperimentOptions['attest']>,
  scenario: Scenario,
  config: HostConfig,
  platform: Platform,
): Experiment {
  if (!config.domains.some(isProtected)) return experiment;
  if (platform.core === undefined) return experiment;
  const launched = launchedHost(hostSettings(scenario), config.domains, platform.core());
  if (launched === undefined) return experiment;
  const { results } = experiment;
  const { seed, pcpuCycles } = results.deterministic;
  const clockMs = Math.floor((1000 * Math.max(...pcpuCycles)) / config.frequencyHz);
  const attestation = attestRun(seed, launched, attest(experiment), clockMs);
  return { ...experiment, results: { ...results, attestation } };
}

function summarise(
  scenario: Scenario,
  costTable: CostTable,
  result: HostResult,
  totalMs: number,
  { versions, parameters = {} }: ExperimentOptions,
): Experiment {
  const { domains, ...host } = result.deterministic;
  const records = domains.map(
    ({ console: output, ...rest }): DomainRecord => ({ ...rest, consoleBytes: output.length }),
  );
  const deterministic = { scenario: record(scenario, costTable), domains: records, totals: totals(records), ...host };
  const claims: ClaimFailure[] = scenario.domains.flatMap((spec, index) => {
    const found = domains[index];
    return found === undefined ? [] : failedClaims(spec, found);
  });
  const rows = domainRows(scenario, domains);
  const row = hostRow(scenario, host, records);
  claims.push(...failedScenarioClaims(scenario.claims ?? [], { domains: rows, host: row, parameters }));
  const wall = result.wallClock;
  const { name, title, description, file } = scenario;
  const startMs = wall.domains.reduce((sum, domain) => sum + domain.startMs, 0);
  return {
    results: {
      fingerprint: fingerprint(deterministic),
      passed: claims.length === 0,
      failedClaims: claims,
      scenario: { name, title, description, file },
      deterministic,
      wallClock: {
        ...wall,
        totalMs,
        startMsPerDomain: startMs / Math.max(1, domains.length),
        memoryMiBPerDomain: wall.memoryMiB / Math.max(1, domains.length),
      },
      versions,
    },
    rows: { domains: rows, host: row },
    consoles: new Map(domains.map((domain) => [domain.name, domain.console])),
    broken: domains.filter((domain) => domain.outcome.kind === 'platform-error'),
  };
}

/**
 * What decides the results, and only that: titles, claims, workers, who encrypts and where files lie are left out. Images are in the
 * domains' results by their hashes; modules and the cost table are hashed here.
 */
export function hostRecord(
  scenario: Scenario,
  costTable: string,
  hashOf: (file: ModuleSpec) => string,
): ScenarioRecord {
  return {
    ...hostSettings(scenario),
    limitNs: scenario.limitNs,
    costTable,
    ...(scenario.boot !== undefined && { boot: scenario.boot }),
    domains: scenario.domains.map(({ path, expect, guest, modules, disk, ...spec }) => ({
      ...spec,
      modules: modules.map(hashOf),
      ...(disk !== undefined && { disk: diskRecord(disk, hashOf) }),
    })),
  };
}

/** The id of a cell: SHA-256 of all that decides what it does. @param hashOf SHA-256 of a file's bytes, by path */
export function runId(scenario: Scenario, costTable: CostTable, hashOf: (path: string) => string): string {
  const file = ({ name, path }: ModuleSpec): string => fingerprint({ name, sha256: hashOf(path) });
  return fingerprint({
    run: hostRecord(scenario, tableHash(costTable), file),
    images: scenario.domains.map(({ path }) => hashOf(path)),
  });
}

/** How the hypervisor is set up: of hostRecord(), what no domain has to do with. */
export function hostSettings(scenario: Scenario): Pick<ScenarioRecord, 'host' | 'security'> {
  const { workers: _, smm: written, ...host } = scenario.host;
  // Who encrypts changes nothing; a unit that the scenario says nothing about is the one it could have said.
  const unit = written ?? (hasSmm(scenario) ? DEFAULT_SMM : undefined);
  const { backend: __, ...smm } = unit ?? {};
  return {
    host: { ...host, ...(unit !== undefined && { smm }) },
    ...(scenario.security !== undefined && { security: scenario.security }),
  };
}

function diskRecord({ file, ...disk }: DiskSpec, hashOf: (file: ModuleSpec) => string): DiskRecord {
  return { ...disk, ...(file !== undefined && { file: hashOf(file) }) };
}

/** Of cost tables, which are the same for all cells of a batch. */
const tableHashes = new WeakMap<CostTable, string>();

function tableHash(costTable: CostTable): string {
  const hash = tableHashes.get(costTable) ?? fingerprint(costTable);
  tableHashes.set(costTable, hash);
  return hash;
}

function record(scenario: Scenario, costTable: CostTable): ScenarioRecord {
  const files = new Files();
  return hostRecord(scenario, tableHash(costTable), (module) =>
    fingerprint({ name: module.name, bytes: files.read(module.path) }),
  );
}

function totals(domains: readonly DomainRecord[]): Totals {
  const sum = (value: (domain: DomainRecord) => number): number =>
    domains.reduce((total, domain) => total + value(domain), 0);
  return {
    retired: sum((domain) => domain.retired),
    cycles: sum((domain) => domain.cycles),
    exits: sum((domain) => domain.exitsTotal),
    tlbMisses: sum((domain) => domain.tlbMisses),
    walkReferences: sum((domain) => domain.walkGuest + domain.walkEpt),
  };
}
