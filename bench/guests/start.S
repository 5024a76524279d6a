/* Multiboot 1 header (Multiboot Specification 0.6.96, 3.1), entry, gates. */
    .section .multiboot, "a"
    .align 4
    .long 0x1BADB002, 0, -0x1BADB002

    .text
    .globl _start
_start:
    cli
    cld
    mov $stack_top, %esp
    pushl $0
    popfl
    call events
1:  cli
    hlt
    jmp 1b

/* load_tables(gdt descriptor, idt descriptor, selector of the TSS) */
    .globl load_tables
load_tables:
    mov 4(%esp), %eax
    lgdt (%eax)
    mov 8(%esp), %eax
    lidt (%eax)
    ljmp $0x08, $1f
1:  mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov %eax, %fs
    mov %eax, %gs
    mov 12(%esp), %eax
    ltr %ax
    ret

/* #PF: what a handler that repairs nothing must do. The faulting instruction is two bytes long and is skipped. */
    .globl on_page_fault
on_page_fault:
    push %eax
    mov %cr2, %eax
    xor %eax, fault_mix
    incl fault_count
    pop %eax
    add $4, %esp
    addl $2, (%esp)
    iret

/* INT 0x80: the cheapest system call. */
    .globl on_call
on_call:
    incl call_count
    iret

/* enter_user(): runs user_loop(user_calls) in ring 3 until it says INT 0x81. */
    .globl enter_user
enter_user:
    push %ebx
    push %esi
    push %edi
    push %ebp
    mov %esp, kernel_esp
    mov $0x23, %eax
    mov %eax, %ds
    mov %eax, %es
    pushl $0x23
    pushl $user_stack_top
    pushl $0x02
    pushl $0x1b
    pushl $user_loop
    iret
    .globl on_leave
on_leave:
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov kernel_esp, %esp
    pop %ebp
    pop %edi
    pop %esi
    pop %ebx
    ret

user_loop:
    mov user_calls, %ecx
1:  int $0x80
    dec %ecx
    jnz 1b
    int $0x81

    .bss
kernel_esp:
    .skip 4
    .align 16
    .skip 8192
    .globl stack_top
stack_top:
    .skip 4096
    .globl interrupt_stack_top
interrupt_stack_top:
    .skip 4096
user_stack_top:

    .section .note.GNU-stack, "", @progbits
