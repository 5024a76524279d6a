/* n round trips of an event between two domains; each carries a number through the shared page. */
#include "link.h"

void program(void) {
    u32 n = argument("n", 2000), hash = MIX_START, seed = seeded(argument("seed", 1));
    volatile u32 *word = heap(LINK_PAGE);
    int side = link_open((u8 *)word, 1);
    if (side == SECOND) word = (volatile u32 *)link_map(0);
    begin("pingpong");
    for (u32 i = 0; i < n; i++) {
        u32 ping = next_random(&seed), pong = next_random(&seed);
        if (side == FIRST) {
            *word = ping;
            link_send();
            link_wait();
            pong = *word;
        } else if (side == SECOND) {
            link_wait();
            ping = *word;
            *word = pong;
            link_send();
        }
        hash = mix(mix(hash, ping), pong);
    }
    if (side == SECOND) link_unmap(0);
    link_close();
    end(hash);
}
