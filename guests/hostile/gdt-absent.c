/* A GDT in memory that is not there, then a segment load. */
#include "machine.h"

void program(void) {
    struct pointer absent = {0xffff, 0x7f000000};
    print("# absent GDT\n");
    load_gdt(&absent);
    __asm__ volatile("mov %0, %%es" : : "r"(0x10) : "memory");
    panic("still running");
}
