/**
 * Runs one guest on Ringfence: a host with one pCPU, inline in this process, through the hypervisor as it is. Console bytes
 * are seen when a port write or a hypercall has put them into the domain's ring.
 */
import { readFileSync } from 'node:fs';
import { Host } from '../../src/hypervisor/host.js';
import type { HostConfig } from '../../src/hypervisor/types.js';
import type { Core, CoreFunctions } from '../../src/machine/core.js';
import { DEFAULT_COST_TABLE } from '../../src/machine/cost-table.js';
import { finish, type Job, readJob } from './job.js';
import { MarkerReader, ownTimes } from './markers.js';

const MIB = 1 << 20;

/** As scenarios have it by default. */
const MILLISECOND = 1_000_000; // cycles at 1 GHz
const HOST = { pcpus: 1, frequencyHz: 1e9, quantumCycles: MILLISECOND, sliceCycles: MILLISECOND, seed: 1 };

function configure(job: Job): HostConfig {
  const translation =
    job.options.ept === true
      ? ({ kind: 'ept', pageSize: '4k', accessedDirty: true } as const)
      : ({ kind: 'direct' } as const);
  const domain = {
    name: 'guest',
    image: readFileSync(job.image),
    imageName: job.imageName,
    memoryBytes: job.memoryMiB * MIB,
    cmdline: job.cmdline,
    translation,
  };
  return { ...HOST, costTable: DEFAULT_COST_TABLE, domains: [domain] };
}

/** Calls `feed` for every byte that enters a domain's console ring. */
function watchConsole(core: Core, feed: (byte: number) => void): void {
  const l = core.layout;
  const original = core.call;
  const head = (domain: number): number => core.read(domain + l.DOMAIN_CONSOLE_HEAD);
  const report = (domain: number, from: number): void => {
    const ring = domain + l.DOMAIN_CONSOLE;
    for (let i = from; i !== head(domain); i = (i + 1) >>> 0) feed(core.u8[ring + (i & (l.DOMAIN_CONSOLE_SIZE - 1))]!);
  };
  const watched: CoreFunctions = {
    ...original,
    portWrite: (domain, port, size, value, now) => {
      const before = head(domain);
      const event = original.portWrite(domain, port, size, value, now);
      if (head(domain) !== before) report(domain, before);
      return event;
    },
    consoleWrite: (domain, vcpu, linear, count) => {
      const before = head(domain);
      const written = original.consoleWrite(domain, vcpu, linear, count);
      report(domain, before);
      return written;
    },
  };
  (core as { call: CoreFunctions }).call = watched;
}

const host = new Host(configure(readJob()), { workers: 1, inline: true });
const reader = new MarkerReader(ownTimes);
watchConsole(host.core, (byte) => reader.feed(byte));
const { deterministic } = await host.run();
await host.close();
finish({ marks: reader.marks, end: reader.panic ?? JSON.stringify(deterministic.domains[0]?.outcome) });
