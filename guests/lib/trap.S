/* 256 trap stubs of 16 bytes, the common way into `trap(struct frame *)` and the way back. */
    .text
    .globl trap_stubs, enter_frame
    .align 16
trap_stubs:
    vector = 0
    .rept 256
    .align 16
    /* the CPU itself pushes an error code for #DF, #TS, #NP, #SS, #GP, #PF, #AC */
    .if (vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17)
    .else
    pushl $0
    .endif
    pushl $vector
    jmp trap_common
    vector = vector + 1
    .endr

    .align 16
trap_common:
    pushal
    pushl %ds
    pushl %es
    mov $0x10, %eax /* KERNEL_DATA */
    mov %eax, %ds
    mov %eax, %es
    cld
    push %esp
    call trap
    add $4, %esp
resume:
    popl %es
    popl %ds
    popal
    add $8, %esp
    iretl

enter_frame: /* (struct frame *) */
    mov 4(%esp), %esp
    jmp resume

    .section .note.GNU-stack, "", @progbits
