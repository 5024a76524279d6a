/* lib/link.h over Xen: the first side's port is 1, its control page grant FIRST_GRANT, its pages those behind. */
#include "link.h"
#include "xen.h"

#define TRIES 1000000
#define WINDOW 0xf0000000u /* physical addresses where no memory is */

struct control {
    volatile u32 sent[2]; /* by the first, by the second side */
};

static struct control *control;
static u32 side, peer, port, received, control_handle, handles[256];

static void yield(void) { hypercall(HYPERVISOR_SCHED_OP, SCHEDOP_YIELD, 0, 0, 0, 0); }
static void *window(u32 page) { return (void *)(WINDOW + page * LINK_PAGE); }

static void check(int result, const char *what) {
    if (!result) return;
    remark("result", (u32)result);
    panic(what);
}

int link_open(u8 *pages, u32 count) {
    side = argument_is("side", "first") ? FIRST : argument_is("side", "second") ? SECOND : ALONE;
    if (side == ALONE) return ALONE;
    peer = argument("peer", 0);
    xen_start();
    if (side == FIRST) {
        control = heap(LINK_PAGE);
        grant_access(FIRST_GRANT, peer, control, 0);
        for (u32 i = 0; i < count; i++) grant_access(FIRST_GRANT + 1 + i, peer, pages + i * LINK_PAGE, 0);
        check(event_alloc(peer, &port), "alloc_unbound");
        if (port != 1) panic("the first port is not 1");
        link_wait(); /* the second side is there */
    } else {
        u32 tries = 0;
        while (event_bind(peer, 1, &port)) {
            if (++tries == TRIES) panic("nobody offers a channel");
            yield();
        }
        check(grant_map(peer, FIRST_GRANT, window(0), &control_handle), "map_grant_ref");
        control = window(0);
        link_send();
    }
    return (int)side;
}

void link_send(void) {
    control->sent[side - FIRST]++;
    check(event_send(port), "send");
}

void link_wait(void) {
    disable_interrupts();
    while (control->sent[SECOND - side] == received) event_sleep();
    received++;
}

u8 *link_map(u32 page) {
    check(grant_map(peer, FIRST_GRANT + 1 + page, window(page + 1), &handles[page]), "map_grant_ref");
    return window(page + 1);
}

void link_unmap(u32 page) { check(grant_unmap(window(page + 1), handles[page]), "unmap_grant_ref"); }

void link_copy(u32 page, u8 *to) { check(grant_copy(peer, FIRST_GRANT + 1 + page, to, LINK_PAGE), "grant copy"); }

void link_close(void) {
    if (side == ALONE) return;
    if (side == SECOND) {
        check(grant_unmap(window(0), control_handle), "unmap_grant_ref");
        check(event_send(port), "send"); /* the last: nothing is shared any more */
        check(event_close(port), "close");
        return;
    }
    disable_interrupts();
    while (grant_table[FIRST_GRANT].flags & 0x18) event_sleep(); /* GTF_reading, GTF_writing */
    grant_table[FIRST_GRANT].flags = 0;
    check(event_close(port), "close");
}
