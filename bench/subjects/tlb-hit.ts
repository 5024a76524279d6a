/** TLB hits in plain TypeScript: the look-up of assembly/mmu/bench.ts, benchHit. */
import type { Flat } from '../micro/machine.js';

export function tlbHit({ i32, s, at }: Flat): (linear: number, stride: number, span: number, n: number) => number {
  const mask = at('TLB_INDEX_MASK');
  const tagR = at('TLB_TAG_R') >>> 2;
  const addend = at('TLB_ADDEND') >>> 2;
  const bankAt = (s + at('VCPU_TLB_BANK')) >>> 2;
  return (linear, stride, span, n) => {
    const bank = i32[bankAt]!;
    let sum = 0;
    let offset = 0;
    for (let i = 0; i < n; i++) {
      const address = (linear + offset) | 0;
      const entry = (bank + ((address >>> 8) & mask)) >>> 2;
      if (i32[entry + tagR]! !== ((address + 3) & 0xfffff000)) return -1; // not a hit
      sum = (sum + i32[((address + i32[entry + addend]!) >>> 2) & 0x3fffffff]!) | 0;
      offset = (offset + stride) & (span - 1);
    }
    return sum;
  };
}
