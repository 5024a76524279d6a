/* SHA-256 (FIPS 180-4) of `kb` KiB of pseudo-random bytes, after the standard's vector "abc". */
#include "guest.h"

static const u32 K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static u32 rotate(u32 x, int n) { return x >> n | x << (32 - n); }

static void block(u32 *h, const u8 *bytes) {
    u32 w[64], s[8];
    for (int i = 0; i < 16; i++, bytes += 4) w[i] = (u32)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
    for (int i = 16; i < 64; i++) {
        u32 a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
    }
    for (int i = 0; i < 8; i++) s[i] = h[i];
    for (int i = 0; i < 64; i++) {
        u32 a = s[0], e = s[4];
        u32 t1 = s[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & s[5]) ^ (~e & s[6])) + K[i] + w[i];
        u32 t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
        for (int j = 7; j; j--) s[j] = s[j - 1];
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) h[i] += s[i];
}

static void sha256(u32 *h, const u8 *bytes, u32 length) {
    static const u32 start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    u8 last[128] = {0};
    u32 rest = length & 63, size = rest < 56 ? 64 : 128;
    memcpy(h, start, sizeof start);
    for (u32 i = 0; i < length - rest; i += 64) block(h, bytes + i);
    memcpy(last, bytes + length - rest, rest);
    last[rest] = 0x80;
    for (int i = 0; i < 4; i++) last[size - 1 - i] = (u8)(length << 3 >> 8 * i);
    last[size - 5] = (u8)(length >> 29);
    for (u32 i = 0; i < size; i += 64) block(h, last + i);
}

void program(void) {
    static const u32 abc[8] = {0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223,
                               0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad};
    u32 length = argument("kb", 256) * 1024, state = seeded(argument("seed", 1)), h[8];
    u8 *bytes = heap(length);
    for (u32 i = 0; i < length; i++) bytes[i] = (u8)next_random(&state);

    begin("sha256-abc");
    sha256(h, (const u8 *)"abc", 3);
    if (memcmp(h, abc, sizeof abc)) panic("SHA-256 of abc is wrong");
    end(h[0]);

    begin("sha256");
    sha256(h, bytes, length);
    print("# ");
    for (int i = 0; i < 8; i++) print_hex(h[i]);
    put('\n');
    end(h[0]);
}
