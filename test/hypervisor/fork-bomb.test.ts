import { describe, expect, it } from 'vitest';
import { runHost } from '../../src/hypervisor/host.js';
import type { DomainConfig, DomainResult, HostConfig, HostResult } from '../../src/hypervisor/types.js';
import { guestDomain, hostConfig, MIB } from './fixture.js';

/** What a domain does and is; what its pCPU made of it is neighbours' doing. */
function life({ scheduling, ...rest }: DomainResult) {
  return rest;
}

async function bomb(
  cmdline: string,
  change: Partial<HostConfig> = {},
  workers = 1,
): Promise<HostResult['deterministic']> {
  const settings = { maxInstructions: 3_000_000 };
  const domains: DomainConfig[] = [
    guestDomain('fork-bomb', { privileged: true, cmdline, pcpu: 0, maxInstructions: 50_000_000 }),
    guestDomain('timer', { ...settings, pcpu: 1 }),
    guestDomain('sieve', { ...settings, pcpu: 0 }),
    guestDomain('paging', { ...settings, pcpu: 1 }),
    guestDomain('ctx', { ...settings, pcpu: 2 }),
  ];
  const config = { pcpus: 3, quantumCycles: 50_000, sliceCycles: 20_000, domainSlots: 40, memoryBytes: 40 * MIB };
  return (await runHost(hostConfig(domains, { ...config, ...change }), { workers })).deterministic;
}

/** What the bomb reports: forks made and the error that ended it, per round. */
function reports({ domains: [first] }: HostResult['deterministic']): number[] {
  return [
    ...Buffer.from(first!.console)
      .toString()
      .matchAll(/=([0-9a-f]{8})/g),
  ].map(([, digits]) => Number.parseInt(digits!, 16));
}

const ENOMEM = 12;
const EPERM = 1;

describe('a fork bomb of domains', () => {
  it('is refused at each limit, as often as it tries, and no neighbour notices', { timeout: 60_000 }, async () => {
    const quiet = await bomb('of=1 limit=0');
    expect(quiet.zeroSum).toBe(true);
    const neighbours = quiet.domains.slice(1, 5).map(life);
    const deny = [{ operation: 'create', subject: 'fork-bomb', object: 'timer', verdict: 'deny' }] as const;
    const limits: [string, Partial<HostConfig>, number[]][] = [
      ['of=1', {}, [40, ENOMEM]],
      ['of=1 rounds=3', { domainSlots: 7 }, [7, ENOMEM, 7, ENOMEM, 7, ENOMEM]],
      ['of=1 limit=5 rounds=2', {}, [5, 0, 5, 0]],
      ['of=1 clean=0', {}, [40, ENOMEM]], // its forks are still there, paused, when it ends
      ['of=1 again=30', { security: deny }, [0, EPERM]],
    ];
    for (const [cmdline, change, expected] of limits) {
      const result = await bomb(cmdline, change);
      expect(reports(result)).toEqual(expected);
      expect(result.domains.slice(1, 5).map(life)).toEqual(neighbours);
      expect(result.zeroSum).toBe(true);
    }
    expect((await bomb('of=1 again=30', { security: deny })).audit).toHaveLength(31);
  });

  it('runs into the end of memory when its forks run, which they may not survive, and others do', async () => {
    const neighbours = (await bomb('of=1 limit=0')).domains.slice(1, 5).map(life);
    // 20 MiB for the guests, their tables, and little else.
    for (const memoryBytes of [21.5, 22, 23].map((mib) => mib * MIB)) {
      const result = await bomb('of=1 run=1 rounds=2', { memoryBytes, domainSlots: 300 });
      const [made, error] = reports(result);
      expect(error).toBe(ENOMEM);
      expect(made).toBeLessThan(300);
      expect(result.domains.slice(1, 5).map(life)).toEqual(neighbours);
      expect(result.zeroSum).toBe(true);
    }
  });

  it('gives the same for any number of workers', async () => {
    const expected = await bomb('of=1 run=1 rounds=2', { domainSlots: 12 });
    expect(await bomb('of=1 run=1 rounds=2', { domainSlots: 12 }, 3)).toEqual(expected);
  });
});
