/*
 * Byte sequences that are no instruction, or none in this mode: each is executed and must raise what the real CPU raises.
 * One that is executed after all runs into UD2's sibling INT3.
 */
#include "guest.h"

#define INT3 0xcc

static const struct {
    u8 length, bytes[15];
} cases[] = {
    {2, {0x0f, 0x0b}},                         /* ud2 */
    {3, {0x0f, 0xb9, 0xc0}},                   /* ud1 */
    {3, {0x0f, 0xff, 0xc0}},                   /* ud0 */
    {2, {0x0f, 0x04}},                         /* reserved two-byte opcodes */
    {2, {0x0f, 0x0a}},
    {2, {0x0f, 0x0c}},
    {2, {0x0f, 0x36}},
    {2, {0x0f, 0x39}},
    {2, {0x0f, 0x3b}},
    {2, {0x0f, 0x3f}},
    {3, {0x0f, 0xa6, 0x00}},
    {3, {0x0f, 0xa7, 0x00}},
    {2, {0xfe, 0xd0}},                         /* group 4 /2 … /7 */
    {2, {0xfe, 0xf8}},
    {2, {0xff, 0xf8}},                         /* group 5 /7 */
    {2, {0xff, 0xd8}},                         /* far call and far jump by a register */
    {2, {0xff, 0xe8}},
    {2, {0x8f, 0xc8}},                         /* group 1A /1 */
    {3, {0xc6, 0xc8, 0x00}},                   /* group 11 /1 */
    {6, {0xc7, 0xc8, 0, 0, 0, 0}},
    {4, {0x0f, 0xba, 0xc0, 0x01}},             /* group 8 /0 … /3 */
    {4, {0x0f, 0xba, 0xd8, 0x01}},
    {3, {0x0f, 0xc7, 0xc8}},                   /* cmpxchg8b of a register */
    {2, {0x8d, 0xc0}},                         /* lea of a register */
    {2, {0x62, 0xc0}},                         /* bound of a register */
    {2, {0x8e, 0xc8}},                         /* mov cs, ax */
    {2, {0x8e, 0xf0}},                         /* mov to segment registers 6 and 7 */
    {2, {0x8c, 0xf0}},
    {3, {0xf0, 0x01, 0xc0}},                   /* lock add eax, eax */
    {3, {0xf0, 0x8b, 0x00}},                   /* lock mov eax, [eax] */
    {3, {0xf0, 0x39, 0x00}},                   /* lock cmp [eax], eax */
    {2, {0xf0, 0x90}},                         /* lock nop */
    {2, {0xf0, 0xc3}},                         /* lock ret */
    {4, {0xf0, 0x0f, 0xa3, 0x00}},             /* lock bt [eax], eax */
    {3, {0x0f, 0x24, 0xc0}},                   /* mov eax, tr0 */
    {3, {0x0f, 0x26, 0xc0}},                   /* mov tr0, eax */
    {15, {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66}}, /* no end: too long */
};

static u8 *code;

static void run(u32 unused) {
    (void)unused;
    ((void (*)(void))code)();
}

void program(void) {
    u32 hash = MIX_START, rounds = argument("n", 200);
    code = code_heap(4096);
    guard_start();
    begin("undefined");
    for (u32 round = 0; round < rounds; round++)
        for (u32 i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            memset(code, INT3, 32);
            memcpy(code, cases[i].bytes, cases[i].length);
            u32 vector = guarded(run, 0);
            if (argument("show", 0)) remark("case", i), remark("vector", vector & 255), remark("error", guarded_error);
            hash = mix(hash, vector << 16 | guarded_error);
        }
    end(hash);
}
