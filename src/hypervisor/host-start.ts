/** How a host begins: what it is told of its policy, and the configured domains, each from an image of memory or of a program. */
import type { Core } from '../machine/core.js';
import { contextSwitchCycles, costWeights } from '../machine/cost-table.js';
import { limitInstructions } from './boot.js';
import { setCap, setWeight } from './credit.js';
import { attachDisks } from './disk.js';
import { createDomain, reservationOrder, reserve } from './domain.js';
import { restoreDomain } from './domain-restore.js';
import type { Hooks } from './hooks.js';
import { domainPhase, type Registry } from './registry.js';
import { SaveError } from './sealed-file.js';
import { concealSwitches, initSmm } from './smm.js';
import { type DomainConfig, type HostConfig, HostError } from './types.js';

/** Writes what the scheduler, the clocks and the SMM of a new host go by. */
export function writePolicy(core: Core, config: HostConfig): void {
  const l = core.layout;
  const { costTable, frequencyHz, sliceCycles, clock, scheduler, boost = true } = config;
  core.writeF64(l.HOST_FREQUENCY, frequencyHz);
  core.writeF64(l.HOST_SLICE, sliceCycles);
  core.write(l.HOST_CLOCK_MODE, clock === 'pcpu' ? l.HOST_CLOCK_PCPU : l.HOST_CLOCK_DOMAIN);
  core.u32.set(costWeights(costTable, l, config.smm?.keyBits), l.HOST_WEIGHTS >>> 2);
  core.write(l.HOST_SCHEDULER, scheduler === 'round-robin' ? l.SCHEDULER_ROUND_ROBIN : l.SCHEDULER_CREDIT);
  core.write(l.HOST_BOOST, boost ? 1 : 0);
  core.write(l.HOST_SWITCH_CYCLES, contextSwitchCycles(costTable));
  initSmm(core, config);
}

/** Starts all domains but those that are forks: nursery.ts. Throws HostError. */
export function startDomains(core: Core, config: HostConfig, registry: Registry, hooks: Hooks): void {
  const births = registry.births.map((tracked) => tracked.config);
  const pcpuOf = (index: number): number => births[index]!.pcpu ?? index % config.pcpus;
  for (const [index, { name }] of births.entries()) {
    for (const operation of ['create', 'schedule'] as const) {
      if (hooks.check(operation, index)) continue;
      const message = `the security policy denies '${operation}' of '${name}' on pCPU ${pcpuOf(index)}`;
      throw new HostError('security-denied', message, index);
    }
  }
  const reserved = new Map<number, readonly number[]>();
  for (const index of reservationOrder(config.domains)) {
    const { fork, restore } = births[index]!;
    if (fork !== undefined) continue;
    if (restore !== undefined) startSaved(core, registry, index, births[index]!, pcpuOf(index));
    else reserved.set(index, reserve(core, index, config.domains[index]!));
  }
  for (const [index, domain] of births.entries()) {
    if (domain.fork !== undefined || domain.restore !== undefined) continue;
    const started = performance.now();
    try {
      createDomain(
        core,
        index,
        domain,
        pcpuOf(index),
        domainPhase(config.seed, domain.name),
        reserved.get(index) ?? [],
      );
      if (config.smm?.unnotified?.includes(domain.name)) concealSwitches(core, index);
    } catch (error) {
      if (error instanceof HostError && error.domain < 0) throw new HostError(error.code, error.message, index);
      throw error;
    }
    registry.start(index);
    registry.at(index).startMs = performance.now() - started;
  }
  attachDisks(core, config.domains);
}

/** Starts a configured domain from its image. */
function startSaved(
  core: Core,
  registry: Registry,
  index: number,
  { name, restore, maxInstructions, weight, cap }: DomainConfig,
  pcpu: number,
): void {
  const started = performance.now();
  const image = restore!;
  try {
    if (restoreDomain(core, index, pcpu, image) !== 0) {
      throw new HostError('host-memory', `the host has too little memory for '${name}'`, index);
    }
  } catch (error) {
    throw error instanceof SaveError ? new HostError('restore', error.message, index) : error;
  }
  if (weight !== undefined) setWeight(core, index, weight);
  if (cap !== undefined) setCap(core, index, cap);
  limitInstructions(core, index, maxInstructions ?? 0);
  registry.begunFrom(index, image);
  registry.at(index).startMs = performance.now() - started;
}
