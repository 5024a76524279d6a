/* Loads ES and FS with every selector of a GDT of random descriptors behind the proper ones, and counts what is refused. */
#include "machine.h"

static void load_es(u32 selector) { __asm__ volatile("mov %0, %%es" : : "r"(selector) : "memory"); }
static void load_gs(u32 selector) { __asm__ volatile("mov %0, %%gs" : : "r"(selector) : "memory"); }

void program(void) {
    struct pointer table;
    u32 seed = seeded(argument("seed", 1)), hash = MIX_START, refused = 0, *descriptors = heap(65536);
    guard_start();
    __asm__ volatile("sgdt %0" : "=m"(table));
    memcpy(descriptors, (void *)table.base, table.limit + 1u);
    for (u32 i = (table.limit + 1u) / 4; i < 16384; i++) descriptors[i] = next_random(&seed);
    table = (struct pointer){0xffff, (u32)descriptors};
    load_gdt(&table);
    for (u32 selector = 0; selector < 0x10000; selector++) {
        if ((selector & 0xfffc) == 0) continue; /* the null selector is accepted */
        u32 result = guarded(selector & 4 ? load_gs : load_es, selector);
        hash = mix(mix(hash, result), result ? guarded_error : 0);
        if (result) refused++;
        load_es(KERNEL_DATA);
    }
    remark("refused", refused);
    begin("hostile-gdt-garbage");
    end(hash);
}
