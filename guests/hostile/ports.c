/* Reads all 65,536 ports in bytes, words and doublewords, writes 0 to all, then 0xFE, which resets the machine. */
#include "machine.h"

void program(void) {
    u32 sum = 0;
    for (u32 port = 0; port < 65536; port++) {
        u32 value = inb((u16)port);
        sum += value;
        __asm__ volatile("inw %w1, %w0" : "=a"(value) : "d"(port));
        sum += value & 0xffff;
        __asm__ volatile("inl %w1, %0" : "=a"(value) : "d"(port));
        sum += value;
    }
    remark("sum", sum);
    for (u32 value = 0; value < 256; value += 0xfe)
        for (u32 port = 0; port < 65536; port++)
            if (on_xen || port != 0xf4) outb((u16)port, port == 0x92 ? 2 : (u8)value); /* 0x92: keep A20 */
    print("# no port resets\n");
}
