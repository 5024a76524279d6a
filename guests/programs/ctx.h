/* What programs/ctx.c needs of the machine. */
#ifndef CTX_H
#define CTX_H

#include "guest.h"

/* Two address spaces whose windows of `pages` pages lie at the same address over different frames. */
void spaces_start(u32 pages);
volatile u32 *space_enter(u32 which); /* loads CR3 */
#endif
