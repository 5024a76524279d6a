/** hvm_op(command, argument): xen/include/public/hvm/hvm_op.h and params.h, for the guest itself. */
import { EFAULT, EINVAL, ENOSYS, EPERM, ESRCH } from './errno.js';
import { assertUpcall } from './event-channel.js';
import type { Guest, Verdict } from './guest.js';

const SET_PARAM = 0;
const GET_PARAM = 1;
const CALLBACK_IRQ = 0;
const NR_PARAMS = 39;
/** CALLBACK_IRQ: bits 63:56 say how upcalls arrive; here by a vector of the guest's IDT, or (0) not at all. */
const VIA_VECTOR = 2;
const FIRST_VECTOR = 0x10;

/** {u16 domid; u32 index; u64 value}. */
export function hvmOp(guest: Guest): Verdict {
  const { vcpu, scratch, core, domain, index } = guest;
  const command = vcpu.ebx;
  if (command !== SET_PARAM && command !== GET_PARAM) return guest.finish(-ENOSYS);
  if (!guest.fetch(vcpu.ecx, 16)) return guest.finish(-EFAULT);
  const named = guest.named(scratch.getUint16(0, true));
  if (named < 0) return guest.finish(-ESRCH);
  if (named !== index) return guest.finish(-EPERM);
  const param = scratch.getUint32(4, true);
  if (param >= NR_PARAMS) return guest.finish(-EINVAL);
  const at = domain.base + core.layout.DOMAIN_CALLBACK_VECTOR;
  if (command === GET_PARAM) {
    const vector = param === CALLBACK_IRQ ? core.read(at) : 0;
    scratch.setUint32(8, vector, true);
    scratch.setUint32(12, vector === 0 ? 0 : VIA_VECTOR << 24, true);
    return guest.finish(guest.put(vcpu.ecx + 8, 8, 8) ? 0 : -EFAULT);
  }
  // The others are the toolstack's.
  if (param !== CALLBACK_IRQ) return guest.finish(-EPERM);
  const low = scratch.getUint32(8, true);
  const high = scratch.getUint32(12, true);
  const off = low === 0 && high === 0;
  if (!off && (high !== VIA_VECTOR << 24 || low < FIRST_VECTOR || low > 0xff)) return guest.finish(-EINVAL);
  if (!guest.hooks.check('control', index)) return guest.finish(-EPERM);
  core.write(at, low);
  assertUpcall(core, domain.base);
  return guest.finish(0);
}
