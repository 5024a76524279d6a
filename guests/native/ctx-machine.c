/* programs/ctx.h natively: two areas of memory. */
#include "../programs/ctx.h"

static u32 *spaces[2];

void spaces_start(u32 pages) {
    for (int i = 0; i < 2; i++) spaces[i] = heap(pages * 4096);
}

volatile u32 *space_enter(u32 which) { return spaces[which]; }
