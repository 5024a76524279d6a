/* An IDT in memory that is not there. */
#include "machine.h"

void program(void) {
    struct pointer absent = {2047, 0x7f000000};
    print("# absent IDT\n");
    load_idt(&absent);
    __asm__ volatile("int $0x30");
    panic("still running");
}
