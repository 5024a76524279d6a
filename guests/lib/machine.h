/*
 * The machine as ring 0 sees it: ports, control registers, descriptor tables, traps, page tables, hypercalls.
 * Names and bits: Intel SDM Vol. 3A, 2.5 "Control Registers", 3.4.5 "Segment Descriptors", 4.3 "32-Bit Paging".
 */
#ifndef MACHINE_H
#define MACHINE_H

#include "guest.h"

/* --- memory, as Multiboot told it ------------------------------------------------------------------------- */
extern u32 memory_next; /* first free byte of the heap */
extern u32 memory_end;  /* first byte beyond upper memory: 1 MiB + mem_upper KiB */

/* --- ports ------------------------------------------------------------------------------------------------ */
static inline void outb(u16 port, u8 value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
static inline u8 inb(u16 port) {
    u8 value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

/* --- control registers and friends ------------------------------------------------------------------------ */
#define CR0_PE 0x00000001u /* protection enable */
#define CR0_WP 0x00010000u /* write protect: supervisor writes honour R/W */
#define CR0_PG 0x80000000u /* paging */
#define CR4_PSE 0x00000010u /* page size extension: 4 MB pages */
#define CR4_PGE 0x00000080u /* global pages */

#define CONTROL_REGISTER(n)                                                                                        \
    static inline u32 read_cr##n(void) {                                                                           \
        u32 value;                                                                                                 \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(value));                                                      \
        return value;                                                                                              \
    }                                                                                                              \
    static inline void write_cr##n(u32 value) { __asm__ volatile("mov %0, %%cr" #n : : "r"(value) : "memory"); }
CONTROL_REGISTER(0)
CONTROL_REGISTER(2)
CONTROL_REGISTER(3)
CONTROL_REGISTER(4)

static inline void invlpg(const void *linear) { __asm__ volatile("invlpg (%0)" : : "r"(linear) : "memory"); }
static inline void cpuid(u32 leaf, u32 *a, u32 *b, u32 *c, u32 *d) {
    __asm__ volatile("cpuid" : "=a"(*a), "=b"(*b), "=c"(*c), "=d"(*d) : "a"(leaf), "c"(0));
}
static inline u32 read_tsc(void) { /* the low half */
    u32 low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return low;
}
static inline void halt(void) { __asm__ volatile("hlt" : : : "memory"); }
static inline void enable_interrupts(void) { __asm__ volatile("sti" : : : "memory"); }
static inline void disable_interrupts(void) { __asm__ volatile("cli" : : : "memory"); }

/* --- hypercalls: Xen's public headers xen.h and sched.h, 32-bit HVM convention, entered by VMCALL ------------ */
#define HYPERVISOR_CONSOLE_IO 18
#define HYPERVISOR_SCHED_OP 29
#define CONSOLEIO_WRITE 0
#define SCHEDOP_YIELD 0
#define SCHEDOP_SHUTDOWN 2
#define SHUTDOWN_POWEROFF 0
#define SHUTDOWN_REBOOT 1
#define SHUTDOWN_CRASH 3

extern int on_xen; /* the hypervisor's signature is Xen's: hypercalls are there */
static inline u32 hypercall(u32 number, u32 a, u32 b, u32 c, u32 d, u32 e) {
    __asm__ volatile("vmcall" : "+a"(number), "+b"(a), "+c"(b), "+d"(c), "+S"(d), "+D"(e) : : "memory");
    return number;
}
void shutdown(u32 reason) __attribute__((noreturn));
void uart_put(char c);
void console_flush(void);

/* --- segments and traps (tables.c, trap.S) ----------------------------------------------------------------- */
#define KERNEL_CODE 0x08
#define KERNEL_DATA 0x10
#define USER_CODE 0x1b /* index 3, RPL 3 */
#define USER_DATA 0x23 /* index 4, RPL 3 */
#define TASK_STATE 0x28

#define EFLAGS_IF 0x200

struct frame { /* what trap.S leaves on the stack; esp and ss only when the trap came from ring 3 */
    u32 es, ds;
    u32 edi, esi, ebp, unused_esp, ebx, edx, ecx, eax;
    u32 vector, error;
    u32 eip, cs, eflags, esp, ss;
};

typedef void trap_handler(struct frame *frame);
struct pointer { /* operand of LGDT and LIDT */
    u16 limit;
    u32 base;
} __attribute__((packed));

void tables_init(void);                            /* GDT, IDT with 256 interrupt gates, TSS; vectors 0–31 panic */
void on_trap(u32 vector, trap_handler *handler);
void allow_user_trap(u32 vector);                  /* gate DPL 3 */
void enter_frame(struct frame *frame) __attribute__((noreturn)); /* resume a saved context */
static inline void load_idt(const struct pointer *p) { __asm__ volatile("lidt %0" : : "m"(*p)); }
static inline void load_gdt(const struct pointer *p) { __asm__ volatile("lgdt %0" : : "m"(*p)); }

/* --- page tables (paging.c) -------------------------------------------------------------------------------- */
#define PAGE_PRESENT 0x001u
#define PAGE_WRITE 0x002u
#define PAGE_USER 0x004u
#define PAGE_ACCESSED 0x020u
#define PAGE_DIRTY 0x040u
#define PAGE_SIZE 0x080u /* in a directory entry: maps 4 MB */
#define PAGE_GLOBAL 0x100u
#define PAGE_ADDRESS 0xfffff000u

u32 *directory_new(u32 identity_bytes, u32 flags); /* page directory with [0, identity_bytes) mapped to itself by 4 KB pages */
u32 *table_entry(u32 *directory, u32 linear);      /* the 4 KB entry for `linear`; makes the table if there is none */
void paging_on(u32 *directory);                    /* CR3, CR4.PSE, CR0.PG and CR0.WP */

/* --- interrupt controllers and timer (timer.c) ------------------------------------------------------------- */
#define IRQ_BASE 0x20
void pics_start(u8 mask); /* vectors from IRQ_BASE on; `mask`: of IRQs 0 to 7, all others are masked */
void timer_start(u32 hertz, trap_handler *tick); /* PIT channel 0 in mode 2 on vector 0x20, all other IRQs masked */
void timer_stop(void);
void end_of_interrupt(void);

#endif
