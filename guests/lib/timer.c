/* 8259 PICs (ICW1–ICW4, edge-triggered, cascaded on IRQ 2) and 8254 PIT channel 0 as rate generator. */
#include "machine.h"

#define PIC_MASTER 0x20
#define PIC_SLAVE 0xa0
#define PIT_HERTZ 1193182

void pics_start(u8 mask) {
    static const u8 words[2][4] = {{0x11, IRQ_BASE, 0x04, 0x01}, {0x11, IRQ_BASE + 8, 0x02, 0x01}};
    for (int i = 0; i < 4; i++) {
        outb(i ? PIC_MASTER + 1 : PIC_MASTER, words[0][i]);
        outb(i ? PIC_SLAVE + 1 : PIC_SLAVE, words[1][i]);
    }
    outb(PIC_MASTER + 1, mask);
    outb(PIC_SLAVE + 1, 0xff);
}

void timer_start(u32 hertz, trap_handler *tick) {
    pics_start(0xfe); /* IRQ 0 alone */
    on_trap(IRQ_BASE, tick);
    u32 divisor = PIT_HERTZ / hertz;
    outb(0x43, 0x34); /* channel 0, low then high byte, mode 2, binary */
    outb(0x40, (u8)divisor);
    outb(0x40, (u8)(divisor >> 8));
}

void timer_stop(void) { outb(PIC_MASTER + 1, 0xff); }
void end_of_interrupt(void) { outb(PIC_MASTER, 0x20); } /* non-specific EOI */
