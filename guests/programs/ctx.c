/* Two address spaces, entered in turn by loading CR3 `n` times, with `touches` reads and writes after each switch. */
#include "ctx.h"

void program(void) {
    u32 n = argument("n", 100000), touches = argument("touches", 8), pages = argument("pages", 16), hash = MIX_START;
    spaces_start(pages);
    begin("ctx");
    for (u32 i = 0; i < n; i++) {
        volatile u32 *window = space_enter(i & 1);
        for (u32 k = 0; k < touches; k++) {
            u32 at = (i + k) % pages * 1024 + (hash & 1023);
            hash = mix(hash, window[at]);
            if (k & 1) window[at] = hash;
        }
    }
    end(hash);
}
