/* The experiments, and what happens in them as a line of the trace. */
#ifndef TRACE_H
#define TRACE_H

#include "machine.h"
#include "world.h"

struct experiment { /* made by EXPERIMENT in experiment.h */
    const char *name;
    const u8 *code, *end;
    u32 mode;   /* RING0 … REAL */
    u32 eflags; /* when it starts */
    u32 again;  /* AGAIN_* */
    void (*setup)(void);
};

struct registers { /* in the order of PUSHA */
    u32 edi, esi, ebp, esp, ebx, edx, ecx, eax;
};

struct start { /* what `enter` loads */
    struct registers general;
    u32 gs, fs, ds, es;
    u32 eip, cs, eflags, esp, ss;
    u32 v86_es, v86_ds, v86_fs, v86_gs;
};

struct saved { /* what a handler's stub leaves on the stack; from `eip` on 16-bit words where the gate is 16 bits wide */
    u32 gs, fs, es, ds;
    struct registers general;
    u32 vector, error;
    u32 eip, cs, eflags, esp, ss, v86_es, v86_ds, v86_fs, v86_gs;
};

struct event { /* the same whatever the gate */
    u32 vector, error, has_error;
    u32 eip, cs, eflags, esp, ss;
    struct registers general;
    u32 segments[4]; /* ES DS FS GS */
};

/* --- world.c ------------------------------------------------------------------------------------------------ */
extern u8 stacks[STACKS][STACK_SIZE];
extern u64 gdt[], ldt[], idt[IDT_VECTORS];
extern u32 page_tables[][1024];
extern u8 tss_main[], tss_a[], tss_b[], tss_16[], tss_busy[], tss_double[];
extern u32 current_code; /* where the running experiment's code begins */
u32 top_of(u32 stack);
void world_begin(void);
void world_reset(void);
void world_disarm(void);
void world_changes(void); /* prints what differs from the world as it was reset */

/* --- trace.c ------------------------------------------------------------------------------------------------ */
void trace_begin(u32 number, const struct experiment *experiment, const struct start *start);
void trace_event(const struct event *event);
void emit(char c);
void text(const char *text);
void trace_value(u32 value);
void trace_short(u32 value); /* hexadecimal without leading zeros */

/* --- entry.S ------------------------------------------------------------------------------------------------ */
extern u8 stubs[], stubs16[], double_task[];
void enter(const struct start *start);

#endif
