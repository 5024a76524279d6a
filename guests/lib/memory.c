/* memcpy and its family (gcc calls them by itself), and the heap: all memory above the image and the modules. */
#include "guest.h"
#include "machine.h"

void *memcpy(void *to, const void *from, __SIZE_TYPE__ bytes) {
    void *result = to;
    __SIZE_TYPE__ words = bytes >> 2;
    __asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    bytes &= 3;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
    return result;
}

void *memmove(void *to, const void *from, __SIZE_TYPE__ bytes) {
    if ((u32)to - (u32)from >= bytes) return memcpy(to, from, bytes);
    u8 *last_to = (u8 *)to + bytes - 1;
    const u8 *last_from = (const u8 *)from + bytes - 1;
    __asm__ volatile("std; rep movsb; cld" : "+D"(last_to), "+S"(last_from), "+c"(bytes) : : "memory");
    return to;
}

void *memset(void *to, int value, __SIZE_TYPE__ bytes) {
    void *result = to;
    __SIZE_TYPE__ words = bytes >> 2;
    __asm__ volatile("rep stosl" : "+D"(to), "+c"(words) : "a"((u8)value * 0x01010101u) : "memory");
    bytes &= 3;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value) : "memory");
    return result;
}

int memcmp(const void *a, const void *b, __SIZE_TYPE__ bytes) {
    const u8 *p = a, *q = b;
    for (; bytes--; p++, q++)
        if (*p != *q) return *p - *q;
    return 0;
}

void *heap(u32 bytes) {
    u32 start = (memory_next + 4095) & ~4095u;
    bytes = (bytes + 3) & ~3u;
    if (start > memory_end || bytes > memory_end - start) panic("out of memory");
    memory_next = start + bytes;
    return memset((void *)start, 0, bytes);
}

void *code_heap(u32 bytes) { return heap(bytes); }
