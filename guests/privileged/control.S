/* Control registers, LMSW, privileged instructions outside ring 0, SYSENTER, MSRs. SDM Vol. 2; Vol. 3A, 2.5. */
#include "experiment.h"

    .text
/* --- privileged instructions in ring 3 and ring 1 */
.macro PRIVILEGED name:req, code:vararg
EXPERIMENT "\name in ring 3", RING3
    \code
END
EXPERIMENT "\name in ring 1", RING1
    \code
END
.endm
PRIVILEGED "hlt", hlt
PRIVILEGED "clts", clts
PRIVILEGED "invd", invd
PRIVILEGED "wbinvd", wbinvd
PRIVILEGED "invlpg", invlpg 0
PRIVILEGED "lgdt", lgdt 0x30000
PRIVILEGED "lidt", lidt 0x30000
PRIVILEGED "lmsw", lmsw %ax
PRIVILEGED "mov from cr0", mov %cr0, %eax
PRIVILEGED "mov to cr0", mov %eax, %cr0
PRIVILEGED "mov to cr2", mov %eax, %cr2
PRIVILEGED "mov from cr3", mov %cr3, %eax
PRIVILEGED "mov to cr4", mov %eax, %cr4
PRIVILEGED "mov from dr6", mov %dr6, %eax
PRIVILEGED "mov to dr7", mov %eax, %dr7
PRIVILEGED "rdmsr", rdmsr
PRIVILEGED "wrmsr", wrmsr
PRIVILEGED "rdpmc", rdpmc
PRIVILEGED "sysexit", sysexit
EXPERIMENT "smsw in ring 3", RING3
    smsw %ebx
    push $-1
    smsw (%esp)
    pop %ecx
    smsw %ax
END
EXPERIMENT "sgdt and sidt in ring 3 store limits", RING3
    sub $8, %esp
    sgdt (%esp)
    movzwl (%esp), %eax
    sidt (%esp)
    movzwl (%esp), %ebx
END
EXPERIMENT "rdtsc in ring 3 with TSD", RING3, 0, 0, time_stamp_disabled
    rdtsc
END
EXPERIMENT "rdtsc in ring 0 with TSD", RING0, 0, 0, time_stamp_disabled
    rdtsc
    xor %eax, %eax
    xor %edx, %edx
END

/* --- CR0 */
.macro CR0 name:req, set:req, clear:req, mode=RING0
EXPERIMENT "cr0: \name", \mode
    mov %cr0, %eax
    or $\set, %eax
    and $~(\clear), %eax
    mov %eax, %cr0
    mov %cr0, %ebx
END
.endm
CR0 "PG without PE", 0, 1, RING0+HARSH
CR0 "NW without CD", 0x20000000, 0
CR0 "CD and NW", 0x60000000, 0
CR0 "ET cannot be cleared", 0, 0x10
CR0 "reserved bits are ignored", 0x1ff8ffc0 & ~0x40000 & ~0x10000 & 0x0ff00000, 0
CR0 "TS, EM, MP", 0xe, 0
EXPERIMENT "lmsw cannot clear PE"
    mov $0x30, %eax
    lmsw %ax
    mov %cr0, %ebx
END
EXPERIMENT "lmsw sets the low four bits only"
    mov $0xffff, %eax
    lmsw %ax
    mov %cr0, %ebx
END
EXPERIMENT "cr0 of 16-bit operand size moves 32 bits"
    .byte 0x66
    mov %cr0, %eax
END
EXPERIMENT "cr access with a memory form is a register form"
    .byte 0x0f, 0x20, 0x03 /* mov %cr0, %ebx */
END
EXPERIMENT "cr2 is written and read"
    mov $0x12345678, %eax
    mov %eax, %cr2
    mov %cr2, %ebx
END
EXPERIMENT "cr3 keeps PCD and PWT"
    mov %cr3, %eax
    or $0x18, %eax
    mov %eax, %cr3
    mov %cr3, %ebx
    and $0xfff, %ebx
    xor %eax, %eax
END
EXPERIMENT "cr4: a reserved bit", RING0+HARSH
    mov %cr4, %eax
    or $0x80000000, %eax
    mov %eax, %cr4
END
EXPERIMENT "cr4: DE, TSD, PGE"
    mov %cr4, %eax
    or $0x8c, %eax
    mov %eax, %cr4
    mov %cr4, %ebx
END
EXPERIMENT "paging off and on"
    mov %cr0, %eax
    and $0x7fffffff, %eax
    mov %eax, %cr0
    movl $7, LOW_DATA
    or $0x80000000, %eax
    mov %eax, %cr0
    mov LOW_DATA, %ebx
END

/* --- SYSENTER and SYSEXIT */
.macro SYSENTER_MSR number, value
    mov $\number, %ecx
    mov $\value, %eax
    xor %edx, %edx
    wrmsr
.endm
EXPERIMENT "sysenter without a code segment", RING3
    sysenter
END
EXPERIMENT "sysenter and sysexit", RING0
    SYSENTER_MSR 0x174, C0
    SYSENTER_MSR 0x175, stacks + 1024 /* the same as at the start */
    SYSENTER_MSR 0x176, 1f
    pushl $D3
    pushl $0x7000
    pushl $IF | AC | CF | 2
    pushl $C3
    pushl $3f
    iretl
3:  sysenter
1:  pushfl
    popl %eax
    mov %cs, %ebx
    mov %ss, %esi
    NOTE
    mov $0x6000, %ecx
    mov $2f, %edx
    sysexit
2:  mov %cs, %ebx
    mov %ss, %esi
END
EXPERIMENT "sysenter with an RPL in its code segment", RING0
    SYSENTER_MSR 0x174, C0 + 3
    SYSENTER_MSR 0x175, stacks + 1024
    SYSENTER_MSR 0x176, 1f
    sysenter
1:  mov %cs, %ebx
    mov %ss, %esi
END
EXPERIMENT "sysexit without a code segment"
    SYSENTER_MSR 0x174, 3
    sysexit
END
EXPERIMENT "sysexit loads flat segments of ring 3 whatever the GDT says"
    SYSENTER_MSR 0x174, 0x200
    mov $0x6000, %ecx
    mov $1f, %edx
    sysexit
1:  mov %cs, %ebx
    mov %ss, %esi
END

/* --- MSRs */
EXPERIMENT "rdmsr of an MSR that is not there"
    mov $0x1234567, %ecx
    rdmsr
END
EXPERIMENT "wrmsr of an MSR that is not there"
    mov $0x1234567, %ecx
    wrmsr
END

/* --- descriptor tables */
EXPERIMENT "lgdt with 16-bit operand size loads 24 bits"
    sub $8, %esp
    movw $GDT_LIMIT, (%esp)
    movl $gdt + 0x7f000000, 2(%esp)
    .byte 0x66
    lgdt (%esp)
    LOAD ds, D3
    sgdt (%esp)
    mov 2(%esp), %ebx
    sub $gdt, %ebx
END
EXPERIMENT "lidt on an absent page"
    lidt PAGE_ABSENT - 2
END
EXPERIMENT "sgdt across into an absent page"
    sgdt PAGE_ABSENT2 - 2
END
EXPERIMENT "int beyond a shortened IDT", RING3, 0, 0, short_idt
    int $V_PLAIN
END
    .section .note.GNU-stack, "", @progbits
