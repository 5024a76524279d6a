/**
 * The root of trust of a host: an emulated TPM 2.0, as far as this host needs one. Everything follows from the seed; nothing is random.
 *
 *   scenario's seed ─┬─ storage primary seed ─┬─ storage root: seals (Part 1, "Protected Storage")
 *                    │                        └─ derivation parent: the SMM's root, keys of domains (KDFa)
 *                    └─ endorsement primary seed ── attestation key: quotes
 *
 * References are to the TPM 2.0 Library Specification. Primary seeds and what follows from them never leave this class, except the keys
 * that the SMM holds on chip.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  timingSafeEqual,
} from 'node:crypto';
import { kdfa } from './kdf.js';
import { PcrBank, type PcrEvent } from './pcr.js';
import {
  DIGEST_SIZE,
  isPcr,
  MalformedStructure,
  marshalAttest,
  marshalSignature,
  nameOf,
  pcrDigest,
  pcrSelection,
  Reader,
  sha256,
  TPM_ALG_ECC,
  TPM_ALG_EDDSA,
  TPM_ALG_KEYEDHASH,
  TPM_ALG_NULL,
  TPM_ALG_SHA256,
  TPM_ALG_SHA512,
  TPM_CC_POLICY_PCR,
  TPM_ECC_CURVE_25519,
  TPM_RH_ENDORSEMENT,
  TPMA_OBJECT,
  tpm2b,
  uint16,
  uint32,
  uint64,
} from './tpm-structures.js';

const NONE = Buffer.alloc(0);
const HASH = 'sha256';
/** Part 2, "TPM2B_DATA": at most a TPMT_HA of the largest hash, SHA-512. */
const NONCE_MAX = 66;
/** Part 2, "TPM2B_SENSITIVE_DATA": MAX_SYM_DATA. */
const SEALED_MAX = 128;
const SYMMETRIC_BITS = 128;
const IV_SIZE = 16;
const FIRMWARE_VERSION = 1n;

/** Whose key: a domain slot is used again. */
export interface KeyIdentity {
  readonly domain: number;
  /** How many domains had this slot before. */
  readonly incarnation: number;
  /** SHA-256 of the launched image. */
  readonly measurement: Uint8Array;
}

/** What TPM2_Create returns for data sealed to PCRs. May lie anywhere: only this TPM can open it. */
export interface SealedBlob {
  /** TPMT_PUBLIC. */
  readonly publicArea: Uint8Array;
  /** _PRIVATE: integrity, IV, encrypted TPMT_SENSITIVE. */
  readonly privateArea: Uint8Array;
  /** PCRs that the policy names; a hint, since the policy binds them. */
  readonly pcrs: readonly number[];
}

export type Unsealed =
  | { readonly ok: true; readonly data: Buffer }
  /** Part 2, "TPM_RC": the PCRs differ from those sealed to; or the blob is not of this TPM or was changed. */
  | { readonly ok: false; readonly code: 'TPM_RC_POLICY_FAIL' | 'TPM_RC_INTEGRITY' };

export interface Quote {
  /** TPMS_ATTEST. */
  readonly attest: Uint8Array;
  /** TPMT_SIGNATURE over it. */
  readonly signature: Uint8Array;
}

export class Tpm {
  private readonly bank = new PcrBank();
  private readonly events: PcrEvent[] = [];
  private readonly storageSeed: Buffer;
  private readonly derivationSeed: Buffer;
  private readonly randomSeed: Buffer;
  private readonly attestationKey: KeyObject;
  /** TPMT_PUBLIC of the attestation key: what a verifier trusts. */
  readonly attestationPublic: Buffer;
  private readonly qualifiedSigner: Buffer;
  private randomCount = 0n;

  /** @param seed the scenario's seed; equal seeds make equal TPMs */
  constructor(seed: string) {
    const primary = (label: string): Buffer => kdfa(HASH, sha256(Buffer.from(seed)), label, NONE, NONE, 256);
    const storage = primary('STORAGE PRIMARY SEED');
    const endorsement = primary('ENDORSEMENT PRIMARY SEED');
    this.storageSeed = kdfa(HASH, storage, 'STORAGE ROOT', NONE, NONE, 256);
    this.derivationSeed = kdfa(HASH, storage, 'DERIVATION PARENT', NONE, NONE, 256);
    this.randomSeed = primary('RANDOM');
    this.attestationKey = ed25519(kdfa(HASH, endorsement, 'ATTESTATION KEY', NONE, NONE, 256));
    this.attestationPublic = attestationPublic(this.attestationKey);
    // Part 1, "Qualified Name": the hierarchy's handle, then the name of each ancestor.
    this.qualifiedSigner = nameOf(Buffer.concat([uint32(TPM_RH_ENDORSEMENT), nameOf(this.attestationPublic)]));
  }

  /** Everything extended so far, in order. */
  get log(): readonly PcrEvent[] {
    return this.events;
  }

  /** TPM2_PCR_Read of one register: 0 to 23. */
  pcr(pcr: number): Buffer {
    return this.bank.read(pcr);
  }

  /** TPM2_PCR_Extend, with its entry in the log. */
  extend(pcr: number, digest: Uint8Array, event: string): void {
    this.bank.extend(pcr, digest);
    this.events.push({ pcr, digest: Uint8Array.from(digest), event });
  }

  /** Measures an image before it runs. @returns its measurement, SHA-256 */
  measure(pcr: number, name: string, image: Uint8Array): Buffer {
    const digest = sha256(image);
    this.extend(pcr, digest, name);
    return digest;
  }

  /** A key from the derivation parent (Part 1, "Derived Objects"): KDFa with the caller's label and contexts. */
  derive(label: string, contextU: Uint8Array, contextV: Uint8Array, bits: number): Buffer {
    return kdfa(HASH, this.derivationSeed, label, contextU, contextV, bits);
  }

  /** The root of the SMM's key table, 32 bytes: what the unit gets when the host starts. */
  smmRoot(): Buffer {
    return this.derive('SMM ROOT', NONE, NONE, 256);
  }

  /**
   * The master key of a domain, for a unit without a root of its own. Domain and incarnation are contextU, the measurement is contextV: no
   * two domains or lives share a key, and an image that was changed gets another.
   */
  domainKey({ domain, incarnation, measurement }: KeyIdentity, bits: 128 | 256): Buffer {
    return this.derive('SMM DOMAIN', Buffer.concat([uint32(domain), uint32(incarnation)]), measurement, bits);
  }

  /**
   * TPM2_Create of a sealed data object whose policy is TPM2_PolicyPCR over the current values of `pcrs`.
   * @param data 1 to 128 bytes
   */
  seal(data: Uint8Array, pcrs: readonly number[]): SealedBlob {
    if (data.length < 1 || data.length > SEALED_MAX)
      throw new RangeError(`1 to ${SEALED_MAX} bytes can be sealed, not ${data.length}`);
    const seedValue = this.random(DIGEST_SIZE);
    const publicArea = Buffer.concat([
      uint16(TPM_ALG_KEYEDHASH),
      uint16(TPM_ALG_SHA256),
      uint32(TPMA_OBJECT.fixedTPM | TPMA_OBJECT.fixedParent),
      tpm2b(this.policy(pcrs)),
      uint16(TPM_ALG_NULL), // TPMT_KEYEDHASH_SCHEME
      tpm2b(sha256(seedValue, data)), // unique
    ]);
    const sensitive = Buffer.concat([uint16(TPM_ALG_KEYEDHASH), tpm2b(NONE), tpm2b(seedValue), tpm2b(data)]);
    const name = nameOf(publicArea);
    const iv = this.random(IV_SIZE);
    const cipher = createCipheriv('aes-128-cfb', this.protection(name), iv);
    const encrypted = Buffer.concat([tpm2b(iv), cipher.update(tpm2b(sensitive)), cipher.final()]);
    return {
      publicArea,
      privateArea: Buffer.concat([tpm2b(this.integrity(encrypted, name)), encrypted]),
      pcrs: [...pcrs],
    };
  }

  /** TPM2_Load and TPM2_Unseal with a PolicyPCR session. The blob may be anything. */
  unseal(blob: SealedBlob): Unsealed {
    try {
      const name = nameOf(blob.publicArea);
      const privateArea = new Reader(blob.privateArea);
      const integrity = privateArea.tpm2b();
      const encrypted = Buffer.from(blob.privateArea).subarray(2 + integrity.length);
      const expected = this.integrity(encrypted, name);
      if (integrity.length !== expected.length || !timingSafeEqual(integrity, expected))
        return refused('TPM_RC_INTEGRITY');
      const area = new Reader(blob.publicArea);
      area.take(8); // type, nameAlg, objectAttributes
      if (!blob.pcrs.every(isPcr) || !area.tpm2b().equals(this.policy(blob.pcrs))) return refused('TPM_RC_POLICY_FAIL');
      const iv = privateArea.tpm2b();
      const plain = createDecipheriv('aes-128-cfb', this.protection(name), iv).update(
        encrypted.subarray(2 + iv.length),
      );
      const sensitive = new Reader(new Reader(plain).tpm2b());
      sensitive.take(2); // sensitiveType
      sensitive.tpm2b(); // authValue
      sensitive.tpm2b(); // seedValue
      return { ok: true, data: sensitive.tpm2b() };
    } catch (error) {
      if (error instanceof MalformedStructure) return refused('TPM_RC_INTEGRITY');
      throw error;
    }
  }

  /**
   * TPM2_Quote by the attestation key.
   * Throws RangeError for registers that do not exist.
   * @param nonce the verifier's, at most 66 bytes
   * @param clock virtual milliseconds since the host started
   */
  quote(nonce: Uint8Array, pcrs: readonly number[], clock: bigint): Quote {
    if (nonce.length > NONCE_MAX) throw new RangeError(`a nonce has at most ${NONCE_MAX} bytes, not ${nonce.length}`);
    const attest = marshalAttest({
      qualifiedSigner: this.qualifiedSigner,
      extraData: nonce,
      clock,
      resetCount: 1,
      restartCount: 0,
      safe: true,
      firmwareVersion: FIRMWARE_VERSION,
      pcrs,
      pcrDigest: pcrDigest(pcrs, (pcr) => this.bank.read(pcr)),
    });
    return { attest, signature: marshalSignature(sign(null, attest, this.attestationKey)) };
  }

  /** Part 3, "TPM2_PolicyPCR", on an empty session. */
  private policy(pcrs: readonly number[]): Buffer {
    const digest = pcrDigest(pcrs, (pcr) => this.bank.read(pcr));
    return sha256(Buffer.alloc(DIGEST_SIZE), uint32(TPM_CC_POLICY_PCR), pcrSelection(pcrs), digest);
  }

  /** Part 1, "Protected Storage", symmetric encryption: the key for the object called `name`. */
  private protection(name: Uint8Array): Buffer {
    return kdfa(HASH, this.storageSeed, 'STORAGE', name, NONE, SYMMETRIC_BITS);
  }

  /** Part 1, "Protected Storage", integrity. */
  private integrity(encrypted: Uint8Array, name: Uint8Array): Buffer {
    const key = kdfa(HASH, this.storageSeed, 'INTEGRITY', NONE, NONE, 256);
    return createHmac(HASH, key).update(encrypted).update(name).digest();
  }

  /** The TPM's random numbers: a counter through KDFa. */
  private random(bytes: number): Buffer {
    return kdfa(HASH, this.randomSeed, 'DRBG', uint64(this.randomCount++), NONE, bytes * 8);
  }
}

function refused(code: 'TPM_RC_POLICY_FAIL' | 'TPM_RC_INTEGRITY'): Unsealed {
  return { ok: false, code };
}

/** RFC 8410, 7, "Private Key Format". */
function ed25519(seed: Uint8Array): KeyObject {
  const key = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

/** TPMT_PUBLIC of a restricted signing key; an Ed25519 point is its 32-byte encoding in x. */
function attestationPublic(key: KeyObject): Buffer {
  const { x } = createPublicKey(key).export({ format: 'jwk' });
  const { fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, restricted, sign } = TPMA_OBJECT;
  return Buffer.concat([
    uint16(TPM_ALG_ECC),
    uint16(TPM_ALG_SHA256),
    uint32(fixedTPM | fixedParent | sensitiveDataOrigin | userWithAuth | restricted | sign),
    tpm2b(NONE), // authPolicy
    uint16(TPM_ALG_NULL), // symmetric
    uint16(TPM_ALG_EDDSA),
    uint16(TPM_ALG_SHA512),
    uint16(TPM_ECC_CURVE_25519),
    uint16(TPM_ALG_NULL), // kdf
    tpm2b(Buffer.from(x!, 'base64url')),
    tpm2b(NONE), // y
  ]);
}
