/**
 * Xen's hypercalls, 32-bit HVM convention: number in EAX, arguments in EBX, ECX, EDX, ESI, EDI; result in EAX.
 * Numbers: xen/include/public/xen.h; errors: public/errno.h. One table, a free function per hypercall.
 */
import { domctl } from './domctl.js';
import { EFAULT, ENOSYS, EPERM } from './errno.js';
import { eventChannelOp } from './event-channel-op.js';
import { poolIsLow } from './fork.js';
import { grantTableOp } from './grant-table-op.js';
import { DEFER, type Guest, RESUME, type Verdict } from './guest.js';
import { hvmOp } from './hvm-op.js';
import { memoryOp } from './memory-op.js';
import { schedOp } from './sched-op.js';
import { sysctl } from './sysctl.js';
import { vcpuOp } from './vcpu-op.js';
import { xenVersion } from './version-op.js';

/** Numbers: public/xen.h, __HYPERVISOR_*. */
export const HYPERVISOR_MEMORY_OP = 12;
export const HYPERVISOR_XEN_VERSION = 17;
export const HYPERVISOR_CONSOLE_IO = 18;
export const HYPERVISOR_GRANT_TABLE_OP = 20;
export const HYPERVISOR_VCPU_OP = 24;
export const HYPERVISOR_SCHED_OP = 29;
export const HYPERVISOR_EVENT_CHANNEL_OP = 32;
export const HYPERVISOR_HVM_OP = 34;
export const HYPERVISOR_SYSCTL = 35;
export const HYPERVISOR_DOMCTL = 36;

// public/xen.h, CONSOLEIO_*
const CONSOLEIO_WRITE = 0;
const CONSOLEIO_READ = 1;
/** Bytes per turn; the rest is done by executing the hypercall again, so that no guest holds its pCPU in one exit. */
const CONSOLE_CHUNK = 1024;

type Hypercall = (guest: Guest) => Verdict;

const TABLE: readonly (readonly [number, Hypercall])[] = [
  [HYPERVISOR_MEMORY_OP, memoryOp],
  [HYPERVISOR_XEN_VERSION, xenVersion],
  [HYPERVISOR_CONSOLE_IO, consoleIo],
  [HYPERVISOR_GRANT_TABLE_OP, grantTableOp],
  [HYPERVISOR_VCPU_OP, vcpuOp],
  [HYPERVISOR_SCHED_OP, schedOp],
  [HYPERVISOR_EVENT_CHANNEL_OP, eventChannelOp],
  [HYPERVISOR_HVM_OP, hvmOp],
  [HYPERVISOR_SYSCTL, sysctl],
  [HYPERVISOR_DOMCTL, domctl],
];

/** The numbers of all hypercalls that there are, below 64. */
export const HYPERCALL_NUMBERS: readonly number[] = TABLE.map(([number]) => number);

/** By number. */
const HYPERCALLS: (Hypercall | undefined)[] = new Array<Hypercall | undefined>(64).fill(undefined);
for (const [number, handler] of TABLE) HYPERCALLS[number] = handler;

/**
 * Handles a VMCALL; EIP moves on unless the hypercall is to be continued. DEFER: nothing has been done yet, and the same
 * call is to be handled again between quanta.
 */
export function hypercall(guest: Guest): Verdict {
  // Only the guest's kernel may call: Xen, xen/arch/x86/hvm/hypercall.c refuses ring 3 with EPERM.
  if (guest.vcpu.cpl !== 0) return guest.finish(-EPERM);
  if (!guest.serial && poolIsLow(guest.core, guest.core.read(guest.vcpu.base + guest.core.layout.VCPU_PCPU)))
    return DEFER;
  const handler = HYPERCALLS[guest.vcpu.eax];
  return handler === undefined ? guest.finish(-ENOSYS) : handler(guest);
}

/** console_io(cmd, count, buffer). */
function consoleIo(guest: Guest): Verdict {
  const { core, vcpu } = guest;
  if (vcpu.ebx === CONSOLEIO_READ) return guest.finish(0); // nothing is ever waiting: input arrives at the UART
  if (vcpu.ebx !== CONSOLEIO_WRITE) return guest.finish(-ENOSYS);
  const count = vcpu.ecx;
  const buffer = vcpu.edx;
  const n = Math.min(count, CONSOLE_CHUNK);
  guest.makeRoom(n);
  if (core.call.consoleWrite(guest.domain.base, vcpu.base, buffer, n) !== n) return guest.finish(-EFAULT);
  if (n === count) return guest.finish(0);
  vcpu.ecx = count - n;
  vcpu.edx = (buffer + n) >>> 0;
  return RESUME;
}
