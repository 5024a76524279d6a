/* programs/disk.h on the machine: a virtio block device; with `irq=1` it sleeps until its interrupt. */
#include "disk.h"
#include "machine.h"
#include "virtio.h"

static struct disk disk;
static volatile u32 interrupts;
static u32 taken;

static void on_interrupt(struct frame *frame) {
    (void)frame;
    virtio_write(disk.registers, REG_INTERRUPT_ACK, virtio_read(disk.registers, REG_INTERRUPT));
    interrupts++;
    end_of_interrupt();
}

/* STI delays interrupts by one instruction, so none is lost between the test and HLT. */
static void sleep(void) {
    while (interrupts == taken) __asm__ volatile("sti; hlt; cli" : : : "memory");
    taken = interrupts;
}

u32 disk_open(void) {
    void *page = heap(sizeof(struct virtio_page));
    if (argument("irq", 0)) {
        u32 irq = argument("line", VIRTIO_IRQ);
        tables_init();
        pics_start((u8)~(1u << irq));
        on_trap(IRQ_BASE + irq, on_interrupt);
        disk.wait = sleep;
    }
    disk_start(&disk, argument("registers", VIRTIO_REGISTERS), page, (u32)page);
    return disk.sectors;
}

static u32 transfer(u32 type, u32 sector, u8 *const *parts, u32 count, u32 bytes) {
    u32 addresses[PARTS_MAX];
    for (u32 i = 0; i < count; i++) addresses[i] = (u32)parts[i];
    return disk_request(&disk, type, sector, addresses, count, bytes);
}

u32 disk_read(u32 sector, u8 *const *parts, u32 count, u32 bytes) { return transfer(BLK_IN, sector, parts, count, bytes); }
u32 disk_write(u32 sector, u8 *const *parts, u32 count, u32 bytes) { return transfer(BLK_OUT, sector, parts, count, bytes); }
