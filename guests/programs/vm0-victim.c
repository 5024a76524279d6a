/*
 * Keeps a secret in memory, the line that waits at its console's input, and works: `n` rounds over `kb` KiB, into which the
 * secret goes. Others want to find it.
 */
#include "guest.h"

#define PAGE 4096
#define LONGEST 255

void program(void) {
    u32 n = argument("n", 200), words = argument("kb", 64) * 256, patience = 100000, hash = MIX_START;
    u8 *secret = heap(PAGE); /* the only copy */
    u32 *work = heap(words * 4);
    u32 length = 0;
    for (int c = 0; c != '\n' && length < LONGEST;) {
        c = get();
        if (c < 0 && !patience--) break;
        if (c >= 0 && c != '\n') secret[length++] = (u8)c;
    }
    begin("vm0-victim");
    for (u32 round = 0; round < n; round++) {
        for (u32 i = 0; i < words; i++) work[i] = hash = mix(hash, work[i] ^ i);
        for (u32 i = 0; i < length; i++) hash = mix(hash, secret[i]);
    }
    end(hash);
}
