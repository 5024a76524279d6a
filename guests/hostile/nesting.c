/* Exceptions inside exception handlers, `n` deep, and back. */
#include "machine.h"

static u32 depth, deepest, hash = MIX_START;

static void again(struct frame *frame) {
    if (++depth > deepest) deepest = depth;
    hash = mix(hash, depth);
    if (depth < argument("n", 2000)) __asm__ volatile("ud2");
    hash = mix(hash, depth--);
    frame->eip += 2;
}

static void on_big_stack(u8 *top) {
    __asm__ volatile("mov %%esp, %%ebx; mov %0, %%esp; ud2; mov %%ebx, %%esp" : : "r"(top) : "ebx", "memory");
}

void program(void) {
    u32 size = argument("n", 2000) * 256 + 4096;
    tables_init();
    on_trap(6, again);
    on_big_stack((u8 *)heap(size) + size);
    remark("deepest", deepest);
    begin("hostile-nesting");
    end(mix(hash, deepest));
}
