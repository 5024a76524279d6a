/**
 * The one place where the vCPU that a pCPU runs changes: to another, to none (idle), from none. So whoever must know which
 * domain is current, as a memory-encryption unit must, is told of every change, before the next instruction runs.
 *
 *   slice over, yield, preemption, block, defer, end, destroy, move ──▶ contextSwitch ──▶ observers, in the order of the list
 *
 * What a switch costs is time of the pCPU: no domain's clock and no domain's account shows it (docs/scheduling.md).
 */
import type { Core } from '../machine/core.js';
import { secureSwitch } from './smm.js';

/** No vCPU: the pCPU is idle. */
export const VCPU_NONE = 0xffffffff;

/**
 * Told that pCPU `pcpu` (its address) now runs vCPU `to` instead of `from`; both are indices or VCPU_NONE, and differ.
 * PCPU_CURRENT is `to` already; both vCPUs and their domains exist still. Returns the modelled cycles that its part took.
 */
export type ContextSwitchObserver = (core: Core, pcpu: number, from: number, to: number) => number;

/** In the order in which they are called. */
const OBSERVERS: readonly ContextSwitchObserver[] = [countSwitch, secureSwitch];

/**
 * Makes `to` the vCPU that the pCPU at `pcpu` runs. `from` must be its current one; nothing happens if they are the same.
 * Returns the modelled cycles that it took, which the caller adds to the pCPU's time.
 */
export function contextSwitch(
  core: Core,
  pcpu: number,
  from: number,
  to: number,
  observers: readonly ContextSwitchObserver[] = OBSERVERS,
): number {
  const { PCPU_CURRENT, PCPU_SWITCH_CYCLES } = core.layout;
  if (core.read(pcpu + PCPU_CURRENT) !== from)
    throw new RangeError(`context switch from ${from}, which is not current`);
  if (from === to) return 0;
  core.write(pcpu + PCPU_CURRENT, to);
  let cycles = 0;
  for (let i = 0; i < observers.length; i++) cycles += observers[i]!(core, pcpu, from, to);
  core.writeF64(pcpu + PCPU_SWITCH_CYCLES, core.readF64(pcpu + PCPU_SWITCH_CYCLES) + cycles);
  return cycles;
}

/** Leaves the pCPU idle if it runs vCPU `index`: between quanta, where the vCPU is moved or destroyed. */
export function switchOut(core: Core, pcpu: number, index: number): void {
  if (core.read(pcpu + core.layout.PCPU_CURRENT) !== index) return;
  const cycles = contextSwitch(core, pcpu, index, VCPU_NONE);
  const { PCPU_TIME } = core.layout;
  core.writeU64(pcpu + PCPU_TIME, core.readU64(pcpu + PCPU_TIME) + cycles);
}

/** Counts and prices a switch to a vCPU. Going idle is free: an idle pCPU keeps what is loaded until another vCPU comes. */
function countSwitch(core: Core, pcpu: number, _from: number, to: number): number {
  if (to === VCPU_NONE) return 0;
  const l = core.layout;
  core.writeF64(pcpu + l.PCPU_SWITCHES, core.readF64(pcpu + l.PCPU_SWITCHES) + 1);
  const switches = core.read(l.HOST_VCPU_BASE) + to * l.VCPU_SIZE + l.VCPU_SWITCHES;
  core.write(switches, core.read(switches) + 1);
  return core.read(l.HOST_SWITCH_CYCLES);
}
