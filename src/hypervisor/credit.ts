/**
 * Weights and caps as they are set and asked for; what they come to is assembly/sched/credit.ts. Modelled on Xen's second credit
 * scheduler (xen/common/sched/credit2.c): a domain's *virtual time* grows at a rate that its weight divides, and the least
 * virtual time is the most credit.
 */
import type { Core } from '../machine/core.js';
import { HostView } from '../machine/views.js';

export const DEFAULT_WEIGHT = 256;
export const MAX_WEIGHT = 65535;
export const MAX_CAP = 100; // percent: a domain is on one pCPU

/** Weight of the domain at index `index`: 1 … 65535. */
export function getWeight(core: Core, index: number): number {
  return core.read(new HostView(core).domainAddress(index) + core.layout.DOMAIN_WEIGHT) || DEFAULT_WEIGHT;
}

/** False if the weight is none: an integer, 1 … 65535. */
export function setWeight(core: Core, index: number, weight: number): boolean {
  if (!Number.isInteger(weight) || weight < 1 || weight > MAX_WEIGHT) return false;
  core.write(new HostView(core).domainAddress(index) + core.layout.DOMAIN_WEIGHT, weight);
  return true;
}

/** Percent of one pCPU that the domain at index `index` may use, 0: as much as there is. */
export function getCap(core: Core, index: number): number {
  return core.read(new HostView(core).domainAddress(index) + core.layout.DOMAIN_CAP);
}

/** False if the cap is none: an integer, 0 … 100. It holds from now on, with what is left of the period's budget. */
export function setCap(core: Core, index: number, cap: number): boolean {
  if (!Number.isInteger(cap) || cap < 0 || cap > MAX_CAP) return false;
  const l = core.layout;
  const d = new HostView(core).domainAddress(index);
  core.write(d + l.DOMAIN_CAP, cap);
  core.writeF64(d + l.DOMAIN_BUDGET, Math.min(core.readF64(d + l.DOMAIN_BUDGET), core.call.capAllowance(d)));
  return true;
}

/** Charges the domain at `d` for `cycles` that one of its vCPUs ran. */
export function charge(core: Core, d: number, cycles: number): void {
  core.call.chargeDomain(d, cycles);
}

/** Cycles that the domain may run from pCPU time `now` on, at most 0: none before its refill. Refills what is due. */
export function budget(core: Core, d: number, now: number): number {
  return core.call.domainBudget(d, now);
}

/** A domain whose state was copied from another's begins its own account, on the pCPU at `p`. */
export function beginAccount(core: Core, d: number, v: number, p: number): void {
  const l = core.layout;
  core.u8.fill(0, v + l.VCPU_SCHED_KEY, v + l.VCPU_WOKEN + 4);
  core.writeF64(d + l.DOMAIN_VTIME, core.readF64(p + l.PCPU_VTIME));
  core.writeF64(d + l.DOMAIN_BUDGET, 0);
  core.writeF64(d + l.DOMAIN_REFILL, 0);
}

/** The domain goes on on another pCPU with as much credit, compared with its new neighbours, as it had among the old ones. */
export function changePcpu(core: Core, d: number, source: number, target: number): void {
  const l = core.layout;
  const ahead = core.readF64(d + l.DOMAIN_VTIME) - core.readF64(source + l.PCPU_VTIME);
  core.writeF64(d + l.DOMAIN_VTIME, core.readF64(target + l.PCPU_VTIME) + ahead);
}
