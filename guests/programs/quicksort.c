/* Quicksort (median of three, insertion sort below 12) of `n` pseudo-random words: data-dependent branches. */
#include "guest.h"

static void sort(u32 *a, u32 n) {
    while (n > 12) {
        u32 x = a[0], y = a[n / 2], z = a[n - 1];
        u32 pivot = x < y ? (y < z ? y : x < z ? z : x) : (x < z ? x : y < z ? z : y);
        u32 *low = a, *high = a + n - 1;
        for (;;) {
            while (*low < pivot) low++;
            while (*high > pivot) high--;
            if (low >= high) break;
            u32 t = *low;
            *low++ = *high;
            *high-- = t;
        }
        u32 left = (u32)(low - a);
        if (left == 0) left = 1;
        sort(a, left);
        a += left;
        n -= left;
    }
    for (u32 i = 1; i < n; i++) {
        u32 value = a[i], j = i;
        for (; j && a[j - 1] > value; j--) a[j] = a[j - 1];
        a[j] = value;
    }
}

void program(void) {
    u32 n = argument("n", 150000), state = seeded(argument("seed", 1)), hash = MIX_START;
    u32 *a = heap(n * 4);
    for (u32 i = 0; i < n; i++) a[i] = next_random(&state);
    begin("quicksort");
    sort(a, n);
    for (u32 i = 0; i < n; i++) {
        if (i && a[i - 1] > a[i]) panic("not sorted");
        hash = mix(hash, a[i]);
    }
    end(hash);
}
