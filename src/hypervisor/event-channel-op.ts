/**
 * event_channel_op(command, argument): xen/include/public/event_channel.h, 32-bit structures.
 * What reaches a domain of another pCPU, or needs a frame for shared_info, is deferred to the quantum's end; only `send`
 * never waits: its event is queued.
 */
import type { Core } from '../machine/core.js';
import { HostView } from '../machine/views.js';
import { EEXIST, EFAULT, EINVAL, ENOENT, ENOSPC, ENOSYS, EPERM, ESRCH } from './errno.js';
import {
  CLOSED,
  closeAll,
  closePort,
  INTERDOMAIN,
  IPI,
  NO_PORT,
  portAddress,
  portState,
  setPending,
  setPort,
  takePort,
  UNBOUND,
  unmask,
  VIRQ,
  VIRQ_DOM_EXC,
  virqPort,
} from './event-channel.js';
import { DEFER, DEFERRED, DOMID_SELF, type Guest, type Verdict } from './guest.js';
import { makeSharedInfo } from './shared-info.js';

const NR_VIRQS = 24;
/** Virtual interrupts per vCPU that a domain without privilege may bind: VIRQ_TIMER, VIRQ_DEBUG, VIRQ_XENOPROF. */
const VCPU_VIRQS = [0, 1, 7];

interface Command {
  /** Bytes of the structure. */
  readonly size: number;
  /** Bytes at `out` that go back to the guest on success. */
  readonly out: number;
  readonly bytes: number;
  /** Zero, a negative error, or DEFERRED. */
  readonly run: (guest: Guest) => number;
  /** The command makes a port, so the domain must have its shared_info. */
  readonly opens?: true;
}

const COMMANDS: readonly (Command | undefined)[] = [
  { size: 12, out: 8, bytes: 4, run: bindInterdomain, opens: true }, // 0
  { size: 12, out: 8, bytes: 4, run: bindVirq, opens: true }, //        1
  undefined, //                                                         2 bind_pirq: there are no physical interrupts
  { size: 4, out: 0, bytes: 0, run: close }, //                         3
  { size: 4, out: 0, bytes: 0, run: send }, //                          4
  { size: 24, out: 8, bytes: 16, run: status }, //                      5
  { size: 8, out: 4, bytes: 4, run: allocUnbound, opens: true }, //     6
  { size: 8, out: 4, bytes: 4, run: bindIpi, opens: true }, //          7
  { size: 8, out: 0, bytes: 0, run: bindVcpu }, //                      8
  { size: 4, out: 0, bytes: 0, run: unmaskPort }, //                    9
  { size: 2, out: 0, bytes: 0, run: reset }, //                        10
];

export function eventChannelOp(guest: Guest): Verdict {
  const { vcpu, core, domain } = guest;
  const command = COMMANDS[vcpu.ebx];
  if (command === undefined) return guest.finish(-ENOSYS);
  if (!guest.fetch(vcpu.ecx, command.size)) return guest.finish(-EFAULT);
  if (command.opens && core.read(domain.base + core.layout.DOMAIN_SHARED_INFO) === 0) {
    if (!guest.serial) return DEFER;
    if (!ensureSharedInfo(core, guest.index)) return guest.finish(-ENOSPC);
  }
  const result = command.run(guest);
  if (result === DEFERRED) return DEFER;
  // Xen leaves the channel bound when the answer cannot be written; here a port that nobody learns of is closed again.
  if (result === 0 && command.bytes > 0 && !guest.put(vcpu.ecx + command.out, command.bytes, command.out)) {
    if (command.opens) closePort(core, guest.index, guest.scratch.getUint32(command.out, true));
    return guest.finish(-EFAULT);
  }
  return guest.finish(result);
}

/** Gives a domain its shared_info; only between quanta. */
export function ensureSharedInfo(core: Core, index: number): boolean {
  const l = core.layout;
  const domain = new HostView(core).domainAddress(index);
  const vcpu = core.read(domain + l.DOMAIN_VCPU);
  const phase = core.readU64(vcpu + l.VCPU_TSC_BASE) - core.readF64(vcpu + l.VCPU_IDLE);
  return makeSharedInfo(core, domain, index, phase);
}

/** The guest's own open port whose number lies at `at` of the argument, or 0. */
function own(guest: Guest, at: number): number {
  const p = portAddress(guest.core, guest.domain.base, guest.scratch.getUint32(at, true));
  return p !== 0 && portState(guest.core, p) !== CLOSED ? p : 0;
}

function answer(guest: Guest, at: number, port: number): number {
  if (port === NO_PORT) return -ENOSPC;
  guest.scratch.setUint32(at, port, true);
  return 0;
}

/** {u16 dom; u16 remote_dom; OUT u32 port}: only for itself. */
function allocUnbound(guest: Guest): number {
  const { scratch, core, domain, index } = guest;
  const dom = scratch.getUint16(0, true);
  if (dom !== DOMID_SELF && dom !== index) return guest.named(dom) < 0 ? -ESRCH : -EPERM;
  const remote = scratch.getUint16(2, true);
  const peer = guest.named(remote);
  if (!guest.hooks.check('channel', index, peer < 0 ? index : peer)) return -EPERM;
  return answer(guest, 4, takePort(core, domain.base, UNBOUND, peer < 0 ? remote : peer, NO_PORT));
}

/** {u16 remote_dom; u32 remote_port; OUT u32 local_port}. */
function bindInterdomain(guest: Guest): number {
  const { scratch, core, domain, host, index } = guest;
  const l = core.layout;
  const remote = guest.named(scratch.getUint16(0, true));
  if (remote < 0) return -ESRCH;
  if (!guest.reaches(remote)) return DEFERRED;
  if (!guest.alive(remote)) return -ESRCH;
  const remotePort = scratch.getUint32(4, true);
  const p = portAddress(core, host.domainAddress(remote), remotePort);
  if (p === 0 || portState(core, p) !== UNBOUND) return -EINVAL;
  if (core.read(p + l.EVTCHN_REMOTE_DOMAIN) !== index) return -EINVAL;
  if (!guest.hooks.check('channel', index, remote)) return -EPERM;
  const port = takePort(core, domain.base, INTERDOMAIN, remote, remotePort);
  if (port === NO_PORT) return -ENOSPC;
  setPort(core, p, INTERDOMAIN, index, port);
  // An event may have been sent before there was a peer.
  setPending(core, domain.base, port, guest.now());
  return answer(guest, 8, port);
}

/** {u32 virq; u32 vcpu; OUT u32 port}. */
function bindVirq(guest: Guest): number {
  const { scratch, core, domain, index } = guest;
  const virq = scratch.getUint32(0, true);
  if (virq >= NR_VIRQS) return -EINVAL;
  if (!VCPU_VIRQS.includes(virq) && !(virq === VIRQ_DOM_EXC && guest.privileged)) return -EPERM;
  if (scratch.getUint32(4, true) !== 0) return -ENOENT;
  if (virqPort(core, domain.base, virq) !== NO_PORT) return -EEXIST;
  if (!guest.hooks.check('channel', index)) return -EPERM;
  const port = takePort(core, domain.base, VIRQ, index, NO_PORT);
  if (port === NO_PORT) return -ENOSPC;
  core.u16[(portAddress(core, domain.base, port) + core.layout.EVTCHN_VIRQ) >>> 1] = virq;
  return answer(guest, 8, port);
}

/** {u32 vcpu; OUT u32 port}. */
function bindIpi(guest: Guest): number {
  const { scratch, core, domain, index } = guest;
  if (scratch.getUint32(0, true) !== 0) return -ENOENT;
  if (!guest.hooks.check('channel', index)) return -EPERM;
  return answer(guest, 4, takePort(core, domain.base, IPI, index, NO_PORT));
}

/** {u32 port; u32 vcpu}: there is one vCPU. */
function bindVcpu(guest: Guest): number {
  if (guest.scratch.getUint32(4, true) !== 0) return -ENOENT;
  return own(guest, 0) === 0 ? -EINVAL : 0;
}

/** {u32 port}. */
function close(guest: Guest): number {
  const { core, index, scratch } = guest;
  const p = own(guest, 0);
  if (p === 0) return -EINVAL;
  if (portState(core, p) === INTERDOMAIN && !guest.reaches(core.read(p + core.layout.EVTCHN_REMOTE_DOMAIN))) {
    return DEFERRED;
  }
  closePort(core, index, scratch.getUint32(0, true));
  return 0;
}

/** {u32 port}. An unbound channel drops the event, as Xen does. */
function send(guest: Guest): number {
  const { core, host, domain, index, scratch } = guest;
  const l = core.layout;
  const p = own(guest, 0);
  if (p === 0) return -EINVAL;
  const state = portState(core, p);
  if (state === VIRQ) return -EINVAL;
  const port = scratch.getUint32(0, true);
  const remote = state === INTERDOMAIN ? core.read(p + l.EVTCHN_REMOTE_DOMAIN) : index;
  if (!guest.hooks.check('send', index, remote)) return -EPERM;
  if (state === IPI) setPending(core, domain.base, port, guest.now());
  if (state !== INTERDOMAIN) return 0;
  const remotePort = core.read(p + l.EVTCHN_REMOTE_PORT);
  if (guest.reaches(remote)) {
    if (guest.alive(remote)) setPending(core, host.domainAddress(remote), remotePort, guest.now());
  } else if (!guest.sends.some((s) => s.from === index && s.fromPort === port)) {
    // Events of one channel in one quantum are one event.
    guest.sends.push({ from: index, fromPort: port, to: remote, port: remotePort });
  }
  return 0;
}

/** {u16 dom; u32 port; OUT u32 status; u32 vcpu; union}. */
function status(guest: Guest): number {
  const { scratch, core, domain, index } = guest;
  const l = core.layout;
  const dom = scratch.getUint16(0, true);
  if (dom !== DOMID_SELF && dom !== index) return guest.named(dom) < 0 ? -ESRCH : -EPERM;
  const p = portAddress(core, domain.base, scratch.getUint32(4, true));
  if (p === 0) return -EINVAL;
  const state = portState(core, p);
  for (let at = 8; at < 24; at += 4) scratch.setUint32(at, 0, true);
  scratch.setUint32(8, state, true);
  if (state === UNBOUND || state === INTERDOMAIN) scratch.setUint16(16, core.read(p + l.EVTCHN_REMOTE_DOMAIN), true);
  if (state === INTERDOMAIN) scratch.setUint32(20, core.read(p + l.EVTCHN_REMOTE_PORT), true);
  if (state === VIRQ) scratch.setUint32(16, core.u16[(p + l.EVTCHN_VIRQ) >>> 1]!, true);
  return 0;
}

/** {u32 port}. */
function unmaskPort(guest: Guest): number {
  if (own(guest, 0) === 0) return -EINVAL;
  unmask(guest.core, guest.domain.base, guest.scratch.getUint32(0, true), guest.now());
  return 0;
}

/** {u16 dom}: closes all ports. */
function reset(guest: Guest): number {
  const { core, domain, index } = guest;
  const l = core.layout;
  const dom = guest.scratch.getUint16(0, true);
  if (dom !== DOMID_SELF && dom !== index) return guest.named(dom) < 0 ? -ESRCH : -EPERM;
  for (let port = core.read(domain.base + l.DOMAIN_EVTCHN_PORTS) - 1; port > 0; port--) {
    const p = portAddress(core, domain.base, port);
    if (portState(core, p) !== INTERDOMAIN) continue;
    if (!guest.reaches(core.read(p + l.EVTCHN_REMOTE_DOMAIN))) return DEFERRED;
  }
  closeAll(core, index);
  return 0;
}
