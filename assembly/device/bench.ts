/** As assembly/mmu/bench.ts, for the way of devices to memory. */
import { PAGE_SIZE } from '../layout';
import { dmaRead } from './dma';

/** `n` reads of `bytes` by the device, each of another of `pages` (a power of two) consecutive pages: the sum of their first words, 0 if one is refused. */
export function benchDma(device: usize, gpa: u32, pages: u32, bytes: u32, to: usize, n: u32): u32 {
  let sum: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const address = gpa + (i & (pages - 1)) * PAGE_SIZE;
    if (!dmaRead(device, address as u64, bytes, to)) return 0;
    sum += load<u32>(to);
  }
  return sum;
}
