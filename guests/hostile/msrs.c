/* RDMSR and WRMSR of ranges of registers, architectural and not, with random values. */
#include "machine.h"

static u32 seed;

static void read(u32 number) {
    u32 low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
}
static void write(u32 number) {
    __asm__ volatile("wrmsr" : : "c"(number), "a"(next_random(&seed)), "d"(next_random(&seed)) : "memory");
}

void program(void) {
    static const u32 starts[] = {0, 0x170, 0x1000, 0x40000000, 0x80000000, 0xc0000000, 0xc0010000, 0xffffff00};
    u32 refused = 0, wrong = 0;
    seed = seeded(argument("seed", 1));
    guard_start();
    for (u32 i = 0; i < sizeof starts / sizeof starts[0]; i++)
        for (u32 k = 0; k < 0x100; k++) {
            u32 vector = guarded(read, starts[i] + k);
            if (vector) refused++;
            if (vector && vector != 0x10d) wrong++; /* nothing but #GP */
            if (starts[i] + k == 0x1b) continue; /* the local APIC's base */
            vector = guarded(write, starts[i] + k);
            if (vector) refused++;
            if (vector && vector != 0x10d) wrong++;
        }
    remark("refused", refused);
    begin("hostile-msrs");
    end(mix(MIX_START, wrong));
}
