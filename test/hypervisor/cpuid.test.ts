/** CPUID as a scenario shapes it: the features it hides are gone from leaf 1, all others stay. */
import { describe, expect, it } from 'vitest';
import { CPUID_FEATURES, type CpuidFeature, cpuid, cpuidFeatures, hideFeatures } from '../../src/hypervisor/cpuid.js';

const names = Object.keys(CPUID_FEATURES) as CpuidFeature[];
/** Bits by the manual: SDM Vol. 2A, Table 3-11, "More on Feature Information Returned in the EDX Register". */
const EDX_BITS: Partial<Record<CpuidFeature, number>> = {
  fpu: 0,
  pse: 3,
  tsc: 4,
  msr: 5,
  cx8: 8,
  sep: 11,
  pge: 13,
  cmov: 15,
  pat: 16,
  clfsh: 19,
  mmx: 23,
  fxsr: 24,
  sse: 25,
  sse2: 26,
};

function leaf1(hidden: readonly CpuidFeature[]): { edx: number; ecx: number } {
  const { edx, ecx } = cpuidFeatures(hideFeatures(hidden));
  const out = { eax: 0, ebx: 0, ecx: 0, edx: 0 };
  cpuid(1, edx, ecx, out);
  return { edx: out.edx >>> 0, ecx: out.ecx >>> 0 };
}

describe('hiding CPUID features', () => {
  it('shows all of them when nothing is hidden', () => {
    const all = names.reduce((word, name) => word | (EDX_BITS[name] === undefined ? 0 : 1 << EDX_BITS[name]), 0) >>> 0;
    expect(leaf1([])).toEqual({ edx: all, ecx: 0x80000000 });
  });

  for (const name of names)
    it(`hides ${name} alone`, () => {
      const bit = EDX_BITS[name];
      const all = leaf1([]);
      expect(leaf1([name])).toEqual(
        bit === undefined ? { ...all, ecx: 0 } : { ...all, edx: (all.edx & ~(1 << bit)) >>> 0 },
      );
    });
});
