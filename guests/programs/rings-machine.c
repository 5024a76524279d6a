/* programs/rings.h on the machine: kernel identity-mapped for ring 0 alone, `.user` pages readable by ring 3. */
#include "machine.h"
#include "rings.h"

#define DATA 0x40000000u  /* each process's data, one page of stack above it */
#define ABSENT 0x70000000u
#define DATA_PAGES (DATA_WORDS * 4 / 4096)

extern u8 user_start[], user_end[];

static struct process {
    u32 directory, alive, mixed, result;
    struct frame context;
} processes[PROCESSES_MAX];
static u32 count, current, living, preemptions;

USER u32 call(u32 number, u32 argument) {
    __asm__ volatile("int $0x80" : "+a"(number) : "b"(argument) : "memory");
    return number;
}

/* EAX = 0 unless the kernel put its answer there; each instruction is 2 or 3 bytes, which the kernel finds by its first. */
#define TRY(instruction, operand) __asm__ volatile(instruction : "+a"(answer) : "c"(operand) : "memory")
USER u32 attempt(u32 what, u32 *data) {
    u32 answer = 0, kernel = 0x100000;
    switch (what) {
        case TRY_READ_KERNEL: TRY("mov (%%ecx), %%eax", kernel); break;
        case TRY_WRITE_KERNEL: TRY("mov %%eax, (%%ecx)", kernel); break;
        case TRY_READ_ABSENT: TRY("mov (%%ecx), %%eax", ABSENT); break;
        case TRY_WRITE_CODE: TRY("mov %%eax, (%%ecx)", &user_start); break;
        case TRY_CLI: TRY("cli; nop", data); break;
        case TRY_HLT: TRY("hlt; nop", data); break;
        case TRY_IN: TRY("inb $0x21, %%al", data); break;
        case TRY_CR3: TRY("mov %%eax, %%cr3", data); break;
        default: TRY("int $0x21", data); break;
    }
    return answer;
}

static void switch_to_next(struct frame *frame) {
    processes[current].context = *frame;
    do current = (current + 1) % count;
    while (!processes[current].alive);
    *frame = processes[current].context;
    write_cr3(processes[current].directory);
}

static void finish(void) { /* back to run_processes, on the kernel's first stack */
    extern void kernel_resume(void) __attribute__((noreturn));
    kernel_resume();
}

static void on_call(struct frame *frame) {
    struct process *process = &processes[current];
    switch (frame->eax) {
        case CALL_EXIT:
            process->result = mix(process->mixed, frame->ebx);
            process->alive = 0;
            if (--living == 0) finish();
            switch_to_next(frame);
            break;
        case CALL_YIELD:
            frame->eax = 0;
            switch_to_next(frame);
            break;
        case CALL_MIX: frame->eax = process->mixed = mix(process->mixed, frame->ebx); break;
        default: frame->eax = current; break;
    }
}

static void on_violation(struct frame *frame) {
    const u8 *code = (const u8 *)frame->eip;
    if ((frame->cs & 3) != 3) panic("fault in the kernel");
    u32 address = frame->vector == 14 && read_cr2() != frame->ecx ? 0x80000000 : 0;
    frame->eip += code[0] == 0x0f ? 3 : code[0] == 0xfa || code[0] == 0xf4 ? 1 : 2;
    frame->eax = frame->error | frame->vector << 16 | address;
}

static void on_tick(struct frame *frame) {
    end_of_interrupt();
    if ((frame->cs & 3) != 3) return;
    preemptions++;
    switch_to_next(frame);
}

static void create(u32 id, u32 work, u32 seed) {
    u32 *directory = directory_new(memory_end, 0);
    for (u8 *page = user_start; page < user_end; page += 4096)
        *table_entry(directory, (u32)page) = (u32)page | PAGE_PRESENT | PAGE_USER;
    u32 *memory = heap((DATA_PAGES + 1) * 4096);
    for (u32 i = 0; i <= DATA_PAGES; i++)
        *table_entry(directory, DATA + i * 4096) = ((u32)memory + i * 4096) | PAGE_PRESENT | PAGE_WRITE | PAGE_USER;
    u32 *stack = memory + (DATA_PAGES + 1) * 1024 - 5; /* return address and arguments */
    stack[1] = DATA, stack[2] = id, stack[3] = work, stack[4] = seeded(seed + id);
    processes[id].directory = (u32)directory;
    processes[id].mixed = MIX_START;
    processes[id].alive = 1;
    processes[id].context = (struct frame){
        .es = USER_DATA, .ds = USER_DATA, .eip = (u32)process_main, .cs = USER_CODE, .eflags = EFLAGS_IF | 2,
        .esp = DATA + (DATA_PAGES + 1) * 4096 - 20, .ss = USER_DATA,
    };
}

/* Saves the kernel's stack, enters the first process; kernel_resume() returns from kernel_leave(). */
__asm__(".text\n"
        "kernel_leave: pushal; mov %esp, kernel_stack; mov 36(%esp), %eax; push %eax; call enter_frame\n"
        ".globl kernel_resume\n"
        "kernel_resume: mov kernel_stack, %esp; popal; ret\n"
        ".local kernel_stack; .comm kernel_stack, 4, 4\n");
extern void kernel_leave(struct frame *frame);

void run_processes(u32 processes_wanted, u32 work, u32 seed, u32 hertz, u32 *results) {
    count = living = processes_wanted;
    for (u32 id = 0; id < count; id++) create(id, work, seed);
    tables_init();
    on_trap(13, on_violation);
    on_trap(14, on_violation);
    on_trap(0x80, on_call);
    allow_user_trap(0x80);
    paging_on((u32 *)processes[0].directory);
    timer_start(hertz, on_tick);
    kernel_leave(&processes[0].context);
    timer_stop();
    remark("preemptions", preemptions);
    for (u32 id = 0; id < count; id++) results[id] = processes[id].result;
}
