/* What programs/paging.c needs of the machine: guest (paging-machine.c) and native (native/paging-machine.c) versions. */
#ifndef PAGING_H
#define PAGING_H

#include "guest.h"

#define FAULT_PRESENT 1u /* SDM Vol. 3A, Figure 4-12, "Page-Fault Error Code": protection, not absence */
#define FAULT_WRITE 2u

/* A window of `pages` linear pages, initially absent, over `frames` frames; returns the window's address. */
u8 *window_start(u32 pages, u32 frames);
void window_map(u32 page, u32 frame, int writable); /* and drop the old translation */
void window_unmap(u32 page);
int window_dirty(u32 page);
int window_accessed(u32 page);
u8 *frame_bytes(u32 frame); /* where the kernel sees the frame */
void window_fault(u32 offset, u32 error); /* defined by the program: first byte that faulted, error code without U/S */

void write_protect(int on);                     /* CR0.WP */
volatile u32 *large_page_alias(const void *at); /* the same memory through a 4 MB page */
int large_page_dirty(void);
int large_page_accessed(void);
#endif
