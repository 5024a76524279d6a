/* Greets `n` times on the console, says what it runs on, and hashes the greeting. */
#include "guest.h"
#ifndef NATIVE
#include "machine.h"

static void describe(void) {
    remark("xen", (u32)on_xen);
    remark("memory_kib", memory_end >> 10);
    for (const char *c = "# and a line by the UART\n"; *c; c++) uart_put(*c);
}
#else
static void describe(void) {}
#endif

void program(void) {
    static const char greeting[] = "Hello from a guest of Ringfence.\n";
    u32 hash = MIX_START;
    for (u32 i = argument("n", 1); i; i--) {
        print(greeting);
        for (const char *c = greeting; *c; c++) hash = mix(hash, (u8)*c);
    }
    describe();
    begin("hello");
    end(hash);
}
