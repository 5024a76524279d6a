/* Writes the first word beyond its memory. */
#include "machine.h"

void program(void) {
    remark("writing", memory_end);
    *(volatile u32 *)memory_end = 0x0badf00d;
    print("# written\n");
}
