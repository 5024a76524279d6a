/*
 * Turns between two domains: nothing but an event channel, so that they can speak although neither may read the other's
 * memory. `xen_start` comes first.
 */
#ifndef TURNS_H
#define TURNS_H

#include "xen.h"

void turn_offer(u32 peer, u32 *port); /* a channel that the domain `peer` may take */
void turn_take(u32 peer, u32 remote_port, u32 *port); /* waits until it is offered */
void turn_give(u32 port);
u32 turn_wait(const u32 *ports, u32 count); /* index of the port by which a turn came; none is lost */
#endif
