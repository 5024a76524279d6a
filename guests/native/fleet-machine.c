/* programs/fleet.h natively: nobody forks. */
#include "../programs/fleet.h"

void ready(void) {}
