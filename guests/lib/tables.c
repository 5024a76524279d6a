/* GDT, IDT and TSS, and the dispatch of traps. Intel SDM Vol. 3A, 3.4.5 "Segment Descriptors", 6.11 "IDT
 * Descriptors", 7.2.1 "Task-State Segment (TSS)". */
#include "machine.h"

struct gate {
    u16 offset_low, selector, type, offset_high;
};
#define GATE_INTERRUPT 0x8e00 /* present, DPL 0, 32-bit interrupt gate */
#define GATE_USER 0x6000      /* DPL 3 */

extern u8 trap_stubs[], stack_top[];
static u32 task_state[26]; /* only SS0:ESP0 and the I/O map base matter here */
static u8 trap_stack[8192] __attribute__((aligned(16)));
static struct gate gates[256];
static trap_handler *handlers[256];

/* base 0, limit 4 GiB, present, by access byte: 9A/92 ring 0 code/data, FA/F2 ring 3 code/data */
static u32 segments[12] = {0, 0, 0xffff, 0xcf9a00, 0xffff, 0xcf9200, 0xffff, 0xcffa00, 0xffff, 0xcff200, 0, 0};

void on_trap(u32 vector, trap_handler *handler) { handlers[vector] = handler; }
void allow_user_trap(u32 vector) { gates[vector].type |= GATE_USER; }

void tables_init(void) {
    u32 base = (u32)task_state;
    task_state[1] = (u32)(trap_stack + sizeof trap_stack); /* ESP0 */
    task_state[2] = KERNEL_DATA;                           /* SS0 */
    task_state[25] = sizeof task_state << 16;              /* I/O map beyond the limit: every port is denied */
    segments[10] = base << 16 | (sizeof task_state - 1);
    segments[11] = (base & 0xff000000) | 0x8900 | (base >> 16 & 0xff); /* available 32-bit TSS */
    struct pointer gdt = {sizeof segments - 1, (u32)segments};
    load_gdt(&gdt);
    __asm__ volatile(
        "ljmp %0, $1f\n1:\n"
        "mov %1, %%ds\nmov %1, %%es\nmov %1, %%fs\nmov %1, %%gs\nmov %1, %%ss\n"
        "ltr %w2\n"
        "lldt %w3" /* after reset LDTR is a 64 KiB table at 0 */
        :
        : "i"(KERNEL_CODE), "r"(KERNEL_DATA), "r"(TASK_STATE), "r"(0)
        : "memory");
    for (u32 i = 0; i < 256; i++) {
        u32 stub = (u32)trap_stubs + i * 16;
        gates[i] = (struct gate){(u16)stub, KERNEL_CODE, GATE_INTERRUPT, (u16)(stub >> 16)};
    }
    struct pointer idt = {sizeof gates - 1, (u32)gates};
    load_idt(&idt);
}

void trap(struct frame *frame) {
    if (handlers[frame->vector]) {
        handlers[frame->vector](frame);
        return;
    }
    remark("vector", frame->vector);
    print("# error=");
    print_hex(frame->error);
    print(" eip=");
    print_hex(frame->eip);
    print(" cr2=");
    print_hex(read_cr2());
    put('\n');
    panic("unexpected trap");
}
