import { createHash, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PcrBank, replay } from '../../src/security/pcr.js';
import { QuoteVerifier } from '../../src/security/quote.js';
import { type KeyIdentity, Tpm } from '../../src/security/tpm.js';
import { MalformedStructure, unmarshalSignature } from '../../src/security/tpm-structures.js';
import { hex } from '../smm/unit.js';

const sha256 = (...parts: readonly Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
const IMAGE = Buffer.from('\x7fELF an image');

describe('PCRs', () => {
  it('begin as the PC Client profile says and take a hash chain', () => {
    const tpm = new Tpm('seed');
    for (let pcr = 0; pcr < 24; pcr++)
      expect(tpm.pcr(pcr)).toEqual(Buffer.alloc(32, pcr >= 17 && pcr <= 22 ? 0xff : 0));
    const measurement = tpm.measure(8, 'guest.elf', IMAGE);
    expect(measurement).toEqual(sha256(IMAGE));
    tpm.extend(8, sha256(Buffer.from('x')), 'x');
    const once = sha256(Buffer.alloc(32), sha256(IMAGE));
    expect(tpm.pcr(8)).toEqual(sha256(once, sha256(Buffer.from('x'))));
    expect(tpm.log.map(({ pcr, event }) => [pcr, event])).toEqual([
      [8, 'guest.elf'],
      [8, 'x'],
    ]);
  });

  it('follow from the log', () => {
    const tpm = new Tpm('seed');
    for (let i = 0; i < 20; i++) tpm.measure(i % 5, `image ${i}`, Buffer.from([i]));
    const bank = replay(tpm.log);
    for (let pcr = 0; pcr < 24; pcr++) expect(bank.read(pcr)).toEqual(tpm.pcr(pcr));
  });

  it('depend on the order', () => {
    const [a, b] = [new PcrBank(), new PcrBank()];
    const [x, y] = [sha256(Buffer.from('x')), sha256(Buffer.from('y'))];
    a.extend(0, x);
    a.extend(0, y);
    b.extend(0, y);
    b.extend(0, x);
    expect(a.read(0)).not.toEqual(b.read(0));
  });

  it.each([-1, 24, 1.5, Number.NaN])('refuse number %d', (pcr) => {
    expect(() => new Tpm('seed').pcr(pcr)).toThrow(RangeError);
    expect(() => new Tpm('seed').extend(pcr, Buffer.alloc(32), '')).toThrow(RangeError);
    expect(() => new Tpm('seed').seal(IMAGE, [pcr])).toThrow(RangeError);
    expect(() => new Tpm('seed').quote(Buffer.alloc(8), [pcr], 0n)).toThrow(RangeError);
  });

  it('refuse what is no digest', () => {
    expect(() => new PcrBank().extend(0, Buffer.alloc(20))).toThrow(/32 bytes, not 20/);
  });
});

describe('keys', () => {
  const identity: KeyIdentity = { domain: 3, incarnation: 0, measurement: sha256(IMAGE) };

  it('are the same for the same seed and identity', () => {
    expect(new Tpm('a').domainKey(identity, 256)).toEqual(new Tpm('a').domainKey(identity, 256));
    expect(new Tpm('a').smmRoot()).toEqual(new Tpm('a').smmRoot());
    expect(new Tpm('a').smmRoot()).toHaveLength(32);
  });

  it('differ when anything differs', () => {
    const identities: KeyIdentity[] = [
      identity,
      { ...identity, domain: 4 },
      { ...identity, incarnation: 1 },
      { ...identity, measurement: sha256(Buffer.from('another image')) },
    ];
    const keys = ['a', 'b'].flatMap((seed) => {
      const tpm = new Tpm(seed);
      const own = identities.flatMap((who) => [tpm.domainKey(who, 128), tpm.domainKey(who, 256).subarray(0, 16)]);
      return [...own, tpm.smmRoot().subarray(0, 16), tpm.derive('X', Buffer.alloc(1), Buffer.alloc(0), 128)];
    });
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(20);
  });

  it('do not depend on what the TPM did before', () => {
    const tpm = new Tpm('a');
    const before = tpm.domainKey(identity, 128);
    tpm.measure(0, 'x', IMAGE);
    tpm.seal(IMAGE, [0]);
    expect(tpm.domainKey(identity, 128)).toEqual(before);
  });
});

describe('sealing', () => {
  const SECRET = Buffer.from('the key of the disk');

  function sealed(pcrs: readonly number[] = [0, 8]) {
    const tpm = new Tpm('seed');
    tpm.measure(8, 'guest.elf', IMAGE);
    return { tpm, blob: tpm.seal(SECRET, pcrs) };
  }

  it('gives the data back while the PCRs are what they were', () => {
    const { tpm, blob } = sealed();
    expect(tpm.unseal(blob)).toEqual({ ok: true, data: SECRET });
    tpm.measure(9, 'other', IMAGE); // not in the policy
    expect(tpm.unseal(blob)).toEqual({ ok: true, data: SECRET });
  });

  it('refuses after a change of a PCR, and on a host that launched another image', () => {
    const { tpm, blob } = sealed();
    const other = new Tpm('seed');
    other.measure(8, 'guest.elf', Buffer.from('\x7fELF a changed image'));
    expect(other.unseal(blob)).toEqual({ ok: false, code: 'TPM_RC_POLICY_FAIL' });
    tpm.measure(8, 'late', IMAGE);
    expect(tpm.unseal(blob)).toEqual({ ok: false, code: 'TPM_RC_POLICY_FAIL' });
  });

  it('opens after a restart that measured the same', () => {
    const { blob } = sealed();
    const again = new Tpm('seed');
    again.measure(8, 'guest.elf', IMAGE);
    expect(again.unseal(blob)).toEqual({ ok: true, data: SECRET });
  });

  it('refuses another selection of PCRs, even one that does not exist', () => {
    const { tpm, blob } = sealed();
    for (const pcrs of [[8], [], [0, 8, 9], [99], [-1], [0.5]]) {
      expect(tpm.unseal({ ...blob, pcrs })).toEqual({ ok: false, code: 'TPM_RC_POLICY_FAIL' });
    }
  });

  it('is for one TPM alone', () => {
    const { blob } = sealed();
    const other = new Tpm('another seed');
    other.measure(8, 'guest.elf', IMAGE);
    expect(other.unseal(blob)).toEqual({ ok: false, code: 'TPM_RC_INTEGRITY' });
  });

  it('hides the data, and hides that it is the same again', () => {
    const { tpm, blob } = sealed();
    const text = Buffer.concat([blob.publicArea, blob.privateArea]);
    expect(text.includes(SECRET.subarray(0, 4))).toBe(false);
    expect(tpm.seal(SECRET, [0, 8]).privateArea).not.toEqual(blob.privateArea);
  });

  it('refuses every changed or cut blob', () => {
    const { tpm, blob } = sealed();
    fc.assert(
      fc.property(fc.boolean(), fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean(), (inPublic, at, flip, cut) => {
        const part = Buffer.from(inPublic ? blob.publicArea : blob.privateArea);
        part[at % part.length]! ^= flip;
        const bytes = cut ? part.subarray(0, at % part.length) : part;
        const changed = inPublic ? { ...blob, publicArea: bytes } : { ...blob, privateArea: bytes };
        expect(tpm.unseal(changed)).toEqual({ ok: false, code: 'TPM_RC_INTEGRITY' });
      }),
    );
  });

  it.each([0, 129])('refuses to seal %d bytes', (length) => {
    expect(() => new Tpm('seed').seal(Buffer.alloc(length), [0])).toThrow(/1 to 128 bytes/);
  });
});

describe('quotes', () => {
  function attested() {
    const tpm = new Tpm('seed');
    tpm.measure(8, 'guest.elf', IMAGE);
    const verifier = new QuoteVerifier(tpm.attestationPublic, 'verifier');
    const expected = new Map([
      [0, Buffer.alloc(32)],
      [8, sha256(Buffer.alloc(32), sha256(IMAGE))],
    ]);
    return { tpm, verifier, expected };
  }

  it('have the bytes of TPMS_ATTEST', () => {
    const { tpm } = attested();
    const name = (area: Uint8Array): Buffer => Buffer.concat([hex('000b'), sha256(area)]);
    const signer = name(Buffer.concat([hex('4000000b'), name(tpm.attestationPublic)]));
    const pcrs = sha256(tpm.pcr(0), tpm.pcr(8));
    const expected = hex(`
      ff544347 8018
      0022 ${signer.toString('hex')}
      0004 01020304
      0000000000001234 00000001 00000000 01
      0000000000000001
      00000001 000b 03 010100
      0020 ${pcrs.toString('hex')}`);
    const { attest, signature } = tpm.quote(hex('01020304'), [8, 0], 0x1234n);
    expect(attest).toEqual(expected);
    expect(Buffer.from(signature).subarray(0, 6)).toEqual(hex('0060 000d 0020'));
    expect(signature).toHaveLength(2 + 2 + 2 * (2 + 32));
    // RFC 8032 signatures are functions of key and message: node:crypto verifies it with the key from the public area
    const x = tpm.attestationPublic.subarray(-34 - 2 + 2, -2).toString('base64url');
    const key = { key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' as const };
    expect(verify(null, attest, key, unmarshalSignature(signature))).toBe(true);
    expect(tpm.quote(hex('01020304'), [8, 0], 0x1234n).signature).toEqual(signature);
  });

  it('are accepted once', () => {
    const { tpm, verifier, expected } = attested();
    const quote = tpm.quote(verifier.challenge(), [0, 8], 17n);
    const verdict = verifier.check(quote, expected);
    expect(verdict.ok && verdict.attest).toMatchObject({ clock: 17n, pcrs: [0, 8], firmwareVersion: 1n });
    expect(verifier.check(quote, expected)).toEqual({ ok: false, problem: 'replay' });
  });

  it('of another image are refused', () => {
    const { verifier, expected } = attested();
    const evil = new Tpm('seed');
    evil.measure(8, 'guest.elf', Buffer.from('\x7fELF a changed image'));
    expect(verifier.check(evil.quote(verifier.challenge(), [0, 8], 0n), expected)).toEqual({
      ok: false,
      problem: 'pcr',
    });
  });

  it('without the nonce, with an old nonce, of other PCRs or by another TPM are refused', () => {
    const { tpm, verifier, expected } = attested();
    const old = tpm.quote(verifier.challenge(), [0, 8], 0n);
    verifier.challenge();
    expect(verifier.check(tpm.quote(hex('00'), [0, 8], 0n), expected)).toEqual({ ok: false, problem: 'nonce' });
    expect(verifier.check(tpm.quote(verifier.challenge(), [8], 0n), expected)).toEqual({
      ok: false,
      problem: 'selection',
    });
    const other = new Tpm('other');
    other.measure(8, 'guest.elf', IMAGE);
    expect(verifier.check(other.quote(verifier.challenge(), [0, 8], 0n), expected)).toEqual({
      ok: false,
      problem: 'signature',
    });
    expect(verifier.check(old, expected).ok).toBe(true); // the first challenge is still open
    expect(verifier.check(old, expected)).toEqual({ ok: false, problem: 'replay' });
  });

  it('that were changed or cut are refused, whatever the bytes, and use up no nonce', () => {
    const { tpm, verifier, expected } = attested();
    const quote = tpm.quote(verifier.challenge(), [0, 8], 0n);
    fc.assert(
      fc.property(fc.boolean(), fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean(), (inAttest, at, flip, cut) => {
        const part = Buffer.from(inAttest ? quote.attest : quote.signature);
        part[at % part.length]! ^= flip;
        const bytes = cut ? part.subarray(0, at % part.length) : part;
        const verdict = verifier.check({ ...quote, [inAttest ? 'attest' : 'signature']: bytes }, expected);
        expect(verdict.ok ? 'accepted' : verdict.problem).toMatch(/malformed|signature/);
      }),
    );
    expect(verifier.check(quote, expected).ok).toBe(true);
  });

  it('of arbitrary bytes are refused', () => {
    const { verifier, expected } = attested();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 100 }), (attest, signature) => {
        expect(verifier.check({ attest, signature }, expected)).toEqual({ ok: false, problem: 'malformed' });
      }),
    );
  });

  it('need a nonce of at most 66 bytes', () => {
    expect(() => new Tpm('seed').quote(Buffer.alloc(67), [0], 0n)).toThrow(/at most 66 bytes/);
  });

  it('need a verifier with an attestation key', () => {
    expect(() => new QuoteVerifier(Buffer.alloc(80), 's')).toThrow(MalformedStructure);
    expect(() => new QuoteVerifier(Buffer.alloc(3), 's')).toThrow(MalformedStructure);
  });

  it('answer challenges that never repeat', () => {
    const { tpm, verifier, expected } = attested();
    const seen = new Set<string>();
    for (let i = 0; i < 50; i++) {
      const nonce = verifier.challenge();
      if (i % 2 === 0) verifier.check(tpm.quote(nonce, [0, 8], 0n), expected);
      seen.add(nonce.toString('hex'));
    }
    expect(seen.size).toBe(50);
  });
});

describe('a TPM', () => {
  it('has another attestation key for another seed', () => {
    expect(new Tpm('a').attestationPublic).toEqual(new Tpm('a').attestationPublic);
    expect(new Tpm('a').attestationPublic).not.toEqual(new Tpm('b').attestationPublic);
  });
});
