/*
 * A kernel that measures events: what a machine made for isolation does all the time. It prints, on COM1,
 *
 *     # operations=N      how often the next one is done
 *     @name
 *     =checksum           8 digits; the same on every machine
 *     @done
 *
 * and then writes 0 to port 0xF4. Time is taken outside, at the markers. Memory: 128 MiB, identity-mapped with 4 KiB pages.
 *
 *   0       1 MiB            16 MiB         32 MiB          96 MiB       120 MiB
 *   │       │ image, tables  │ CR3 pages    │ 64 MiB random │            │ one page not present
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

#define NOINLINE __attribute__((noinline))
#define PAGE 4096u
#define MEMORY (128u << 20)
#define SWITCH_PAGES 0x01000000u
#define RANDOM_PAGES 0x02000000u
#define RANDOM_COUNT 16384u
#define ABSENT_PAGE 0x07800000u

#define COM1 0x3f8
#define POST_CODE 0x80 /* a port that every PC has and that does nothing */
#define END_PORT 0xf4

static inline void out8(u16 port, u8 value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
static inline u8 in8(u16 port) {
    u8 value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static void print(const char *text) {
    while (*text) out8(COM1, (u8)*text++);
}
static void print_hex(u32 value) {
    for (int shift = 28; shift >= 0; shift -= 4) out8(COM1, (u8)"0123456789abcdef"[value >> shift & 15]);
}
static void print_decimal(u32 value) {
    char digits[11];
    int n = 10;
    digits[10] = 0;
    do digits[--n] = (char)('0' + value % 10);
    while (value /= 10);
    print(digits + n);
}

/* ── Tables: Intel SDM Vol. 3A, 3.4.5 "Segment Descriptors", 6.11 "IDT Descriptors", 7.2.1 "Task-State Segment" ── */

extern char interrupt_stack_top[];
extern void load_tables(const void *gdt, const void *idt, u32 tss), enter_user(void);
extern void on_page_fault(void), on_call(void), on_leave(void);

static u32 directory[2][1024] __attribute__((aligned(4096)));
static u32 tables[MEMORY >> 22][1024] __attribute__((aligned(4096)));
static u32 gdt[6][2] = {{0, 0}, {0xffff, 0xcf9a00}, {0xffff, 0xcf9200}, {0xffff, 0xcffa00}, {0xffff, 0xcff200}, {0, 0}};
static u32 idt[256][2];
static u32 tss[26];
struct descriptor {
    u16 limit;
    u32 base;
} __attribute__((packed));

volatile u32 fault_mix, fault_count, call_count, user_calls;

static void gate(u32 vector, void (*handler)(void), u32 ring) {
    idt[vector][0] = 8u << 16 | ((u32)handler & 0xffff);
    idt[vector][1] = ((u32)handler & 0xffff0000) | 0x8e00 | ring << 13;
}

static void set_up(void) {
    u32 base = (u32)tss;
    tss[1] = (u32)interrupt_stack_top;
    tss[2] = 0x10;
    tss[25] = sizeof tss << 16;
    gdt[5][0] = base << 16 | (sizeof tss - 1);
    gdt[5][1] = (base & 0xff000000) | 0x8900 | (base >> 16 & 0xff);
    gate(14, on_page_fault, 0);
    gate(0x80, on_call, 3);
    gate(0x81, on_leave, 3);
    struct descriptor g = {sizeof gdt - 1, (u32)gdt}, i = {sizeof idt - 1, (u32)idt};
    load_tables(&g, &i, 0x28);

    for (u32 page = 0; page < MEMORY / PAGE; page++) tables[page >> 10][page & 1023] = page * PAGE | 7;
    for (u32 k = 0; k < MEMORY >> 22; k++) directory[0][k] = directory[1][k] = (u32)tables[k] | 7;
    tables[ABSENT_PAGE >> 22][ABSENT_PAGE >> 12 & 1023] = 0;
    __asm__ volatile(
        "mov %0, %%cr3\n mov %%cr0, %%eax\n or $0x80000000, %%eax\n mov %%eax, %%cr0\n jmp 1f\n1:"
        :
        : "r"(directory[0])
        : "eax", "memory");
    for (u32 page = 0; page < RANDOM_COUNT; page++) *(u32 *)(RANDOM_PAGES + page * PAGE) = page * 2654435761u;
}

/* ── The events ── */

NOINLINE static u32 loop(u32 n) { /* the cost of a loop, to be kept in mind with the others */
    u32 x = 1;
    while (n--) __asm__ volatile("lea 1(%0, %0, 2), %0" : "+r"(x));
    return x;
}

NOINLINE static u32 switch_spaces(u32 n) {
    u32 sum = 0;
    for (u32 i = 0; i < n; i++) {
        __asm__ volatile("mov %0, %%cr3" : : "r"(directory[i & 1]) : "memory");
        volatile u32 *p = (volatile u32 *)SWITCH_PAGES;
        for (u32 k = 0; k < 8; k++) sum += p[k * 1024 + k]++;
    }
    return sum;
}

NOINLINE static u32 random_touch(u32 n) {
    u32 x = 1, sum = 0;
    while (n--) {
        x = x * 1664525 + 1013904223;
        sum += *(volatile u32 *)(RANDOM_PAGES + (x >> 18) * PAGE);
    }
    return sum;
}

NOINLINE static u32 page_fault(u32 n) {
    u32 start = fault_count;
    for (u32 i = 0; i < n; i++)
        __asm__ volatile(".byte 0x8b, 0x03" : : "b"(ABSENT_PAGE + (i & 1023) * 4) : "eax", "memory"); /* mov (%ebx), %eax */
    return fault_count - start;
}

NOINLINE static u32 interrupt(u32 n) {
    u32 start = call_count;
    while (n--) __asm__ volatile("int $0x80" : : : "memory");
    return call_count - start;
}

NOINLINE static u32 user_interrupt(u32 n) {
    u32 start = call_count;
    user_calls = n;
    enter_user();
    return call_count - start;
}

NOINLINE static u32 invalidate(u32 n) {
    u32 sum = 0;
    volatile u32 *p = (volatile u32 *)(RANDOM_PAGES + 5 * PAGE);
    while (n--) {
        __asm__ volatile("invlpg %0" : : "m"(*p));
        sum += *p;
    }
    return sum;
}

static inline void cpuid(u32 leaf, u32 *r) {
    __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(0));
}

NOINLINE static u32 identify(u32 n) {
    u32 r[4];
    for (u32 i = 0; i < n; i++) cpuid(0, r);
    return n;
}

NOINLINE static u32 hypercall(u32 n) { /* a number that no hypercall has: the round trip alone */
    for (u32 i = 0; i < n; i++) {
        u32 a = 0x7f;
        __asm__ volatile("vmcall" : "+a"(a) : : "memory");
    }
    return n;
}

NOINLINE static u32 output(u32 n) {
    for (u32 i = 0; i < n; i++) out8(POST_CODE, (u8)i);
    return n;
}

NOINLINE static u32 input(u32 n) {
    for (u32 i = 0; i < n; i++) in8(POST_CODE);
    return n;
}

static void measure(const char *name, u32 (*event)(u32), u32 n) {
    event(n / 8); /* warm up */
    print("# operations=");
    print_decimal(n);
    print("\n@");
    print(name);
    print("\n");
    u32 checksum = event(n);
    print("=");
    print_hex(checksum);
    print("\n");
}

static int on_xen(void) {
    u32 r[4];
    cpuid(1, r);
    if (!(r[2] >> 31)) return 0;
    cpuid(0x40000000, r);
    return r[1] == 0x566e6558 && r[2] == 0x65584d4d && r[3] == 0x4d4d566e; /* "XenVMMXenVMM" */
}

void events(void) {
    set_up();
    measure("loop", loop, 50000000);
    measure("cr3-touch8", switch_spaces, 200000);
    measure("random-touch", random_touch, 4000000);
    measure("page-fault", page_fault, 400000);
    measure("int-iret", interrupt, 1000000);
    measure("int-iret-ring3", user_interrupt, 1000000);
    measure("invlpg-touch", invalidate, 2000000);
    measure("cpuid", identify, 2000000);
    if (on_xen()) measure("vmcall", hypercall, 500000);
    measure("out", output, 500000);
    measure("in", input, 500000);
    print("@done\n");
    out8(END_PORT, 0);
}
