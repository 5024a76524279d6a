/* programs/disk.h natively: an array. Its contents at the start are those of the catalogue's disk: `sectors` and `contents`. */
#include "../programs/disk.h"

static u32 sectors;
static u8 *store;

u32 disk_open(void) {
    u32 state = seeded(argument("contents", 7));
    sectors = argument("sectors", 256);
    store = heap(sectors * SECTOR_BYTES);
    for (u32 i = 0; i < sectors * SECTOR_BYTES; i += 4) *(u32 *)(store + i) = next_random(&state);
    return sectors;
}

/* 1, VIRTIO_BLK_S_IOERR, for what is not sectors of the disk. */
static u8 *sectors_at(u32 sector, u32 bytes) {
    return bytes % SECTOR_BYTES || sector + bytes / SECTOR_BYTES > sectors ? 0 : store + sector * SECTOR_BYTES;
}

u32 disk_read(u32 sector, u8 *const *parts, u32 count, u32 bytes) {
    u8 *from = sectors_at(sector, count * bytes);
    for (u32 i = 0; from && i < count; i++) memcpy(parts[i], from + i * bytes, bytes);
    return !from;
}

u32 disk_write(u32 sector, u8 *const *parts, u32 count, u32 bytes) {
    u8 *to = sectors_at(sector, count * bytes);
    for (u32 i = 0; to && i < count; i++) memcpy(to + i * bytes, parts[i], bytes);
    return !to;
}
