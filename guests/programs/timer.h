/* What programs/timer.c needs of the machine. */
#ifndef TIMER_H
#define TIMER_H

#include "guest.h"

void ticks_start(u32 hertz);
u32 tick_wait(void); /* sleeps (HLT) until the next timer interrupt; returns how many there were since the last call */
void ticks_stop(void);
#endif
