/** Reads by a device in plain TypeScript: assembly/device/dma.ts for a device of the domain, within a page. */
import type { BenchMachine } from '../micro/machine.js';
import { walker } from './walk.js';

const READ = 1;
const PAGE_MASK = 0xfffff000;
const LINE = 64;

export function dmaReader(
  machine: BenchMachine,
): (gpa: number, pages: number, bytes: number, to: number, n: number) => number {
  const { i32, u8, s, at, device } = machine;
  const { physical } = walker(machine);
  const counter = (index: number): number => (device + at('DEVICE_COUNTS') + 8 * index) >>> 2;
  const reads = counter(at('DMA_READS'));
  const readBytes = counter(at('DMA_READ_BYTES'));
  const lines = (s + at('VCPU_COUNTERS') + 8 * at('COUNTER_DMA')) >>> 2;

  function add(index: number, n: number): void {
    const low = (i32[index]! + n) | 0;
    i32[index] = low;
    if (low >>> 0 < n) i32[index + 1]!++;
  }

  return (gpa, pages, bytes, to, n) => {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const address = gpa + (i & (pages - 1)) * 4096;
      add(reads, 1);
      add(lines, Math.ceil(bytes / LINE));
      const found = physical(address, READ);
      if (found === 0) return 0;
      const from = ((found & PAGE_MASK) >>> 0) + (address & 4095);
      u8.copyWithin(to, from, from + bytes);
      add(readBytes, bytes);
      sum = (sum + i32[to >>> 2]!) | 0;
    }
    return sum;
  };
}
