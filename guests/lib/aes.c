/* lib/aes.h. The S-box is worked out rather than written down. */
#include "aes.h"

#define ROUNDS 10

static u8 sbox[256];

static u8 twice(u8 x) { return (u8)(x << 1 ^ (x & 0x80 ? 0x1b : 0)); }
static u8 rotated(u8 x, u32 by) { return (u8)(x << by | x >> (8 - by)); }

/* Walks through the powers of 3 and of 1/3: each is the inverse of the other. FIPS 197, 5.1.1. */
static void make_sbox(void) {
    u8 power = 1, inverse = 1;
    do {
        power ^= twice(power);
        inverse ^= (u8)(inverse << 1);
        inverse ^= (u8)(inverse << 2);
        inverse ^= (u8)(inverse << 4);
        if (inverse & 0x80) inverse ^= 0x09;
        u8 x = inverse;
        sbox[power] = (u8)(x ^ rotated(x, 1) ^ rotated(x, 2) ^ rotated(x, 3) ^ rotated(x, 4) ^ 0x63);
    } while (power != 1);
    sbox[0] = 0x63;
}

static void expand(const u8 key[16], u8 schedule[16 * (ROUNDS + 1)]) {
    u8 constant = 1;
    memcpy(schedule, key, 16);
    for (u32 i = 16; i < 16 * (ROUNDS + 1); i += 4) {
        const u8 *last = schedule + i - 4;
        u8 word[4] = {last[0], last[1], last[2], last[3]};
        if (i % 16 == 0) {
            word[0] = sbox[last[1]] ^ constant, word[1] = sbox[last[2]], word[2] = sbox[last[3]], word[3] = sbox[last[0]];
            constant = twice(constant);
        }
        for (u32 j = 0; j < 4; j++) schedule[i + j] = schedule[i + j - 16] ^ word[j];
    }
}

static void add_key(u8 *state, const u8 *key) {
    for (u32 i = 0; i < 16; i++) state[i] ^= key[i];
}

static void mix_columns(u8 *state) {
    for (u8 *c = state; c < state + 16; c += 4) {
        u8 all = c[0] ^ c[1] ^ c[2] ^ c[3], first = c[0];
        for (u32 i = 0; i < 4; i++) c[i] ^= all ^ twice(c[i] ^ (i == 3 ? first : c[i + 1]));
    }
}

static void encrypt(const u8 *schedule, const u8 *from, u8 *to) {
    u8 state[16];
    memcpy(to, from, 16);
    add_key(to, schedule);
    for (u32 round = 1; round <= ROUNDS; round++) {
        for (u32 i = 0; i < 16; i++) state[i] = sbox[to[(i * 5) % 16]]; /* SubBytes and ShiftRows */
        if (round < ROUNDS) mix_columns(state);
        memcpy(to, state, 16);
        add_key(to, schedule + 16 * round);
    }
}

void aes_ctr(const u8 key[16], const u8 block[16], const u8 *from, u8 *to, u32 bytes) {
    u8 schedule[16 * (ROUNDS + 1)], counter[16], stream[16];
    make_sbox();
    expand(key, schedule);
    memcpy(counter, block, 16);
    for (u32 i = 0; i < bytes; i++) {
        if (i % 16 == 0) {
            counter[15] = (u8)(i / 16);
            encrypt(schedule, counter, stream);
        }
        to[i] = from[i] ^ stream[i % 16];
    }
}
