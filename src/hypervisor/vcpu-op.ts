/** vcpu_op(command, vcpuid, argument): xen/include/public/vcpu.h. Domains have one vCPU, which is up. */
import { EEXIST, EFAULT, EINVAL, ENOENT, ENOSYS, EPERM, ETIME } from './errno.js';
import type { Guest, Verdict } from './guest.js';
import { cyclesOf, syncTimers } from './timers.js';

const IS_UP = 3;
const SET_PERIODIC_TIMER = 6;
const STOP_PERIODIC_TIMER = 7;
const SET_SINGLESHOT_TIMER = 8;
const STOP_SINGLESHOT_TIMER = 9;
const UP = 1;

const SSHOTTMR_FUTURE = 1; // fail if the time has passed
const LEAST_PERIOD = 1_000_000; // ns, as in Xen

export function vcpuOp(guest: Guest): Verdict {
  const { core, vcpu } = guest;
  const l = core.layout;
  guest.deadline = 0;
  if (vcpu.ecx !== 0) return guest.finish(-ENOENT);
  switch (vcpu.ebx) {
    case UP:
      return guest.finish(-EEXIST);
    case IS_UP:
      return guest.finish(1);
    case SET_PERIODIC_TIMER:
      return guest.finish(setPeriodic(guest));
    case SET_SINGLESHOT_TIMER:
      return guest.finish(setSingleshot(guest));
    case STOP_PERIODIC_TIMER:
    case STOP_SINGLESHOT_TIMER:
      if (!guest.hooks.check('control', guest.index)) return guest.finish(-EPERM);
      core.writeF64(vcpu.base + (vcpu.ebx === STOP_PERIODIC_TIMER ? l.VCPU_TIMER_NEXT : l.VCPU_TIMER_ONCE), 0);
      return guest.finish(0);
    default:
      return guest.finish(-ENOSYS);
  }
}

function u64(guest: Guest, at: number): number {
  return guest.scratch.getUint32(at, true) + guest.scratch.getUint32(at + 4, true) * 2 ** 32;
}

/** {u64 period_ns}. */
function setPeriodic(guest: Guest): number {
  const { core, vcpu } = guest;
  const l = core.layout;
  if (!guest.fetch(vcpu.edx, 8)) return -EFAULT;
  const ns = u64(guest, 0);
  if (ns < LEAST_PERIOD) return -EINVAL;
  if (!guest.hooks.check('control', guest.index)) return -EPERM;
  const period = cyclesOf(guest, ns);
  core.writeF64(vcpu.base + l.VCPU_TIMER_PERIOD, period);
  core.writeF64(vcpu.base + l.VCPU_TIMER_NEXT, guest.clock() + period);
  return 0;
}

/** {u64 timeout_abs_ns; u32 flags}: by system time, which is the domain's clock in nanoseconds. */
function setSingleshot(guest: Guest): number {
  const { core, vcpu } = guest;
  if (!guest.fetch(vcpu.edx, 12)) return -EFAULT;
  const deadline = cyclesOf(guest, u64(guest, 0));
  const flags = guest.scratch.getUint32(8, true);
  const clock = guest.clock();
  if (flags & SSHOTTMR_FUTURE && deadline < clock) return -ETIME;
  if (!guest.hooks.check('control', guest.index)) return -EPERM;
  core.writeF64(vcpu.base + core.layout.VCPU_TIMER_ONCE, Math.max(deadline, 1));
  syncTimers(guest, clock);
  return 0;
}
