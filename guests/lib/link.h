/*
 * A link to the domain `peer=N`: an event channel and a shared page, and pages that the first side grants to the second.
 * The side is the word `side=first` or `side=second`; without one the program is alone and does both sides' work, so that
 * it gives the same checksum anywhere, natively too.
 */
#ifndef LINK_H
#define LINK_H

#include "guest.h"

enum { ALONE, FIRST, SECOND };
#define LINK_PAGE 4096

int link_open(u8 *pages, u32 count); /* which side this is; the first side grants `count` pages from `pages` on */
void link_send(void);                /* wakes the other side; calls are counted, none is lost */
void link_wait(void);                /* waits until the other side has called link_send once more */
u8 *link_map(u32 page);              /* second side: page of the first, mapped until link_unmap */
void link_unmap(u32 page);
void link_copy(u32 page, u8 *to);    /* second side: the page's bytes, by grant copy */
void link_close(void);               /* both sides meet; then the second lets go of everything */
#endif
