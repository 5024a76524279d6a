/* Multiboot 1 header (Multiboot Specification 0.6.96, 3.1) and entry: EAX = 0x2BADB002, EBX = information. */
#define MAGIC 0x1BADB002
#define FLAGS 0x00000003 /* align modules to pages; tell me about memory */

    .section .multiboot, "a"
    .align 4
    .long MAGIC, FLAGS, -(MAGIC + FLAGS)

    .text
    .globl _start
_start:
    cli
    cld
    mov $stack_top, %esp
    pushl $0
    popfl
    push %ebx
    push %eax
    call guest_main
1:  cli
    hlt
    jmp 1b

    .bss
    .align 16
    .globl stack_bottom, stack_top
stack_bottom:
    .skip 16384
stack_top:

    .section .note.GNU-stack, "", @progbits
