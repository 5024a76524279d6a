import { expect, it } from 'vitest';
import type { Pair } from './pair.js';
import { A, D, EPTP_FLAGS, GUEST, LINEAR, makeTables, P, PDE, PTE, RW, US } from './tables.js';

const FRAME = GUEST / 4096 + 3; // of LINEAR
const ALIAS = LINEAR + 0x1000;

/** The data frame, mapped twice and held for writing in both places, holds code from `offset` on. */
function withCode(offset: number, length: number): Pair {
  const pair = makeTables(EPTP_FLAGS);
  const { mmu, s, dram } = pair.machine;
  pair.write32(PTE, 0x3000 | P | RW | US | A | D);
  pair.write32(PTE + 4, 0x3000 | P | RW | US | A | D);
  for (const linear of [LINEAR, ALIAS]) mmu.writeU8(s, linear, 1);
  expect(pair.machine.entry(ALIAS).tagW).toBe(ALIAS);
  mmu.markCode(s, dram + GUEST + 0x3000 + offset, length);
  return pair;
}

it('marking code sets the granules it touches and disarms every write tag of the frame', () => {
  const pair = withCode(0x7f, 2);
  const { machine } = pair;
  expect(machine.frame(FRAME, 'FRAME_CODE_MASK')).toBe(3);
  machine.mmu.markCode(machine.s, machine.dram + GUEST + 0x3f80, 128);
  expect(machine.frame(FRAME, 'FRAME_CODE_MASK')).toBe(0x80000003);
  for (const linear of [LINEAR, ALIAS]) {
    const { tagR, tagW } = machine.entry(linear);
    expect([tagR, tagW & 0xfff]).toEqual([linear, 1]);
  }
  expect(machine.frame(FRAME, 'FRAME_GENERATION')).toBe(0);
});

it('a whole frame of code has a full mask', () => {
  expect(withCode(0, 4096).machine.frame(FRAME, 'FRAME_CODE_MASK')).toBe(0xffffffff);
});

it('writing beside the code keeps it, counts no miss and leaves the tag disarmed', () => {
  const { machine } = withCode(0x100, 16);
  const { mmu, s } = machine;
  const misses = machine.count('COUNTER_TLB_MISS');
  mmu.writeU32(s, ALIAS + 0xfc, 5);
  mmu.writeU32(s, ALIAS + 0x180, 6);
  expect([machine.read32(GUEST + 0x30fc), machine.read32(GUEST + 0x3180)]).toEqual([5, 6]);
  expect(machine.frame(FRAME, 'FRAME_CODE_MASK')).toBe(4);
  expect(machine.frame(FRAME, 'FRAME_GENERATION')).toBe(0);
  expect(machine.count('COUNTER_TLB_MISS')).toBe(misses);
  expect(machine.entry(ALIAS).tagW & 0xfff).not.toBe(0);
  expect(mmu.hostWrite(s, ALIAS, 4)).toBe(0);
  expect(mmu.hostRead(s, ALIAS, 4)).not.toBe(0);
});

for (const [name, offset, size] of [
  ['into', 0x110, 1],
  ['across the start of', 0xfe, 4],
  ['at the last byte of', 0x17f, 2],
] as const) {
  it(`writing ${name} the granule makes the code stale`, () => {
    const { machine } = withCode(0x100, 16);
    const { mmu, s } = machine;
    (size === 1 ? mmu.writeU8 : size === 2 ? mmu.writeU16 : mmu.writeU32)(s, ALIAS + offset, 0x77);
    expect(machine.frame(FRAME, 'FRAME_CODE_MASK')).toBe(0);
    expect(machine.frame(FRAME, 'FRAME_GENERATION')).toBe(1);
    expect(machine.view.getUint8(machine.dram + GUEST + 0x3000 + offset)).toBe(0x77);
    expect(machine.get('VCPU_CODE_WRITTEN')).toBe(0); // executing elsewhere
    expect(machine.entry(ALIAS).tagW).toBe(ALIAS);
  });
}

it('writing code of the frame being executed ends the block and the fetch register', () => {
  const { machine } = withCode(0x100, 16);
  const { mmu, s } = machine;
  mmu.fetchPage(s, LINEAR);
  expect(machine.get('VCPU_FETCH_GENERATION')).toBe(0);
  mmu.writeU8(s, ALIAS + 0xff, 1);
  expect([machine.get('VCPU_CODE_WRITTEN'), machine.get('VCPU_FETCH_PAGE')]).toEqual([0, LINEAR]);
  mmu.writeU8(s, ALIAS + 0x100, 1);
  expect([machine.get('VCPU_CODE_WRITTEN'), machine.get('VCPU_FETCH_PAGE')]).toEqual([1, 1]);
  mmu.fetchPage(s, LINEAR);
  expect(machine.get('VCPU_FETCH_GENERATION')).toBe(1);
});

it('a value that crosses into a frame with code makes it stale', () => {
  const pair = makeTables(EPTP_FLAGS);
  const { mmu, s, dram } = pair.machine;
  mmu.markCode(s, dram + GUEST + 0x4000, 8);
  mmu.writeU32(s, LINEAR + 4093, 0x01020304);
  expect(pair.machine.frame(FRAME + 1, 'FRAME_GENERATION')).toBe(1);
  expect(pair.machine.frame(FRAME, 'FRAME_GENERATION')).toBe(0);
  expect(pair.machine.view.getUint8(dram + GUEST + 0x4000)).toBe(1);
});

it('an entry filled while the frame holds code has no write tag', () => {
  const { machine } = withCode(0, 1);
  machine.mmu.flushAll(machine.s);
  machine.mmu.writeU32(machine.s, LINEAR + 0x800, 1);
  expect(machine.entry(LINEAR).tagW & 0xfff).not.toBe(0);
  expect(machine.entry(LINEAR).held & machine.at('TLB_HELD_WRITE')).not.toBe(0);
});

it('an accessed flag that the walker sets in a frame with code makes the code stale', () => {
  const pair = makeTables(EPTP_FLAGS);
  const { machine } = pair;
  machine.mmu.markCode(machine.s, machine.dram + PDE, 4);
  machine.mmu.readU8(machine.s, LINEAR);
  expect(machine.frame(PDE >>> 12, 'FRAME_GENERATION')).toBe(1);
});

it('another vCPU of the pCPU disarms its write tags before it runs, without a miss', () => {
  const pair = makeTables(EPTP_FLAGS);
  const { machine } = pair;
  const { mmu, s, s2 } = machine;
  for (const name of ['VCPU_CR0', 'VCPU_CR3', 'VCPU_CR4', 'VCPU_EPTP']) {
    machine.view.setUint32(s2 + machine.at(name), machine.get(name), true);
  }
  const tagW = (): number =>
    machine.view.getUint32(
      s2 + machine.at('VCPU_TLB') + ((LINEAR >>> 12) & (machine.at('TLB_ENTRIES') - 1)) * 16 + machine.at('TLB_TAG_W'),
      true,
    );
  mmu.writeU8(s2, LINEAR, 1);
  mmu.fetchPage(s2, LINEAR);
  expect(tagW()).toBe(LINEAR);
  mmu.markCode(s, machine.dram + GUEST + 0x3000, 4);
  mmu.syncCodeEpoch(s);
  expect(tagW()).toBe(LINEAR);
  mmu.syncCodeEpoch(s2);
  expect(tagW() & 0xfff).not.toBe(0);
  // Its fetch register learns the new generation.
  mmu.writeU8(s, LINEAR, 1);
  expect(machine.frame(FRAME, 'FRAME_GENERATION')).toBe(1);
  mmu.syncCodeEpoch(s2);
  const word = (name: string): number => machine.view.getUint32(s2 + machine.at(name), true);
  expect([word('VCPU_FETCH_GENERATION'), word('VCPU_FETCH_PAGE')]).toEqual([1, LINEAR]);
});

it('only the first granule of a frame bumps the epoch', () => {
  const { machine } = withCode(0, 1);
  const epoch = (): number => machine.view.getUint32(machine.pcpu + machine.at('PCPU_CODE_EPOCH'), true);
  expect([epoch(), machine.get('VCPU_CODE_EPOCH')]).toEqual([1, 1]);
  machine.mmu.markCode(machine.s, machine.dram + GUEST + 0x3800, 4);
  expect(epoch()).toBe(1);
});

it('code in absent memory is not marked', () => {
  const { machine } = makeTables(0);
  machine.mmu.markCode(machine.s, machine.at('VOID_PAGE'), 16);
  expect(machine.view.getUint32(machine.pcpu + machine.at('PCPU_CODE_EPOCH'), true)).toBe(0);
});

it('writes from outside make the code of all frames they touch stale', () => {
  const { machine } = withCode(0, 1);
  machine.mmu.machineWritten((FRAME - 1) * 4096 + 4000, 96);
  expect(machine.frame(FRAME, 'FRAME_GENERATION')).toBe(0);
  machine.mmu.machineWritten((FRAME - 1) * 4096 + 4000, 97);
  expect(machine.frame(FRAME, 'FRAME_GENERATION')).toBe(1);
});
