/**
 * The bits of event channels. A port is a bit of the guest's shared_info; Xen's two-level ABI, xen/include/public/xen.h, `struct
 * shared_info`, and event_channel.h. What may set it is the hypervisor's matter (src/hypervisor/event-channel.ts).
 *
 *   send ─▶ evtchn_pending[port] ─▶ & ~evtchn_mask ─▶ evtchn_pending_sel[port / 32] ─▶ evtchn_upcall_pending ─▶ vector
 *                └─▶ whoever polls the port
 */
import {
  DOMAIN_CALLBACK_VECTOR,
  DOMAIN_EVTCHN,
  DOMAIN_EVTCHN_PORTS,
  DOMAIN_SHARED_INFO,
  DOMAIN_VCPU,
  EVTCHN_SIZE,
  EVTCHN_STATE,
  EVTCHN_VIRQ,
  INTR_EVENT,
  POLL_ANY,
  POLL_NONE,
  VCPU_INTR,
  VCPU_POLL_PORT,
} from '../layout';
import { wakeVcpu } from '../sched/run-queue';

const UPCALL_PENDING: usize = 0; // vcpu_info[0].evtchn_upcall_pending
const PENDING_SEL: usize = 4; //    vcpu_info[0].evtchn_pending_sel
const PENDING: usize = 2048; //     evtchn_pending[32]
const MASK: usize = 2176; //        evtchn_mask[32]

/** EVTCHNSTAT_virq */
const STATE_VIRQ: u32 = 4;

function bit(port: u32): u32 {
  return 1 << (port & 31);
}

function word(shared: usize, words: usize, port: u32): usize {
  return shared + words + (((port >>> 5) as usize) << 2);
}

export function eventPending(d: usize, port: u32): bool {
  const shared = load<usize>(d + DOMAIN_SHARED_INFO);
  return shared != 0 && (load<u32>(word(shared, PENDING, port)) & bit(port)) != 0;
}

export function eventMasked(d: usize, port: u32): bool {
  const shared = load<usize>(d + DOMAIN_SHARED_INFO);
  return shared == 0 || (load<u32>(word(shared, MASK, port)) & bit(port)) != 0;
}

/** Sets a port pending at pCPU time `now`. A port that is pending already stays so: events are not counted. */
export function eventSet(d: usize, port: u32, now: f64): void {
  const shared = load<usize>(d + DOMAIN_SHARED_INFO);
  if (shared == 0) return;
  const at = word(shared, PENDING, port);
  const pending = load<u32>(at);
  if (pending & bit(port)) return;
  store<u32>(at, pending | bit(port));
  if (!eventMasked(d, port)) raise(d, shared, port, now);
  const v = load<usize>(d + DOMAIN_VCPU);
  const polled = load<u32>(v + VCPU_POLL_PORT);
  if (polled == POLL_ANY || polled == port) wakeVcpu(v, now);
}

/** Unmasks a port; what is pending is delivered. */
export function eventUnmask(d: usize, port: u32, now: f64): void {
  const shared = load<usize>(d + DOMAIN_SHARED_INFO);
  if (shared == 0) return;
  const at = word(shared, MASK, port);
  store<u32>(at, load<u32>(at) & ~bit(port));
  if (eventPending(d, port)) raise(d, shared, port, now);
}

/** Sets the selector bit of a pending, unmasked port, and the upcall with the first one. */
function raise(d: usize, shared: usize, port: u32, now: f64): void {
  const selected = load<u32>(shared, PENDING_SEL);
  if (selected & bit(port >>> 5)) return;
  store<u32>(shared, selected | bit(port >>> 5), PENDING_SEL);
  if (load<u8>(shared, UPCALL_PENDING)) return;
  store<u8>(shared, 1, UPCALL_PENDING);
  const v = load<usize>(d + DOMAIN_VCPU);
  if (upcallAssert(d) || load<u32>(v + VCPU_POLL_PORT) != POLL_NONE) wakeVcpu(v, now);
}

/** Asserts INTR if an upcall is pending and there is a callback vector. */
export function upcallAssert(d: usize): bool {
  const shared = load<usize>(d + DOMAIN_SHARED_INFO);
  if (shared == 0 || load<u8>(shared, UPCALL_PENDING) == 0 || load<u32>(d + DOMAIN_CALLBACK_VECTOR) == 0) return false;
  const intr = load<usize>(d + DOMAIN_VCPU) + VCPU_INTR;
  store<u32>(intr, load<u32>(intr) | INTR_EVENT);
  return true;
}

/** The port to which a virtual interrupt is bound, or 0. */
export function virqPort(d: usize, virq: u32): u32 {
  const used = load<u32>(d + DOMAIN_EVTCHN_PORTS);
  for (let port: u32 = 1; port < used; port++) {
    const p = d + DOMAIN_EVTCHN + (port as usize) * EVTCHN_SIZE;
    if (load<u16>(p + EVTCHN_STATE) == STATE_VIRQ && load<u16>(p + EVTCHN_VIRQ) == virq) return port;
  }
  return 0;
}
