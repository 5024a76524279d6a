/* Matrix product of order `n`: once in 32-bit integers, once in 16.16 fixed point through 64-bit products. */
#include "guest.h"

static u32 sum(const u32 *matrix, u32 count) {
    u32 hash = MIX_START;
    for (u32 i = 0; i < count; i++) hash = mix(hash, matrix[i]);
    return hash;
}

static NOINLINE void multiply(u32 *c, const u32 *a, const u32 *b, u32 n) {
    for (u32 i = 0; i < n; i++)
        for (u32 j = 0; j < n; j++) {
            u32 s = 0;
            for (u32 k = 0; k < n; k++) s += a[i * n + k] * b[k * n + j];
            c[i * n + j] = s;
        }
}

static NOINLINE void multiply_fixed(int *c, const int *a, const int *b, u32 n) {
    for (u32 i = 0; i < n; i++)
        for (u32 j = 0; j < n; j++) {
            long long s = 0;
            for (u32 k = 0; k < n; k++) s += (long long)a[i * n + k] * b[k * n + j];
            c[i * n + j] = (int)(s >> 16);
        }
}

void program(void) {
    u32 n = argument("n", 112), state = seeded(argument("seed", 1));
    u32 *a = heap(n * n * 4), *b = heap(n * n * 4), *c = heap(n * n * 4);
    for (u32 i = 0; i < n * n; i++) a[i] = next_random(&state), b[i] = next_random(&state);
    begin("matmul");
    multiply(c, a, b, n);
    end(sum(c, n * n));
    begin("matmul-fixed");
    multiply_fixed((int *)c, (const int *)a, (const int *)b, n);
    end(sum(c, n * n));
}
