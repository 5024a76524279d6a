/* Producer and consumer: n numbers through a ring in a shared page; who finds it full or empty sleeps. */
#include "link.h"

#define SLOTS 256

struct ring {
    volatile u32 produced, consumed, slot[SLOTS];
};

/* The side that may be asleep is woken when the other's step ended what it waits for. */
static void produce(struct ring *ring, u32 value) {
    while (ring->produced - ring->consumed == SLOTS) link_wait();
    u32 at = ring->produced;
    ring->slot[at % SLOTS] = value;
    ring->produced = at + 1;
    if (ring->consumed == at) link_send();
}

static u32 consume(struct ring *ring) {
    while (ring->produced == ring->consumed) link_wait();
    u32 at = ring->consumed, value = ring->slot[at % SLOTS];
    ring->consumed = at + 1;
    if (ring->produced - at == SLOTS) link_send();
    return value;
}

void program(void) {
    u32 n = argument("n", 100000), hash = MIX_START, seed = seeded(argument("seed", 1));
    struct ring *ring = heap(LINK_PAGE);
    int side = link_open((u8 *)ring, 1);
    if (side == SECOND) ring = (struct ring *)link_map(0);
    begin("ring");
    for (u32 i = 0; i < n; i++) {
        u32 value = side == SECOND ? consume(ring) : next_random(&seed);
        if (side == FIRST) produce(ring, value);
        hash = mix(hash, value);
    }
    if (side == SECOND) link_unmap(0);
    link_close();
    end(hash);
}
