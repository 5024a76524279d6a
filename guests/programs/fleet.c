/*
 * Made to be forked: fills `kb` KiB from a generator, which takes long, says that it is ready, and then does a little work of
 * its own: changes one word in each of `touch` pages and sums all of it. A thousand forks share what the first one filled.
 */
#include "guest.h"

#include "fleet.h"

#define WORDS (4096 / 4)

void program(void) {
    u32 words = argument("kb", 4096) * 256, touch = argument("touch", 8), state = seeded(argument("seed", 1));
    u32 *memory = heap(words * 4), sum = 0;
    if (touch * WORDS > words) panic("touch: more pages than there are");
    for (u32 i = 0; i < words; i++) memory[i] = next_random(&state);
    ready();
    begin("fleet");
    for (u32 i = 0; i < touch; i++) memory[i * WORDS] ^= i + 1;
    for (u32 i = 0; i < words; i += 16) sum = (sum << 1 | sum >> 31) + memory[i];
    end(sum);
}
