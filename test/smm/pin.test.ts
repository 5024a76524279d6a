/** Pinned pages are never victims: a sweep over more pages than the buffer has finds them, and misses all others each time. */
import { describe, expect, it } from 'vitest';
import { runHost } from '../../src/hypervisor/host.js';
import type { DomainConfig, HostConfig } from '../../src/hypervisor/types.js';
import { codeDomain, hostConfig } from '../hypervisor/fixture.js';

const PAGE = 4096;
const FIRST = 0x120000;
const PAGES = 100;
const SLOTS = 64;

const word = (n: number): number[] => [n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24];

/** MOV EDI, FIRST; ADD [EDI], EDI; ADD EDI, 4096; CMP EDI, end; JB; JMP to the start: four instructions a page. */
function sweeper(): number[] {
  const page = [0x01, 0x3f, 0x81, 0xc7, ...word(PAGE), 0x81, 0xff, ...word(FIRST + PAGES * PAGE)];
  page.push(0x72, -(page.length + 2) & 255);
  const code = [0xbf, ...word(FIRST), ...page];
  return [...code, 0xeb, -(code.length + 2) & 255];
}

const SWEEPS = 40;

async function run(pinned: number, change: Partial<HostConfig> = {}, copies = 1) {
  const pin = [{ from: FIRST, bytes: pinned * PAGE }];
  const domains = Array.from({ length: copies }, (_, i): DomainConfig => {
    const protection = 'ctr+mac+tree';
    return codeDomain(`d${i}`, sweeper(), { protection, pin, maxInstructions: SWEEPS * (4 * PAGES + 2) });
  });
  const config = hostConfig(domains, { pcpus: 1, smm: { slots: SLOTS }, ...change });
  const { deterministic } = await runHost(config, { workers: 1 });
  expect(deterministic.zeroSum).toBe(true);
  expect(deterministic.domains.every(({ outcome }) => outcome.kind === 'limit')).toBe(true);
  return deterministic.domains;
}

describe('a pinned page', () => {
  it('is filled once', async () => {
    for (const pinned of [0, 10, 32]) {
      const [domain] = await run(pinned);
      // A little less than all others: those that the last sweep left near the end of the window.
      expect(domain!.smm.fills).toBeGreaterThan((SWEEPS - 2) * (PAGES - pinned));
      expect(domain!.smm.fills).toBeLessThan(SWEEPS * (PAGES - pinned) + pinned + 40);
      expect(domain!.cycles).toBeGreaterThan(0);
    }
  });

  it('leaves no trace but in costs', async () => {
    const [none] = await run(0);
    const [some] = await run(32);
    expect([some!.retired, some!.stateHash]).toEqual([none!.retired, none!.stateHash]);
    expect(some!.cycles).toBeLessThan(0.8 * none!.cycles);
    expect(some!.smm.decrypts).toBeLessThan(0.8 * none!.smm.decrypts);
  });

  it('goes with a flush, and is pinned again when it is back', async () => {
    const flush = (slots: number) => ({ smm: { slots, policy: 'flush' as const }, sliceCycles: 1_000_000 });
    const none = await run(0, flush(SLOTS), 2);
    const some = await run(16, flush(SLOTS), 2);
    for (const i of [0, 1]) {
      expect(some[i]!.smm.fills).toBeLessThan(0.9 * none[i]!.smm.fills);
      expect(some[i]!.stateHash).toBe(none[i]!.stateHash);
    }
  });

  it('must leave room for others', async () => {
    await expect(run(33)).rejects.toThrow(/pinned pages must be an integer from 1 to 32, not 33/);
    await expect(run(17, {}, 2)).rejects.toThrow(/not 34/);
  });
});
