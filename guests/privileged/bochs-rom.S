/*
 * The last 64 KiB of a ROM for Bochs, in place of a BIOS: copies the image from the ROM's beginning to 1 MiB and enters
 * it as a Multiboot 1 loader does, without memory information or command line. ENTRY: its entry point.
 */
    .code16
    .text
start:
    cli
    mov $0x3fb, %dx /* the UART: 8 bits, no parity */
    mov $3, %al
    out %al, %dx
    mov $2, %al /* A20 */
    out %al, $0x92
    lgdtl %cs:pointer - start
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $8, $0xffff0000 + protected - start
    .code32
protected:
    mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $0xfff80000, %esi
    mov $0x100000, %edi
    mov $0x70000, %ecx
    cld
    rep movsb
    movl $0, 0x500 /* information: no flags */
    mov $0x500, %ebx
    mov $0x2badb002, %eax
    mov $ENTRY, %ecx
    jmp *%ecx
    .align 8
gdt:
    .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
pointer:
    .word 23
    .long 0xffff0000 + gdt - start
    .org 0xfff0
    .code16
    ljmp $0xf000, $0
    .org 0x10000
    .section .note.GNU-stack, "", @progbits
