/** A memory that is used again, with the instance over it, shows nothing of the hosts that it held before. */
import { describe, expect, it } from 'vitest';
import { RecycledMemory } from '../../src/experiment/recycle.js';
import { runHost } from '../../src/hypervisor/host.js';
import type { DomainConfig, HostConfig } from '../../src/hypervisor/types.js';
import { guestDomain, hostConfig, MIB } from '../hypervisor/fixture.js';

const smm = { slots: 32, backend: 'host' } as const;
const host = (change: Partial<HostConfig>, ...domains: DomainConfig[]) => hostConfig(domains, { pcpus: 1, ...change });
const guest = (name: string, mib: number, change: Partial<DomainConfig> = {}) =>
  guestDomain(name, { memoryBytes: mib * MIB, maxInstructions: 300_000, ...change });

/** Small, larger, small again: the memory grows under the views of a back end that is kept by the first. */
const HOSTS = [
  host({ smm }, guest('sieve', 4, { protection: 'ctr' })),
  host({ smm: { ...smm, slots: 128 } }, guest('paging', 48, { protection: 'ctr+mac' }), guest('hello', 4)),
  host({ pcpus: 2 }, guest('smc', 4), guest('timer', 8)),
  host({ smm, seed: 7 }, guest('sieve', 4, { protection: 'xts' })),
];

describe('hosts in one memory', () => {
  it('give what they give in a memory of their own', async () => {
    const memory = new RecycledMemory();
    for (const config of HOSTS) {
      const run = async (allocate?: (pages: number) => WebAssembly.Memory) =>
        (await runHost(config, { workers: 1, inline: true, ...(allocate && { memory: allocate }) })).deterministic;
      expect(await run(memory.take)).toEqual(await run());
    }
  });
});
