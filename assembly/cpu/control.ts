/** Control registers' bits. Intel SDM Vol. 3A, 2.5, "Control Registers". */

// CR0
export const CR0_PE: u32 = 1 << 0; //   protection enable
export const CR0_MP: u32 = 1 << 1; //   monitor coprocessor
export const CR0_EM: u32 = 1 << 2; //   emulation
export const CR0_TS: u32 = 1 << 3; //   task switched
export const CR0_ET: u32 = 1 << 4; //   extension type, always 1
export const CR0_NE: u32 = 1 << 5; //   numeric error
export const CR0_WP: u32 = 1 << 16; //  write protect
export const CR0_AM: u32 = 1 << 18; //  alignment mask
export const CR0_NW: u32 = 1 << 29; //  not write-through
export const CR0_CD: u32 = 1 << 30; //  cache disable
export const CR0_PG: u32 = 1 << 31; //  paging
/** Bits that can be written; the others ignore writes. */
export const CR0_WRITABLE: u32 =
  CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG;

// CR3
export const CR3_WRITABLE: u32 = 0xfffff018; // base, PCD, PWT

// CR4
export const CR4_TSD: u32 = 1 << 2; //          time-stamp disable
export const CR4_DE: u32 = 1 << 3; //           debugging extensions
export const CR4_PSE: u32 = 1 << 4; //          page-size extensions
export const CR4_PGE: u32 = 1 << 7; //          page-global enable
export const CR4_PCE: u32 = 1 << 8; //          performance-counter enable
export const CR4_OSFXSR: u32 = 1 << 9; //       FXSAVE and FXRSTOR
export const CR4_OSXMMEXCPT: u32 = 1 << 10; //  unmasked SIMD floating-point exceptions
/** The rest is reserved on this processor: VME, PVI, PAE, MCE and later ones are not in CPUID. */
export const CR4_DEFINED: u32 = CR4_TSD | CR4_DE | CR4_PSE | CR4_PGE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT;
