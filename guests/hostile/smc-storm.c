/* Every call patches the immediates of functions on 16 pages, its own page among them, before running them: `n` rounds. */
#include "guest.h"

#define PAGES 16

void program(void) {
    u32 n = argument("n", 20000), hash = MIX_START;
    u8 *area = code_heap(PAGES * 4096);
    for (u32 page = 0; page < PAGES; page++) {
        u8 *f = area + page * 4096 + page * 97;
        static const u8 code[] = {0x8b, 0x44, 0x24, 0x04, 0x35, 0, 0, 0, 0, 0xa3, 0, 0, 0, 0, 0xc3};
        memcpy(f, code, sizeof code); /* mov eax, [esp+4]; xor eax, imm32; mov [imm32 itself], eax; ret */
        *(u32 *)(f + 10) = (u32)(f + 5);
    }
    begin("hostile-smc-storm");
    for (u32 i = 0; i < n; i++) {
        u32 page = i % PAGES, other = hash % PAGES;
        *(u32 *)(area + other * 4096 + other * 97 + 5) += i;
        hash = mix(hash + i, ((u32(*)(u32))(area + page * 4096 + page * 97))(hash));
    }
    end(hash);
}
