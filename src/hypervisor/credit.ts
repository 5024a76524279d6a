/**
 * Weights and caps: what a domain gets of its pCPU. Modelled on Xen's second credit scheduler (xen/common/sched/credit2.c),
 * turned round: where Xen's credit burns at a rate that the weight divides, a domain's *virtual time* grows at that rate, and
 * the least virtual time is the most credit.
 *
 *   ran for c cycles ──▶ virtual time += c × 256 / weight          all vCPUs of a domain share it
 *   woke up          ──▶ virtual time ≥ the pCPU's − one slice     who slept saves up one slice, not more
 *   cap of n %       ──▶ budget of n % of a period, refilled at its start; without budget it is parked until then
 */
import type { Core } from '../machine/core.js';
import { HostView } from '../machine/views.js';

export const DEFAULT_WEIGHT = 256;
export const MAX_WEIGHT = 65535;
export const MAX_CAP = 100; // percent: a domain is on one pCPU
/** Slices in the period of a cap. */
const CAP_PERIOD = 10;

/** Weight of the domain at index `index`: 1 … 65535. */
export function getWeight(core: Core, index: number): number {
  return weightOf(core, new HostView(core).domainAddress(index));
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
  core.writeF64(d + l.DOMAIN_BUDGET, Math.min(core.readF64(d + l.DOMAIN_BUDGET), allowance(core, d)));
  return true;
}

function weightOf(core: Core, d: number): number {
  return core.read(d + core.layout.DOMAIN_WEIGHT) || DEFAULT_WEIGHT;
}

/** Cycles that a capped domain gets per period. */
function allowance(core: Core, d: number): number {
  const { HOST_SLICE, DOMAIN_CAP } = core.layout;
  return (CAP_PERIOD * core.readF64(HOST_SLICE) * core.read(d + DOMAIN_CAP)) / 100;
}

/** Whether the host's scheduler looks at weights and caps. */
export function usesCredit(core: Core): boolean {
  return core.read(core.layout.HOST_SCHEDULER) === core.layout.SCHEDULER_CREDIT;
}

/** Place in the run queue that the domain at `d` has now. */
export function virtualTime(core: Core, d: number): number {
  return usesCredit(core) ? core.readF64(d + core.layout.DOMAIN_VTIME) : 0;
}

/** Charges the domain at `d` for `cycles` that one of its vCPUs ran. */
export function charge(core: Core, d: number, cycles: number): void {
  const l = core.layout;
  if (!usesCredit(core)) return;
  core.writeF64(d + l.DOMAIN_VTIME, core.readF64(d + l.DOMAIN_VTIME) + (cycles * DEFAULT_WEIGHT) / weightOf(core, d));
  if (core.read(d + l.DOMAIN_CAP) > 0) core.writeF64(d + l.DOMAIN_BUDGET, core.readF64(d + l.DOMAIN_BUDGET) - cycles);
}

/** A vCPU of the domain becomes runnable: what it saved up while it slept is limited. */
export function limitSavings(core: Core, d: number, p: number): void {
  const l = core.layout;
  const least = core.readF64(p + l.PCPU_VTIME) - core.readF64(l.HOST_SLICE);
  if (core.readF64(d + l.DOMAIN_VTIME) < least) core.writeF64(d + l.DOMAIN_VTIME, least);
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

/** Cycles that the domain may run from pCPU time `now` on, at most 0: none before `refillTime`. Refills what is due. */
export function budget(core: Core, d: number, now: number): number {
  const l = core.layout;
  if (core.read(d + l.DOMAIN_CAP) === 0 || !usesCredit(core)) return Number.POSITIVE_INFINITY;
  const next = core.readF64(d + l.DOMAIN_REFILL);
  if (now >= next) {
    const period = CAP_PERIOD * core.readF64(l.HOST_SLICE);
    const periods = Math.floor((now - next) / period) + 1;
    const most = allowance(core, d);
    // What was not used is lost; what was overrun is owed.
    core.writeF64(d + l.DOMAIN_BUDGET, Math.min(most, core.readF64(d + l.DOMAIN_BUDGET) + periods * most));
    core.writeF64(d + l.DOMAIN_REFILL, next + periods * period);
  }
  return core.readF64(d + l.DOMAIN_BUDGET);
}

/** pCPU time at which a capped domain gets its next budget. */
export function refillTime(core: Core, d: number): number {
  return core.readF64(d + core.layout.DOMAIN_REFILL);
}
