/**
 * One physical CPU for one quantum of virtual time, as far as the core can tell what happens:
 *
 *   queue ──▶ current ──slice over, yield, preemption──▶ queue          run-queue.ts: who comes first
 *     │          │ HLT, poll                            ▲
 *     │          ├──▶ blocked ──wake time, event────────┤
 *     │          └──▶ deferred ──quantum's end──────────┤
 *     └─────────────▶ parked: cap used up ──refill──────┘
 *
 * `runPcpu` returns to the hypervisor (src/hypervisor/pcpu.ts) for a verdict on an exit, and for context switches: for every one if
 * a policy observes them, else for those before which the wall clock is to be read (wall-time.ts).
 */
import { modelledCycles } from '../cpu/time';
import { setIdle } from '../device/clock';
import { VCPU_NONE } from '../host';
import {
  ANSWER_SWITCH,
  COUNTER_EXCEPTION,
  COUNTER_INTERRUPT,
  HOST_ANSWERS,
  HOST_CLOCK_DOMAIN,
  HOST_CLOCK_MODE,
  HOST_SLICE,
  PCPU_BASE,
  PCPU_BUSY,
  PCPU_CHOOSES,
  PCPU_CURRENT,
  PCPU_CYCLES,
  PCPU_DEADLINE,
  PCPU_NEXT,
  PCPU_NOW,
  PCPU_PREEMPT,
  PCPU_RUNS,
  PCPU_SLICE_END,
  PCPU_STARTED,
  PCPU_STATE,
  PCPU_SWITCHED_AT,
  PCPU_SWITCHES_TO,
  PCPU_TIME,
  POLL_NONE,
  RUNSTATE_DUE,
  VCPU_BLOCKED_AT,
  VCPU_CHUNK_END,
  VCPU_COUNTERS,
  VCPU_DOMAIN,
  VCPU_IDLE,
  VCPU_MAX_RETIRED,
  VCPU_POLL_PORT,
  VCPU_PREEMPTIONS,
  VCPU_RUNSTATE,
  VCPU_TIMERS_DUE,
  VCPU_WAKE,
} from '../layout';
import { runstateTell, runstateWoken } from '../vmx/runstate';
import { runSlice, SLICE_BLOCKED, SLICE_LIMIT, SLICE_OVER } from '../vmx/slice';
import { nextInterrupt, syncTimers } from '../vmx/timers';
import { boosts, boundByBoost, protectedUntil } from './boost';
import { contextSwitch } from './context-switch';
import { chargeDomain, domainBudget } from './credit';
import { vcpuAt } from './heap';
import {
  blockVcpu,
  dequeueVcpu,
  earliestWake,
  enqueueVcpu,
  enqueueWoken,
  NEVER,
  noteStart,
  takeWoken,
} from './run-queue';
import { clockIsDue, noteRan } from './wall-time';

// Verdicts: src/hypervisor/guest.ts
const RESUME: u32 = 0;
const BLOCK: u32 = 1;
const YIELD: u32 = 2;

// What `runPcpu` returns beside basic exit reasons
const STOP_LIMIT: u32 = SLICE_LIMIT; // the current vCPU is at its instruction limit
const STOP_SWITCH: u32 = 0xfffc; //     PCPU_NEXT is to be switched to
const STOP_OVER: u32 = 0xffff; //       the quantum is over

function ownClock(): bool {
  return load<u32>(HOST_CLOCK_MODE) == HOST_CLOCK_DOMAIN;
}

/** Makes vCPUs runnable whose time to wake has come by `time`. */
function wake(p: usize, time: f64): void {
  while (true) {
    const index = takeWoken(p, time);
    if (index == VCPU_NONE) return;
    const v = vcpuAt(index);
    const woken = load<f64>(v + VCPU_WAKE);
    store<i64>(v + VCPU_CHUNK_END, 0);
    if (ownClock()) {
      // The domain slept exactly until its interrupt, however late its pCPU is.
      setIdle(v, load<f64>(v + VCPU_IDLE) + (woken - load<f64>(v + VCPU_BLOCKED_AT)));
      const clock = load<f64>(v + VCPU_IDLE) + modelledCycles(v);
      syncTimers(v, clock, time);
      runstateWoken(v, clock);
    } else runstateWoken(v, woken);
    store<u32>(v + VCPU_POLL_PORT, POLL_NONE);
    if (enqueueWoken(p, index, woken) && boosts()) store<u32>(p + PCPU_PREEMPT, 1);
  }
}

/** Lets the vCPU wait until its domain's next interrupt or event; without a time only an event ends the wait. */
function block(p: usize, index: u32, v: usize, time: f64, cycles: f64): void {
  const next = nextInterrupt(v);
  const clock = load<f64>(v + VCPU_IDLE) + cycles;
  blockVcpu(p, index, time, next >= NEVER ? NEVER : time + Math.max(0, next - clock));
}

/** A guest that only takes exceptions retires nothing: they count against its limit too. */
function exceededByEvents(v: usize): bool {
  const limit = load<f64>(v + VCPU_MAX_RETIRED);
  const exceptions = load<u64>(v + VCPU_COUNTERS + ((COUNTER_EXCEPTION as usize) << 3));
  const interrupts = load<u64>(v + VCPU_COUNTERS + ((COUNTER_INTERRUPT as usize) << 3));
  return limit > 0 && f64(exceptions + interrupts) > limit;
}

/** The current vCPU begins to run at `time`, until the scheduler looks again, at `end` at the latest. */
function start(p: usize, v: usize, time: f64, end: f64, cycles: f64): void {
  const left = domainBudget(load<usize>(v + VCPU_DOMAIN), time);
  let deadline = Math.min(Math.min(load<f64>(p + PCPU_SLICE_END), end), time + left);
  if (load<u32>(p + PCPU_PREEMPT) == 0) deadline = boundByBoost(p, deadline);
  else if (boosts()) deadline = Math.min(deadline, protectedUntil(p));
  const base = time - cycles;
  store<f64>(p + PCPU_STARTED, time);
  store<f64>(p + PCPU_BASE, base);
  store<f64>(p + PCPU_DEADLINE, deadline);
  store<f64>(v + VCPU_TIMERS_DUE, 0);
  if (!ownClock()) {
    setIdle(v, base);
    store<i64>(v + VCPU_CHUNK_END, 0);
  }
}

/** It has stopped: it pays for what it ran. Returns the time. */
function stop(p: usize, v: usize, cycles: f64): f64 {
  const time = load<f64>(p + PCPU_BASE) + cycles;
  const ran = time - load<f64>(p + PCPU_STARTED);
  store<f64>(p + PCPU_BUSY, load<f64>(p + PCPU_BUSY) + ran);
  chargeDomain(load<usize>(v + VCPU_DOMAIN), ran);
  noteRan(p, v, ran);
  return time;
}

/** It has slept, and a runstate area is registered. */
function tell(v: usize, time: f64): void {
  if (!ownClock()) setIdle(v, time - modelledCycles(v));
  runstateTell(v);
}

/** A slice begins at `time`. */
function beginSlice(p: usize, time: f64): void {
  store<f64>(p + PCPU_SLICE_END, time + load<f64>(HOST_SLICE));
  store<u32>(p + PCPU_PREEMPT, 0);
}

/** `to` runs from `time` on. */
function switched(p: usize, to: u32, time: f64): void {
  store<f64>(p + PCPU_SWITCHED_AT, time);
  if (to != VCPU_NONE) noteStart(to, time);
  beginSlice(p, time);
}

/**
 * Runs until pCPU time `end`. Returns a basic exit reason: the current vCPU's exit waits for a verdict; or STOP_*. To go on it is
 * called again, with that verdict or the cycles that the switch took. A pCPU must not be left otherwise.
 */
export function runPcpu(p: usize, end: f64, verdict: u32, taken: f64): u32 {
  let time: f64 = 0;
  let cycles: f64 = 0; // modelled, of the vCPU that runs
  let state = load<u32>(p + PCPU_STATE);
  if (state == PCPU_CHOOSES) time = f64(load<u64>(p + PCPU_TIME));
  if (state == PCPU_RUNS && verdict == RESUME) {
    // The handler may have woken another one.
    store<f64>(p + PCPU_DEADLINE, boundByBoost(p, load<f64>(p + PCPU_DEADLINE)));
    cycles = modelledCycles(vcpuAt(load<u32>(p + PCPU_CURRENT)));
  }
  if (state == PCPU_SWITCHES_TO) {
    time = load<f64>(p + PCPU_NOW) + taken;
    switched(p, load<u32>(p + PCPU_NEXT), time);
    state = PCPU_CHOOSES;
  }
  while (true) {
    const current = load<u32>(p + PCPU_CURRENT);
    let next = current;
    if (state == PCPU_CHOOSES) {
      if (earliestWake(p) <= time) wake(p, time);
      if (time >= end) {
        store<u64>(p + PCPU_TIME, u64(time));
        store<u32>(p + PCPU_STATE, PCPU_CHOOSES);
        return STOP_OVER;
      }
      if (current == VCPU_NONE) {
        next = dequeueVcpu(p, time);
        if (next == VCPU_NONE) {
          time = Math.min(earliestWake(p), end);
          continue;
        }
      } else if (load<u32>(p + PCPU_PREEMPT) && time >= protectedUntil(p)) {
        const v = vcpuAt(current);
        store<u32>(v + VCPU_PREEMPTIONS, load<u32>(v + VCPU_PREEMPTIONS) + 1);
        enqueueVcpu(p, current, time);
        next = dequeueVcpu(p, time);
        if (next == current) {
          beginSlice(p, time);
          continue;
        }
      } else {
        if (load<u32>(vcpuAt(current) + VCPU_RUNSTATE) == RUNSTATE_DUE) tell(vcpuAt(current), time);
        cycles = modelledCycles(vcpuAt(current));
        start(p, vcpuAt(current), time, end, cycles);
        store<u32>(p + PCPU_STATE, PCPU_RUNS);
        state = PCPU_RUNS;
        verdict = RESUME;
      }
    }
    if (state == PCPU_RUNS) {
      const v = vcpuAt(current);
      if (verdict == RESUME) {
        const reason = runSlice(p, v, cycles);
        if (reason == SLICE_BLOCKED) verdict = BLOCK;
        else if (reason != SLICE_OVER) return reason;
        else if (exceededByEvents(v)) return STOP_LIMIT;
        cycles = load<f64>(p + PCPU_CYCLES);
      } else cycles = modelledCycles(v);
      time = stop(p, v, cycles);
      state = PCPU_CHOOSES;
      if (verdict == BLOCK) block(p, current, v, time, cycles);
      if (verdict == YIELD) {
        // Whoever waits comes first, even if it has less credit.
        next = dequeueVcpu(p, time);
        if (next != VCPU_NONE) enqueueVcpu(p, current, time);
        else next = current;
      } else if (
        verdict != RESUME ||
        time >= load<f64>(p + PCPU_SLICE_END) ||
        domainBudget(load<usize>(v + VCPU_DOMAIN), time) <= 0
      ) {
        wake(p, time);
        if (verdict == RESUME) enqueueVcpu(p, current, time);
        next = dequeueVcpu(p, time);
      } else continue;
      if (next == current) {
        beginSlice(p, time);
        continue;
      }
    }
    store<u32>(p + PCPU_STATE, PCPU_SWITCHES_TO);
    if ((load<u32>(HOST_ANSWERS) & ANSWER_SWITCH) == 0 || clockIsDue(p)) {
      store<u32>(p + PCPU_NEXT, next);
      store<f64>(p + PCPU_NOW, time);
      return STOP_SWITCH;
    }
    time += contextSwitch(p, next);
    switched(p, next, time);
    state = PCPU_CHOOSES;
  }
}
