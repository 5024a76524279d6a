/*
 * `procs` processes in ring 3, each behind its own page tables, preempted by the timer and scheduled in turn. Each does a
 * fixed amount of work, asks the kernel by INT 0x80 and tries what ring 3 may not do, so that its result does not depend
 * on when the timer struck; how often it did is a remark.
 */
#include "rings.h"

USER static u32 work_on(u32 *data, u32 id, u32 work, u32 seed) {
    u32 hash = MIX_START;
    for (u32 i = 0; i < DATA_WORDS; i++) data[i] = next_random(&seed);
    for (u32 i = 0; i < work; i++) {
        u32 *word = &data[hash % DATA_WORDS];
        hash = mix(hash, *word);
        switch (id & 3) { /* four kinds of work */
            case 0: *word += hash; break;
            case 1: *word ^= i * 2654435761u; break;
            case 2: *word = *word << 7 | *word >> 25; break;
            default: *word = (u32)((u64)*word * hash >> 16); break;
        }
        if ((i & 1023) == 0) hash ^= call(CALL_MIX, hash);
        if ((i & 8191) == 8191) call(CALL_YIELD, 0);
    }
    return hash;
}

USER void process_main(u32 *data, u32 id, u32 work, u32 seed) {
    u32 hash = mix(MIX_START, call(CALL_ID, 0));
    for (u32 what = 0; what < TRIES; what++) hash = mix(hash, attempt(what, data));
    hash = mix(hash, work_on(data, id, work, seed));
    for (u32 i = 0; i < DATA_WORDS; i++) hash = mix(hash, data[i]);
    call(CALL_EXIT, hash);
    for (;;);
}

void program(void) {
    u32 results[PROCESSES_MAX], count = argument("procs", 4), hash = MIX_START;
    if (count == 0 || count > PROCESSES_MAX) panic("procs: 1 to 8");
    begin("rings");
    run_processes(count, argument("n", 200000), argument("seed", 1), argument("hz", 1000), results);
    for (u32 i = 0; i < count; i++) hash = mix(hash, results[i]);
    end(hash);
}
