import { describe, expect, it } from 'vitest';
import { Host, runHost } from '../../src/hypervisor/host.js';
import {
  SECOND_LEVEL_MAX,
  SECOND_LEVEL_MIN,
  secondLevelEntries,
  secondLevelSlots,
} from '../../src/hypervisor/second-level-tlb.js';
import { coreModule } from '../../src/machine/core.js';
import { bareCore } from '../../src/machine/flat-memory.js';
import { HostView } from '../../src/machine/views.js';
import { guestDomain, hostConfig, MIB } from './fixture.js';

const chase = (name: string, kb: number, change: { memoryBytes?: number; secondLevelTlb?: number } = {}) =>
  guestDomain('pchase', {
    name,
    cmdline: `kb=${kb} steps=100000`,
    memoryBytes: 32 * MIB,
    maxInstructions: 1e9,
    ...change,
  });

describe('the size of a second-level TLB', () => {
  it('is none where the first level covers the memory, else the next power of two that covers it', () => {
    const sizes = [2, 16, 17, 32, 33, 64, 256, 257, 2048].map((mib) => secondLevelEntries({ memoryBytes: mib * MIB }));
    expect(sizes).toEqual([0, 0, 8192, 8192, 16384, 16384, 65536, 65536, 65536]);
    expect(secondLevelEntries({ memoryBytes: 64 * MIB, secondLevelTlb: 0 })).toBe(0);
    expect(secondLevelEntries({ memoryBytes: 4 * MIB, secondLevelTlb: 1024 })).toBe(1024);
  });

  it('is the largest of all in slots without a configured domain', () => {
    const domains = [{ memoryBytes: 4 * MIB }, { memoryBytes: 64 * MIB }];
    expect(secondLevelSlots(domains, 4)).toEqual([0, 16384, 16384, 16384]);
    expect(secondLevelSlots(domains.slice(0, 1), 3)).toEqual([0, 0, 0]);
  });

  it('is what the machine can have', () => {
    const { layout } = bareCore(coreModule());
    expect([layout.STLB_ENTRIES_MIN, layout.STLB_ENTRIES_MAX]).toEqual([SECOND_LEVEL_MIN, SECOND_LEVEL_MAX]);
  });

  it('is refused where it cannot be', async () => {
    for (const secondLevelTlb of [-1, 1, 512, 1025, 131072, 1.5, Number.NaN]) {
      const config = hostConfig([chase('a', 64, { secondLevelTlb })]);
      await expect(runHost(config, { workers: 1 })).rejects.toMatchObject({ code: 'domain-tlb', domain: 0 });
    }
  });
});

it('every slot has room of its own, between the domains and the frame table', () => {
  const sizes = [0, 1024, 4096, 0, 2048];
  const domains = sizes.map((secondLevelTlb, i) => chase(`d${i}`, 64, { memoryBytes: 4 * MIB, secondLevelTlb }));
  const { core } = new Host(hostConfig(domains, { domainSlots: 2, memoryBytes: 32 * MIB }), { workers: 1 });
  const l = core.layout;
  const view = new HostView(core);
  let end = view.domainAddress(view.domains);
  for (const [slot, entries] of [...sizes, 4096, 4096].entries()) {
    const stlb = core.read(l.HOST_STLB) + slot * l.STLB_SIZE;
    expect(stlb).toBeGreaterThanOrEqual(end);
    end = stlb + l.STLB_SIZE;
    expect(core.read(stlb + l.STLB_CAPACITY)).toBe(entries);
  }
  for (let slot = 0; slot < 7; slot++) {
    const stlb = core.read(l.HOST_STLB) + slot * l.STLB_SIZE;
    const sets = core.read(stlb + l.STLB_SETS);
    expect(sets).toBeGreaterThanOrEqual(end);
    expect(sets % 64).toBe(0);
    end = sets + core.read(stlb + l.STLB_CAPACITY) * l.STLB_ENTRY_SIZE;
  }
  expect(end).toBeLessThanOrEqual(view.frameAddress(0) - view.frames * l.FRAME_ENTRY_SIZE);
});

it('saves walks and changes nothing else', { timeout: 60_000 }, async () => {
  const run = async (secondLevelTlb: number | undefined, others: readonly string[] = [], workers = 1) => {
    const own = chase('chase', 20480, secondLevelTlb === undefined ? {} : { secondLevelTlb });
    const domains = [own, ...others.map((name) => chase(name, 20480))];
    return (await runHost(hostConfig(domains, { pcpus: workers }), { workers })).deterministic.domains[0]!;
  };
  const [with_, without] = [await run(undefined), await run(0)];
  expect(with_.outcome).toMatchObject({ kind: 'shutdown', reason: 'poweroff' });
  expect(with_.stateHash).toBe(without.stateHash);
  expect(with_.consoleSha256).toBe(without.consoleSha256);
  expect(with_.retired).toBe(without.retired);
  expect(without.stlbHits).toBe(0);
  // The same look-ups miss the first level; 5,120 pages fit into 8,192 entries, so each is walked once or, to set D, twice.
  expect(with_.stlbHits + with_.tlbMisses).toBe(without.tlbMisses);
  expect(with_.tlbMisses).toBeLessThan(2 * 5300);
  for (const { walkEpt, tlbMisses } of [with_, without]) expect(walkEpt).toBe(4 * tlbMisses);
  for (const workers of [1, 2]) {
    const { scheduling: _, ...among } = await run(undefined, ['a', 'b'], workers);
    const { scheduling: __, ...alone } = with_;
    expect(among).toEqual(alone);
  }
});
