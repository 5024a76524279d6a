/* What experiments in outer rings need done in ring 0 before they start. */
#include "trace.h"

void task_switched(void) { write_cr0(read_cr0() | CR0_TS); }
void simd(void) { write_cr4(read_cr4() | CR4_OSFXSR); }
void simd_exceptions(void) { write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT); }
void breakpoint_private(void) { ((u8 *)idt)[3 * 8 + 5] = 0x8e; }
void alignment_mask(void) { write_cr0(read_cr0() | CR0_AM); }

/* The IDT lies across two pages: the gates of vectors below 7 on an absent one. */
void idt_in_test_page(void) {
    struct pointer idtr = {IDT_VECTORS * 8 - 1, PAGE_CODE - 7 * 8};
    memcpy((void *)PAGE_CODE, &idt[7], sizeof(u64) * (IDT_VECTORS - 7));
    load_idt(&idtr);
}

/* A page at the top of the address space, for segments that end there. */
void map_top(void) {
    page_tables[0][1023] = page_tables[0][0];
    page_tables[1][1023] = LOW_DATA | PAGE_PRESENT | PAGE_WRITE | PAGE_USER | PAGE_ACCESSED | PAGE_DIRTY;
    write_cr3(read_cr3());
}

/* The stack of ring 1 in the TSS, and of ring 0. */
static void inner(u32 selector) { *(u32 *)(tss_main + T_SS1) = selector; }
static void inner_at(u32 esp) { *(u32 *)(tss_main + T_ESP1) = esp; }
static void fresh(u32 access) { /* FRESH_DATA with other rights, as SS1 */
    ((u8 *)gdt)[FRESH_DATA + 5] = (u8)access;
    inner(FRESH_DATA | 1);
}
void inner_null(void) { inner(0); }
void inner_rpl(void) { inner(D1 & ~3); }
void inner_dpl(void) { inner(D0 | 1); }
void inner_read_only(void) { fresh(0xb1); }
void inner_code(void) { inner(C1); }
void inner_tss(void) { inner(TSS_A | 1); }
void inner_absent(void) { fresh(0x33); }
void inner_beyond(void) { inner(BEYOND | 1); }
void inner_fresh(void) { fresh(0xb2); }
void inner_no_room(void) {
    gdt[FRESH_DATA >> 3] = gdt[EXPAND_DOWN16 >> 3];
    fresh(0xb7);
    inner_at(0x1004);
}
void inner_absent_page(void) { inner_at(PAGE_ABSENT + 0x1000); }
void inner_system_page(void) { inner_at(PAGE_SYSTEM_RW + 0x1000); }
void inner_read_only_page(void) { inner_at(PAGE_USER_RO + 0x1000); }
void inner_16(void) {
    gdt[FRESH_DATA >> 3] = gdt[D16 >> 3];
    fresh(0xb3);
    inner_at(0x5555000 + LOW_TOP);
}
void inner_null0(void) { *(u32 *)(tss_main + T_SS0) = 0; }

static void load_task(u32 selector) { __asm__ volatile("ltr %w0" : : "r"(selector)); }
void inner_short_tss(void) {
    u8 *descriptor = (u8 *)&gdt[TSS_A >> 3];
    memcpy(tss_a, tss_main, T_SIZE);
    descriptor[0] = T_SS1 - 1, descriptor[1] = 0; /* the limit: before SS1 */
    load_task(TSS_A);
}
void inner_tss16(void) {
    u16 *t = (u16 *)tss_16;
    t[1] = LOW_TOP, t[2] = D16;         /* SP0, SS0 */
    t[3] = 0x8000, t[4] = FRESH_DATA | 1; /* SP1, SS1 */
    gdt[FRESH_DATA >> 3] = gdt[D16 >> 3];
    ((u8 *)gdt)[FRESH_DATA + 5] = 0xb3;
    load_task(TSS_16);
}

/* Handlers that put their own EFLAGS into EAX. */
extern u8 flags_target[];
void flags_handler(void) {
    static const u8 vectors[] = {V_PLAIN, V_TRAP};
    for (u32 i = 0; i < 2; i++) {
        u16 *gate = (u16 *)&idt[vectors[i]];
        gate[0] = (u16)(u32)flags_target;
        gate[3] = (u16)((u32)flags_target >> 16);
    }
}

void time_stamp_disabled(void) { write_cr4(read_cr4() | CR4_TSD); }

void short_idt(void) {
    struct pointer idtr = {V_PLAIN * 8 + 6, (u32)idt};
    load_idt(&idtr);
}

/* The controllers with all but IRQ 0 masked, and IRQ 0 requested: the timer's counter has run out. */
void request(void) {
    static const u8 words[2][4] = {{0x11, IRQ0, 0x04, 0x01}, {0x11, IRQ0 + 8, 0x02, 0x01}};
    for (int i = 0; i < 4; i++) {
        outb(i ? 0x21 : 0x20, words[0][i]);
        outb(i ? 0xa1 : 0xa0, words[1][i]);
    }
    outb(0xa1, 0xff);
    outb(0x21, 0xfe);
    outb(0x43, 0x30); /* channel 0, low then high byte, mode 0: interrupt on terminal count */
    outb(0x40, 10);
    outb(0x40, 0);
    outb(0x20, 0x0a); /* OCW3: the next read gives the requests */
    while (!(inb(0x20) & 1));
}

/* A second page directory, in which PAGE_USER_RW shows something else. */
void second_directory(void) {
    static u32 directory[1024] __attribute__((aligned(4096))), table[1024] __attribute__((aligned(4096)));
    memcpy(directory, page_tables[0], sizeof directory);
    memcpy(table, page_tables[2], sizeof table);
    directory[PAGES >> 22] = (u32)table | PAGE_PRESENT | PAGE_WRITE | PAGE_USER;
    table[0] = LOW_DATA | PAGE_PRESENT | PAGE_WRITE | PAGE_USER;
    *(u32 *)(tss_a + T_CR3) = (u32)directory;
    *(u32 *)LOW_DATA = 0x22222222;
    *(u32 *)PAGE_USER_RW = 0x11111111;
    extern u8 reading_task[];
    *(u32 *)(tss_a + T_EIP) = (u32)reading_task;
}

static void task_gate(u32 vector, u32 selector) {
    u8 *gate = (u8 *)&idt[vector];
    gate[2] = (u8)selector, gate[3] = (u8)(selector >> 8);
    gate[5] = 0x85;
}
extern u8 error_target[], fault_target[], error_target16[];
void page_fault_task(void) {
    task_gate(14, TSS_A);
    *(u32 *)(tss_a + T_EIP) = (u32)error_target;
}
void page_fault_busy(void) { task_gate(14, TSS_BUSY); }
void invalid_opcode_task(void) { task_gate(6, TSS_A); }
void protection_task16(void) {
    task_gate(13, TSS_16);
    *(u16 *)(tss_16 + S_IP) = (u16)(error_target16 - stubs16);
}

/* #TS, #NP, #SS, #GP and #PF are tasks: what is wrong with the current one does not matter to them. */
void fault_tasks(void) {
    for (u32 vector = 10; vector <= 14; vector++) task_gate(vector, TSS_B);
    *(u32 *)(tss_b + T_EIP) = (u32)fault_target;
}
void page_fault_no_room(void) {
    fault_tasks();
    page_fault_task();
    *(u32 *)(tss_a + T_SS) = EXPAND_DOWN16;
    *(u32 *)(tss_a + T_ESP) = 0x1002;
}
void trap_bit(void) { *(u16 *)(tss_a + T_TRAP) = 1; }

void debugging_extensions(void) { write_cr4(read_cr4() | CR4_DE); }
void general_detect(void) { __asm__ volatile("mov %0, %%dr7" : : "r"(0x2400)); }
void break_stack(void) { /* the first four bytes that a push in ring 3 writes */
    __asm__ volatile("mov %0, %%dr2; mov %1, %%dr7" : : "r"(top_of(STACK_U) - 4), "r"(0x0f000420));
}
void break_access(void) { /* four bytes at LOW_DATA, reads and writes */
    __asm__ volatile("mov %0, %%dr0; mov %1, %%dr7" : : "r"(LOW_DATA), "r"(0xf0401));
}

void gate16_ends(void) {
    extern u8 gate_end16[];
    u32 offset = (u32)(gate_end16 - stubs16);
    ((u8 *)gdt)[GATE16] = (u8)offset, ((u8 *)gdt)[GATE16 + 1] = (u8)(offset >> 8);
}

/* --- pages */
void without_wp(void) { write_cr0(read_cr0() & ~CR0_WP); }
void without_pse(void) { write_cr4(read_cr4() & ~CR4_PSE); }

/* RET in every frame that the test pages show, and at LOW_DATA. */
void returns_in_pages(void) {
    u32 *entries = page_tables[2];
    write_cr0(read_cr0() & ~CR0_PG);
    for (u32 i = 0; i < 8; i++)
        if (entries[i] & PAGE_PRESENT) *(u8 *)(entries[i] & PAGE_ADDRESS) = 0xc3;
    *(u8 *)LOW_DATA = 0xc3;
    write_cr0(BASE_CR0);
}

/* MOV EAX, imm32 of which two bytes lie on the page before an absent one. */
void code_across(void) {
    *(u16 *)((page_tables[2][5] & PAGE_ADDRESS) | 0xffe) = 0x44b8;
}

static void ldt_at(u32 linear) {
    u8 *d = (u8 *)&gdt[LDT >> 3];
    d[2] = (u8)linear, d[3] = (u8)(linear >> 8), d[4] = (u8)(linear >> 16), d[7] = (u8)(linear >> 24);
    __asm__ volatile("lldt %w0" : : "r"(LDT));
}
void ldt_in_system_page(void) {
    memcpy((void *)(page_tables[2][3] & PAGE_ADDRESS), ldt, LDT_LIMIT + 1);
    ldt_at(PAGE_SYSTEM_RW);
}
void ldt_in_absent_page(void) { ldt_at(PAGE_ABSENT); }
void ldt_in_read_only_page(void) {
    u8 *copy = (u8 *)(page_tables[2][4] & PAGE_ADDRESS);
    memcpy(copy, ldt, LDT_LIMIT + 1);
    copy[LDT_DATA + 1] &= 0xfe; /* not accessed: byte 5 of entry 0 */
    ldt_at(PAGE_SYSTEM_RO);
}

/* --- alignment */
void alignment_odd_ldt(void) {
    alignment_mask();
    memcpy((void *)(LOW_DATA + 1), ldt, LDT_LIMIT + 1);
    ldt_at(LOW_DATA + 1);
}
void alignment_odd_stack(void) {
    alignment_mask();
    *(u32 *)(tss_main + T_ESP0) -= 3;
}

/* --- the I/O permission bit map */
static void allow(u32 port) { tss_main[T_BITS + (port >> 3)] &= (u8) ~(1 << (port & 7)); }
static void map_base(u32 base) { *(u16 *)(tss_main + T_MAP) = (u16)base; }
static void tss_limit(u32 limit) { /* TR keeps its limit until it is loaded again */
    ((u8 *)gdt)[TSS_MAIN] = (u8)limit, ((u8 *)gdt)[TSS_MAIN + 1] = 0;
    ((u8 *)gdt)[TSS_MAIN + 5] = 0x89;
    load_task(TSS_MAIN);
}
void allow_80(void) { allow(0x80); }
void allow_80_83(void) {
    for (u32 port = 0x80; port < 0x84; port++) allow(port);
}
void allow_7f_80(void) { allow(0x7f), allow(0x80); }
void allow_last(void) { allow(0xf8); }
void allow_short(void) {
    allow(0xf8);
    tss_limit(T_BITS + 31); /* the byte with port F8h is the last */
}
void map_beyond(void) { map_base(T_SIZE + 1); }
void map_at_limit(void) {
    tss_main[T_SIZE - 1] = 0;
    map_base(T_SIZE - 1);
}
void map_inside(void) { /* byte 16 of it is the low byte of DS */
    map_base(T_DS - 0x10);
    tss_main[T_DS] = 0;
}
void map_tss16(void) {
    u16 *t = (u16 *)tss_16;
    t[1] = LOW_TOP, t[2] = D16; /* SP0, SS0 */
    load_task(TSS_16);
}
void map_no_base(void) { tss_limit(T_MAP); }
void map_absent(void) { /* the TSS's first page is the test page before an absent one */
    u32 linear = PAGE_ABSENT2 - T_BITS - 8;
    u8 *d = (u8 *)&gdt[TSS_MAIN >> 3];
    memcpy((void *)linear, tss_main, T_BITS + 8);
    d[2] = (u8)linear, d[3] = (u8)(linear >> 8), d[4] = (u8)(linear >> 16), d[5] = 0x89;
    load_task(TSS_MAIN);
}

/* --- virtual-8086 mode */
void system_low(void) {
    page_tables[1][LOW_DATA >> 12] &= ~PAGE_USER;
    write_cr3(read_cr3());
}
void protection_task(void) {
    task_gate(13, TSS_A);
    *(u32 *)(tss_a + T_EIP) = (u32)fault_target;
}
extern u8 segments_target[];
void segments_handler(void) {
    u16 *gate = (u16 *)&idt[V_PLAIN];
    gate[0] = (u16)(u32)segments_target;
    gate[3] = (u16)((u32)segments_target >> 16);
}
