/*
 * A domain without any power that wants to know the victim's secret: by the turn that the domain `peer=` gives it, it looks
 * at a page that was put into its memory, or it takes new memory from the host and looks at what was left there.
 */
#include "secret.h"
#include "turns.h"
#include "vm0.h"

#define XENMEM_DECREASE_RESERVATION 1
#define XENMEM_POPULATE_PHYSMAP 6
#define REFILLED 1280 /* pages: more than the victim and its tables have */

static u32 numbers[REFILLED];

static u32 reservation(u32 command) {
    struct {
        const u32 *extent_start;
        u32 nr_extents, extent_order, mem_flags;
        u16 domid, pad;
    } argument = {numbers, REFILLED, 0, 0, DOMID_SELF, 0};
    return hypercall(HYPERVISOR_MEMORY_OP, command, (u32)&argument, 0, 0, 0);
}

void program(void) {
    u32 ports[THIEF_PORTS], peer = argument("peer", 2), found = 0;
    struct pattern pattern = pattern_of(SECRET_HEX);
    u8 *hole = heap(REFILLED * PAGE);
    for (u32 i = 0; i < REFILLED; i++) numbers[i] = (u32)hole / PAGE + i;
    xen_start();
    if (reservation(XENMEM_DECREASE_RESERVATION) != REFILLED) panic("decrease_reservation");
    for (u32 i = 0; i < THIEF_PORTS; i++) turn_offer(peer, &ports[i]);
    begin("stolen");
    switch (turn_wait(ports, THIEF_PORTS)) {
    case LOOK:
        found = pattern_count(pattern, (u8 *)THIEF_WINDOW, (u8 *)THIEF_WINDOW + PAGE);
        break;
    case REFILL:
        if (reservation(XENMEM_POPULATE_PHYSMAP) != REFILLED) panic("populate_physmap");
        for (u32 i = 0; i < REFILLED; i++) found += pattern_count(pattern, hole + i * PAGE, hole + (i + 1) * PAGE);
        break;
    }
    end(found);
}
