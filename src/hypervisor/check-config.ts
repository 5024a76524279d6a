/** Whether a host can be run as it is configured: what the types do not say. */
import { PLAN } from '../machine/plan.js';
import { DEFAULT_WEIGHT, MAX_CAP, MAX_WEIGHT } from './credit.js';
import { checkDisk } from './disk.js';
import { checkMemory } from './domain.js';
import { isSecondLevel } from './second-level-tlb.js';
import { mostPinned, pinnedPages, SLOTS_MIN, smmSlots } from './smm.js';
import { type HostConfig, HostError } from './types.js';

const PAGE = 4096;
const MAX_DOMAINS = 4096;

/** Throws HostError with the first thing that is wrong. */
export function checkConfig(config: HostConfig): void {
  const whole = (name: string, value: number, least: number, most: number): void => {
    if (Number.isInteger(value) && value >= least && value <= most) return;
    throw new HostError('host-config', `${name} must be an integer from ${least} to ${most}, not ${value}`);
  };
  whole('pcpus', config.pcpus, 1, PLAN.pcpus.most);
  whole('domains', config.domains.length, 1, MAX_DOMAINS);
  whole('frequencyHz', config.frequencyHz, 1_000_000, 4_000_000_000);
  whole('quantumCycles', config.quantumCycles, 1000, 1e12);
  whole('sliceCycles', config.sliceCycles, 1000, 1e12);
  whole('seed', config.seed, 0, 2 ** 32 - 1);
  whole('domainSlots', config.domainSlots ?? 0, 0, MAX_DOMAINS - config.domains.length);
  if (config.memoryBytes !== undefined) whole('memoryBytes', config.memoryBytes, PAGE, 2 ** 32);
  const { every } = config.pageSharing ?? {};
  if (every !== undefined) whole('pageSharing.every', every, 1, 2 ** 52);
  if (config.limitCycles !== undefined) whole('limitCycles', config.limitCycles, 1, 2 ** 52);
  const slots = smmSlots(config);
  if (slots > 0) whole('smm.slots', slots, SLOTS_MIN, PLAN.smmSlots.most);
  const pinned = pinnedPages(config.domains);
  if (pinned > 0) whole('the number of pinned pages', pinned, 1, mostPinned(slots));
  const names = new Set<string>();
  for (const [index, domain] of config.domains.entries()) {
    if (names.has(domain.name)) throw new HostError('domain-name', `two domains are called '${domain.name}'`, index);
    names.add(domain.name);
    checkMemory(domain, index);
    checkDisk(domain, index);
    const { secondLevelTlb = 0 } = domain;
    if (!isSecondLevel(secondLevelTlb)) {
      throw new HostError(
        'domain-tlb',
        `'${domain.name}' cannot have ${secondLevelTlb} second-level TLB entries`,
        index,
      );
    }
    const { pcpu = 0, maxInstructions = 1, weight = DEFAULT_WEIGHT, cap = 0 } = domain;
    whole(`weight of '${domain.name}'`, weight, 1, MAX_WEIGHT);
    whole(`cap of '${domain.name}'`, cap, 0, MAX_CAP);
    if (!Number.isInteger(pcpu) || pcpu < 0 || pcpu >= config.pcpus) {
      throw new HostError('domain-pcpu', `'${domain.name}' is on pCPU ${pcpu}; there are ${config.pcpus}`, index);
    }
    if (!Number.isInteger(maxInstructions) || maxInstructions < 1 || maxInstructions > 2 ** 52) {
      throw new HostError('domain-limit', `the instruction limit of '${domain.name}' must be from 1 to 2^52`, index);
    }
  }
}
