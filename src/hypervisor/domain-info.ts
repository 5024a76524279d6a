/** struct xen_domctl_getdomaininfo, which domctl and sysctl fill: xen/include/public/domctl.h. */
import type { Core } from '../machine/core.js';
import type { Guest } from './guest.js';
import { isPaused } from './pause.js';
import { domainOf } from './physmap.js';

export const DOMAIN_INFO_SIZE = 112;

// XEN_DOMINF_*
const HVM_GUEST = 1 << 1;
const PAUSED = 1 << 3;
const BLOCKED = 1 << 4;
const RUNNING = 1 << 5;
const HAP = 1 << 8;

const PAGE = 4096;
const GPADDR_BITS = 32;
const NANOSECONDS = 1e9;

/** Fills the zeroed structure at `at` of the scratch area for the living domain `index`. */
export function putDomainInfo(guest: Guest, index: number, at: number): void {
  const { core, scratch } = guest;
  const l = core.layout;
  const domain = domainOf(core, index);
  const u64 = (offset: number, value: number): void => {
    scratch.setUint32(at + offset, value % 2 ** 32, true);
    scratch.setUint32(at + offset + 4, Math.floor(value / 2 ** 32), true);
  };
  scratch.setUint16(at, index, true);
  scratch.setUint32(at + 4, flags(core, index), true);
  u64(8, domain.pages); // tot_pages
  u64(16, domain.memory / PAGE); // max_pages
  // Xen gives an invalid frame number where there is no shared_info: all ones.
  const shared = core.read(domain.base + l.DOMAIN_SHARED_AT);
  u64(48, shared === 0 ? 2 ** 32 - 1 : (shared - 1) / PAGE);
  if (shared === 0) scratch.setUint32(at + 52, 0xffffffff, true);
  u64(56, cpuTime(guest, index));
  scratch.setUint32(at + 64, 1, true); // nr_online_vcpus
  scratch.setUint32(at + 68, 0, true); // max_vcpu_id
  for (let i = 0; i < 16; i++) scratch.setUint8(at + 76 + i, core.u8[domain.base + l.DOMAIN_HANDLE + i]!);
  scratch.setUint8(at + 96, GPADDR_BITS);
}

/** Modelled cycles that the domain's vCPU used, in nanoseconds. */
export function cpuTime({ core, host }: Guest, index: number): number {
  return Math.floor((core.call.modelledCycles(host.vcpuAddress(index)) * NANOSECONDS) / host.frequencyHz);
}

/** Between quanta nothing runs: what is not blocked and not paused counts as running, as Xen counts what is runnable. */
function flags(core: Core, index: number): number {
  const l = core.layout;
  const domain = domainOf(core, index);
  const blocked = core.read(domain.vcpu + l.VCPU_RUN_STATE) === l.RUN_BLOCKED;
  const paused = isPaused(core, index);
  const state = paused ? PAUSED : 0;
  const doing = blocked ? BLOCKED : paused ? 0 : RUNNING;
  return HVM_GUEST | state | doing | (domain.eptp === 0 ? 0 : HAP);
}
