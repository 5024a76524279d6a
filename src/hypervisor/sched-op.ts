/** sched_op(command, argument): xen/include/public/sched.h. */
import { EFAULT, EINVAL, ENOSYS, EPERM, ESRCH } from './errno.js';
import { isPending, upcallPending } from './event-channel.js';
import { BLOCK, DEFER, type Guest, type Verdict, YIELD } from './guest.js';
import { EVTCHN_UPCALL_MASK } from './shared-info.js';
import { cyclesOf, syncTimers } from './timers.js';

const SCHEDOP_YIELD = 0;
const SCHEDOP_BLOCK = 1;
const SCHEDOP_SHUTDOWN = 2;
const SCHEDOP_POLL = 3;
const SCHEDOP_REMOTE_SHUTDOWN = 4;
const SHUTDOWN_REASONS = ['poweroff', 'reboot', 'suspend', 'crash', 'watchdog'] as const;
const MAX_POLLED = 128;

export function schedOp(guest: Guest): Verdict {
  switch (guest.vcpu.ebx) {
    case SCHEDOP_YIELD:
      guest.finish(0);
      return YIELD;
    case SCHEDOP_BLOCK:
      return block(guest);
    case SCHEDOP_SHUTDOWN:
      return shutdown(guest);
    case SCHEDOP_POLL:
      return poll(guest);
    case SCHEDOP_REMOTE_SHUTDOWN:
      return remoteShutdown(guest);
    default:
      return guest.finish(-ENOSYS);
  }
}

/** Whether something waits that ends a wait. */
function interrupted(guest: Guest): boolean {
  const { core, vcpu, domain } = guest;
  return core.call.interruptPending(vcpu.base) !== 0 || upcallPending(core, domain.base);
}

/** Unmasks upcalls and waits for one. */
function block(guest: Guest): Verdict {
  const { core, vcpu, domain } = guest;
  const l = core.layout;
  const shared = core.read(domain.base + l.DOMAIN_SHARED_INFO);
  if (shared !== 0) core.u8[shared + EVTCHN_UPCALL_MASK] = 0;
  syncTimers(guest, guest.clock());
  guest.finish(0);
  if (interrupted(guest)) return YIELD;
  core.write(vcpu.base + l.VCPU_POLL_PORT, l.POLL_UPCALL);
  core.writeF64(vcpu.base + l.VCPU_POLL_END, 0);
  return BLOCK;
}

/** {u32 reason}. */
function shutdown(guest: Guest): Verdict {
  if (!guest.fetch(guest.vcpu.ecx, 4)) return guest.finish(-EFAULT);
  const code = guest.scratch.getUint32(0, true);
  if (!guest.hooks.check('destroy', guest.index)) return guest.finish(-EPERM);
  guest.core.write(guest.domain.base + guest.core.layout.DOMAIN_SHUTDOWN_REASON, code);
  return guest.end({ kind: 'shutdown', code, reason: SHUTDOWN_REASONS[code] ?? 'other' });
}

/** {u16 domain_id; u32 reason}: a privileged domain shuts another one down. */
function remoteShutdown(guest: Guest): Verdict {
  if (!guest.serial) return DEFER;
  if (!guest.fetch(guest.vcpu.ecx, 8)) return guest.finish(-EFAULT);
  const domid = guest.scratch.getUint16(0, true);
  const code = guest.scratch.getUint32(4, true);
  if (domid >= guest.host.domains || domid === guest.index || !guest.alive(domid)) return guest.finish(-ESRCH);
  if (!guest.privileged || !guest.hooks.check('destroy', guest.index, domid)) return guest.finish(-EPERM);
  guest.registry!.end(domid, { kind: 'shutdown', code, reason: SHUTDOWN_REASONS[code] ?? 'other' });
  return guest.finish(0);
}

/** {ports; u32 nr_ports; u64 timeout}: waits until one of the ports is pending, masked or not. Timeout 0: no end. */
function poll(guest: Guest): Verdict {
  const { core, vcpu, domain, scratch } = guest;
  const l = core.layout;
  if (!guest.fetch(vcpu.ecx, 16)) return guest.finish(-EFAULT);
  const list = scratch.getUint32(0, true);
  const n = scratch.getUint32(4, true);
  const timeout = scratch.getUint32(8, true) + scratch.getUint32(12, true) * 2 ** 32;
  if (n > MAX_POLLED) return guest.finish(-EINVAL);
  if (!guest.fetch(list, 4 * n, 64)) return guest.finish(-EFAULT);
  const clock = guest.clock();
  syncTimers(guest, clock);
  let pending = interrupted(guest);
  for (let i = 0; i < n; i++) {
    const port = scratch.getUint32(64 + 4 * i, true);
    if (port === 0 || port >= l.EVTCHN_PORTS) return guest.finish(-EINVAL);
    if (isPending(core, domain.base, port)) pending = true;
  }
  const end = timeout === 0 ? 0 : Math.max(1, cyclesOf(guest, timeout));
  guest.finish(0);
  if (pending || (end !== 0 && end <= clock)) return YIELD;
  core.write(vcpu.base + l.VCPU_POLL_PORT, n === 1 ? scratch.getUint32(64, true) : l.POLL_ANY);
  core.writeF64(vcpu.base + l.VCPU_POLL_END, end);
  return BLOCK;
}
