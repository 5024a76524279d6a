/** The unit against a plain model: what a domain wrote is what it reads, whatever was evicted, flushed, released or forged. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { destroyDomain } from '../../src/hypervisor/domain.js';
import { populatePage, releasePage } from '../../src/hypervisor/physmap.js';
import { PROTECTIONS, smmCounts } from '../../src/hypervisor/smm.js';
import type { Protection } from '../../src/hypervisor/types.js';
import { FIRST, PAGE, SecureHost } from './machine.js';

const MODES = PROTECTIONS.filter((name) => name !== 'none');
const WITH_MAC = MODES.filter((name) => name.includes('mac'));
const text = (s: string): Uint8Array => Buffer.from(s);

describe('the SMM buffer', () => {
  const command = fc.oneof(
    {
      weight: 60,
      arbitrary: fc.record({ kind: fc.constant('write'), d: fc.nat(1), page: fc.nat(79), value: fc.nat(0xffffffff) }),
    },
    {
      weight: 60,
      arbitrary: fc.record({ kind: fc.constant('read'), d: fc.nat(1), page: fc.nat(79), value: fc.constant(0) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('flush'), d: fc.nat(1), page: fc.constant(0), value: fc.constant(0) }),
    },
    {
      weight: 8,
      arbitrary: fc.record({ kind: fc.constant('peek'), d: fc.nat(1), page: fc.nat(79), value: fc.constant(0) }),
    },
    {
      weight: 8,
      arbitrary: fc.record({ kind: fc.constant('swap'), d: fc.nat(1), page: fc.nat(79), value: fc.constant(0) }),
    },
  );

  it.each(MODES)('shows with %s what was written, whatever was evicted meanwhile', (mode) => {
    const x = new SecureHost({ protections: [mode, mode], smm: { slots: 32 } });
    const model = [new Map<number, number>(), new Map<number, number>()];
    const bytes = new Uint8Array(4);
    const value = (word: number): Uint8Array => {
      new DataView(bytes.buffer).setUint32(0, word, true);
      return bytes;
    };
    fc.assert(
      fc.property(fc.array(command, { minLength: 20, maxLength: 120 }), (commands) => {
        for (const { kind, d, page, value: word } of commands) {
          const gfn = FIRST + page;
          if (kind === 'write') {
            x.write(d, gfn, value(word));
            model[d]!.set(page, word);
          } else if (kind === 'flush') {
            x.flush();
          } else if (kind === 'swap') {
            // Gives the page away and takes one again: nothing of the old is left.
            expect(releasePage(x.core, d, gfn) && populatePage(x.core, d, gfn)).toBe(true);
            model[d]!.delete(page);
          } else {
            const seen = kind === 'read' ? x.read(d, gfn, 4) : x.domain(d).readMemory(gfn * PAGE, 4);
            expect(seen).toEqual(Uint8Array.from(value(model[d]!.get(page) ?? 0)));
          }
        }
      }),
      { numRuns: 40, seed: 5 },
    );
    const counts = smmCounts(x.core, 0);
    expect(counts.evictions).toBeGreaterThan(100);
    expect(counts.violations).toEqual({ permission: 0, context: 0, integrity: 0, freshness: 0 });
  });

  it('fills a slot once, writes back what is dirty and drops what is clean', () => {
    const x = new SecureHost({ protections: ['ctr'], smm: { slots: 32 } });
    x.write(0, FIRST, text('x'));
    x.flush();
    const before = smmCounts(x.core, 0);
    x.read(0, FIRST, 1);
    x.read(0, FIRST, 1);
    x.flush();
    const after = smmCounts(x.core, 0);
    expect(after.fills - before.fills).toBe(1);
    expect(after.decrypts - before.decrypts).toBe(1);
    expect(after.writeBacks).toBe(before.writeBacks);
    expect(after.cleanDrops - before.cleanDrops).toBe(1);
  });

  it('leaves observers no trace', () => {
    const x = new SecureHost({ protections: ['ctr+mac'] });
    x.write(0, FIRST, text('looked at'));
    x.flush();
    const before = [smmCounts(x.core, 0), Buffer.from(x.core.u8.slice(x.key(0), x.key(0) + 192)).toString('hex')];
    expect(Buffer.from(x.domain(0).readMemory(FIRST * PAGE, 9)).toString()).toBe('looked at');
    expect([smmCounts(x.core, 0), Buffer.from(x.core.u8.slice(x.key(0), x.key(0) + 192)).toString('hex')]).toEqual(
      before,
    );
    expect(x.flush()).toBe(0);
  });
});

describe('permission and key table', () => {
  it('change at populate_physmap and decrease_reservation alone', () => {
    const x = new SecureHost({ protections: ['ctr+mac+tree', 'xts', 'none'] });
    const l = x.core.layout;
    const table = x.permissions();
    const keys = x.core.u8.slice(x.key(0) + l.SMM_KEY_MASTER, x.key(0) + l.SMM_KEY_SIZE);
    for (const d of [0, 1, 2]) {
      for (let i = 0; i < 80; i++) x.write(d, FIRST + i, text(`page ${i}`));
      for (let i = 0; i < 80; i++) x.read(d, FIRST + i, 8);
    }
    x.flush();
    // FRESH became SEALED: the state of the data, not a right.
    const states = (bytes: Uint8Array): Uint8Array =>
      bytes.map((b, i) => (i % l.SMM_FRAME_SIZE === l.SMM_FRAME_STATE ? Number(b !== l.SMM_OPEN) : b));
    expect(states(x.permissions())).toEqual(states(table));
    expect(x.core.u8.slice(x.key(0) + l.SMM_KEY_MASTER, x.key(0) + l.SMM_KEY_SIZE)).toEqual(keys);
    const frame = x.frame(0, FIRST);
    expect(releasePage(x.core, 0, FIRST)).toBe(true);
    const [before, after] = [states(table), states(x.permissions())];
    const changed = new Set<number>();
    for (let i = 0; i < after.length; i++) if (after[i] !== before[i]) changed.add(Math.floor(i / l.SMM_FRAME_SIZE));
    expect(changed).toEqual(new Set([frame]));
  });

  it('give a domain that is started again another key', () => {
    const x = new SecureHost({ protections: ['ctr'] });
    const l = x.core.layout;
    const key = (): string =>
      Buffer.from(x.core.u8.slice(x.key(0) + l.SMM_KEY_CIPHER, x.key(0) + l.SMM_KEY_CIPHER + 256)).toString('hex');
    const old = key();
    destroyDomain(x.core, 0);
    expect(key()).toBe('00'.repeat(256));
    x.create(0, x.configs[0]!);
    expect(key()).not.toBe(old);
  });

  it.each(MODES)('let nobody read with %s what an earlier owner left, though nothing is cleared', (mode) => {
    const x = new SecureHost({ protections: [mode, 'none'], scrub: false });
    const secret = text('left behind');
    x.write(0, FIRST, secret);
    x.write(1, FIRST, secret);
    x.flush();
    const [sealed, open] = [x.frame(0, FIRST), x.frame(1, FIRST)];
    const ciphertext = x.dram(sealed).slice();
    destroyDomain(x.core, 0);
    destroyDomain(x.core, 1);
    expect(x.dram(sealed)).toEqual(ciphertext); // nothing was cleared
    expect(Buffer.from(x.dram(sealed)).includes(Buffer.from(secret))).toBe(false);
    expect(Buffer.from(x.dram(open)).includes(Buffer.from(secret))).toBe(true);
    // A new protected owner sees zeros wherever it looks.
    x.create(0, x.configs[0]!);
    for (let i = 0; i < 200; i++) expect(x.read(0, FIRST + i, PAGE)).toEqual(new Uint8Array(PAGE));
  });
});

describe('counters', () => {
  it.each(['ctr', 'ctr+mac', 'ctr+mac+tree'] as const)(
    'never repeat under a key with %s, and a used-up key is replaced',
    (mode) => {
      const x = new SecureHost({ protections: [mode], smm: { slots: 32, counters: 1024 } });
      const l = x.core.layout;
      const seen = new Set<string>();
      const counterAt = (gfn: number): number => x.core.readU64(x.core.read(x.key(0) + l.SMM_KEY_META) + 8 * gfn);
      for (let round = 0; round < 60; round++) {
        for (let i = 0; i < 40; i++) x.write(0, FIRST + i, Uint8Array.of(round));
        x.flush();
        for (let i = 0; i < 40; i++) {
          const used = `${x.core.read(x.key(0) + l.SMM_KEY_EPOCH)}:${counterAt(FIRST + i)}`;
          expect(seen.has(used), used).toBe(false); // every page was written anew, and a key issues each counter once
          seen.add(used);
          expect(counterAt(FIRST + i)).toBeGreaterThan(0);
          expect(counterAt(FIRST + i)).toBeLessThanOrEqual(1024);
        }
        for (let i = 0; i < 40; i += 7) expect(x.read(0, FIRST + i, 1)).toEqual(Uint8Array.of(round));
      }
      expect(smmCounts(x.core, 0).rekeys).toBeGreaterThan(1);
      expect(smmCounts(x.core, 0).violations.integrity).toBe(0);
    },
  );

  it('are not made to repeat by rolling DRAM back', () => {
    const x = new SecureHost({ protections: ['ctr'] });
    const l = x.core.layout;
    const meta = x.core.read(x.key(0) + l.SMM_KEY_META) + 8 * FIRST;
    x.write(0, FIRST, text('first'));
    x.flush();
    const old = x.core.readU64(meta);
    x.core.writeU64(meta, 0);
    x.write(0, FIRST, text('second'));
    x.flush();
    expect(x.core.readU64(meta)).toBeGreaterThan(old);
  });
});

describe('what is forged in DRAM', () => {
  const cases: readonly [attack: string, hit: (x: SecureHost) => void, detectedBy: readonly Protection[]][] = [
    ['a flipped bit', (x) => x.dram(x.frame(0, FIRST)).set([x.dram(x.frame(0, FIRST))[77]! ^ 8], 77), WITH_MAC],
    [
      'the ciphertext of another page of the domain',
      (x) => x.dram(x.frame(0, FIRST)).set(x.dram(x.frame(0, FIRST + 1))),
      WITH_MAC,
    ],
  ];

  it.each(cases)('%s is detected by a MAC and seen by its owner without', (_, hit, detectedBy) => {
    for (const mode of MODES) {
      const x = new SecureHost({ protections: [mode, mode] });
      for (const d of [0, 1]) for (const i of [0, 1]) x.write(d, FIRST + i, text(`page ${i} of ${d}`));
      x.flush();
      hit(x);
      const seen = x.read(0, FIRST, PAGE);
      expect(seen === undefined, mode).toBe(detectedBy.includes(mode));
      if (seen !== undefined) expect(Buffer.from(seen)).not.toEqual(Buffer.from('page 0 of 0'.padEnd(PAGE, '\0')));
      // Nobody else is touched.
      expect(Buffer.from(x.read(1, FIRST, 11)!).toString()).toBe('page 0 of 1');
      expect(smmCounts(x.core, 1).violations.integrity).toBe(0);
      expect(smmCounts(x.core, 0).violations.integrity > 0).toBe(detectedBy.includes(mode));
    }
  });

  it('an old page with its counter and MAC is taken without the tree, and detected with it', () => {
    for (const mode of MODES) {
      const x = new SecureHost({ protections: [mode] });
      const l = x.core.layout;
      const pages = x.core.read(x.key(0) + l.SMM_KEY_PAGES);
      const meta = x.core.read(x.key(0) + l.SMM_KEY_META);
      x.write(0, FIRST, text('old'));
      x.flush();
      const words = meta === 0 ? [] : [meta + 8 * FIRST, meta + 8 * (pages + FIRST)];
      const old = [x.dram(x.frame(0, FIRST)).slice(), ...words.map((at) => x.core.u8.slice(at, at + 8))];
      x.write(0, FIRST, text('new'));
      x.flush();
      x.dram(x.frame(0, FIRST)).set(old[0]!);
      for (const [i, at] of words.entries()) x.core.u8.set(old[i + 1]!, at);
      const seen = x.read(0, FIRST, 3);
      expect(seen && Buffer.from(seen).toString(), mode).toBe(mode === 'ctr+mac+tree' ? undefined : 'old');
      expect(smmCounts(x.core, 0).violations.freshness).toBe(mode === 'ctr+mac+tree' ? 1 : 0);
    }
  });

  it('two write-backs under one counter give their plaintexts away, which only the wrong mode does', () => {
    const leak = (mode: Protection): string => {
      const x = new SecureHost({ protections: [mode] });
      const known = text('known plaintext!');
      x.write(0, FIRST, known);
      x.flush();
      const first = x.dram(x.frame(0, FIRST)).slice(0, 16);
      x.write(0, FIRST, text('hidden plaintext'));
      x.flush();
      const second = x.dram(x.frame(0, FIRST)).slice(0, 16);
      return Buffer.from(second.map((b, i) => b ^ first[i]! ^ known[i]!)).toString('latin1');
    };
    expect(leak('ctr-fixed')).toBe('hidden plaintext');
    for (const mode of MODES) if (mode !== 'ctr-fixed') expect(leak(mode), mode).not.toBe('hidden plaintext');
  });

  /** RINGFENCE_FLIPS=100000 npx vitest run test/smm/unit.test.ts -t flips */
  it('random bit flips: every flip in a page that is read again is detected, for that domain alone', () => {
    const flips = Number(process.env.RINGFENCE_FLIPS ?? 2000);
    const modes = ['ctr+mac', 'ctr+mac+tree', 'xts+mac'] as const;
    const x = new SecureHost({ protections: modes, smm: { slots: 32 } });
    const l = x.core.layout;
    let state = 12345;
    const random = (n: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * n);
    };
    const violations = (): number[] =>
      [0, 1, 2].map(
        (i) =>
          x.count(i, l.SMM_COUNT_VIOLATION + l.SMM_VIOLATION_INTEGRITY) +
          x.count(i, l.SMM_COUNT_VIOLATION + l.SMM_VIOLATION_FRESHNESS),
      );
    const wrong: string[] = [];
    for (let n = 0; n < flips; n++) {
      const d = random(3);
      const gfn = FIRST + random(64);
      x.write(d, gfn, Uint8Array.of(n & 255, n >>> 8));
      x.flush();
      // Ciphertext, MAC or counter (XTS has none).
      const meta = x.core.read(x.key(d) + l.SMM_KEY_META);
      const macs = meta + 8 * x.core.read(x.key(d) + l.SMM_KEY_PAGES);
      const where = random(d === 2 ? 9 : 10);
      const page = x.host.frameAddress(x.frame(d, gfn));
      const at = where < 8 ? page + random(PAGE) : (where === 8 ? macs : meta) + 8 * gfn + random(8);
      const bit = 1 << random(8);
      x.core.u8[at]! ^= bit;
      const before = violations();
      const seen = x.read(d, gfn, 2);
      const detected = violations().map((count, i) => count - before[i]!);
      if (seen !== undefined || detected.some((count, i) => count !== Number(i === d)))
        wrong.push(`${n}: ${modes[d]}, byte ${at - page}`);
      x.core.u8[at]! ^= bit; // else a forged counter would taint its neighbours in the tree
      // The domain gives the broken page back and takes another: it goes on.
      if (!releasePage(x.core, d, gfn) || !populatePage(x.core, d, gfn)) wrong.push(`${n}: not replaced`);
    }
    expect(wrong).toEqual([]);
  }, 3_600_000);
});
