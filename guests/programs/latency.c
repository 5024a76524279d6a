/*
 * How long a domain that wakes waits for its CPU: n sleeps of us microseconds and a bit, each by a timer event, with work
 * rounds of arithmetic between, and a histogram of how late it ran. It sees what its clock shows: under `host.clock: domain` it is
 * never late, under `host.clock: pcpu` as late as the scheduler made it.
 */
#include "latency.h"

void program(void) {
    u32 n = argument("n", 200), us = argument("us", 200), work = argument("work", 100);
    u32 seed = seeded(argument("seed", 1)), hash = MIX_START, worst = 0, counts[32];
    u64 sum = 0;
    for (u32 i = 0; i < 32; i++) counts[i] = 0;
    sleep_start();
    begin("latency");
    for (u32 i = 0; i < n; i++) {
        u32 ns = us * 1000 + next_random(&seed) % 1000, late = sleep_for(ns), bucket = 0;
        while (bucket < 31 && late >> bucket) bucket++;
        counts[bucket]++;
        sum += late;
        if (late > worst) worst = late;
        for (u32 j = 0; j < work; j++) hash = mix(hash, ns ^ j);
    }
    end(hash);
    for (u32 i = 0; i < 32; i++) {
        if (!counts[i]) continue;
        print("# late < ");
        print_decimal(i < 31 ? 1u << i : 0xffffffff);
        print(" ns: ");
        print_decimal(counts[i]);
        put('\n');
    }
    remark("worst", worst);
    remark("total", sum >> 32 ? 0xffffffff : (u32)sum);
}
