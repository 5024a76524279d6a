/*
 * Code that writes code: functions emitted at random places and called; an instruction that patches the next one; a loop
 * that patches its own immediate; code that patches another page; an instruction across a page boundary, patched from
 * before it. `n` rounds of each.
 */
#include "guest.h"

#define PAGE 4096
#define AREA (8 * PAGE)

static u8 *area, *at;

static void byte(u32 value) { *at++ = (u8)value; }
static void word(u32 value) {
    byte(value), byte(value >> 8), byte(value >> 16), byte(value >> 24);
}
static u32 run(const u8 *code, u32 value) { return ((u32(*)(u32))code)(value); }

/* A function of some arithmetic on its argument, at `start`. */
static void emit_function(u8 *start, u32 *seed) {
    at = start;
    byte(0x8b), byte(0x44), byte(0x24), byte(0x04); /* mov eax, [esp+4] */
    for (u32 length = next_random(seed) >> 28; length; length--) {
        u32 random = next_random(seed);
        switch (random >> 16 & 7) {
            case 0: byte(0x05), word(random); break;                         /* add eax, imm32 */
            case 1: byte(0x35), word(random); break;                         /* xor eax, imm32 */
            case 2: byte(0x69), byte(0xc0), word(random | 1); break;         /* imul eax, eax, imm32 */
            case 3: byte(0xc1), byte(0xc0), byte(random & 31); break;        /* rol eax, imm8 */
            case 4: byte(0xf7), byte(0xd8); break;                           /* neg eax */
            case 5: byte(0x0f), byte(0xc8); break;                           /* bswap eax */
            case 6: byte(0x8d), byte(0x84), byte(0x80), word(random); break; /* lea eax, [eax+eax*4+disp32] */
            default: byte(0x74), byte(1), byte(0x40); break;                 /* jz +1; inc eax */
        }
    }
    byte(0xc3); /* ret */
}

static u32 functions(u32 n, u32 seed) {
    u32 hash = MIX_START;
    for (u32 i = 0; i < n; i++) {
        u8 *start = area + next_random(&seed) % (AREA - 256);
        emit_function(start, &seed);
        for (u32 calls = next_random(&seed) >> 27; calls; calls--) hash = mix(hash + i, run(start, hash));
    }
    return hash;
}

/* mov [here+10], al; add eax, imm32 whose first byte that is; ret. */
static u32 ahead(u32 n, u32 seed) {
    u32 hash = MIX_START;
    at = area + 100;
    byte(0x8b), byte(0x44), byte(0x24), byte(0x04); /* mov eax, [esp+4] */
    byte(0xa2), word((u32)at + 5);                  /* mov [moffs8], al */
    byte(0x05), word(seed), byte(0xc3);
    for (u32 i = 0; i < n; i++) hash = mix(hash, run(area + 100, hash));
    return hash;
}

/* A loop of 10 rounds: add dword [imm], 0x1234567; add eax, imm; dec ecx; jnz loop. */
static u32 itself(u32 n, u32 seed) {
    u32 hash = MIX_START;
    at = area + PAGE + 200;
    byte(0x8b), byte(0x44), byte(0x24), byte(0x04);                 /* mov eax, [esp+4] */
    byte(0xb9), word(10);                                           /* mov ecx, 10 */
    byte(0x81), byte(0x05), word((u32)at + 9), word(0x1234567);     /* add dword [disp32], imm32 */
    byte(0x05), word(seed), byte(0x49), byte(0x75), byte(0xee), byte(0xc3);
    for (u32 i = 0; i < n; i++) hash = mix(hash, run(area + PAGE + 200, hash));
    return hash;
}

/* Page 3 patches the immediate of a function on page 4 and calls it; that one patches page 3's in turn. */
static u32 other_page(u32 n, u32 seed) {
    u32 hash = MIX_START;
    u8 *first = area + 3 * PAGE + 64, *second = area + 4 * PAGE + 128;
    at = first;
    byte(0x8b), byte(0x44), byte(0x24), byte(0x04);                /* mov eax, [esp+4] */
    byte(0x35), word(seed);                                        /* xor eax, imm32 (patched by the second) */
    byte(0xa3), word((u32)second + 1);                             /* mov [second's imm], eax */
    byte(0xe8), word((u32)second - ((u32)at + 4)), byte(0xc3);     /* call second; ret */
    at = second;
    byte(0x05), word(seed);                                        /* add eax, imm32 */
    byte(0xa3), word((u32)first + 5), byte(0xc3);                  /* mov [first's imm], eax; ret */
    for (u32 i = 0; i < n; i++) hash = mix(hash, run(first, hash));
    return hash;
}

/* mov byte [page+1], al; then add eax, imm32 whose immediate lies half on the next page. */
static u32 across(u32 n, u32 seed) {
    u32 hash = MIX_START;
    u8 *border = area + 6 * PAGE, *start = border - 12;
    at = start;
    byte(0x8b), byte(0x44), byte(0x24), byte(0x04); /* mov eax, [esp+4] */
    byte(0xa2), word((u32)border + 1);              /* mov [moffs8], al */
    byte(0x05), word(seed), byte(0xc3);             /* add eax, imm32: 3 bytes before the border, 2 after */
    for (u32 i = 0; i < n; i++) hash = mix(hash, run(start, hash));
    return hash;
}

void program(void) {
    u32 n = argument("n", 12000), seed = seeded(argument("seed", 1));
    area = code_heap(AREA);
    begin("smc-functions");
    end(functions(n, seed));
    begin("smc-ahead");
    end(ahead(n, seed));
    begin("smc-itself");
    end(itself(n / 4, seed));
    begin("smc-other-page");
    end(other_page(n, seed));
    begin("smc-across");
    end(across(n, seed));
}
