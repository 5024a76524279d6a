/* An IDT of bytes that are no gates. */
#include "machine.h"

void program(void) {
    u32 seed = seeded(argument("seed", 1)), *table = heap(2048);
    for (u32 i = 0; i < 512; i++) table[i] = i & 1 ? next_random(&seed) & ~0x1f00u : next_random(&seed); /* type 0 */
    struct pointer garbage = {2047, (u32)table};
    print("# garbage IDT\n");
    load_idt(&garbage);
    __asm__ volatile("int $0x30");
    panic("still running");
}
