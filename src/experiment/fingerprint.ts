/** One number for all deterministic results of a run. */
import { createHash } from 'node:crypto';

/** Objects with these keys in this order: their members sorted, each with what stands before its value. */
interface Shape {
  readonly keys: readonly string[];
  readonly sorted: readonly (readonly [key: string, before: string])[];
}

/** Rows of results have few shapes; sorting their keys for every row took more time than all else about a cell but its run. */
const shapes = new Map<string, Shape>();
const MAX_SHAPES = 1000;

function sortedMembers(value: object): Shape['sorted'] {
  const keys = Object.keys(value);
  const id = keys.join();
  const known = shapes.get(id);
  if (known?.keys.length === keys.length && keys.every((key, index) => key === known.keys[index])) return known.sorted;
  const sorted = [...keys].sort().map((key) => [key, `${JSON.stringify(key)}:`] as const);
  if (shapes.size >= MAX_SHAPES) shapes.clear();
  shapes.set(id, { keys, sorted });
  return sorted;
}

/**
 * JSON with sorted keys and no spaces, so that equal values give equal bytes. `undefined` members are left out; numbers must be
 * finite, because NaN and infinities would all become `null`. Byte arrays become their SHA-256.
 * @throws TypeError for what JSON cannot say
 */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`${value} has no canonical form`);
    return String(value);
  }
  if (typeof value === 'string') return JSON.stringify(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (value instanceof Uint8Array) return JSON.stringify(`sha256:${createHash('sha256').update(value).digest('hex')}`);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object') throw new TypeError(`a ${typeof value} has no canonical form`);
  let text = '';
  for (const [key, before] of sortedMembers(value)) {
    const member = (value as Record<string, unknown>)[key];
    if (member !== undefined) text += `${text === '' ? '' : ','}${before}${canonicalJson(member)}`;
  }
  return `{${text}}`;
}

/** SHA-256 over the canonical JSON, in hexadecimal. */
export function fingerprint(deterministic: unknown): string {
  return createHash('sha256').update(canonicalJson(deterministic)).digest('hex');
}
