/*
 * To real mode and back. The frame on the real-mode stack is the same going in and coming out:
 *
 *   SP → GS FS ES DS (words), EDI … EAX (double words), vector (word), IP CS FLAGS (words)
 *
 * Intel SDM Vol. 3A, 9.9, "Mode Switching".
 */
#include "world.h"

#define AT(label) (label - real_code + REAL_CODE)

    .text
    .globl real_go, real_code, real_code_end, real_stubs

/* void real_go(void): runs the frame at real_stack until the experiment ends. */
real_go:
    pushal
    mov %esp, runner_stack
real_again:
    mov %cr0, %eax
    and $0x7fffffff, %eax
    mov %eax, %cr0
    ljmp $C_REAL, $AT(real_enter)

/* Back in protected mode, flat, without paging. */
real_back:
    mov $D0, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov %eax, %ss
    mov $handler_stack, %esp
    lidt protected_idt
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    cld
    call real_trap
    test %eax, %eax
    jnz real_again
    jmp leave_experiment

    .section .rodata
    .align 4
protected_idt:
    .word IDT_VECTORS * 8 - 1
    .long idt

/* --- copied to REAL_CODE -------------------------------------------------------------------------------------- */
    .text
    .align 16
real_code:
    .globl real_stack
real_stack: /* offset and segment of the frame */
    .long 0
    .long 0
real_idt:
    .word 0x3ff
    .long 0
    .code16
real_enter:
    mov $D_REAL, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %fs
    mov %ax, %gs
    mov %ax, %ss
    mov %cr0, %eax
    and $0xfe, %al
    mov %eax, %cr0
    ljmp $0, $AT(1f)
1:  xor %ax, %ax
    mov %ax, %ds
    lidtl AT(real_idt)
    lssl AT(real_stack), %esp
    popw %gs
    popw %fs
    popw %es
    popw %ds
    popal
    addw $2, %sp
    iretw

    .align 16
real_stubs: /* 256 of 8 bytes */
    vector = 0
    .rept 256
    .align 8
    pushw $vector
    jmp real_common
    vector = vector + 1
    .endr
real_common:
    pushal
    pushw %ds
    pushw %es
    pushw %fs
    pushw %gs
    xor %ax, %ax
    mov %ax, %ds
    mov %esp, AT(real_stack)
    mov %ss, AT(real_stack) + 4
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $C0, $real_back
    .code32
real_code_end:

    .section .note.GNU-stack, "", @progbits
