/*
 * AES-128-CTR of pages with the four T-tables of the Rijndael proposal, no AES instructions, not constant-time.
 * Arguments: key, source, target, pages, counter, cached. If cached is 1, it uses what the machine's own code uses, that only one byte
 * of the counter block varies within a page: rounds 1 and 2 cost 5 look-ups instead of 32.
 */
#include "harness.h"

static u8 sbox[256];
static u32 T[4][256], keys[44];

static u32 rotate(u32 x, int by) { return x << by | x >> (32 - by); }

static void prepare(u32 key) {
    for (u32 p = 1, q = 1, n = 0; n < 255; n++) { /* p runs through all elements, q = 1 / p */
        u8 s = q ^ q << 1 ^ q >> 7 ^ q << 2 ^ q >> 6 ^ q << 3 ^ q >> 5 ^ q << 4 ^ q >> 4 ^ 0x63;
        sbox[p] = s;
        p = (p ^ p << 1 ^ (p & 0x80 ? 0x11b : 0)) & 0xff;
        q ^= q << 1, q ^= q << 2, q ^= q << 4, q &= 0xff;
        if (q & 0x80) q ^= 0x09;
    }
    sbox[0] = 0x63;
    for (u32 i = 0; i < 256; i++) {
        u32 s = sbox[i], s2 = (s << 1 ^ (s & 0x80 ? 0x11b : 0)) & 0xff;
        u32 word = s2 | s << 8 | s << 16 | (s ^ s2) << 24;
        for (int r = 0; r < 4; r++) T[r][i] = r == 0 ? word : rotate(word, 8 * r);
    }
    memcpy(keys, flat + key, 16);
    for (u32 i = 4, constant = 1; i < 44; i++) {
        u32 t = keys[i - 1];
        if (i % 4 == 0) {
            t = rotate(t, 24);
            t = sbox[t & 255] | sbox[t >> 8 & 255] << 8 | sbox[t >> 16 & 255] << 16 | (u32)sbox[t >> 24] << 24;
            t ^= constant;
            constant = constant << 1 ^ (constant & 0x80 ? 0x11b : 0);
        }
        keys[i] = keys[i - 4] ^ t;
    }
}

#define B(x, n) ((x) >> 8 * (n) & 255)
#define COLUMN(a, b, c, d) (T[0][B(a, 0)] ^ T[1][B(b, 1)] ^ T[2][B(c, 2)] ^ T[3][B(d, 3)])
#define LAST(a, b, c, d) (sbox[B(a, 0)] | sbox[B(b, 1)] << 8 | sbox[B(c, 2)] << 16 | (u32)sbox[B(d, 3)] << 24)

static inline void page(u32 number, u64 counter, int cached, const u8 *from, u8 *to) {
    u8 block[16] = {number >> 24, number >> 16, number >> 8, number};
    for (int i = 0; i < 8; i++) block[7 + i] = counter >> (56 - 8 * i);
    u32 x[4], y[4];
    memcpy(x, block, 16);
    for (int i = 0; i < 4; i++) x[i] ^= keys[i];
    u32 last = x[3] >> 24; /* the byte that varies, without the index */
    u32 fixed = T[0][B(x[0], 0)] ^ T[1][B(x[1], 1)] ^ T[2][B(x[2], 2)] ^ keys[4];
    for (int c = 1; c < 4; c++) y[c] = COLUMN(x[c], x[(c + 1) & 3], x[(c + 2) & 3], x[(c + 3) & 3]) ^ keys[4 + c];
    u32 f0 = T[1][B(y[1], 1)] ^ T[2][B(y[2], 2)] ^ T[3][B(y[3], 3)] ^ keys[8];
    u32 f1 = T[0][B(y[1], 0)] ^ T[1][B(y[2], 1)] ^ T[2][B(y[3], 2)] ^ keys[9];
    u32 f2 = T[0][B(y[2], 0)] ^ T[1][B(y[3], 1)] ^ T[3][B(y[1], 3)] ^ keys[10];
    u32 f3 = T[0][B(y[3], 0)] ^ T[2][B(y[1], 2)] ^ T[3][B(y[2], 3)] ^ keys[11];
    for (u32 i = 0; i < 256; i++) {
        u32 v = fixed ^ T[3][last ^ i];
        u32 a = f0 ^ T[0][B(v, 0)], b = f1 ^ T[3][B(v, 3)], c = f2 ^ T[2][B(v, 2)], d = f3 ^ T[1][B(v, 1)];
        if (!cached) a = x[0], b = x[1], c = x[2], d = x[3] ^ i << 24;
        const u32 *k = cached ? keys + 12 : keys + 4;
        for (int r = cached ? 3 : 1; r < 10; r++, k += 4) {
            u32 e = COLUMN(a, b, c, d) ^ k[0], f = COLUMN(b, c, d, a) ^ k[1];
            u32 g = COLUMN(c, d, a, b) ^ k[2], h = COLUMN(d, a, b, c) ^ k[3];
            a = e, b = f, c = g, d = h;
        }
        u32 stream[4] = {LAST(a, b, c, d) ^ k[0], LAST(b, c, d, a) ^ k[1], LAST(c, d, a, b) ^ k[2], LAST(d, a, b, c) ^ k[3]};
        u64 in[2], key[2];
        memcpy(in, from + 16 * i, 16);
        memcpy(key, stream, 16);
        in[0] ^= key[0], in[1] ^= key[1];
        memcpy(to + 16 * i, in, 16);
    }
}

static u32 subject(void) {
    static int ready;
    if (!ready) prepare(arguments[0]), ready = 1;
    u32 sum = 0;
    for (u32 i = 0; i < arguments[3]; i++) {
        u32 to = arguments[2] + 4096 * i;
        const u8 *from = flat + arguments[1] + 4096 * i;
        if (arguments[5]) page(i, arguments[4] + i, 1, from, flat + to);
        else page(i, arguments[4] + i, 0, from, flat + to);
        sum += load32(to) ^ load32(to + 2048 + (i * 68 & 1023)) ^ load32(to + 4092);
    }
    return sum;
}
