/** memory_op and xen_version against Xen's public headers. */
import { describe, expect, it } from 'vitest';
import { destroyDomain } from '../../src/hypervisor/domain.js';
import { ARGUMENT, SELF, struct, Xen } from './xen.js';

const MEMORY = 12;
const [DECREASE, CURRENT, MAXIMUM, POPULATE, ADD, MAP, REMOVE] = [1, 3, 4, 6, 7, 9, 15];
const [EPERM, ESRCH, EFAULT, EBUSY, EINVAL, ENOSYS] = [-1, -3, -14, -16, -22, -38];
const LIST = ARGUMENT + 256;
const PAGES = 512;

function reservation(x: Xen, command: number, gfns: readonly number[], order = 0, domid = SELF): number {
  x.guests[0]!.domain.writeMemory(LIST, struct(...gfns.map((gfn) => [4, gfn] as [4, number])));
  return x.op(0, MEMORY, command, struct([4, LIST], [4, gfns.length], [4, order], [4, 0], [4, domid]));
}
const add = (x: Xen, space: number, idx: number, gfn: number, domid = SELF) =>
  x.op(0, MEMORY, ADD!, struct([2, domid], [2, 0], [4, space], [4, idx], [4, gfn]));
const pages = (x: Xen, command: number, domid = SELF) => x.op(0, MEMORY, command, struct([2, domid]));

describe('memory_op', () => {
  it('gives pages back and takes them again, zeroed', () => {
    const x = new Xen([0, 0]);
    const free = x.host.freeFrames;
    x.guests[0]!.domain.writeMemory(0x180000, Buffer.from('a secret'));
    expect(reservation(x, DECREASE!, [0x180, 0x181, 0x182])).toBe(3);
    expect([x.host.freeFrames, pages(x, CURRENT!), pages(x, MAXIMUM!)]).toEqual([free + 3, PAGES - 3, PAGES]);
    expect(x.guests[0]!.domain.hostAddress(0x180000)).toBe(-1);
    expect(reservation(x, DECREASE!, [0x183, 0x180, 0x184])).toBe(1); // stops at the hole
    expect(reservation(x, POPULATE!, [0x180, 0x183, 0x183])).toBe(2); // stops where there is memory
    expect(x.guests[0]!.domain.readMemory(0x180000, 8)).toEqual(new Uint8Array(8));
    expect(reservation(x, POPULATE!, [PAGES, 0xfffff, 0xffffffff])).toBe(0); // beyond what it may have
    destroyDomain(x.core, 0);
    destroyDomain(x.core, 1);
    expect(x.host.freeFrames).toBe(x.frames);
  });

  it('takes extents of an order, aligned, in turns', () => {
    const x = new Xen([0]);
    expect(reservation(x, DECREASE!, [0x180, 0x184], 2)).toBe(2);
    expect(reservation(x, POPULATE!, [0x182], 2)).toBe(0);
    expect(reservation(x, POPULATE!, [0x180, 0x184], 2)).toBe(2);
    expect(reservation(x, POPULATE!, [0], 10)).toBe(EPERM);
  });

  it('refuses other domains and bad pointers', () => {
    const x = new Xen([0, 0]);
    for (const command of [DECREASE!, POPULATE!]) {
      expect(reservation(x, command, [1], 0, 1)).toBe(EPERM);
      expect(reservation(x, command, [1], 0, 9)).toBe(ESRCH);
      expect(x.op(0, MEMORY, command, struct([4, 0x200000], [4, 1], [4, 0], [4, 0], [4, SELF]))).toBe(0);
      expect(x.op(0, MEMORY, command, struct([4, LIST], [4, 2 ** 25], [4, 0], [4, 0], [4, SELF]))).toBe(EINVAL);
    }
    for (const command of [DECREASE!, CURRENT!, MAXIMUM!, POPULATE!, ADD!, MAP!, REMOVE!]) {
      for (const pointer of [0x200000, 0x1fffff, 0xffffffff]) expect(x.call(0, MEMORY, command, pointer)).toBe(EFAULT);
    }
    expect(x.call(0, MEMORY, 63, ARGUMENT)).toBe(ENOSYS);
    expect(pages(x, CURRENT!, 1)).toBe(EPERM);
  });

  it('maps shared_info and the grant table, each at one place; their frames replace memory', () => {
    const x = new Xen([0]);
    expect(add(x, 0, 0, 0x180)).toBe(0);
    expect(pages(x, CURRENT!)).toBe(PAGES - 1);
    expect(x.guests[0]!.domain.readMemory(0x180000 + 2176, 4)).toEqual(Uint8Array.of(255, 255, 255, 255));
    expect(add(x, 0, 0, 0xf0000)).toBe(0); // moved beyond memory
    expect(x.guests[0]!.domain.hostAddress(0x180000)).toBe(-1);
    expect(add(x, 1, 0, 0xf0000)).toBe(EBUSY);
    expect(add(x, 1, 1, 0xf0001)).toBe(0);
    expect([add(x, 1, 2, 5), add(x, 0, 1, 5), add(x, 6, 0, 5), add(x, 0, 0, 2 ** 20)]).toEqual(Array(4).fill(EINVAL));
    expect(add(x, 2, 0, 5)).toBe(ENOSYS); // pages that move within a domain
    expect(x.op(0, MEMORY, REMOVE!, struct([4, SELF], [4, 0xf0000]))).toBe(0);
    expect(x.op(0, MEMORY, REMOVE!, struct([4, SELF], [4, 0xf0000]))).toBe(-2);
    expect(x.op(0, MEMORY, REMOVE!, struct([4, SELF], [4, 0x100]))).toBe(EINVAL);
    destroyDomain(x.core, 0);
    expect(x.host.freeFrames).toBe(x.frames);
  });

  it('tells the memory map', () => {
    const x = new Xen([0]);
    expect(x.op(0, MEMORY, MAP!, struct([4, 8], [4, LIST]))).toBe(0);
    expect(x.u32(0, ARGUMENT)).toBe(3);
    expect([40, 44, 48, 52, 56].map((at) => x.u32(0, LIST + at))).toEqual([0x100000, 0, 0x100000, 0, 1]);
  });
});

describe('xen_version', () => {
  it('tells features and texts', () => {
    const x = new Xen([0]);
    expect(x.op(0, 17, 6, struct([4, 0], [4, 0]))).toBe(0);
    expect(x.u32(0, ARGUMENT + 4) & (1 << 8)).not.toBe(0); // hvm_callback_vector
    expect(x.op(0, 17, 6, struct([4, 1], [4, 0]))).toBe(EINVAL);
    expect(x.call(0, 17, 3, ARGUMENT)).toBe(0);
    expect(Buffer.from(x.guests[0]!.domain.readMemory(ARGUMENT, 14)).toString()).toBe('hvm-3.0-x86_32');
    expect(x.call(0, 17, 1, 0x1ffff1)).toBe(EFAULT);
  });
});
