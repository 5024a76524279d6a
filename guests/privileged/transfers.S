/* Far JMP, CALL, RET and IRET, call gates. SDM Vol. 3A, 5.8; Vol. 2, CALL, JMP, RET, IRET. */
#include "experiment.h"

#define C0_RPL3 0x0b
#define C3_RPL0 0x18
#define CONFORMING0_RPL3 0x5b
#define GATE0_RPL3 0x103
#define GATE_PRIVATE_RPL3 0x12b
#define LDT_CODE_GATE 0x0c

    .text
/* --- far JMP and CALL straight to code */
.macro JUMP name:req, selector:req, mode=RING0
EXPERIMENT "jmp to \name", \mode
    ljmp $\selector, $1f
    nop
1:
END
.endm
JUMP "the same code", C0
JUMP "code with RPL 3", C0_RPL3
JUMP "null", 0
JUMP "null with RPL 3", 3
JUMP "data", D0
JUMP "absent code", ABSENT_CODE
JUMP "execute-only code", EXECUTE_ONLY
JUMP "code not accessed", FRESH_CODE
JUMP "beyond the GDT", BEYOND
JUMP "code in the LDT", LDT_CODE_GATE
JUMP "beyond the LDT", LDT_BEYOND
JUMP "a reserved descriptor", RESERVED0
JUMP "an LDT", LDT
JUMP "an interrupt gate", INTERRUPT_GATE
JUMP "outer code", C3
JUMP "conforming code of ring 2 in ring 0", CONFORMING2
JUMP "conforming code of ring 0 in ring 0", CONFORMING0
JUMP "conforming code of ring 0 in ring 3", CONFORMING0, RING3
JUMP "conforming code with RPL 3 in ring 1", CONFORMING0_RPL3, RING1
JUMP "inner code in ring 3", C0, RING3
JUMP "own code with RPL 0 in ring 3", C3_RPL0, RING3

EXPERIMENT "call and far return"
    lcall $C0, $1f
    jmp 2f
1:  mov (%esp), %eax
    mov 4(%esp), %ebx
    lret
2:
END
EXPERIMENT "call to conforming code in ring 3 and back", RING3
    lcall $CONFORMING0, $1f
    jmp 2f
1:  mov (%esp), %eax
    mov 4(%esp), %ebx
    mov %cs, %ecx
    lret
2:
END
EXPERIMENT "call with 16-bit operands cuts the offset"
    movw $0x80cd, LOW_CODE + 0x10 /* INT 80h */
    lcallw $C16, $0x10
END
EXPERIMENT "call through memory"
    pushl $C0
    pushl $1f
    lcall *(%esp)
    nop
1:
END
EXPERIMENT "jmp through memory to an absent segment"
    pushl $ABSENT_CODE
    pushl $1f
    ljmp *(%esp)
1:
END
EXPERIMENT "call without room on the stack", RING3
    LOAD ss, SMALL_STACK
    mov $6, %esp
    lcall $C3, $1f
1:
END
EXPERIMENT "call to an absent page pushes before it faults"
    lcall $C0, $PAGE_ABSENT
END

/* --- call gates */
.macro THROUGH name:req, gate:req, mode=RING3
EXPERIMENT "call gate: \name", \mode
    pushl $0x333
    pushl $0x222
    pushl $0x111
    lcall $\gate, $0x99999999
END
EXPERIMENT "jmp through a gate: \name", \mode
    pushl $0x333
    pushl $0x222
    pushl $0x111
    ljmp $\gate, $0x99999999
END
.endm
THROUGH "to ring 0", GATE0
THROUGH "to ring 0 with RPL 3", GATE0_RPL3
THROUGH "three parameters", GATE0_3
THROUGH "to ring 1", GATE1
THROUGH "to conforming code", GATE_CONFORMING
THROUGH "DPL 0", GATE_PRIVATE
THROUGH "not present", GATE_ABSENT
THROUGH "to a null selector", GATE_NULL
THROUGH "to data", GATE_DATA
THROUGH "beyond the GDT", GATE_BEYOND
THROUGH "to absent code", GATE_ABSENT_CODE
THROUGH "beyond the limit of its code", GATE_OFFSET
THROUGH "to outer code", GATE_OUTER, RING0
THROUGH "in ring 0", GATE0, RING0
THROUGH "DPL 0 in ring 0 with RPL 3", GATE_PRIVATE_RPL3, RING0
THROUGH "from ring 2 to ring 0", GATE0_3, RING2
THROUGH "from ring 2 to ring 1", GATE1, RING2
THROUGH "from ring 1 to ring 1", GATE1, RING1
/* From code above 64 KiB there is no way back: the gate saves IP only */
EXPERIMENT "16-bit call gate, two parameters", RING3, 0, 0, gate16_ends
    pushl $0x22221111
    lcall $GATE16, $0
END
EXPERIMENT "16-bit call gate in ring 0", RING0, 0, 0, gate16_ends
    pushl $0x22221111
    lcall $GATE16, $0
END
EXPERIMENT "16-bit call gate from 16-bit code", SEG16_3
    .code16
    pushw $0x2222
    pushw $0x1111
    lcall $GATE16, $0
END
EXPERIMENT "32-bit call gate from 16-bit code", SEG16_3
    .code16
    pushl $0x333
    pushl $0x222
    pushl $0x111
    lcall $GATE0_3, $0
END

/* --- the inner stack: of ring 1, so that what goes wrong is told on that of ring 0 */
.macro INNER name:req, setup:req
EXPERIMENT "inner stack: \name", RING3, 0, 0, \setup
    pushl $0x111
    lcall $GATE1, $0
END
EXPERIMENT "inner stack of an interrupt: \name", RING3, 0, 0, \setup
    int $V_RING1
END
.endm
INNER "null", inner_null
INNER "RPL 0", inner_rpl
INNER "DPL 0", inner_dpl
INNER "read-only", inner_read_only
INNER "code", inner_code
INNER "a TSS", inner_tss
INNER "absent", inner_absent
INNER "beyond the GDT", inner_beyond
INNER "not accessed", inner_fresh
INNER "no room", inner_no_room
INNER "on an absent page", inner_absent_page
INNER "on a supervisor page", inner_system_page
INNER "on a read-only page", inner_read_only_page
INNER "TSS too short", inner_short_tss
INNER "16-bit TSS", inner_tss16
INNER "16-bit segment", inner_16
EXPERIMENT "inner stack of an exception: null", RING3, 0, 0, inner_null0
    ud2
END
EXPERIMENT "inner stack of an interrupt: null, ring 0", RING3, 0, 0, inner_null0
    int $V_PLAIN
END
EXPERIMENT "inner stack: parameter beyond the outer stack's limit", RING3
    LOAD ss, SMALL_STACK
    mov $0xffa, %esp
    lcall $GATE0_3, $0
END

/* --- far RET and IRET to an outer level */
.macro RETURN instruction:req, name:req, cs:req, ss:req, mode=RING0, eip=1f
EXPERIMENT "\instruction: \name", \mode
    pushl $\ss
    pushl $0x7654
    .ifc \instruction,iretl
    pushl $0x8d7 /* all arithmetic flags */
    .endif
    pushl $\cs
    pushl $\eip
    \instruction
1:
END
.endm
.macro RETURNS name:req, cs:req, ss:req, mode=RING0, eip=1f
RETURN lretl, "\name", \cs, \ss, \mode, \eip
RETURN iretl, "\name", \cs, \ss, \mode, \eip
.endm
#define D1_RPL2 0x42
RETURNS "to the same level", C0, 0
RETURNS "to null", 0, D3
RETURNS "to null with RPL 3", 3, D3
RETURNS "to data", D0, D3
RETURNS "to a call gate", GATE0, D3
RETURNS "to absent code", ABSENT_CODE, D0
RETURNS "beyond the GDT", BEYOND, D0
RETURNS "to an inner level", C0, D3, RING3
RETURNS "to inner code with outer RPL", C0_RPL3, D3
RETURNS "to outer code with inner RPL", C3_RPL0, D3
RETURNS "to conforming code of the same level", CONFORMING0, D0
RETURNS "to conforming code with RPL 3", CONFORMING0_RPL3, D3
RETURNS "to conforming code of ring 2 with RPL 0", CONFORMING2, D0
RETURNS "to ring 3 with null SS", C3, 0
RETURNS "to ring 3 with SS of ring 0", C3, D0
RETURNS "to ring 3 with SS of RPL 0", C3, 0x20
RETURNS "to ring 3 with read-only SS", C3, 0x8b
RETURNS "to ring 3 with code in SS", C3, C3
RETURNS "to ring 3 with SS beyond the GDT", C3, 0x213
RETURNS "to ring 1 with SS of ring 1", C1, D1
RETURNS "to ring 1 with SS of ring 2", C1, D2
RETURNS "to ring 3 from ring 1", C3, D3, RING1
RETURNS "to ring 0 from ring 1", C0, D0, RING1
RETURNS "beyond the limit of SMALL_CODE", SMALL_CODE, D0, RING0, 0x1000

EXPERIMENT "lret to ring 3 with absent SS"
    RIGHTS D3, 0x73
    pushl $D3
    pushl $0x7654
    pushl $C3
    pushl $1f
    lret
1:
END
EXPERIMENT "lret to ring 3 drops inner segments"
    LOAD ds, D0
    mov $D3, %eax
    mov %eax, %es
    LOAD fs, CONFORMING0
    LOAD gs, C0
    pushl $D3
    pushl $0x7654
    pushl $C3
    pushl $1f
    lret
1:
END
EXPERIMENT "iret to ring 1 drops inner segments only"
    LOAD es, D1
    LOAD fs, D2
    LOAD gs, 3
    pushl $D1
    pushl $0x7654
    pushl $2
    pushl $C1
    pushl $1f
    iret
1:
END
EXPERIMENT "lret with parameters releases both stacks"
    pushl $D3
    pushl $0x7650
    pushl $0xbad
    pushl $C3
    pushl $1f
    lret $4
1:
END
EXPERIMENT "lret with parameters, same level"
    pushl $0x222
    pushl $0x111
    pushl $C0
    pushl $1f
    lret $8
1:
END
EXPERIMENT "lret of 16 bits"
    movw $0x80cd, LOW_CODE + 0x20
    pushw $C16
    pushw $0x20
    lretw
END
EXPERIMENT "lret to a 16-bit stack keeps the upper half of ESP"
    mov $0x1234fff0, %ebp
    pushl $D16_3
    pushl $0xaaaa0ff0
    pushl $C3
    pushl $1f
    lret
1:
END
EXPERIMENT "iret to a 16-bit stack keeps the upper half of ESP"
    pushl $D16_3
    pushl $0xaaaa0ff0
    pushl $2
    pushl $C3
    pushl $1f
    iret
1:
END
EXPERIMENT "iret of 16 bits"
    movw $0x80cd, LOW_CODE + 0x20
    pushl $0x40002 /* the upper half of EFLAGS stays */
    popfl
    pushw $0x8d7
    pushw $C16
    pushw $0x20
    iretw
END
EXPERIMENT "iret frame beyond the stack's limit", RING3
    LOAD ss, SMALL_STACK
    mov $0xff8, %esp
    iret
END
EXPERIMENT "lret to code not accessed, stack not accessed"
    RIGHTS FRESH_CODE, 0xfa
    RIGHTS FRESH_STACK, 0xf2
    pushl $FRESH_STACK + 3
    pushl $0x7650
    pushl $FRESH_CODE + 3
    pushl $1f
    lret
1:
END

/* --- 16-bit protected mode */
EXPERIMENT "16-bit code: near call and return", SEG16
    .code16
    call 1f
    jmp 2f
1:  mov %esp, %eax
    ret
2:
END
EXPERIMENT "16-bit code: push wraps at 64 KiB", SEG16
    .code16
    mov $0, %sp
    pushl $0x12345678
    mov %esp, %eax
    pop %bx
END
EXPERIMENT "16-bit code: word across 64 KiB", SEG16
    .code16
    mov $1, %sp
    push %ax
END
EXPERIMENT "16-bit code: word across 64 KiB in ring 3", SEG16_3
    .code16
    mov $1, %sp
    push %ax
END
EXPERIMENT "16-bit code: jump wraps", SEG16
    .code16
    .byte 0xe9 /* jmp to 1, from the instruction that ends at 3 */
    .word 0xfffe
END
EXPERIMENT "16-bit code: 32-bit jump beyond 64 KiB", SEG16
    .code16
    .byte 0x66, 0xe9
    .long 0x10000
END
EXPERIMENT "16-bit code: 32-bit addresses", SEG16
    .code16
    mov $LOW_DATA, %ebx
    movl $0x11223344, (%ebx)
    mov 2(%ebx), %ax
END
EXPERIMENT "16-bit code: leave and enter", SEG16
    .code16
    mov $0x77770800, %ebp
    enter $8, $1
    mov %ebp, %eax
    mov %esp, %ebx
    leave
END
EXPERIMENT "16-bit code to 32-bit code and back", SEG16
    .code16
    ljmpl $C0, $3f
    .code32
3:  mov $0x12345678, %eax
    ljmpl $C16, $HERE(4f)
    .code16
4:  mov $0x9abc, %ax
END
    .section .note.GNU-stack, "", @progbits
