/*
 * A kernel that provokes what the architecture has to say about privilege: random descriptors, gates, frames and task
 * states, and one instruction of entry.S after the other executed on them at every level. Each case prints one line: the
 * event that ended it, its frame, the segment registers, and hashes of all that may have changed in memory.
 *
 *   0x1000 GDT   0x1400 LDT   0x2000 IDT   0x3000 TSSs   0x4400-0x5400 stacks   0x6000 instructions   0x7000 operand
 *   0x9000 virtual-8086 code, segment 0x900
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define OPERATIONS(X)                                                                                              \
    X(landing) X(mov_es) X(mov_ss) X(mov_ds) X(mov_fs) X(mov_gs) X(pop_es) X(les) X(lss) X(jump) X(jump16) X(call) \
    X(call16) X(ret) X(ret8) X(ret16) X(iret) X(iret16) X(int) X(int3) X(into) X(bound) X(lar) X(lsl) X(verr)      \
    X(verw) X(arpl) X(lldt) X(ltr) X(sldt) X(str) X(smsw) X(lmsw) X(clts) X(mov_cr0) X(popf) X(popf16) X(cli)      \
    X(sti) X(in) X(out) X(hlt) X(sysenter) X(sysexit) X(ud2)
#define DECLARE(name) extern char op_##name[];
#define ENUMERATE(name) OP_##name,
#define ADDRESS(name) op_##name,
#define NAME(name) #name,
OPERATIONS(DECLARE)
enum { OPERATIONS(ENUMERATE) OPERATION_COUNT };
static char *const addresses[] = { OPERATIONS(ADDRESS) };
static const char *const names[] = { OPERATIONS(NAME) };

extern char operations[], operations_end[], v86_code[], v86_code_end[], double_fault[];
extern const u32 handlers[33], v86_entries[16];
void enter_case(void);
void abandon(void) __attribute__((noreturn));

/* How a case begins; entry.S reads them. */
u32 case_level, case_eip, case_cs, case_esp, case_ss, case_data, case_flags, case_eax, case_ebx, case_edx;

static u64 *const gdt = (u64 *)0x1000, *const ldt = (u64 *)0x1400, *const idt = (u64 *)0x2000;
static u8 *const tss = (u8 *)0x3000, *const new_tss = (u8 *)0x3200, *const fault_tss = (u8 *)0x3400;
enum { CASES = 3600, GDT_ENTRIES = 32, RANDOM_FIRST = 16, GATE_FIRST = 28, STACK = 0x5000, OPERAND = 0x7000 };
enum { TSS_SELECTOR = 0x48, NEW_SELECTOR = 0x50, FAULT_SELECTOR = 0x58, LDT_SELECTOR = 0x60 };
enum { P = 0x80, CODE = 0x1b, DATA = 0x13, CONFORMING = 0x1f, NT = 0x4000, VM = 0x20000, RF = 0x10000 };

/* -- Output and chance -- */
static void out8(u16 port, u8 value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
static void write_msr(u32 msr, u32 value) { __asm__ volatile("wrmsr" : : "a"(value), "d"(0), "c"(msr)); }

/* The emulated UARTs are always ready, and there is much to print. */
static void put(char c) { out8(0x3f8, c); }

static void print(const char *text) { while (*text) put(*text++); }

static void hex(u32 value) {
    char digits[9];
    int i = 8;
    digits[8] = 0;
    do digits[--i] = "0123456789abcdef"[value & 15]; while (value >>= 4);
    print(digits + i);
    put(' ');
}

static u32 state;
static u32 any(void) { return (state = state * 1664525 + 1013904223) >> 8; }
static u32 below(u32 n) { return any() % n; }
static u32 one_in(u32 n) { return below(n) == 0; }

static u32 hash(const void *at, u32 bytes) {
    const u8 *p = at;
    u32 h = 0x811c9dc5;
    while (bytes--) h = (h ^ *p++) * 16777619;
    return h;
}

/* -- Descriptors -- */
static u64 segment(u32 base, u32 limit, u32 access, u32 flags) {
    return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)access << 40 | (u64)(limit >> 16 & 15) << 48 |
           (u64)flags << 52 | (u64)(base >> 24) << 56;
}

static u64 gate(u32 selector, u32 offset, u32 access, u32 count) {
    return (offset & 0xffff) | (u64)selector << 16 | (u64)count << 32 | (u64)access << 40 | (u64)(offset >> 16) << 48;
}

static u32 type(u64 descriptor) { return descriptor >> 40 & 0x1f; }
static u32 code_of(u32 level) { return 0x08 + 16 * level | level; }
static u32 data_of(u32 level) { return 0x10 + 16 * level | level; }
static u32 random_selector(void) { return (RANDOM_FIRST + below(12)) * 8 | below(4); }
static u32 low(u32 operation) { return 0x6000 + (addresses[operation] - operations); }

/* The accessed bit is always set: that loads set it is tested elsewhere. */
static u32 random_access(void) {
    u32 access = (one_in(12) ? 0 : P) | below(4) << 5, kind = below(10);
    if (kind < 4) return access | 0x19 | below(4) << 1;
    if (kind < 8) return access | 0x11 | below(2) << 1;
    return access | below(16);
}

/* The target of a call gate: any segment but conforming code. */
static u32 gate_target(void) {
    u32 selector = one_in(3) ? random_selector() : 0x08 + 16 * below(4) | below(4);
    return (type(gdt[selector >> 3]) & 0x1c) == 0x1c ? 0x08 | below(4) : selector;
}

static u64 random_descriptor(void) {
    u32 access = random_access();
    if (access & 0x10) return segment(0, 0xfffff, access, 8 | (one_in(4) ? 0 : 4));
    switch (access & 15) {
    case 1: case 3: return segment((u32)new_tss, 0x2b, access, 0);
    case 9: case 11: return segment((u32)new_tss, 0x67, access, 0);
    case 2: return segment((u32)ldt, 0x1ff, access, 0);
    case 4: case 12: return gate(gate_target(), low(OP_landing), access, below(5));
    case 5: return gate(one_in(3) ? random_selector() : NEW_SELECTOR, 0, access, 0);
    default: return gate(code_of(below(4)), low(OP_landing), access, 0);
    }
}

/* -- The state before a case -- */
static void clear(void *at, u32 bytes) { for (u8 *p = at; bytes--;) *p++ = 0; }
static void set32(u8 *at, u32 offset, u32 value) { *(u32 *)(at + offset) = value; }
static void set16(u8 *at, u32 offset, u32 value) { *(u16 *)(at + offset) = value; }

static void reset(void) {
    static const struct { u16 limit; u32 base; } __attribute__((packed)) gdtr = { 0x3ff, 0x1000 }, idtr = { 0x7ff, 0x2000 };
    clear(gdt, 0x3800 - 0x1000);
    for (u32 level = 0; level < 4; level++) {
        gdt[code_of(level) >> 3] = segment(0, 0xfffff, P | level << 5 | CODE, 12);
        gdt[data_of(level) >> 3] = segment(0, 0xfffff, P | level << 5 | DATA, 12);
    }
    gdt[TSS_SELECTOR >> 3] = segment((u32)tss, 0x87, P | 9, 0);
    gdt[NEW_SELECTOR >> 3] = segment((u32)new_tss, 0x67, P | 9, 0);
    gdt[FAULT_SELECTOR >> 3] = segment((u32)fault_tss, 0x67, P | 9, 0);
    gdt[LDT_SELECTOR >> 3] = segment((u32)ldt, 0x1ff, P | 2, 0);
    for (u32 vector = 0; vector < 32; vector++) idt[vector] = gate(0x08, handlers[vector], P | 14, 0);
    for (u32 vector = 3; vector < 5; vector++) idt[vector] = gate(0x08, handlers[vector], P | 3 << 5 | 14, 0);
    idt[64] = gate(0x08, handlers[32], P | 3 << 5 | 14, 0);
    idt[8] = gate(FAULT_SELECTOR, 0, P | 5, 0);

    set32(tss, 4, 0x4800);
    set32(tss, 8, 0x10);
    set16(tss, 0x66, 0x68);
    for (u32 i = 0; i < 0x20; i++) tss[0x68 + i] = 0xff;
    set32(fault_tss, 32, (u32)double_fault);
    set32(fault_tss, 36, 2);
    set32(fault_tss, 56, 0x4700);
    for (u32 at = 72; at < 96; at += 4) set32(fault_tss, at, at == 76 ? 0x08 : 0x10);

    for (u32 at = 0x4400; at < 0x5400; at += 4) *(u32 *)at = 0x77770000 | at;
    for (u32 i = 0; operations + i < operations_end; i++) ((u8 *)0x6000)[i] = operations[i];
    for (u32 i = 0; v86_code + i < v86_code_end; i++) ((u8 *)0x9000)[i] = v86_code[i];
    __asm__ volatile("lgdt %0; lidt %1; lldt %w2; ltr %w3; clts" : : "m"(gdtr), "m"(idtr), "r"(LDT_SELECTOR), "r"(TSS_SELECTOR));
    write_msr(0x174, 0);
}

static void random_tables(void) {
    for (u32 i = RANDOM_FIRST; i < GATE_FIRST; i++) gdt[i] = random_descriptor();
    for (u32 i = GATE_FIRST; i < GDT_ENTRIES; i++)
        gdt[i] = gate(gate_target(), low(OP_landing), (one_in(16) ? 0 : P) | below(4) << 5 | (one_in(2) ? 12 : 4), below(6));
    for (u32 i = 1; i < 6; i++) {
        u32 access = random_access() | 0x11;
        ldt[i] = segment(0, 0xfffff, access & 8 ? access : access & ~4u, 12);
    }
    for (u32 level = 1; level < 3; level++) {
        set32(tss, 4 + 8 * level, 0x4c00 - level * 0x100);
        set32(tss, 8 + 8 * level, one_in(4) ? random_selector() : data_of(level));
    }
}

static u32 operand_selector(void) {
    u32 kind = below(12);
    if (kind < 8) return (RANDOM_FIRST + below(16)) * 8 | below(4);
    if (kind < 10) return (1 + below(12)) * 8 | below(4);
    if (kind == 10) return (1 + below(5)) * 8 | 4 | below(4);
    return one_in(2) ? below(4) : 0x400 + below(0x100);
}

/* The frame of a return: EIP, CS, [EFLAGS], [eight bytes], ESP, SS. */
static void return_frame(u32 operation, u32 selector) {
    u32 size = operation == OP_ret16 || operation == OP_iret16 ? 2 : 4, n = 0, frame[8];
    u32 level = selector & 3;
    frame[n++] = low(OP_landing);
    frame[n++] = selector;
    if (operation == OP_iret || operation == OP_iret16) frame[n++] = (any() & 0x245ed5) | 2;
    if (operation == OP_ret8) frame[n++] = 0x1111, frame[n++] = 0x2222;
    frame[n++] = 0x5100;
    frame[n++] = one_in(3) ? random_selector() : data_of(level);
    for (u32 i = 0; i < n; i++) {
        if (size == 4) ((u32 *)STACK)[i] = frame[i];
        else ((u16 *)STACK)[i] = frame[i];
    }
}

/* IRET to virtual-8086 mode at one of its instructions. */
static u32 v86_frame(void) {
    u32 entry = below(16), *frame = (u32 *)STACK;
    const u32 values[] = { v86_entries[entry], 0x900, 2 | VM | below(4) << 12 | (any() & 0xcd5), 0x400, 0x4b0, 0x111, 0x222, 0x333, 0x444 };
    for (u32 i = 0; i < 9; i++) frame[i] = values[i];
    /* What its own jumps, calls and returns find: CLI, the STI, random flags. */
    *(u16 *)0xa000 = v86_entries[10];
    *(u16 *)0xa002 = 0x900;
    *(u16 *)0x4f00 = v86_entries[9];
    *(u16 *)0x4f02 = 0x900;
    *(u16 *)0x4f04 = any();
    for (u32 i = 0; i < 0x18; i++) tss[0x68 + i] = i < 13 ? any() : 0xff;
    case_eax = entry == 11 ? 0x68 + below(24) : (any() & 0x3f7ed5) | 2;
    return entry;
}

/* The task that a switch finds: one data segment at most is bad. */
static void new_task(u32 wide) {
    u32 level = below(4), bad = below(10), eflags = (any() & 0x3cd5) | 2;
    u32 selectors[] = { data_of(level), code_of(level), data_of(level), 0x43, 0x43, 0 };
    if (bad == 0 || (bad >= 3 && bad < 6)) selectors[bad] = random_selector();
    if (wide) {
        set32(new_tss, 4, 0x4800);
        set32(new_tss, 8, 0x10);
        set32(new_tss, 32, low(OP_landing));
        set32(new_tss, 36, eflags);
        for (u32 i = 0; i < 8; i++) set32(new_tss, 40 + 4 * i, i == 4 ? 0x4f80 : 0xe0 + i);
        for (u32 i = 0; i < 6; i++) set32(new_tss, 72 + 4 * i, selectors[i]);
        set16(new_tss, 96, one_in(6) ? 0 : LDT_SELECTOR);
        set16(new_tss, 102, 0x68);
    } else {
        set16(new_tss, 2, 0x4800);
        set16(new_tss, 4, 0x10);
        set16(new_tss, 14, low(OP_landing));
        set16(new_tss, 16, eflags);
        for (u32 i = 0; i < 8; i++) set16(new_tss, 18 + 2 * i, i == 4 ? 0x4f80 : 0xe0 + i);
        for (u32 i = 0; i < 4; i++) set16(new_tss, 34 + 2 * i, selectors[i]);
        set16(new_tss, 42, LDT_SELECTOR);
    }
}

/* Is the TSS behind a selector, directly or through a task gate, a 32-bit one? */
static u32 leads_to_wide(u32 selector) {
    u64 descriptor = selector & 4 || selector >> 3 >= GDT_ENTRIES ? 0 : gdt[selector >> 3];
    if (type(descriptor) == 5) descriptor = gdt[descriptor >> 19 & 31];
    return type(descriptor) != 1 && type(descriptor) != 3;
}

/* -- The report -- */
static void finish(void) {
    u32 tr, ldtr, cr0;
    __asm__ volatile("str %0; sldt %1; mov %%cr0, %2" : "=r"(tr), "=r"(ldtr), "=r"(cr0));
    print("tr ");
    hex(tr & 0xffff);
    hex(ldtr & 0xffff);
    hex(cr0 & 15);
    print("memory ");
    hex(hash(gdt, 0x500));
    hex(hash((void *)0x4810, 0x5200 - 0x4810));
    hex(hash(tss + 32, 0x60 - 32));
    hex(hash(new_tss, 0x68));
    put('\n');
    abandon();
}

enum { F_SS, F_GS, F_FS, F_ES, F_DS, F_EAX, F_EBX, F_VECTOR, F_ERROR, F_EIP, F_CS, F_EFLAGS, F_OUTER_ESP, F_OUTER_SS, F_V86_ES };

void report(u32 *frame) {
    u32 v86 = frame[F_EFLAGS] & VM, tr, vector = frame[F_VECTOR];
    __asm__ volatile("str %0" : "=r"(tr));
    frame[F_EFLAGS] &= ~RF;
    hex(vector);
    hex(frame[F_ERROR]);
    /* In a task that could not be loaded, QEMU reports another EIP, and pushes it. */
    if ((tr & 0xffff) != TSS_SELECTOR && vector != 64) frame[F_EIP] = 0, print("new ");
    else hex(frame[F_EIP]);
    hex(frame[F_CS] & 0xffff);
    hex(frame[F_EFLAGS]);
    if (v86 || frame[F_CS] & 3) {
        hex(frame[F_OUTER_ESP]);
        hex(frame[F_OUTER_SS] & 0xffff);
    } else hex((u32)frame);
    for (u32 i = 0; v86 && i < 4; i++) hex(frame[F_V86_ES + i] & 0xffff);
    print("registers ");
    for (u32 i = F_SS; i <= F_DS; i++) hex(frame[i] & 0xffff);
    hex(frame[F_EAX]);
    hex(frame[F_EBX]);
    finish();
}

void report_double_fault(void) {
    set32(tss, 36, *(u32 *)(tss + 36) & ~RF);
    print("double ");
    hex(*(u32 *)(tss + 32));
    hex(*(u16 *)(tss + 76));
    hex(*(u32 *)(tss + 36));
    hex(*(u16 *)fault_tss);
    finish();
}

/* -- A case -- */
static void prepare(u32 operation) {
    u32 selector = operand_selector(), v86 = 0, flags = 2 | below(4) << 12;
    u32 returns = operation >= OP_ret && operation <= OP_iret16, interrupts = operation == OP_int;
    case_eax = selector;
    case_ebx = 0xbbbb;
    case_edx = low(OP_landing);
    *(u32 *)OPERAND = low(OP_landing);
    *(u32 *)(OPERAND + 4) = selector;
    switch (operation) {
    case OP_ret: case OP_ret8: case OP_ret16: case OP_iret: case OP_iret16:
        return_frame(operation, selector);
        if (operation == OP_iret && case_level == 0 && one_in(2)) {
            v86 = 1;
            print("v86 ");
            hex(v86_frame());
        } else if (operation == OP_iret && one_in(4)) flags |= NT;
        break;
    case OP_pop_es: *(u32 *)STACK = selector; break;
    case OP_ltr: if (selector < 4) case_eax = 0x40; break;
    case OP_popf: case OP_popf16: case_eax = (any() & 0x247ed5) | 2; break;
    case OP_into: flags |= below(2) << 11; break;
    case OP_lmsw: case_eax = (below(16) & ~4) | 1; break;
    case OP_arpl: case_ebx = any() & 0xffff; break;
    case OP_bound:
        case_eax = below(20) - 5;
        *(u32 *)OPERAND = 0;
        *(u32 *)(OPERAND + 4) = 10;
        break;
    case OP_in: case OP_out:
        for (u32 i = 0; i < 0x18; i++) tss[0x68 + i] = i < 13 ? 0xff : any() & any();
        case_eax = operation == OP_in ? 0x68 + below(0x58) : 0x80;
        break;
    case OP_sysenter: case OP_sysexit:
        write_msr(0x174, one_in(4) ? 0 : 0x08);
        write_msr(0x175, 0x4e00);
        write_msr(0x176, low(OP_landing));
        break;
    }
    if (interrupts || v86) {
        u32 kind = below(8), access = kind < 5 ? 14 + below(2) : kind == 5 ? 6 + below(2) : kind == 6 ? 5 : below(16);
        u32 target = access == 5 ? (one_in(4) && !(selector & 4) ? selector : NEW_SELECTOR)
                   : v86         ? 0x08
                   : one_in(3)   ? selector
                                 : 0x08 + 16 * below(4);
        idt[0x50] = gate(target, low(OP_landing), (one_in(10) ? 0 : P) | (one_in(3) ? below(4) : 3) << 5 | access, 0);
    }
    /* The back link of a nested return; the task itself would be no sensible target. */
    u32 link = one_in(4) && selector >> 3 != TSS_SELECTOR >> 3 ? selector : NEW_SELECTOR;
    set16(tss, 0, link);
    if (returns && !one_in(3)) ((u8 *)&gdt[NEW_SELECTOR >> 3])[5] |= 2;
    new_task(leads_to_wide(returns ? link : type(idt[0x50]) == 5 ? idt[0x50] >> 16 & 0xffff : selector));
    case_flags = flags;
}

void kernel_main(void) {
    static const struct { u16 limit; u32 base; } __attribute__((packed)) none = { 0, 0 };
    out8(0x3fb, 3);
    out8(0x21, 0xff);
    out8(0xa1, 0xff);
    for (u32 number = 0; number < CASES; number++) {
        state = number * 7919 + 1;
        any(), any(), any();
        reset();
        random_tables();
        case_level = below(4);
        case_cs = code_of(case_level);
        case_ss = data_of(case_level);
        case_data = 0x43;
        case_esp = STACK;
        u32 operation = below(OPERATION_COUNT);
        if (operation == OP_hlt && case_level == 0) operation = OP_ud2;
        if (one_in(4)) operation = OP_jump + below(OP_int - OP_jump + 1);
        hex(number);
        print(names[operation]);
        put(' ');
        prepare(operation);
        hex(case_level);
        hex(case_eax);
        hex(case_flags);
        print(": ");
        case_eip = low(operation);
        enter_case();
    }
    print("end\n");
    __asm__ volatile("lidt %0; int3" : : "m"(none));
}
