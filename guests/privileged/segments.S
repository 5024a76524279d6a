/* Loads of segment registers, limits, types, LAR/LSL/VERR/VERW/ARPL, LLDT, LTR. SDM Vol. 3A, chapter 5. */
#include "experiment.h"

/* The same segments with another RPL */
#define D0_RPL3 0x13
#define D1_RPL2 0x42
#define D2_RPL1 0x51
#define D3_RPL0 0x20
#define CONFORMING0_RPL3 0x5b
#define D0_RPL1 0x11

    .text
.macro LOADING name:req, register:req, selector:req, mode=RING0
EXPERIMENT "\register = \name", \mode
    LOAD \register, \selector
END
.endm

/* --- data segment registers, ring 0 */
LOADING "null", ds, 0
LOADING "null with RPL 3", es, 3
LOADING "data", fs, D0
LOADING "data with RPL 3", gs, D0_RPL3
LOADING "data of ring 3", ds, D3
LOADING "data of ring 3 with RPL 0", ds, D3_RPL0
LOADING "read-only data", es, READ_ONLY
LOADING "readable code", es, C0
LOADING "conforming code with RPL 3", fs, CONFORMING0_RPL3
LOADING "execute-only code", ds, EXECUTE_ONLY
LOADING "execute-only conforming code", ds, CONFORMING_XO
LOADING "absent data", ds, ABSENT_DATA
LOADING "absent code", gs, ABSENT_CODE
LOADING "TSS", ds, TSS_A
LOADING "call gate", es, GATE0
LOADING "beyond the GDT", fs, BEYOND
LOADING "LDT data", gs, LDT_DATA
LOADING "beyond the LDT", ds, LDT_BEYOND
LOADING "data not accessed", ds, FRESH_DATA
LOADING "code not accessed", es, FRESH_CODE
/* --- ring 3 and 1 */
LOADING "data of ring 0 in ring 3", ds, D0, RING3
LOADING "data of ring 0 with RPL 3 in ring 3", es, D0_RPL3, RING3
LOADING "conforming code of ring 0 in ring 3", fs, CONFORMING0, RING3
LOADING "data of ring 3 with RPL 0 in ring 3", gs, D3_RPL0, RING3
LOADING "LDT data of ring 0 in ring 3", ds, LDT_DATA, RING3
LOADING "LDT data of ring 3 in ring 3", ds, LDT_DATA3, RING3
LOADING "data of ring 2 with RPL 1 in ring 1", ds, D2_RPL1, RING1
LOADING "data of ring 1 with RPL 2 in ring 1", ds, D1_RPL2, RING1
LOADING "data of ring 0 in ring 2", ds, D0, RING2

/* --- SS */
LOADING "data", ss, D0
LOADING "null", ss, 0
LOADING "null with RPL 1", ss, 1
LOADING "data with RPL 1", ss, D0_RPL1
LOADING "data of ring 1", ss, D1
LOADING "read-only data", ss, READ_ONLY
LOADING "code", ss, C0
LOADING "absent data", ss, ABSENT_DATA
LOADING "TSS", ss, TSS_A
LOADING "beyond the GDT", ss, BEYOND
LOADING "data not accessed", ss, FRESH_STACK
LOADING "LDT data", ss, LDT_DATA
LOADING "null in ring 3", ss, 3, RING3
LOADING "data of ring 0 in ring 3", ss, D0, RING3
LOADING "data of ring 3 with RPL 0 in ring 3", ss, D3_RPL0, RING3
LOADING "data of ring 2 in ring 2", ss, D2, RING2

/* --- other ways to load */
EXPERIMENT "pop ds keeps the stack when it faults"
    pushl $ABSENT_DATA
    popl %ds
END
EXPERIMENT "pop es, 16 bits", RING3
    pushw $D3
    popw %es
END
EXPERIMENT "lss loads both or none"
    pushl $D1
    pushl $0x12345678
    lss (%esp), %eax
END
EXPERIMENT "les, 16 bits"
    pushl $D3 << 16 | 0x5678
    les (%esp), %ax
END
EXPERIMENT "lgs of a null selector", RING3
    pushl $0
    pushl $0x1234
    lgs (%esp), %ecx
END
EXPERIMENT "an LDT that is null"
    lldt %cs:73f - 2 /* a zero word follows */
    LOAD ds, LDT_DATA
    .byte 0
END

/* --- what may be done with what is loaded */
EXPERIMENT "read through a null selector", RING3
    LOAD ds, 0
    mov 0x100000, %eax
END
EXPERIMENT "write through a null selector"
    LOAD es, 0
    movb $1, %es:0x20000
END
EXPERIMENT "write to read-only data"
    LOAD ds, READ_ONLY
    mov LOW_DATA, %eax
    mov %eax, LOW_DATA
END
EXPERIMENT "write to code"
    movb $1, %cs:LOW_DATA
END
EXPERIMENT "read execute-only code"
    ljmp $EXECUTE_ONLY, $1f
1:  mov %cs:LOW_DATA, %eax
END
EXPERIMENT "last byte within the limit"
    LOAD ds, SMALL_DATA
    movb $1, 0xfff
END
EXPERIMENT "word across the limit"
    LOAD ds, SMALL_DATA
    movw $1, 0xfff
END
EXPERIMENT "double word below the limit, above it"
    LOAD fs, SMALL_DATA
    mov %fs:0xffc, %eax
    mov %fs:0xffd, %eax
END
EXPERIMENT "double word around the end of the address space"
    LOAD ds, SMALL_DATA
    mov -2, %eax
END
EXPERIMENT "expand-down: first byte above the limit"
    LOAD ds, EXPAND_DOWN
    movb 0x2000, %al
    movb 0x1fff, %al
END
EXPERIMENT "expand-down: last double word, and beyond", RING0, 0, 0, map_top
    LOAD ds, EXPAND_DOWN
    mov -4, %ebx
    mov -3, %ebx
END
EXPERIMENT "expand-down, 16 bits: upper end"
    LOAD ds, EXPAND_DOWN16
    movw 0xfffe, %ax
    movw 0xffff, %ax
END
EXPERIMENT "expand-down, 16 bits: beyond 64 KiB"
    LOAD ds, EXPAND_DOWN16
    movb 0x10000, %al
END
EXPERIMENT "stack limit: push below zero", RING3
    LOAD ss, SMALL_STACK
    mov $2, %esp
    push %eax
END
EXPERIMENT "stack limit: pop beyond", RING3
    LOAD ss, SMALL_STACK
    mov $0xffe, %esp
    pop %eax
END
EXPERIMENT "stack limit: access by EBP", RING3
    LOAD ss, SMALL_STACK
    mov $0x800, %esp
    mov $0xffd, %ebp
    mov (%ebp), %eax
END
EXPERIMENT "stack limit: ds override", RING3
    LOAD ss, SMALL_STACK
    mov $0x800, %esp
    mov $0x1000, %ebp
    mov %ds:(%ebp), %eax
    mov $0x55, %eax
END
EXPERIMENT "stack limit: enter", RING3
    LOAD ss, SMALL_STACK
    mov $0x20, %esp
    enter $0x40, $0
END
EXPERIMENT "stack limit: pusha", RING3
    LOAD ss, SMALL_STACK
    mov $0x1c, %esp
    pusha
END
EXPERIMENT "stack limit: call", RING3
    LOAD ss, SMALL_STACK
    mov $0x2, %esp
    call 1f
1:
END
EXPERIMENT "push on an expand-down stack", RING3
    LOAD ss, EXPAND_STACK
    mov $0x1002, %esp
    pushw $1
    mov $0x1002, %esp
    pushl $1
END
EXPERIMENT "stack limit in ring 0: double"
    LOAD ss, EXPAND_DOWN16
    mov $0x1002, %esp
    pushl $1
END
EXPERIMENT "code limit: jump beyond"
    movl $0x90909090, LOW_CODE
    ljmp $SMALL_CODE, $0x1000
END
EXPERIMENT "code limit: run into it"
    movl $0x90909090, LOW_CODE + 0xffc
    ljmp $SMALL_CODE, $0xffd
END
EXPERIMENT "code limit: instruction across it"
    movl $0xb8909090, LOW_CODE + 0xffc
    ljmp $SMALL_CODE, $0xffe
END
EXPERIMENT "code limit: near jump beyond"
    movl $0x00fffbe9, LOW_CODE + 0x10
    ljmp $SMALL_CODE, $0x10
END
EXPERIMENT "string source and destination limits"
    LOAD ds, SMALL_DATA
    mov %eax, %es
    mov $0xff8, %esi
    mov $0xffa, %edi
    mov $8, %ecx
    rep movsl
END

/* --- LAR, LSL, VERR, VERW, ARPL: everything at once; AX, BX … are results, ZF in EFLAGS */
.macro LOOK selector:req, mode=RING0
EXPERIMENT "look at \selector from ring \mode", \mode
    mov $\selector, %ecx
    mov $0x1111, %eax
    mov $0x2222, %ebx
    xor %edx, %edx
    xor %esi, %esi
    verr %cx
    setz %dl
    verw %cx
    setz %dh
    lsl %ecx, %ebx
    lar %ecx, %eax
    setz %ch
    and $0x00f0ff00, %eax /* bits 19:16 are undefined */
END
.endm
    .irp selector, 0, 3, C0, D0, D0_RPL3, C3, TSS_MAIN, LDT, C1, D1, CONFORMING0, CONFORMING0_RPL3, READ_ONLY, EXECUTE_ONLY, ABSENT_DATA, EXPAND_DOWN, SMALL_DATA, TSS_A, TSS_16, TSS_BUSY, TSS_ABSENT, GATE0, GATE16, TASK_GATE, INTERRUPT_GATE, RESERVED0, RESERVED8, RESERVED10, CONFORMING_XO, BEYOND, LDT_DATA, LDT_TSS, LDT_BEYOND, FRESH_DATA
LOOK \selector
    .endr
    .irp selector, C0, D0, C3, D3, D3_RPL0, CONFORMING0, CONFORMING_XO, TSS_A, TSS_B, GATE0, TASK_GATE, LDT_DATA, LDT_DATA3
LOOK \selector, RING3
    .endr
LOOK D1, RING1
LOOK D2_RPL1, RING1
LOOK C1_XO, RING1
EXPERIMENT "lar and lsl, 16 bits"
    mov $-1, %eax
    mov $-1, %ebx
    mov $D3, %ecx
    lar %cx, %ax
    lsl %cx, %bx
END
EXPERIMENT "arpl raises the RPL", RING3
    mov $0x10, %eax
    mov $0x3, %ebx
    arpl %bx, %ax
END
EXPERIMENT "arpl leaves a higher RPL", RING3, ZF
    mov $0x13, %eax
    mov $0x21, %ebx
    arpl %bx, %ax
END
EXPERIMENT "arpl in read-only memory that it would not change"
    LOAD ds, READ_ONLY
    mov $3, %eax
    movw LOW_DATA, %bx
    arpl %bx, LOW_DATA
END

/* --- LLDT and LTR */
.macro TABLE instruction:req, name:req, selector:req, mode=RING0
EXPERIMENT "\instruction of \name", \mode
    mov $\selector, %eax
    \instruction %ax
    xor %eax, %eax
    xor %ebx, %ebx
    sldt %eax
    str %ebx
END
.endm
TABLE lldt, "an LDT", LDT
TABLE lldt, "null", 0
TABLE lldt, "null with RPL 2", 2
TABLE lldt, "data", D0
TABLE lldt, "a TSS", TSS_A
TABLE lldt, "an absent LDT", LDT_ABSENT
TABLE lldt, "a selector in the LDT", LDT_NESTED
TABLE lldt, "beyond the GDT", BEYOND
TABLE lldt, "an LDT in ring 3", LDT, RING3
TABLE lldt, "an LDT in ring 1", LDT, RING1
TABLE ltr, "an available TSS", TSS_A
TABLE ltr, "a 16-bit TSS", TSS_16
TABLE ltr, "null", 0
TABLE ltr, "a busy TSS", TSS_BUSY
TABLE ltr, "the TSS in TR", TSS_MAIN
TABLE ltr, "an absent TSS", TSS_ABSENT
TABLE ltr, "data", D0
TABLE ltr, "an LDT", LDT
TABLE ltr, "a TSS in the LDT", LDT_TSS
TABLE ltr, "beyond the GDT", BEYOND
TABLE ltr, "a TSS in ring 3", TSS_A, RING3
EXPERIMENT "sldt and str in ring 3", RING3
    mov $-1, %eax
    sldt %ax
    str %ebx
    push $-1
    str (%esp)
    pop %ecx
END
    .section .note.GNU-stack, "", @progbits
