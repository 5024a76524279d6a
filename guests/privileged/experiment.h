/*
 * How experiments are written:
 *
 *   EXPERIMENT "name", mode, eflags, again, setup
 *       code
 *   END
 *
 * It starts in `mode` with EAX = a, EBX = b, ECX = c, EDX = d, ESI = 51, EDI = d1, EBP = e and its ring's stack, and ends
 * with the first event that `again` does not let go on, at the latest with INT 80h at END. NOTE puts the state into the
 * trace. In V86, REAL and SEG16 modes the code is copied to offset 0 of LOW_CODE: labels are offsets, HERE(label).
 */
#include "world.h"

.macro EXPERIMENT name:req, mode=RING0, eflags=0, again=0, setup=0
    .pushsection .rodata.names, "a"
71: .asciz "\name"
    .popsection
    .pushsection experiments, "a"
    .long 71b, 72f, 73f, \mode, (\eflags) | 2, \again, \setup
    .popsection
72:
.endm

.macro END
    int $V_DONE
73:
    .code32
.endm

.macro NOTE
    int $V_NOTE
.endm

/* Loads a selector; for rings and modes in which the operand is what matters. */
.macro LOAD register, selector
    mov $\selector, %ax
    mov %ax, %\register
.endm

/* In ring 0: changes the access byte (present, DPL, type) of a GDT or IDT entry. */
.macro RIGHTS selector, value
    movb $\value, gdt + (\selector & ~7) + 5
.endm
.macro GATE_RIGHTS vector, value
    movb $\value, idt + \vector * 8 + 5
.endm

#define HERE(label) (label - 72b)
