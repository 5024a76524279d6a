/* INT n for all vectors, `n` rounds, against a handler that only counts. */
#include "machine.h"

__attribute__((used)) static volatile u32 times;
__asm__(".text\ncount: incl times\n iretl\n");

void program(void) {
    extern u8 count[];
    u32 n = argument("n", 10000);
    static u16 gates[256][4];
    tables_init();
    for (u32 i = 0; i < 256; i++) {
        gates[i][0] = (u16)(u32)count;
        gates[i][1] = KERNEL_CODE;
        gates[i][2] = 0x8e00;
        gates[i][3] = (u16)((u32)count >> 16);
    }
    struct pointer idt = {sizeof gates - 1, (u32)gates};
    load_idt(&idt);
    while (n--)
        __asm__ volatile(".set vector, 0\n.rept 256\n int $vector\n .set vector, vector + 1\n.endr" : : : "memory");
    remark("interrupts", times);
    begin("hostile-int-flood");
    end(times);
}
