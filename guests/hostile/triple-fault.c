/* An exception with an IDT of limit 0: #GP and #DF cannot be delivered either. */
#include "machine.h"

void program(void) {
    static const struct pointer empty = {0, 0};
    print("# triple fault\n");
    load_idt(&empty);
    __asm__ volatile("ud2");
}
