/* Pointer chase: one random cycle (Sattolo) through all 64-byte lines of `kb` KiB, followed for `steps` steps. */
#include "guest.h"

struct node {
    struct node *next;
    u32 value, unused[14];
};

void program(void) {
    u32 lines = argument("kb", 2048) * 16, steps = argument("steps", 2000000), state = seeded(argument("seed", 1));
    struct node *nodes = heap(lines * sizeof(struct node));
    for (u32 i = 0; i < lines; i++) nodes[i] = (struct node){.next = &nodes[i], .value = i * 0x9e3779b9u};
    for (u32 i = lines - 1; i; i--) {
        u32 j = next_random(&state) % i;
        struct node *t = nodes[i].next;
        nodes[i].next = nodes[j].next;
        nodes[j].next = t;
    }
    begin("pchase");
    u32 hash = MIX_START;
    struct node *at = nodes;
    for (u32 i = 0; i < steps; i++) {
        hash = (hash ^ at->value) + i;
        at = at->next;
    }
    end(mix(hash, (u32)(at - nodes)));
}
