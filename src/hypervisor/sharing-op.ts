/**
 * memory_op(XENMEM_sharing_op, argument): xen/include/public/memory.h, struct xen_mem_sharing_op. Of its operations there are
 * those of forks; which pages of equal content are shared is the host's affair: page-sharing.ts.
 *
 *      0 u8 op   2 u16 domain   8 {u16 parent_domain; u16 flags; u32 pad}   48
 */
import { EBUSY, EFAULT, EINVAL, ENODEV, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } from './errno.js';
import { releaseMemory } from './fork.js';
import { DEFER, type Guest, type Verdict } from './guest.js';

const SIZE = 48;
const OP_FORK = 9;
const OP_FORK_RESET = 10;
const WITH_IOMMU_ALLOWED = 1;
const BLOCK_INTERRUPTS = 2;
const RESET_STATE = 4;
const RESET_MEMORY = 8;

/** Errors in Xen's order: −EFAULT, −ESRCH, −EPERM (also for oneself), −ENODEV (no EPT), then the operation's own. */
export function sharingOp(guest: Guest): Verdict {
  return guest.serial ? guest.finish(run(guest)) : DEFER;
}

function run(guest: Guest): number {
  const { scratch, core, host } = guest;
  const l = core.layout;
  if (!guest.fetch(guest.vcpu.ecx, SIZE)) return -EFAULT;
  const child = scratch.getUint16(2, true);
  if (child >= host.domains || !guest.alive(child)) return -ESRCH;
  if (!guest.privileged || child === guest.index) return -EPERM;
  if (host.domain(child).eptp === 0) return -ENODEV;
  const flags = scratch.getUint16(10, true);
  const padded = scratch.getUint32(12, true) !== 0;
  switch (scratch.getUint8(0)) {
    case OP_FORK: {
      if (padded || (flags & ~(WITH_IOMMU_ALLOWED | BLOCK_INTERRUPTS)) !== 0) return -EINVAL;
      const result = fork(guest, child, scratch.getUint16(8, true));
      const blocks = result === 0 && (flags & BLOCK_INTERRUPTS) !== 0;
      if (blocks) core.write(host.domainAddress(child) + l.DOMAIN_BLOCKS_INTERRUPTS, 1);
      return result;
    }
    case OP_FORK_RESET:
      if (padded || flags === 0 || (flags & ~(RESET_STATE | RESET_MEMORY)) !== 0) return -EINVAL;
      if (core.read(host.domainAddress(child) + l.DOMAIN_PARENT) === 0) return -ENOSYS;
      if (flags !== (RESET_STATE | RESET_MEMORY)) return -EOPNOTSUPP; // one without the other
      if (!guest.hooks.check('control', guest.index, child)) return -EPERM;
      return guest.registry!.reset(child);
    default:
      return -ENOSYS;
  }
}

/** The child is a domain that was created, is paused, and has no memory yet. It stays paused. */
function fork(guest: Guest, child: number, parent: number): number {
  const { core, host } = guest;
  const l = core.layout;
  const d = host.domainAddress(child);
  if (parent >= host.domains || !guest.alive(parent)) return -ESRCH;
  if (parent === guest.index) return -EPERM;
  const pauses = core.read(d + l.DOMAIN_PAUSED);
  const used = host.domain(child).pages + core.read(d + l.DOMAIN_PARENT) + core.read(d + l.DOMAIN_EVTCHN_PORTS);
  if (pauses === 0 || used > 0) return -EBUSY;
  if (host.domain(parent).eptp === 0) return -EOPNOTSUPP;
  if (core.read(host.domainAddress(parent) + l.DOMAIN_PRIVILEGED) !== 0) return -EPERM;
  if (!guest.hooks.check('create', guest.index, parent)) return -EPERM;
  releaseMemory(core, child);
  const result = guest.registry!.fork(parent, { child, pauses });
  if (result >= 0) return 0;
  if (guest.registry!.lives(child)) guest.registry!.end(child, { kind: 'host-memory', address: 0 });
  return result;
}
