/* Writes through the whole linear space (each `step` bytes; absent pages fault and are counted), then, paging off, through
 * the whole physical space beyond its memory. */
#include "machine.h"

static void poke(u32 address) { *(volatile u32 *)address = 0x0badf00d; }

void program(void) {
    u32 step = argument("step", 0x20000), faults = 0, writes = 0;
    u32 *directory = directory_new(memory_end, 0);
    guard_start();
    paging_on(directory);
    for (u32 address = memory_end; address >= memory_end; address += step) {
        if (guarded(poke, address)) faults++;
        writes++;
    }
    remark("linear_writes", writes);
    remark("faults", faults);
    begin("hostile-write-everywhere");
    end(mix(MIX_START, faults == writes));
    write_cr0(read_cr0() & ~CR0_PG);
    for (u32 address = memory_end; address >= memory_end; address += step) poke(address);
    print("# physical space written\n");
}
