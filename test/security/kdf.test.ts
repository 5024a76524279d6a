import { describe, expect, it } from 'vitest';
import { type HashName, kdfa, kdfCounter } from '../../src/security/kdf.js';
import { hex } from '../smm/unit.js';

describe('SP 800-108 in counter mode', () => {
  // NIST CAVS 14.4 "SP800-108 - KDF", KDFCTR_gen: PRF=HMAC_SHA256, CTRLOCATION=BEFORE_FIXED, RLEN=32_BITS, COUNT 0, 10, 20, 30
  it.each([
    [
      'dd1d91b7d90b2bd3138533ce92b272fbf8a369316aefe242e659cc0ae238afe0',
      '01322b96b30acd197979444e468e1c5c6859bf1b1cf951b7e725303e237e46b864a145fab25e517b08f8683d0315bb2911d80a0e8aba17f3b413faac',
      '10621342bfb0fd40046c0e29f2cfdbf0',
    ],
    [
      'e204d6d466aad507ffaf6d6dab0a5b26152c9e21e764370464e360c8fbc765c6',
      '7b03b98d9f94b899e591f3ef264b71b193fba7043c7e953cde23bc5384bc1a6293580115fae3495fd845dadbd02bd6455cf48d0f62b33e62364a3a80',
      '770dfab6a6a4a4bee0257ff335213f78d8287b4fd537d5c1fffa956910e7c779',
    ],
    [
      'dc60338d884eecb72975c603c27b360605011756c697c4fc388f5176ef81efb1',
      '44d7aa08feba26093c14979c122c2437c3117b63b78841cd10a4bc5ed55c56586ad8986d55307dca1d198edcffbc516a8fbe6152aa428cdd800c062d',
      '29ac07dccf1f28d506cd623e6e3fc2fa255bd60b',
    ],
    [
      'c4bedbddb66493e7c7259a3bbbc25f8c7e0ca7fe284d92d431d9cd99a0d214ac',
      '1c69c54766791e315c2cc5c47ecd3ffab87d0d273dd920e70955814c220eacace6a5946542da3dfe24ff626b4897898cafb7db83bdff3c14fa46fd4b',
      '1da47638d6c9c4d04d74d4640bbd42ab814d9e8cc22f4326695239f96b0693f12d0dd1152cf44430',
    ],
  ])('key %s', (key, fixed, derived) => {
    expect(kdfCounter('sha256', hex(key), hex(fixed), derived.length / 2)).toEqual(hex(derived));
  });

  it.each([0, -1, 1.5, 2 ** 21])('refuses to derive %d bytes', (bytes) => {
    expect(() => kdfCounter('sha256', Buffer.alloc(1), Buffer.alloc(1), bytes)).toThrow(RangeError);
  });
});

describe('KDFa', () => {
  // Self-test of the TPM 2.0 reference code (Part 4), KdfTestData.h
  const KEY = hex('271fa08bbdc5060ec3dfa928ff9b73123a12da0c');
  const [U, V] = [hex('ce244f395dca7391'), hex('da504031ddf12e83')];
  it.each<[HashName, string]>([
    ['sha1', '55b5a7184aa07423c47dae766c26a2377d7cf851'],
    ['sha256', 'bb0259e1c8ba607e6a2cd704b69a902e9ade84c4'],
    ['sha384', '1dce70c9113eb2dba47bd9cfc72bf46f45b09312'],
    ['sha512', '8be2c1b85b78569b9fa759f5857c56d684810fd3'],
  ])('with %s', (hash, derived) => {
    expect(kdfa(hash, KEY, 'KDFSELFTESTLABEL', U, V, 160)).toEqual(hex(derived));
  });

  it('clears the bits that were not asked for', () => {
    const none = Buffer.alloc(0);
    for (let bits = 1; bits <= 40; bits++) {
      const first = kdfa('sha256', KEY, 'X', none, none, bits)[0]!;
      expect(first).toBeLessThan(1 << (bits % 8 || 8));
    }
  });
});
