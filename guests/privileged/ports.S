/* IOPL and the I/O permission bit map. SDM Vol. 1, 18.5, "Protected-Mode I/O". */
#include "experiment.h"

    .text
.macro PORT name:req, mode:req, eflags:req, setup:req, code:vararg
EXPERIMENT "port: \name", \mode, \eflags, 0, \setup
    \code
    xor %eax, %eax
END
.endm
PORT "denied", RING3, 0, 0, out %al, $0x80
PORT "allowed by IOPL 3", RING3, IOPL3, 0, out %al, $0x80
PORT "IOPL 1 in ring 1", RING1, IOPL1, 0, out %al, $0x80
PORT "IOPL 1 in ring 2", RING2, IOPL1, 0, out %al, $0x80
PORT "allowed by the map", RING3, 0, allow_80, out %al, $0x80
PORT "the port beside it", RING3, 0, allow_80, out %al, $0x81
PORT "a word needs both bits", RING3, 0, allow_80, out %ax, $0x80
PORT "a word with both bits", RING3, 0, allow_80_83, out %ax, $0x80
PORT "a double word with four bits", RING3, 0, allow_80_83, out %eax, $0x80
PORT "a double word that reaches beyond", RING3, 0, allow_80_83, out %eax, $0x81
PORT "a word across two bytes of the map", RING3, 0, allow_7f_80, out %ax, $0x7f
PORT "in, allowed", RING3, 0, allow_80, in $0x80, %al
PORT "in, denied", RING3, 0, allow_80, in $0x82, %al
.macro SEQUENCE_BEYOND_THE_MAP
    mov $0x108, %edx
    in %dx, %al
.endm
PORT "beyond the map", RING3, 0, allow_80, SEQUENCE_BEYOND_THE_MAP
PORT "the map's last byte needs one behind it", RING3, 0, allow_last, out %al, $0xf8
PORT "the map ends with the limit", RING3, 0, allow_short, out %al, $0xf8
PORT "the map begins beyond the limit", RING3, 0, map_beyond, out %al, $0x80
PORT "the map begins at the limit", RING3, 0, map_at_limit, out %al, $0
PORT "the map begins inside the TSS", RING3, 0, map_inside, out %al, $0x80
PORT "a 16-bit TSS has no map", RING3, 0, map_tss16, out %al, $0x80
PORT "a TSS without room for the map's base", RING3, 0, map_no_base, out %al, $0x80
PORT "in ring 1 the map counts, too", RING1, 0, allow_80, out %al, $0x80
EXPERIMENT "port: outs, denied before the memory is looked at", RING3
    mov $0x80, %edx
    mov $PAGE_ABSENT, %esi
    outsb
END
EXPERIMENT "port: outs, memory fault", RING3, 0, 0, allow_80
    mov $0x80, %edx
    mov $PAGE_ABSENT, %esi
    outsb
END
EXPERIMENT "port: ins to a read-only page", RING3, 0, 0, allow_80
    mov $0x80, %edx
    mov $PAGE_USER_RO, %edi
    insb
END
EXPERIMENT "port: rep outs", RING3, 0, 0, allow_80
    mov $0x80, %edx
    mov $PAGE_ABSENT2 - 3, %esi
    mov $5, %ecx
    rep outsb
END
EXPERIMENT "port: rep ins of nothing is denied or not", RING3, IOPL3
    mov $0x80, %edx
    xor %ecx, %ecx
    mov $PAGE_ABSENT, %edi
    rep insb
END
EXPERIMENT "port: the map on an absent page", RING3, 0, 0, map_absent
    out %al, $0x80
END
    .section .note.GNU-stack, "", @progbits
