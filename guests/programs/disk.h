/* What programs/disk.c needs of the machine: a disk, and memory from which it transfers. */
#ifndef DISK_H
#define DISK_H

#include "guest.h"

#define SECTOR_BYTES 512
#define PARTS_MAX 16

u32 disk_open(void); /* its number of sectors */
/* Transfers `count` parts of `bytes` each, one behind the other from `sector` on. Returns 0, or the status that the disk gives. */
u32 disk_read(u32 sector, u8 *const *parts, u32 count, u32 bytes);
u32 disk_write(u32 sector, u8 *const *parts, u32 count, u32 bytes);
#endif
