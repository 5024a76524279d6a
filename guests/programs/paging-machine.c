/* programs/paging.h on the machine: real page tables, a real #PF handler. */
#include "machine.h"
#include "paging.h"

#define WINDOW 0x40000000u
#define LARGE 0x80000000u /* a 4 MB page that shows physical memory from 0 */

static u32 *directory;
static u8 *frame_pool;

static u32 *entry(u32 page) { return table_entry(directory, WINDOW + page * 4096); }

static void page_fault(struct frame *frame) {
    u32 linear = read_cr2();
    if (frame->error & 4 || linear - WINDOW >= 0x400000) panic("page fault outside the window");
    window_fault(linear - WINDOW, frame->error);
}

u8 *window_start(u32 pages, u32 frames) {
    frame_pool = heap(frames * 4096);
    directory = directory_new(memory_end, 0);
    for (u32 page = 0; page < pages; page++) *entry(page) = 0;
    tables_init();
    on_trap(14, page_fault);
    paging_on(directory);
    return (u8 *)WINDOW;
}

void window_map(u32 page, u32 frame, int writable) {
    *entry(page) = (u32)(frame_pool + frame * 4096) | PAGE_PRESENT | (writable ? PAGE_WRITE : 0);
    invlpg((void *)(WINDOW + page * 4096));
}

void window_unmap(u32 page) {
    *entry(page) = 0;
    invlpg((void *)(WINDOW + page * 4096));
}

int window_dirty(u32 page) { return (*entry(page) & PAGE_DIRTY) != 0; }
int window_accessed(u32 page) { return (*entry(page) & PAGE_ACCESSED) != 0; }
u8 *frame_bytes(u32 frame) { return frame_pool + frame * 4096; }

void write_protect(int on) { write_cr0(on ? read_cr0() | CR0_WP : read_cr0() & ~CR0_WP); }

volatile u32 *large_page_alias(const void *at) {
    directory[LARGE >> 22] = ((u32)at & 0xffc00000) | PAGE_PRESENT | PAGE_WRITE | PAGE_SIZE;
    return (volatile u32 *)(LARGE | ((u32)at & 0x3fffff));
}

int large_page_dirty(void) { return (directory[LARGE >> 22] & PAGE_DIRTY) != 0; }
int large_page_accessed(void) { return (directory[LARGE >> 22] & PAGE_ACCESSED) != 0; }
