/**
 * A small guest for walks that are written down by hand.
 *
 *   machine frame 0 PML4 · 1 PDPT · 2 PD · 3 PT · 4 second PD         EPT
 *   guest frame g lies in machine frame 8 + g:
 *     g 1 page directory · 2 page table · 3 data, linear 0x00403000 · 4 data, linear 0x00404000
 *   linear 0x00800000 is a 4 MiB page on guest-physical 0
 */
import { CR0_PE, CR0_PG, CR0_WP, CR4_PGE, CR4_PSE, EPTP_AD } from './machine.js';
import { Pair } from './pair.js';

export const FRAMES = 24;
export const PML4 = 0x0000;
export const PDPT = 0x1000;
export const PD = 0x2000;
export const PT = 0x3000;
export const SECOND_PD = 0x4000; // for a second GiB, empty
export const GUEST = 0x8000; // machine address of guest-physical 0
export const PDE = GUEST + 0x1000 + 4 * 1; //       of linear 0x00400000
export const LARGE_PDE = GUEST + 0x1000 + 4 * 5; // of linear 0x01400000
export const PTE = GUEST + 0x2000 + 4 * 3; //       of linear 0x00403000
export const LINEAR = 0x00403000;
export const LARGE = 0x01403000; // the TLB index of LINEAR

export const P = 1;
export const RW = 2;
export const US = 4;
export const A = 0x20;
export const D = 0x40;
export const PS = 0x80;
export const G = 0x100;

export const EPT_WB = 6n << 3n;
export const EPT_PS = 1n << 7n;
export const EPT_A = 1n << 8n;
export const EPT_D = 1n << 9n;
/** EPTP without and with accessed and dirty flags. */
export const EPTP = PML4 | 6 | (3 << 3);
export const EPTP_FLAGS = EPTP | EPTP_AD;

/** Machine address of the EPT entry of a guest frame. */
export const eptEntry = (frame: number): number => PT + 8 * frame;

export function setEpt(pair: Pair, frame: number, rights: number, extra = 0n): void {
  pair.write64(eptEntry(frame), BigInt(GUEST + frame * 4096) | EPT_WB | BigInt(rights) | extra);
}

/** All tables as described above, everything permitted, no flag set; registers with paging on. */
export function makeTables(eptp: number, stlb: number = 0): Pair {
  const pair = new Pair(FRAMES, stlb);
  pair.write64(PML4, BigInt(PDPT) | 7n);
  pair.write64(PDPT, BigInt(PD) | 7n);
  pair.write64(PD, BigInt(PT) | 7n);
  for (let frame = 0; frame < FRAMES - GUEST / 4096; frame++) setEpt(pair, frame, 7);
  pair.write32(PDE, 0x2000 | P | RW | US);
  pair.write32(LARGE_PDE, PS | P | RW | US);
  pair.write32(PTE, 0x3000 | P | RW | US);
  pair.write32(PTE + 4, 0x4000 | P | RW | US);
  for (let i = 0; i < 4096; i += 4) pair.write32(GUEST + 0x3000 + i, 0x11111111 * (i & 15));
  pair.set({
    cr0: (CR0_PE | CR0_WP | CR0_PG) >>> 0,
    cr3: 0x1000,
    cr4: CR4_PSE | CR4_PGE,
    eptp,
    directBase: GUEST,
    directLimit: (FRAMES - GUEST / 4096) * 4096,
  });
  return pair;
}
