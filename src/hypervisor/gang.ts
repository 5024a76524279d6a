/**
 * Gangs: domains that share pages run on one pCPU, because what one writes the other must see in an order that does not
 * depend on host threads. A domain that maps a grant of a domain elsewhere moves there, with its gang. Between quanta only.
 */
import type { Core } from '../machine/core.js';
import { HostView } from '../machine/views.js';
import { changePcpu } from './credit.js';
import { park, unpark } from './run-queue.js';

/** The gang of a domain: the index of its first. */
export function gangOf(core: Core, index: number): number {
  return core.read(new HostView(core).domainAddress(index) + core.layout.DOMAIN_GANG);
}

/** Puts domain `joining` and its gang into the gang of domain `index`, and onto its pCPU. */
export function joinGang(core: Core, joining: number, index: number): void {
  const l = core.layout;
  const host = new HostView(core);
  const from = gangOf(core, joining);
  const to = gangOf(core, index);
  const pcpu = core.read(host.domainAddress(index) + l.DOMAIN_PCPU);
  if (from === to) return;
  for (let d = 0; d < host.domains; d++) {
    if (gangOf(core, d) !== from || core.read(host.domainAddress(d) + l.DOMAIN_STATE) === 0) continue;
    core.write(host.domainAddress(d) + l.DOMAIN_GANG, to);
    move(core, host, d, pcpu);
  }
}

/** Moves a domain's vCPU to another pCPU. Its TLB goes, as with any processor change: write tags are armed per pCPU. */
function move(core: Core, host: HostView, index: number, pcpu: number): void {
  const l = core.layout;
  const d = host.domainAddress(index);
  const v = core.read(d + l.DOMAIN_VCPU);
  const old = core.read(d + l.DOMAIN_PCPU);
  if (v === 0 || old === pcpu) return;
  core.call.smmLeave(host.pcpuAddress(old), index);
  const source = host.pcpuAddress(old);
  const target = host.pcpuAddress(pcpu);
  park(core, host, index);
  core.write(d + l.DOMAIN_PCPU, pcpu);
  core.write(v + l.VCPU_PCPU, target);
  core.call.flushAll(v);
  // No clock may run backwards: the later of the two pCPUs sets the time.
  const time = Math.max(core.readU64(source + l.PCPU_TIME), core.readU64(target + l.PCPU_TIME));
  core.writeU64(target + l.PCPU_TIME, time);
  changePcpu(core, d, source, target);
  unpark(core, index);
}
