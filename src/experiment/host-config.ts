/** Scenario → what the hypervisor is told to run. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { hideFeatures } from '../hypervisor/cpuid.js';
import { readDomain } from '../hypervisor/domain-image.js';
import { hasSmm } from '../hypervisor/smm.js';
import type { CostTable, DiskConfig, DomainConfig, HostConfig } from '../hypervisor/types.js';
import { Tpm } from '../security/tpm.js';
import type { DiskSpec, DomainSpec, Scenario } from './scenario.js';

/** Virtual time in cycles, at least one. */
export const cyclesOf = (ns: number, frequencyHz: number): number => Math.max(1, Math.round((ns / 1e9) * frequencyHz));

/** Reads every file once; domains of the same guest share the bytes. */
export class Files {
  private readonly known = new Map<string, Uint8Array>();

  read(path: string): Uint8Array {
    const bytes = this.known.get(path) ?? new Uint8Array(readFileSync(path));
    this.known.set(path, bytes);
    return bytes;
  }
}

function diskConfig({ file, ...disk }: DiskSpec, files: Files): DiskConfig {
  return { ...disk, ...(file !== undefined && { contents: files.read(file.path) }) };
}

/** A domain that goes on from an image. */
function restored(spec: DomainSpec, files: Files): DomainConfig {
  const { name, path, pcpu, maxInstructions, weight, cap, pageSharing } = spec;
  const restore = readDomain(files.read(path));
  const { maxInstructions: _, weight: __, cap: ___, pageSharing: ____, ...config } = restore.config;
  return {
    ...config,
    name,
    restore,
    ...(pageSharing !== undefined && { pageSharing }),
    ...(pcpu !== undefined && { pcpu }),
    ...(maxInstructions !== undefined && { maxInstructions }),
    ...(weight !== undefined && { weight }),
    ...(cap !== undefined && { cap }),
  };
}

/** The host that a scenario describes. */
export function hostConfig(scenario: Scenario, costTable: CostTable): HostConfig {
  const { host } = scenario;
  const files = new Files();
  const domains = scenario.domains.map((spec): DomainConfig => {
    if (spec.restore !== undefined) return restored(spec, files);
    const modules = spec.modules.map(({ name, path }) => ({ name, bytes: files.read(path) }));
    return {
      name: spec.name,
      image: files.read(spec.path),
      imageName: basename(spec.path),
      memoryBytes: spec.memoryBytes,
      cmdline: spec.cmdline,
      translation: spec.translation,
      ...(modules.length > 0 && { modules }),
      ...(spec.pcpu !== undefined && { pcpu: spec.pcpu }),
      ...(spec.input !== undefined && { input: spec.input }),
      ...(spec.cpuidHide !== undefined && { cpuid: hideFeatures(spec.cpuidHide) }),
      ...(spec.secondLevelTlb !== undefined && { secondLevelTlb: spec.secondLevelTlb }),
      ...(spec.maxInstructions !== undefined && { maxInstructions: spec.maxInstructions }),
      ...(spec.apic !== undefined && { apic: spec.apic }),
      ...(spec.weight !== undefined && { weight: spec.weight }),
      ...(spec.cap !== undefined && { cap: spec.cap }),
      ...(spec.fork !== undefined && {
        fork: {
          of: spec.fork.of,
          at: typeof spec.fork.at === 'number' ? cyclesOf(spec.fork.at, host.frequencyHz) : spec.fork.at,
        },
      }),
      ...(spec.privileged !== undefined && { privileged: spec.privileged }),
      ...(spec.protection !== undefined && { protection: spec.protection }),
      ...(spec.disk !== undefined && { disk: diskConfig(spec.disk, files) }),
      ...(spec.pin !== undefined && { pin: spec.pin }),
      ...(spec.pageSharing !== undefined && { pageSharing: spec.pageSharing }),
    };
  });
  return {
    pcpus: host.pcpus,
    frequencyHz: host.frequencyHz,
    quantumCycles: cyclesOf(host.quantumNs, host.frequencyHz),
    sliceCycles: cyclesOf(host.sliceNs, host.frequencyHz),
    seed: host.seed,
    clock: host.clock,
    scheduler: host.scheduler,
    boost: host.boost,
    domainSlots: host.domainSlots,
    ...(host.memoryBytes !== undefined && { memoryBytes: host.memoryBytes }),
    scrub: host.scrub,
    ...(host.pageSharing !== undefined && {
      pageSharing: { every: cyclesOf(host.pageSharing.everyNs, host.frequencyHz) },
    }),
    ...(hasSmm({ smm: host.smm, domains }) && {
      smm: { ...host.smm, root: new Tpm(String(host.seed)).smmRoot() },
    }),
    limitCycles: cyclesOf(scenario.limitNs, host.frequencyHz),
    costTable,
    domains,
    ...(scenario.security !== undefined && { security: scenario.security }),
  };
}
