/*
 * The kernels of a work.c (WORK) on i386 Linux, in the order and with the sizes of the Multiboot kernel beside it. They use
 * memory from 16 MiB on by address.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include WORK

static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

#define RUN(name, call)                                                                  \
    do {                                                                                 \
        puts("@" name);                                                                  \
        double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);         \
        u32 checksum = call;                                                             \
        wall = now(CLOCK_MONOTONIC) - wall, cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;   \
        printf("# times=%.0f,%.0f\n=%08x\n", wall, cpu, checksum);                       \
    } while (0)

int main(void) {
    void *base = (void *)0x1000000;
    if (mmap(base, 0x1100000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != base)
        return 3;
    for (u32 i = 0; i < sizeof sv; i++) sv[i] = i * 7;
    RUN("warm", w_crc(8));
    RUN("sieve", w_sieve(40));
    RUN("crc", w_crc(100));
    RUN("sha", w_sha(4));
    RUN("sort", w_sort(12));
    RUN("fib", w_fib(33));
    RUN("interp", w_interp(4000000));
    RUN("icall", w_icall(20000000));
    RUN("chase", w_chase(20000000));
    RUN("movs", w_movs(400));
    puts("@done");
    return 0;
}
