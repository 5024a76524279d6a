/**
 * A vCPU up to a point of virtual time. `run` takes an instruction budget, but time is a sum over events, so a point is
 * approached by halves: run half of what would fit at the cost of plain instructions, and look again.
 *
 *   chunk over? ── the domain's clock is compared with its timers ──▶ one may be due: to the hypervisor
 *   time over?  ── to the hypervisor
 *   run         ── an exit ──▶ answered here (answers.ts), and a new chunk begins, or to the hypervisor
 *
 * Chunks depend on the domain alone, so a timer interrupt hits the same instruction whoever else runs on the pCPU; the end of
 * the time only pauses the vCPU and changes nothing that a domain can see (src/hypervisor/pcpu.ts).
 */
import { run } from '../cpu/run';
import { modelledCycles } from '../cpu/time';
import {
  COUNTER_RETIRED,
  HOST_WEIGHTS,
  VCPU_CHUNK_END,
  VCPU_COUNTERS,
  VCPU_IDLE,
  VCPU_MAX_RETIRED,
  VCPU_TIMERS_DUE,
} from '../layout';
import { EXIT_BUDGET } from '../record';
import { answer } from './answers';

/** Not an architectural exit: the domain's timers are to be looked at, or it is at its instruction limit. */
export const EXIT_CHUNK: u32 = 0xfffe;

const NEVER: f64 = 9007199254740992.0; // 2^53
const EXACT: f64 = 64; //                 instructions: nearer points are not halved
const MAX_BUDGET: f64 = 1073741824; // 2^30

/** Instructions to run towards something `cycles` away: half the way, or all of it when it is near. */
function approach(cycles: f64): f64 {
  const n = Math.floor(cycles / f64(load<u32>(HOST_WEIGHTS + ((COUNTER_RETIRED as usize) << 2))));
  return n < EXACT ? Math.max(n, 1) : Math.max(EXACT, Math.floor(n / 2));
}

/**
 * Runs until the vCPU's modelled cycles reach `end`: EXIT_BUDGET, or else the exit that is the hypervisor's, or EXIT_CHUNK.
 * `looked`: the timers were looked at just now, and VCPU_TIMERS_DUE holds whatever it says.
 */
export function runSlice(s: usize, end: f64, looked: u32): u32 {
  while (true) {
    const cycles = modelledCycles(s);
    const retired = f64(load<u64>(s + VCPU_COUNTERS + ((COUNTER_RETIRED as usize) << 3)));
    let chunkEnd = load<f64>(s + VCPU_CHUNK_END);
    if (retired >= chunkEnd) {
      const most = load<f64>(s + VCPU_MAX_RETIRED);
      const limit = most == 0 ? NEVER : most;
      const clock = load<f64>(s + VCPU_IDLE) + cycles;
      const due = load<f64>(s + VCPU_TIMERS_DUE);
      if (retired >= limit || (due <= clock && !looked)) return EXIT_CHUNK;
      chunkEnd = due >= NEVER ? limit : Math.min(limit, retired + approach(due - clock));
      store<f64>(s + VCPU_CHUNK_END, chunkEnd);
    }
    looked = 0;
    const left = end - cycles;
    if (left <= 0) return EXIT_BUDGET;
    const budget = Math.min(Math.min(approach(left), chunkEnd - retired), MAX_BUDGET);
    const reason = run(s, i32(budget));
    if (reason == EXIT_BUDGET) continue;
    if (!answer(s, reason)) return reason;
    store<f64>(s + VCPU_CHUNK_END, 0);
  }
}
