/**
 * Who may run on a pCPU and who waits for what: the scheduler's queues, in flat memory.
 *
 *   run queue   runnable vCPUs, by virtual time (credit) or by arrival (round robin)
 *   sleepers    blocked vCPUs by the pCPU time at which they wake, and parked ones by that of their domain's refill
 *
 * Every operation is O(log n) in the vCPUs of the pCPU.
 */
import type { Core } from '../machine/core.js';
import type { HostView } from '../machine/views.js';
import { switchOut, VCPU_NONE } from './context-switch.js';
import { budget, limitSavings, refillTime, usesCredit, virtualTime } from './credit.js';
import { NEVER } from './timers.js';
import { VcpuHeap } from './vcpu-heap.js';

interface Queues {
  readonly runnable: VcpuHeap;
  readonly sleepers: VcpuHeap;
}

const queuesOf = new WeakMap<Core, Queues>();

function queues(core: Core): Queues {
  let found = queuesOf.get(core);
  if (found === undefined) {
    const l = core.layout;
    found = {
      runnable: new VcpuHeap(core, {
        length: l.PCPU_QUEUE_LENGTH,
        items: l.PCPU_QUEUE,
        capacity: l.PCPU_QUEUE_CAPACITY,
        key: l.VCPU_SCHED_KEY,
      }),
      sleepers: new VcpuHeap(core, {
        length: l.PCPU_BLOCKED_LENGTH,
        items: l.PCPU_BLOCKED,
        capacity: l.PCPU_BLOCKED_CAPACITY,
        key: l.VCPU_WAKE,
      }),
    };
    queuesOf.set(core, found);
  }
  return found;
}

function vcpuAddress(core: Core, index: number): number {
  return core.read(core.layout.HOST_VCPU_BASE) + index * core.layout.VCPU_SIZE;
}

/** Queues a vCPU that is runnable since pCPU time `since`; default: the pCPU's time, between quanta. */
export function enqueue(core: Core, p: number, index: number, since = core.readU64(p + core.layout.PCPU_TIME)): void {
  const l = core.layout;
  const v = vcpuAddress(core, index);
  const d = core.read(v + l.VCPU_DOMAIN);
  limitSavings(core, d, p);
  core.write(v + l.VCPU_RUN_STATE, l.RUN_RUNNABLE);
  core.writeF64(v + l.VCPU_RUNNABLE_SINCE, since);
  core.writeF64(v + l.VCPU_SCHED_KEY, virtualTime(core, d));
  queues(core).runnable.push(p, index);
}

/** Takes the vCPU that is to run at pCPU time `now` out of the run queue, or VCPU_NONE. */
export function dequeue(core: Core, p: number, now: number): number {
  const l = core.layout;
  const { runnable, sleepers } = queues(core);
  for (;;) {
    const index = runnable.first(p);
    if (index === VCPU_NONE) return VCPU_NONE;
    const v = vcpuAddress(core, index);
    const d = core.read(v + l.VCPU_DOMAIN);
    const key = virtualTime(core, d);
    if (core.readF64(v + l.VCPU_SCHED_KEY) < key) {
      // Another vCPU of its domain has run since.
      core.writeF64(v + l.VCPU_SCHED_KEY, key);
      runnable.update(p, index);
      continue;
    }
    runnable.remove(p, index);
    if (budget(core, d, now) > 0) {
      if (key > core.readF64(p + l.PCPU_VTIME)) core.writeF64(p + l.PCPU_VTIME, key);
      return index;
    }
    core.write(v + l.VCPU_RUN_STATE, l.RUN_PARKED);
    core.writeF64(v + l.VCPU_WAKE, refillTime(core, d));
    sleepers.push(p, index);
  }
}

/** Notes how long a vCPU had to wait that runs from pCPU time `now` on. */
export function noteStart(core: Core, index: number, now: number): void {
  const l = core.layout;
  const v = vcpuAddress(core, index);
  const waited = Math.max(0, now - core.readF64(v + l.VCPU_RUNNABLE_SINCE));
  core.writeF64(v + l.VCPU_WAITED, core.readF64(v + l.VCPU_WAITED) + waited);
  if (core.read(v + l.VCPU_WOKEN) !== 0) {
    core.write(v + l.VCPU_WOKEN, 0);
    core.writeF64(v + l.VCPU_WAKE_LATENCY, core.readF64(v + l.VCPU_WAKE_LATENCY) + waited);
    core.writeF64(v + l.VCPU_WAKE_LATENCY_MAX, Math.max(core.readF64(v + l.VCPU_WAKE_LATENCY_MAX), waited));
  }
}

/** Whether a vCPU is in the run queue. */
export function isQueued(core: Core, p: number): boolean {
  return queues(core).runnable.length(p) > 0;
}

/** The pCPU time at which the next vCPU wakes, or NEVER. Every exit asks, so it looks at the heap's first place itself. */
export function earliestWake(core: Core, p: number): number {
  const l = core.layout;
  if (core.read(p + l.PCPU_BLOCKED_LENGTH) === 0) return NEVER;
  return core.readF64(vcpuAddress(core, core.read(p + l.PCPU_BLOCKED)) + l.VCPU_WAKE);
}

/** Whether any vCPU is queued or sleeps. */
export function isInUse(core: Core, p: number): boolean {
  return isQueued(core, p) || queues(core).sleepers.length(p) > 0;
}

/** Lets a vCPU sleep from pCPU time `now` until `wake`. */
export function enqueueBlocked(core: Core, p: number, index: number, now: number, wake: number): void {
  const l = core.layout;
  const v = vcpuAddress(core, index);
  core.writeF64(v + l.VCPU_BLOCKED_AT, now);
  core.writeF64(v + l.VCPU_WAKE, wake);
  core.write(v + l.VCPU_RUN_STATE, l.RUN_BLOCKED);
  queues(core).sleepers.push(p, index);
}

/** Lets the vCPU at `v`, if it is blocked, wake at pCPU time `now`, or when it blocked if that is later. */
export function wakeUp(core: Core, v: number, now: number): void {
  const l = core.layout;
  if (v === 0 || core.read(v + l.VCPU_RUN_STATE) !== l.RUN_BLOCKED) return;
  const wake = Math.max(now, core.readF64(v + l.VCPU_BLOCKED_AT));
  if (wake >= core.readF64(v + l.VCPU_WAKE)) return;
  core.writeF64(v + l.VCPU_WAKE, wake);
  queues(core).sleepers.update(core.read(v + l.VCPU_PCPU), core.read(v + l.VCPU_INDEX));
}

/**
 * Takes the next vCPU whose time to wake has come by pCPU time `now`, or VCPU_NONE: in the order of these times, then of
 * blocking. A parked one is queued again at once and not returned.
 */
export function takeWoken(core: Core, p: number, now: number): number {
  const l = core.layout;
  const { sleepers } = queues(core);
  for (;;) {
    const index = sleepers.first(p);
    if (index === VCPU_NONE) return VCPU_NONE;
    const v = vcpuAddress(core, index);
    const wake = core.readF64(v + l.VCPU_WAKE);
    if (wake > now) return VCPU_NONE;
    sleepers.remove(p, index);
    if (core.read(v + l.VCPU_RUN_STATE) !== l.RUN_PARKED) return index;
    enqueue(core, p, index, core.readF64(v + l.VCPU_RUNNABLE_SINCE));
  }
}

/**
 * Queues a vCPU that woke at pCPU time `since`. True: it deserves to run before the vCPU that runs now, because it has
 * more credit.
 */
export function enqueueWoken(core: Core, p: number, index: number, since: number): boolean {
  const l = core.layout;
  const v = vcpuAddress(core, index);
  core.write(v + l.VCPU_WAKEUPS, core.read(v + l.VCPU_WAKEUPS) + 1);
  core.write(v + l.VCPU_WOKEN, 1);
  enqueue(core, p, index, since);
  const current = core.read(p + l.PCPU_CURRENT);
  if (current === VCPU_NONE || !usesCredit(core)) return false;
  const domain = core.read(vcpuAddress(core, current) + l.VCPU_DOMAIN);
  return core.readF64(v + l.VCPU_SCHED_KEY) < virtualTime(core, domain);
}

/** Takes a vCPU off its pCPU, whatever it does there. Its run state stays, and `unpark` brings it back. */
export function park(core: Core, host: HostView, index: number): void {
  const l = core.layout;
  const p = core.read(host.vcpuAddress(index) + l.VCPU_PCPU);
  if (p === 0) return; // there never was one
  queues(core).runnable.remove(p, index);
  queues(core).sleepers.remove(p, index);
  switchOut(core, p, index);
}

/**
 * Puts a vCPU where its run state says that it belongs: it runs, or goes on waiting for what it waited for. An event that came
 * meanwhile has set its time to wake. Nothing while its domain is paused.
 */
export function unpark(core: Core, index: number): void {
  const l = core.layout;
  const v = vcpuAddress(core, index);
  if (core.read(core.read(v + l.VCPU_DOMAIN) + l.DOMAIN_PAUSED) > 0) return;
  const p = core.read(v + l.VCPU_PCPU);
  const state = core.read(v + l.VCPU_RUN_STATE);
  if (state === l.RUN_RUNNABLE || state === l.RUN_PARKED) enqueue(core, p, index);
  else if (state === l.RUN_BLOCKED) queues(core).sleepers.push(p, index);
}
