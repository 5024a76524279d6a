import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, fingerprint } from '../../src/experiment/fingerprint.js';

/** The same value with the members of every object in another order. */
function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, shuffled(member)]),
  );
}

describe('canonical JSON', () => {
  it('sorts keys by code unit at every depth and has no spaces', () => {
    expect(canonicalJson({ b: [{ z: 1, a: null }], a: 'é', B: true, aa: -0, '': 1e21 })).toBe(
      '{"":1e+21,"B":true,"a":"é","aa":0,"b":[{"a":null,"z":1}]}',
    );
  });

  it('leaves out what is undefined, and hashes bytes', () => {
    const digest = createHash('sha256').update('abc').digest('hex');
    expect(canonicalJson({ a: undefined, b: Buffer.from('abc') })).toBe(`{"b":"sha256:${digest}"}`);
  });

  it('tells objects apart whose keys hold what separates keys', () => {
    expect(canonicalJson([{ 'a,b': 1 }, { a: 2, b: 3 }, { 'b,a': 4 }, { 'a,b': 5, c: 6 }, { a: 7, 'b,c': 8 }])).toBe(
      '[{"a,b":1},{"a":2,"b":3},{"b,a":4},{"a,b":5,"c":6},{"a":7,"b,c":8}]',
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1n, () => 0, undefined])('refuses %s', (value) => {
    expect(() => canonicalJson([value])).toThrow(TypeError);
  });

  it('does not depend on the order of members, and reads back as what it was', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(shuffled(value))).toBe(canonicalJson(value));
        expect(JSON.stringify(shuffled(JSON.parse(canonicalJson(value))))).toBe(
          JSON.stringify(shuffled(JSON.parse(canonicalJson(JSON.parse(JSON.stringify(value)))))),
        );
      }),
    );
  });
});

describe('the fingerprint', () => {
  it('is the SHA-256 of the canonical JSON', () => {
    // printf '{"a":1,"b":2}' | sha256sum
    expect(fingerprint({ b: 2, a: 1 })).toBe('43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777');
  });

  it('differs for different values', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(fingerprint(a) === fingerprint(b)).toBe(canonicalJson(a) === canonicalJson(b));
      }),
    );
  });
});
