/**
 * Who may run on a pCPU and who waits for what: the scheduler's queues, assembly/sched/run-queue.ts, as whoever creates, pauses,
 * moves and ends domains needs them.
 *
 *   run queue   runnable vCPUs, by virtual time (credit) or by arrival (round robin)
 *   sleepers    blocked vCPUs by the pCPU time at which they wake, and parked ones by that of their domain's refill
 */
import type { Core } from '../machine/core.js';
import type { HostView } from '../machine/views.js';
import { switchOut } from './context-switch.js';
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
  core.call.enqueueVcpu(p, index, since);
}

/** Takes the vCPU that is to run at pCPU time `now` out of the run queue, or VCPU_NONE. */
export function dequeue(core: Core, p: number, now: number): number {
  return core.call.dequeueVcpu(p, now) >>> 0;
}

/** Whether a vCPU is in the run queue. */
export function isQueued(core: Core, p: number): boolean {
  return queues(core).runnable.length(p) > 0;
}

/** The pCPU time at which the next vCPU wakes, or NEVER. */
export function earliestWake(core: Core, p: number): number {
  return core.call.earliestWake(p);
}

/** Whether any vCPU is queued or sleeps. */
export function isInUse(core: Core, p: number): boolean {
  return isQueued(core, p) || queues(core).sleepers.length(p) > 0;
}

/** Lets a vCPU sleep from pCPU time `now` until `wake`. */
export function enqueueBlocked(core: Core, p: number, index: number, now: number, wake: number): void {
  core.call.blockVcpu(p, index, now, wake);
}

/** Lets the vCPU at `v`, if it is blocked, wake at pCPU time `now`, or when it blocked if that is later. */
export function wakeUp(core: Core, v: number, now: number): void {
  core.call.wakeVcpu(v, now);
}

/**
 * Takes the next vCPU whose time to wake has come by pCPU time `now`, or VCPU_NONE: in the order of these times, then of
 * blocking. A parked one is queued again at once and not returned.
 */
export function takeWoken(core: Core, p: number, now: number): number {
  return core.call.takeWoken(p, now) >>> 0;
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
