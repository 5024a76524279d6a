/* The guest's runtime on i386 Linux: the same programs, natively. */
#include "../lib/guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

void put(char c) { putchar(c); }
int get(void) { return getchar(); }

void panic(const char *why) {
    printf("# panic: %s\n", why);
    exit(3);
}

void *heap(u32 bytes) {
    void *memory = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) panic("out of memory");
    return memory;
}

int main(int count, char **words) {
    static char line[512];
    u32 length = 0;
    for (int i = 1; i < count; i++)
        length += (u32)snprintf(line + length, sizeof line - length, i > 1 ? " %s" : "%s", words[i]);
    command_line = line;
    program();
    return 0;
}
