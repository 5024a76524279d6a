/* What happened: the frames of all kinds of gates made into events, and whether the experiment goes on. */
#include "trace.h"

static const struct experiment *running;
static u32 budget; /* events left: an experiment that never ends is ended */

extern u8 real_stubs[];
extern u32 real_stack[2];
void real_go(void);
u32 trapped(struct saved *saved, u32 narrow);
u32 real_trap(void);
void double_fault(u32 error);

#define EVENTS 40

static int pushes_error(u32 vector) { return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17; }

/* Whether the experiment goes on after the event; changes the EFLAGS that IRET will load. */
static u32 goes_on(u32 vector, u32 *eflags) {
    u32 again = running->again;
    if (!--budget) {
        text("; ...");
        return 0;
    }
    if (vector == V_NOTE) return 1;
    if (vector == IRQ0) {
        outb(0x21, 0xff);
        end_of_interrupt();
        return again & AGAIN_IRQ ? 1 : 0;
    }
    if (vector >= 28 || !(again & AGAIN(vector))) return 0;
    if (again & AGAIN_RF) *eflags |= RF;
    if (again & AGAIN_NT) *eflags &= ~RF;
    if (again & AGAIN_TF) *eflags &= ~TF;
    return 1;
}

/* From an interrupt or trap gate; `narrow`: of 16 bits. */
u32 trapped(struct saved *saved, u32 narrow) {
    extern u32 saved_stack[];
    if (!running) return 1; /* DR7 is cleared with GD set */
    struct event event = {saved->vector, saved->error, (u32)pushes_error(saved->vector) & !narrow, 0, 0, 0, 0, 0, saved->general, {saved->es, saved->ds, saved->fs, saved->gs}};
    const u32 *words = &saved->eip;
    const u16 *halves = (const u16 *)words;
    if (narrow && saved->error) event.has_error = 1, event.error = saved->error >> 16;
    event.eip = narrow ? halves[0] : words[0];
    event.cs = narrow ? halves[1] : words[1] & 0xffff;
    event.eflags = narrow ? halves[2] : words[2];
    for (u32 i = 0; i < 4; i++) event.segments[i] &= 0xffff;
    u32 v86 = !narrow && event.eflags & VM;
    if (v86 || event.cs & 3) {
        event.esp = narrow ? halves[3] : words[3];
        event.ss = narrow ? halves[4] : words[4] & 0xffff;
        if (v86) {
            if (event.segments[0] | event.segments[1] | event.segments[2] | event.segments[3]) text(" (segments not nulled)");
            for (u32 i = 0; i < 4; i++) event.segments[i] = (&saved->v86_es)[i] & 0xffff;
        }
    } else {
        u32 frame = (u32)(&saved->eip) - (u32)saved + (narrow ? 6 : 12);
        event.esp = saved_stack[0] + frame;
        event.ss = saved_stack[1] & 0xffff;
    }
    trace_event(&event);
    u32 eflags = event.eflags;
    u32 more = goes_on(event.vector, &eflags);
    if (narrow) *(u16 *)&halves[2] = (u16)eflags;
    else saved->eflags = eflags;
    return more;
}

/* From the task of #DF: what the task that failed looks like lies in its TSS. */
void double_fault(u32 error) {
    const u32 *t = (const u32 *)tss_main;
    struct event event = {8, error, 1, t[T_EIP / 4], t[T_CS / 4], t[T_EFLAGS / 4], t[T_ESP / 4], t[T_SS / 4], {0}, {0}};
    memcpy(&event.segments[0], &t[T_ES / 4], 4);
    memcpy(&event.segments[1], &t[T_DS / 4], 12);
    for (u32 i = 0; i < 8; i++) (&event.general.edi)[i] = t[T_EDI / 4 - i];
    trace_event(&event);
}

/* From real mode; the frame is described in realmode.S. */
u32 real_trap(void) {
    u32 *stack = (u32 *)(REAL_CODE);
    u32 linear = (stack[1] << 4) + (stack[0] & 0xffff);
    u16 *frame = (u16 *)linear, *tail = frame + 4 + 16;
    struct event event = {tail[0], 0, 0, tail[1], tail[2], tail[3], stack[0] + 8 + 32 + 8, stack[1] & 0xffff, {0}, {frame[2], frame[3], frame[1], frame[0]}};
    memcpy(&event.general, frame + 4, sizeof event.general);
    trace_event(&event);
    u32 eflags = event.eflags;
    u32 more = goes_on(event.vector, &eflags);
    tail[3] = (u16)eflags;
    return more;
}

static void real_prepare(void) {
    extern u8 real_code[], real_code_end[];
    memcpy((void *)REAL_CODE, real_code, (u32)(real_code_end - real_code));
    u16 *vectors = (u16 *)0;
    __asm__("" : "+r"(vectors)); /* address 0 is as good as any here */
    for (u32 i = 0; i < 256; i++) {
        vectors[2 * i] = (u16)(real_stubs - real_code + REAL_CODE + 8 * i);
        vectors[2 * i + 1] = 0;
    }
}

static void run_real(const struct start *start) {
    real_prepare(); /* what came before may have written there */
    u32 *stack = (u32 *)REAL_CODE;
    u16 *frame = (u16 *)((start->ss << 4) + start->esp) - 24;
    frame[0] = (u16)start->gs, frame[1] = (u16)start->fs, frame[2] = (u16)start->es, frame[3] = (u16)start->ds;
    memcpy(frame + 4, &start->general, sizeof start->general);
    frame[20] = 0, frame[21] = (u16)start->eip, frame[22] = (u16)start->cs, frame[23] = (u16)start->eflags;
    stack[0] = start->esp - 48, stack[1] = start->ss;
    real_go();
}

u32 current_code;

static void run(u32 number, const struct experiment *experiment) {
    static const struct {
        u16 cs, data;
    } rings[4] = {{C0, D0}, {C1, D1}, {C2, D2}, {C3, D3}};
    struct start start = {{0xd1, 0x51, 0xe, 0, 0xb, 0xd, 0xc, 0xa}, 0, 0, 0, 0, 0, 0, experiment->eflags, 0, 0, 0, 0, 0, 0};
    u32 mode = experiment->mode & 0xff;
    world_reset();
    running = experiment;
    budget = EVENTS;
    if (mode <= RING3) {
        current_code = start.eip = (u32)experiment->code;
        start.cs = rings[mode].cs;
        start.gs = start.fs = start.ds = start.es = start.ss = rings[mode].data;
        start.esp = top_of(STACK_K + mode);
    } else {
        current_code = ~0u; /* EIP is the offset */
        memcpy((void *)LOW_CODE, experiment->code, (u32)(experiment->end - experiment->code));
        if (mode == V86) {
            start.cs = LOW_CS, start.ss = LOW_SS, start.esp = LOW_TOP;
            start.v86_es = start.v86_ds = LOW_DS, start.v86_fs = start.v86_gs = LOW_DS + 0x10;
            start.gs = start.fs = start.ds = start.es = D0;
            start.eflags |= VM;
        } else if (mode == REAL) {
            start.cs = LOW_CS, start.ss = LOW_SS, start.esp = LOW_TOP;
            start.es = start.ds = LOW_DS, start.fs = start.gs = LOW_DS + 0x10;
        } else {
            start.cs = mode == SEG16 ? C16 : C16_3, start.ss = mode == SEG16 ? D16 : D16_3;
            start.gs = start.fs = start.ds = start.es = mode == SEG16 ? D0 : D3;
            start.esp = 0xabcd0000 + LOW_TOP;
        }
    }
    if (experiment->setup) experiment->setup();
    trace_begin(number, experiment, &start);
    if (experiment->mode & HARSH && !argument("harsh", 1)) text(" left out");
    else if (mode == REAL) run_real(&start);
    else enter(&start);
    running = 0;
    world_disarm();
    world_changes();
    emit('\n');
}

void program(void) {
    extern const struct experiment __start_experiments[], __stop_experiments[];
    u32 only = argument("only", 0), number = 0;
    world_begin();
    for (const struct experiment *e = __start_experiments; e < __stop_experiments; e++)
        if (!only || number + 1 == only) run(++number, e);
        else number++;
    text("# end of experiments\n");
    if (!on_xen) for (const char *c = "Shutdown"; *c; c++) outb(0x8900, (u8)*c); /* what ends Bochs; nobody else has it */
}
