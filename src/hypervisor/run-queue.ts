/** The run queue and the blocked list of a pCPU: lists of vCPU indices in flat memory. */
import type { Core } from '../machine/core.js';
import type { HostView } from '../machine/views.js';
import { switchOut, VCPU_NONE } from './context-switch.js';
import { NEVER } from './timers.js';

export function enqueue(core: Core, p: number, vcpu: number): void {
  const l = core.layout;
  const length = core.read(p + l.PCPU_QUEUE_LENGTH);
  if (length >= l.PCPU_QUEUE_CAPACITY) throw new RangeError('run queue overflow');
  core.write(p + l.PCPU_QUEUE + 4 * length, vcpu);
  core.write(p + l.PCPU_QUEUE_LENGTH, length + 1);
}

export function dequeue(core: Core, p: number): number {
  const l = core.layout;
  const length = core.read(p + l.PCPU_QUEUE_LENGTH);
  if (length === 0) return VCPU_NONE;
  const at = (p + l.PCPU_QUEUE) >>> 2;
  const vcpu = core.u32[at]!;
  core.u32.copyWithin(at, at + 1, at + length);
  core.write(p + l.PCPU_QUEUE_LENGTH, length - 1);
  return vcpu;
}

/** The pCPU time at which its next blocked vCPU wakes, or NEVER. */
export function earliestWake(core: Core, host: HostView, p: number): number {
  const l = core.layout;
  let earliest = NEVER;
  for (let i = core.read(p + l.PCPU_BLOCKED_LENGTH) - 1; i >= 0; i--) {
    const v = host.vcpuAddress(core.read(p + l.PCPU_BLOCKED + 4 * i));
    earliest = Math.min(earliest, core.readF64(v + l.VCPU_WAKE));
  }
  return earliest;
}

/** Puts a vCPU into the blocked list; it wakes at pCPU time `wake`. */
export function enqueueBlocked(core: Core, p: number, v: number, index: number, now: number, wake: number): void {
  const l = core.layout;
  core.writeF64(v + l.VCPU_BLOCKED_AT, now);
  core.writeF64(v + l.VCPU_WAKE, wake);
  core.write(v + l.VCPU_RUN_STATE, l.RUN_BLOCKED);
  const length = core.read(p + l.PCPU_BLOCKED_LENGTH);
  core.write(p + l.PCPU_BLOCKED + 4 * length, index);
  core.write(p + l.PCPU_BLOCKED_LENGTH, length + 1);
}

/** Takes a vCPU off its pCPU's lists, whatever it does there. Its run state stays. */
export function park(core: Core, host: HostView, vcpu: number): void {
  const l = core.layout;
  const p = core.read(host.vcpuAddress(vcpu) + l.VCPU_PCPU);
  if (p === 0) return; // there never was one
  removeFrom(core, p + l.PCPU_QUEUE_LENGTH, p + l.PCPU_QUEUE, vcpu);
  removeFrom(core, p + l.PCPU_BLOCKED_LENGTH, p + l.PCPU_BLOCKED, vcpu);
  switchOut(core, p, vcpu);
}

/** Takes `vcpu` out of a list of u32; false if it is not in it. */
export function removeFrom(core: Core, lengthAt: number, list: number, vcpu: number): boolean {
  const length = core.read(lengthAt);
  const at = list >>> 2;
  const found = core.u32.subarray(at, at + length).indexOf(vcpu);
  if (found < 0) return false;
  core.u32.copyWithin(at + found, at + found + 1, at + length);
  core.write(lengthAt, length - 1);
  return true;
}
