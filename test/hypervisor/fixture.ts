/** A host with one domain that is booted but has not run, and configurations for whole runs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDomain, framesNeeded, reserve } from '../../src/hypervisor/domain.js';
import { Guest } from '../../src/hypervisor/guest.js';
import { enqueue } from '../../src/hypervisor/run-queue.js';
import type { DomainConfig, HostConfig } from '../../src/hypervisor/types.js';
import { type Core, coreModule, packageRoot } from '../../src/machine/core.js';
import { costWeights, DEFAULT_COST_TABLE } from '../../src/machine/cost-table.js';
import { layOutHost } from '../../src/machine/flat-memory.js';
import { HostView } from '../../src/machine/views.js';
import { elf } from './image.js';

export const MIB = 1 << 20;
export const FREQUENCY = 1_000_000_000;

const EPT_4K = { kind: 'ept', pageSize: '4k', accessedDirty: true } as const;

interface Manifest {
  readonly guests: Readonly<
    Record<
      string,
      {
        readonly file: string;
        readonly cmdline: string;
        readonly memoryMiB: number;
        readonly hostile: boolean;
        readonly input?: string;
        readonly disk?: { readonly bytes: number; readonly seed: number };
        readonly checksums: Readonly<Record<string, string>>;
        readonly outcome: Readonly<Record<string, string | number | boolean>>;
      }
    >
  >;
}

export const manifest = JSON.parse(readFileSync(join(packageRoot(), 'guests', 'manifest.json'), 'utf8')) as Manifest;

/** A domain that runs one of the project's guests. */
export function guestDomain(guest: string, change: Partial<DomainConfig> = {}): DomainConfig {
  const entry = manifest.guests[guest];
  if (entry === undefined) throw new Error(`no guest ${guest}`);
  return {
    name: guest,
    image: readFileSync(join(packageRoot(), 'guests', 'images', entry.file)),
    imageName: entry.file,
    memoryBytes: entry.memoryMiB * MIB,
    cmdline: entry.cmdline,
    ...(entry.input === undefined ? {} : { input: entry.input }),
    ...(entry.disk === undefined ? {} : { disk: { sizeBytes: entry.disk.bytes, seed: entry.disk.seed } }),
    translation: EPT_4K,
    maxInstructions: 3_000_000,
    ...change,
  };
}

/** A domain whose image is the given machine code at 1 MiB, entered at its first byte. */
export function codeDomain(name: string, code: readonly number[], change: Partial<DomainConfig> = {}): DomainConfig {
  const image = elf({ segments: [{ address: MIB, bytes: Uint8Array.from(code), memorySize: 8192 }] });
  return { name, image, imageName: name, memoryBytes: 2 * MIB, cmdline: '', translation: EPT_4K, ...change };
}

export function hostConfig(domains: readonly DomainConfig[], change: Partial<HostConfig> = {}): HostConfig {
  return {
    pcpus: 4,
    frequencyHz: FREQUENCY,
    quantumCycles: 5_000_000,
    sliceCycles: 500_000,
    seed: 1,
    costTable: DEFAULT_COST_TABLE,
    domains,
    ...change,
  };
}

export interface Fixture {
  readonly core: Core;
  readonly host: HostView;
  readonly guest: Guest;
}

/** Boots `config` alone on pCPU 0. */
export function boot(config: DomainConfig): Fixture {
  const module = coreModule();
  const frames = framesNeeded(config);
  const core = layOutHost(module, { pcpus: 1, vcpus: 1, domains: 1, frames });
  const l = core.layout;
  core.writeF64(l.HOST_FREQUENCY, FREQUENCY);
  core.writeF64(l.HOST_SLICE, 1_000_000);
  core.u32.set(costWeights(DEFAULT_COST_TABLE, l), l.HOST_WEIGHTS >>> 2);
  createDomain(core, 0, config, 0, 0, reserve(core, 0, config));
  const host = new HostView(core);
  enqueue(core, host.pcpuAddress(0), 0);
  return { core, host, guest: new Guest(core, host.vcpuAddress(0)) };
}
