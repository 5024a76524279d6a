/*
 * Demand paging: `pages` linear pages over `frames` frames, filled and written back by the page-fault handler, first-in
 * first-out; pages are first mapped read-only and made writable by the write fault. `steps` random accesses, some across
 * a page boundary. Then accessed and dirty bits, remapping with INVLPG, CR0.WP and a 4 MB page.
 */
#include "paging.h"

#define NONE 0xffffffffu
#define PAGE 4096

static u8 *window, *swap;
static u32 frames, pages, oldest, *page_of, *frame_of;
static u32 faults, fault_sum, write_backs;

void window_fault(u32 offset, u32 error) {
    u32 page = offset / PAGE;
    faults++;
    fault_sum += mix(mix(MIX_START, offset), error);
    if (page >= pages) panic("fault outside the window");
    if (error & FAULT_PRESENT) {
        if (frame_of[page] == NONE || !(error & FAULT_WRITE)) panic("wrong error code");
        window_map(page, frame_of[page], 1);
        return;
    }
    u32 frame = oldest++ % frames, victim = page_of[frame];
    if (victim != NONE) {
        if (window_dirty(victim)) {
            memcpy(swap + victim * PAGE, frame_bytes(frame), PAGE);
            write_backs++;
        }
        window_unmap(victim);
        frame_of[victim] = NONE;
    }
    memcpy(frame_bytes(frame), swap + page * PAGE, PAGE);
    page_of[frame] = page;
    frame_of[page] = frame;
    window_map(page, frame, (error & FAULT_WRITE) != 0);
}

static u32 demand(u32 steps, u32 seed) {
    u32 hash = MIX_START, at = 0;
    for (u32 i = 0; i < steps; i++) {
        u32 random = next_random(&seed);
        at = random & 0x700 ? (at & -PAGE) + (random >> 20) : (random >> 12) % pages * PAGE + (at & (PAGE - 1));
        volatile u8 *byte = window + at;
        switch (random & 7) {
            case 0: *byte += (u8)random; break;
            case 1:
            case 2: /* across the boundary only when the first page is writable, so that one page alone can fault */
                if (at > pages * PAGE - 4) break;
                if ((at & (PAGE - 1)) > PAGE - 4) *byte = (u8)random;
                *(volatile u32 *)byte = random;
                break;
            case 3: *(volatile u16 *)(window + (at & -2)) ^= (u16)i; break;
            default: hash = mix(hash, *(volatile u32 *)(window + (at & -4))); break;
        }
    }
    for (u32 i = 0; i < pages * PAGE / 4; i += 61) hash = mix(hash, ((volatile u32 *)window)[i]);
    return hash;
}

/* Each page is left alone, read or written; what its entry says afterwards is part of the checksum. */
static u32 bits(void) {
    u32 hash = MIX_START;
    for (u32 page = 0; page < frames; page++) {
        volatile u32 *word = (volatile u32 *)(window + page * PAGE);
        window_map(page, page, 1);
        if (page % 3 == 1) hash = mix(hash, *word);
        if (page % 3 == 2) *word = page;
        hash = mix(hash, (u32)(window_accessed(page) | window_dirty(page) << 1));
    }
    for (u32 page = 0; page < frames; page++) { /* every page in turn shows every frame at page 0 */
        window_map(0, page, page & 1);
        hash = mix(hash, *(volatile u32 *)window);
    }
    window_map(1, 2, 0); /* a supervisor's write to a read-only page: allowed without WP */
    frame_of[1] = 2;
    write_protect(0);
    *(volatile u32 *)(window + PAGE) = 0x600d;
    hash = mix(hash, (u32)window_dirty(1));
    write_protect(1);
    window_map(1, 2, 0);
    u32 before = faults;
    *(volatile u32 *)(window + PAGE) += 1; /* and a fault with it: the handler makes the page writable */
    return mix(mix(hash, faults - before), *(u32 *)frame_bytes(2));
}

static u32 large(void) {
    u32 *word = (u32 *)frame_bytes(0), hash = MIX_START;
    volatile u32 *alias = large_page_alias(word);
    hash = mix(hash, (u32)(large_page_accessed() | large_page_dirty() << 1));
    *(volatile u32 *)word = 12345;
    hash = mix(hash, *alias);
    hash = mix(hash, (u32)(large_page_accessed() | large_page_dirty() << 1));
    *alias = 54321;
    hash = mix(hash, *(volatile u32 *)word);
    return mix(hash, (u32)(large_page_accessed() | large_page_dirty() << 1));
}

void program(void) {
    u32 steps = argument("steps", 120000), seed = seeded(argument("seed", 1));
    pages = argument("pages", 192);
    frames = argument("frames", 64);
    swap = heap(pages * PAGE);
    frame_of = heap(pages * 4);
    page_of = heap(frames * 4);
    for (u32 i = 0; i < pages; i++) frame_of[i] = NONE;
    for (u32 i = 0; i < frames; i++) page_of[i] = NONE;
    window = window_start(pages, frames);

    begin("paging");
    u32 hash = demand(steps, seed);
    remark("faults", faults);
    remark("write_backs", write_backs);
    end(mix(mix(mix(hash, faults), fault_sum), write_backs));

    for (u32 i = 0; i < pages; i++) window_unmap(i);
    begin("paging-bits");
    end(bits());
    begin("paging-large");
    end(large());
}
