/* Virtual-8086 mode: ways in and out, what IOPL guards, ports, interrupts. SDM Vol. 3B, "8086 Emulation". */
#include "experiment.h"

    .text
.macro VIRTUAL name:req, code:vararg
EXPERIMENT "v86, IOPL 0: \name", V86, 0, AGAIN(3) | AGAIN(4)
    .code16
    \code
END
EXPERIMENT "v86, IOPL 3: \name", V86, IOPL3, AGAIN(3) | AGAIN(4)
    .code16
    \code
END
.endm
VIRTUAL "nop", nop
VIRTUAL "int n", int $V_PLAIN
VIRTUAL "int n through a trap gate", int $V_TRAP
VIRTUAL "int n through a gate of DPL 0", int $V_PRIVATE
VIRTUAL "int n through a 16-bit gate", int $V_INTERRUPT16
VIRTUAL "int n to ring 1", int $V_RING1
VIRTUAL "int n to ring 3", int $V_RING3
VIRTUAL "int n to conforming code", int $V_CONFORMING
VIRTUAL "int n through a task gate", int $V_TASK
VIRTUAL "int n of an absent gate", int $V_ABSENT
VIRTUAL "int3", int3
.macro SEQUENCE_INTO
    mov $0x7f, %al
    add $1, %al
    into
.endm
VIRTUAL "into", SEQUENCE_INTO
VIRTUAL "cli", cli
VIRTUAL "sti", sti
.macro SEQUENCE_PUSHF
    pushf
    pop %bx
.endm
VIRTUAL "pushf", SEQUENCE_PUSHF
.macro SEQUENCE_PUSHFL
    pushfl
    popl %ebx
.endm
VIRTUAL "pushfl", SEQUENCE_PUSHFL
.macro SEQUENCE_POPF
    push $0x7ed7
    popf
    nop
.endm
VIRTUAL "popf", SEQUENCE_POPF
.macro SEQUENCE_POPFL
    pushl $0x3f3ed7
    popfl
    nop
.endm
VIRTUAL "popfl", SEQUENCE_POPFL
.macro SEQUENCE_IRET
    pushf
    push %cs
    push $8
    iret
    nop
    nop
.endm
VIRTUAL "iret", SEQUENCE_IRET
VIRTUAL "hlt", hlt
VIRTUAL "lgdt", lgdt 0
VIRTUAL "lidt", lidt 0
VIRTUAL "sgdt", sgdt 0
VIRTUAL "lmsw", lmsw %ax
VIRTUAL "smsw", smsw %ax
VIRTUAL "mov from cr0", mov %cr0, %eax
VIRTUAL "mov to dr0", mov %eax, %dr0
VIRTUAL "clts", clts
VIRTUAL "invlpg", invlpg 0
VIRTUAL "rdmsr", rdmsr
VIRTUAL "lar", lar %bx, %ax
VIRTUAL "verr", verr %bx
VIRTUAL "arpl", arpl %bx, %ax
VIRTUAL "sldt", sldt %ax
VIRTUAL "str", str %ax
VIRTUAL "lldt", lldt %ax
VIRTUAL "ltr", ltr %ax
VIRTUAL "sysexit", sysexit
VIRTUAL "out, denied", out %al, $0x80
VIRTUAL "in, denied", in $0x80, %al
.macro SEQUENCE_OUTS_DENIED
    mov $0x80, %dx
    outsb
.endm
VIRTUAL "outs, denied", SEQUENCE_OUTS_DENIED
VIRTUAL "ud2", ud2
.macro SEQUENCE_DIVISION
    xor %bx, %bx
    div %bx
.endm
VIRTUAL "division", SEQUENCE_DIVISION
EXPERIMENT "v86: the map allows a port whatever IOPL", V86, 0, 0, allow_80
    .code16
    out %al, $0x80
    xor %ax, %ax
END
EXPERIMENT "v86, IOPL 3: the map denies a port whatever IOPL", V86, IOPL3, 0, allow_80
    .code16
    out %al, $0x81
END
EXPERIMENT "v86: segments are paragraphs", V86, IOPL3
    .code16
    mov $0x3000, %ax
    mov %ax, %es
    movw $0x1234, %es:0x10
    mov $0x3001, %bx
    mov %bx, %ds
    mov 0, %cx
END
EXPERIMENT "v86: limit of 64 KiB", V86, IOPL3
    .code16
    movb %ds:0xffff, %al
    movw %ds:0xffff, %ax
END
EXPERIMENT "v86: 32-bit address beyond 64 KiB", V86, IOPL3
    .code16
    mov $0x10000, %ebx
    movb (%ebx), %al
END
EXPERIMENT "v86: stack limit", V86, IOPL3
    .code16
    mov $1, %sp
    push %ax
END
EXPERIMENT "v86: writable code", V86, IOPL3
    .code16
    movb $0x40, %cs:HERE(1f) /* inc %ax */
    jmp 1f
1:  nop
END
EXPERIMENT "v86: far jump and far call", V86, IOPL3
    .code16
    .fill 16, 1, 0x90
    ljmp $LOW_CS + 1, $HERE(1f) - 16
1:  lcall $LOW_CS, $HERE(2f)
    jmp 3f
2:  pop %ax
    pop %bx
    push %bx
    push %ax
    lret
3:
END
EXPERIMENT "v86: far jump beyond the limit", V86, IOPL3
    .code16
    ljmpl $LOW_CS, $0x10000
END
EXPERIMENT "v86: high memory area", V86, IOPL3
    .code16
    mov $0xffff, %ax
    mov %ax, %ds
    mov %ds:0x10, %eax /* the first byte above 1 MiB: the Multiboot header's magic */
END
EXPERIMENT "v86: supervisor page", V86, IOPL3, 0, system_low
    .code16
    mov 0, %al
END
EXPERIMENT "v86: single step", V86, IOPL3 | TF, AGAIN(1)
    .code16
    inc %ax
    mov %ss, %bx
    mov %bx, %ss
    nop
END
EXPERIMENT "v86: breakpoint on an access", V86, IOPL3, AGAIN(1), break_access
    .code16
    movw 2, %bx
    nop
END
EXPERIMENT "v86: alignment check", V86, IOPL3 | AC, 0, alignment_mask
    .code16
    movw 1, %bx
END
EXPERIMENT "v86: exceptions through a task gate", V86, 0, 0, protection_task
    .code16
    cli
END
EXPERIMENT "v86: handler changes segments and goes back", V86, IOPL3
    .code16
    int $V_NOTE
    push %ds
    pop %ax
    push %fs
    pop %bx
END
EXPERIMENT "v86: 32-bit gate to ring 0 sees null segments", V86, IOPL3, 0, segments_handler
    .code16
    int $V_PLAIN
END
EXPERIMENT "v86: interrupt", V86, IOPL3, AGAIN_IRQ, request
    .code16
    sti
    nop
    nop
END
EXPERIMENT "v86: interrupt by popf", V86, IOPL3, AGAIN_IRQ, request
    .code16
    push $IF
    popf
    nop
END

/* --- ways in */
EXPERIMENT "into v86 by iret with 32-bit CS:EIP", RING0
    pushl $0x1111
    pushl $0x2222
    pushl $0x3333
    pushl $0x4444
    pushl $0x2345
    pushl $0x1000
    pushl $VM | 2
    pushl $0xabcd1000
    pushl $0x12340000
    movw $0x80cd, LOW_CODE
    iretl
END
EXPERIMENT "into v86 with EIP beyond 64 KiB", RING0
    pushl $0
    pushl $0
    pushl $0
    pushl $0
    pushl $0x2000
    pushl $0x1000
    pushl $VM | 2
    pushl $0x1000
    pushl $0x10000
    movw $0x80cd, LOW_CODE
    iretl
END
EXPERIMENT "not into v86 by iret in ring 1", RING1
    pushl $0
    pushl $0
    pushl $0
    pushl $0
    pushl $0x2000
    pushl $0x1000
    pushl $VM | 2
    pushl $0x1000
    pushl $0
    iretl
END
EXPERIMENT "not into v86 by a 16-bit iret", SEG16
    .code16
    pushw $2
    pushw $C16
    pushw $HERE(1f)
    iretw
1:
END
EXPERIMENT "into v86 by a task switch", RING0
    movl $VM | IOPL3 | 2, tss_a + T_EFLAGS
    movl $LOW_CS, tss_a + T_CS
    movl $0, tss_a + T_EIP
    movl $LOW_SS, tss_a + T_SS
    movl $LOW_TOP, tss_a + T_ESP
    movl $LOW_DS, tss_a + T_DS
    movl $0x3111, tss_a + T_ES
    movl $0x3222, tss_a + T_FS
    movl $0x3333, tss_a + T_GS
    movl $0x80cd81cd, LOW_CODE /* int 81h, int 80h */
    lcall $TSS_A, $0
END
EXPERIMENT "into v86 and back by task switches", RING0
    movl $VM | IOPL3 | 2, tss_a + T_EFLAGS
    movl $LOW_CS, tss_a + T_CS
    movl $0, tss_a + T_EIP
    movl $LOW_SS, tss_a + T_SS
    movl $LOW_TOP, tss_a + T_ESP
    movl $0x80cd00cd + (V_TASK_16 << 8), LOW_CODE /* int V_TASK_16, int 80h */
    ljmp $TSS_A, $0
END
    .section .note.GNU-stack, "", @progbits
