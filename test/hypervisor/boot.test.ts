/** Hosts that go on with other settings when boot has ended, saved at that moment and not. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runHost } from '../../src/hypervisor/host.js';
import { type HostImage, readImage, writeImage } from '../../src/hypervisor/save.js';
import type { BootEnd, DomainConfig, HostConfig, RunOptions } from '../../src/hypervisor/types.js';
import { guestDomain, hostConfig, MIB } from './fixture.js';

const INLINE = { workers: 1 };
const QUANTUM = 60_000;

/** Timers, paging, code that changes itself, input, two that exchange data, and one that shares a pCPU with others. */
function mixture(): DomainConfig[] {
  const alone = ['timer', 'paging', 'smc', 'echo', 'sieve', 'ctx'].map((name) => guestDomain(name));
  const pair = ['side=first peer=7', 'side=second peer=6'].map((cmdline, i) =>
    guestDomain('pingpong', { name: `ping-${i}`, cmdline }),
  );
  return [...alone, ...pair].map((domain) => ({ ...domain, maxInstructions: 300_000 }));
}

const base = hostConfig(mixture(), {
  ...{ pcpus: 2, quantumCycles: QUANTUM, sliceCycles: 20_000, limitCycles: 3_000_000 },
});

async function deterministic(config: HostConfig, options: Partial<RunOptions>) {
  return (await runHost(config, { ...INLINE, ...options })).deterministic;
}

const settings = fc.record(
  {
    limitCycles: fc.integer({ min: 1, max: 3_000_000 }),
    sliceCycles: fc.integer({ min: 5_000, max: 40_000 }),
    boost: fc.boolean(),
    deny: fc.constantFrom('map', 'share', 'send', 'channel', 'control'),
    weight: fc.integer({ min: 1, max: 65_535 }),
    cap: fc.integer({ min: 0, max: 100 }),
    maxInstructions: fc.integer({ min: 1, max: 300_000 }),
    input: fc.string({ unit: 'grapheme-ascii', maxLength: 40 }),
    which: fc.nat(7),
  },
  { requiredKeys: ['which'] },
);

type Settings = typeof settings extends fc.Arbitrary<infer T> ? T : never;

function changed({ limitCycles, sliceCycles, boost, deny, which, ...own }: Settings): HostConfig {
  return {
    ...base,
    ...(limitCycles !== undefined && { limitCycles }),
    ...(sliceCycles !== undefined && { sliceCycles }),
    ...(boost !== undefined && { boost }),
    ...(deny !== undefined && { security: [{ operation: deny, verdict: 'deny' }] }),
    domains: base.domains.map((domain, index) => (index === which ? { ...domain, ...own } : domain)),
  };
}

const end: fc.Arbitrary<BootEnd> = fc.oneof(
  fc.integer({ min: 1, max: 1_500_000 }).map((at) => ({ kind: 'time', at }) as const),
  fc
    .tuple(fc.constantFrom('sieve', 'timer', 'echo', 'ping-1'), fc.integer({ min: 1, max: 250_000 }))
    .map(([domain, count]) => ({ kind: 'retired', domain, count }) as const),
  fc.constantFrom('@timer', 'mer', '\n').map((text) => ({ kind: 'prints', domain: 'timer', text }) as const),
);

describe('boot that ends', () => {
  it('is the same for a host that was saved then as for one that never was, whatever changes', {
    timeout: 120_000,
  }, async () => {
    let shared = 0;
    await fc.assert(
      fc.asyncProperty(end, settings, settings, async (until, one, other) => {
        let image: HostImage | undefined;
        const save = (found: HostImage): void => {
          image = found;
        };
        const first = await deterministic(base, { boot: { until, later: changed(one), save } });
        const second = await deterministic(base, { boot: { until, later: changed(other) } });
        expect(second.zeroSum).toBe(true);
        if (image === undefined) return; // boot never ended
        shared++;
        for (const [later, expected] of [
          [changed(one), first],
          [changed(other), second],
        ] as const) {
          expect(await deterministic(base, { restore: image, boot: { until, later } })).toEqual(expected);
        }
      }),
      { numRuns: 12 },
    );
    expect(shared).toBeGreaterThan(5);
  });

  it('is the same for any number of workers, and changes nothing if nothing changes', { timeout: 60_000 }, async () => {
    const until: BootEnd = { kind: 'retired', domain: 'sieve', count: 50_000 };
    const plain = await deterministic(base, {});
    expect(await deterministic(base, { boot: { until, later: base } })).toEqual(plain);
    const later = changed({ which: 4, weight: 1000, sliceCycles: 9000, deny: 'send' });
    const expected = await deterministic(base, { boot: { until, later } });
    expect(expected).not.toEqual(plain);
    expect(await deterministic(base, { workers: 2, boot: { until, later } })).toEqual(expected);
  });

  it('is found again by a host that was saved at any other moment', { timeout: 60_000 }, async () => {
    const until: BootEnd = { kind: 'prints', domain: 'paging', text: '@paging' };
    const boot = { until, later: changed({ which: 0, maxInstructions: 20_000, cap: 30 }) };
    let ended = 0;
    const expected = await deterministic(base, { boot: { ...boot, save: ({ state }) => (ended = state.time) } });
    expect(ended).toBeGreaterThan(QUANTUM);
    for (const at of [ended - QUANTUM, ended, ended + QUANTUM]) {
      let file = new Uint8Array();
      await deterministic(base, { boot, save: { at, to: (image) => (file = new Uint8Array(writeImage(image))) } });
      const image = readImage(file);
      expect(image.state.booted).toBe(at >= ended);
      expect(await deterministic(image.config, { restore: image, boot })).toEqual(expected);
    }
  });

  it('gives settings to the forks that come later, and to those that are there', { timeout: 60_000 }, async () => {
    const fork = (name: string, at: number): DomainConfig =>
      guestDomain('timer', { name, fork: { of: 'timer', at }, maxInstructions: 150_000 });
    const domains = [guestDomain('timer', { maxInstructions: 200_000 }), fork('early', 120_000), fork('late', 600_000)];
    const config = hostConfig(domains, { pcpus: 1, quantumCycles: QUANTUM, memoryBytes: 64 * MIB, limitCycles: 9e6 });
    const limits = [200_000, 60_000, 70_000];
    const later = { ...config, domains: domains.map((d, i) => ({ ...d, maxInstructions: limits[i]! })) };
    const until: BootEnd = { kind: 'time', at: 300_000 };
    let image: HostImage | undefined;
    const expected = await deterministic(config, { boot: { until, later, save: (found) => (image = found) } });
    expect(expected.domains.slice(1).map(({ retired, outcome }) => [retired, outcome.kind])).toEqual([
      [60_000, 'limit'],
      [70_000, 'limit'],
    ]);
    expect(await deterministic(config, { restore: image!, boot: { until, later } })).toEqual(expected);
  });

  it('wakes who waits for input that comes then', async () => {
    const config = hostConfig([guestDomain('echo', { input: '', maxInstructions: 1_000_000 })], {
      ...{ quantumCycles: QUANTUM, limitCycles: 50_000_000 },
    });
    const later = { ...config, domains: [{ ...config.domains[0]!, input: 'late but there\n.\n' }] };
    const found = await deterministic(config, { boot: { until: { kind: 'time', at: 300_000 }, later } });
    expect(Buffer.from(found.domains[0]!.console).toString('latin1')).toContain('late but there');
  });

  it('refuses to change what is laid out at the start, and names that are none', async () => {
    const until: BootEnd = { kind: 'time', at: 1 };
    const run = (later: HostConfig, end: BootEnd = until) => runHost(base, { ...INLINE, boot: { until: end, later } });
    await expect(run({ ...base, quantumCycles: 70_000 })).rejects.toMatchObject({ code: 'boot' });
    const [first, ...rest] = base.domains;
    const other = { ...base, domains: [{ ...first!, cmdline: 'other' }, ...rest] };
    await expect(run(other)).rejects.toMatchObject({ code: 'boot' });
    await expect(run({ ...base, sliceCycles: 1 })).rejects.toMatchObject({ code: 'host-config' });
    await expect(run(base, { kind: 'prints', domain: 'nobody', text: 'x' })).rejects.toMatchObject({ code: 'boot' });
  });
});
