/*
 * VM0 as the attacker: maps every page of the domain `of=` (or with frames=1 every machine frame) and counts how often the
 * bytes `hex=` lie there. With pause=1 the domain is paused meanwhile.
 */
#include "vm0.h"

#define WINDOW ((u8 *)0xe0000000) /* physical, where no memory is */
#define WINDOW_PAGES 256

static u32 numbers[WINDOW_PAGES];
static int errors[WINDOW_PAGES];
static u32 of, machine, mapped, refused;

static void check(int result, const char *what) {
    if (!result) return;
    remark("result", (u32)-result);
    panic(what);
}

/* Maps `count` pages or frames from `first` on into the window. */
static void map(u32 first, u32 count) {
    for (u32 i = 0; i < count; i++) numbers[i] = first + i;
    check(machine ? machine_map(numbers, count, WINDOW, errors) : foreign_map(of, numbers, count, WINDOW, errors),
          "add_to_physmap_batch");
    for (u32 i = 0; i < count; i++) *(errors[i] ? &refused : &mapped) += 1;
}

static u32 search(struct pattern pattern, u32 count) {
    u32 found = 0;
    for (u32 i = 0; i < count;) {
        u32 from = i;
        if (errors[i++]) continue;
        while (i < count && !errors[i]) i++; /* a string may cross pages */
        found += pattern_count(pattern, WINDOW + from * PAGE, WINDOW + i * PAGE);
    }
    return found;
}

void program(void) {
    u32 found = 0, pauses = argument("pause", 0);
    struct pattern pattern = pattern_argument("hex");
    struct domain_info info;
    of = argument("of", 1), machine = argument("frames", 0);
    if (!pattern.length) panic("hex= is missing");
    if (pauses) check(domain_pause(of), "pausedomain");
    check(domain_info(of, &info), "getdomaininfo");
    if (info.domain != of) panic("no such domain");
    int pages = machine ? (int)machine_frames() : domain_pages(of);
    if (pages < 0) check(pages, "maximum_gpfn");
    for (u32 first = 0; first < (u32)pages; first += WINDOW_PAGES) {
        u32 count = (u32)pages - first < WINDOW_PAGES ? (u32)pages - first : WINDOW_PAGES;
        map(first, count);
        found += search(pattern, count);
    }
    check(domain_info(of, &info), "getdomaininfo");
    remark("paused", info.domain == of && (info.flags & DOMINF_PAUSED));
    if (pauses) check(domain_unpause(of), "unpausedomain");
    remark("pages", (u32)pages);
    remark("mapped", mapped);
    remark("refused", refused);
    begin("vm0-dump");
    end(found);
}
