/* Who may change which flag: POPF, IRET, CLI, STI; what STI and MOV SS hold back. SDM Vol. 2, POPF, IRET, CLI, STI, MOV. */
#include "experiment.h"

    .text
.macro FLAGS name:req, mode:req, eflags:req
EXPERIMENT "popfl: \name", \mode, \eflags
    pushl $0x3f7ad7 /* everything but TF, IF and NT … */
    popfl
    pushfl
    popl %eax
END
EXPERIMENT "popfl of zeros: \name", \mode, \eflags
    pushl $0
    popfl
    pushfl
    popl %eax
END
EXPERIMENT "popfw: \name", \mode, \eflags
    pushw $0x7ad7
    popfw
    pushfl
    popl %eax
END
EXPERIMENT "cli: \name", \mode, \eflags
    cli
    pushfl
    popl %eax
END
.endm
FLAGS "ring 0", RING0, 0
FLAGS "ring 0 with IF", RING0, IF
FLAGS "ring 1, IOPL 0", RING1, IF
FLAGS "ring 1, IOPL 1", RING1, IF+IOPL1
FLAGS "ring 2, IOPL 1", RING2, IOPL1
FLAGS "ring 3, IOPL 0", RING3, IF
FLAGS "ring 3, IOPL 2", RING3, IF+IOPL2
FLAGS "ring 3, IOPL 3", RING3, IF+IOPL3
FLAGS "ring 3, IOPL 3, no IF", RING3, IOPL3
EXPERIMENT "sti: ring 3, IOPL 2", RING3, IOPL2
    sti
END
EXPERIMENT "sti: ring 3, IOPL 3", RING3, IOPL3
    sti
    nop
END

/* IRET at each level, changing nothing but EFLAGS */
.macro IRETS name:req, mode:req, eflags:req, cs:req
EXPERIMENT "iretl: \name", \mode, \eflags
    pushl $0x7cbed7 & ~0x24000 /* not VM, not NT */
    pushl $\cs
    pushl $1f
    iretl
1:  pushfl
    popl %eax
END
.endm
IRETS "ring 0", RING0, 0, C0
IRETS "ring 1, IOPL 1", RING1, IOPL1, C1
IRETS "ring 3, IOPL 0", RING3, 0, C3
IRETS "ring 3, IOPL 3", RING3, IOPL3, C3
EXPERIMENT "iretl to ring 3 sets IF and IOPL by the old level"
    pushl $D3
    pushl $0x7000
    pushl $0x3202
    pushl $C3
    pushl $1f
    iretl
1:
END
EXPERIMENT "iretl in ring 3 cannot enter virtual-8086 mode", RING3
    pushl $0x20002
    pushl $C3
    pushl $1f
    iretl
1:
END
EXPERIMENT "popfl cannot enter virtual-8086 mode"
    pushl $0x20002
    popfl
    pushfl
    popl %eax
END
EXPERIMENT "pushf shows neither VM nor RF", RING0, RF
    pushfl
    popl %eax
END
EXPERIMENT "popf clears RF", RING0, RF
    pushl $0x10002
    popfl
    pushfl
    popl %eax
END

/* An interrupt request that waits: where is it taken? */
EXPERIMENT "interrupt: after the instruction behind sti", RING0, 0, AGAIN_IRQ, request
    sti
    inc %eax
    inc %eax
END
EXPERIMENT "interrupt: sti, cli lets nothing in", RING0, 0, AGAIN_IRQ, request
    sti
    cli
    inc %eax
END
EXPERIMENT "interrupt: sti with IF set holds nothing back", RING0, 0, AGAIN_IRQ, request
    sti
    nop
    inc %eax
END
EXPERIMENT "interrupt: right behind popf", RING0, 0, AGAIN_IRQ, request
    pushl $IF
    popfl
    inc %eax
END
EXPERIMENT "interrupt: right behind iret, with RF in the image", RING0, 0, AGAIN_IRQ, request
    pushl $IF | RF
    pushl $C0
    pushl $1f
    iretl
1:  inc %eax
END
EXPERIMENT "interrupt: in ring 3, right behind iret, before rep movs", RING0, 0, AGAIN_IRQ, request
    LOAD ds, D3
    mov %eax, %es
    mov $LOW_DATA, %esi
    mov $LOW_STACK, %edi
    mov $3, %ecx
    pushl $D3
    pushl $LOW_STACK + LOW_TOP
    pushl $IF
    pushl $C3
    pushl $1f
    iretl
1:  rep movsb
END
EXPERIMENT "interrupt: sti, mov ss", RING0, 0, AGAIN_IRQ, request
    mov %ss, %ecx
    sti
    mov %ecx, %ss
    inc %eax
    inc %eax
END
EXPERIMENT "single step: sti holds nothing back", RING0, TF, AGAIN(1)
    sti
    nop
    cli
    nop
END
EXPERIMENT "single step: mov ss holds it back for one instruction", RING0, TF, AGAIN(1)
    mov %ss, %ecx
    mov %ecx, %ss
    nop
    nop
END
EXPERIMENT "single step: pop ss does, too", RING0, TF, AGAIN(1)
    push %ss
    pop %ss
    nop
    nop
END
EXPERIMENT "single step: lss does not", RING0, TF, AGAIN(1)
    pushl %ss
    pushl %esp
    lss (%esp), %esp
    nop
END
    .section .note.GNU-stack, "", @progbits
