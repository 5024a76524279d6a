/** One number for all deterministic results of a run. */
import { createHash } from 'node:crypto';

/**
 * JSON with sorted keys and no spaces, so that equal values give equal bytes. `undefined` members are left out; numbers must be
 * finite, because NaN and infinities would all become `null`. Byte arrays become their SHA-256.
 * @throws TypeError for what JSON cannot say
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`${value} has no canonical form`);
    return JSON.stringify(value);
  }
  if (value instanceof Uint8Array) return JSON.stringify(`sha256:${createHash('sha256').update(value).digest('hex')}`);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object') {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(',')}}`;
  }
  throw new TypeError(`a ${typeof value} has no canonical form`);
}

/** SHA-256 over the canonical JSON, in hexadecimal. */
export function fingerprint(deterministic: unknown): string {
  return createHash('sha256').update(canonicalJson(deterministic)).digest('hex');
}
