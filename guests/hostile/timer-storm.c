/* The timer at its fastest (divisor 1 is 1.19 MHz; the default is 2): `n` interrupts taken with nothing done between. */
#include "machine.h"

static volatile u32 ticks;

static void tick(struct frame *frame) {
    (void)frame;
    ticks++;
    end_of_interrupt();
}

void program(void) {
    u32 n = argument("n", 50000);
    tables_init();
    timer_start(1193182 / argument("divisor", 2), tick);
    enable_interrupts();
    while (ticks < n) halt();
    disable_interrupts();
    timer_stop();
    begin("hostile-timer-storm");
    end(mix(MIX_START, n));
}
