# Real mode: instructions, interrupts and faults as an 8086 has them, with 32-bit operands and addresses.
#
# entry: protected mode → FS keeps a limit of 4 GiB → real mode at 0:0x8000 → one case after the other → protected mode.
# Each case begins with the same registers and ends in `dump`, which appends 16 double words to the log at 0x20000:
# DS ES EDI ESI EBP ESP EBX EDX ECX EAX EFLAGS, the address of the case, SS, and the last event: vector, IP, CS, FLAGS.
# A fault goes on at the end of its case. At the end the log is printed.

#define AT(label) (label - real + 0x8000)
#define LOG 0x20000
#define LOG_END 0x7000
#define EVENT 0x7010
#define CONTINUE 0x7020

.section .multiboot, "a"
    .align 4
    .long 0x1BADB002, 0, -0x1BADB002

.text
    .globl _start
_start:
    cli
    mov $0x80000, %esp
    mov $0x3fb, %dx
    mov $3, %al
    out %al, %dx
    mov $0xff, %al
    out %al, $0x21
    out %al, $0xa1
    mov $real, %esi
    mov $0x8000, %edi
    mov $(real_end - real), %ecx
    rep movsb
    movl $LOG, LOG_END
    xor %eax, %eax
    mov $LOG, %edi
    mov $0x4000, %ecx
    rep stosl
    lgdt gdtr
    ljmp $0x08, $1f
1:  mov $0x10, %ax
    mov %ax, %ds
    mov %ax, %fs
    mov %ax, %ss
    ljmp $0x18, $AT(leave_protected_mode)

protected:
    mov $0x10, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x80000, %esp
    mov $LOG, %esi
2:  cmp LOG_END, %esi
    jae 9f
    mov (%esi), %eax
    add $4, %esi
    call hex
    test $63, %esi
    jnz 2b
    mov $10, %al
    call put
    jmp 2b
9:  lidt none
    int3

hex:
    mov %eax, %ebx
    mov $8, %ecx
3:  rol $4, %ebx
    mov %bl, %al
    and $15, %al
    add $48, %al
    cmp $58, %al
    jb 4f
    add $39, %al
4:  call put
    loop 3b
    mov $32, %al
put:
    mov %al, %ah
    mov $0x3fd, %dx
5:  in %dx, %al
    test $0x20, %al
    jz 5b
    mov %ah, %al
    mov $0x3f8, %dx
    out %al, %dx
    ret

    .align 8
gdt:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00009b000000ffff, 0x000093000000ffff
gdtr:
    .word . - gdt - 1
    .long gdt
none:
    .word 0
    .long 0

.code16
real:
leave_protected_mode:
    mov $0x20, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov %ax, %gs
    mov %cr0, %eax
    and $~1, %al
    mov %eax, %cr0
    ljmp $0, $AT(1f)
1:  xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x7f00, %esp
    lidtl AT(vector_table)
    xor %di, %di
    mov $AT(vectors), %bx
2:  mov %bx, (%di)
    movw $0, 2(%di)
    add $4, %di
    add $8, %bx
    cmp $(64 * 4), %di
    jb 2b
    # Sixteen bytes to look at: 16 … 1.
    mov $16, %cx
    mov $0x100, %si
3:  movb %cl, (%si)
    inc %si
    dec %cx
    jnz 3b
    jmp cases
vector_table:
    .word 0x3ff
    .long 0

# Appends the registers to the log through FS, whose limit is still 4 GiB.
.macro LOGGED from:req, at:req
    movl %ss:\from(%bp), %eax
    addr32 mov %eax, %fs:\at(%edi)
.endm
dump:
    pushfl
    pushal
    push %ds
    push %es
    push %ss
    xor %bx, %bx
    mov %bx, %ds
    mov %sp, %bp
    mov LOG_END, %edi
    movzwl %ss:4(%bp), %eax
    addr32 mov %eax, %fs:(%edi)
    movzwl %ss:2(%bp), %eax
    addr32 mov %eax, %fs:4(%edi)
    LOGGED 6, 8
    LOGGED 10, 12
    LOGGED 14, 16
    LOGGED 18, 20
    LOGGED 22, 24
    LOGGED 26, 28
    LOGGED 30, 32
    LOGGED 34, 36
    movl %ss:38(%bp), %eax
    and $~0x10000, %eax
    addr32 mov %eax, %fs:40(%edi)
    movzwl %ss:42(%bp), %eax
    addr32 mov %eax, %fs:44(%edi)
    movzwl %ss:(%bp), %eax
    addr32 mov %eax, %fs:48(%edi)
    mov EVENT, %eax
    addr32 mov %eax, %fs:52(%edi)
    mov EVENT + 4, %eax
    addr32 mov %eax, %fs:56(%edi)
    movl $0, EVENT
    movl $0, EVENT + 4
    add $64, %edi
    mov %edi, LOG_END
    pop %ax
    pop %es
    pop %ds
    popal
    popfl
    ret

# Vectors from 0x30 on return to where they came from, the others to the end of the case.
vectors:
.set i, 0
.rept 64
    .balign 8
    push $i
    jmp handler
    .set i, i + 1
.endr
    .balign 8
handler:
    push %bp
    mov %sp, %bp
    push %ds
    push %eax
    xor %ax, %ax
    mov %ax, %ds
    mov 2(%bp), %ax
    mov %ax, EVENT
    mov 4(%bp), %ax
    mov %ax, EVENT + 2
    mov 6(%bp), %ax
    mov %ax, EVENT + 4
    mov 8(%bp), %ax
    mov %ax, EVENT + 6
    cmpb $0x30, 2(%bp)
    jae 1f
    mov CONTINUE, %ax
    mov %ax, 4(%bp)
    movw $0, 6(%bp)
1:  pop %eax
    pop %ds
    pop %bp
    add $2, %sp
    iret

case_end:
    jmp *%cs:CONTINUE
near_return:
    ret
far_return:
    lret
far_return32:
    lretl
pointer16:
    .word AT(far_return), 0
pointer32:
    .long AT(far_return32)
    .word 0
pointer_ss:
    .word 0x7e00, 0

.altmacro
.set number, 0
.macro BEGIN n
    movw $AT(end_\n), %cs:CONTINUE
    xor %eax, %eax
    mov %ax, %ds
    mov %ax, %es
    mov $0x1234abcd, %eax
    mov $0x11112222, %ebx
    mov $0x33330003, %ecx
    mov $0x44445555, %edx
    mov $0x66660100, %esi
    mov $0x77770200, %edi
    mov $0x88888888, %ebp
    push $2
    popf
.endm
.macro FINISH n
end_\n:
    call dump
.endm
.macro CASE
    BEGIN %number
.endm
.macro END
    FINISH %number
    .set number, number + 1
.endm

cases:
CASE
    nop
END
CASE
    int $0x30
END
CASE
    int3
END
CASE
    stc
    into
END
CASE
    mov $0x7f, %al
    add $1, %al
    into
END
CASE
    xor %dx, %dx
    mov $0, %bx
    div %bx
END
CASE
    sti
    pushf
    pop %ax
    cli
END
CASE
    pushfl
    pop %eax
END
CASE
    mov $0x00247ed7, %eax
    push %eax
    popfl
    pushfl
    pop %ebx
    push $2
    popf
END
CASE
    mov $0xffffffff, %eax
    and $~0x20100, %eax
    push %eax
    popfl
    pushfl
    pop %ebx
    pushl $2
    popfl
END
CASE
    mov $0x1234, %ax
    mov %ax, %ds
END
CASE
    mov $0xffff, %ax
    mov %ax, %es
    mov %es:0x10, %eax
END
CASE
    smsw %ax
END
CASE
    smsw %eax
END
CASE
    .byte 0x63, 0xc0
END
CASE
    lldt %ax
END
CASE
    str %ax
END
CASE
    lar %ax, %bx
END
CASE
    verr %ax
END
CASE
    lcall $0x0700, $(AT(far_return) - 0x7000)
END
CASE
    lcallw *%cs:AT(pointer16)
END
CASE
    lcalll *%cs:AT(pointer32)
END
CASE
    ljmp $0x0100, $(AT(1f) - 0x1000)
1:  mov %cs, %bx
    ljmp $0, $AT(2f)
2:
END
CASE
    mov $AT(case_end), %ax
    pushf
    push %cs
    push %ax
    iret
END
CASE
    pushfl
    pushl $0
    pushl $AT(case_end)
    iretl
END
CASE
    mov $AT(case_end), %ax
    push %cs
    push %ax
    lret
END
CASE
    push $7
    push $8
    mov $AT(case_end), %ax
    push %cs
    push %ax
    lret $4
END
CASE
    mov $AT(case_end), %ax
    push $7
    push $8
    pushl $0
    pushl $AT(case_end)
    lretl $4
END
CASE
    lds AT(pointer16), %bx
END
CASE
    les AT(pointer32), %bx
END
CASE
    lss AT(pointer_ss), %sp
END
CASE
    lfs AT(pointer16), %ebx
    xor %ax, %ax
    mov %ax, %fs
END
CASE
    rep movsb
END
CASE
    std
    rep movsw
    cld
END
CASE
    mov $0xfffe, %di
    stosw
END
CASE
    mov $0xffff, %di
    mov $2, %cx
    rep stosb
END
CASE
    mov $5, %cx
    mov $0x12, %al
    mov $0x100, %di
    repne scasb
END
CASE
    mov $5, %cx
    mov $0x100, %si
    mov $0x101, %di
    repe cmpsb
END
CASE
    mov $3, %ecx
    mov $0x100, %esi
    mov $0x210, %edi
    addr32 rep movsb
END
CASE
    lodsl
END
CASE
    pusha
    popa
END
CASE
    pushal
    popal
END
CASE
    enter $8, $0
    leave
END
CASE
    enter $8, $3
    leave
END
CASE
    push $0x55
    mov %sp, %bp
    enter $4, $2
    mov -4(%bp), %ax
    leave
    pop %bx
END
CASE
    mov $0x1234, %eax
    loop 1f
    inc %ax
1:
END
CASE
    mov $0x10000, %ecx
    jcxz 1f
    inc %ax
1:
END
CASE
    mov $0x10000, %ecx
    jecxz 1f
    inc %ax
1:
END
CASE
    mov $0x10001, %ecx
    loop 1f
    inc %ax
1:
END
CASE
    movl $0x00050001, 0x300
    mov $3, %ax
    bound %ax, 0x300
END
CASE
    movl $0x00050001, 0x300
    mov $7, %ax
    bound %ax, 0x300
END
CASE
    ud2
END
CASE
    mov $0x100, %bx
    mov $2, %al
    xlat
END
CASE
    addr32 mov %fs:0x100000, %eax
    mov $0, %ax
END
CASE
    mov $0x3f00, %sp
    push %eax
    mov %sp, %bx
    mov $0x7f00, %sp
END
CASE
    mov $0, %sp
    push %ax
    mov %sp, %bx
    mov $0x7f00, %sp
END
CASE
    mov $2, %sp
    pushw $0x77
    pop %bx
    mov %sp, %cx
    mov $0x7f00, %sp
END
CASE
    push %cs
    pop %es
END
CASE
    mov %cr0, %eax
END
CASE
    clts
END
CASE
    mov %cr0, %eax
    or $8, %eax
    mov %eax, %cr0
    smsw %bx
    clts
END
CASE
    mov $0x174, %ecx
    mov $0x8, %eax
    xor %edx, %edx
    wrmsr
    xor %eax, %eax
    rdmsr
END
CASE
    sysenter
END
CASE
    sysexit
END
CASE
    sgdtw 0x300
    mov 0x300, %eax
    mov 0x304, %bx
END
CASE
    sidtl 0x300
    mov 0x300, %eax
    mov 0x304, %bx
END
CASE
    mov $0x400, %bx
    mov %bx, %sp
    pushw $1
    pushl $2
    mov %sp, %ax
    pop %ecx
    pop %dx
    mov $0x7f00, %sp
END
CASE
    xor %eax, %eax
    mov $0x12345, %ecx
    mov %ecx, 0x300
    mov 0x300, %al
    mov 0x301, %ah
END
CASE
    mov $0x80, %al
    cbw
    cwd
END
CASE
    mov $0x0102, %ax
    aam
END
CASE
    mov $0x79, %al
    add $0x35, %al
    daa
END
CASE
    lock incw 0x300
END
CASE
    .byte 0xf0
    nop
END
CASE
    mov $AT(near_return), %ax
    call *%ax
END
CASE
    mov $0xfff0, %bx
    mov $0x1f, %si
    mov (%bx,%si), %ax
END
CASE
    mov $7, %ax
    lmsw %ax
    smsw %bx
    jmp 1f
1:  mov %cr0, %eax
    and $~15, %al
    mov %eax, %cr0
END
# And back.
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $0x08, $protected
real_end:
