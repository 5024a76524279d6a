/**
 * A vCPU up to a point of virtual time. `run` takes an instruction budget, but time is a sum over events, so a point is
 * approached by halves: run half of what would fit at the cost of plain instructions, and look again.
 *
 *   chunk over? ── the domain's clock is compared with its timers, and a new one begins
 *   time over?  ── the scheduler looks
 *   run         ── an exit ──▶ answered here (answers.ts, halt.ts), and a new chunk begins, or to the hypervisor
 *
 * Chunks depend on the domain alone, so a timer interrupt hits the same instruction whoever else runs on the pCPU; the end of
 * the time only pauses the vCPU and changes nothing that a domain can see.
 */
import { run } from '../cpu/run';
import { modelledCycles } from '../cpu/time';
import {
  ANSWER_HALT,
  COUNTER_RETIRED,
  HOST_ANSWERS,
  HOST_WEIGHTS,
  PCPU_BASE,
  PCPU_CYCLES,
  PCPU_DEADLINE,
  VCPU_CHUNK_END,
  VCPU_COUNTERS,
  VCPU_IDLE,
  VCPU_MAX_RETIRED,
  VCPU_TIMERS_DUE,
} from '../layout';
import { EXIT_BUDGET, EXIT_HLT, EXIT_VMCALL } from '../record';
import { boundByBoost } from '../sched/boost';
import { NEVER } from '../sched/run-queue';
import { answer } from './answers';
import { HALT_OVER, HALT_WAITS, haltAt } from './halt';
import { nextDeadline, syncTimers } from './timers';

// Not architectural: why a slice ended
export const SLICE_OVER: u32 = 0xffff; //    its time is up
export const SLICE_BLOCKED: u32 = 0xfffe; // the vCPU waits
export const SLICE_LIMIT: u32 = 0xfffd; //   the vCPU is at its instruction limit

const EXACT: i64 = 64; // instructions: nearer points are not halved
const MAX_BUDGET: i64 = 1 << 30;
const NO_LIMIT: i64 = 1 << 53;

/** Instructions to run towards something `cycles` away: half the way, or all of it when it is near. */
function approach(cycles: f64): i64 {
  const weight = load<u32>(HOST_WEIGHTS + ((COUNTER_RETIRED as usize) << 2));
  const n = i64(weight == 1 ? cycles : Math.floor(cycles / f64(weight)));
  return n < EXACT ? max<i64>(n, 1) : max<i64>(EXACT, n >> 1);
}

/** Begins a chunk, with the timers up to date. False: the vCPU is at its limit. */
function beginChunk(s: usize, base: f64, cycles: f64, retired: i64): bool {
  const most = load<f64>(s + VCPU_MAX_RETIRED);
  const limit = most == 0 ? NO_LIMIT : i64(most);
  if (retired >= limit) return false;
  const clock = load<f64>(s + VCPU_IDLE) + cycles;
  if (load<f64>(s + VCPU_TIMERS_DUE) <= clock) {
    syncTimers(s, clock, base + cycles);
    store<f64>(s + VCPU_TIMERS_DUE, nextDeadline(s));
  }
  const due = load<f64>(s + VCPU_TIMERS_DUE);
  store<i64>(s + VCPU_CHUNK_END, due >= NEVER ? limit : min(limit, retired + approach(due - clock)));
  return true;
}

function over(p: usize, cycles: f64, why: u32): u32 {
  store<f64>(p + PCPU_CYCLES, cycles);
  return why;
}

/**
 * Runs the pCPU's current vCPU, whose modelled cycles are `cycles`, until PCPU_DEADLINE. Returns an exit that is the
 * hypervisor's, or SLICE_*; with SLICE_OVER and SLICE_BLOCKED its modelled cycles are in PCPU_CYCLES.
 */
export function runSlice(p: usize, s: usize, cycles: f64): u32 {
  const base = load<f64>(p + PCPU_BASE);
  while (true) {
    const retired = load<i64>(s + VCPU_COUNTERS + ((COUNTER_RETIRED as usize) << 3));
    if (retired >= load<i64>(s + VCPU_CHUNK_END) && !beginChunk(s, base, cycles, retired)) return SLICE_LIMIT;
    const left = load<f64>(p + PCPU_DEADLINE) - base - cycles;
    if (left <= 0) return over(p, cycles, SLICE_OVER);
    const budget = min(min(approach(left), load<i64>(s + VCPU_CHUNK_END) - retired), MAX_BUDGET);
    const reason = run(s, i32(budget));
    cycles = modelledCycles(s);
    if (reason == EXIT_BUDGET) continue;
    if (reason == EXIT_HLT && load<u32>(HOST_ANSWERS) & ANSWER_HALT) {
      const state = haltAt(s, cycles);
      if (state != HALT_OVER && state != HALT_WAITS) return reason;
      store<f64>(s + VCPU_TIMERS_DUE, 0);
      store<i64>(s + VCPU_CHUNK_END, 0);
      if (state == HALT_WAITS) return over(p, cycles, SLICE_BLOCKED);
    } else if (answer(s, reason, base + cycles)) {
      store<i64>(s + VCPU_CHUNK_END, 0);
      if (reason != EXIT_VMCALL) continue;
    } else return reason;
    // It may have woken another one.
    store<f64>(p + PCPU_DEADLINE, boundByBoost(p, load<f64>(p + PCPU_DEADLINE)));
  }
}
