/** What the hypervisor knows of extended page tables: assembly/mmu/ept.ts, which walks and changes them. */

// Rights, as eptMap is told and as entries hold them: Intel SDM Vol. 3C, Table 28-6, "Format of an EPT Page-Table Entry".
export const EPT_WRITE = 1 << 1;
export const EPT_RW = 3;
export const EPT_RWX = 7;
export const EPT_LARGE = 1 << 7;
/** Ignored by the walk: the page is shared, and is copied when it is written. */
export const EPT_COW = 1 << 11;

/** Of an EPT pointer: SDM Vol. 3C, Table 25-9, "Format of Extended-Page-Table Pointer". */
export const EPTP_ACCESSED_DIRTY = 1 << 6;

// SDM Vol. 3C, Table 28-7, "Exit Qualification for EPT Violations"
export const VIOLATION_WRITE = 1 << 1;
export const VIOLATION_FETCH = 1 << 2;
/** Rights of the address, none where nothing is mapped. */
export const VIOLATION_RIGHTS = 7 << 3;
export const VIOLATION_LINEAR_VALID = 1 << 7;
