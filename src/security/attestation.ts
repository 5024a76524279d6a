/**
 * A quote of a measured launch that travels with results: what it says, who signed it, and the log that explains it. The challenge is the
 * fingerprint of the results, so the quote vouches for them as well: results that were changed are not those that were quoted.
 *
 * The TPM is emulated and follows from the scenario's seed: whoever knows the seed can sign. A verifier who trusts a key that was told
 * him otherwise passes that key.
 */
import { LAUNCH_PCRS, type LaunchedHost, launch, launchEvents } from './launch.js';
import { type PcrEvent, replay } from './pcr.js';
import { type QuoteProblem, QuoteVerifier } from './quote.js';
import { Tpm } from './tpm.js';
import { MalformedStructure } from './tpm-structures.js';

/** As JSON holds it: byte strings in hexadecimal. */
export interface Attestation {
  /** TPMT_PUBLIC of the attestation key. */
  readonly key: string;
  /** TPMS_ATTEST. */
  readonly attest: string;
  /** TPMT_SIGNATURE over it. */
  readonly signature: string;
  /** What was extended into which PCR, in order. */
  readonly log: readonly { readonly pcr: number; readonly event: string; readonly digest: string }[];
}

/** Why an attestation was refused; the first reason in this order. */
export type AttestationProblem =
  | 'malformed' // not the members and structures that they should be
  | 'key' //       quoted by another TPM than the one that is trusted
  | QuoteProblem // the quote itself; `pcr`: the log does not lead to what was quoted
  | 'launch'; //   the log is not what ought to have been launched

export type AttestationVerdict =
  | { readonly ok: true; readonly clockMs: number }
  | { readonly ok: false; readonly problem: AttestationProblem; readonly detail: string };

/**
 * Quotes the launch of a host.
 * @param challenge at most 66 bytes
 * @param clockMs virtual milliseconds since the host started
 */
export function attest(seed: string, host: LaunchedHost, challenge: Uint8Array, clockMs: number): Attestation {
  const tpm = launch(seed, host);
  const quote = tpm.quote(challenge, LAUNCH_PCRS, BigInt(Math.round(clockMs)));
  return {
    key: hex(tpm.attestationPublic),
    attest: hex(quote.attest),
    signature: hex(quote.signature),
    log: tpm.log.map(({ pcr, event, digest }) => ({ pcr, event, digest: hex(digest) })),
  };
}

/** The attestation key of the TPM of hosts with this seed, TPMT_PUBLIC in hexadecimal. */
export function attestationKey(seed: string): string {
  return hex(new Tpm(seed).attestationPublic);
}

export interface Trusted {
  /** TPMT_PUBLIC in hexadecimal. */
  readonly key: string;
  readonly challenge: Uint8Array;
  /** What ought to run; without it, the log is only held against the quote. */
  readonly host?: LaunchedHost;
}

/** Judges an attestation, which may be anything. */
export function checkAttestation(given: unknown, { key, challenge, host }: Trusted): AttestationVerdict {
  if (!isAttestation(given)) return refused('malformed', 'is not key, attest, signature and log in hexadecimal');
  if (given.key !== key) return refused('key', 'was signed by the key of another TPM');
  const log = given.log.map(({ pcr, event, digest }): PcrEvent => ({ pcr, event, digest: bytes(digest) }));
  let attested: bigint;
  try {
    const bank = replay(log);
    const verifier = new QuoteVerifier(bytes(given.key), '');
    verifier.expect(challenge);
    const verdict = verifier.check(
      { attest: bytes(given.attest), signature: bytes(given.signature) },
      new Map(LAUNCH_PCRS.map((pcr) => [pcr, bank.read(pcr)])),
    );
    if (!verdict.ok) return refused(verdict.problem, DETAILS[verdict.problem]);
    attested = verdict.attest.clock;
  } catch (error) {
    if (error instanceof MalformedStructure || error instanceof RangeError) return refused('malformed', error.message);
    throw error;
  }
  const difference = host === undefined ? undefined : firstDifference(log, launchEvents(host));
  return difference === undefined ? { ok: true, clockMs: Number(attested) } : refused('launch', difference);
}

const DETAILS: Readonly<Record<QuoteProblem, string>> = {
  malformed: 'is not a TPMS_ATTEST with a TPMT_SIGNATURE',
  signature: 'is not signed by the attestation key, or was changed since',
  signer: "was signed for another key's name",
  nonce: 'was made for other results',
  replay: 'was used before',
  selection: 'is about other PCRs',
  pcr: 'the log does not lead to the PCRs that were quoted',
};

function firstDifference(log: readonly PcrEvent[], wanted: readonly PcrEvent[]): string | undefined {
  for (let i = 0; i < Math.max(log.length, wanted.length); i++) {
    const [found, want] = [log[i], wanted[i]];
    if (found === undefined) return `'${want!.event}' was not launched`;
    if (want === undefined) return `'${found.event}' was launched, which is not expected`;
    if (found.event !== want.event) return `'${found.event}' was launched where '${want.event}' is expected`;
    if (found.pcr !== want.pcr || !Buffer.from(found.digest).equals(want.digest))
      return `'${found.event}' is not what is expected: ${hex(found.digest)} was measured, not ${hex(want.digest)}`;
  }
  return undefined;
}

function isAttestation(given: unknown): given is Attestation {
  if (typeof given !== 'object' || given === null) return false;
  const { key, attest, signature, log } = given as Partial<Record<keyof Attestation, unknown>>;
  return (
    [key, attest, signature].every(isHex) &&
    Array.isArray(log) &&
    log.every((entry) => {
      const { pcr, event, digest } = (entry ?? {}) as Record<string, unknown>;
      return Number.isInteger(pcr) && typeof event === 'string' && isHex(digest);
    })
  );
}

const isHex = (value: unknown): value is string => typeof value === 'string' && /^([0-9a-f]{2})+$/.test(value);
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');
const bytes = (value: string): Buffer => Buffer.from(value, 'hex');

function refused(problem: AttestationProblem, detail: string): AttestationVerdict {
  return { ok: false, problem, detail };
}
