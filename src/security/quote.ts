/** The far end of attestation: who checks a quote knows the attestation key and what ought to run, and nothing of the host. */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { kdfa } from './kdf.js';
import type { Quote } from './tpm.js';
import {
  type Attest,
  MalformedStructure,
  nameOf,
  pcrDigest,
  Reader,
  TPM_ALG_ECC,
  TPM_ALG_EDDSA,
  TPM_ALG_NULL,
  TPM_ALG_SHA256,
  TPM_ALG_SHA512,
  TPM_ECC_CURVE_25519,
  TPM_RH_ENDORSEMENT,
  uint32,
  uint64,
  unmarshalAttest,
  unmarshalSignature,
} from './tpm-structures.js';

/** Why a quote was refused; the first reason in this order. */
export type QuoteProblem =
  | 'malformed' //  not the structures that they should be
  | 'signature' //  not signed by the attestation key, or changed since
  | 'signer' //     signed for another key's name
  | 'nonce' //      not an answer to a challenge of this verifier
  | 'replay' //     the challenge was answered before
  | 'selection' //  other PCRs than those asked for
  | 'pcr'; //       the PCRs are not as expected

export type Verdict =
  | { readonly ok: true; readonly attest: Attest }
  | { readonly ok: false; readonly problem: QuoteProblem };

/** PCR values that a verifier expects, by register. */
export type Expected = ReadonlyMap<number, Uint8Array>;

export class QuoteVerifier {
  private readonly key: KeyObject;
  private readonly signer: Buffer;
  private readonly seed: Buffer;
  private readonly open = new Set<string>();
  private readonly answered = new Set<string>();

  /**
   * @param attestationPublic TPMT_PUBLIC of the key it trusts; throws MalformedStructure if it is none that a Tpm has
   * @param seed of its challenges
   */
  constructor(attestationPublic: Uint8Array, seed: string) {
    this.key = publicKey(attestationPublic);
    this.signer = nameOf(Buffer.concat([uint32(TPM_RH_ENDORSEMENT), nameOf(attestationPublic)]));
    this.seed = Buffer.from(seed);
  }

  /** A nonce that it never gave before: 32 bytes. */
  challenge(): Buffer {
    const count = uint64(BigInt(this.open.size + this.answered.size));
    const nonce = kdfa('sha256', this.seed, 'CHALLENGE', count, Buffer.alloc(0), 256);
    this.open.add(nonce.toString('hex'));
    return nonce;
  }

  /** A nonce that was agreed upon otherwise. */
  expect(nonce: Uint8Array): void {
    this.open.add(Buffer.from(nonce).toString('hex'));
  }

  /** Judges a quote. A nonce is used up by the first quote with a good signature, whatever it says. */
  check(quote: Quote, expected: Expected): Verdict {
    let attest: Attest;
    let signature: Buffer;
    try {
      attest = unmarshalAttest(quote.attest);
      signature = unmarshalSignature(quote.signature);
    } catch (error) {
      if (error instanceof MalformedStructure) return problem('malformed');
      throw error;
    }
    if (!verify(null, quote.attest, this.key, signature)) return problem('signature');
    if (!this.signer.equals(attest.qualifiedSigner)) return problem('signer');
    const nonce = Buffer.from(attest.extraData).toString('hex');
    if (this.answered.has(nonce)) return problem('replay');
    if (!this.open.delete(nonce)) return problem('nonce');
    this.answered.add(nonce);
    const wanted = [...expected.keys()].sort((a, b) => a - b);
    if (wanted.length !== attest.pcrs.length || wanted.some((pcr, i) => pcr !== attest.pcrs[i]))
      return problem('selection');
    const digest = pcrDigest(wanted, (pcr) => expected.get(pcr)!);
    return digest.equals(attest.pcrDigest) ? { ok: true, attest } : problem('pcr');
  }
}

function problem(problem: QuoteProblem): Verdict {
  return { ok: false, problem };
}

/** Reads a TPMT_PUBLIC that tpm.ts wrote. */
function publicKey(area: Uint8Array): KeyObject {
  const reader = new Reader(area);
  const type = reader.u16();
  const nameAlg = reader.u16();
  reader.u32();
  reader.tpm2b();
  const parameters = [reader.u16(), reader.u16(), reader.u16(), reader.u16(), reader.u16()];
  const point = reader.tpm2b();
  reader.tpm2b();
  reader.end();
  const wanted = [TPM_ALG_NULL, TPM_ALG_EDDSA, TPM_ALG_SHA512, TPM_ECC_CURVE_25519, TPM_ALG_NULL];
  if (
    type !== TPM_ALG_ECC ||
    nameAlg !== TPM_ALG_SHA256 ||
    parameters.some((value, i) => value !== wanted[i]) ||
    point.length !== 32
  ) {
    throw new MalformedStructure('is no Ed25519 attestation key');
  }
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: point.toString('base64url') }, format: 'jwk' });
}
