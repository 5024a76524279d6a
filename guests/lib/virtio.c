/* lib/virtio.h. */
#include "virtio.h"

#define MAGIC 0x74726976u /* "virt" */
#define BLOCK_DEVICE 2
#define FEATURE_VERSION_1 1 /* bit 32: bit 0 of the upper half */

static u32 offset_of(volatile struct virtio_page *page, volatile void *member) { return (u32)member - (u32)page; }

static void set_address(struct disk *disk, u32 offset, volatile void *member) {
    virtio_write(disk->registers, offset, disk->page_address + offset_of(disk->page, member));
    virtio_write(disk->registers, offset + 4, 0);
}

/* 3.1.1, "Driver Requirements: Device Initialization" */
void disk_start(struct disk *disk, u32 registers, void *page, u32 page_address) {
    disk->registers = registers;
    disk->page = page;
    disk->page_address = page_address;
    disk->done = 0;
    if (virtio_read(registers, REG_MAGIC) != MAGIC || virtio_read(registers, REG_VERSION) != 2) panic("no virtio device");
    if (virtio_read(registers, REG_DEVICE_ID) != BLOCK_DEVICE) panic("no disk");
    virtio_write(registers, REG_STATUS, 0);
    while (virtio_read(registers, REG_STATUS)) continue;
    u32 status = STATUS_ACKNOWLEDGE | STATUS_DRIVER;
    virtio_write(registers, REG_STATUS, status);
    virtio_write(registers, REG_DRIVER_FEATURES_SEL, 0);
    virtio_write(registers, REG_DRIVER_FEATURES, 0);
    virtio_write(registers, REG_DRIVER_FEATURES_SEL, 1);
    virtio_write(registers, REG_DRIVER_FEATURES, FEATURE_VERSION_1);
    virtio_write(registers, REG_STATUS, status |= STATUS_FEATURES_OK);
    if (!(virtio_read(registers, REG_STATUS) & STATUS_FEATURES_OK)) panic("the disk refuses these features");
    virtio_write(registers, REG_QUEUE_SEL, 0);
    if (virtio_read(registers, REG_QUEUE_NUM_MAX) < QUEUE_SIZE) panic("the disk's queue is too short");
    virtio_write(registers, REG_QUEUE_NUM, QUEUE_SIZE);
    set_address(disk, REG_DESC, disk->page->descriptors);
    set_address(disk, REG_DRIVER, &disk->page->available);
    set_address(disk, REG_DEVICE, &disk->page->used);
    virtio_write(registers, REG_QUEUE_READY, 1);
    virtio_write(registers, REG_STATUS, status | STATUS_DRIVER_OK);
    disk->sectors = virtio_read(registers, REG_CONFIG);
}

static u32 describe(struct disk *disk, u32 index, u32 address, u32 length, u16 flags) {
    volatile struct descriptor *d = &disk->page->descriptors[index];
    d->address = address;
    d->length = length;
    d->flags = flags;
    d->next = (u16)(index + 1);
    return index + 1;
}

u32 disk_request(struct disk *disk, u32 type, u32 sector, const u32 *addresses, u32 count, u32 bytes) {
    volatile struct virtio_page *page = disk->page;
    u16 flags = DESC_NEXT | (type == BLK_IN ? DESC_WRITE : 0);
    page->header.type = type;
    page->header.reserved = 0;
    page->header.sector = sector;
    page->status = 0xff;
    u32 n = describe(disk, 0, disk->page_address + offset_of(page, &page->header), sizeof page->header, DESC_NEXT);
    for (u32 i = 0; i < count; i++) n = describe(disk, n, addresses[i], bytes, flags);
    describe(disk, n, disk->page_address + offset_of(page, &page->status), 1, DESC_WRITE);
    page->available.ring[page->available.index % QUEUE_SIZE] = 0;
    page->available.index++;
    virtio_write(disk->registers, REG_NOTIFY, 0);
    disk->done++;
    for (;;) {
        if (disk->wait) disk->wait();
        if (page->used.index == disk->done) return page->status;
        if (virtio_read(disk->registers, REG_STATUS) & STATUS_NEEDS_RESET) panic("the disk needs a reset");
    }
}
