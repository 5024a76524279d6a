/*
 * A driver of a virtio block device over MMIO, one request at a time: Virtual I/O Device (VIRTIO) Version 1.2, 2.7 "Split
 * Virtqueues", 4.2 "Virtio Over MMIO", 5.2 "Block Device". Addresses for the device are what the caller says they are:
 * guest-physical, or machine addresses where the device was passed through.
 */
#ifndef VIRTIO_H
#define VIRTIO_H

#include "guest.h"

#define VIRTIO_REGISTERS 0xfeb00000u
#define VIRTIO_IRQ 5
#define SECTOR 512
#define SEGMENTS_MAX 16
#define QUEUE_SIZE 32

/* Registers: 4.2.2, "MMIO Device Register Layout" */
enum {
    REG_MAGIC = 0x000, REG_VERSION = 0x004, REG_DEVICE_ID = 0x008, REG_FEATURES = 0x010, REG_FEATURES_SEL = 0x014,
    REG_DRIVER_FEATURES = 0x020, REG_DRIVER_FEATURES_SEL = 0x024, REG_QUEUE_SEL = 0x030, REG_QUEUE_NUM_MAX = 0x034,
    REG_QUEUE_NUM = 0x038, REG_QUEUE_READY = 0x044, REG_NOTIFY = 0x050, REG_INTERRUPT = 0x060, REG_INTERRUPT_ACK = 0x064,
    REG_STATUS = 0x070, REG_DESC = 0x080, REG_DRIVER = 0x090, REG_DEVICE = 0x0a0, REG_CONFIG = 0x100,
};
enum { STATUS_ACKNOWLEDGE = 1, STATUS_DRIVER = 2, STATUS_DRIVER_OK = 4, STATUS_FEATURES_OK = 8, STATUS_NEEDS_RESET = 64 };
enum { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4 };
enum { BLK_IN = 0, BLK_OUT = 1, BLK_FLUSH = 4 };

struct descriptor {
    u64 address;
    u32 length;
    u16 flags, next;
};
struct ring_used {
    u16 flags, index;
    struct {
        u32 id, length;
    } ring[QUEUE_SIZE];
};
/* All that device and driver share: one page. */
struct virtio_page {
    struct descriptor descriptors[QUEUE_SIZE];
    struct {
        u16 flags, index, ring[QUEUE_SIZE];
    } available;
    struct ring_used used;
    struct {
        u32 type, reserved;
        u64 sector;
    } header;
    u8 status;
};
struct disk {
    u32 registers;      /* address of the registers */
    volatile struct virtio_page *page;
    u32 page_address;   /* what the device is told */
    u32 sectors;
    u16 done;           /* requests that came back */
    void (*wait)(void); /* sleeps until the device interrupts; 0: spins */
};

static inline u32 virtio_read(u32 registers, u32 offset) { return *(volatile u32 *)(registers + offset); }
static inline void virtio_write(u32 registers, u32 offset, u32 value) { *(volatile u32 *)(registers + offset) = value; }

/* `page`: zeroed and aligned, where the device finds it at `page_address`. Panics if there is no such device. */
void disk_start(struct disk *disk, u32 registers, void *page, u32 page_address);

/* Reads (BLK_IN) or writes sectors from `sector` on, to or from `count` segments of `bytes` each. Returns the request's status. */
u32 disk_request(struct disk *disk, u32 type, u32 sector, const u32 *addresses, u32 count, u32 bytes);
#endif
