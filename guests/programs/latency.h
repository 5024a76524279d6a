/* What programs/latency.c needs of the machine. */
#ifndef LATENCY_H
#define LATENCY_H

#include "guest.h"

void sleep_start(void);
u32 sleep_for(u32 ns); /* sleeps until a moment `ns` nanoseconds from now; returns by how many it woke later than that */
#endif
