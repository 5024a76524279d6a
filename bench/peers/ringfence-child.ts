/**
 * Runs one guest on Ringfence, and with the option `peer` a second one with that command line, which must not print: a host
 * with one pCPU, inline in this process, through the hypervisor as it is.
 */
import { readFileSync } from 'node:fs';
import { Host } from '../../src/hypervisor/host.js';
import type { HostConfig } from '../../src/hypervisor/types.js';
import { DEFAULT_COST_TABLE } from '../../src/machine/cost-table.js';
import { watchConsole } from './console.js';
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
    image: readFileSync(job.image),
    imageName: job.imageName,
    memoryBytes: job.memoryMiB * MIB,
    translation,
  };
  const { cmdline, options } = job;
  const guest = { ...domain, name: 'guest', cmdline };
  const peer = typeof options.peer === 'string' ? [{ ...domain, name: 'peer', cmdline: options.peer }] : [];
  return { ...HOST, costTable: DEFAULT_COST_TABLE, domains: [guest, ...peer] };
}

const host = new Host(configure(readJob()), { workers: 1, inline: true });
const reader = new MarkerReader(ownTimes);
watchConsole(host.core, (byte) => reader.feed(byte));
const { deterministic } = await host.run();
await host.close();
finish({ marks: reader.marks, end: reader.panic ?? JSON.stringify(deterministic.domains[0]?.outcome) });
