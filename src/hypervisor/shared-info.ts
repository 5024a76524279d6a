/**
 * shared_info of a 32-bit x86 guest, as it lies in its frame: xen/include/public/xen.h and arch-x86/xen.h.
 *
 *      0 vcpu_info[0]   0 evtchn_upcall_pending  1 evtchn_upcall_mask  4 evtchn_pending_sel  8 arch  32 vcpu_time_info
 *   2048 evtchn_pending[32]
 *   2176 evtchn_mask[32]
 *   2304 wc_version, wc_sec, wc_nsec; arch_shared_info
 */
import type { Core } from '../machine/core.js';
import { HostView } from '../machine/views.js';

export const EVTCHN_UPCALL_PENDING = 0;
export const EVTCHN_UPCALL_MASK = 1;
export const EVTCHN_PENDING = 2048;
export const EVTCHN_MASK = 2176;
const VCPU_TIME_INFO = 32;

// struct vcpu_time_info
const TIME_TSC = 8;
const TIME_SYSTEM = 16;
const TIME_MUL = 24;
const TIME_SHIFT = 28;

/**
 * Allocates the domain's shared_info, everything masked as Xen leaves it, if it has none yet. Called between quanta.
 * False: no frame is left.
 */
export function makeSharedInfo(core: Core, domain: number, index: number, tscPhase: number): boolean {
  const l = core.layout;
  if (core.read(domain + l.DOMAIN_SHARED_INFO) !== 0) return true;
  const frame = core.call.frameAllocate(index, l.FRAME_TYPE_SHARED) >>> 0;
  if (frame === l.FRAME_NONE) return false;
  const host = new HostView(core);
  const at = host.frameAddress(frame);
  core.write(domain + l.DOMAIN_SHARED_INFO, at);
  core.u8.fill(0xff, at + EVTCHN_MASK, at + EVTCHN_MASK + 128);
  const { multiplier, shift } = tscScale(host.frequencyHz);
  const time = at + VCPU_TIME_INFO;
  core.writeU64(time + TIME_TSC, tscPhase);
  core.writeU64(time + TIME_SYSTEM, 0);
  core.write(time + TIME_MUL, multiplier);
  core.u8[time + TIME_SHIFT] = shift & 0xff;
  return true;
}

/** system_time = ((tsc << shift) × multiplier) >> 32: the multiplier has its top bit set. */
export function tscScale(frequencyHz: number): { multiplier: number; shift: number } {
  let scale = 1e9 / frequencyHz;
  let shift = 0;
  for (; scale >= 1; scale /= 2) shift++;
  for (; scale < 0.5; scale *= 2) shift--;
  return { multiplier: Math.floor(scale * 2 ** 32), shift };
}
