/* Every vector once, from ring 0 and, where it matters, from ring 3; double faults. SDM Vol. 3A, 6.15. */
#include "experiment.h"

    .text
/* #DE */
EXPERIMENT "div by zero, byte"
    xor %ebx, %ebx
    div %bl
END
EXPERIMENT "div by zero, word"
    xor %ebx, %ebx
    div %bx
END
EXPERIMENT "div overflow, double word", RING3
    div %ecx
END
EXPERIMENT "idiv overflow of the most negative number"
    mov $0x80000000, %eax
    cltd
    mov $-1, %ecx
    idiv %ecx
END
EXPERIMENT "aam with base zero"
    .byte 0xd4, 0
END

/* #BP, #OF, #BR */
EXPERIMENT "int3", RING0, 0, AGAIN(3)
    int3
    nop
END
EXPERIMENT "int3 from ring 3", RING3, CF, AGAIN(3)
    int3
END
EXPERIMENT "int 3 of two bytes", RING3, 0, AGAIN(3)
    .byte 0xcd, 3
END
EXPERIMENT "int3 without right", RING3, 0, 0, breakpoint_private
    int3
END
EXPERIMENT "into without overflow", RING3
    into
END
EXPERIMENT "into with overflow", RING0, OF, AGAIN(4)
    into
END
EXPERIMENT "into with overflow from ring 3", RING3, OF, AGAIN(4)
    into
END
EXPERIMENT "bound within", RING0
    pushl $10
    pushl $-1
    bound %eax, (%esp)
END
EXPERIMENT "bound above", RING0
    pushl $9
    pushl $-1
    bound %eax, (%esp)
END
EXPERIMENT "bound below, 16 bits", RING3
    pushw $9
    pushw $-1
    mov $-2, %ax
    bound %ax, (%esp)
END
EXPERIMENT "int 5 is no bound", RING3
    int $5
END

/* #UD */
.macro UNDEFINED name:req, mode:req, bytes:vararg
EXPERIMENT "\name", \mode
    .byte \bytes
END
.endm
UNDEFINED "ud2", RING0, 0x0f, 0x0b
UNDEFINED "ud2 from ring 3", RING3, 0x0f, 0x0b
UNDEFINED "ud1", RING0, 0x0f, 0xb9, 0xc0
UNDEFINED "lock nop", RING0, 0xf0, 0x90
UNDEFINED "lock add to a register", RING0, 0xf0, 0x01, 0xc0
UNDEFINED "lock cmp memory", RING0, 0xf0, 0x39, 0x04, 0x24
UNDEFINED "mov to cs", RING0, 0x8e, 0xc8
UNDEFINED "mov to segment register 6", RING0, 0x8e, 0xf0
UNDEFINED "mov from segment register 7", RING0, 0x8c, 0xf8
UNDEFINED "lds from a register", RING0, 0xc5, 0xc0
UNDEFINED "bound with a register", RING0, 0x62, 0xc0
UNDEFINED "far jmp through a register", RING0, 0xff, 0xe8
UNDEFINED "far call through a register", RING3, 0xff, 0xd8
UNDEFINED "cmpxchg8b of a register", RING0, 0x0f, 0xc7, 0xc8
UNDEFINED "lgdt of a register", RING0, 0x0f, 0x01, 0xd0
UNDEFINED "sidt of a register", RING3, 0x0f, 0x01, 0xc8
UNDEFINED "FF /7", RING0, 0xff, 0xf8
UNDEFINED "FE /2", RING0, 0xfe, 0xd0
UNDEFINED "8F /1", RING0, 0x8f, 0xc8
UNDEFINED "mov to cr1", RING0, 0x0f, 0x22, 0xc8
UNDEFINED "mov from cr5", RING0, 0x0f, 0x20, 0xe8
UNDEFINED "mov from cr1 in ring 3", RING3, 0x0f, 0x20, 0xc8

/* An instruction of more than 15 bytes */
EXPERIMENT "fifteen bytes"
    .rept 14
    .byte 0x66
    .endr
    nop
END
EXPERIMENT "sixteen bytes"
    .rept 15
    .byte 0x66
    .endr
    nop
END

/* #NM */
EXPERIMENT "x87 with EM"
    mov %cr0, %eax
    or $CR0_EM, %eax
    mov %eax, %cr0
    fnop
END
EXPERIMENT "x87 with TS", RING3, 0, 0, task_switched
    fnop
END
EXPERIMENT "wait with TS without MP", RING3, 0, 0, task_switched
    fwait
END
EXPERIMENT "wait with TS and MP"
    mov %cr0, %eax
    or $CR0_TS | CR0_MP, %eax
    mov %eax, %cr0
    fwait
END
EXPERIMENT "wait with EM and MP"
    mov %cr0, %eax
    or $CR0_EM | CR0_MP, %eax
    mov %eax, %cr0
    fwait
END
EXPERIMENT "clts"
    mov %cr0, %eax
    or $CR0_TS, %eax
    mov %eax, %cr0
    clts
END

/* #MF: reported by the next waiting instruction */
EXPERIMENT "x87 division by zero, unmasked"
    fninit
    pushw $0x37b
    fldcw (%esp)
    fld1
    fldz
    fdivrp
    nop
    fwait
END

EXPERIMENT "x87 exception masked again before it is reported"
    fninit
    pushw $0x37b
    fldcw (%esp)
    fld1
    fldz
    fdivrp
    fnclex
    fwait
END
EXPERIMENT "mmx reports a pending x87 exception"
    fninit
    pushw $0x37b
    fldcw (%esp)
    fld1
    fldz
    fdivrp
    emms
END
EXPERIMENT "mmx with EM"
    mov %cr0, %eax
    or $CR0_EM, %eax
    mov %eax, %cr0
    emms
END
EXPERIMENT "mmx with TS", RING3, 0, 0, task_switched
    emms
END

/* #XM, and what SSE needs */
EXPERIMENT "sse without OSFXSR"
    xorps %xmm0, %xmm0
END
EXPERIMENT "sse with EM", RING0, 0, 0, simd
    mov %cr0, %eax
    or $CR0_EM, %eax
    mov %eax, %cr0
    xorps %xmm0, %xmm0
END
EXPERIMENT "sse with TS", RING0, 0, 0, simd
    mov %cr0, %eax
    or $CR0_TS, %eax
    mov %eax, %cr0
    xorps %xmm0, %xmm0
END
.macro DIVIDE_BY_ZERO
    pushl $0x1d80 /* all exceptions masked but division by zero */
    ldmxcsr (%esp)
    xorps %xmm1, %xmm1
    pushl $0x3f800000
    movss (%esp), %xmm0
    divss %xmm1, %xmm0
.endm
EXPERIMENT "sse division by zero, unmasked", RING3, 0, 0, simd_exceptions
    DIVIDE_BY_ZERO
END
EXPERIMENT "sse division by zero, unmasked, without OSXMMEXCPT", RING3, 0, 0, simd
    DIVIDE_BY_ZERO
END
EXPERIMENT "movaps of a misaligned operand", RING3, 0, 0, simd
    movaps LOW_DATA + 8, %xmm0
END
EXPERIMENT "movups of a misaligned operand", RING3, 0, 0, simd
    movups LOW_DATA + 8, %xmm0
END
EXPERIMENT "movaps of a misaligned operand on an absent page", RING3, 0, 0, simd
    movaps PAGE_ABSENT + 8, %xmm0
END
EXPERIMENT "fxsave to a misaligned area", RING3, 0, 0, simd
    fxsave LOW_DATA + 8
END
EXPERIMENT "fxrstor of a reserved bit in MXCSR", RING3, 0, 0, simd
    fxsave LOW_DATA
    movl $0x80001f80, LOW_DATA + 24
    fxrstor LOW_DATA
END
EXPERIMENT "ldmxcsr of a reserved bit", RING3, 0, 0, simd
    pushl $0x10000
    ldmxcsr (%esp)
END

/* A fault while an event is delivered: SDM Vol. 3A, Table 6-5 */
EXPERIMENT "invalid opcode, gate not present: serial"
    GATE_RIGHTS 6, 0x0e
    ud2
END
EXPERIMENT "division, gate not present: double"
    GATE_RIGHTS 0, 0x0e
    xor %ebx, %ebx
    div %ebx
END
EXPERIMENT "general protection, gate not present: double"
    GATE_RIGHTS 13, 0x0e
    mov $BEYOND, %eax
    mov %eax, %ds
END
EXPERIMENT "segment not present, gate to nowhere: double"
    movw $BEYOND, idt + 11 * 8 + 2
    LOAD ds, ABSENT_DATA
END
EXPERIMENT "page fault on an absent stack: double"
    mov $PAGE_ABSENT + 0x800, %esp
    push %eax
END
EXPERIMENT "int 3 on an absent stack: page fault, then double"
    mov $PAGE_ABSENT + 0x800, %esp
    int3
END
EXPERIMENT "page fault, gate not present: double"
    GATE_RIGHTS 14, 0x0e
    mov PAGE_ABSENT, %eax
END
EXPERIMENT "page fault, gate to a data segment: double"
    movw $D0, idt + 14 * 8 + 2
    mov PAGE_ABSENT, %eax
END
EXPERIMENT "double fault through an interrupt gate"
    movw $C0, idt + 8 * 8 + 2
    mov $stubs + 8 * 16, %eax
    mov %ax, idt + 8 * 8
    shr $16, %eax
    mov %ax, idt + 8 * 8 + 6
    GATE_RIGHTS 8, 0x8e
    GATE_RIGHTS 13, 0x0e
    mov $BEYOND, %eax
    mov %eax, %ds
END
EXPERIMENT "page fault in the IDT while an invalid opcode is delivered", RING3, 0, 0, idt_in_test_page
    ud2
END
EXPERIMENT "general protection with a 16-bit gate"
    movw $C_HANDLER16, idt + 13 * 8 + 2
    movw $32, idt + 13 * 8 /* the third stub */
    movw $0, idt + 13 * 8 + 6
    GATE_RIGHTS 13, 0x86
    mov $BEYOND, %eax
    mov %eax, %ds
END
    .section .note.GNU-stack, "", @progbits
