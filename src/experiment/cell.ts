/**
 * The shared types and formats of batches: cells, their records, the journal, the folder of a batch.
 *
 *   scenario with sweep: and repeat: ──plan──▶ cells ──runner──▶ records ──▶ journal.ndjson ──▶ results.json, store, report
 *
 * The folder of a batch:
 *
 *   scenario.yaml            the scenario's text as it was read (the files that it includes: in scenario.resolved.json)
 *   scenario.resolved.json   ResolvedBatch: the plan without the scenarios of the single cells
 *   journal.ndjson           one header line, then one line per finished cell, in the order of finishing
 *   lock                     while a runner owns the folder: its process id
 *   manifest.json            versions, hashes of guests, scenario, module, cost table, machine     (src/experiment/manifest.ts)
 *   results.json             BatchResults, written when every cell of the folder is in the journal
 *   console/<cell>/<domain>.log   <cell> = cellFolder(index); which cells are kept: `--console none|failed|all`
 *   results.duckdb, …        exports                                                             (src/experiment/store.ts)
 *
 * Two parts of a record never mix: `deterministic` is the same for the same cell on any machine, `wallClock` never is.
 */
import type { SmmBackend } from '../hypervisor/types.js';
import type { Attestation } from '../security/attestation.js';
import type { AcrossFailure } from './claims-across.js';
import type { AcrossSpec } from './scenario.js';

/** Version of the formats below; a reader refuses others. */
export const BATCH_FORMAT = 1;

export const BATCH_FILES = {
  scenario: 'scenario.yaml',
  resolved: 'scenario.resolved.json',
  journal: 'journal.ndjson',
  lock: 'lock',
  manifest: 'manifest.json',
  results: 'results.json',
  console: 'console',
} as const;

/** Folder of a cell's consoles below console/. */
export const cellFolder = (index: number): string => String(index).padStart(6, '0');

export type ParameterValue = string | number | boolean;

/** One point of the sweep. */
export interface Cell {
  /** 0-based position in the plan of the whole scenario, whatever shard or worker runs it. */
  readonly index: number;
  /**
   * SHA-256 (64 hex digits) of all that decides the result: the fully resolved scenario with its seed, images, modules and
   * cost table; no paths, titles or claims. Unique within a plan.
   */
  readonly id: string;
  /** Swept values by parameter name; quantities in base units (bytes, nanoseconds, hertz). See ParameterColumn. */
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  /** 0-based. */
  readonly repeat: number;
  /** The host's seed in this cell; for repeat 0 the scenario's, for others derived from it. */
  readonly seed: number;
}

/** A parameter of the sweep as a column of results. */
export interface ParameterColumn {
  /** Key in Cell.parameters: the path, or its `as:` name. */
  readonly name: string;
  /** `domains.sieve.memory` */
  readonly path: string;
  readonly type: 'number' | 'text' | 'boolean';
  readonly unit?: string;
}

export type CellStatus = 'ok' | 'claim-failed' | 'failed' | 'timeout' | 'memory' | 'crashed';

export const CELL_STATUSES: readonly CellStatus[] = ['ok', 'claim-failed', 'failed', 'timeout', 'memory', 'crashed'];

export type Row = Readonly<Record<string, ParameterValue>>;

/** A claim that does not hold. `domain` is '' for a claim of the scenario. */
export interface ClaimFailure {
  readonly domain: string;
  /** `outcome`, `checksum`, or the sentence of a claim of the scenario. */
  readonly claim: string;
  readonly expected: string;
  readonly found: string;
}

/** Everything about a cell's result that is the same wherever and whenever it is run. */
export interface DeterministicResult {
  /** The same number that `ringfence run` prints for the cell's scenario. */
  readonly fingerprint: string;
  /** DOMAIN_COLUMNS of columns.ts, in the order of the scenario's domains. */
  readonly domains: readonly Row[];
  /** HOST_COLUMNS. */
  readonly host: Row;
}

export interface CellError {
  /** Stable: `host-memory`, `domain-…`, `timeout`, `memory`, `crashed`, `platform`, `internal`. */
  readonly code: string;
  readonly message: string;
}

export interface CellRecord {
  readonly cell: Cell;
  readonly status: CellStatus;
  /** Present with status ok and claim-failed. */
  readonly deterministic?: DeterministicResult;
  /** Empty unless the status is claim-failed. Deterministic. */
  readonly claims: readonly ClaimFailure[];
  /** WALL_COLUMNS; present when `deterministic` is. */
  readonly wallClock?: Readonly<Record<string, number>>;
  /** Why the last attempt failed; absent with status ok and claim-failed. */
  readonly error?: CellError;
  /** Shell command that runs this cell alone. */
  readonly reproducer: string;
  /** 1, or 2 after a retry. */
  readonly attempts: number;
  /** Where a domain is protected: a quote of what was launched; its challenge is the fingerprint of deterministicPart. */
  readonly attestation?: Attestation;
}

/** Whether the cell ran to its end, whatever its claims say. */
export const isCompleted = ({ status }: CellRecord): boolean => status === 'ok' || status === 'claim-failed';

/** The part of a record that merges and comparisons look at, and that a batch's fingerprint is made of. */
export function deterministicPart({
  cell,
  status,
  deterministic,
  claims,
}: Pick<CellRecord, 'cell' | 'status' | 'deterministic' | 'claims'>): {
  readonly cell: Cell;
  readonly status: CellStatus;
  readonly deterministic: DeterministicResult | null;
  readonly claims: readonly ClaimFailure[];
} {
  return { cell, status, deterministic: deterministic ?? null, claims };
}

/** Charts of `ringfence report`. Columns are named as in the joined table: parameters, domain columns, `host_…`, `wall_…`. */
export interface ChartSpec {
  readonly title?: string;
  readonly kind: 'line' | 'bar' | 'point' | 'box' | 'heatmap' | 'histogram' | 'matrix';
  readonly x: string;
  /** Not with histogram. For heatmap the second axis, for matrix the rows. */
  readonly y?: string;
  /** Colour: a series, or the value of a heatmap or a matrix. */
  readonly colour?: string;
  readonly facet?: string;
  readonly 'x-scale'?: 'linear' | 'log';
  readonly 'y-scale'?: 'linear' | 'log';
  /** A condition in the language of claims; only rows that satisfy it are drawn. */
  readonly where?: string;
  /** For matrix: what its fields say, in place of the values of a column. */
  readonly words?: readonly WordSpec[];
}

/** What a matrix says of rows that satisfy the condition; the first word that fits is taken. */
export interface WordSpec {
  readonly when: string;
  readonly word: string;
  readonly tone?: Tone;
}

export const TONES = ['good', 'warn', 'bad', 'plain'] as const;
export type Tone = (typeof TONES)[number];

export interface ReportSpec {
  readonly charts?: readonly ChartSpec[];
  /** Columns of the table, in order. */
  readonly table?: readonly string[];
}

/** scenario.resolved.json: all about a batch that does not depend on who runs it. */
export interface ResolvedBatch {
  readonly format: typeof BATCH_FORMAT;
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** `--set` arguments that were applied. */
  readonly sets: readonly string[];
  readonly parameters: readonly ParameterColumn[];
  readonly repeats: number;
  /** Sentences and conditions of the scenario's claims. */
  readonly claims: readonly { readonly claim: string; readonly that: string }[];
  /** Claims across cells. */
  readonly across?: readonly AcrossSpec[];
  readonly report: ReportSpec;
  /** SHA-256 by catalogue name or path of the guests (and modules) that cells use. */
  readonly images: Readonly<Record<string, string>>;
  /** Texts of included files, by path from the scenario's folder; absent if there are none. */
  readonly included?: Readonly<Record<string, string>>;
  /** Who encrypts in cells with an SMM, unless there is none; no result depends on it. */
  readonly smmBackend?: SmmBackend;
  /** Hash of all cells, and of what their records hold and are judged by: names and claims. */
  readonly plan: string;
  readonly cells: readonly Cell[];
}

/**
 * The journal, NDJSON, append-only:
 *
 *   {"sum":"<16 hex digits>","sequence":0,"kind":"header",…}\n
 *   {"sum":"<16 hex digits>","sequence":1,"kind":"cell","record":{…}}\n
 *
 * `sum` is the start of the SHA-256 of the rest of the line as it is written: everything after `"sum":"…",` to before the
 * line feed. `sequence` counts lines from 0 without a gap. A last line without a line feed, or with a wrong sum, was torn by
 * a crash and does not count; any other wrong line is damage, told with its number. A cell is done when its line was fsynced.
 */
export type JournalLine = { readonly sum: string; readonly sequence: number } & JournalEntry;

export type JournalEntry = JournalHeader | JournalCell | JournalResume;

export interface JournalHeader {
  readonly kind: 'header';
  readonly format: typeof BATCH_FORMAT;
  /** All must be equal to resume, to merge, and for a queue worker to take part. */
  readonly identity: BatchIdentity;
  /** For people: Node.js, V8, platform. */
  readonly versions: Readonly<Record<string, string>>;
  /** Cells of the whole plan. */
  readonly cells: number;
  /** With `--shard i/n`: the cells with index % count == index - 1 (index from 1). */
  readonly shard?: { readonly index: number; readonly count: number };
  /** ISO 8601. */
  readonly started: string;
}

export interface BatchIdentity {
  /** Version of Ringfence. */
  readonly ringfence: string;
  /** SHA-256 of build/core.wasm. */
  readonly core: string;
  /** Fingerprint of the cost table. */
  readonly costTable: string;
  /** ResolvedBatch.plan: scenario, guests, seeds, order, names, claims. */
  readonly plan: string;
}

export interface JournalCell {
  readonly kind: 'cell';
  readonly record: CellRecord;
}

/** Written when a run is taken up again. */
export interface JournalResume {
  readonly kind: 'resume';
  readonly started: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** results.json of a batch; `ringfence run --json` prints the same. */
export interface BatchResults {
  readonly format: typeof BATCH_FORMAT;
  /** batchFingerprint(records). */
  readonly fingerprint: string;
  /** Every cell ran and every claim holds. */
  readonly passed: boolean;
  /** Claims across cells that do not hold. They are judged when all cells are there: not by a shard. */
  readonly across: readonly AcrossFailure[];
  readonly scenario: { readonly name: string; readonly title: string; readonly description: string };
  readonly identity: BatchIdentity;
  readonly parameters: readonly ParameterColumn[];
  /** Number of cells by status. */
  readonly counts: Readonly<Record<CellStatus, number>>;
  /** deterministicPart of every record, in the order of the plan. Byte-identical for the same plan, however it was run. */
  readonly deterministic: readonly ReturnType<typeof deterministicPart>[];
  /** Quotes, in the same order; absent where no cell has one. */
  readonly attestations?: readonly (Attestation | null)[];
  /** The rest of every record, in the same order. */
  readonly wallClock: readonly Pick<CellRecord, 'wallClock' | 'error' | 'reproducer' | 'attempts'>[];
  readonly versions: Readonly<Record<string, string>>;
}
