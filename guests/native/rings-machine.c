/* programs/rings.h natively: the processes one after the other; what ring 3 may not do is answered from the manual. */
#include "../programs/rings.h"

#include <setjmp.h>

static u32 current, mixed, result;
static jmp_buf ended;

u32 call(u32 number, u32 argument) {
    switch (number) {
        case CALL_EXIT:
            result = mix(mixed, argument);
            longjmp(ended, 1);
        case CALL_YIELD: return 0;
        case CALL_MIX: return mixed = mix(mixed, argument);
        default: return current;
    }
}

/* SDM Vol. 3A, Figure 4-12 "Page-Fault Error Code" (P 1, W/R 2, U/S 4) and Figure 6-7 "Error Code" (IDT 2). */
u32 attempt(u32 what, u32 *data) {
    static const u32 answers[TRIES] = {
        [TRY_READ_KERNEL] = 14 << 16 | 5, [TRY_WRITE_KERNEL] = 14 << 16 | 7, [TRY_READ_ABSENT] = 14 << 16 | 4,
        [TRY_WRITE_CODE] = 14 << 16 | 7,  [TRY_CLI] = 13 << 16,              [TRY_HLT] = 13 << 16,
        [TRY_IN] = 13 << 16,              [TRY_CR3] = 13 << 16,              [TRY_INT] = 13 << 16 | 0x21 << 3 | 2,
    };
    (void)data;
    return answers[what];
}

void run_processes(u32 count, u32 work, u32 seed, u32 hertz, u32 *results) {
    static u32 data[DATA_WORDS];
    (void)hertz;
    for (volatile u32 id = 0; id < count; id++) {
        current = id;
        mixed = MIX_START;
        if (!setjmp(ended)) process_main(data, id, work, seeded(seed + id));
        results[id] = result;
    }
}
