/* Printing and the report lines; compiled for the machine and natively. */
#include "guest.h"

void print(const char *text) {
    while (*text) put(*text++);
}

void print_hex(u32 value) {
    for (int shift = 28; shift >= 0; shift -= 4) put("0123456789abcdef"[value >> shift & 15]);
}

void print_decimal(u32 value) {
    char digits[10];
    int n = 0;
    do digits[n++] = (char)('0' + value % 10);
    while (value /= 10);
    while (n) put(digits[--n]);
}

void remark(const char *name, u32 value) {
    print("# ");
    print(name);
    put('=');
    print_decimal(value);
    put('\n');
}

void begin(const char *name) {
    put('@');
    print(name);
    put('\n');
}

void end(u32 checksum) {
    put('=');
    print_hex(checksum);
    put('\n');
}
