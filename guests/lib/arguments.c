/* The command line: words `key=value`; the first word may be the image's path, as QEMU and GRUB pass it. */
#include "guest.h"

const char *command_line = "";

static const char *find(const char *key) {
    for (const char *word = command_line; *word;) {
        const char *k = key, *w = word;
        while (*k && *k == *w) k++, w++;
        if (!*k && *w == '=') return w + 1;
        while (*word && *word != ' ') word++;
        while (*word == ' ') word++;
    }
    return 0;
}

const char *argument_text(const char *key) { return find(key); }

u32 argument(const char *key, u32 otherwise) {
    const char *text = find(key);
    if (!text) return otherwise;
    u32 base = 10, value = 0;
    if (text[0] == '0' && text[1] == 'x') base = 16, text += 2;
    for (;; text++) {
        u32 digit = (u32)(*text - '0');
        if (digit > 9) digit = (u32)((*text | 32) - 'a') < 6 ? (u32)((*text | 32) - 'a' + 10) : 99;
        if (digit >= base) return value;
        value = value * base + digit;
    }
}

int argument_is(const char *key, const char *value) {
    const char *text = find(key);
    if (!text) return 0;
    while (*value && *value == *text) value++, text++;
    return !*value && (!*text || *text == ' ');
}
