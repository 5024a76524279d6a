/*
 * Writes `hot` and `cold` pages, sleeps for a hundredth of a second, and reads the hot ones again: what happened to them in DRAM
 * meanwhile, `pages` shows, if the domain gets that far. The pages begin at 0x180000, the cold ones behind the hot ones.
 */
#include "machine.h"

#define PAGE 4096
#define PAGES 0x180000u

static volatile u32 ticks;

static void tick(struct frame *frame) {
    (void)frame;
    ticks++;
    end_of_interrupt();
}

void program(void) {
    u32 hot = argument("hot", 24), all = hot + argument("cold", 4), hash = MIX_START;
    for (u32 i = 0; i < all; i++) memset((u8 *)PAGES + i * PAGE, (int)(i + 1), PAGE);
    tables_init();
    timer_start(100, tick); /* its output goes high at once: that is the first tick */
    while (ticks < 2) __asm__ volatile("sti; hlt; cli" : : : "memory");
    timer_stop();
    for (u32 at = PAGES; at < PAGES + hot * PAGE; at += 64) hash = mix(hash, *(volatile u32 *)at);
    begin("pages");
    end(hash);
}
