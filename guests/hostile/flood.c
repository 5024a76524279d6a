/* Floods the console for ever, by hypercalls and by the UART in turn. */
#include "machine.h"

void program(void) {
    for (u32 i = 0;; i++) {
        remark("flood", i);
        for (const char *c = "# flood by the UART\n"; *c; c++) uart_put(*c);
    }
}
