/* The console: Xen's console_io by lines where there is Xen and the command line does not say `console=uart`,
 * else the 8250 UART at 0x3F8 byte by byte. */
#include "machine.h"

#define UART 0x3f8
#define LINE_STATUS (UART + 5)
#define DATA_READY 0x01
#define HOLDING_EMPTY 0x20

static char line[128];
static u32 length;

void uart_put(char c) {
    while (!(inb(LINE_STATUS) & HOLDING_EMPTY));
    outb(UART, (u8)c);
}

int get(void) { return inb(LINE_STATUS) & DATA_READY ? inb(UART) : -1; }

void console_flush(void) {
    if (length) hypercall(HYPERVISOR_CONSOLE_IO, CONSOLEIO_WRITE, length, (u32)line, 0, 0);
    length = 0;
}

void put(char c) {
    static int by_uart = -1;
    if (by_uart < 0) by_uart = !on_xen || argument_is("console", "uart");
    if (by_uart) {
        uart_put(c);
        return;
    }
    line[length++] = c;
    if (c == '\n' || length == sizeof line) console_flush();
}
