/**
 * Which vCPU has a second-level TLB, how large, and where it lies. Mechanism: assembly/mmu/stlb.ts.
 *
 * A vCPU has its own: what it holds is decided by its domain alone, so neighbours cannot move a count.
 */
import type { Core } from '../machine/core.js';
import type { DomainConfig } from './types.js';

const PAGE = 4096;
/** Memory that the first level covers: 4,096 entries per bank. */
const COVERED = 16 * 2 ** 20;
export const SECOND_LEVEL_MIN = 1024;
export const SECOND_LEVEL_MAX = 65536;

/** Entries of a domain's second-level TLB: as configured, else so many that all of its memory fits, where that is not too much. */
export function secondLevelEntries(config: Pick<DomainConfig, 'memoryBytes' | 'secondLevelTlb'>): number {
  if (config.secondLevelTlb !== undefined) return config.secondLevelTlb;
  if (config.memoryBytes <= COVERED) return 0;
  return Math.min(2 ** Math.ceil(Math.log2(config.memoryBytes / PAGE)), SECOND_LEVEL_MAX);
}

/** Whether a second-level TLB can have so many entries. */
export function isSecondLevel(entries: number): boolean {
  if (entries === 0) return true;
  return Number.isInteger(Math.log2(entries)) && entries >= SECOND_LEVEL_MIN && entries <= SECOND_LEVEL_MAX;
}

/**
 * Entries of each of a host's vCPU slots. Slot i is domain i's; those behind (domains that are made at run time, further
 * vCPUs) hold the largest that a configured domain has.
 */
export function secondLevelSlots(
  domains: readonly Pick<DomainConfig, 'memoryBytes' | 'secondLevelTlb'>[],
  vcpus: number,
): readonly number[] {
  const own = domains.map(secondLevelEntries);
  const largest = Math.max(0, ...own);
  return Array.from({ length: vcpus }, (_, slot) => own[slot] ?? largest);
}

/** Entries of all slots, as the host's plan says. */
export function secondLevelTotal(slots: readonly number[]): number {
  return slots.reduce((sum, entries) => sum + entries, 0);
}

/** Tells the machine where each slot's second-level TLB lies; the host is laid out. */
export function dealSecondLevels(core: Core, slots: readonly number[]): void {
  const l = core.layout;
  let sets = core.read(l.HOST_STLB) + slots.length * l.STLB_SIZE;
  for (const [slot, entries] of slots.entries()) {
    const stlb = core.read(l.HOST_STLB) + slot * l.STLB_SIZE;
    core.write(stlb + l.STLB_CAPACITY, entries);
    core.write(stlb + l.STLB_SETS, sets);
    sets += entries * l.STLB_ENTRY_SIZE;
  }
}
