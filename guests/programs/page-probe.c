/*
 * Memory deduplication as a side channel: tells by the time of one write whether another domain holds the same page.
 * role=victim holds a page with the content number secret=; role=spy holds one page for each content number below guesses=, waits
 * `wait` thousand cycles, so that equal pages become one, and writes to each once. A write to a page that is shared takes longer.
 */
#include "machine.h"

#define PAGE 4096
#define MOST 64

static void fill(u32 *page, u32 number) {
    u32 state = seeded(number + 1);
    for (u32 i = 0; i < PAGE / 4; i++) page[i] = next_random(&state);
}

static volatile u32 waited;

static void wait(u32 thousands) {
    for (; thousands--; waited++) {
        u32 start = read_tsc();
        while (read_tsc() - start < 1000) {}
    }
}

static u32 write_time(volatile u32 *word) {
    u32 value = *word; /* the translation is there */
    u32 start = read_tsc();
    *word = value;
    return read_tsc() - start;
}

static void spy(u32 guesses) {
    u32 found = 0xffffffff, longest = 0, second = 0;
    u32 *pages[MOST];
    for (u32 i = 0; i < guesses; i++) fill(pages[i] = heap(PAGE), i);
    wait(argument("wait", 20000));
    for (u32 i = 0; i < guesses; i++) {
        u32 took = write_time(pages[i] + 7);
        if (took > longest) second = longest, longest = took, found = i;
        else if (took > second) second = took;
    }
    remark("longest", longest);
    remark("second", second);
    begin("found");
    end(longest > 2 * second ? found : 0xffffffff);
}

void program(void) {
    u32 guesses = argument("guesses", 16), hash = MIX_START;
    if (guesses > MOST) guesses = MOST;
    if (argument_is("role", "spy")) {
        spy(guesses);
    } else {
        begin("page-probe");
        u32 *page = heap(PAGE);
        fill(page, argument("secret", 11));
        wait(argument("wait", 60000));
        for (u32 i = 0; i < PAGE / 4; i++) hash = mix(hash, page[i]);
        end(hash);
    }
}
