/* programs/fleet.h in the machine: the POST code at which a domain that is to be forked stops (docs/snapshots.md). */
#include "../lib/machine.h"
#include "fleet.h"

void ready(void) { outb(0x80, 0xf0); }
