/** grant_table_op against Xen's public headers: success, every error, hostile arguments, and the end of domains. */
import { beforeEach, describe, expect, it } from 'vitest';
import { destroyDomain } from '../../src/hypervisor/domain.js';
import { references } from '../../src/hypervisor/frames.js';
import { ARGUMENT, SELF, struct, Xen } from './xen.js';

const GRANT = 20;
const [MAP, UNMAP, SETUP, TRANSFER, COPY, QUERY] = [0, 1, 2, 4, 5, 6] as const;
const HOST_MAP = 2;
const READONLY = 4;
const TABLE_GFN = 0x1f0; // where domains map their grant table
const REF = 8;
const PAGE = 0x180; // the page that is granted
const WINDOW = 0xf000_0000;
const [OK, GENERAL, BAD_DOMAIN, BAD_REF, BAD_HANDLE, BAD_ADDRESS, DENIED, BAD_PAGE, BAD_COPY] = [
  0, -1, -2, -3, -4, -5, -8, -9, -10,
];

function grant(x: Xen, d: number, ref: number, flags: number, to: number, gfn: number): void {
  x.guests[d]!.domain.writeMemory(TABLE_GFN * 4096 + 8 * ref, struct([2, flags], [2, to], [4, gfn]));
}

let x: Xen;
beforeEach(() => {
  x = prepared([0, 0, 0]);
});

function prepared(pcpus: readonly number[]): Xen {
  const xen = new Xen(pcpus);
  for (const d of pcpus.keys()) {
    expect(xen.op(d, 12, 7, struct([2, SELF], [2, 0], [4, 1], [4, 0], [4, TABLE_GFN]))).toBe(0);
  }
  xen.guests[0]!.domain.writeMemory(PAGE * 4096, Buffer.from('granted'));
  grant(xen, 0, REF, 1, 1, PAGE);
  return xen;
}

/** Status and handle of one mapping. */
function map(d: number, ref: number, gpa = WINDOW, flags = HOST_MAP, granter = 0, high = 0): [number, number] {
  const bytes = struct([4, gpa], [4, high], [4, flags], [4, ref], [2, granter], [2, 0x55], [4, 0x55], [8, 0x55]);
  expect(x.op(d, GRANT, MAP, bytes, 1)).toBe(0);
  return [x.s16(d, ARGUMENT + 18), x.u32(d, ARGUMENT + 20)];
}
function unmap(d: number, handle: number, gpa = WINDOW): number {
  expect(x.op(d, GRANT, UNMAP, struct([8, gpa], [8, 0], [4, handle], [4, 0x55]), 1)).toBe(0);
  return x.s16(d, ARGUMENT + 20);
}
type End = readonly [where: number, domid: number, offset: number];
function copy(d: number, from: End, to: End, length: number, flags: number): number {
  const end = ([where, domid, offset]: End) => struct([4, where], [2, domid], [2, offset]);
  const bytes = Buffer.concat([end(from), end(to), struct([2, length], [2, flags], [4, 0x55])]);
  expect(x.op(d, GRANT, COPY, bytes, 1)).toBe(0);
  return x.s16(d, ARGUMENT + 20);
}
const flagsOf = (ref: number) => x.u32(0, TABLE_GFN * 4096 + 8 * ref) & 0xffff;
const frame = () => x.core.call.eptFrame(x.guests[0]!.domain.eptp, PAGE * 4096) >>> 0;
const frameAt = (d: number, gpa: number) => x.core.call.eptFrame(x.guests[d]!.domain.eptp, gpa) >>> 0;
const bytesAt = (d: number, gpa: number, n: number) => Buffer.from(x.guests[d]!.domain.readMemory(gpa, n)).toString();

function destroyAll(): void {
  for (const d of x.guests.keys()) destroyDomain(x.core, d);
  expect(x.host.freeFrames).toBe(x.frames);
}

describe('map_grant_ref and unmap_grant_ref', () => {
  it('maps the very frame, says so in the table, and ends', () => {
    const [status, handle] = map(1, REF);
    expect([status, handle]).toEqual([OK, 0]);
    expect(frameAt(1, WINDOW)).toBe(frame());
    expect([references(x.core, frame()), flagsOf(REF)]).toEqual([2, 1 | 8 | 16]);
    expect(map(1, REF, WINDOW + 4096, HOST_MAP | READONLY)).toEqual([OK, 1]);
    expect(unmap(1, handle)).toBe(OK);
    expect([references(x.core, frame()), flagsOf(REF)]).toEqual([2, 1 | 8]);
    expect(unmap(1, handle)).toBe(BAD_HANDLE);
    expect(unmap(1, 1, WINDOW)).toBe(BAD_ADDRESS);
    expect(unmap(1, 1, WINDOW + 4096)).toBe(OK);
    expect([references(x.core, frame()), flagsOf(REF), frameAt(1, WINDOW)]).toEqual([1, 1, 0xffffffff]);
    destroyAll();
  });

  it('refuses what was not granted', () => {
    expect(map(2, REF)[0]).toBe(GENERAL); // to another domain
    expect(map(1, REF + 1)[0]).toBe(GENERAL); // an empty entry
    expect(map(1, 512)[0]).toBe(BAD_REF);
    expect(map(1, 0xffffffff)[0]).toBe(BAD_REF);
    expect(map(1, REF, WINDOW, HOST_MAP, 9)[0]).toBe(BAD_DOMAIN);
    grant(x, 0, REF, 1 | READONLY, 1, PAGE);
    expect(map(1, REF)[0]).toBe(GENERAL);
    expect(map(1, REF, WINDOW, HOST_MAP | READONLY)[0]).toBe(OK);
    grant(x, 0, 9, 2, 1, PAGE); // GTF_accept_transfer
    expect(map(1, 9, WINDOW + 4096)[0]).toBe(GENERAL);
    expect(flagsOf(9)).toBe(2);
  });

  it("refuses pages that are not the granter's own memory", () => {
    for (const gfn of [0x200, 0xfffff, 0x100000, 0xffffffff, TABLE_GFN]) {
      grant(x, 0, 9, 1, 1, gfn);
      expect(map(1, 9)[0], `${gfn}`).toBe(BAD_PAGE);
    }
    // A mapped page cannot be granted on.
    expect(map(1, REF)[0]).toBe(OK);
    grant(x, 1, REF, 1, 2, WINDOW / 4096);
    expect(map(2, REF, WINDOW, HOST_MAP, 1)[0]).toBe(BAD_PAGE);
  });

  it('refuses addresses and flags that cannot be', () => {
    expect(map(1, REF, WINDOW + 1)[0]).toBe(BAD_ADDRESS);
    expect(map(1, REF, WINDOW, HOST_MAP, 0, 1)[0]).toBe(BAD_ADDRESS);
    expect(map(1, REF, 0x100000)[0]).toBe(BAD_ADDRESS); // there is memory
    for (const flags of [0, 1, 3, 8 | HOST_MAP, 16 | HOST_MAP, 0xffffffff]) {
      expect(map(1, REF, WINDOW, flags)[0]).toBe(GENERAL);
    }
    expect([references(x.core, frame()), flagsOf(REF)]).toEqual([1, 1]);
    for (const handle of [0, 255, 256, 0xffffffff]) expect(unmap(1, handle)).toBe(BAD_HANDLE);
  });

  it('maps the frame of the first mapping, whatever the table says later', () => {
    expect(map(1, REF)[0]).toBe(OK);
    grant(x, 0, REF, 1, 1, PAGE + 1);
    expect(map(1, REF, WINDOW + 4096)[0]).toBe(OK);
    expect(frameAt(1, WINDOW + 4096)).toBe(frame());
  });

  it('keeps a mapped page from being given back', () => {
    map(1, REF);
    x.guests[0]!.domain.writeMemory(ARGUMENT + 64, struct([4, PAGE]));
    const decrease = () => x.op(0, 12, 1, struct([4, ARGUMENT + 64], [4, 1], [4, 0], [4, 0], [4, SELF]));
    expect(decrease()).toBe(0);
    unmap(1, 0);
    expect(decrease()).toBe(1);
    destroyAll();
  });

  it('runs out of handles, and undoes what it cannot tell', () => {
    for (let i = 0; i < 256; i++) expect(map(1, REF, WINDOW + 4096 * i)).toEqual([OK, i]);
    expect(map(1, REF, WINDOW + 4096 * 256)[0]).toBe(-7);
    expect(unmap(1, 77, WINDOW + 4096 * 77)).toBe(OK);
    expect(map(1, REF, WINDOW + 4096 * 77)).toEqual([OK, 77]);
    expect(references(x.core, frame())).toBe(257);
    destroyAll();
  });

  it('works through arrays in turns, and answers −EFAULT where one ends', () => {
    const bytes = struct([8, WINDOW], [4, HOST_MAP], [4, REF], [4, 0], [4, 0], [8, 0]);
    const at = 0x200000 - 64;
    x.guests[1]!.domain.writeMemory(at, bytes);
    x.guests[1]!.domain.writeMemory(at + 32, struct([8, WINDOW + 4096], [4, HOST_MAP], [4, REF], [8, 0], [8, 0]));
    expect(x.call(1, GRANT, MAP, at, 3)).toBe(-14);
    expect(references(x.core, frame())).toBe(3); // two were there
    for (const pointer of [0x200000, 0x1fffff, 0xffffffff, 0x80000000]) {
      for (const command of [MAP, UNMAP, SETUP, COPY, QUERY]) expect(x.call(1, GRANT, command, pointer, 1)).toBe(-14);
    }
    expect(x.call(1, GRANT, MAP, ARGUMENT, 0)).toBe(0);
    expect(x.call(1, GRANT, MAP, ARGUMENT, 0xffffffff)).toBe(-22);
    expect(x.call(1, GRANT, TRANSFER, ARGUMENT, 1)).toBe(-95);
    for (const command of [3, 7, 13, 0xffffffff]) expect(x.call(1, GRANT, command, ARGUMENT, 1)).toBe(-38);
  });
});

describe('setup_table and query_size', () => {
  it('grow the table and tell where it is mapped', () => {
    const setup = (frames: number, dom = SELF) => {
      const result = x.op(0, GRANT, SETUP, struct([4, dom], [4, frames], [4, 0x55], [4, ARGUMENT + 64]), 1);
      expect(result).toBe(0);
      return x.s16(0, ARGUMENT + 8);
    };
    const query = () => {
      expect(x.op(0, GRANT, QUERY, struct([4, SELF], [4, 0], [4, 0], [4, 0x55]), 1)).toBe(0);
      return [x.u32(0, ARGUMENT + 4), x.u32(0, ARGUMENT + 8), x.s16(0, ARGUMENT + 12)];
    };
    expect(query()).toEqual([1, 2, OK]);
    expect(setup(2)).toBe(OK);
    expect([x.u32(0, ARGUMENT + 64), x.u32(0, ARGUMENT + 68)]).toEqual([TABLE_GFN, 0xffffffff]);
    expect(query()).toEqual([2, 2, OK]);
    expect([setup(3), setup(1, 1), setup(1, 9)]).toEqual([GENERAL, DENIED, BAD_DOMAIN]);
    expect(x.call(0, GRANT, SETUP, ARGUMENT, 2)).toBe(-22);
    destroyAll();
  });
});

describe('copy', () => {
  const own = (gfn: number, offset = 0): End => [gfn, SELF, offset];
  const granted = (ref: number, offset = 0): End => [ref, 0, offset];

  it('copies out of and into granted pages', () => {
    expect(copy(1, granted(REF, 1), own(PAGE, 4090), 6, 1)).toBe(OK);
    expect(bytesAt(1, PAGE * 4096 + 4090, 6)).toBe('ranted');
    expect(copy(1, own(PAGE, 4090), granted(REF, 100), 6, 2)).toBe(OK);
    expect(bytesAt(0, PAGE * 4096 + 100, 6)).toBe('ranted');
    expect(flagsOf(REF)).toBe(1);
    expect(references(x.core, frame())).toBe(1);
  });

  it('refuses what does not fit, is not granted, or is not its own', () => {
    expect(copy(1, granted(REF, 4095), own(PAGE), 2, 1)).toBe(BAD_COPY);
    expect(copy(1, granted(REF), own(PAGE, 0xffff), 1, 1)).toBe(BAD_COPY);
    expect(copy(1, granted(REF), own(PAGE), 1, 5)).toBe(BAD_COPY);
    expect(copy(1, [PAGE, 0, 0], own(PAGE), 1, 0)).toBe(DENIED); // a foreign page without a grant
    expect(copy(1, granted(9), own(PAGE), 1, 1)).toBe(GENERAL);
    expect(copy(2, granted(REF), own(PAGE), 1, 1)).toBe(GENERAL);
    expect(copy(1, [REF, 9, 0], own(PAGE), 1, 1)).toBe(BAD_DOMAIN);
    expect(copy(1, granted(REF), own(0x200), 1, 1)).toBe(BAD_PAGE);
    grant(x, 0, REF, 1 | READONLY, 1, PAGE);
    expect(copy(1, own(PAGE), granted(REF), 1, 2)).toBe(GENERAL);
    expect(copy(1, granted(REF), own(PAGE), 0, 1)).toBe(OK);
  });
});

describe('across pCPUs', () => {
  it("a mapping makes a gang on the granter's pCPU, a copy does not", () => {
    x = prepared([0, 1, 2]);
    const pcpuOf = (d: number) => x.core.read(x.guests[d]!.domain.base + x.core.layout.DOMAIN_PCPU);
    expect(copy(1, [REF, 0, 0], [PAGE, SELF, 0], 7, 1)).toBe(OK);
    expect(bytesAt(1, PAGE * 4096, 7)).toBe('granted');
    expect([pcpuOf(0), pcpuOf(1)]).toEqual([0, 1]);
    expect(map(1, REF)[0]).toBe(OK);
    expect([pcpuOf(0), pcpuOf(1), pcpuOf(2)]).toEqual([0, 0, 2]);
    grant(x, 2, REF, 1, 0, PAGE);
    expect(map(0, REF, WINDOW, HOST_MAP, 2)[0]).toBe(OK);
    expect([pcpuOf(0), pcpuOf(1), pcpuOf(2)]).toEqual([2, 2, 2]); // the whole gang
    destroyAll();
  });
});

describe('the end of a domain', () => {
  it('revokes what others mapped of it: no mapping outlives its grant', () => {
    map(1, REF);
    map(1, REF, WINDOW + 4096);
    const flushes = () => x.guests[1]!.vcpu.counter(x.core.layout.COUNTER_TLB_FLUSH);
    const before = flushes();
    destroyDomain(x.core, 0);
    expect([frameAt(1, WINDOW), frameAt(1, WINDOW + 4096)]).toEqual([0xffffffff, 0xffffffff]);
    expect(flushes()).toBe(before + 1);
    // The handle stays until the mapper lets it go, and reads as ones meanwhile.
    expect(x.core.call.peekU8(x.guests[1]!.vcpu.base, WINDOW)).toBe(0xff);
    expect([unmap(1, 0), unmap(1, 0)]).toEqual([0, BAD_HANDLE]);
    expect(x.core.call.peekU8(x.guests[1]!.vcpu.base, WINDOW)).toBe(-1);
    expect(map(1, REF)[0]).toBe(BAD_DOMAIN);
    destroyDomain(x.core, 1);
    destroyDomain(x.core, 2);
    expect(x.host.freeFrames).toBe(x.frames);
  });

  it('gives back what it mapped', () => {
    map(1, REF);
    destroyDomain(x.core, 1);
    expect([references(x.core, frame()), flagsOf(REF)]).toEqual([1, 1]);
    destroyDomain(x.core, 0);
    destroyDomain(x.core, 2);
    expect(x.host.freeFrames).toBe(x.frames);
  });
});
