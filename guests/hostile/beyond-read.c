/* Reads the first word beyond its memory. */
#include "machine.h"

void program(void) {
    remark("reading", memory_end);
    console_flush();
    remark("read", *(volatile u32 *)memory_end);
}
