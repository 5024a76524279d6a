/** xen_version(command, argument): xen/include/public/version.h and features.h. */
import { XEN_VERSION } from './cpuid.js';
import { EFAULT, EINVAL, ENOSYS } from './errno.js';
import type { Guest, Verdict } from './guest.js';

const VERSION = 0;
const EXTRAVERSION = 1; // char[16]
const CAPABILITIES = 3; // char[1024]
const GET_FEATURES = 6; // {u32 submap_idx; OUT u32 submap}
const PAGESIZE = 7;

// XENFEAT_* of submap 0
const AUTO_TRANSLATED_PHYSMAP = 1 << 2;
const HVM_CALLBACK_VECTOR = 1 << 8;
const HVM_SAFE_PVCLOCK = 1 << 9;
const FEATURES = AUTO_TRANSLATED_PHYSMAP | HVM_CALLBACK_VECTOR | HVM_SAFE_PVCLOCK;

export function xenVersion(guest: Guest): Verdict {
  const { vcpu } = guest;
  switch (vcpu.ebx) {
    case VERSION:
      return guest.finish(XEN_VERSION);
    case PAGESIZE:
      return guest.finish(guest.core.layout.PAGE_SIZE);
    case EXTRAVERSION:
      return guest.finish(putText(guest, '.0-ringfence', 16));
    case CAPABILITIES:
      return guest.finish(putText(guest, 'hvm-3.0-x86_32 ', 1024));
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

function features(guest: Guest): number {
  const { vcpu, scratch } = guest;
  if (!guest.fetch(vcpu.ecx, 8)) return -EFAULT;
  if (scratch.getUint32(0, true) !== 0) return -EINVAL;
  scratch.setUint32(4, FEATURES, true);
  return guest.put(vcpu.ecx + 4, 4, 4) ? 0 : -EFAULT;
}
