/* HLT with interrupts off: nothing can end it. */
#include "machine.h"

void program(void) {
    print("# halting\n");
    disable_interrupts();
    for (;;) halt();
}
