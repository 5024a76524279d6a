/* programs/timer.h on the machine. */
#include "machine.h"
#include "timer.h"

static volatile u32 ticks;
static u32 taken;

static void tick(struct frame *frame) {
    (void)frame;
    ticks++;
    end_of_interrupt();
}

void ticks_start(u32 hertz) {
    tables_init();
    timer_start(hertz, tick);
}

u32 tick_wait(void) {
    while (ticks == taken) { /* STI delays interrupts by one instruction, so none is lost between the test and HLT */
        __asm__ volatile("sti; hlt; cli" : : : "memory");
    }
    u32 new = ticks - taken;
    taken += new;
    return new;
}

void ticks_stop(void) { timer_stop(); }
