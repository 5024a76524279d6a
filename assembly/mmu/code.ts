/**
 * Self-modifying code. Every frame has a mask of the 128-byte granules from which code was decoded:
 *
 *   offset in the frame   0    128   256                          3968  4096
 *                         ├──────┼──────┼── · · · · · · · · · · ──┼──────┤
 *   FRAME_CODE_MASK bit      0      1                                31
 *
 * While the mask is not 0 no write tag for the frame is armed, so every write comes through `codeWritten`. The first
 * granule of a frame bumps the pCPU's code epoch; a vCPU with an older epoch may have armed write tags and disarms them
 * before it runs (`syncCodeEpoch`).
 */
import {
  FRAME_CODE_MASK,
  FRAME_GENERATION,
  HOST_FRAMES,
  HOST_PCPUS,
  HOST_SMM_SLOTS,
  PAGE_MASK,
  PAGE_SHIFT,
  PAGE_SIZE,
  PCPU_CODE_EPOCH,
  VCPU_CODE_EPOCH,
  VCPU_CODE_WRITTEN,
  VCPU_FETCH_BASE,
  VCPU_FETCH_GENERATION,
  VCPU_FETCH_PAGE,
  VCPU_PCPU,
} from '../layout';
import { dropCode, entryOfHost, frameEntry, inVoid } from './frame';
import { disarmFrame, disarmWrites } from './tlb';

const GRANULE_SHIFT: u32 = 7;

/** Mask bits of `length` > 0 bytes at `offset` in a frame; the range must not leave the frame. */
export function granules(offset: u32, length: u32): u32 {
  const first = offset >>> GRANULE_SHIFT;
  const last = (offset + length - 1) >>> GRANULE_SHIFT;
  return ((<u32>0xffffffff) << first) & (<u32>0xffffffff >>> (31 - last));
}

/** The generation of the frame that holds `host`; absent memory never changes. */
export function codeGeneration(host: usize): u32 {
  return inVoid(host) ? 0 : load<u32>(entryOfHost(host), FRAME_GENERATION);
}

/** Notes that code was decoded from `length` > 0 bytes at host address `host`, all in one frame. */
export function markCode(s: usize, host: usize, length: u32): void {
  if (inVoid(host)) return;
  const before = atomic.or<u32>(entryOfHost(host) + FRAME_CODE_MASK, granules((host as u32) & (PAGE_SIZE - 1), length));
  if (before != 0) return;
  disarmFrame(s, host & (PAGE_MASK as usize));
  const pcpu = load<usize>(s + VCPU_PCPU);
  if (pcpu == 0) return;
  const epoch = load<u32>(pcpu + PCPU_CODE_EPOCH);
  if (load<u32>(s + VCPU_CODE_EPOCH) != epoch) disarmWrites(s);
  store<u32>(pcpu + PCPU_CODE_EPOCH, epoch + 1);
  store<u32>(s + VCPU_CODE_EPOCH, epoch + 1);
}

/**
 * To be called before a vCPU runs: other vCPUs of the pCPU may have decoded or overwritten code since. Looks nothing up,
 * so no counter depends on how often it is called. A vCPU that moves to another pCPU must get another epoch.
 */
export function syncCodeEpoch(s: usize): void {
  const pcpu = load<usize>(s + VCPU_PCPU);
  if (pcpu != 0) {
    const epoch = load<u32>(pcpu + PCPU_CODE_EPOCH);
    if (load<u32>(s + VCPU_CODE_EPOCH) != epoch) {
      disarmWrites(s);
      store<u32>(s + VCPU_CODE_EPOCH, epoch);
    }
  }
  if ((load<u32>(s + VCPU_FETCH_PAGE) & ~PAGE_MASK) == 0) {
    store<u32>(s + VCPU_FETCH_GENERATION, codeGeneration(load<usize>(s + VCPU_FETCH_BASE)));
  }
}

/**
 * To be called where the vCPU writes `size` bytes at `host`, all in one frame of DRAM whose mask is not 0. If they were
 * decoded, the frame's code becomes stale, and a vCPU that executes from the frame looks its code up anew.
 */
export function codeWritten(s: usize, host: usize, size: u32): void {
  const entry = entryOfHost(host);
  if ((load<u32>(entry, FRAME_CODE_MASK) & granules((host as u32) & (PAGE_SIZE - 1), size)) == 0) return;
  dropCode(entry);
  if ((host & (PAGE_MASK as usize)) == load<usize>(s + VCPU_FETCH_BASE)) {
    store<u32>(s + VCPU_CODE_WRITTEN, 1);
    store<u32>(s + VCPU_FETCH_PAGE, 1);
  }
}

/** The same for writes from outside a vCPU (loader, hypercall, device): `length` bytes at machine address `machine`, or in the
 * SMM buffer as far behind DRAM. */
export function machineWritten(machine: u32, length: u32): void {
  if (length == 0) return;
  const last = (machine + length - 1) >>> PAGE_SHIFT;
  const end = load<u32>(HOST_FRAMES) + load<u32>(HOST_PCPUS) * load<u32>(HOST_SMM_SLOTS);
  for (let frame = machine >>> PAGE_SHIFT; frame <= last && frame < end; frame++) {
    dropCode(frameEntry(frame));
  }
}
