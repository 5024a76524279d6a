/**
 * domctl(op): xen/include/public/domctl.h of Xen 4.17, 32-bit structures. What a privileged domain does to others. Everything
 * waits for the quantum's end.
 *
 *      0 cmd   4 interface_version   8 domain   16 u: 128 bytes of the command
 */

import { DOMAIN_INFO_SIZE, putDomainInfo } from './domain-info.js';
import { EACCES, EFAULT, EINVAL, ENOSYS, EPERM, ESRCH } from './errno.js';
import { DEFER, type Guest, type Verdict } from './guest.js';
import { pauseDomain, unpauseDomain } from './pause.js';
import { getVcpuContext, getVcpuInfo, setVcpuContext } from './vcpu-context.js';

export const INTERFACE_VERSION = 0x15;
const HEADER = 16;
const UNION = 128;
const DOMAIN = 8;

// XEN_DOMCTL_*
const DESTROY_DOMAIN = 2;
const PAUSE_DOMAIN = 3;
const UNPAUSE_DOMAIN = 4;
const GET_DOMAIN_INFO = 5;
const SET_VCPU_CONTEXT = 12;
const GET_VCPU_CONTEXT = 13;
const GET_VCPU_INFO = 14;
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
  [SET_VCPU_CONTEXT, { run: setVcpuContext, others: true }],
  [GET_VCPU_CONTEXT, { run: getVcpuContext, others: true }],
  [GET_VCPU_INFO, { run: getVcpuInfo, answers: true }],
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
