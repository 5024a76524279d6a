import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runHost } from '../../src/hypervisor/host.js';
import type { DomainConfig, DomainResult, HostConfig, RunOptions } from '../../src/hypervisor/types.js';
import { soak } from '../scale/fork-soak.js';
import { guestDomain, hostConfig, MIB, manifest } from './fixture.js';

const INLINE = { workers: 1 };
const QUANTUM = 200_000;

/**
 * Guests that between them use timers, paging, rings, self-modifying code, strings and input. Those named smm-… wait for others,
 * with whom a fork has no channel; one with a disk cannot be forked.
 */
const GUESTS = Object.keys(manifest.guests).filter(
  (name) =>
    !manifest.guests[name]!.hostile && !manifest.guests[name]!.disk && name !== 'memory' && !name.startsWith('smm-'),
);

/** All that a domain does and is; only where it ran, whose it is, and that its pages were copied may differ. */
function life(result: DomainResult) {
  const { name, template, pcpu, scheduling, tablePages, copiedPages, inherited, exitsTotal, exits, ...rest } = result;
  const { 'ept-violation': copies = 0, ...others } = exits;
  return { ...rest, exits: others, copies: rest.outcome.kind === 'ept-violation' ? copies - 1 : 0 };
}

function config(domains: readonly DomainConfig[], change: Partial<HostConfig> = {}): HostConfig {
  return hostConfig(domains, {
    pcpus: 2,
    quantumCycles: QUANTUM,
    sliceCycles: 50_000,
    domainSlots: 4,
    memoryBytes: 96 * MIB,
    ...change,
  });
}

/** Forks the first domain at the end of quantum `at`, `count` times. */
function forkAt(at: number, count: number, pcpus = 2): NonNullable<RunOptions['operator']> {
  let quantum = 0;
  return (operator) => {
    if (++quantum !== at) return;
    for (let i = 0; i < count; i++) operator.fork(0, i % pcpus);
  };
}

describe('a fork', () => {
  it.each(GUESTS)('of %s does what its parent would have done, and so does the parent afterwards', async (guest) => {
    const domain = guestDomain(guest, { maxInstructions: 400_000 });
    const alone = (await runHost(config([domain]), INLINE)).deterministic;
    const expected = life(alone.domains[0]!);
    for (const at of [1, 2, 5]) {
      if (at >= alone.quanta) continue;
      const { domains, zeroSum } = (await runHost(config([domain]), { ...INLINE, operator: forkAt(at, 3) }))
        .deterministic;
      expect(zeroSum).toBe(true);
      expect(domains.map(({ name, template }) => [name, template])).toEqual([
        [guest, 0],
        [`${guest}/fork-1`, 0],
        [`${guest}/fork-2`, 0],
        [`${guest}/fork-3`, 0],
      ]);
      for (const each of domains) expect(life(each)).toEqual(expected);
      expect(domains[1]!.copiedPages).toBeGreaterThan(0);
    }
  });

  it('of a domain with a second-level TLB takes over what that holds', async () => {
    // Far more pages than the first level has entries, written at random: what the fork copies lies in the second level.
    const change = { cmdline: 'kb=20480', memoryBytes: 32 * MIB, maxInstructions: 26_000_000 };
    const settings = { quantumCycles: 2_000_000, memoryBytes: 128 * MIB };
    const domain = guestDomain('pchase', change);
    const { domains: all, quanta } = (await runHost(config([domain], settings), INLINE)).deterministic;
    const alone = all[0]!;
    expect(alone.stlbHits).toBeGreaterThan(10_000);
    for (const at of [quanta - 2, quanta - 1]) {
      const run = runHost(config([domain], settings), { ...INLINE, operator: forkAt(at, 1) });
      const { domains, zeroSum } = (await run).deterministic;
      expect(zeroSum).toBe(true);
      expect(domains).toHaveLength(2);
      for (const each of domains) expect(life(each)).toEqual(life(alone));
      expect(domains[1]!.copiedPages).toBeGreaterThan(500);
    }
  }, 120_000);

  it('is the same for every number of workers', async () => {
    const domains = ['timer', 'paging', 'smc'].map((name) => guestDomain(name, { maxInstructions: 200_000 }));
    const run = async (options: RunOptions) =>
      (await runHost(config(domains, { pcpus: 3 }), { ...options, operator: forkAt(2, 4, 3) })).deterministic;
    const expected = await run(INLINE);
    expect(expected.domains).toHaveLength(7);
    expect(await run({ workers: 2 })).toEqual(expected);
    expect(await run({ workers: 3 })).toEqual(expected);
  });

  it('does the same at any moment, in forks of forks, with large pages, and without accessed flags', async () => {
    const translations: DomainConfig['translation'][] = [
      { kind: 'ept', pageSize: '4k', accessedDirty: true },
      { kind: 'ept', pageSize: '4k', accessedDirty: false },
      { kind: 'ept', pageSize: '2m', accessedDirty: true },
    ];
    const guests = fc.constantFrom('timer', 'paging', 'rings', 'smc', 'strings');
    await fc.assert(
      fc.asyncProperty(
        guests,
        fc.constantFrom(...translations),
        fc.integer({ min: 10_000, max: 300_000 }),
        fc.array(fc.constantFrom('fork', 'grandchild', 'reset', 'destroy'), { minLength: 1, maxLength: 6 }),
        async (guest, translation, quantumCycles, steps) => {
          const domain = guestDomain(guest, { maxInstructions: 150_000, memoryBytes: 4 * MIB, translation });
          const settings = { quantumCycles, memoryBytes: 32 * MIB };
          const alone = (await runHost(config([domain], settings), INLINE)).deterministic.domains[0]!;
          let step = 0;
          const { domains, zeroSum } = (
            await runHost(config([domain], settings), {
              ...INLINE,
              operator: (operator) => {
                const what = steps[step++];
                const newest = operator.domains.at(-1);
                if (what === undefined || newest === undefined) return;
                if (what === 'fork' || newest === 0) operator.fork(0, step % 2);
                else if (what === 'grandchild') operator.fork(newest, step % 2);
                else if (what === 'reset') operator.reset(newest);
                else operator.destroy(newest);
              },
            })
          ).deterministic;
          expect(zeroSum).toBe(true);
          const of = (result: DomainResult) => {
            // What a fork wrote before it was reset stays written.
            const { console: _, consoleSha256: __, ...rest } = life(result);
            return steps.includes('reset') ? rest : life(result);
          };
          for (const each of domains) {
            if (each.outcome.kind === 'destroyed') continue;
            // A page that was split takes one more reference, so clocks differ.
            if (translation.kind === 'ept' && translation.pageSize === '2m') expect(each.retired).toBe(alone.retired);
            else expect(of(each)).toEqual(of(alone));
          }
        },
      ),
      { numRuns: 40 },
    );
  }, 120_000);
});

describe('a soak of births and ends', () => {
  it('loses no frame in 400 cycles (test/scale/fork-soak.ts runs more)', { timeout: 120_000 }, async () => {
    const result = await soak(400, 7);
    expect(result.zeroSum).toBe(true);
    expect(result.births).toBe(400);
    expect(result.resets).toBeGreaterThan(20);
    expect(result.mostDomains).toBeGreaterThan(15);
  });
});
