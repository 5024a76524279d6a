/* Ring 0 jumps into random bytes with nothing prepared. However it ends, it must end there. */
#include "machine.h"

void program(void) {
    u32 seed = seeded(argument("seed", 1)), *bytes = heap(65536);
    for (u32 i = 0; i < 16384; i++) bytes[i] = next_random(&seed);
    print("# into the garbage\n");
    tables_init();
    ((void (*)(void))bytes)();
    panic("it returned");
}
