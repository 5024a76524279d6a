/* Alignment checks: CR0.AM, EFLAGS.AC, CPL 3. SDM Vol. 3A, 6.15, "Interrupt 17—Alignment Check Exception". */
#include "experiment.h"

    .text
.macro ALIGNMENT name:req, code:vararg
EXPERIMENT "alignment: \name", RING3, AC, 0, alignment_mask
    \code
END
.endm
ALIGNMENT "byte", movb 0x30001, %al
ALIGNMENT "word at an even address", movw 0x30002, %ax
ALIGNMENT "word at an odd address", movw 0x30001, %ax
ALIGNMENT "word written at an odd address", movw %ax, 0x30003
ALIGNMENT "double word at an even address", movl 0x30002, %eax
ALIGNMENT "double word written", movl %eax, 0x30001
ALIGNMENT "aligned double word", movl 0x30004, %eax
ALIGNMENT "read-modify-write", incl 0x30002
ALIGNMENT "bit string", bts %ebx, 0x30001
ALIGNMENT "cmpxchg8b at a double word", cmpxchg8b 0x30004
ALIGNMENT "bound at a double word", bound %eax, 0x30004
ALIGNMENT "bound at a word", bound %eax, 0x30002
ALIGNMENT "lea is no access", lea 0x30001, %eax
ALIGNMENT "across into an absent page: before the page fault", movl 0x405ffe, %eax
ALIGNMENT "in an absent page: before the page fault", movl 0x401001, %eax
ALIGNMENT "across a page", movl 0x30fff, %eax
EXPERIMENT "alignment: push on an odd stack", RING3, AC, 0, alignment_mask
    dec %esp
    push %eax
END
EXPERIMENT "alignment: pushw at a word", RING3, AC, 0, alignment_mask
    pushw %ax
    pushw %ax
    pushw %ax
END
EXPERIMENT "alignment: pop at a word", RING3, AC, 0, alignment_mask
    sub $6, %esp
    pop %eax
END
EXPERIMENT "alignment: call", RING3, AC, 0, alignment_mask
    sub $2, %esp
    call 1f
1:
END
EXPERIMENT "alignment: movs of words at odd addresses", RING3, AC, 0, alignment_mask
    mov $0x30000, %esi
    mov $0x30101, %edi
    mov $2, %ecx
    rep movsw
END
EXPERIMENT "alignment: far pointer at a word", RING3, AC, 0, alignment_mask
    les 0x30002, %eax
END
EXPERIMENT "alignment: sidt is checked, too", RING3, AC, 0, alignment_mask
    sidt 0x30001
END
EXPERIMENT "alignment: sgdt at a word and at an odd word", RING3, AC, 0, alignment_mask
    sgdt 0x30004
    movl $0, 0x30004
    movw $0, 0x30008
END
EXPERIMENT "alignment: segment loads from the GDT are implicit accesses", RING3, AC, 0, alignment_odd_ldt
    LOAD ds, LDT_DATA3
END
EXPERIMENT "alignment: not in ring 2", RING2, AC, 0, alignment_mask
    movl 0x30001, %eax
END
EXPERIMENT "alignment: not in ring 0", RING0, AC, 0, alignment_mask
    movl 0x30001, %eax
END
EXPERIMENT "alignment: not without AM", RING3, AC
    movl 0x30001, %eax
END
EXPERIMENT "alignment: not without AC", RING3, 0, 0, alignment_mask
    movl 0x30001, %eax
END
EXPERIMENT "alignment: popf sets AC at once", RING3, 0, 0, alignment_mask
    pushl $AC | 2
    popfl
    nop
    movl 0x30001, %eax
END
EXPERIMENT "alignment: iret sets AC at once", RING0, 0, 0, alignment_mask
    pushl $D3
    pushl $LOW_STACK + LOW_TOP
    pushl $AC | 2
    pushl $C3
    pushl $1f
    iretl
1:  movl %ss:0x30001, %eax
END
EXPERIMENT "alignment: an interrupt's frame is the supervisor's", RING3, AC, 0, alignment_odd_stack
    NOTE
END
    .section .note.GNU-stack, "", @progbits
