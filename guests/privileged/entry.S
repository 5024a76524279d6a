/*
 * Into an experiment and out of it: `enter` loads every register and goes by IRET; the gates' stubs save them, `trap`
 * notes the event and says whether the experiment goes on. It ends where `enter` was called.
 */
#include "world.h"

    .text
    .globl enter, leave_experiment, stubs, stubs16, double_task

/* --- in: void enter(const struct start *) ------------------------------------------------------------------ */
enter:
    pushal
    mov %esp, runner_stack
    mov 36(%esp), %esi
    testl $VM, 32 + 24(%esi)
    jnz 1f
    testl $3, 32 + 20(%esi)
    jnz 2f
    mov 32 + 32(%esi), %ss /* to ring 0: the stack does not come from the frame */
    mov 32 + 28(%esi), %esp
    jmp 3f
1:  pushl 32 + 48(%esi) /* GS FS DS ES of virtual-8086 mode */
    pushl 32 + 44(%esi)
    pushl 32 + 40(%esi)
    pushl 32 + 36(%esi)
2:  pushl 32 + 32(%esi)
    pushl 32 + 28(%esi)
3:  pushl 32 + 24(%esi)
    pushl 32 + 20(%esi)
    pushl 32 + 16(%esi)
    mov 32 + 0(%esi), %gs
    mov 32 + 4(%esi), %fs
    mov 32 + 12(%esi), %es
    pushl 32 + 8(%esi)
    mov 0(%esi), %edi
    mov 8(%esi), %ebp
    mov 16(%esi), %ebx
    mov 20(%esi), %edx
    mov 24(%esi), %ecx
    mov 28(%esi), %eax
    mov 4(%esi), %esi
    popl %ds
    iretl

/* --- out: 32-bit gates -------------------------------------------------------------------------------------- */
    .align 16
stubs:
    vector = 0
    .rept IDT_VECTORS
    .align 16
    .if !((vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17))
    pushl $0
    .endif
    pushl $vector
    jmp common
    vector = vector + 1
    .endr

/* Saves what `struct saved` begins with, remembers the stack and moves to the handlers' own; ECX: where it lies. */
.macro SAVE
    pushal
    pushl %ds
    pushl %es
    pushl %fs
    pushl %gs
    mov $D0, %eax
    mov %eax, %ds
    mov %eax, %es
    cld
    mov %esp, saved_stack
    mov %ss, saved_stack + 4
    xor %eax, %eax
    mov %ss, %eax
    lar %eax, %ebx
    mov %esp, %ecx
    test $1 << 22, %ebx /* B: the stack pointer is ESP */
    jnz 1f
    movzwl %cx, %ecx
1:  and $0xfff8, %eax /* experiments have no stack in the LDT when they trap */
    mov gdt + 2(%eax), %edx
    and $0xffffff, %edx
    movzbl gdt + 7(%eax), %eax
    shl $24, %eax
    or %edx, %eax
    add %eax, %ecx
    mov $D0, %eax
    mov %eax, %ss
    mov $handler_stack, %esp
.endm

    .align 16
common:
    SAVE
    push $0
    push %ecx
    call trapped
    add $8, %esp
    test %eax, %eax
    jz leave_experiment
    lss saved_stack, %esp
    popl %gs
    popl %fs
    popl %es
    popl %ds
    popal
    add $8, %esp
    iretl

leave_experiment:
    mov $D0, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov %eax, %ss
    mov runner_stack, %esp
    pushl $2 /* NT is set in a task that was called */
    popfl
    popal
    ret

/* --- out: 16-bit gates; their offsets count from here, the base of C_HANDLER16 ------------------------------- */
    .align 16
stubs16:
    pushl $0
    pushl $V_INTERRUPT16
    ljmp $C0, $common16
    .align 16
    pushl $0
    pushl $V_TRAP16
    ljmp $C0, $common16
    .align 16
1: /* the error code is a word, too: it becomes the upper half of one */
    pushw $0
    pushl $13
    ljmp $C0, $common16
    .align 16
    .globl gate_target16, gate_end16, task_target16
.macro FRAME16
    movzwl %ss:(%esp), %eax
    movzwl %ss:2(%esp), %ebx
    movzwl %ss:4(%esp), %ecx
    movzwl %ss:6(%esp), %edx
    movzwl %ss:8(%esp), %esi
    movzwl %ss:10(%esp), %edi
.endm
gate_target16: /* of GATE16: return IP, CS, two parameters, SP and SS are words */
    FRAME16
    int $V_NOTE
    lretw $4
    .align 16
gate_end16:
    FRAME16
    xor %eax, %eax /* IP and SP depend on where the linker put things */
    xor %esi, %esi
    int $V_DONE
    .align 16
task_target16: /* of TSS_16, which says nothing about the upper halves */
    movzwl %ax, %eax
    movzwl %cx, %ecx
    movzwl %dx, %edx
    movzwl %bx, %ebx
    movzwl %bp, %ebp
    movzwl %si, %esi
    movzwl %di, %edi
    movzwl %sp, %esp
    int $V_NOTE
    iretw
    jmp task_target16
    .align 16
    .globl error_target16
error_target16: /* a task that gets an error code */
    popw %ax
    movzwl %ax, %eax
    movzwl %cx, %ecx
    movzwl %dx, %edx
    movzwl %bx, %ebx
    movzwl %bp, %ebp
    movzwl %si, %esi
    movzwl %di, %edi
    movzwl %sp, %esp
    int $V_DONE

common16:
    SAVE
    push $1
    push %ecx
    call trapped
    add $8, %esp
    test %eax, %eax
    jz leave_experiment
    lss saved_stack, %esp
    popl %gs
    popl %fs
    popl %es
    popl %ds
    popal
    add $8, %esp
    iretw

/* --- out: the task of #DF; the error code lies on its stack --------------------------------------------------- */
double_task:
    popl %eax
    push %eax
    call double_fault
    jmp leave_experiment

/* --- where gates, handlers in other rings and tasks lead ------------------------------------------------------- */
    .globl targets, targets_end, gate_target, gate_target1, gate_target3, task_target, ring_handler
targets:
.macro FRAME
    mov (%esp), %eax
    mov 4(%esp), %ebx
    mov 8(%esp), %ecx
    mov 12(%esp), %edx
    mov 16(%esp), %esi
    mov 20(%esp), %edi
    int $V_NOTE
.endm
gate_target: /* of call gates with 0, 1 and 3 parameters: the first words of the frame */
    FRAME
    lretl
    .align 16
gate_target1:
    FRAME
    lretl $4
    .align 16
gate_target3:
    FRAME
    mov 24(%esp), %eax
    int $V_NOTE
    lretl $12
    .align 16
ring_handler: /* interrupt handlers in outer rings */
    FRAME
    iretl
    .align 16
task_target:
    int $V_NOTE
    iretl
    int $V_NOTE
    iretl
    .align 16
    .globl segments_target
segments_target: /* the segments as a handler finds them */
    mov %ds, %eax
    mov %es, %ebx
    mov %fs, %ecx
    mov %gs, %edx
    mov %ss, %esi
    mov $D0, %edi
    mov %edi, %ds /* `trapped` takes those of the frame for the experiment's */
    int $V_DONE
    .align 16
    .globl error_target, fault_target, reading_task, flags_target
error_target: /* a task that gets an error code and goes back; when it comes again it goes on with fault_target */
    popl %eax
    int $V_NOTE
    iretl
    .align 16
fault_target: /* a task that gets an error code and ends the experiment: there is nothing to go back to */
    popl %eax
    int $V_DONE
    .align 16
reading_task: /* what its page directory shows */
    mov PAGE_USER_RW, %ebx
    int $V_NOTE
    iretl
    .align 16
flags_target: /* the handler's own EFLAGS */
    pushfl
    popl %eax
    int $V_NOTE
    iretl
    .align 16
targets_end:

    .bss
    .align 16
    .skip 8192
handler_stack:
    .globl runner_stack, handler_stack, saved_stack
runner_stack:
    .skip 4
saved_stack:
    .skip 8

    .section .note.GNU-stack, "", @progbits
