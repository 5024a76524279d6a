/* Sieve of Eratosthenes over `n` bytes: byte loads and stores at growing strides. */
#include "guest.h"

void program(void) {
    u32 n = argument("n", 1500000), count = 0, hash = MIX_START;
    u8 *composite = heap(n);
    begin("sieve");
    for (u32 i = 2; i < n; i++) {
        if (composite[i]) continue;
        count++;
        hash = mix(hash, i);
        if (i < 65536)
            for (u32 j = i * i; j < n; j += i) composite[j] = 1;
    }
    end(mix(hash, count));
}
