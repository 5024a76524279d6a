/** The PCR bank of a TPM, and the log of what was extended into it. */
import { DIGEST_SIZE, PCRS, sha256 } from './tpm-structures.js';

/** One extension: what a verifier needs to recompute a PCR. */
export interface PcrEvent {
  readonly pcr: number;
  readonly digest: Uint8Array;
  /** What was measured, in words. */
  readonly event: string;
}

/** A PCR at TPM2_Startup(CLEAR): those of the dynamic root of trust are all ones, the others zero (PC Client Platform TPM Profile). */
function initial(pcr: number): Buffer {
  return Buffer.alloc(DIGEST_SIZE, pcr >= 17 && pcr <= 22 ? 0xff : 0);
}

export class PcrBank {
  private readonly values = Array.from({ length: PCRS }, (_, pcr) => initial(pcr));

  /** A copy of the register. Throws RangeError if there is none. */
  read(pcr: number): Buffer {
    return Buffer.from(this.at(pcr));
  }

  /** TPM2_PCR_Extend: the register becomes H(register | digest). */
  extend(pcr: number, digest: Uint8Array): void {
    if (digest.length !== DIGEST_SIZE)
      throw new RangeError(`a SHA-256 digest has ${DIGEST_SIZE} bytes, not ${digest.length}`);
    this.values[pcr] = sha256(this.at(pcr), digest);
  }

  private at(pcr: number): Buffer {
    const value = this.values[pcr];
    if (value === undefined) throw new RangeError(`PCRs are 0 to ${PCRS - 1}, not ${pcr}`);
    return value;
  }
}

/** The bank that a log leads to. Throws RangeError if an event is not one of this bank's. */
export function replay(log: readonly PcrEvent[]): PcrBank {
  const bank = new PcrBank();
  for (const { pcr, digest } of log) bank.extend(pcr, digest);
  return bank;
}
