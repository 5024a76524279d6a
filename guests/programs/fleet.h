/* How programs/fleet.c says that it is ready to be forked. */
#ifndef FLEET_H
#define FLEET_H
void ready(void);
#endif
