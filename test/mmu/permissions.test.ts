/** Every combination of guest rights, CPL, CR0.WP, access and EPT rights against the model. */
import { describe, expect, it } from 'vitest';
import { CR0_PE, CR0_PG, CR0_WP } from './machine.js';
import type { Kind } from './model.js';
import {
  A,
  D,
  EPTP,
  EPTP_FLAGS,
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

const KINDS: readonly Kind[] = ['read', 'write', 'fetch'];
const EIGHT = [0, 1, 2, 3, 4, 5, 6, 7];
const EPTPS = [0, EPTP, EPTP_FLAGS];

/** P, R/W and U/S from three bits. */
const guest = (n: number): number => (n & 1 ? P : 0) | (n & 2 ? RW : 0) | (n & 4 ? US : 0);

function* modes(): Generator<{ user: boolean; wp: number; kind: Kind }> {
  for (const user of [false, true]) for (const wp of [0, CR0_WP]) for (const kind of KINDS) yield { user, wp, kind };
}

describe('rights', () => {
  for (const eptp of EPTPS) {
    const name = eptp === 0 ? 'no EPT' : eptp === EPTP ? 'EPT' : 'EPT with accessed and dirty flags';

    it(`of 4 KiB pages: ${name}`, () => {
      const pair = makeTables(eptp);
      const outcomes = new Map<string, number>();
      for (const { user, wp, kind } of modes()) {
        pair.set({ cr0: (CR0_PE | CR0_PG | wp) >>> 0 });
        for (const pde of EIGHT) {
          for (const pte of EIGHT) {
            for (const rights of eptp === 0 ? [7] : EIGHT) {
              pair.write32(PDE, 0x2000 | guest(pde));
              pair.write32(PTE, 0x3000 | guest(pte));
              setEpt(pair, 3, rights);
              pair.flush('page', LINEAR);
              const access = { kind, linear: LINEAR + 0x123, size: 1, value: 0x5a, user };
              const fault = pair.access(access, () => JSON.stringify({ pde, pte, rights, wp }));
              const key = fault?.kind ?? 'none';
              outcomes.set(key, (outcomes.get(key) ?? 0) + 1);
            }
          }
        }
      }
      pair.compareTlb();
      const expected = ['exception', ...(eptp === 0 ? [] : ['misconfiguration']), 'none'];
      expect([...outcomes.keys()].sort()).toEqual([...expected, ...(eptp === 0 ? [] : ['violation'])]);
    });

    it(`of 4 MiB pages: ${name}`, () => {
      const pair = makeTables(eptp);
      for (const { user, wp, kind } of modes()) {
        pair.set({ cr0: (CR0_PE | CR0_PG | wp) >>> 0 });
        for (const pde of EIGHT) {
          for (const reserved of [0, 1 << 12, 1 << 13, 1 << 17, 1 << 21]) {
            for (const rights of eptp === 0 ? [7] : EIGHT) {
              pair.write32(LARGE_PDE, PS | guest(pde) | reserved);
              setEpt(pair, 3, rights);
              pair.flush('page', LARGE);
              pair.access({ kind, linear: LARGE + 0x123, size: 1, value: 0x5a, user }, () =>
                JSON.stringify({ pde, rights }),
              );
            }
          }
        }
      }
      pair.compareTlb();
    });
  }

  for (const eptp of [EPTP, EPTP_FLAGS]) {
    it(`of the pages that hold guest tables: ${eptp === EPTP ? 'EPT' : 'EPT with accessed and dirty flags'}`, () => {
      const pair = makeTables(eptp);
      for (const kind of KINDS) {
        for (const pd of EIGHT) {
          for (const pt of EIGHT) {
            for (const flags of [0, A, A | D]) {
              for (const pde of [0, A]) {
                pair.write32(PDE, 0x2000 | P | RW | US | pde);
                pair.write32(PTE, 0x3000 | P | RW | US | flags);
                setEpt(pair, 1, pd);
                setEpt(pair, 2, pt);
                pair.flush('page', LINEAR);
                const access = { kind, linear: LINEAR + 0x123, size: 1, value: 0x5a, user: false };
                pair.access(access, () => JSON.stringify({ pd, pt, flags, pde }));
              }
            }
          }
        }
      }
    });
  }
});
