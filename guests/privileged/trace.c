/*
 * A line of the trace: number, name, the events, and what differs afterwards in the tables:
 *
 *   0078 ds = absent data -- 0b(98) code+4 fl=10002 eax=98
 *   0106 sample -- 01 code+2 fl=102 dr6=ffff4ff0; 80 code+4 fl=102 | gdt[1b0]=93
 *
 * An event is the vector in hexadecimal, the error code where one is pushed, the EIP and EFLAGS pushed; then of CS, SS,
 * ESP, the segments and the registers what changed since the event before; CR2 for #PF, DR6 for #DB, `ts` where CR0.TS
 * is set, TR where it is not the TSS of the start. Addresses are offsets from what they point into.
 */
#include "trace.h"

extern u8 targets[], targets_end[];

static const struct experiment *running;
static struct event last;
static u32 events;

/* Whole lines: by one hypercall; by port E9h with `console=e9`, which no emulated line slows down; or by the UART. */
void emit(char c) {
    static char line[1024];
    static u32 length;
    line[length++] = c;
    if (c != '\n' && length < sizeof line) return;
    if (on_xen) hypercall(HYPERVISOR_CONSOLE_IO, CONSOLEIO_WRITE, length, (u32)line, 0, 0);
    else if (argument_is("console", "e9")) for (u32 i = 0; i < length; i++) outb(0xe9, (u8)line[i]);
    else for (u32 i = 0; i < length; i++) uart_put(line[i]);
    length = 0;
}

void text(const char *text) {
    while (*text) emit(*text++);
}

void trace_short(u32 value) {
    int shift = 28;
    while (shift > 0 && !(value >> shift)) shift -= 4;
    for (; shift >= 0; shift -= 4) emit("0123456789abcdef"[value >> shift & 15]);
}

static void offset(const char *name, u32 value, u32 base) {
    text(name);
    emit(value >= base ? '+' : '-');
    trace_short(value >= base ? value - base : base - value);
}

/* A number, or where it points. */
void trace_value(u32 value) {
    static const struct {
        const char *name;
        const void *from;
        u32 bytes;
    } places[] = {
        {"main", tss_main, T_SIZE}, {"a", tss_a, T_SIZE}, {"b", tss_b, T_SIZE}, {"16", tss_16, S_SIZE},
    };
    static const char *const stack_names[STACKS] = {"k", "s1", "s2", "u", "t0", "t1", "t2", "sa", "sb", "ss", "sd", "sa0"};
    u32 length = (u32)(running->end - running->code);
    if (value >= current_code && value <= current_code + length) {
        offset("code", value, current_code);
        return;
    }
    if (value >= (u32)targets && value < (u32)targets_end) {
        offset("target", value, (u32)targets);
        return;
    }
    for (u32 i = 0; i < STACKS; i++) {
        if (value > (u32)stacks[i] && value <= (u32)stacks[i] + STACK_SIZE) {
            offset(stack_names[i], value, (u32)stacks[i] + STACK_SIZE);
            return;
        }
    }
    for (u32 i = 0; i < sizeof places / sizeof *places; i++) {
        if (value >= (u32)places[i].from && value < (u32)places[i].from + places[i].bytes) {
            offset(places[i].name, value, (u32)places[i].from);
            return;
        }
    }
    trace_short(value);
}

static void field(const char *name, u32 value, u32 before) {
    if (value == before) return;
    emit(' ');
    text(name);
    emit('=');
    trace_value(value);
}

static void two_digits(u32 value) {
    emit("0123456789abcdef"[value >> 4 & 15]);
    emit("0123456789abcdef"[value & 15]);
}

static u32 read_dr6(void) {
    u32 value;
    __asm__ volatile("mov %%dr6, %0; mov %1, %%dr6" : "=&r"(value) : "r"(0xffff0ff0));
    return value;
}

void trace_begin(u32 number, const struct experiment *experiment, const struct start *start) {
    running = experiment;
    events = 0;
    emit((char)('0' + number / 1000 % 10));
    emit((char)('0' + number / 100 % 10));
    emit((char)('0' + number / 10 % 10));
    emit((char)('0' + number % 10));
    emit(' ');
    text(experiment->name);
    text(" --");
    last = (struct event){0, 0, 0, start->eip, start->cs, 0, start->esp, start->ss, start->general, {start->es, start->ds, start->fs, start->gs}};
    if ((experiment->mode & 0xff) == V86) {
        last.segments[0] = start->v86_es, last.segments[1] = start->v86_ds;
        last.segments[2] = start->v86_fs, last.segments[3] = start->v86_gs;
    }
}

void trace_event(const struct event *event) {
    static const char *const segment_names[4] = {"es", "ds", "fs", "gs"};
    static const char *const general_names[8] = {"edi", "esi", "ebp", 0, "ebx", "edx", "ecx", "eax"};
    u16 task;
    text(events++ ? "; " : " ");
    two_digits(event->vector);
    if (event->has_error) {
        emit('(');
        trace_short(event->error);
        emit(')');
    }
    emit(' ');
    trace_value(event->eip);
    text(" fl=");
    trace_short(event->eflags);
    field("cs", event->cs, last.cs);
    field("ss", event->ss, last.ss);
    field("sp", event->esp, last.esp);
    for (u32 i = 0; i < 4; i++) field(segment_names[i], event->segments[i], last.segments[i]);
    for (u32 i = 8; i--;) {
        if (general_names[i] && !(running->mode & QUIET)) field(general_names[i], (&event->general.edi)[i], (&last.general.edi)[i]);
    }
    if (event->vector == 14) field("cr2", read_cr2(), ~0u);
    if (event->vector == 1) field("dr6", read_dr6(), ~0u);
    if (read_cr0() & CR0_TS) text(" ts");
    __asm__("str %0" : "=r"(task));
    field("tr", task, TSS_MAIN);
    last = *event;
}
