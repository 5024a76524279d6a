/*
 * The timer at its fastest (divisor 1 is 1.19 MHz; the default is 2): `n` interrupts. Where one takes longer than the timer's
 * period the next is always waiting, and nothing but the handler ever runs; so the handler ends it.
 */
#include "machine.h"

static volatile u32 left;

static void tick(struct frame *frame) {
    (void)frame;
    if (--left == 0) timer_stop();
    end_of_interrupt();
}

void program(void) {
    u32 n = argument("n", 50000);
    left = n;
    tables_init();
    timer_start(1193182 / argument("divisor", 2), tick);
    while (left) __asm__ volatile("sti; hlt; cli" : : : "memory"); /* no tick can come between the test and HLT */
    begin("hostile-timer-storm");
    end(mix(MIX_START, n));
}
