/**
 * sysctl(op): xen/include/public/sysctl.h of Xen 4.17, 32-bit structures. What a privileged domain asks of the host.
 *
 *      0 cmd   4 interface_version   8 u: 128 bytes of the command
 */
import { DOMAIN_INFO_SIZE, putDomainInfo } from './domain-info.js';
import { firstFrom } from './domctl.js';
import { EACCES, EFAULT, ENOSYS, EPERM } from './errno.js';
import { DEFER, type Guest, type Verdict } from './guest.js';

const INTERFACE_VERSION = 0x15;
const HEADER = 8;
const UNION = 128;

const COMMANDS: ReadonlyMap<number, (guest: Guest) => number> = new Map([
  [3, physinfo],
  [6, domainInfoList],
]);

/** Errors in Xen's order: −EFAULT, −EACCES (version), −EPERM, −ENOSYS. */
export function sysctl(guest: Guest): Verdict {
  if (!guest.serial) return DEFER;
  return guest.finish(run(guest));
}

function run(guest: Guest): number {
  const at = guest.vcpu.ebx;
  if (!guest.fetch(at, HEADER + UNION)) return -EFAULT;
  if (guest.scratch.getUint32(4, true) !== INTERFACE_VERSION) return -EACCES;
  if (!guest.privileged) return -EPERM;
  const command = COMMANDS.get(guest.scratch.getUint32(0, true));
  if (command === undefined) return -ENOSYS;
  if (!guest.hooks.check('control', guest.index)) return -EPERM;
  const result = command(guest);
  return result === 0 && !guest.put(at, HEADER + UNION) ? -EFAULT : result;
}

const CAPABILITY_HVM = 1 << 0;
const CAPABILITY_HAP = 1 << 3;
const CAPABILITY_GNTTAB_V1 = 1 << 8;

/** {threads_per_core … hw_cap[8]}: one core per socket, one node. */
function physinfo({ scratch, host }: Guest): number {
  for (let at = HEADER; at < HEADER + UNION; at += 4) scratch.setUint32(at, 0, true);
  const words: readonly number[] = [1, 1, host.pcpus, host.pcpus - 1, 1, 0, Math.floor(host.frequencyHz / 1000)];
  for (const [i, word] of words.entries()) scratch.setUint32(HEADER + 4 * i, word, true);
  scratch.setUint32(HEADER + 28, CAPABILITY_HVM | CAPABILITY_HAP | CAPABILITY_GNTTAB_V1, true);
  scratch.setUint32(HEADER + 40, host.frames, true); // total_pages
  scratch.setUint32(HEADER + 48, host.freeFrames, true);
  scratch.setUint32(HEADER + 72, host.frames - 1, true); // max_mfn
  return 0;
}

const INFO = 256; // of the scratch area

/** {u16 first_domain; u32 max_domains; u64 buffer; OUT u32 num_domains}. */
function domainInfoList(guest: Guest): number {
  const { scratch } = guest;
  const room = scratch.getUint32(HEADER + 4, true);
  const buffer = scratch.getUint32(HEADER + 8, true);
  if (scratch.getUint32(HEADER + 12, true) !== 0) return -EFAULT;
  let n = 0;
  let index = firstFrom(guest, scratch.getUint16(HEADER, true));
  for (; index >= 0 && n < room; n++, index = firstFrom(guest, index + 1)) {
    for (let at = 0; at < DOMAIN_INFO_SIZE; at += 4) scratch.setUint32(INFO + at, 0, true);
    putDomainInfo(guest, index, INFO);
    if (!guest.put(buffer + n * DOMAIN_INFO_SIZE, DOMAIN_INFO_SIZE, INFO)) return -EFAULT;
  }
  scratch.setUint32(HEADER + 16, n, true);
  return 0;
}
