/**
 * The structures of TPM 2.0 that this host writes and reads, in canonical form: big-endian, unaligned.
 * TPM 2.0 Library Specification, Part 2: Structures; each is named there as here.
 */
import { createHash } from 'node:crypto';

export const TPM_GENERATED_VALUE = 0xff544347; // "\xffTCG"
export const TPM_ST_ATTEST_QUOTE = 0x8018;
export const TPM_RH_ENDORSEMENT = 0x4000000b;
export const TPM_CC_POLICY_PCR = 0x0000017f;
// TPM_ALG_ID, TPM_ECC_CURVE: TCG Algorithm Registry
export const TPM_ALG_KEYEDHASH = 0x0008;
export const TPM_ALG_SHA256 = 0x000b;
export const TPM_ALG_SHA512 = 0x000d;
export const TPM_ALG_NULL = 0x0010;
export const TPM_ALG_ECC = 0x0023;
export const TPM_ALG_EDDSA = 0x0060;
export const TPM_ECC_CURVE_25519 = 0x0040;
/** TPMA_OBJECT, object attributes. */
export const TPMA_OBJECT = {
  fixedTPM: 1 << 1,
  fixedParent: 1 << 4,
  sensitiveDataOrigin: 1 << 5,
  userWithAuth: 1 << 6,
  restricted: 1 << 16,
  sign: 1 << 18,
} as const;

/** Registers of the SHA-256 bank, as the TCG PC Client Platform TPM Profile requires. */
export const PCRS = 24;
export const DIGEST_SIZE = 32;

export function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

export function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/** A TPM2B_*: a 16-bit size, then the bytes. */
export function tpm2b(bytes: Uint8Array): Buffer {
  return Buffer.concat([uint16(bytes.length), bytes]);
}

/** A structure is cut short, is of another kind, or has something behind it. */
export class MalformedStructure extends Error {}

/** Reads a structure from its beginning to its end. */
export class Reader {
  private at = 0;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  take(count: number): Buffer {
    if (this.at + count > this.bytes.length) throw new MalformedStructure(`ends after ${this.bytes.length} bytes`);
    this.at += count;
    return Buffer.from(this.bytes.subarray(this.at - count, this.at));
  }

  u8(): number {
    return this.take(1).readUInt8();
  }

  u16(): number {
    return this.take(2).readUInt16BE();
  }

  u32(): number {
    return this.take(4).readUInt32BE();
  }

  u64(): bigint {
    return this.take(8).readBigUInt64BE();
  }

  tpm2b(): Buffer {
    return this.take(this.u16());
  }

  end(): void {
    if (this.at !== this.bytes.length) throw new MalformedStructure(`${this.bytes.length - this.at} bytes too many`);
  }
}

/** Part 1, "Names": nameAlg | H(public area). */
export function nameOf(publicArea: Uint8Array): Buffer {
  return Buffer.concat([uint16(TPM_ALG_SHA256), sha256(publicArea)]);
}

export function isPcr(pcr: number): boolean {
  return Number.isInteger(pcr) && pcr >= 0 && pcr < PCRS;
}

/** TPML_PCR_SELECTION of one bank, SHA-256. Throws RangeError if a register does not exist. */
export function pcrSelection(pcrs: readonly number[]): Buffer {
  const strange = pcrs.find((pcr) => !isPcr(pcr));
  if (strange !== undefined) throw new RangeError(`PCRs are 0 to ${PCRS - 1}, not ${strange}`);
  const bits = Buffer.alloc(PCRS / 8);
  for (const pcr of pcrs) bits[pcr >> 3]! |= 1 << (pcr & 7);
  return Buffer.concat([uint32(1), uint16(TPM_ALG_SHA256), Buffer.from([bits.length]), bits]);
}

/** Hash of the selected PCRs in ascending order, as quotes and PolicyPCR hold it. */
export function pcrDigest(pcrs: readonly number[], value: (pcr: number) => Uint8Array): Buffer {
  return sha256(...[...new Set(pcrs)].sort((a, b) => a - b).map(value));
}

/** TPMS_ATTEST with TPMS_QUOTE_INFO. */
export interface Attest {
  readonly qualifiedSigner: Uint8Array;
  /** The verifier's nonce. */
  readonly extraData: Uint8Array;
  /** TPMS_CLOCK_INFO: milliseconds, TPM resets, TPM restarts, whether the clock cannot have gone back. */
  readonly clock: bigint;
  readonly resetCount: number;
  readonly restartCount: number;
  readonly safe: boolean;
  readonly firmwareVersion: bigint;
  readonly pcrs: readonly number[];
  readonly pcrDigest: Uint8Array;
}

export function marshalAttest(attest: Attest): Buffer {
  return Buffer.concat([
    uint32(TPM_GENERATED_VALUE),
    uint16(TPM_ST_ATTEST_QUOTE),
    tpm2b(attest.qualifiedSigner),
    tpm2b(attest.extraData),
    uint64(attest.clock),
    uint32(attest.resetCount),
    uint32(attest.restartCount),
    Buffer.from([attest.safe ? 1 : 0]),
    uint64(attest.firmwareVersion),
    pcrSelection(attest.pcrs),
    tpm2b(attest.pcrDigest),
  ]);
}

/** Throws MalformedStructure unless the bytes are a quote over SHA-256 PCRs. */
export function unmarshalAttest(bytes: Uint8Array): Attest {
  const reader = new Reader(bytes);
  if (reader.u32() !== TPM_GENERATED_VALUE) throw new MalformedStructure('was not made by a TPM');
  if (reader.u16() !== TPM_ST_ATTEST_QUOTE) throw new MalformedStructure('is no quote');
  const qualifiedSigner = reader.tpm2b();
  const extraData = reader.tpm2b();
  const clock = reader.u64();
  const resetCount = reader.u32();
  const restartCount = reader.u32();
  const safe = reader.u8() === 1;
  const firmwareVersion = reader.u64();
  if (reader.u32() !== 1 || reader.u16() !== TPM_ALG_SHA256) throw new MalformedStructure('is not of one SHA-256 bank');
  const bits = reader.take(reader.u8());
  const pcrs = Array.from({ length: bits.length * 8 }, (_, pcr) => pcr).filter(
    (pcr) => (bits[pcr >> 3]! >> (pcr & 7)) & 1,
  );
  const digest = reader.tpm2b();
  reader.end();
  const clockInfo = { clock, resetCount, restartCount, safe };
  return { qualifiedSigner, extraData, ...clockInfo, firmwareVersion, pcrs, pcrDigest: digest };
}

/** TPMT_SIGNATURE of scheme EDDSA: R and S of an Ed25519 signature, whose hash is SHA-512. */
export function marshalSignature(signature: Uint8Array): Buffer {
  const [r, s] = [signature.subarray(0, 32), signature.subarray(32)];
  return Buffer.concat([uint16(TPM_ALG_EDDSA), uint16(TPM_ALG_SHA512), tpm2b(r), tpm2b(s)]);
}

export function unmarshalSignature(bytes: Uint8Array): Buffer {
  const reader = new Reader(bytes);
  if (reader.u16() !== TPM_ALG_EDDSA || reader.u16() !== TPM_ALG_SHA512) {
    throw new MalformedStructure('is no EdDSA signature');
  }
  const [r, s] = [reader.tpm2b(), reader.tpm2b()];
  reader.end();
  if (r.length !== 32 || s.length !== 32) throw new MalformedStructure('is no Ed25519 signature');
  return Buffer.concat([r, s]);
}
