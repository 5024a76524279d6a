import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { expectedPcrs, LAUNCH_PCRS, type LaunchedHost, launch } from '../../src/security/launch.js';
import { QuoteVerifier } from '../../src/security/quote.js';

const HOST: LaunchedHost = {
  core: Buffer.from('\0asm'),
  policy: '{"host":{}}',
  guests: [
    { name: 'a', image: Buffer.from('image a') },
    { name: 'b', image: Buffer.from('image b') },
  ],
};
const sha256 = (...parts: readonly Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();

describe('a measured launch', () => {
  it('leaves the documented PCRs', () => {
    const tpm = launch('seed', HOST);
    expect(tpm.pcr(0)).toEqual(sha256(Buffer.alloc(32), sha256(HOST.core)));
    expect(tpm.pcr(17)).toEqual(sha256(Buffer.alloc(32, 0xff), sha256(Buffer.from(HOST.policy))));
    const first = sha256(Buffer.alloc(32), sha256(Buffer.from('image a')));
    expect(tpm.pcr(8)).toEqual(sha256(first, sha256(Buffer.from('image b'))));
    expect(tpm.log.map(({ event }) => event)).toEqual(['core', 'policy', 'a', 'b']);
  });

  it('is accepted by a verifier who expects it, and by no other', () => {
    const tpm = launch('seed', HOST);
    const verifier = new QuoteVerifier(tpm.attestationPublic, 'verifier');
    const quote = () => tpm.quote(verifier.challenge(), LAUNCH_PCRS, 0n);
    expect(verifier.check(quote(), expectedPcrs(HOST)).ok).toBe(true);
    const others: LaunchedHost[] = [
      { ...HOST, core: Buffer.from('\0asm?') },
      { ...HOST, policy: '{"host":{"smm":{}}}' },
      { ...HOST, guests: [...HOST.guests].reverse() },
      { ...HOST, guests: HOST.guests.slice(1) },
    ];
    for (const other of others) {
      expect(verifier.check(quote(), expectedPcrs(other))).toEqual({ ok: false, problem: 'pcr' });
    }
  });

  it('decides what can be unsealed', () => {
    const blob = launch('seed', HOST).seal(Buffer.from('secret'), LAUNCH_PCRS);
    expect(launch('seed', HOST).unseal(blob).ok).toBe(true);
    const guests = [...HOST.guests, { name: 'c', image: Buffer.from('one more') }];
    expect(launch('seed', { ...HOST, guests }).unseal(blob)).toEqual({ ok: false, code: 'TPM_RC_POLICY_FAIL' });
  });
});
