/**
 * Xen's hypercalls, 32-bit HVM convention: number in EAX, arguments in EBX, ECX, EDX, ESI, EDI; result in EAX.
 * Numbers: xen/include/public/xen.h; errors: public/errno.h. One table, a free function per hypercall.
 */
import { XEN_VERSION } from './cpuid.js';
import { type Guest, RESUME, type Verdict, YIELD } from './guest.js';
import type { Outcome } from './types.js';

export const EPERM = 1;
export const EFAULT = 14;
export const EINVAL = 22;
export const ENOSYS = 38;

export const HYPERVISOR_XEN_VERSION = 17;
export const HYPERVISOR_CONSOLE_IO = 18;
export const HYPERVISOR_SCHED_OP = 29;

// public/xen.h, CONSOLEIO_*
const CONSOLEIO_WRITE = 0;
const CONSOLEIO_READ = 1;
/** Bytes per turn; the rest is done by executing the hypercall again, so that no guest holds its pCPU in one exit. */
const CONSOLE_CHUNK = 1024;

// public/sched.h, SCHEDOP_* and SHUTDOWN_*
const SCHEDOP_YIELD = 0;
const SCHEDOP_SHUTDOWN = 2;
const SHUTDOWN_REASONS = ['poweroff', 'reboot', 'suspend', 'crash', 'watchdog'] as const;

// public/version.h, XENVER_*
const XENVER_VERSION = 0;
const XENVER_PAGESIZE = 7;

type Hypercall = (guest: Guest) => Verdict;

const HYPERCALLS: ReadonlyMap<number, Hypercall> = new Map([
  [HYPERVISOR_XEN_VERSION, xenVersion],
  [HYPERVISOR_CONSOLE_IO, consoleIo],
  [HYPERVISOR_SCHED_OP, schedOp],
]);

/** Handles a VMCALL; EIP moves on unless the hypercall is to be continued. */
export function hypercall(guest: Guest): Verdict {
  // Only the guest's kernel may call: Xen, xen/arch/x86/hvm/hypercall.c refuses ring 3 with EPERM.
  if (guest.vcpu.cpl !== 0) return finish(guest, -EPERM);
  const handler = HYPERCALLS.get(guest.vcpu.eax);
  return handler === undefined ? finish(guest, -ENOSYS) : handler(guest);
}

function finish(guest: Guest, result: number): Verdict {
  guest.vcpu.eax = result;
  guest.advance();
  return RESUME;
}

/** The u32 at a guest-linear address, or −1 if a byte of it is not mapped. */
function peekU32(guest: Guest, linear: number): number {
  let value = 0;
  for (let i = 0; i < 4; i++) {
    const byte = guest.core.call.peekU8(guest.vcpu.base, (linear + i) >>> 0);
    if (byte < 0) return -1;
    value += byte * 2 ** (8 * i);
  }
  return value;
}

function xenVersion(guest: Guest): Verdict {
  if (guest.vcpu.ebx === XENVER_VERSION) return finish(guest, XEN_VERSION);
  if (guest.vcpu.ebx === XENVER_PAGESIZE) return finish(guest, guest.core.layout.PAGE_SIZE);
  return finish(guest, -ENOSYS);
}

/** console_io(cmd, count, buffer). */
function consoleIo(guest: Guest): Verdict {
  const { core, vcpu } = guest;
  if (vcpu.ebx === CONSOLEIO_READ) return finish(guest, 0); // nothing is ever waiting: input arrives at the UART
  if (vcpu.ebx !== CONSOLEIO_WRITE) return finish(guest, -ENOSYS);
  const count = vcpu.ecx;
  const buffer = vcpu.edx;
  const n = Math.min(count, CONSOLE_CHUNK);
  guest.makeRoom(n);
  if (core.call.consoleWrite(guest.domain.base, vcpu.base, buffer, n) !== n) return finish(guest, -EFAULT);
  if (n === count) return finish(guest, 0);
  vcpu.ecx = count - n;
  vcpu.edx = (buffer + n) >>> 0;
  return RESUME;
}

/** sched_op(cmd, argument). */
function schedOp(guest: Guest): Verdict {
  const command = guest.vcpu.ebx;
  if (command === SCHEDOP_YIELD) {
    finish(guest, 0);
    return YIELD;
  }
  if (command !== SCHEDOP_SHUTDOWN) return finish(guest, -ENOSYS);
  const code = peekU32(guest, guest.vcpu.ecx);
  if (code < 0) return finish(guest, -EFAULT);
  const outcome: Outcome = { kind: 'shutdown', code, reason: SHUTDOWN_REASONS[code] ?? 'other' };
  guest.core.write(guest.domain.base + guest.core.layout.DOMAIN_SHUTDOWN_REASON, code);
  return guest.end(outcome);
}
