/** The launch of a scenario's protected domains, quoted in results.json; and the judgement of such a quote. */
import { isProtected } from '../hypervisor/smm.js';
import type { DomainConfig } from '../hypervisor/types.js';
import {
  type Attestation,
  type AttestationVerdict,
  attest,
  attestationKey,
  checkAttestation,
} from '../security/attestation.js';
import type { LaunchedHost } from '../security/launch.js';
import type { BatchResults } from './cell.js';
import { canonicalJson, fingerprint } from './fingerprint.js';

/** What decides how the hypervisor treats guests: hostSettings() of run.ts. */
export interface Settings {
  readonly host: object;
  readonly security?: readonly object[] | undefined;
}

/** What is measured of a host, unless no domain is protected: then nothing is vouched for. */
export function launchedHost(
  { host, security = [] }: Settings,
  domains: readonly DomainConfig[],
  core: Uint8Array,
): LaunchedHost | undefined {
  const guests = domains.filter(isProtected);
  if (guests.length === 0) return undefined;
  return {
    core,
    policy: canonicalJson({ host, security }),
    guests: guests.map(({ name, image, cmdline, modules = [] }) => ({ name, image, cmdline, modules })),
  };
}

/** The quote for results with this fingerprint. */
export function attestRun(seed: number, host: LaunchedHost, results: string, clockMs: number): Attestation {
  return attest(String(seed), host, Buffer.from(results, 'hex'), clockMs);
}

/** A file that is no results.json with a quote. */
export class AttestError extends Error {}

export interface AttestOptions {
  /** TPMT_PUBLIC in hexadecimal of the key that is trusted; default: that of the TPM which the seed in the results makes. */
  readonly key?: string;
  /** What ought to have been launched. */
  readonly expected?: LaunchedHost;
}

export interface AttestedRun {
  readonly verdict: AttestationVerdict;
  readonly attestation: Attestation;
  readonly fingerprint: string;
}

/** Judges the quote in what a results.json holds: it must be about these results. @throws AttestError */
export function checkResults(results: unknown, { key, expected }: AttestOptions = {}): AttestedRun {
  const { deterministic, attestation } = (results ?? {}) as { deterministic?: unknown; attestation?: unknown };
  const seed = (deterministic as { seed?: unknown } | undefined)?.seed;
  if (typeof seed !== 'number') throw new AttestError('these are no results of one run');
  if (attestation === undefined) throw new AttestError('there is no quote: no domain was protected');
  const found = fingerprint(deterministic);
  const verdict = checkAttestation(attestation, {
    key: key ?? attestationKey(String(seed)),
    challenge: Buffer.from(found, 'hex'),
    ...(expected !== undefined && { host: expected }),
  });
  return { verdict, attestation: attestation as Attestation, fingerprint: found };
}

export interface AttestedBatch {
  /** Every cell with a protected domain has a good quote. */
  readonly ok: boolean;
  /** Cells that have a quote, or should. */
  readonly cells: readonly {
    readonly cell: number;
    readonly verdict: CellVerdict;
    readonly attestation?: Attestation;
  }[];
}

export type CellVerdict =
  | AttestationVerdict
  | { readonly ok: false; readonly problem: 'missing'; readonly detail: string };

export interface AttestBatchOptions extends Pick<AttestOptions, 'key'> {
  /** Only this cell. */
  readonly cell?: number;
  /** What ought to have been launched in a cell. */
  readonly expected?: (cell: number) => LaunchedHost | undefined;
}

/**
 * Judges the quotes of a batch's cells: each must be about what is recorded of just its cell. The key trusted for a cell is that of the
 * TPM which its seed makes, unless `key` says another. @throws AttestError
 */
export function checkBatch(batch: BatchResults, { key, cell: only, expected }: AttestBatchOptions = {}): AttestedBatch {
  const judge = (record: BatchResults['deterministic'][number], attestation: Attestation | null): CellVerdict => {
    if (attestation === null)
      return { ok: false, problem: 'missing', detail: 'a domain was protected, but there is no quote' };
    const host = expected?.(record.cell.index);
    if (expected !== undefined && host === undefined)
      return { ok: false, problem: 'launch', detail: 'a protected domain was launched, and none is expected' };
    return checkAttestation(attestation, {
      key: key ?? attestationKey(String(record.cell.seed)),
      challenge: Buffer.from(fingerprint(record), 'hex'),
      ...(host !== undefined && { host }),
    });
  };
  const cells = batch.deterministic.flatMap((record, position) => {
    const attestation = batch.attestations?.[position] ?? null;
    const { cell, deterministic } = record;
    const isDue = deterministic?.domains.some(({ protection }) => protection !== 'none') ?? false;
    if ((only ?? cell.index) !== cell.index || (attestation === null && !isDue)) return [];
    return [{ cell: cell.index, verdict: judge(record, attestation), ...(attestation !== null && { attestation }) }];
  });
  if (cells.length === 0) throw new AttestError('there is no quote: no domain was protected');
  return { ok: cells.every(({ verdict }) => verdict.ok), cells };
}
