/** Guests see no difference: the same run, with and without protection, in every mode. */
import { describe, expect, it } from 'vitest';
import { runHost } from '../../src/hypervisor/host.js';
import { PROTECTIONS } from '../../src/hypervisor/smm.js';
import type { DomainConfig, HostConfig } from '../../src/hypervisor/types.js';
import { DEFAULT_COST_TABLE } from '../../src/machine/cost-table.js';
import { guestDomain, hostConfig } from '../hypervisor/fixture.js';

/** Nothing but instructions and exits takes time, so that what the SMM adds moves no timer interrupt. */
const FREE = {
  name: 'no memory',
  lines: DEFAULT_COST_TABLE.lines.map((line) => (/^(tlb|walk|smm)/.test(line.event) ? { ...line, cycles: 0 } : line)),
};
const GUESTS = ['sieve', 'pchase', 'paging', 'strings'];

async function run(protection: DomainConfig['protection'], change: Partial<HostConfig> = {}) {
  const domains = GUESTS.map((guest) =>
    guestDomain(guest, { ...(protection && { protection }), maxInstructions: 600_000 }),
  );
  const config = hostConfig(domains, { pcpus: 2, costTable: FREE, ...change });
  const { deterministic } = await runHost(config, { workers: 1 });
  return deterministic;
}

const seen = ({ domains }: Awaited<ReturnType<typeof run>>) =>
  domains.map(({ outcome, eip, retired, stateHash, consoleSha256 }) => ({
    outcome,
    eip,
    retired,
    stateHash,
    consoleSha256,
  }));

describe('a protected guest', () => {
  it.each(PROTECTIONS.filter((name) => name !== 'none'))('sees with %s what it sees without', async (protection) => {
    const open = await run('none');
    const sealed = await run(protection, { smm: { slots: 48 } });
    expect(seen(sealed)).toEqual(seen(open));
    expect(sealed.zeroSum).toBe(true);
    for (const { smm } of sealed.domains) {
      expect(smm.fills).toBeGreaterThan(0);
      expect(Object.values(smm.violations)).toEqual([0, 0, 0, 0]);
    }
    for (const { smm } of open.domains) expect(smm.fills).toBe(0);
  });
});
