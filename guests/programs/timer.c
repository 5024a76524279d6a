/* Sleeps with HLT until the timer has struck `ticks` times at `hz`, with a little work between: interrupts and idleness. */
#include "timer.h"

void program(void) {
    u32 left = argument("ticks", 200), work = argument("work", 1000), hash = MIX_START;
    ticks_start(argument("hz", 1000));
    begin("timer");
    while (left) {
        u32 ticks = tick_wait();
        for (; ticks && left; ticks--, left--)
            for (u32 i = 0; i < work; i++) hash = mix(hash, left ^ i);
    }
    ticks_stop();
    end(hash);
}
