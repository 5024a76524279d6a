/** xen_version(command, argument): xen/include/public/version.h and features.h. */
import { XEN_VERSION } from './cpuid.js';
import { EFAULT, EINVAL, ENODATA, ENOSYS, EPERM } from './errno.js';
import type { Guest, Verdict } from './guest.js';

const VERSION = 0;
const EXTRAVERSION = 1; // char[16]
const COMPILE_INFO = 2; // {char compiler[64], compile_by[16], compile_domain[32], compile_date[32]}
const CAPABILITIES = 3; // char[1024]
const CHANGESET = 4; // char[64]
const PLATFORM_PARAMETERS = 5; // {u32 virt_start}
const GET_FEATURES = 6; // {u32 submap_idx; OUT u32 submap}
const PAGESIZE = 7;
const GUEST_HANDLE = 8; // u8[16]
const COMMANDLINE = 9; // char[1024]
const BUILD_ID = 10;

// XENFEAT_* of submap 0
const AUTO_TRANSLATED_PHYSMAP = 1 << 2;
const HVM_CALLBACK_VECTOR = 1 << 8;
const HVM_SAFE_PVCLOCK = 1 << 9;
const FEATURES = AUTO_TRANSLATED_PHYSMAP | HVM_CALLBACK_VECTOR | HVM_SAFE_PVCLOCK;

/** Commands whose result is the same for everybody, and that result. */
export const VERSION_CONSTANTS: ReadonlyMap<number, number> = new Map([
  [VERSION, XEN_VERSION],
  [PAGESIZE, 4096],
]);

export function xenVersion(guest: Guest): Verdict {
  const { vcpu } = guest;
  const constant = VERSION_CONSTANTS.get(vcpu.ebx);
  if (constant !== undefined) return guest.finish(constant);
  switch (vcpu.ebx) {
    case EXTRAVERSION:
      return guest.finish(putText(guest, '.0-ringfence', 16));
    case CAPABILITIES:
      return guest.finish(putText(guest, 'hvm-3.0-x86_32 ', 1024));
    case COMPILE_INFO:
      return guest.finish(putText(guest, 'AssemblyScript', 144));
    case CHANGESET:
      return guest.finish(putText(guest, 'unavailable', 64));
    case PLATFORM_PARAMETERS:
      return guest.finish(putText(guest, '', 4)); // no part of a guest's address space is the hypervisor's
    case GUEST_HANDLE:
      return guest.finish(handle(guest));
    case COMMANDLINE: // as Xen: who may not know it gets this text
      return guest.finish(putText(guest, guest.privileged ? '' : '<denied>', 1024));
    case BUILD_ID:
      return guest.finish(guest.privileged ? -ENODATA : -EPERM);
    case GET_FEATURES:
      return guest.finish(features(guest));
    default:
      return guest.finish(-ENOSYS);
  }
}

function putText(guest: Guest, text: string, size: number): number {
  for (let i = 0; i < size; i++) guest.scratch.setUint8(i, text.charCodeAt(i) || 0);
  return guest.put(guest.vcpu.ecx, size) ? 0 : -EFAULT;
}

/** XEN_DOMCTL_setdomainhandle says what it is. */
function handle(guest: Guest): number {
  const { core, domain, scratch, vcpu } = guest;
  for (let i = 0; i < 16; i++) scratch.setUint8(i, core.u8[domain.base + core.layout.DOMAIN_HANDLE + i]!);
  return guest.put(vcpu.ecx, 16) ? 0 : -EFAULT;
}

function features(guest: Guest): number {
  const { vcpu, scratch } = guest;
  if (!guest.fetch(vcpu.ecx, 8)) return -EFAULT;
  if (scratch.getUint32(0, true) !== 0) return -EINVAL;
  scratch.setUint32(4, FEATURES, true);
  return guest.put(vcpu.ecx + 4, 4, 4) ? 0 : -EFAULT;
}
