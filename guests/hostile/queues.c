/*
 * A driver that lies to its disk: n rounds of garbage in the queue's page, in the registers, in both, with resets between and in the
 * middle. Afterwards the disk must work as if nothing had been. Buffers lie in a region of their own, in the queue's page, or
 * where no memory is, so that the guest only harms itself where it wants to.
 */
#include "machine.h"
#include "virtio.h"

#define BUFFERS 16
#define PAGE 4096

static struct disk disk;
static u32 state;

static u32 below(u32 limit) { return next_random(&state) % limit; }

static u64 address(const u8 *buffers) {
    static const u64 elsewhere[] = {0xfffff000u, 0xfffffffffffffff0u, 0x100000000u, 0xfeb00000u, 0xfee00000u, 0x40000000u};
    u32 kind = below(8);
    if (kind == 0) return elsewhere[below(sizeof elsewhere / sizeof *elsewhere)];
    if (kind == 1) return disk.page_address + below(PAGE);
    return (u32)buffers + below((BUFFERS - 8) * PAGE);
}

static u32 length(void) {
    static const u32 lengths[] = {0, 1, 15, 16, 17, 511, 512, 1024, 4096, 16384, 0xffffffff};
    return lengths[below(sizeof lengths / sizeof *lengths)];
}

/* Random descriptors, but mostly chains that begin with a header. Long buffers lead out of memory, not into the program. */
static void garble(const u8 *buffers) {
    volatile struct virtio_page *page = disk.page;
    for (u32 i = 0; i < QUEUE_SIZE; i++) {
        volatile struct descriptor *d = &page->descriptors[i];
        u32 bytes = length();
        d->address = bytes > 16384 ? 0xf0000000u : address(buffers);
        d->length = bytes;
        d->flags = (u16)(below(4) ? below(4) : below(0x10000));
        d->next = (u16)(below(4) ? i + 1 : below(QUEUE_SIZE + 2));
    }
    page->descriptors[0].address = disk.page_address + (u32)&page->header - (u32)page;
    page->descriptors[0].length = sizeof page->header;
    page->descriptors[0].flags = DESC_NEXT;
    page->header.type = below(3);
    page->header.sector = below(4) ? below(disk.sectors) : (u64)next_random(&state) << 32 | next_random(&state);
    for (u32 i = 0; i < QUEUE_SIZE; i++) page->available.ring[i] = (u16)(below(4) ? 0 : below(0x10000));
    page->available.index = (u16)(page->available.index + (below(8) ? below(4) : below(0x10000)));
}

void program(void) {
    u32 n = argument("n", 2000), registers = argument("registers", VIRTIO_REGISTERS), wrong = 0;
    u8 *buffers = heap(BUFFERS * PAGE), *page = heap(PAGE);
    state = seeded(argument("seed", 1));
    disk_start(&disk, registers, page, (u32)page);
    for (u32 round = 0; round < n; round++) {
        garble(buffers);
        if (!below(4)) virtio_write(disk.registers, below(0x40) * 4, below(3) ? below(QUEUE_SIZE + 1) : next_random(&state));
        virtio_write(disk.registers, REG_NOTIFY, 0);
        virtio_write(disk.registers, REG_INTERRUPT_ACK, 3);
        if (below(2)) continue;
        memset(page, 0, PAGE);
        disk_start(&disk, registers, page, (u32)page);
    }
    memset(page, 0, PAGE);
    disk_start(&disk, registers, page, (u32)page);
    for (u32 sector = 0; sector < disk.sectors; sector++) { /* each sector is written, and read to another place */
        u32 out = (u32)buffers, in = (u32)buffers + PAGE;
        for (u32 i = 0; i < SECTOR; i += 4) *(u32 *)(out + i) = next_random(&state);
        wrong += disk_request(&disk, BLK_OUT, sector, &out, 1, SECTOR) != 0;
        wrong += disk_request(&disk, BLK_IN, sector, &in, 1, SECTOR) != 0;
        wrong += memcmp(buffers, buffers + PAGE, SECTOR) != 0;
    }
    begin("hostile-queues");
    end(wrong);
}
