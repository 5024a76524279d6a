/**
 * Who encrypts changes nothing: the machine and OpenSSL leave the same bytes everywhere, whatever is written, evicted, flushed,
 * forged and brought under a new key, and runs have the same results.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runHost } from '../../src/hypervisor/host.js';
import { PROTECTIONS, smmCounts } from '../../src/hypervisor/smm.js';
import type { SmmBackend } from '../../src/hypervisor/types.js';
import { runScenario, type ScenarioInput } from '../../src/index.js';
import { guestDomain, hostConfig } from '../hypervisor/fixture.js';
import { FIRST, PAGE, SecureHost } from './machine.js';

const MODES = PROTECTIONS.filter((name) => name !== 'none');
const BACKENDS: readonly SmmBackend[] = ['wasm', 'host'];
const PAGES = 90;
const COUNTERS = 256;

const page = fc.nat(PAGES - 1);
const step = fc.oneof(
  { weight: 40, arbitrary: fc.record({ kind: fc.constant('write' as const), d: fc.nat(1), page, value: fc.nat(255) }) },
  {
    weight: 10,
    arbitrary: fc.record({ kind: fc.constant('read' as const), d: fc.nat(1), page, value: fc.constant(0) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('all' as const), d: fc.nat(1), page: fc.constant(0), value: fc.nat(255) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('flush' as const), d: fc.constant(0), page, value: fc.constant(0) }),
  },
  // A bit of a page, or of its counter, MAC and tree, is changed in DRAM.
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forge' as const), d: fc.nat(1), page, value: fc.nat(4095) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('meta' as const), d: fc.nat(1), page, value: fc.nat(4095) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function apply(x: SecureHost, { kind, d, page: at, value }: Step): void {
  const l = x.core.layout;
  const write = (gfn: number, byte: number): void => {
    x.domain(d).writeMemory(gfn * PAGE, Uint8Array.of(byte, at, 1)); // a broken page refuses
  };
  if (kind === 'write') write(FIRST + at, value);
  else if (kind === 'read') x.read(d, FIRST + at, 16);
  else if (kind === 'all') for (let i = 0; i < PAGES; i++) write(FIRST + i, value + i);
  else if (kind === 'flush') x.flush();
  else if (kind === 'forge') x.dram(x.frame(d, FIRST + at))[value]! ^= 1 << (value & 7);
  else {
    const meta = x.core.read(x.key(d) + l.SMM_KEY_META);
    if (meta !== 0) x.core.u8[meta + 8 * FIRST + value]! ^= 1 << (value & 7);
  }
}

/** All of the flat memory but the scratch, the word that says who encrypts, and the one that says where the scratch ends. */
function bytes(x: SecureHost): Buffer {
  const l = x.core.layout;
  const end = x.core.read(l.HOST_END) + x.core.read(l.HOST_SMM_SLOTS) * PAGE;
  const all = Buffer.from(x.core.u8.slice(0, end));
  all.writeUInt32LE(0, l.HOST_SMM_BATCH);
  all.writeUInt32LE(0, l.HOST_DISKS);
  return all;
}

describe('both back ends', () => {
  it.each(MODES)('leave the same memory with %s', (mode) => {
    let rekeys = 0;
    let violations = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 60, maxLength: 160 }), (steps) => {
        const hosts = BACKENDS.map(
          (backend) => new SecureHost({ protections: [mode, mode], smm: { slots: 64, counters: COUNTERS, backend } }),
        );
        expect(hosts.map((x) => x.core.read(x.core.layout.HOST_SMM_BATCH) > 0)).toEqual([false, true]);
        for (const one of steps) for (const x of hosts) apply(x, one);
        for (const x of hosts) x.flush();
        expect(bytes(hosts[0]!).equals(bytes(hosts[1]!))).toBe(true);
        const counts = smmCounts(hosts[1]!.core, 0);
        rekeys += counts.rekeys;
        violations += counts.violations.integrity + counts.violations.freshness;
      }),
      { numRuns: 12 },
    );
    const counting = mode.startsWith('ctr') && mode !== 'ctr-fixed';
    if (counting) expect(rekeys).toBeGreaterThan(0);
    if (mode.includes('mac')) expect(violations).toBeGreaterThan(0);
  });

  it.each(MODES)('give the same run with %s, with one worker and with two', async (mode) => {
    const domains = ['sieve', 'pchase', 'strings', 'quicksort'].map((guest) =>
      guestDomain(guest, { protection: mode, maxInstructions: 150_000 }),
    );
    const run = async (backend: SmmBackend, workers: number) => {
      const smm = { slots: 64, policy: 'flush' as const, backend };
      const config = hostConfig(domains, { pcpus: 2, smm, sliceCycles: 20_000, quantumCycles: 100_000 });
      return (await runHost(config, { workers })).deterministic;
    };
    const one = await run('wasm', 1);
    expect(one.domains.reduce((sum, { smm }) => sum + smm.writeBacks, 0)).toBeGreaterThan(200);
    for (const workers of [1, 2]) expect(await run('host', workers)).toEqual(one);
  });

  it('have one fingerprint, also where the scenario names the unit only to say who encrypts', async () => {
    const run = async (smm?: Exclude<ScenarioInput['host'], undefined>['smm']) => {
      const host = { pcpus: 1, ...(smm !== undefined && { smm }) };
      const domains = { a: { guest: 'sieve', protection: 'ctr+mac', 'max-instructions': '50k' } } as const;
      return (await runScenario({ host, domains }, { workers: 1 })).results;
    };
    const results = [await run(), await run({ backend: 'wasm' }), await run({ backend: 'host' })];
    expect(new Set(results.map((result) => result.fingerprint)).size).toBe(1);
    expect(results.map((result) => result.wallClock.smmBackend)).toEqual(['wasm', 'wasm', 'host']);
    expect((await run({ slots: 999 })).fingerprint).not.toBe(results[0]!.fingerprint);
  });
});
