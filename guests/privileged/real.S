/* Real mode, reached from protected mode: vectors, limits, what is undefined there. SDM Vol. 3B, "8086 Emulation". */
#include "experiment.h"

    .text
.macro REALLY name:req, code:vararg
EXPERIMENT "real: \name", REAL, 0, AGAIN(3) | AGAIN(4)
    .code16
    \code
END
.endm
REALLY "nop", nop
REALLY "int n", int $V_NOTE
REALLY "int3", int3
EXPERIMENT "real: into", REAL, 0, AGAIN(3) | AGAIN(4)
    .code16
    mov $0x7f, %al
    add $1, %al
    into
END
EXPERIMENT "real: bound", REAL, 0, AGAIN(3) | AGAIN(4)
    .code16
    mov $-1, %ax
    bound %ax, 0
END
EXPERIMENT "real: division", REAL, 0, AGAIN(3) | AGAIN(4)
    .code16
    xor %bx, %bx
    div %bx
END
REALLY "ud2", ud2
REALLY "lock nop", .byte 0xf0, 0x90
EXPERIMENT "real: sti and cli", REAL, 0, AGAIN(3) | AGAIN(4)
    .code16
    sti
    cli
END
EXPERIMENT "real: pushf", REAL, 0, AGAIN(3) | AGAIN(4)
    .code16
    pushf
    pop %bx
END
EXPERIMENT "real: popf sets IOPL and NT", REAL, 0, AGAIN(3) | AGAIN(4)
    .code16
    push $0x7000
    popf
    pushf
    pop %bx
    push $0
    popf
END
EXPERIMENT "real: popfl sets AC and ID", REAL, 0, AGAIN(3) | AGAIN(4)
    .code16
    pushl $0x240002
    popfl
    pushfl
    popl %ebx
    pushl $2
    popfl
END
EXPERIMENT "real: popfl cannot set VM", REAL, 0, AGAIN(3) | AGAIN(4)
    .code16
    pushl $0x20002
    popfl
    pushfl
    popl %ebx
END
EXPERIMENT "real: smsw", REAL, 0, AGAIN(3) | AGAIN(4)
    .code16
    smsw %ax
    and $0xf, %ax
END
EXPERIMENT "real: mov from cr0", REAL, 0, AGAIN(3) | AGAIN(4)
    .code16
    mov %cr0, %eax
    and $0xf, %eax
END
EXPERIMENT "real: sgdt", REAL, 0, AGAIN(3) | AGAIN(4)
    .code16
    sgdt 0x10
    mov 0x10, %bx
END
REALLY "lar", lar %bx, %ax
REALLY "lsl", lsl %bx, %ax
REALLY "verr", verr %bx
REALLY "arpl", arpl %bx, %ax
REALLY "sldt", sldt %ax
REALLY "str", str %ax
REALLY "lldt", lldt %ax
REALLY "ltr", ltr %ax
REALLY "sysenter", sysenter
REALLY "clts", clts
EXPERIMENT "real: in and out", REAL, 0, AGAIN(3) | AGAIN(4)
    .code16
    out %al, $0x80
    in $0x80, %al
    xor %ax, %ax
END
REALLY "word across 64 KiB", mov 0xffff, %ax
REALLY "double word across 64 KiB", mov 0xfffd, %eax
EXPERIMENT "real: 32-bit address beyond 64 KiB", REAL, 0, AGAIN(3) | AGAIN(4)
    .code16
    mov $0x10000, %ebx
    mov (%ebx), %al
END
EXPERIMENT "real: stack at zero wraps", REAL, 0, AGAIN(3) | AGAIN(4)
    .code16
    mov $0, %sp
    push %ax
    pop %bx
END
EXPERIMENT "real: jump beyond the limit", REAL
    .code16
    ljmpl $LOW_CS, $0x10000
END
REALLY "mov to cs", .byte 0x8e, 0xc8
EXPERIMENT "real: code is writable", REAL, 0, AGAIN(3) | AGAIN(4)
    .code16
    movb $0x40, %cs:9
    jmp 1f
    1: nop
    nop
END
EXPERIMENT "real: address wraps within a segment", REAL, 0, AGAIN(3) | AGAIN(4)
    .code16
    mov $0x8000, %bx
    mov $0x8000, %si
    mov (%bx,%si), %al
END
EXPERIMENT "real: far jump and far call", REAL
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
EXPERIMENT "real: iret", REAL
    .code16
    push $0x8d7
    push $LOW_CS
    push $HERE(1f)
    iret
1:
END
EXPERIMENT "real: iretl", REAL
    .code16
    pushl $0x2408d7
    pushl $LOW_CS
    pushl $HERE(1f)
    iretl
1:  pushfl
    popl %ebx
    pushl $2
    popfl
END
EXPERIMENT "real: single step", REAL, TF, AGAIN(1)
    .code16
    inc %ax
    mov %ss, %bx
    mov %bx, %ss
    nop
END
EXPERIMENT "real: int n clears TF and IF, not NT", REAL, TF | NT, AGAIN(1) | AGAIN_TF
    .code16
    nop
    int $V_NOTE
END
EXPERIMENT "real: IDT limit", REAL
    .code16
    mov $0x3000, %ax
    mov %ax, %ds
    movw $0x40 * 4 + 2, 0
    movl $0, 2
    lidt 0
    int $0x40
END
EXPERIMENT "real: the IDT elsewhere", REAL
    .code16
    movw $0x3ff, 0
    movl $LOW_DATA + 0x400, 2
    movl $LOW_CS << 16 | HERE(1f), 0x400 + 0x40 * 4
    lidt 0
    int $0x40
1:  movw $0x3ff, 0
    movl $0, 2
    lidt 0
    pop %ax
    pop %bx
    pop %cx
END
EXPERIMENT "real: into protected mode and back with a large segment", REAL
    .code16
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    mov $D0, %bx
    mov %bx, %es
    and $0xfe, %al
    mov %eax, %cr0
    mov $LOW_DATA + 0x1234, %ebx
    movl $0x55667788, 0x1234
    mov %es:(%ebx), %ecx
    mov $LOW_DS, %ax
    mov %ax, %es
    mov $0x1234 + 0x10000, %ebx
    mov %es:(%ebx), %dl
END
EXPERIMENT "real: a selector loaded in protected mode keeps its base until it is reloaded", REAL
    .code16
    movl $0x11112222, 0
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    mov $SMALL_DATA, %bx
    mov %bx, %es
    and $0xfe, %al
    mov %eax, %cr0
    mov %es:0, %ecx
    mov %es:0x1000, %dl
END
EXPERIMENT "real: PE without a far jump: CS keeps its base", REAL
    .code16
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    mov %cs, %bx
    and $0xfe, %al
    mov %eax, %cr0
    mov %cs, %cx
    xor %eax, %eax
END
EXPERIMENT "real: CPL after a far call in protected mode", REAL
    .code16
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmp $C16, $HERE(1f)
1:  mov %cs, %bx
    and $0xfe, %al
    mov %eax, %cr0
    ljmp $LOW_CS, $HERE(2f)
2:  mov %cs, %cx
    xor %eax, %eax
END
EXPERIMENT "real: interrupt behind sti", REAL, 0, AGAIN_IRQ, request
    .code16
    sti
    nop
    nop
END
EXPERIMENT "real: interrupt behind popf", REAL, 0, AGAIN_IRQ, request
    .code16
    push $IF
    popf
    nop
END
EXPERIMENT "real: breakpoint on an access", REAL, 0, AGAIN(1), break_access
    .code16
    movw 2, %bx
    nop
END
EXPERIMENT "real: alignment is not checked", REAL, AC, 0, alignment_mask
    .code16
    movw 1, %bx
END
    .section .note.GNU-stack, "", @progbits
