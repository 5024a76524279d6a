/** event_channel_op(EVTCHNOP_send, {u32 port}): xen/include/public/event_channel.h. The simple case, in which nothing can go wrong. */
import { eventSet } from '../device/event-channel';
import {
  DOMAIN_EVTCHN,
  DOMAIN_HOOKS,
  DOMAIN_PCPU,
  DOMAIN_SIZE,
  DOMAIN_STATE,
  EVTCHN_PORTS,
  EVTCHN_REMOTE_DOMAIN,
  EVTCHN_REMOTE_PORT,
  EVTCHN_SIZE,
  EVTCHN_STATE,
  HOST_DOMAIN_BASE,
  HOST_SEND_HOOK,
  VCPU_DOMAIN,
  VCPU_SCRATCH,
} from '../layout';
import { copyFromGuest } from '../mmu/guest-copy';

// EVTCHNSTAT_*
const INTERDOMAIN: u32 = 2;
const IPI: u32 = 5;
const DOMAIN_RUNNING: u32 = 1;

/**
 * Sends the event at pCPU time `now` from an interdomain channel to a peer on this pCPU, or from an IPI port, and counts the
 * permission. False: nothing has been done, and it is the hypervisor's.
 */
export function sendEvent(s: usize, argument: u32, now: f64): bool {
  if (!copyFromGuest(s, s + VCPU_SCRATCH, argument, 4)) return false;
  const port = load<u32>(s + VCPU_SCRATCH);
  if (port == 0 || port >= EVTCHN_PORTS) return false;
  const d = load<usize>(s + VCPU_DOMAIN);
  const p = d + DOMAIN_EVTCHN + (port as usize) * EVTCHN_SIZE;
  const state: u32 = load<u16>(p + EVTCHN_STATE);
  if (state == IPI) {
    permit(d);
    eventSet(d, port, now);
    return true;
  }
  if (state != INTERDOMAIN) return false;
  const remote = load<usize>(HOST_DOMAIN_BASE) + (load<u32>(p + EVTCHN_REMOTE_DOMAIN) as usize) * DOMAIN_SIZE;
  if (load<u32>(remote + DOMAIN_PCPU) != load<u32>(d + DOMAIN_PCPU)) return false;
  permit(d);
  if (load<u32>(remote + DOMAIN_STATE) == DOMAIN_RUNNING) eventSet(remote, load<u32>(p + EVTCHN_REMOTE_PORT), now);
  return true;
}

/** Counts what the hook table would permit: src/hypervisor/hooks.ts. */
function permit(d: usize): void {
  const at = d + DOMAIN_HOOKS + ((load<u32>(HOST_SEND_HOOK) as usize) << 3);
  store<u32>(at, load<u32>(at) + 1);
}
