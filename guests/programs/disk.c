/*
 * A disk: reads and hashes all of it, then `n` random transfers, half of them writes, in one to sixteen parts of random sizes,
 * scattered over memory, each read compared with what was written there; last it reads all again.
 */
#include "disk.h"

#define PAGES 32
#define PAGE 4096

static u8 *memory; /* PAGES pages, from which parts are cut */
static u8 *model;  /* what the disk must hold */

static u32 hash_disk(u32 sectors) {
    u32 hash = MIX_START;
    for (u32 sector = 0; sector < sectors; sector++) {
        u8 *part = memory;
        if (disk_read(sector, &part, 1, SECTOR_BYTES)) panic("cannot read");
        memcpy(model + sector * SECTOR_BYTES, memory, SECTOR_BYTES);
        for (u32 i = 0; i < SECTOR_BYTES; i += 4) hash = mix(hash, *(u32 *)(memory + i));
    }
    return hash;
}

/* Cuts memory into parts that do not overlap: one in every second page, at any offset, and across the page's end. */
static void cut(u8 **parts, u32 count, u32 *state) {
    for (u32 i = 0; i < count; i++) parts[i] = memory + i * 2 * PAGE + next_random(state) % PAGE;
}

void program(void) {
    u32 sectors = disk_open(), n = argument("n", 300), state = seeded(argument("seed", 1)), wrong = 0, refused = 0;
    u8 *parts[PARTS_MAX];
    memory = heap(PAGES * PAGE);
    model = heap(sectors * SECTOR_BYTES);
    begin("disk-before");
    end(hash_disk(sectors));
    for (u32 round = 0; round < n; round++) {
        u32 count = 1 + next_random(&state) % PARTS_MAX, bytes = SECTOR_BYTES * (1 + next_random(&state) % 8);
        u32 length = count * bytes, sector = next_random(&state) % (sectors - length / SECTOR_BYTES + 1);
        u8 *here = model + sector * SECTOR_BYTES;
        cut(parts, count, &state);
        if (next_random(&state) & 1) {
            for (u32 i = 0; i < length; i += 4) *(u32 *)(here + i) = next_random(&state);
            for (u32 i = 0; i < count; i++) memcpy(parts[i], here + i * bytes, bytes);
            if (disk_write(sector, parts, count, bytes)) panic("cannot write");
        } else {
            if (disk_read(sector, parts, count, bytes)) panic("cannot read");
            for (u32 i = 0; i < count; i++) wrong += !!memcmp(parts[i], here + i * bytes, bytes);
        }
    }
    begin("disk-wrong");
    end(wrong);
    cut(parts, 1, &state); /* beyond the end, and half a sector: both are refused */
    refused += disk_read(sectors, parts, 1, SECTOR_BYTES) == 1;
    refused += disk_write(sectors - 1, parts, 1, 2 * SECTOR_BYTES) == 1;
    refused += disk_read(0, parts, 1, SECTOR_BYTES / 2) == 1;
    begin("disk-refused");
    end(refused);
    begin("disk-after");
    end(hash_disk(sectors));
}
