/* The processes of programs/rings.c and their system calls; kernels: rings-machine.c and native/rings-machine.c. */
#ifndef RINGS_H
#define RINGS_H

#include "guest.h"

#define PROCESSES_MAX 8
#define DATA_WORDS 2048 /* each process's own data, at the same linear address in every process */

enum { CALL_EXIT, CALL_YIELD, CALL_MIX, CALL_ID }; /* EAX of INT 0x80; argument EBX, result EAX */
/* Things that ring 3 may not do; the kernel answers with error code | vector << 16 and skips the instruction. */
enum { TRY_READ_KERNEL, TRY_WRITE_KERNEL, TRY_READ_ABSENT, TRY_WRITE_CODE, TRY_CLI, TRY_HLT, TRY_IN, TRY_CR3, TRY_INT, TRIES };

/* Ring 3 sees nothing but `.user`: no jump tables, which would lie in `.rodata`. */
#define USER __attribute__((section(".user"), noinline, optimize("no-jump-tables")))

void process_main(u32 *data, u32 id, u32 work, u32 seed) __attribute__((noreturn)); /* what each process runs */
u32 call(u32 number, u32 argument);
u32 attempt(u32 what, u32 *data);

/* Runs `count` processes to their ends; fills results with what each gave to CALL_EXIT. */
void run_processes(u32 count, u32 work, u32 seed, u32 hertz, u32 *results);
#endif
