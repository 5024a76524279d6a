/* Interrupt, trap and task gates by INT n, and what a gate may be wrong in. SDM Vol. 3A, 6.11–6.13; Vol. 2, INT n. */
#include "experiment.h"

    .text
.macro GATE name:req, vector:req, mode=RING0, eflags=0
EXPERIMENT "int: \name", \mode, \eflags, AGAIN_IRQ
    int $\vector
END
.endm
.macro GATES name:req, vector:req
GATE "\name", \vector, RING0
GATE "\name, from ring 3", \vector, RING3
.endm
GATES "interrupt gate", V_PLAIN
GATES "trap gate", V_TRAP
GATES "16-bit interrupt gate", V_INTERRUPT16
GATES "16-bit trap gate", V_TRAP16
GATES "DPL 0", V_PRIVATE
GATES "not present", V_ABSENT
GATES "reserved type", V_RESERVED
GATES "call gate", V_CALL
GATES "null selector", V_NULL
GATES "selector beyond the GDT", V_BEYOND
GATES "data segment", V_DATA
GATES "absent code", V_ABSENT_CODE
GATES "to conforming code", V_CONFORMING
GATES "offset beyond its code", V_OFFSET
GATES "to ring 3", V_RING3
GATES "beyond the IDT", IDT_VECTORS
GATES "task gate, absent TSS", V_TASK_ABSENT
GATES "task gate, busy TSS", V_TASK_BUSY
GATES "task gate, TSS in the LDT", V_TASK_LDT
GATES "task gate not present", V_TASK_GATE_ABSENT
GATE "to ring 1 from ring 3", V_RING1, RING3
GATE "to ring 1 from ring 2", V_RING1, RING2
GATE "to ring 1 from ring 1", V_RING1, RING1
GATE "to ring 1 from ring 0", V_RING1, RING0
GATE "to ring 2 from ring 3 by a trap gate", V_RING2, RING3
GATE "16-bit, from 16-bit code", V_INTERRUPT16, SEG16
GATE "16-bit, from 16-bit code in ring 3", V_INTERRUPT16, SEG16_3
GATE "32-bit, from 16-bit code in ring 3", V_PLAIN, SEG16_3
/* EFLAGS in the handler: IF is cleared by an interrupt gate only; TF, NT and RF by both */
.macro HANDLER name:req, vector:req, eflags:req
EXPERIMENT "flags in the handler: \name", RING3, \eflags, 0, flags_handler
    int $\vector
END
.endm
HANDLER "interrupt gate", V_PLAIN, IF+NT+AC+CF
HANDLER "trap gate", V_TRAP, IF+NT+AC+CF
HANDLER "interrupt gate, IOPL 3", V_PLAIN, IF+IOPL3
    .section .note.GNU-stack, "", @progbits
