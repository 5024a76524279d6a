/* Spins for ever with interrupts off. */
#include "machine.h"

void program(void) {
    print("# spinning\n");
    for (;;) __asm__ volatile("");
}
