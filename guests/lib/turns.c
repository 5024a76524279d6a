/* lib/turns.h over event channels. */
#include "turns.h"

#define TRIES 1000000

static u32 taken[32]; /* turns consumed, by port */

static void check(int result, const char *what) {
    if (!result) return;
    remark("result", (u32)-result);
    panic(what);
}

void turn_offer(u32 peer, u32 *port) {
    check(event_alloc(peer, port), "alloc_unbound");
    if (*port >= sizeof taken / sizeof *taken) panic("too many ports");
}

void turn_take(u32 peer, u32 remote_port, u32 *port) {
    for (u32 tries = 0; event_bind(peer, remote_port, port); tries++) {
        if (tries == TRIES) panic("nobody offers a channel");
        hypercall(HYPERVISOR_SCHED_OP, SCHEDOP_YIELD, 0, 0, 0, 0);
    }
    turn_wait(port, 1); /* Xen marks the port pending when it is bound: something may have been sent before */
}

void turn_give(u32 port) { check(event_send(port), "send"); }

u32 turn_wait(const u32 *ports, u32 count) {
    disable_interrupts();
    for (;;) {
        for (u32 i = 0; i < count; i++) {
            if (events[ports[i]] == taken[ports[i]]) continue;
            taken[ports[i]]++;
            return i;
        }
        event_sleep();
    }
}
