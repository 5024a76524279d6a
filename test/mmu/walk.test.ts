import { describe, expect, it } from 'vitest';
import { CR0_PE } from './machine.js';
import type { Kind } from './model.js';
import type { Pair } from './pair.js';
import {
  A,
  D,
  EPT_A,
  EPT_D,
  EPT_PS,
  EPT_WB,
  EPTP,
  EPTP_FLAGS,
  eptEntry,
  FRAMES,
  GUEST,
  LARGE,
  LARGE_PDE,
  LINEAR,
  makeTables,
  P,
  PD,
  PDE,
  PDPT,
  PML4,
  PS,
  PT,
  PTE,
  RW,
  SECOND_PD,
  setEpt,
  US,
} from './tables.js';

/** A cold access; returns the references it made: [guest, EPT, TLB misses]. */
function cold(pair: Pair, linear: number, kind: Kind = 'read'): number[] {
  const { machine } = pair;
  const counts = () =>
    ['COUNTER_WALK_GUEST', 'COUNTER_WALK_EPT', 'COUNTER_TLB_MISS'].map((name) => machine.count(name));
  pair.flush('all');
  const before = counts();
  expect(pair.access({ kind, linear, size: 4, value: 0x12345678, user: false })).toBeUndefined();
  return counts().map((count, i) => count - before[i]!);
}

describe('references of a cold walk', () => {
  for (const [name, eptp] of [
    ['without', EPTP],
    ['with', EPTP_FLAGS],
  ] as const) {
    it(`are 2 + 12 through two levels of guest tables and four of EPT, ${name} EPT flags`, () => {
      const pair = makeTables(eptp);
      for (const kind of ['read', 'write', 'fetch'] as const) expect(cold(pair, LINEAR, kind)).toEqual([2, 12, 1]);
    });

    it(`are 1 + 8 for a 4 MiB page, ${name} EPT flags`, () => {
      expect(cold(makeTables(eptp), LARGE)).toEqual([1, 8, 1]);
    });

    it(`are 2 + 9 with 2 MiB EPT leaves, ${name} EPT flags`, () => {
      const pair = makeTables(eptp);
      pair.write64(PD, EPT_PS | EPT_WB | 7n); // guest-physical 0 … 2 MiB is machine 0 … 2 MiB
      pair.set({ cr3: GUEST + 0x1000 });
      pair.write32(PDE, (GUEST + 0x2000) | P | RW | US);
      expect(cold(pair, LINEAR)).toEqual([2, 9, 1]);
      expect(cold(pair, LINEAR)).toEqual([2, 9, 1]); // now with all flags set
    });

    it(`are 2 + 6 with 1 GiB EPT leaves, ${name} EPT flags`, () => {
      const pair = makeTables(eptp);
      pair.write64(PDPT, EPT_PS | EPT_WB | 7n);
      pair.set({ cr3: GUEST + 0x1000 });
      pair.write32(PDE, (GUEST + 0x2000) | P | RW | US);
      expect(cold(pair, LINEAR)).toEqual([2, 6, 1]);
      expect(cold(pair, LINEAR)).toEqual([2, 6, 1]);
    });

    it(`are 0 + 4 with paging off, ${name} EPT flags`, () => {
      const pair = makeTables(eptp);
      pair.set({ cr0: CR0_PE });
      expect(cold(pair, 0x3000)).toEqual([0, 4, 1]);
    });
  }

  it('are 2 + 0 without EPT', () => {
    expect(cold(makeTables(0), LINEAR)).toEqual([2, 0, 1]);
    expect(cold(makeTables(0), LARGE)).toEqual([1, 0, 1]);
  });

  it('are none when the translation is held', () => {
    const pair = makeTables(EPTP);
    cold(pair, LINEAR, 'write');
    const before = pair.machine.count('COUNTER_WALK_EPT');
    for (const kind of ['read', 'write', 'fetch'] as const) {
      pair.access({ kind, linear: LINEAR + 8, size: 4, value: 1, user: false });
    }
    expect(pair.machine.count('COUNTER_WALK_EPT')).toBe(before);
    expect(pair.machine.count('COUNTER_TLB_MISS')).toBe(1);
  });

  it('of a walk that fails are those it made', () => {
    const pair = makeTables(EPTP);
    pair.write64(eptEntry(2), 0n); // the page table
    pair.flush('all');
    const fault = pair.access({ kind: 'read', linear: LINEAR, size: 1, value: 0, user: false });
    expect(fault?.kind).toBe('violation');
    expect([pair.machine.count('COUNTER_WALK_GUEST'), pair.machine.count('COUNTER_WALK_EPT')]).toEqual([1, 8]);
  });
});

describe('accessed and dirty flags', () => {
  it('of guest entries: a read sets A, a write A and D, in the entry that maps the page', () => {
    const pair = makeTables(EPTP);
    cold(pair, LINEAR);
    expect([pair.machine.read32(PDE) & (A | D), pair.machine.read32(PTE) & (A | D)]).toEqual([A, A]);
    cold(pair, LINEAR, 'write');
    expect([pair.machine.read32(PDE) & (A | D), pair.machine.read32(PTE) & (A | D)]).toEqual([A, A | D]);
    cold(pair, LARGE, 'fetch');
    expect(pair.machine.read32(LARGE_PDE) & (A | D)).toBe(A);
    cold(pair, LARGE, 'write');
    expect(pair.machine.read32(LARGE_PDE) & (A | D)).toBe(A | D);
  });

  it('of EPT entries: guest tables become dirty by being walked, the page only by a write', () => {
    const pair = makeTables(EPTP_FLAGS);
    const flags = (at: number): bigint => pair.machine.read64(at) & (EPT_A | EPT_D);
    cold(pair, LINEAR);
    expect([PML4, PDPT, PD].map(flags)).toEqual([EPT_A, EPT_A, EPT_A]);
    expect([1, 2, 3, 4].map((frame) => flags(eptEntry(frame)))).toEqual([EPT_A | EPT_D, EPT_A | EPT_D, EPT_A, 0n]);
    cold(pair, LINEAR, 'write');
    expect(flags(eptEntry(3))).toBe(EPT_A | EPT_D);
  });

  it('of EPT entries stay as they are when the EPTP does not enable them', () => {
    const pair = makeTables(EPTP);
    cold(pair, LINEAR, 'write');
    expect([PML4, PDPT, PD, eptEntry(1), eptEntry(3)].map((at) => pair.machine.read64(at) & EPT_A)).toEqual(
      new Array(5).fill(0n),
    );
  });

  it('first write to a page held for reading walks again, later ones do not', () => {
    const pair = makeTables(EPTP_FLAGS);
    const access = (kind: Kind) => pair.access({ kind, linear: LINEAR, size: 4, value: 7, user: false });
    access('read');
    expect(pair.machine.entry(LINEAR).tagW & 0xfff).not.toBe(0);
    access('write');
    access('write');
    expect(pair.machine.count('COUNTER_TLB_MISS')).toBe(2);
    expect(pair.machine.entry(LINEAR).tagW).toBe(LINEAR);
  });

  it('a page whose flags are set already is held for writing by its first read', () => {
    const pair = makeTables(EPTP_FLAGS);
    cold(pair, LINEAR, 'write');
    pair.flush('all');
    pair.access({ kind: 'read', linear: LINEAR, size: 4, value: 0, user: false });
    expect(pair.machine.entry(LINEAR).tagW).toBe(LINEAR);
  });

  it('an update that the EPT forbids is a violation for reading and writing the entry', () => {
    const pair = makeTables(EPTP);
    pair.write32(PDE, pair.machine.read32(PDE) | A);
    setEpt(pair, 2, 1);
    // bits 0, 1 access; 3 readable; 7 linear address valid; not 8: a paging structure
    expect(pair.access({ kind: 'read', linear: LINEAR + 5, size: 1, value: 0, user: false })).toEqual({
      kind: 'violation',
      qualification: 0x8b,
      linear: LINEAR + 5,
      physical: 0x200c,
    });
    pair.write32(PTE, pair.machine.read32(PTE) | A);
    expect(pair.access({ kind: 'read', linear: LINEAR, size: 1, value: 0, user: false })).toBeUndefined();
  });
});

describe('every bit of an EPT entry', () => {
  /** The entry that is changed, what it is, and a guest-physical address that it translates. */
  const CASES = [
    ['PML4E', PML4, BigInt(PDPT)],
    ['PDPTE of a table', PDPT, BigInt(PD)],
    ['PDPTE of a 1 GiB page', PDPT, EPT_PS | EPT_WB],
    ['PDE of a table', PD, BigInt(PT)],
    ['PDE of a 2 MiB page', PD, EPT_PS | EPT_WB],
    ['PTE', eptEntry(3), BigInt(GUEST + 0x3000) | EPT_WB],
  ] as const;
  for (const eptp of [EPTP, EPTP_FLAGS]) {
    for (const [name, at, entry] of CASES) {
      it(`is reserved, ignored or obeyed as the manual says: ${name}, ${eptp === EPTP ? 'without' : 'with'} flags`, () => {
        const pair = makeTables(eptp);
        pair.set({ cr0: CR0_PE });
        const outcomes = new Set<string>();
        for (const rights of [7n, 5n, 3n, 1n, 4n]) {
          for (let bit = 0; bit < 64; bit++) {
            for (const kind of ['read', 'write', 'fetch'] as const) {
              pair.write64(at, (entry | rights) ^ (1n << BigInt(bit)));
              pair.flush('all');
              const access = { kind, linear: 0x3004, size: 4, value: 0x77777777, user: false };
              outcomes.add(pair.access(access, () => `bit ${bit}`)?.kind ?? 'none');
            }
          }
        }
        expect([...outcomes].sort()).toEqual(['misconfiguration', 'none', 'violation']);
      });
    }
  }
});

describe('guest-physical addresses in different GiB', () => {
  for (const eptp of [EPTP, EPTP_FLAGS]) {
    for (let where = 0; where < 8; where++) {
      it(`each take their own way: directory, table and page in ${[4, 2, 1].map((n) => (where & n ? 1 : 0))}`, () => {
        const pair = makeTables(eptp);
        // The second GiB has a directory of its own, whose table maps its frames one further on.
        pair.write64(PDPT + 8, BigInt(SECOND_PD) | 7n | EPT_A);
        pair.write64(SECOND_PD, BigInt(GUEST + 0x9000) | 7n | EPT_A);
        for (let frame = 0; frame < 8; frame++) {
          const machine = BigInt(GUEST + 4096 * (frame + 1));
          pair.write64(GUEST + 0x9000 + 8 * frame, machine | EPT_WB | EPT_A | EPT_D | 7n);
        }
        for (const at of [PML4, PDPT, PD]) pair.write64(at, pair.machine.read64(at) | EPT_A);
        const gib = (n: number, frame: number): number => (where & n ? 0x40000000 + (frame - 1) * 4096 : frame * 4096);
        pair.set({ cr3: gib(4, 1) });
        pair.write32(PDE, gib(2, 2) | P | RW | US);
        pair.write32(PTE, gib(1, 3) | P | RW | US);
        for (const kind of ['read', 'write', 'read'] as const) {
          pair.flush('all');
          expect(pair.access({ kind, linear: LINEAR + 8, size: 4, value: 9, user: false })).toBeUndefined();
        }
        expect(pair.machine.read32(GUEST + 0x3008)).toBe(9);
      });
    }
  }
});

it('a guest that can write its own EPT sees each change at once, also one made by an accessed flag', () => {
  // The guest's page table lies in the EPT's second level: the accessed flag of a PTE is bit 5 of an EPT entry.
  for (const eptp of [EPTP, EPTP_FLAGS]) {
    for (const frame of [PML4, PDPT, PD, PT]) {
      for (let slot = 0; slot < 6; slot++) {
        const pair = makeTables(eptp);
        for (const at of [PML4, PDPT, PD]) pair.write64(at, pair.machine.read64(at) | EPT_A);
        pair.write64(eptEntry(2), BigInt(frame) | EPT_WB | 7n | EPT_A | EPT_D);
        pair.write32(PDE, 0x2000 | P | RW | US);
        for (const kind of ['read', 'write'] as const) {
          pair.flush('all');
          pair.access({ kind, linear: 0x00400000 + slot * 4096, size: 4, value: 0x1234, user: false });
        }
      }
    }
  }
});

describe('absent memory', () => {
  it('starts in the middle of a 2 MiB and of a 1 GiB page', () => {
    for (const eptp of [EPTP, EPTP_FLAGS]) {
      for (const at of [PD, PDPT]) {
        const pair = makeTables(eptp);
        pair.set({ cr0: CR0_PE });
        pair.write64(at, EPT_PS | EPT_WB | 7n | EPT_A | EPT_D);
        for (const linear of [FRAMES * 4096 - 4096, FRAMES * 4096, 0x1ff000]) {
          pair.access({ kind: 'write', linear: linear + 8, size: 4, value: 5, user: false });
          pair.access({ kind: 'read', linear: linear + 8, size: 4, value: 0, user: false });
        }
        pair.compareTlb();
      }
    }
  });

  it('reads as all ones and drops writes', () => {
    const pair = makeTables(EPTP);
    pair.write64(eptEntry(3), 0xf000_0000n | EPT_WB | 7n);
    const access = { linear: LINEAR, size: 4, value: 0, user: false } as const;
    pair.access({ ...access, kind: 'write' });
    pair.access({ ...access, kind: 'write', linear: LINEAR + 4092, size: 4 });
    pair.access({ ...access, kind: 'write', linear: LINEAR + 4094, size: 4 }); // half of it into the next page
    expect(pair.machine.mmu.readU32(pair.machine.s, LINEAR) >>> 0).toBe(0xffffffff);
    expect(pair.machine.mmu.hostWrite(pair.machine.s, LINEAR, 4)).toBe(0);
    const page = pair.machine.at('VOID_PAGE');
    expect(new Uint8Array(pair.machine.view.buffer, page, 4096).every((byte) => byte === 0xff)).toBe(true);
  });

  it('as a page directory without PSE gives entries that are present', () => {
    const pair = makeTables(0);
    pair.set({ cr3: 0x00ff0000, cr4: 0 });
    pair.access({ kind: 'read', linear: LINEAR, size: 4, value: 0, user: true });
    pair.compareTlb();
  });

  it('as a page directory with PSE gives reserved bits', () => {
    const pair = makeTables(0);
    pair.set({ cr3: 0x00ff0000 });
    const fault = pair.access({ kind: 'write', linear: LINEAR, size: 4, value: 0, user: true });
    expect(fault).toEqual({ kind: 'exception', vector: 14, error: 15, address: LINEAR });
  });

  it('a direct window that wraps around does not reach machine address 0', () => {
    const pair = makeTables(0);
    pair.set({ cr0: CR0_PE, directBase: 0xfffff000, directLimit: 0x8000 });
    pair.access({ kind: 'read', linear: 0x1000, size: 4, value: 0, user: false });
    pair.access({ kind: 'write', linear: 0x2000, size: 4, value: 1, user: false });
  });
});

it('a 4 MiB PDE is a table reference while CR4.PSE is 0', () => {
  const pair = makeTables(0);
  pair.write32(LARGE_PDE, 0x2000 | PS | P | RW | US);
  pair.set({ cr4: 0 });
  expect(cold(pair, LARGE)).toEqual([2, 0, 1]);
  expect(pair.machine.mmu.readU32(pair.machine.s, LARGE + 4)).toBe(pair.machine.read32(GUEST + 0x3004));
});
