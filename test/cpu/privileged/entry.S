# Entry, exception handlers, the way into a case, and the instructions under test.
#
# A case runs one of the instructions below at the level, with the registers and on the stack that kernel.c chose. It ends
# in a handler, because of a fault or at the INT 0x40 behind every instruction; the handler reports and abandons the case.

.section .multiboot, "a"
    .align 4
    .long 0x1BADB002, 0, -0x1BADB002

.text
    .globl _start
_start:
    cli
    mov $kernel_stack, %esp
    push $2
    popf
    call kernel_main
1:  jmp 1b

# ── Handlers ──
# The frame that report() gets: SS, GS, FS, ES, DS, EAX, EBX, vector, error code, and what the processor pushed.
.macro HANDLER n
handler_\n:
    .if (\n != 8) && (\n != 10) && (\n != 11) && (\n != 12) && (\n != 13) && (\n != 14) && (\n != 17)
    push $0
    .endif
    push $\n
    jmp common
.endm
.altmacro
.set i, 0
.rept 32
    HANDLER %i
    .set i, i + 1
.endr
    HANDLER 64

common:
    push %ebx
    push %eax
    push %ds
    push %es
    push %fs
    push %gs
    push %ss
    mov $0x10, %ecx
    mov %ecx, %ds
    mov %ecx, %es
    mov %esp, %eax
    mov %ecx, %ss
    mov $report_stack, %esp
    push %eax
    call report

# The double fault's own task.
    .globl double_fault
double_fault:
    pushf
    andl $~0x4000, (%esp)
    popf
    mov $report_stack, %esp
    call report_double_fault

# ── Into a case and out of it ──
    .globl abandon
abandon:
    mov $0x10, %eax
    mov %eax, %ss
    mov saved_esp, %esp
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    push $2
    popf
    pop %ebp
    pop %edi
    pop %esi
    pop %ebx
    ret

    .globl enter_case
enter_case:
    push %ebx
    push %esi
    push %edi
    push %ebp
    mov %esp, saved_esp
    mov case_data, %ecx
    cmpl $0, case_level
    jne 1f
    mov case_esp, %esp
    pushl case_flags
    popf
    jmp 2f
1:  pushl case_ss
    pushl case_esp
    pushl case_flags
    pushl case_cs
    pushl case_eip
2:  mov case_eax, %eax
    mov case_ebx, %ebx
    mov case_edx, %edx
    mov %ecx, %ds
    mov %ecx, %es
    mov %ecx, %fs
    mov %ecx, %gs
    mov $0x4e80, %ecx
    mov $0, %esi
    mov $0, %edi
    mov $0, %ebp
    cmpl $0, %cs:case_level
    jne 3f
    pushl %cs:case_flags
    popf
    jmp *%cs:case_eip
3:  iret

# ── Instructions under test ──
.macro OPERATION name
    .globl op_\name
op_\name:
.endm
.macro DONE
    int $0x40
.endm

    .globl operations, operations_end
operations:
OPERATION landing
    DONE
    DONE
OPERATION mov_es
    mov %ax, %es
    DONE
OPERATION mov_ss
    mov %ax, %ss
    DONE
OPERATION mov_ds
    mov %ax, %ds
    DONE
OPERATION mov_fs
    mov %ax, %fs
    DONE
OPERATION mov_gs
    mov %ax, %gs
    DONE
OPERATION pop_es
    pop %es
    DONE
OPERATION les
    les 0x7000, %ebx
    DONE
OPERATION lss
    lss 0x7000, %ebx
    DONE
OPERATION jump
    ljmp *0x7000
    DONE
OPERATION jump16
    data16 ljmp *0x7000
    DONE
OPERATION call
    lcall *0x7000
    DONE
OPERATION call16
    data16 lcall *0x7000
    DONE
OPERATION ret
    lret
    DONE
OPERATION ret8
    lret $8
    DONE
OPERATION ret16
    .byte 0x66
    lret
    DONE
OPERATION iret
    iret
    DONE
OPERATION iret16
    .byte 0x66
    iret
    DONE
OPERATION int
    int $0x50
    DONE
OPERATION int3
    int3
    DONE
OPERATION into
    into
    DONE
OPERATION bound
    bound %eax, 0x7000
    DONE
OPERATION lar
    lar %ax, %ebx
    DONE
OPERATION lsl
    lsl %ax, %ebx
    DONE
OPERATION verr
    verr %ax
    DONE
OPERATION verw
    verw %ax
    DONE
OPERATION arpl
    arpl %ax, %bx
    DONE
OPERATION lldt
    lldt %ax
    DONE
OPERATION ltr
    ltr %ax
    DONE
OPERATION sldt
    sldt %ebx
    DONE
OPERATION str
    str %ebx
    DONE
OPERATION smsw
    smsw %ebx
    DONE
OPERATION lmsw
    lmsw %ax
    DONE
OPERATION clts
    clts
    DONE
OPERATION mov_cr0
    mov %cr0, %ebx
    DONE
OPERATION popf
    push %eax
    popf
    pushf
    pop %ebx
    DONE
OPERATION popf16
    push %eax
    popfw
    pushf
    pop %ebx
    DONE
OPERATION cli
    cli
    DONE
OPERATION sti
    sti
    DONE
OPERATION in
    mov %eax, %edx
    in %dx, %al
    mov $0, %eax
    DONE
OPERATION out
    mov %eax, %edx
    mov $0, %eax
    out %eax, %dx
    DONE
OPERATION hlt
    hlt
    DONE
OPERATION sysenter
    sysenter
    DONE
OPERATION sysexit
    sysexit
    DONE
OPERATION ud2
    ud2
    DONE
operations_end:

# ── The same in virtual-8086 mode ──
.code16
.macro V86 name
v86_\name:
.endm
    .globl v86_code, v86_code_end
v86_code:
V86 int
    int $0x50
    DONE
V86 int3
    int3
    DONE
V86 pushf
    pushf
    pop %bx
    DONE
V86 popf
    push %ax
    popf
    DONE
V86 popfd
    pushl %eax
    popfl
    DONE
V86 iret
    iret
    DONE
V86 ret
    lret
    DONE
V86 jump
    ljmp *%cs:0x1000
    DONE
V86 call
    lcall *%cs:0x1000
    DONE
V86 cli
    cli
    DONE
V86 sti
    sti
    DONE
V86 in
    mov %ax, %dx
    in %dx, %al
    mov $0, %al
    DONE
V86 mov_ds
    mov %ax, %ds
    mov %ax, %fs
    DONE
V86 lar
    lar %ax, %bx
    DONE
V86 lldt
    lldt %ax
    DONE
V86 hlt
    hlt
v86_code_end:
.code32

.section .rodata
    .align 4
    .globl handlers, v86_entries
handlers:
.set i, 0
.macro HANDLER_ADDRESS n
    .long handler_\n
.endm
.rept 32
    HANDLER_ADDRESS %i
    .set i, i + 1
.endr
    HANDLER_ADDRESS 64
v86_entries:
    .long v86_int - v86_code, v86_int3 - v86_code, v86_pushf - v86_code, v86_popf - v86_code, v86_popfd - v86_code
    .long v86_iret - v86_code, v86_ret - v86_code, v86_jump - v86_code, v86_call - v86_code, v86_cli - v86_code
    .long v86_sti - v86_code, v86_in - v86_code, v86_mov_ds - v86_code, v86_lar - v86_code, v86_lldt - v86_code
    .long v86_hlt - v86_code

.bss
    .align 16
    .skip 8192
kernel_stack:
    .skip 8192
report_stack:
saved_esp:
    .skip 4
