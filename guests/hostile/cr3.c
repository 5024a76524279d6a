/* CR3 points to memory that is not there. */
#include "machine.h"

void program(void) {
    u32 *directory = directory_new(memory_end, 0);
    paging_on(directory);
    print("# CR3 to absent memory\n");
    write_cr3(argument("cr3", 0x7ffff000));
    panic("still running");
}
