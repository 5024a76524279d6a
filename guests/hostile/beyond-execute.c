/* Jumps beyond its memory. */
#include "machine.h"

void program(void) {
    remark("jumping", memory_end + 0x1000);
    ((void (*)(void))(memory_end + 0x1000))();
}
