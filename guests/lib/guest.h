/*
 * What every guest program may use, in the machine and natively alike. A program defines `program()`; it takes its
 * sizes from the command line and reports checksums. Everything is 32-bit integer arithmetic without library calls.
 */
#ifndef GUEST_H
#define GUEST_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define NOINLINE __attribute__((noinline))

void program(void);

/* Console. Lines beginning with '#' are remarks (not compared), '@' names a checksum, '=' is its value. */
void put(char c);
void print(const char *text);
void print_hex(u32 value);     /* 8 digits */
void print_decimal(u32 value);
void remark(const char *name, u32 value); /* "# name=value\n" */
void begin(const char *name);             /* "@name\n" */
void end(u32 checksum);                   /* "=xxxxxxxx\n" */
void panic(const char *why) __attribute__((noreturn));
int get(void); /* one byte of console input, −1 if none is waiting */

/* Command line: `key=value` words, values decimal or 0x…. */
u32 argument(const char *key, u32 otherwise);
int argument_is(const char *key, const char *value);
const char *argument_text(const char *key); /* what follows `key=`, up to a space or the end; 0: there is no such word */
extern const char *command_line;

/* Memory. `heap` gives zeroed, page-aligned memory and panics when the guest has too little. */
void *heap(u32 bytes);
void *code_heap(u32 bytes); /* the same, and it may be executed */
void *memcpy(void *to, const void *from, __SIZE_TYPE__ bytes);
void *memmove(void *to, const void *from, __SIZE_TYPE__ bytes);
void *memset(void *to, int value, __SIZE_TYPE__ bytes);
int memcmp(const void *a, const void *b, __SIZE_TYPE__ bytes);

/* Runs action(argument); if it traps, comes back at once. Returns 0, or 0x100 | vector with the error code in guarded_error. */
void guard_start(void);
u32 guarded(void (*action)(u32), u32 argument);
extern u32 guarded_error;

/* Deterministic numbers: Marsaglia's xorshift32 (never 0), and one step of a 32-bit FNV-1a-like hash. */
static inline u32 next_random(u32 *state) {
    u32 x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

static inline u32 seeded(u32 seed) { return seed * 2654435761u | 1; }

#define MIX_START 0x811c9dc5u
static inline u32 mix(u32 hash, u32 value) {
    hash = (hash ^ value) * 0x01000193u;
    return hash ^ hash >> 15;
}

#endif
