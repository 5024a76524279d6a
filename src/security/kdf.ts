/**
 * Key derivation: NIST SP 800-108r1, 4.1, "KDF in Counter Mode", with HMAC and a 32-bit counter before the fixed input, and its use in
 * TPM 2.0 Library Specification, Part 1: Architecture, "KDFa()".
 */
import { createHmac } from 'node:crypto';

export type HashName = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/**
 * K(1) | K(2) | … with K(i) = HMAC(key, [i]₃₂ | fixed).
 * @param bytes how many to derive, 1 to 2^20
 */
export function kdfCounter(hash: HashName, key: Uint8Array, fixed: Uint8Array, bytes: number): Buffer {
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > 1 << 20) throw new RangeError(`cannot derive ${bytes} bytes`);
  const parts: Buffer[] = [];
  for (let have = 0, i = 1; have < bytes; i++) {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(i);
    const part = createHmac(hash, key).update(counter).update(fixed).digest();
    parts.push(part);
    have += part.length;
  }
  return Buffer.concat(parts).subarray(0, bytes);
}

/**
 * KDFa(hash, key, label, contextU, contextV, bits): the fixed input is label | 00h | contextU | contextV | [bits]₃₂. If `bits` is no
 * multiple of 8, the first byte's upper bits are zero.
 */
export function kdfa(
  hash: HashName,
  key: Uint8Array,
  label: string,
  contextU: Uint8Array,
  contextV: Uint8Array,
  bits: number,
): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(bits);
  const fixed = Buffer.concat([Buffer.from(label), Buffer.alloc(1), contextU, contextV, size]);
  const derived = kdfCounter(hash, key, fixed, Math.ceil(bits / 8));
  if (bits % 8 !== 0) derived[0]! &= (1 << (bits % 8)) - 1;
  return derived;
}
