/*
 * main() of the C subjects: argv = flat memory's copy, its size, then the numbers that the subject wants. Commands on stdin,
 * one per line:  0 → "checksum"     n > 0 → call for n milliseconds: "p50 p99 mean rme calls", nanoseconds per call
 */
#ifndef HARNESS_H
#define HARNESS_H

#define _GNU_SOURCE
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef int32_t i32;
typedef uint64_t u64;

static u8 *flat;
static u32 arguments[8];

static inline u32 load32(u32 address) { u32 v; memcpy(&v, flat + address, 4); return v; }
static inline u64 load64(u32 address) { u64 v; memcpy(&v, flat + address, 8); return v; }
static inline void store32(u32 address, u32 v) { memcpy(flat + address, &v, 4); }
static inline void add64(u32 address, u64 n) { u64 v = load64(address) + n; memcpy(flat + address, &v, 8); }

/* One call: what the other subjects do per call, and the same result. */
static u32 subject(void);

#ifndef CLOCK
#define CLOCK CLOCK_MONOTONIC
#endif

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

#define MOST 100000
static double sample[MOST];

static void measure(double milliseconds) {
    static volatile u32 sink;
    int n = 0;
    double end = now() + milliseconds * 1e6, sum = 0, squares = 0;
    while (n < MOST && (n < 8 || now() < end)) {
        double start = now();
        sink += subject();
        sample[n++] = now() - start;
    }
    for (int i = 0; i < n; i++) sum += sample[i];
    double mean = sum / n;
    for (int i = 0; i < n; i++) squares += (sample[i] - mean) * (sample[i] - mean);
    qsort(sample, n, sizeof *sample, ascending);
    double moe = 1.96 * sqrt(squares / (n - 1) / n);
    printf("%.1f %.1f %.1f %.3f %d\n", sample[n / 2], sample[(int)((n - 1) * 0.99)], mean, 100 * moe / mean, n);
}

int main(int count, char **words) {
    int file = open(words[1], O_RDONLY);
    if (count < 3 || file < 0) return 2;
    flat = mmap(0, strtoull(words[2], 0, 10), PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    if (flat == MAP_FAILED) return 2;
    for (int i = 3; i < count && i < 11; i++) arguments[i - 3] = strtoul(words[i], 0, 10);
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        double milliseconds = atof(line);
        if (milliseconds > 0) measure(milliseconds);
        else printf("%u\n", subject());
        fflush(stdout);
    }
    return 0;
}
#endif
