/* Reports its own crash: SHUTDOWN_crash. */
#include "machine.h"

void program(void) { panic("as told"); }
