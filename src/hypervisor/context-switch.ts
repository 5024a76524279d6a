/**
 * The vCPU that a pCPU runs changes: to another, to none (idle), from none. The core does it (assembly/sched/context-switch.ts), and
 * tells the secure-memory unit; whoever else must know which domain is current is an observer here, told of every change
 * before the next instruction runs.
 *
 *   slice over, yield, preemption, block, defer, end ──▶ the core ───┐
 *   destroy, move ──▶ contextSwitch ──▶ the core's contextSwitch ──▶ │ count, secure-memory unit
 *                          └──▶ observers, in the order of the list  ┘
 *
 * While there are observers the core leaves all switches to this module. What a switch costs is time of the pCPU: no domain's clock
 * and no domain's account shows it (docs/scheduling.md).
 */
import type { Core } from '../machine/core.js';

/** No vCPU: the pCPU is idle. */
export const VCPU_NONE = 0xffffffff;

/**
 * Told that pCPU `pcpu` (its address) now runs vCPU `to` instead of `from`; both are indices or VCPU_NONE, and differ.
 * PCPU_CURRENT is `to` already; both vCPUs and their domains exist still. Returns the modelled cycles that its part took.
 */
export type ContextSwitchObserver = (core: Core, pcpu: number, from: number, to: number) => number;

/** Those of a policy, in the order in which they are called. */
export const OBSERVERS: readonly ContextSwitchObserver[] = [];

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
  const taken = core.call.contextSwitch(pcpu, to);
  let observed = 0;
  for (const observer of observers) observed += observer(core, pcpu, from, to);
  if (observed > 0) core.writeF64(pcpu + PCPU_SWITCH_CYCLES, core.readF64(pcpu + PCPU_SWITCH_CYCLES) + observed);
  return taken + observed;
}

/** Leaves the pCPU idle if it runs vCPU `index`: between quanta, where the vCPU is moved or destroyed. */
export function switchOut(core: Core, pcpu: number, index: number): void {
  if (core.read(pcpu + core.layout.PCPU_CURRENT) !== index) return;
  const cycles = contextSwitch(core, pcpu, index, VCPU_NONE);
  const { PCPU_TIME } = core.layout;
  core.writeU64(pcpu + PCPU_TIME, core.readU64(pcpu + PCPU_TIME) + cycles);
}
