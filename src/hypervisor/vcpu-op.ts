/**
 * vcpu_op(command, vcpuid, argument): xen/include/public/vcpu.h; what is refused, and in which order, as in Xen's do_vcpu_op and
 * compat_vcpu_op (xen/common/domain.c, xen/arch/x86/domain.c). Domains have one vCPU, which is up and initialised.
 */
import { EEXIST, EFAULT, EINVAL, ENOENT, ENOSYS, EPERM, ETIME } from './errno.js';
import type { Guest, Verdict } from './guest.js';
import { cyclesOf, syncTimers } from './timers.js';

const INITIALISE = 0;
const UP = 1;
const DOWN = 2;
const IS_UP = 3;
const GET_RUNSTATE_INFO = 4;
const REGISTER_RUNSTATE_MEMORY_AREA = 5;
const SET_PERIODIC_TIMER = 6;
const STOP_PERIODIC_TIMER = 7;
const SET_SINGLESHOT_TIMER = 8;
const STOP_SINGLESHOT_TIMER = 9;
const GET_PHYSID = 12;

/** xen/include/public/hvm/hvm_vcpu.h: mode, pad, 120 bytes of registers. */
const HVM_CONTEXT_SIZE = 128;
const SSHOTTMR_FUTURE = 1; // fail if the time has passed
const LEAST_PERIOD = 1_000_000; // ns; the greatest is STIME_DELTA_MAX, 2^62 − 1

export function vcpuOp(guest: Guest): Verdict {
  const { core, vcpu } = guest;
  const l = core.layout;
  guest.deadline = 0;
  if (vcpu.ecx !== 0) return guest.finish(-ENOENT);
  switch (vcpu.ebx) {
    case INITIALISE: // struct vcpu_hvm_context
      return guest.finish(guest.fetch(vcpu.edx, HVM_CONTEXT_SIZE) ? -EEXIST : -EFAULT);
    case UP: // it is
      return guest.finish(0);
    case DOWN:
      return down(guest);
    case GET_RUNSTATE_INFO:
      core.call.runstateFill(vcpu.base);
      return guest.finish(guest.put(vcpu.edx, l.RUNSTATE_SIZE) ? 0 : -EFAULT);
    case REGISTER_RUNSTATE_MEMORY_AREA:
      return guest.finish(registerRunstate(guest));
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
    case GET_PHYSID: // of vCPUs that are pinned, those of the hardware domain
      return guest.finish(-EINVAL);
    default:
      return guest.finish(-ENOSYS);
  }
}

/** The domain's last vCPU goes down: the domain is off. */
function down(guest: Guest): Verdict {
  if (!guest.hooks.check('destroy', guest.index)) return guest.finish(-EPERM);
  guest.core.write(guest.domain.base + guest.core.layout.DOMAIN_SHUTDOWN_REASON, 0);
  return guest.end({ kind: 'shutdown', code: 0, reason: 'poweroff' });
}

/** {u32 addr}, of 32-bit guests: guest-linear. The area is written now, and whenever the vCPU has slept; one that is not mapped is no error. */
function registerRunstate(guest: Guest): number {
  const { core, vcpu } = guest;
  const l = core.layout;
  if (!guest.fetch(vcpu.edx, 4)) return -EFAULT;
  if (!guest.hooks.check('control', guest.index)) return -EPERM;
  core.write(vcpu.base + l.VCPU_RUNSTATE_AREA, guest.scratch.getUint32(0, true));
  core.call.runstateTell(vcpu.base);
  return 0;
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
  if (ns < LEAST_PERIOD || guest.scratch.getUint32(4, true) >>> 30 !== 0) return -EINVAL;
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
