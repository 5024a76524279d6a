/**
 * Paused domains: their vCPUs are in no queue of a pCPU, but keep their run state and what they wait for, and their clocks
 * stand. Pauses nest. Between quanta only.
 */
import type { Core } from '../machine/core.js';
import { HostView } from '../machine/views.js';
import { enqueue, park } from './run-queue.js';

/** Pauses a domain once more. */
export function pauseDomain(core: Core, index: number): void {
  const l = core.layout;
  const host = new HostView(core);
  const d = host.domainAddress(index);
  const pauses = core.read(d + l.DOMAIN_PAUSED);
  core.write(d + l.DOMAIN_PAUSED, pauses + 1);
  if (pauses > 0) return;
  const pcpu = core.read(host.vcpuAddress(index) + l.VCPU_PCPU);
  core.writeF64(d + l.DOMAIN_FROZEN_AT, core.readU64(pcpu + l.PCPU_TIME));
  park(core, host, index);
}

/** Takes back one pause; the last one lets the domain run. False: it is not paused. */
export function unpauseDomain(core: Core, index: number): boolean {
  const l = core.layout;
  const host = new HostView(core);
  const at = host.domainAddress(index) + l.DOMAIN_PAUSED;
  const pauses = core.read(at);
  if (pauses === 0) return false;
  core.write(at, pauses - 1);
  if (pauses === 1) resume(core, index);
  return true;
}

/** Puts the vCPU on the list of its pCPU where its run state belongs, unless its domain is paused. */
export function resume(core: Core, index: number): void {
  const l = core.layout;
  const v = new HostView(core).vcpuAddress(index);
  const state = core.read(v + l.VCPU_RUN_STATE);
  if (state === l.RUN_RUNNABLE) ready(core, index);
  if (state !== l.RUN_BLOCKED || isPaused(core, index)) return;
  // It goes on waiting for what it waited for; an event that came meanwhile has set its time to wake.
  const p = core.read(v + l.VCPU_PCPU);
  const length = core.read(p + l.PCPU_BLOCKED_LENGTH);
  core.write(p + l.PCPU_BLOCKED + 4 * length, index);
  core.write(p + l.PCPU_BLOCKED_LENGTH, length + 1);
}

export function isPaused(core: Core, index: number): boolean {
  return core.read(new HostView(core).domainAddress(index) + core.layout.DOMAIN_PAUSED) > 0;
}

/** Queues a runnable vCPU on its pCPU, unless its domain is paused. */
export function ready(core: Core, index: number): void {
  if (isPaused(core, index)) return;
  enqueue(core, core.read(new HostView(core).vcpuAddress(index) + core.layout.VCPU_PCPU), index);
}
