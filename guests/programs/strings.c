/*
 * The string instructions: MOVS, STOS, LODS, SCAS and CMPS in bytes, words and doublewords, repeated and single, upwards
 * and downwards, at every alignment, overlapping, across pages. What each leaves in ECX, ESI, EDI, EAX and ZF is hashed.
 */
#include "guest.h"

struct registers {
    u32 eax, ecx, esi, edi, zf;
};

#define STRING(name, instruction)                                                                                  \
    static NOINLINE void name(struct registers *r) {                                                               \
        __asm__ volatile("test %%eax, %%eax\n" instruction "\ncld\nsetz %b4"                                       \
                         : "+a"(r->eax), "+c"(r->ecx), "+S"(r->esi), "+D"(r->edi), "=&d"(r->zf)                    \
                         :                                                                                         \
                         : "memory", "cc");                                                                        \
        r->zf &= 1;                                                                                                \
    }                                                                                                              \
    static NOINLINE void name##_down(struct registers *r) {                                                        \
        __asm__ volatile("test %%eax, %%eax\nstd\n" instruction "\ncld\nsetz %b4"                                  \
                         : "+a"(r->eax), "+c"(r->ecx), "+S"(r->esi), "+D"(r->edi), "=&d"(r->zf)                    \
                         :                                                                                         \
                         : "memory", "cc");                                                                        \
        r->zf &= 1;                                                                                                \
    }
#define SIZES(name, instruction) STRING(name##b, instruction "b") STRING(name##w, instruction "w") STRING(name##l, instruction "l")
SIZES(rep_movs, "rep movs")
SIZES(rep_stos, "rep stos")
SIZES(rep_lods, "rep lods")
SIZES(repe_scas, "repe scas")
SIZES(repne_scas, "repne scas")
SIZES(repe_cmps, "repe cmps")
SIZES(repne_cmps, "repne cmps")
SIZES(movs, "movs")
SIZES(stos, "stos")
SIZES(lods, "lods")
SIZES(scas, "scas")
SIZES(cmps, "cmps")

typedef void operation(struct registers *r);
#define ROW(name) {name##b, name##b_down}, {name##w, name##w_down}, {name##l, name##l_down}
static operation *const operations[][2] = {
    ROW(rep_movs),   ROW(rep_stos),   ROW(rep_lods), ROW(repe_scas), ROW(repne_scas), ROW(repe_cmps),
    ROW(repne_cmps), ROW(movs),       ROW(stos),     ROW(lods),      ROW(scas),       ROW(cmps),
};
#define OPERATIONS (sizeof operations / sizeof operations[0])
#define AREA 16384

static u32 all_operations(u8 *area, u32 rounds, u32 seed) {
    u32 hash = MIX_START;
    for (u32 i = 0; i < rounds; i++) {
        u32 random = next_random(&seed), down = random >> 31, base = (u32)area;
        u32 count = random & 0x1000 ? random & 15 : random & 511, size = 1u << (i % OPERATIONS % 3);
        u32 from = next_random(&seed) % (AREA - 4096) + 2048, to = next_random(&seed) % (AREA - 4096) + 2048;
        if (random & 0x2000) to = from + (random >> 16 & 15); /* overlapping, or the same bytes to compare */
        struct registers r = {area[to] | area[to + 1] << 8 | area[to + 2] << 16 | (u32)area[to + 3] << 24, count, base + from, base + to, 0};
        if (random & 0x4000) r.eax = 0;
        operations[i % OPERATIONS][down](&r);
        hash = mix(hash, r.eax);
        hash = mix(hash, r.ecx);
        hash = mix(hash, (r.esi - base) << 16 ^ (r.edi - base) << 1 ^ r.zf);
        hash = mix(hash, area[to] + (area[to + count * size / 2] << 8));
        if (i % 64 == 0) /* keep the bytes from becoming all alike */
            for (u32 k = 0; k < AREA; k += 32) area[k] = (u8)next_random(&seed);
    }
    for (u32 k = 0; k < AREA; k++) hash = mix(hash, area[k]);
    return hash;
}

static u32 library(u8 *area, u32 rounds, u32 seed) {
    u32 hash = MIX_START;
    for (u32 i = 0; i < rounds; i++) {
        u32 random = next_random(&seed), length = random >> 20, a = random & 4095, b = next_random(&seed) & 8191;
        switch (random >> 12 & 3) {
            case 0: memcpy(area + 12288, area + a, length & 2047); break;
            case 1: memmove(area + a, area + b, length); break;
            case 2: memset(area + b, (int)random, length & 255); break;
            default: hash = mix(hash, memcmp(area + a, area + b, length) == 0); break;
        }
    }
    for (u32 k = 0; k < AREA; k++) hash = mix(hash, area[k]);
    return hash;
}

void program(void) {
    u32 n = argument("n", 60000), seed = seeded(argument("seed", 1));
    u8 *area = heap(AREA + 64);
    for (u32 i = 0; i < AREA; i++) area[i] = (u8)(next_random(&seed) & 3);
    begin("strings");
    end(all_operations(area, n, seed));
    begin("strings-library");
    end(library(area, n / 16, seed));
}
