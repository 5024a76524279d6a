/**
 * Event channels: a port is a bit of the guest's shared_info (assembly/device/event-channel.ts), and a channel says who may set
 * it. Xen's two-level ABI, xen/include/public/event_channel.h; here the channels, in event-channel-op.ts the hypercall.
 *
 * Ports of a domain lie in its slot (layout.ts, DOMAIN_EVTCHN). Peers on one pCPU touch each other's ports at once; those on
 * different pCPUs only between quanta.
 */
import type { Core } from '../machine/core.js';
import { HostView } from '../machine/views.js';
import { EVTCHN_MASK, EVTCHN_PENDING, EVTCHN_UPCALL_PENDING } from './shared-info.js';

// EVTCHNSTAT_*
export const CLOSED = 0;
export const UNBOUND = 1;
export const INTERDOMAIN = 2;
export const VIRQ = 4;
export const IPI = 5;

/** Of the whole host, for privileged domains: a domain has ended. */
export const VIRQ_DOM_EXC = 3;
export const NO_PORT = 0;

/** The address of a domain's port, or 0 if there is no such port. */
export function portAddress(core: Core, domain: number, port: number): number {
  const l = core.layout;
  return port > 0 && port < l.EVTCHN_PORTS ? domain + l.DOMAIN_EVTCHN + port * l.EVTCHN_SIZE : 0;
}

export function portState(core: Core, p: number): number {
  return core.u16[(p + core.layout.EVTCHN_STATE) >>> 1]!;
}

/** Takes the first closed port of a domain, as Xen does; NO_PORT if all are in use. */
export function takePort(core: Core, domain: number, state: number, remoteDomain: number, remotePort: number): number {
  const l = core.layout;
  for (let port = 1; port < l.EVTCHN_PORTS; port++) {
    const p = portAddress(core, domain, port);
    if (portState(core, p) !== CLOSED) continue;
    setPort(core, p, state, remoteDomain, remotePort);
    const used = domain + l.DOMAIN_EVTCHN_PORTS;
    core.write(used, Math.max(core.read(used), port + 1));
    return port;
  }
  return NO_PORT;
}

export function setPort(core: Core, p: number, state: number, remoteDomain: number, remotePort: number): void {
  const l = core.layout;
  core.u16[(p + l.EVTCHN_STATE) >>> 1] = state;
  core.u16[(p + l.EVTCHN_VIRQ) >>> 1] = 0;
  core.write(p + l.EVTCHN_REMOTE_DOMAIN, remoteDomain);
  core.write(p + l.EVTCHN_REMOTE_PORT, remotePort);
}

/** The port to which a virtual interrupt is bound, or NO_PORT. */
export function virqPort(core: Core, domain: number, virq: number): number {
  return core.call.virqPort(domain, virq);
}

export function isPending(core: Core, domain: number, port: number): boolean {
  return core.call.eventPending(domain, port) !== 0;
}

/** Clears the port's pending bit and masks it, as closing does. */
export function quiesce(core: Core, domain: number, port: number): void {
  const shared = core.read(domain + core.layout.DOMAIN_SHARED_INFO);
  if (shared === 0) return;
  core.u8[shared + EVTCHN_PENDING + (port >>> 3)]! &= ~(1 << (port & 7));
  core.u8[shared + EVTCHN_MASK + (port >>> 3)]! |= 1 << (port & 7);
}

/** Sets a port pending at pCPU time `now`. A port that is pending already stays so: events are not counted. */
export function setPending(core: Core, domain: number, port: number, now: number): void {
  core.call.eventSet(domain, port, now);
}

/** Unmasks a port; what is pending is delivered. */
export function unmask(core: Core, domain: number, port: number, now: number): void {
  core.call.eventUnmask(domain, port, now);
}

/** Asserts INTR if an upcall is pending and there is a callback vector. */
export function assertUpcall(core: Core, domain: number): boolean {
  return core.call.upcallAssert(domain) !== 0;
}

/** Whether evtchn_upcall_pending is set. */
export function upcallPending(core: Core, domain: number): boolean {
  const shared = core.read(domain + core.layout.DOMAIN_SHARED_INFO);
  return shared !== 0 && core.u8[shared + EVTCHN_UPCALL_PENDING] !== 0;
}

/** Delivers what another pCPU's domain sent, between quanta. A channel that was closed meanwhile drops it. */
export function deliver(core: Core, from: number, fromPort: number, to: number, port: number): void {
  const l = core.layout;
  const host = new HostView(core);
  const domain = host.domainAddress(to);
  const p = portAddress(core, domain, port);
  if (core.read(domain + l.DOMAIN_STATE) !== 1 || portState(core, p) !== INTERDOMAIN) return;
  if (core.read(p + l.EVTCHN_REMOTE_DOMAIN) !== from || core.read(p + l.EVTCHN_REMOTE_PORT) !== fromPort) return;
  setPending(core, domain, port, core.readU64(host.pcpuAddress(core.read(domain + l.DOMAIN_PCPU)) + l.PCPU_TIME));
}

/** Raises a virtual interrupt of the whole host in every privileged domain that has bound it. Between quanta only. */
export function raiseGlobal(core: Core, virq: number): void {
  const l = core.layout;
  const host = new HostView(core);
  for (let index = 0; index < host.domains; index++) {
    const domain = host.domainAddress(index);
    if (core.read(domain + l.DOMAIN_STATE) !== 1 || core.read(domain + l.DOMAIN_PRIVILEGED) === 0) continue;
    const port = virqPort(core, domain, virq);
    if (port === NO_PORT) continue;
    setPending(core, domain, port, core.readU64(host.pcpuAddress(core.read(domain + l.DOMAIN_PCPU)) + l.PCPU_TIME));
  }
}

/** Closes a port; the other end of an interdomain channel, which must be reached, is unbound again. */
export function closePort(core: Core, index: number, port: number): void {
  const l = core.layout;
  const host = new HostView(core);
  const domain = host.domainAddress(index);
  const p = portAddress(core, domain, port);
  if (portState(core, p) === INTERDOMAIN) {
    const remote = host.domainAddress(core.read(p + l.EVTCHN_REMOTE_DOMAIN));
    const other = portAddress(core, remote, core.read(p + l.EVTCHN_REMOTE_PORT));
    setPort(core, other, UNBOUND, index, NO_PORT);
  }
  setPort(core, p, CLOSED, 0, NO_PORT);
  quiesce(core, domain, port);
}

/** Closes everything: a domain ends, or asks for it. All peers must be reached. */
export function closeAll(core: Core, index: number): void {
  const domain = new HostView(core).domainAddress(index);
  const used = domain + core.layout.DOMAIN_EVTCHN_PORTS;
  for (let port = 1; port < core.read(used); port++) {
    if (portState(core, portAddress(core, domain, port)) !== CLOSED) closePort(core, index, port);
  }
  core.write(used, 0);
}
