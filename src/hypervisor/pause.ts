/**
 * Paused domains: their vCPUs are in no queue of a pCPU, but keep their run state and what they wait for, and their clocks
 * stand. Pauses nest. Between quanta only.
 */
import type { Core } from '../machine/core.js';
import { HostView } from '../machine/views.js';
import { enqueue, park, unpark } from './run-queue.js';

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

/** Takes back one pause; the last one lets the domain run. False: it is not paused, or only because it has forks. */
export function unpauseDomain(core: Core, index: number): boolean {
  const l = core.layout;
  const d = new HostView(core).domainAddress(index);
  const at = d + l.DOMAIN_PAUSED;
  const pauses = core.read(at);
  if (pauses <= (core.read(d + l.DOMAIN_FORKS) > 0 ? 1 : 0)) return false;
  core.write(at, pauses - 1);
  if (pauses === 1) unpark(core, index);
  return true;
}

export function isPaused(core: Core, index: number): boolean {
  return core.read(new HostView(core).domainAddress(index) + core.layout.DOMAIN_PAUSED) > 0;
}

/** Queues a runnable vCPU on its pCPU, unless its domain is paused. */
export function ready(core: Core, index: number): void {
  if (isPaused(core, index)) return;
  enqueue(core, core.read(new HostView(core).vcpuAddress(index) + core.layout.VCPU_PCPU), index);
}
