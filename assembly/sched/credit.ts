/**
 * Weights and caps: what a domain gets of its pCPU. Modelled on Xen's second credit scheduler (xen/common/sched/credit2.c),
 * turned round: where Xen's credit burns at a rate that the weight divides, a domain's *virtual time* grows at that rate, and
 * the least virtual time is the most credit.
 *
 *   ran for c cycles ──▶ virtual time += c × 256 / weight          all vCPUs of a domain share it
 *   woke up          ──▶ virtual time ≥ the pCPU's − one slice     who slept saves up one slice, not more
 *   cap of n %       ──▶ budget of n % of a period, refilled at its start; without budget it is parked until then
 */
import {
  DOMAIN_BUDGET,
  DOMAIN_CAP,
  DOMAIN_REFILL,
  DOMAIN_VTIME,
  DOMAIN_WEIGHT,
  HOST_SCHEDULER,
  HOST_SLICE,
  PCPU_VTIME,
  SCHEDULER_CREDIT,
} from '../layout';

/** Also that of a domain whose weight was never set. */
const UNIT_WEIGHT: u32 = 256;
/** Slices in the period of a cap. */
const CAP_PERIOD: f64 = 10;

/** Whether the host's scheduler looks at weights and caps. */
export function usesCredit(): bool {
  return load<u32>(HOST_SCHEDULER) == SCHEDULER_CREDIT;
}

/** Cycles that a capped domain gets per period. */
export function capAllowance(d: usize): f64 {
  return (CAP_PERIOD * load<f64>(HOST_SLICE) * f64(load<u32>(d + DOMAIN_CAP))) / 100;
}

/** Place in the run queue that the domain has now. */
export function virtualTime(d: usize): f64 {
  return usesCredit() ? load<f64>(d + DOMAIN_VTIME) : 0;
}

/** Charges the domain for `cycles` that one of its vCPUs ran. */
export function chargeDomain(d: usize, cycles: f64): void {
  if (!usesCredit()) return;
  const weight = load<u32>(d + DOMAIN_WEIGHT);
  const divisor = f64(weight == 0 ? UNIT_WEIGHT : weight);
  store<f64>(d + DOMAIN_VTIME, load<f64>(d + DOMAIN_VTIME) + (cycles * f64(UNIT_WEIGHT)) / divisor);
  if (load<u32>(d + DOMAIN_CAP) > 0) store<f64>(d + DOMAIN_BUDGET, load<f64>(d + DOMAIN_BUDGET) - cycles);
}

/** A vCPU of the domain becomes runnable: what it saved up while it slept is limited. */
export function limitSavings(d: usize, p: usize): void {
  const least = load<f64>(p + PCPU_VTIME) - load<f64>(HOST_SLICE);
  if (load<f64>(d + DOMAIN_VTIME) < least) store<f64>(d + DOMAIN_VTIME, least);
}

/** Cycles that the domain may run from pCPU time `now` on, at most 0: none before its refill. Refills what is due. */
export function domainBudget(d: usize, now: f64): f64 {
  if (load<u32>(d + DOMAIN_CAP) == 0 || !usesCredit()) return Infinity;
  const next = load<f64>(d + DOMAIN_REFILL);
  if (now >= next) {
    const period = CAP_PERIOD * load<f64>(HOST_SLICE);
    const periods = Math.floor((now - next) / period) + 1;
    const most = capAllowance(d);
    // What was not used is lost; what was overrun is owed.
    store<f64>(d + DOMAIN_BUDGET, Math.min(most, load<f64>(d + DOMAIN_BUDGET) + periods * most));
    store<f64>(d + DOMAIN_REFILL, next + periods * period);
  }
  return load<f64>(d + DOMAIN_BUDGET);
}
