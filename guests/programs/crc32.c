/* CRC-32 (ISO 3309, reflected 0xEDB88320) by table over `kb` KiB, `rounds` times; the check value comes first. */
#include "guest.h"

static u32 table[256];

static NOINLINE u32 crc(const u8 *bytes, u32 length, u32 value) {
    value = ~value;
    while (length--) value = table[(value ^ *bytes++) & 255] ^ value >> 8;
    return ~value;
}

void program(void) {
    u32 length = argument("kb", 512) * 1024, rounds = argument("rounds", 4), state = seeded(argument("seed", 1));
    u8 *bytes = heap(length);
    for (u32 i = 0; i < length; i++) bytes[i] = (u8)(next_random(&state) >> 8);
    for (u32 i = 0; i < 256; i++) {
        u32 c = i;
        for (int bit = 0; bit < 8; bit++) c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
        table[i] = c;
    }
    begin("crc32-check");
    u32 check = crc((const u8 *)"123456789", 9, 0);
    if (check != 0xcbf43926u) panic("CRC-32 of 123456789 is wrong");
    end(check);
    begin("crc32");
    u32 value = 0;
    while (rounds--) value = crc(bytes, length, value);
    end(value);
}
