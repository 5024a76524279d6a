/* Page faults with every error code, what paging ignores in ring 0, TLB invalidation. SDM Vol. 3A, 4.6–4.10. */
#include "experiment.h"

    .text
.macro ACCESS name:req, address:req
EXPERIMENT "ring 0 reads \name"
    mov \address, %eax
END
EXPERIMENT "ring 0 writes \name"
    movb $1, \address
END
EXPERIMENT "ring 3 reads \name", RING3
    mov \address, %eax
END
EXPERIMENT "ring 3 writes \name", RING3
    movb $1, \address
END
EXPERIMENT "ring 3 executes \name", RING3, 0, 0, returns_in_pages
    mov $\address, %eax
    call *%eax
END
.endm
ACCESS "a page", PAGE_USER_RW
ACCESS "an absent page", PAGE_ABSENT
ACCESS "a read-only page", PAGE_USER_RO
ACCESS "a supervisor page", PAGE_SYSTEM_RW
ACCESS "a read-only supervisor page", PAGE_SYSTEM_RO
ACCESS "below a read-only directory entry", DIRECTORY_RO
ACCESS "below a supervisor directory entry", DIRECTORY_SYSTEM
ACCESS "below an absent directory entry", DIRECTORY_ABSENT
ACCESS "a large page with a reserved bit", LARGE_RESERVED
ACCESS "a read-only large page", LARGE_RO+LOW_DATA
ACCESS "a large page", LARGE_PAGE+LOW_DATA
EXPERIMENT "without WP ring 0 writes a read-only page"
    mov %cr0, %eax
    and $~0x10000, %eax
    mov %eax, %cr0
    movb $1, PAGE_USER_RO
    movb $1, PAGE_SYSTEM_RO
    movb $1, DIRECTORY_RO
END
EXPERIMENT "without WP ring 1 does, too", RING1, 0, 0, without_wp
    movb $1, PAGE_USER_RO
END
EXPERIMENT "without WP ring 3 does not", RING3, 0, 0, without_wp
    movb $1, PAGE_USER_RO
END
EXPERIMENT "rings 1 and 2 are supervisors", RING2
    mov PAGE_SYSTEM_RW, %eax
    movb $1, PAGE_SYSTEM_RW
END
EXPERIMENT "without PSE a large page is a table", RING0, 0, 0, without_pse
    mov LARGE_RESERVED, %eax
END
EXPERIMENT "double word across into an absent page, read", RING3
    mov PAGE_ABSENT2 - 2, %eax
END
EXPERIMENT "double word across into an absent page, write", RING3
    movl $0x12345678, PAGE_ABSENT2 - 3
END
EXPERIMENT "nothing of it was written"
    movl $0x12345678, PAGE_ABSENT2 - 4
    mov PAGE_ABSENT2 - 4, %eax
END
EXPERIMENT "read-modify-write faults as a write", RING3
    lock incl PAGE_USER_RO
END
EXPERIMENT "cmpxchg that does not exchange writes", RING3
    mov $1, %eax
    cmpxchg %ecx, PAGE_USER_RO
END
EXPERIMENT "cmpxchg8b of a read-only page", RING3
    cmpxchg8b PAGE_USER_RO
END
EXPERIMENT "bts of a bit in an absent page", RING3
    mov $PAGE_USER_RW2, %ebx
    mov $0x8001, %ecx
    bts %ecx, (%ebx)
END
EXPERIMENT "xchg with a read-only page", RING3
    xchg %eax, PAGE_USER_RO
END
EXPERIMENT "push to an absent page in ring 3 leaves ESP", RING3
    mov $PAGE_ABSENT + 0x1000, %esp
    push %eax
END
EXPERIMENT "pop to an absent page leaves ESP", RING3
    push $1
    popl PAGE_ABSENT
END
EXPERIMENT "call to an absent page has pushed", RING3
    mov $PAGE_ABSENT, %ebx
    call *%ebx
END
EXPERIMENT "pusha across into an absent page", RING3
    mov $PAGE_ABSENT2 + 0x1000 + 16, %esp
    pusha
END
EXPERIMENT "enter across into an absent page", RING3
    mov $PAGE_ABSENT2 + 0x1000 + 8, %esp
    enter $8, $0
END
EXPERIMENT "instruction across into an absent page", RING3, 0, 0, code_across
    mov $PAGE_ABSENT2 - 2, %eax
    jmp *%eax
END
EXPERIMENT "rep movs stops at an absent page", RING3
    mov $LOW_DATA, %esi
    mov $PAGE_ABSENT2 - 6, %edi
    mov $4, %ecx
    rep movsl
END
EXPERIMENT "rep movs backwards stops at an absent page", RING3
    std
    mov $LOW_DATA + 32, %esi
    mov $PAGE_ABSENT2 + 0x1000 + 8, %edi
    mov $4, %ecx
    rep movsl
    cld
END
EXPERIMENT "rep cmps stops at an absent page", RING3
    mov $PAGE_ABSENT2 - 8, %esi
    mov $LOW_DATA, %edi
    mov $4, %ecx
    repe cmpsl
END
EXPERIMENT "descriptor tables are read by the supervisor", RING3, 0, 0, ldt_in_system_page
    LOAD ds, LDT_DATA3
END
EXPERIMENT "descriptor table on an absent page", RING3, 0, 0, ldt_in_absent_page
    LOAD ds, LDT_DATA3
END
EXPERIMENT "accessed bit in a read-only descriptor table", RING0, 0, 0, ldt_in_read_only_page
    LOAD ds, LDT_DATA
END
EXPERIMENT "accessed and dirty bits"
    mov PAGE_USER_RW, %eax
    mov PAGE_USER_RO, %eax
    movb $1, PAGE_SYSTEM_RW
    movb $1, LARGE_PAGE + LOW_DATA
    mov LARGE_RO + LOW_DATA, %ebx
END
EXPERIMENT "the TLB keeps what invlpg does not drop"
    mov PAGE_USER_RW, %eax
    andl $~1, page_tables + 2 * 4096
    invlpg PAGE_USER_RW
    mov PAGE_USER_RW, %eax
END
EXPERIMENT "mov to cr3 drops"
    mov PAGE_USER_RW, %eax
    andl $~1, page_tables + 2 * 4096
    mov %cr3, %eax
    mov %eax, %cr3
    xor %eax, %eax
    mov PAGE_USER_RW, %eax
END
EXPERIMENT "a fault drops the translation it used", RING3
    mov PAGE_USER_RO, %eax
    movb $1, PAGE_USER_RO
END
EXPERIMENT "cr2 keeps the address of the last fault", RING0, 0, AGAIN(3)
    mov $0x1234, %eax
    mov %eax, %cr2
    int3
    mov %cr2, %ebx
END
    .section .note.GNU-stack, "", @progbits
