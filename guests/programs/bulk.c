/* The first side fills `pages` pages, `rounds` times; the second hashes them, mapped or (mode=copy) copied. */
#include "link.h"

static u32 mix_page(u32 hash, const u32 *page) {
    for (u32 i = 0; i < LINK_PAGE / 4; i++) hash = mix(hash, page[i]);
    return hash;
}

void program(void) {
    u32 count = argument("pages", 16), rounds = argument("rounds", 8), hash = MIX_START;
    u32 seed = seeded(argument("seed", 1)), copies = (u32)argument_is("mode", "copy");
    u8 *pages = heap(count * LINK_PAGE);
    int side = link_open(pages, count);
    begin("bulk");
    for (u32 round = 0; round < rounds; round++) {
        if (side == SECOND) link_wait();
        else
            for (u32 i = 0; i < count * LINK_PAGE / 4; i++) ((u32 *)pages)[i] = next_random(&seed);
        if (side == FIRST) link_send();
        for (u32 i = 0; i < count; i++) {
            u8 *page = pages + i * LINK_PAGE;
            if (side == SECOND && copies) link_copy(i, page);
            else if (side == SECOND) page = link_map(i);
            hash = mix_page(hash, (const u32 *)page);
            if (side == SECOND && !copies) link_unmap(i);
        }
        if (side == SECOND) link_send();
        if (side == FIRST) link_wait();
    }
    link_close();
    end(hash);
}
