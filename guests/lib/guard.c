/* guarded(): exceptions of ring 0 caught where they are expected. */
#include "machine.h"

u32 guarded_error;
u32 guard_stack; /* ESP inside guarded(); 0 when nothing is guarded */

/* u32 guarded(void (*action)(u32), u32 argument): callee-saved registers lie on the stack above guard_stack. */
__asm__(".text\n"
        ".globl guarded, guard_fail\n"
        "guarded: push %ebp; push %ebx; push %esi; push %edi\n"
        "    mov %esp, guard_stack\n"
        "    push 24(%esp); call *24(%esp); xor %eax, %eax\n" /* argument, then action, 20 + 4 bytes up */
        "1:  mov guard_stack, %esp; movl $0, guard_stack\n"
        "    pop %edi; pop %esi; pop %ebx; pop %ebp; ret\n"
        "guard_fail: mov 4(%esp), %eax; push $2; popf; jmp 1b\n");
void guard_fail(u32 result) __attribute__((noreturn));

static void caught(struct frame *frame) {
    guarded_error = frame->error;
    if (!guard_stack) panic("trap outside guarded()");
    guard_fail(0x100 | frame->vector);
}

void guard_start(void) {
    tables_init();
    for (u32 vector = 0; vector < 32; vector++) on_trap(vector, caught);
}
