import { describe, expect, it } from 'vitest';
import { CR0_AM, CR0_PE, CR0_PG, CR0_WP, CR4_PSE } from './machine.js';
import type { Kind } from './model.js';
import type { Pair } from './pair.js';
import {
  A,
  D,
  EPTP,
  EPTP_FLAGS,
  G,
  GUEST,
  LARGE,
  LARGE_PDE,
  LINEAR,
  makeTables,
  P,
  PDE,
  PS,
  PTE,
  RW,
  setEpt,
  US,
} from './tables.js';

const FLAG_AC = 1 << 18;

function access(pair: Pair, kind: Kind, linear: number, user = false, size = 4) {
  return pair.access({ kind, linear, size, value: 0x01020304, user });
}

/** Misses of an access. */
function misses(pair: Pair, kind: Kind, linear: number, user = false): number {
  const before = pair.machine.count('COUNTER_TLB_MISS');
  access(pair, kind, linear, user);
  return pair.machine.count('COUNTER_TLB_MISS') - before;
}

describe('what is held', () => {
  it('is used however stale, until INVLPG', () => {
    const pair = makeTables(EPTP);
    access(pair, 'write', LINEAR);
    pair.write32(PTE, 0x4000 | P | A); // read-only now, and another frame
    expect(misses(pair, 'write', LINEAR)).toBe(0);
    expect(pair.machine.read32(GUEST + 0x3000)).toBe(0x01020304);
    pair.flush('page', LINEAR + 0xfff);
    expect(access(pair, 'write', LINEAR)).toMatchObject({ vector: 14, error: 3 });
    expect(misses(pair, 'read', LINEAR)).toBe(1);
    pair.compareTlb();
  });

  it('is kept apart for supervisor and user', () => {
    const pair = makeTables(EPTP);
    pair.write32(PTE, 0x3000 | P | RW | A | D);
    expect(misses(pair, 'read', LINEAR)).toBe(1);
    expect(access(pair, 'read', LINEAR, true)).toMatchObject({ error: 5 });
    pair.write32(PTE, 0x3000 | P | RW | US | A | D);
    expect(misses(pair, 'read', LINEAR, true)).toBe(1);
    expect(misses(pair, 'read', LINEAR, true)).toBe(0);
    pair.flush('page', LINEAR); // INVLPG drops both
    expect(misses(pair, 'read', LINEAR, true)).toBe(1);
    expect(misses(pair, 'read', LINEAR)).toBe(1);
    pair.compareTlb();
  });

  it('gives way to another page with the same index, and only to that', () => {
    const pair = makeTables(EPTP);
    pair.write32(GUEST + 0x1000 + 4 * 9, 0x2000 | P | RW | US); // 0x02403000 has the index of 0x00403000
    access(pair, 'read', LINEAR);
    access(pair, 'read', LINEAR + 0x1000);
    access(pair, 'read', LINEAR + 0x2000000);
    expect(misses(pair, 'read', LINEAR + 0x1000)).toBe(0);
    expect(misses(pair, 'read', LINEAR)).toBe(1);
    pair.compareTlb();
  });

  it('is dropped by a fault on the page', () => {
    const pair = makeTables(EPTP);
    pair.write32(PTE, 0x3000 | P | US);
    access(pair, 'read', LINEAR);
    expect(access(pair, 'write', LINEAR)).toMatchObject({ error: 3 });
    expect(misses(pair, 'read', LINEAR)).toBe(1);
  });

  it('of an execute-only page permits fetching alone', () => {
    const pair = makeTables(EPTP);
    setEpt(pair, 3, 4);
    expect(misses(pair, 'fetch', LINEAR)).toBe(1);
    expect(misses(pair, 'fetch', LINEAR)).toBe(0);
    expect(pair.machine.entry(LINEAR).tagR & 0xfff).not.toBe(0);
    expect(access(pair, 'read', LINEAR)).toMatchObject({ kind: 'violation', qualification: 0x1a1 });
  });

  it('does not depend on which accesses filled it: writing before reading gives the same entry as the reverse', () => {
    const [one, two] = [makeTables(EPTP_FLAGS), makeTables(EPTP_FLAGS)];
    for (const kind of ['write', 'read', 'fetch'] as const) access(one, kind, LINEAR);
    for (const kind of ['fetch', 'read', 'write'] as const) access(two, kind, LINEAR);
    expect(one.machine.entry(LINEAR)).toEqual(two.machine.entry(LINEAR));
  });

  it('changes nothing between two vCPUs', () => {
    const { machine } = makeTables(EPTP);
    machine.mmu.readU32(machine.s, LINEAR);
    const held = machine.s2 + machine.at('VCPU_TLB_HELD');
    expect(new Uint32Array(machine.view.buffer, held, 8192).every((word) => word === 0)).toBe(true);
  });
});

describe('flushing', () => {
  /** No two with the same index: a global page, a plain one and two fragments of a large one. */
  const PLACES = [LINEAR, LINEAR + 0x1000, LARGE + 0x3000, LARGE + 0x4000];

  function filled(): Pair {
    const pair = makeTables(EPTP);
    pair.write32(PTE, 0x3000 | P | RW | US | G);
    for (const linear of PLACES) access(pair, 'read', linear);
    return pair;
  }
  const held = (pair: Pair) => PLACES.map((linear) => pair.machine.entry(linear).held !== 0);

  it('keeps global entries on a load of CR3', () => {
    const pair = filled();
    pair.flush('nonGlobal');
    expect(held(pair)).toEqual([true, false, false, false]);
    expect(misses(pair, 'read', LINEAR)).toBe(0);
    pair.compareTlb();
  });

  it('ignores G while CR4.PGE is 0', () => {
    const pair = makeTables(EPTP);
    pair.set({ cr4: CR4_PSE });
    pair.write32(PTE, 0x3000 | P | RW | US | G);
    access(pair, 'read', LINEAR);
    pair.flush('nonGlobal');
    expect(misses(pair, 'read', LINEAR)).toBe(1);
  });

  it('drops everything when asked to', () => {
    const pair = filled();
    pair.flush('all');
    expect(held(pair)).toEqual([false, false, false, false]);
    pair.compareTlb();
  });

  it('of one fragment of a 4 MiB page drops them all, but no neighbour', () => {
    const pair = filled();
    pair.flush('page', LARGE + 0x1f_f000);
    expect(held(pair)).toEqual([true, true, false, false]);
    pair.compareTlb();
  });

  it('of a global 4 MiB page drops all its fragments', () => {
    const pair = makeTables(EPTP);
    pair.write32(LARGE_PDE, PS | P | RW | US | G);
    for (const linear of [LARGE, LARGE + 0x1000]) access(pair, 'read', linear);
    pair.flush('page', LARGE + 0x2000);
    expect(misses(pair, 'read', LARGE)).toBe(1);
    pair.compareTlb();
  });

  it('counts whole-TLB invalidations and nothing else', () => {
    const pair = filled();
    pair.flush('page', LINEAR);
    pair.flush('nonGlobal');
    pair.flush('all');
    expect(pair.machine.count('COUNTER_TLB_FLUSH')).toBe(2);
  });

  /** 1024 pages of one PDE, all on the same frame. */
  function wide(global: (page: number) => boolean): Pair {
    const pair = makeTables(0);
    for (let i = 0; i < 1024; i++)
      pair.write32(GUEST + 0x2000 + 4 * i, 0x3000 | P | RW | US | A | D | (global(i) ? G : 0));
    return pair;
  }

  for (const [name, pages, global] of [
    ['fewer pages than the log holds', 200, () => false],
    ['exactly as many pages as the log holds', 256, () => false],
    ['one page more than the log holds', 257, () => false],
    ['more pages than the log holds', 1024, () => false],
    ['more pages than the log holds, some global', 1024, (i: number) => i % 7 === 0],
    ['many global pages', 1024, (i: number) => i % 7 !== 0],
  ] as const) {
    for (const kind of ['all', 'nonGlobal'] as const) {
      it(`after touching ${name} drops what it must: ${kind}`, () => {
        const pair = wide(global);
        for (let round = 0; round < 3; round++) {
          for (let i = 0; i < pages; i++) access(pair, 'read', 0x00400000 + 4096 * i, i % 3 === 0);
          pair.compareTlb();
          pair.flush(kind);
          pair.compareTlb();
        }
      });
    }
  }

  it('drops a page that took the slot of a global one', () => {
    const pair = makeTables(EPTP);
    pair.write32(PTE, 0x3000 | P | RW | US | G);
    access(pair, 'read', LINEAR);
    access(pair, 'read', LARGE); // has the same index
    pair.flush('nonGlobal');
    pair.compareTlb();
  });

  it('between an INVLPG of a slot and its next filling loses nothing', () => {
    const pair = wide((i) => i === 5);
    for (let i = 0; i < 600; i++) {
      access(pair, 'read', 0x00400000 + 4096 * (i % 10));
      pair.flush('page', 0x00400000 + 4096 * (i % 7));
      if (i % 3 === 0) pair.write32(GUEST + 0x2000 + 4 * (i % 10), 0x3000 | P | RW | US | (i % 2 ? G : 0));
      if (i % 101 === 0) pair.flush('nonGlobal');
    }
    pair.compareTlb();
    pair.flush('nonGlobal');
    pair.compareTlb();
    pair.flush('all');
    pair.compareTlb();
  });

  it('invalidates the fetch register where it drops its translation', () => {
    const pair = makeTables(EPTP);
    const { machine } = pair;
    const fetched = (): boolean => (machine.get('VCPU_FETCH_PAGE') & 0xfff) === 0;
    access(pair, 'fetch', LINEAR + 0x1000);
    pair.flush('page', LINEAR);
    expect(fetched()).toBe(true);
    pair.flush('page', LINEAR + 0x1fff);
    expect(fetched()).toBe(false);
    access(pair, 'fetch', LARGE);
    pair.flush('page', LARGE + 0x5000);
    expect(fetched()).toBe(false);
    for (const kind of ['all', 'nonGlobal'] as const) {
      access(pair, 'fetch', LINEAR);
      expect(machine.get('VCPU_FETCH_PAGE')).toBe(LINEAR);
      pair.flush(kind);
      expect(fetched()).toBe(false);
    }
  });
});

describe('a value that crosses a page', () => {
  it('is read and written whole', () => {
    const pair = makeTables(EPTP_FLAGS);
    for (const offset of [4093, 4094, 4095]) {
      access(pair, 'write', LINEAR + offset);
      access(pair, 'read', LINEAR + offset);
      access(pair, 'read', LINEAR + offset, true, 2);
    }
    expect(pair.machine.mmu.readU32(pair.machine.s, LINEAR + 4093)).toBe(0x03040404);
  });

  it('leaves no byte behind when the second page faults', () => {
    const pair = makeTables(EPTP);
    pair.write32(PTE + 4, 0x4000 | P | US | A);
    const before = pair.machine.read32(GUEST + 0x3ffc);
    expect(access(pair, 'write', LINEAR + 4094)).toEqual({
      kind: 'exception',
      vector: 14,
      error: 3,
      address: LINEAR + 0x1000, // the first byte that faults
    });
    expect(pair.machine.read32(GUEST + 0x3ffc)).toBe(before);
    expect(pair.machine.read32(PTE) & D).toBe(D); // the first page's flags are set all the same
  });

  it('leaves no byte behind when the EPT forbids the second page', () => {
    const pair = makeTables(EPTP);
    setEpt(pair, 4, 5);
    expect(access(pair, 'write', LINEAR + 4095, false, 2)).toEqual({
      kind: 'violation',
      qualification: 0x1aa,
      linear: LINEAR + 0x1000,
      physical: 0x4000,
    });
  });

  it('wraps around at 4 GiB', () => {
    const pair = makeTables(0);
    pair.write32(GUEST + 0x1000, PS | P | RW | US); // linear 0 … 4 MiB
    pair.write32(GUEST + 0x1ffc, PS | P | RW | US); // the last 4 MiB
    pair.set({ directLimit: 0x1000000 });
    access(pair, 'write', 0xfffffffe);
    access(pair, 'read', 0xfffffffd);
  });
});

describe('probing', () => {
  it('for writing makes the access that follows free of faults and misses', () => {
    const pair = makeTables(EPTP_FLAGS);
    const { machine } = pair;
    machine.mmu.probeWrite(machine.s, LINEAR + 4092, 8);
    expect(machine.fault()).toBeUndefined();
    expect(machine.count('COUNTER_TLB_MISS')).toBe(2);
    machine.mmu.writeU32(machine.s, LINEAR + 4094, 1);
    expect(machine.count('COUNTER_TLB_MISS')).toBe(2);
  });

  it('reports the page that would fault', () => {
    const pair = makeTables(EPTP);
    pair.write32(PTE + 4, 0);
    const { machine } = pair;
    machine.mmu.probeWrite(machine.s, LINEAR + 4092, 4);
    expect(machine.fault()).toBeUndefined();
    machine.mmu.probeWrite(machine.s, LINEAR + 4092, 5);
    expect(machine.fault()).toEqual({ kind: 'exception', vector: 14, error: 2, address: LINEAR + 0x1000 });
    machine.mmu.probeRead(machine.s, LINEAR + 4095, 2);
    expect(machine.fault()).toEqual({ kind: 'exception', vector: 14, error: 0, address: LINEAR + 0x1000 });
  });
});

describe('other ways in', () => {
  it('implicit supervisor accesses ignore the CPL', () => {
    const pair = makeTables(EPTP);
    pair.write32(PDE, 0x2000 | P | RW);
    const { machine } = pair;
    machine.user = true;
    machine.mmu.writeSystemU32(machine.s, LINEAR, 0x89abcdef);
    expect(machine.mmu.readSystemU32(machine.s, LINEAR) >>> 0).toBe(0x89abcdef);
    expect(machine.mmu.readSystemU16(machine.s, LINEAR + 2)).toBe(0x89ab);
    expect(machine.mmu.readSystemU8(machine.s, LINEAR + 3)).toBe(0x89);
    machine.mmu.writeSystemU8(machine.s, LINEAR, 1);
    machine.mmu.writeSystemU16(machine.s, LINEAR + 1, 0x0302);
    expect(machine.mmu.readSystemU32(machine.s, LINEAR) >>> 0).toBe(0x89030201);
    expect(machine.fault()).toBeUndefined();
    machine.mmu.readU8(machine.s, LINEAR);
    expect(machine.fault()).toMatchObject({ vector: 14, error: 5 });
    pair.write32(PDE, 0);
    machine.mmu.flushAll(machine.s);
    machine.mmu.readSystemU8(machine.s, LINEAR);
    expect(machine.fault()).toMatchObject({ vector: 14, error: 0 }); // U/S = 0 in the error code, too
  });

  it('peeking reads what is mapped and changes nothing', () => {
    for (const eptp of [0, EPTP, EPTP_FLAGS]) {
      const pair = makeTables(eptp);
      const { machine } = pair;
      machine.user = true;
      const before = Buffer.from(machine.view.buffer.slice(0, machine.dram + machine.bytes.length));
      expect(machine.mmu.peekU8(machine.s, LINEAR + 4)).toBe(0x44);
      expect(machine.mmu.peekU8(machine.s, LARGE + 4)).toBe(0x44);
      expect(machine.mmu.peekU8(machine.s, LINEAR + 0x5000)).toBe(-1);
      expect(machine.mmu.peekU8(machine.s, 0xfffff000)).toBe(-1);
      expect(Buffer.compare(before, Buffer.from(machine.view.buffer.slice(0, before.length)))).toBe(0);
    }
  });

  it('host addresses are given only for what bulk operations may touch', () => {
    const pair = makeTables(EPTP);
    const { mmu, s, dram } = pair.machine;
    expect(mmu.hostRead(s, LINEAR + 16, 4080)).toBe(dram + GUEST + 0x3010);
    expect(mmu.hostRead(s, LINEAR + 16, 4081)).toBe(0);
    expect(mmu.hostWrite(s, LINEAR + 16, 4080)).toBe(dram + GUEST + 0x3010);
    expect(pair.machine.fault()).toBeUndefined();
    expect(mmu.hostWrite(s, LINEAR + 0x5000, 1)).toBe(0);
    expect(pair.machine.fault()).toMatchObject({ vector: 14, error: 2 });
  });

  it('the fetch register takes its EIP base from CS', () => {
    const pair = makeTables(EPTP);
    const { machine } = pair;
    machine.view.setUint32(machine.s + machine.at('VCPU_SEGMENTS') + 16 + 4, 0x00401234, true);
    expect(machine.mmu.fetchPage(machine.s, LINEAR + 0x10)).toBe(1);
    expect(machine.get('VCPU_EIP_PAGE')).toBe((LINEAR - 0x00401234) >>> 0);
    expect(machine.get('VCPU_FETCH_BASE')).toBe(machine.dram + GUEST + 0x3000);
    pair.write32(PTE, 0);
    machine.mmu.flushAll(machine.s);
    expect(machine.mmu.fetchPage(machine.s, LINEAR)).toBe(0);
    expect(machine.fault()).toMatchObject({ vector: 14, error: 0, address: LINEAR });
  });
});

describe('alignment check', () => {
  function checked(cr0: number, eflags: number, user: boolean): Pair {
    const pair = makeTables(EPTP);
    pair.set({ cr0: (CR0_PE | CR0_PG | CR0_WP | cr0) >>> 0 });
    pair.machine.set('VCPU_EFLAGS', eflags);
    pair.machine.user = user;
    return pair;
  }

  it('raises #AC(0) for unaligned user accesses when CR0.AM and EFLAGS.AC are set', () => {
    const { machine } = checked(CR0_AM, FLAG_AC, true);
    const { mmu, s } = machine;
    const fault = { kind: 'exception', vector: 17, error: 0, address: 0 };
    const before = machine.read32(GUEST + 0x3000);
    for (const [read, write, linear] of [
      [mmu.readU16, mmu.writeU16, LINEAR + 1],
      [mmu.readU32, mmu.writeU32, LINEAR + 2],
      [mmu.readU32, mmu.writeU32, LINEAR + 4093],
      [mmu.readU16, mmu.writeU16, LINEAR + 4095],
    ] as const) {
      read(s, linear);
      expect(machine.fault()).toEqual(fault);
      write(s, linear, 0xffff);
      expect(machine.fault()).toEqual(fault);
    }
    expect(machine.read32(GUEST + 0x3000)).toBe(before);
    for (const read of [mmu.readU8, mmu.readU16, mmu.readU32]) read(s, LINEAR + 4);
    mmu.readU8(s, LINEAR + 1);
    mmu.readSystemU32(s, LINEAR + 1);
    expect(machine.fault()).toBeUndefined();
  });

  it('comes before a page fault, and needs all three conditions', () => {
    const { machine } = checked(CR0_AM, FLAG_AC, true);
    machine.mmu.readU32(machine.s, LINEAR + 0x5001);
    expect(machine.fault()).toMatchObject({ vector: 17 });
    for (const [cr0, eflags, user] of [
      [0, FLAG_AC, true],
      [CR0_AM, 0, true],
      [CR0_AM, FLAG_AC, false],
    ] as const) {
      const other = checked(cr0, eflags, user).machine;
      other.mmu.readU32(other.s, LINEAR + 1);
      expect(other.fault()).toBeUndefined();
    }
  });
});
