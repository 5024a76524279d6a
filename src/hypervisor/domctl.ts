/**
 * domctl(op): xen/include/public/domctl.h of Xen 4.17, 32-bit structures. What a privileged domain does to others. Everything
 * waits for the quantum's end.
 *
 *      0 cmd   4 interface_version   8 domain   16 u: 128 bytes of the command
 */

import { getCap, getWeight, setCap, setWeight } from './credit.js';
import { createEmptyDomain, MAX_MEMORY } from './domain.js';
import { DOMAIN_INFO_SIZE, putDomainInfo } from './domain-info.js';
import { EACCES, EEXIST, EFAULT, EINVAL, ENOMEM, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } from './errno.js';
import { DEFER, type Guest, type Verdict } from './guest.js';
import { pauseDomain, unpauseDomain } from './pause.js';
import { domainOf } from './physmap.js';
import { domainPhase } from './registry.js';
import type { DomainConfig } from './types.js';
import { getVcpuContext, getVcpuInfo, setVcpuContext } from './vcpu-context.js';

export const INTERFACE_VERSION = 0x15;
const HEADER = 16;
const UNION = 128;
const DOMAIN = 8;
const PAGE = 4096;

// XEN_DOMCTL_*
const CREATE_DOMAIN = 1;
const DESTROY_DOMAIN = 2;
const PAUSE_DOMAIN = 3;
const UNPAUSE_DOMAIN = 4;
const GET_DOMAIN_INFO = 5;
const MAX_MEM = 11;
const SET_VCPU_CONTEXT = 12;
const GET_VCPU_CONTEXT = 13;
const GET_VCPU_INFO = 14;
const MAX_VCPUS = 15;
const SCHEDULER_OP = 16;
const SET_DOMAIN_HANDLE = 17;

interface Command {
  /** Zero or a negative error; the argument is in the guest's scratch area. */
  readonly run: (guest: Guest, index: number) => number;
  /** The structure goes back to the guest. */
  readonly answers?: true;
  /** May not name the caller. */
  readonly others?: true;
}

const COMMANDS: ReadonlyMap<number, Command> = new Map<number, Command>([
  [DESTROY_DOMAIN, { run: destroy, others: true }],
  [PAUSE_DOMAIN, { run: pause, others: true }],
  [UNPAUSE_DOMAIN, { run: unpause }],
  [GET_DOMAIN_INFO, { run: info, answers: true }],
  [MAX_MEM, { run: maxMem }],
  [MAX_VCPUS, { run: maxVcpus, others: true }],
  [SET_VCPU_CONTEXT, { run: setVcpuContext, others: true }],
  [GET_VCPU_CONTEXT, { run: getVcpuContext, others: true }],
  [GET_VCPU_INFO, { run: getVcpuInfo, answers: true }],
  [SCHEDULER_OP, { run: schedulerOp, answers: true }],
  [SET_DOMAIN_HANDLE, { run: setHandle }],
]);

/** Errors in Xen's order: −EFAULT, −EACCES (version), −ESRCH, −EPERM, −ENOSYS, then the command's own. */
export function domctl(guest: Guest): Verdict {
  if (!guest.serial) return DEFER;
  return guest.finish(run(guest));
}

function run(guest: Guest): number {
  const { vcpu, scratch } = guest;
  const at = vcpu.ebx;
  if (!guest.fetch(at, HEADER + UNION)) return -EFAULT;
  if (scratch.getUint32(4, true) !== INTERFACE_VERSION) return -EACCES;
  const number = scratch.getUint32(0, true);
  const domid = scratch.getUint16(DOMAIN, true);
  if (number === CREATE_DOMAIN) return guest.privileged ? create(guest, domid) : -EPERM;
  // getdomaininfo is about the first domain from this id on.
  const index = number === GET_DOMAIN_INFO ? firstFrom(guest, domid) : domid < guest.host.domains ? domid : -1;
  if (index < 0 || !guest.alive(index)) return -ESRCH;
  if (!guest.privileged) return -EPERM;
  const command = COMMANDS.get(number);
  if (command === undefined) return -ENOSYS;
  if (command.others && index === guest.index) return -EINVAL;
  if (!guest.hooks.check(number === DESTROY_DOMAIN ? 'destroy' : 'control', guest.index, index)) return -EPERM;
  const result = command.run(guest, index);
  if (result === 0 && command.answers && !guest.put(at, HEADER + UNION)) return -EFAULT;
  return result;
}

/** The first living domain with an id of at least `domid`, or −1. */
export function firstFrom(guest: Guest, domid: number): number {
  for (let index = domid; index < guest.host.domains; index++) if (guest.alive(index)) return index;
  return -1;
}

// struct xen_domctl_createdomain
const HANDLE = HEADER + 4;
const FLAGS = HEADER + 20;
const VCPUS = HEADER + 28;
const CDF_HVM = 1 << 0;
const CDF_HAP = 1 << 1;
const CDF_KNOWN = 0xff;

/** What the results say of a domain that a domain made: its toolstack alone knows what runs in it. */
const EMPTY: DomainConfig = {
  name: '',
  image: new Uint8Array(),
  imageName: '',
  memoryBytes: 0,
  cmdline: '',
  translation: { kind: 'ept', pageSize: '4k', accessedDirty: true },
};

/**
 * {ssidref; handle; flags; iommu_opts; max_vcpus; …}: an empty domain, paused, in a spare slot of the host; a domain id of 0
 * leaves the choice to the hypervisor. Limits of ports and grants are the hypervisor's own; emulation flags are ignored.
 */
function create(guest: Guest, domid: number): number {
  const { core, host, scratch, registry } = guest;
  const flags = scratch.getUint32(FLAGS, true);
  if ((flags & ~CDF_KNOWN) !== 0 || (flags & CDF_HVM) === 0 || scratch.getUint32(VCPUS, true) !== 1) return -EINVAL;
  if ((flags & ~(CDF_HVM | CDF_HAP)) !== 0) return -EOPNOTSUPP;
  const slot = domid === 0 ? registry!.freeSlot() : domid;
  if (slot < 0) return -ENOMEM;
  if (!registry!.isFree(slot)) return slot < host.domains ? -EEXIST : -EINVAL;
  if (!guest.hooks.check('create', guest.index, slot)) return -EPERM;
  const handle = Array.from({ length: 16 }, (_, i) => scratch.getUint8(HANDLE + i));
  if (!createEmptyDomain(core, slot, slot % host.pcpus)) return -ENOMEM;
  const { name } = registry!.born(slot, { parent: guest.index, kind: 'domain', config: EMPTY });
  core.writeU64(host.vcpuAddress(slot) + core.layout.VCPU_TSC_BASE, domainPhase(registry!.seed, name));
  core.u8.set(handle, host.domainAddress(slot) + core.layout.DOMAIN_HANDLE);
  scratch.setUint16(DOMAIN, slot, true);
  if (guest.put(guest.vcpu.ebx, HEADER + UNION)) return 0;
  registry!.end(slot, { kind: 'destroyed', by: registry!.at(guest.index).name }); // nobody would know of it
  return -EFAULT;
}

/** {u64 max_memkb}: guest-physical memory, from 0 on. It never shrinks. */
function maxMem({ core, scratch }: Guest, index: number): number {
  const domain = domainOf(core, index);
  const bytes = (scratch.getUint32(HEADER, true) + scratch.getUint32(HEADER + 4, true) * 2 ** 32) * 1024;
  const memory = bytes - (bytes % PAGE);
  if (domain.eptp === 0) return -EOPNOTSUPP;
  if (memory < domain.memory || memory > MAX_MEMORY) return -EINVAL;
  core.write(domain.base + core.layout.DOMAIN_MEMORY, memory);
  return 0;
}

/** {u32 max}: every domain has the vCPUs that it was created with. */
function maxVcpus({ scratch }: Guest): number {
  return scratch.getUint32(HEADER, true) === 1 ? 0 : -EINVAL;
}

function destroy(guest: Guest, index: number): number {
  guest.registry!.end(index, { kind: 'destroyed', by: guest.registry!.at(guest.index).name });
  return 0;
}

function pause({ core }: Guest, index: number): number {
  pauseDomain(core, index);
  return 0;
}

function unpause({ core }: Guest, index: number): number {
  return unpauseDomain(core, index) ? 0 : -EINVAL;
}

/** {struct xen_domctl_getdomaininfo}. */
function info(guest: Guest, index: number): number {
  for (let at = HEADER; at < HEADER + DOMAIN_INFO_SIZE; at += 4) guest.scratch.setUint32(at, 0, true);
  putDomainInfo(guest, index, HEADER);
  guest.scratch.setUint16(DOMAIN, index, true);
  return 0;
}

/** {u8 handle[16]}. */
function setHandle({ core, host, scratch }: Guest, index: number): number {
  const at = host.domainAddress(index) + core.layout.DOMAIN_HANDLE;
  for (let i = 0; i < 16; i++) core.u8[at + i] = scratch.getUint8(HEADER + i);
  return 0;
}

const XEN_SCHEDULER_CREDIT2 = 6;
const PUT_INFO = 0;
const GET_INFO = 1;

/** {u32 sched_id; u32 cmd; u16 weight; u16 cap}: a weight of 0 leaves it as it is. */
function schedulerOp({ core, scratch }: Guest, index: number): number {
  const command = scratch.getUint32(HEADER + 4, true);
  if (scratch.getUint32(HEADER, true) !== XEN_SCHEDULER_CREDIT2) return -EINVAL;
  if (command === GET_INFO) {
    scratch.setUint16(HEADER + 8, getWeight(core, index), true);
    scratch.setUint16(HEADER + 10, getCap(core, index), true);
    return 0;
  }
  if (command !== PUT_INFO) return -EINVAL;
  const weight = scratch.getUint16(HEADER + 8, true);
  if (!setCap(core, index, scratch.getUint16(HEADER + 10, true))) return -EINVAL;
  return weight === 0 || setWeight(core, index, weight) ? 0 : -EINVAL;
}
