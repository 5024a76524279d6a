/*
 * Descriptor tables, task state segments, page tables and stacks, put back before every experiment; and what an
 * experiment changed in them. Intel SDM Vol. 3A, 3.4.5 "Segment Descriptors", 6.11 "IDT Descriptors", 7.2 "Task
 * Management Data Structures", 4.3 "32-Bit Paging".
 */
#include "trace.h"

/* Access byte: present, DPL, type. */
#define DATA 0x93 /* writable, accessed */
#define CODE 0x9b /* readable, accessed */
#define RING(n) ((n) << 5)
#define FLAT 0xc /* 4 KiB granules, 32 bits: the high nibble of the limit's byte */
#define BYTES32 0x4
#define CALL32 0x8c
#define CALL16 0x84
#define INTERRUPT32 0x8e
#define TRAP32 0x8f
#define INTERRUPT16 0x86
#define TRAP16 0x87
#define TASK 0x85

#define GDT_ENTRIES ((GDT_LIMIT + 1) / 8)
#define LDT_ENTRIES ((LDT_LIMIT + 1) / 8)
#define TABLES 4 /* directory, first 4 MiB, test pages, test pages under odd directory entries */

u64 gdt[GDT_ENTRIES] __attribute__((aligned(8)));
u64 ldt[LDT_ENTRIES] __attribute__((aligned(8)));
u64 idt[IDT_VECTORS] __attribute__((aligned(8)));
static u64 gdt_before[GDT_ENTRIES], ldt_before[LDT_ENTRIES];
u32 page_tables[TABLES][1024] __attribute__((aligned(4096)));
static u8 test_frames[4][4096] __attribute__((aligned(4096)));
u8 stacks[STACKS][STACK_SIZE] __attribute__((aligned(16)));
u8 tss_main[T_SIZE] __attribute__((aligned(256)));
u8 tss_a[T_SIZE] __attribute__((aligned(256))), tss_b[T_SIZE] __attribute__((aligned(256)));
u8 tss_busy[T_SIZE] __attribute__((aligned(256))), tss_double[T_SIZE] __attribute__((aligned(256)));
u8 tss_16[S_SIZE] __attribute__((aligned(256)));

extern u8 gate_target[], gate_target1[], gate_target3[], gate_target16[], task_target[], task_target16[], ring_handler[];

u32 top_of(u32 stack) { return (u32)stacks[stack] + STACK_SIZE; }

/* --- descriptors --------------------------------------------------------------------------------------------- */
static void segment(u64 *table, u32 selector, u32 base, u32 limit, u32 access, u32 flags) {
    u32 low = (limit & 0xffff) | base << 16;
    u32 high = (base >> 16 & 0xff) | access << 8 | (limit & 0xf0000) | flags << 20 | (base & 0xff000000);
    table[selector >> 3] = (u64)high << 32 | low;
}

static void gate(u64 *table, u32 index, u32 selector, u32 target, u32 access, u32 parameters) {
    table[index] = (u64)(target & 0xffff0000) << 32 | (u64)(access << 8 | parameters) << 32 | selector << 16 | (target & 0xffff);
}

static void fill_gdt(void) {
    static const struct {
        u16 selector;
        u8 access, flags;
        u32 base, limit;
    } segments[] = {
        {C0, CODE, FLAT, 0, 0xfffff},
        {D0, DATA, FLAT, 0, 0xfffff},
        {C3, CODE | RING(3), FLAT, 0, 0xfffff},
        {D3, DATA | RING(3), FLAT, 0, 0xfffff},
        {C1, CODE | RING(1), FLAT, 0, 0xfffff},
        {D1, DATA | RING(1), FLAT, 0, 0xfffff},
        {C2, CODE | RING(2), FLAT, 0, 0xfffff},
        {D2, DATA | RING(2), FLAT, 0, 0xfffff},
        {CONFORMING0, CODE | 4, FLAT, 0, 0xfffff},
        {CONFORMING2, CODE | 4 | RING(2), FLAT, 0, 0xfffff},
        {C16, CODE, 0, LOW_CODE, 0xffff},
        {D16, DATA, 0, LOW_STACK, 0xffff},
        {C16_3, CODE | RING(3), 0, LOW_CODE, 0xffff},
        {D16_3, DATA | RING(3), 0, LOW_STACK, 0xffff},
        {READ_ONLY, 0x91, FLAT, 0, 0xfffff},
        {EXECUTE_ONLY, 0x99, FLAT, 0, 0xfffff},
        {ABSENT_DATA, DATA & 0x7f, FLAT, 0, 0xfffff},
        {ABSENT_CODE, CODE & 0x7f, FLAT, 0, 0xfffff},
        {EXPAND_DOWN, 0x97, FLAT, 0, 1},
        {EXPAND_DOWN16, 0x97, 0, LOW_STACK, 0xfff},
        {SMALL_DATA, DATA, BYTES32, LOW_DATA, 0xfff},
        {SMALL_CODE, CODE, BYTES32, LOW_CODE, 0xfff},
        {RESERVED0, 0x80, 0, 0, 0xffff},
        {RESERVED8, 0x88, 0, 0, 0xffff},
        {RESERVED10, 0x8a, 0, 0, 0xffff},
        {FRESH_DATA, 0x92, FLAT, 0, 0xfffff},
        {FRESH_CODE, 0x9a, FLAT, 0, 0xfffff},
        {FRESH_STACK, 0x92, FLAT, 0, 0xfffff},
        {LDT_ABSENT, 0x02, 0, 0, 0xffff},
        {SMALL_STACK, DATA | RING(3), BYTES32, LOW_STACK, 0xfff},
        {EXPAND_STACK, 0x97 | RING(3), 0, LOW_STACK, 0xfff},
        {CONFORMING_XO, 0x9d, FLAT, 0, 0xfffff},
        {C1_XO, 0xb9, FLAT, 0, 0xfffff},
        {CONFORMING16, CODE | 4, 0, LOW_CODE, 0xffff},
        {C_REAL, CODE, 0, 0, 0xffff},
        {D_REAL, DATA, 0, 0, 0xffff},
    };
    static const struct {
        u16 selector, target;
        u8 access, parameters;
        const void *offset;
    } gates[] = {
        {GATE0, C0, CALL32 | RING(3), 0, gate_target},
        {GATE0_3, C0, CALL32 | RING(3), 3, gate_target3},
        {GATE16, C_HANDLER16, CALL16 | RING(3), 2, 0},
        {GATE1, C1 & ~3, CALL32 | RING(3), 1, gate_target1},
        {GATE_CONFORMING, CONFORMING0, CALL32 | RING(3), 0, gate_target},
        {GATE_PRIVATE, C0, CALL32, 0, gate_target},
        {GATE_ABSENT, C0, (CALL32 | RING(3)) & 0x7f, 0, gate_target},
        {GATE_NULL, 0, CALL32 | RING(3), 0, gate_target},
        {GATE_DATA, D0, CALL32 | RING(3), 0, gate_target},
        {GATE_BEYOND, BEYOND, CALL32 | RING(3), 0, gate_target},
        {GATE_ABSENT_CODE, ABSENT_CODE, CALL32 | RING(3), 0, gate_target},
        {GATE_OFFSET, SMALL_CODE, CALL32 | RING(3), 0, (void *)0x1000},
        {GATE_OUTER, C3 & ~3, CALL32 | RING(3), 0, gate_target},
        {TASK_GATE, TSS_A, TASK | RING(3), 0, 0},
        {TASK_GATE_ABSENT, TSS_A, (TASK | RING(3)) & 0x7f, 0, 0},
        {TASK_GATE_LDT, LDT_TSS, TASK | RING(3), 0, 0},
        {TASK_GATE_BUSY, TSS_BUSY, TASK | RING(3), 0, 0},
        {TASK_GATE_PRIVATE, TSS_A, TASK, 0, 0},
        {INTERRUPT_GATE, C0, INTERRUPT32 | RING(3), 0, gate_target},
    };
    memset(gdt, 0, sizeof gdt);
    for (u32 i = 0; i < sizeof segments / sizeof *segments; i++)
        segment(gdt, segments[i].selector, segments[i].base, segments[i].limit, segments[i].access, segments[i].flags);
    for (u32 i = 0; i < sizeof gates / sizeof *gates; i++)
        gate(gdt, gates[i].selector >> 3, gates[i].target, (u32)gates[i].offset, gates[i].access, gates[i].parameters);
    gate(gdt, GATE16 >> 3, C_HANDLER16, (u32)(gate_target16 - stubs16), CALL16 | RING(3), 2);
    segment(gdt, C_HANDLER16, (u32)stubs16, 0xffff, CODE, BYTES32);
    segment(gdt, TSS_MAIN, (u32)tss_main, T_SIZE - 1, 0x89, 0);
    segment(gdt, TSS_A, (u32)tss_a, T_SIZE - 1, 0x89, 0);
    segment(gdt, TSS_B, (u32)tss_b, T_SIZE - 1, 0x89 | RING(3), 0);
    segment(gdt, TSS_16, (u32)tss_16, S_SIZE - 1, 0x81, 0);
    segment(gdt, TSS_BUSY, (u32)tss_busy, T_SIZE - 1, 0x8b, 0);
    segment(gdt, TSS_ABSENT, (u32)tss_a, T_SIZE - 1, 0x09, 0);
    segment(gdt, TSS_SHORT, (u32)tss_a, 0x66, 0x89, 0);
    segment(gdt, TSS_DOUBLE, (u32)tss_double, T_SIZE - 1, 0x89, 0);
    segment(gdt, LDT, (u32)ldt, LDT_LIMIT, 0x82, 0);
    segment(ldt, LDT_DATA, 0, 0xfffff, DATA, FLAT);
    segment(ldt, LDT_CODE, 0, 0xfffff, CODE, FLAT);
    segment(ldt, LDT_DATA3, 0, 0xfffff, DATA | RING(3), FLAT);
    segment(ldt, LDT_CODE3, 0, 0xfffff, CODE | RING(3), FLAT);
    segment(ldt, LDT_TSS, (u32)tss_a, T_SIZE - 1, 0x89, 0);
    segment(ldt, LDT_NESTED, (u32)ldt, LDT_LIMIT, 0x82, 0);
}

static void fill_idt(void) {
    static const struct {
        u16 vector, selector;
        u32 access;
        const void *offset;
    } gates[] = {
        {V_PRIVATE, C0, INTERRUPT32, stubs + V_PRIVATE * 16},
        {V_TRAP, C0, TRAP32 | RING(3), stubs + V_TRAP * 16},
        {V_TASK, TSS_A, TASK | RING(3), 0},
        {V_ABSENT, C0, (INTERRUPT32 | RING(3)) & 0x7f, stubs},
        {V_RESERVED, C0, 0x80 | RING(3), stubs},
        {V_CALL, C0, CALL32 | RING(3), stubs},
        {V_NULL, 0, INTERRUPT32 | RING(3), stubs},
        {V_BEYOND, BEYOND, INTERRUPT32 | RING(3), stubs},
        {V_DATA, D0, INTERRUPT32 | RING(3), stubs},
        {V_ABSENT_CODE, ABSENT_CODE, INTERRUPT32 | RING(3), stubs},
        {V_CONFORMING, CONFORMING0, INTERRUPT32 | RING(3), ring_handler},
        {V_RING1, C1 & ~3, INTERRUPT32 | RING(3), ring_handler},
        {V_RING2, C2 & ~3, TRAP32 | RING(3), ring_handler},
        {V_RING3, C3 & ~3, INTERRUPT32 | RING(3), ring_handler},
        {V_TASK_ABSENT, TSS_ABSENT, TASK | RING(3), 0},
        {V_TASK_BUSY, TSS_BUSY, TASK | RING(3), 0},
        {V_TASK_LDT, LDT_TSS, TASK | RING(3), 0},
        {V_TASK_16, TSS_16, TASK | RING(3), 0},
        {V_TASK_GATE_ABSENT, TSS_A, (TASK | RING(3)) & 0x7f, 0},
        {V_OFFSET, SMALL_CODE, INTERRUPT32 | RING(3), (void *)0x1000},
        {8, TSS_DOUBLE, TASK, 0},
    };
    for (u32 i = 0; i < IDT_VECTORS; i++) {
        u32 user = (i >= 3 && i <= 5) || i >= 0x40;
        gate(idt, i, C0, (u32)stubs + i * 16, INTERRUPT32 | (user ? RING(3) : 0), 0);
    }
    for (u32 i = 0; i < sizeof gates / sizeof *gates; i++)
        gate(idt, gates[i].vector, gates[i].selector, (u32)gates[i].offset, gates[i].access, 0);
    gate(idt, V_INTERRUPT16, C_HANDLER16, 0, INTERRUPT16 | RING(3), 0);
    gate(idt, V_TRAP16, C_HANDLER16, 16, TRAP16 | RING(3), 0);
}

/* --- task state segments -------------------------------------------------------------------------------------- */
static void put32(u8 *tss, u32 at, u32 value) { *(u32 *)(tss + at) = value; }
static void put16(u8 *tss, u32 at, u32 value) { *(u16 *)(tss + at) = (u16)value; }

static void fill_tss(u8 *tss, const void *entry, u32 stack) {
    memset(tss, 0, T_SIZE);
    put32(tss, T_ESP0, top_of(STACK_A0));
    put32(tss, T_SS0, D0);
    put32(tss, T_CR3, (u32)page_tables[0]);
    put32(tss, T_EIP, (u32)entry);
    put32(tss, T_EFLAGS, 2);
    for (u32 i = 0; i < 8; i++) put32(tss, T_EAX + 4 * i, 0xaa00 + i);
    put32(tss, T_ESP, top_of(stack));
    for (u32 i = 0; i < 6; i++) put32(tss, T_ES + 4 * i, i == 1 ? C0 : D0);
    put16(tss, T_MAP, T_BITS);
    memset(tss + T_BITS, 0xff, 33);
}

static void fill_tasks(void) {
    fill_tss(tss_main, 0, 0);
    put32(tss_main, T_ESP0, top_of(STACK_T0));
    put32(tss_main, T_ESP1, top_of(STACK_T1));
    put32(tss_main, T_SS1, D1);
    put32(tss_main, T_ESP2, top_of(STACK_T2));
    put32(tss_main, T_SS2, D2);
    memset(tss_main + T_EIP, 0, T_TRAP - T_EIP);
    fill_tss(tss_a, task_target, STACK_A);
    fill_tss(tss_b, task_target, STACK_B);
    fill_tss(tss_busy, task_target, STACK_B);
    fill_tss(tss_double, double_task, STACK_D);
    memset(tss_16, 0, S_SIZE);
    put16(tss_16, S_IP, (u32)(task_target16 - stubs16));
    put16(tss_16, S_FLAGS, 2);
    for (u32 i = 0; i < 8; i++) put16(tss_16, S_AX + 2 * i, 0x1600 + i);
    put16(tss_16, S_SP, LOW_TOP);
    put16(tss_16, S_ES, D0);
    put16(tss_16, S_CS, C_HANDLER16);
    put16(tss_16, S_SS, D16);
    put16(tss_16, S_DS, D0);
}

/* --- page tables ------------------------------------------------------------------------------------------------ */
static u32 *entry(u32 linear) { return &page_tables[2][linear >> 12 & 1023]; }

static void fill_pages(void) {
    const u32 used = PAGE_PRESENT | PAGE_ACCESSED | PAGE_DIRTY, all = used | PAGE_WRITE | PAGE_USER;
    u32 *directory = page_tables[0];
    memset(page_tables, 0, sizeof page_tables);
    for (u32 i = 0; i < 1024; i++) page_tables[1][i] = i << 12 | all;
    directory[0] = (u32)page_tables[1] | all;
    directory[PAGES >> 22] = (u32)page_tables[2] | all;
    *entry(PAGE_USER_RW) = (u32)test_frames[0] | PAGE_PRESENT | PAGE_WRITE | PAGE_USER;
    *entry(PAGE_USER_RO) = (u32)test_frames[1] | PAGE_PRESENT | PAGE_USER;
    *entry(PAGE_SYSTEM_RW) = (u32)test_frames[2] | PAGE_PRESENT | PAGE_WRITE;
    *entry(PAGE_SYSTEM_RO) = (u32)test_frames[2] | PAGE_PRESENT;
    *entry(PAGE_USER_RW2) = (u32)test_frames[3] | PAGE_PRESENT | PAGE_WRITE | PAGE_USER;
    *entry(PAGE_CODE) = (u32)test_frames[0] | PAGE_PRESENT | PAGE_WRITE | PAGE_USER;
    page_tables[3][0] = (u32)test_frames[0] | PAGE_PRESENT | PAGE_WRITE | PAGE_USER;
    directory[DIRECTORY_RO >> 22] = (u32)page_tables[3] | PAGE_PRESENT | PAGE_USER;
    directory[DIRECTORY_SYSTEM >> 22] = (u32)page_tables[3] | PAGE_PRESENT | PAGE_WRITE;
    directory[DIRECTORY_ABSENT >> 22] = (u32)page_tables[3] | PAGE_WRITE | PAGE_USER;
    directory[LARGE_RESERVED >> 22] = 1 << 21 | PAGE_SIZE | PAGE_PRESENT | PAGE_WRITE | PAGE_USER;
    directory[LARGE_PAGE >> 22] = PAGE_SIZE | PAGE_PRESENT | PAGE_WRITE | PAGE_USER;
    directory[LARGE_RO >> 22] = PAGE_SIZE | PAGE_PRESENT | PAGE_USER;
}

/* --- the whole -------------------------------------------------------------------------------------------------- */
static void load_tables(void) {
    struct pointer gdtr = {GDT_LIMIT, (u32)gdt}, idtr = {sizeof idt - 1, (u32)idt};
    load_gdt(&gdtr);
    load_idt(&idtr);
    __asm__ volatile(
        "ljmp %0, $1f\n1:\n"
        "mov %1, %%ds\nmov %1, %%es\nmov %1, %%fs\nmov %1, %%gs\nmov %1, %%ss\n"
        "ltr %w2\nlldt %w3"
        :
        : "i"(C0), "r"(D0), "r"(TSS_MAIN), "r"(LDT)
        : "memory");
}

/* No breakpoints any more. With DR7.GD set this traps once. */
void world_disarm(void) { __asm__ volatile("mov %0, %%dr7" : : "r"(0x400)); }

static void reset_debug(void) {
    world_disarm();
    __asm__ volatile("mov %0, %%dr0; mov %0, %%dr1; mov %0, %%dr2; mov %0, %%dr3" : : "r"(0));
    __asm__ volatile("mov %0, %%dr6" : : "r"(0xffff0ff0));
}

static void reset_fpu(void) {
    u32 a, b, c, d;
    cpuid(1, &a, &b, &c, &d);
    if (d & 1) __asm__ volatile("fninit");
    if (d >> 25 & 1) {
        write_cr4(read_cr4() | CR4_OSFXSR);
        __asm__ volatile("ldmxcsr %0" : : "m"((const u32){0x1f80}));
        write_cr4(BASE_CR4);
    }
}

void world_reset(void) {
    write_cr0(BASE_CR0 & ~CR0_PG); /* the page tables are rewritten below */
    write_cr4(BASE_CR4);
    fill_gdt();
    fill_idt();
    fill_tasks();
    fill_pages();
    memset(stacks, 0, sizeof stacks);
    memset(test_frames, 0, sizeof test_frames);
    memset((void *)LOW_CODE, 0xcc, 0x2000); /* INT3, where an emulator without limits runs on */
    memset((void *)LOW_STACK, 0, 0x2000);
    memset((void *)LOW_STACK, 0xcc, 16);
    memset((void *)LOW_DATA, 0, 0x2000);
    write_cr3((u32)page_tables[0]);
    write_cr0(BASE_CR0);
    reset_fpu();
    load_tables();
    reset_debug();
    memcpy(gdt_before, gdt, sizeof gdt);
    memcpy(ldt_before, ldt, sizeof ldt);
}

void world_begin(void) {
    outb(0x21, 0xff); /* no interrupts but those that an experiment asks for */
    outb(0xa1, 0xff);
}

/* --- what changed ------------------------------------------------------------------------------------------------ */
static u32 changes;

static void change(const char *name, u32 index) {
    text(changes++ ? " " : " | ");
    text(name);
    emit('[');
    trace_short(index);
    text("]=");
}

static void descriptor_changes(const char *name, const u64 *now, const u64 *before, u32 entries) {
    for (u32 i = 0; i < entries; i++) {
        if (now[i] == before[i]) continue;
        change(name, i * 8);
        trace_short((u32)(now[i] >> 40) & 0xff);
    }
}

/* Accessed and dirty flags of the test pages and of their directory entries. */
static void page_changes(void) {
    for (u32 i = 0; i < 8; i++) {
        u32 flags = page_tables[2][i] & 0xfff & ~(PAGE_PRESENT | PAGE_WRITE | PAGE_USER);
        if (!flags) continue;
        change("pte", i);
        trace_short(flags);
    }
    for (u32 i = DIRECTORY_RO >> 22; i <= LARGE_RO >> 22; i++) {
        u32 flags = page_tables[0][i] & (PAGE_ACCESSED | PAGE_DIRTY);
        if (!flags) continue;
        change("pde", i);
        trace_short(flags);
    }
}

static void tss_field(const char *name, u32 value, u32 before) {
    if (value == before) return;
    emit(' ');
    text(name);
    emit('=');
    trace_value(value);
}

static void task_changes(const char *name, const u8 *now, const void *entry_before, u32 stack, u32 flags) {
    const u32 *t = (const u32 *)now;
    u32 esp = stack ? top_of(stack) : 0, cs = stack ? C0 : 0, ss = stack ? D0 : 0;
    if (t[T_EIP / 4] == (u32)entry_before && !(t[0] & 0xffff)) return;
    text(changes++ ? " " : " | ");
    text(name);
    text(" fl=");
    trace_short(t[T_EFLAGS / 4]);
    tss_field("link", t[0] & 0xffff, 0);
    tss_field("ip", t[T_EIP / 4], (u32)entry_before);
    tss_field("sp", t[T_ESP / 4], esp);
    tss_field("cs", t[T_CS / 4], cs);
    tss_field("ss", t[T_SS / 4], ss);
    tss_field("ds", t[T_DS / 4], ss);
    (void)flags;
}

static void task16_changes(void) {
    const u16 *t = (const u16 *)tss_16;
    if (t[S_IP / 2] == (u16)(task_target16 - stubs16) && !t[0]) return;
    text(changes++ ? " " : " | ");
    text("16 fl=");
    trace_short(t[S_FLAGS / 2]);
    tss_field("link", t[0], 0);
    tss_field("ip", t[S_IP / 2], 0);
    tss_field("sp", t[S_SP / 2], LOW_TOP);
    tss_field("cs", t[S_CS / 2], C_HANDLER16);
    tss_field("ss", t[S_SS / 2], D16);
}

void world_changes(void) {
    changes = 0;
    descriptor_changes("gdt", gdt, gdt_before, GDT_ENTRIES);
    descriptor_changes("ldt", ldt, ldt_before, LDT_ENTRIES);
    page_changes();
    task_changes("main", tss_main, 0, 0, 0);
    task_changes("a", tss_a, task_target, STACK_A, 2);
    task_changes("b", tss_b, task_target, STACK_B, 2);
    task16_changes();
}
