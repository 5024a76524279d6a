/* Single steps, breakpoints on instructions, data and ports, general detect, RF. SDM Vol. 3B, "Debug Registers", "Debug Exceptions". */
#include "experiment.h"

#define B_LE 0x100
#define LOCAL(n) (1 << (2 * (n)))
#define GLOBAL(n) (2 << (2 * (n)))
#define ON_EXECUTE(n) (0 << (16 + 4 * (n)))
#define ON_WRITE(n) (1 << (16 + 4 * (n)))
#define ON_PORT(n) (2 << (16 + 4 * (n)))
#define ON_ACCESS(n) (3 << (16 + 4 * (n)))
#define BYTES1(n) (0 << (18 + 4 * (n)))
#define BYTES2(n) (1 << (18 + 4 * (n)))
#define BYTES4(n) (3 << (18 + 4 * (n)))

.macro ARM value
    mov $(\value) | 0x400, %eax
    mov %eax, %dr7
    mov $0xa, %eax
.endm
.macro AT register, address
    mov $\address, %eax
    mov %eax, %\register
.endm

    .text
/* --- single steps */
EXPERIMENT "step: plain instructions", RING3, TF, AGAIN(1)
    inc %eax
    mov %eax, %ebx
END
EXPERIMENT "step: a jump and a call", RING0, TF, AGAIN(1)
    jmp 1f
    nop
1:  call 2f
2:  pop %eax
END
EXPERIMENT "step: rep movs, each iteration", RING0, TF, AGAIN(1)
    mov $LOW_DATA, %esi
    mov $LOW_DATA + 0x100, %edi
    mov $3, %ecx
    rep movsb
    nop
END
EXPERIMENT "step: rep stos of nothing", RING0, TF, AGAIN(1)
    xor %ecx, %ecx
    rep stosb
    nop
END
EXPERIMENT "step: popf sets TF, takes effect behind the next instruction", RING0, 0, AGAIN(1)
    pushl $TF | 2
    popfl
    nop
    nop
END
EXPERIMENT "step: popf clears TF", RING0, TF, AGAIN(1)
    pushl $2
    popfl
    nop
END
EXPERIMENT "step: iret sets TF", RING0, 0, AGAIN(1)
    pushl $TF | 2
    pushl $C0
    pushl $1f
    iretl
1:  nop
    nop
END
EXPERIMENT "step: int n is not stepped into", RING3, TF, AGAIN(1)
    nop
    NOTE
    nop
END
EXPERIMENT "step: int3 is not, either", RING3, TF, AGAIN(1) | AGAIN(3)
    int3
    nop
END
EXPERIMENT "step: a fault comes without a step", RING0, TF, AGAIN(1)
    nop
    ud2
END
EXPERIMENT "step: pushf shows TF", RING0, TF, AGAIN(1)
    pushfl
    pop %eax
END
EXPERIMENT "step: in and out", RING0, TF, AGAIN(1)
    out %al, $0x80
    nop
END
EXPERIMENT "step: cpuid, rdtsc and rdmsr", RING0+QUIET, TF, AGAIN(1)
    mov $0x174, %ecx
    rdmsr
    rdtsc
    cpuid
    nop
END
EXPERIMENT "step: far call through a gate", RING3, TF, AGAIN(1) | AGAIN_TF
    lcall $GATE0, $0
    nop
END
EXPERIMENT "step: lret to ring 3", RING0, TF, AGAIN(1)
    pushl $D3
    pushl $0x7000
    pushl $C3
    pushl $1f
    lret
1:  nop
END
EXPERIMENT "step: load of cs by a far jump", RING0, TF, AGAIN(1)
    ljmp $C0, $1f
1:  nop
END
EXPERIMENT "step: mov to a control register", RING0, TF, AGAIN(1)
    mov %cr0, %eax
    mov %eax, %cr0
    nop
END
EXPERIMENT "step: sysenter does not clear TF", RING0, 0, AGAIN(1) | AGAIN_TF
    mov $0x174, %ecx
    mov $C0, %eax
    xor %edx, %edx
    wrmsr
    inc %ecx
    mov $stacks + 1024, %eax
    wrmsr
    inc %ecx
    mov $1f, %eax
    wrmsr
    pushl $D3
    pushl $0x7000
    pushl $TF | 2
    pushl $C3
    pushl $2f
    iretl
2:  sysenter
1:  nop
    nop
END
EXPERIMENT "step: 16-bit code", SEG16, TF, AGAIN(1)
    .code16
    inc %ax
    jmp 1f
1:  nop
END

/* --- INT1 */
EXPERIMENT "int1", RING3, 0, AGAIN(1)
    .byte 0xf1
    nop
END
EXPERIMENT "int 1 of two bytes needs the right", RING3
    int $1
END

/* --- instruction breakpoints */
EXPERIMENT "breakpoint on an instruction: a fault", RING0, 0, 0
    AT dr0, 1f
    ARM LOCAL(0)
1:  inc %eax
END
EXPERIMENT "breakpoint on an instruction: RF lets it pass", RING0, 0, AGAIN(1) | AGAIN_RF
    AT dr1, 1f
    ARM GLOBAL(1)
1:  inc %eax
    inc %eax
END
EXPERIMENT "breakpoint on an instruction: RF is good for one instruction", RING0, 0, AGAIN(1) | AGAIN_RF
    AT dr2, 1f
    mov $3, %ecx
    ARM GLOBAL(2)
1:  dec %ecx
    jnz 1b
END
EXPERIMENT "breakpoint on an instruction in ring 3", RING0, 0, AGAIN(1) | AGAIN_RF
    AT dr3, 1f
    ARM LOCAL(3) | B_LE
    pushl $D3
    pushl $0x7000
    pushl $2
    pushl $C3
    pushl $1f
    iretl
1:  inc %eax
END
EXPERIMENT "breakpoint on an instruction: iret with RF skips it", RING0, 0, AGAIN(1)
    AT dr0, 1f
    ARM LOCAL(0)
    pushl $RF | 2
    pushl $C0
    pushl $1f
    iretl
1:  inc %eax
END
EXPERIMENT "breakpoint on an instruction that faults: RF is set when it is tried again", RING0, 0, AGAIN(1) | AGAIN_RF
    AT dr0, 1f
    ARM LOCAL(0)
1:  mov PAGE_ABSENT, %eax
END
EXPERIMENT "breakpoint not enabled", RING0
    AT dr0, 1f
    ARM B_LE
1:  inc %eax
END
EXPERIMENT "breakpoint on the second byte of an instruction", RING0
    AT dr0, (1f + 1)
    ARM LOCAL(0)
1:  mov %ebx, %eax
END
EXPERIMENT "breakpoint on an instruction by its prefix", RING0
    AT dr0, 1f
    ARM LOCAL(0)
1:  ss mov %ebx, %eax
END
EXPERIMENT "breakpoint on an instruction behind the prefix", RING0
    AT dr0, (1f + 1)
    ARM LOCAL(0)
1:  .byte 0x3e
    nop
END
EXPERIMENT "breakpoint on rep movs: once", RING0, 0, AGAIN(1) | AGAIN_RF
    mov $LOW_DATA, %esi
    mov $LOW_DATA + 0x100, %edi
    mov $3, %ecx
    AT dr0, 1f
    ARM LOCAL(0)
1:  rep movsb
END
EXPERIMENT "two breakpoints on one instruction", RING0
    AT dr0, 1f
    AT dr3, 1f
    ARM LOCAL(0) | GLOBAL(3)
1:  nop
END
EXPERIMENT "breakpoint and single step at once", RING0, 0, AGAIN(1) | AGAIN_RF
    AT dr0, 2f
    ARM LOCAL(0)
    pushl $TF | 2
    popfl
1:  nop
2:  nop
    nop
END
EXPERIMENT "breakpoint in 16-bit code is on a linear address", SEG16+HARSH
    .code16
    mov $LOW_CODE + HERE(1f), %eax
    mov %eax, %dr0
    mov $1, %eax
    mov %eax, %dr7
1:  nop
END

/* --- data breakpoints: traps */
EXPERIMENT "breakpoint on a write", RING0, 0, AGAIN(1)
    AT dr0, LOW_DATA
    ARM LOCAL(0) | ON_WRITE(0) | BYTES4(0)
    movl LOW_DATA, %ebx
    movl $1, LOW_DATA
    nop
END
EXPERIMENT "breakpoint on an access", RING3, 0, AGAIN(1), break_access
    movl LOW_DATA, %ebx
    movb $1, LOW_DATA + 3
    movb LOW_DATA + 4, %al
    nop
END
EXPERIMENT "breakpoint on an access: operands that reach into it", RING0, 0, AGAIN(1)
    AT dr0, (LOW_DATA + 4)
    ARM LOCAL(0) | ON_ACCESS(0) | BYTES2(0)
    movl LOW_DATA, %ebx
    movl LOW_DATA + 1, %ebx
    movl LOW_DATA + 5, %ebx
    movw LOW_DATA + 6, %bx
END
EXPERIMENT "breakpoint on an access: one byte", RING0, 0, AGAIN(1)
    AT dr0, (LOW_DATA + 3)
    ARM LOCAL(0) | ON_ACCESS(0) | BYTES1(0)
    movw LOW_DATA + 1, %bx
    movw LOW_DATA + 2, %bx
    movl LOW_DATA, %ebx
END
EXPERIMENT "breakpoint on an access: the length aligns the address", RING0, 0, AGAIN(1)
    AT dr0, (LOW_DATA + 7)
    ARM LOCAL(0) | ON_ACCESS(0) | BYTES4(0)
    movb LOW_DATA + 4, %bl
    movb LOW_DATA + 3, %bl
END
EXPERIMENT "breakpoint on an access: read-modify-write once", RING0, 0, AGAIN(1)
    AT dr0, LOW_DATA
    ARM LOCAL(0) | ON_ACCESS(0) | BYTES4(0)
    incl LOW_DATA
    lock xadd %ebx, LOW_DATA
END
EXPERIMENT "breakpoint on an access: push and pop", RING3, 0, AGAIN(1), break_stack
    push %ebx
    pop %ecx
    pusha
END
EXPERIMENT "breakpoint on an access: rep movs, in the middle", RING0, 0, AGAIN(1)
    mov $LOW_DATA, %esi
    mov $LOW_DATA + 0x100, %edi
    mov $4, %ecx
    AT dr0, (LOW_DATA + 0x101)
    ARM LOCAL(0) | ON_WRITE(0)
    rep movsb
    nop
END
EXPERIMENT "breakpoint on an access: both operands of movs", RING0, 0, AGAIN(1)
    mov $LOW_DATA, %esi
    mov $LOW_DATA + 0x100, %edi
    AT dr0, LOW_DATA
    AT dr1, (LOW_DATA + 0x100)
    ARM LOCAL(0) | LOCAL(1) | ON_ACCESS(0) | ON_WRITE(1)
    movsb
    nop
END
EXPERIMENT "breakpoint on an access by an instruction that faults", RING0, 0, AGAIN(1)
    mov $LOW_DATA, %esi
    mov $PAGE_ABSENT, %edi
    AT dr0, LOW_DATA
    ARM LOCAL(0) | ON_ACCESS(0)
    movsb
END
EXPERIMENT "breakpoint on a write and single step at once", RING0, 0, AGAIN(1)
    AT dr0, LOW_DATA
    ARM LOCAL(0) | ON_WRITE(0)
    pushl $TF | 2
    popfl
    movb $1, LOW_DATA
    nop
END
EXPERIMENT "breakpoint on the operand of mov ss waits one instruction", RING0, 0, AGAIN(1)
    movl $D0, LOW_DATA
    AT dr0, LOW_DATA
    ARM LOCAL(0) | ON_ACCESS(0) | BYTES2(0)
    mov LOW_DATA, %ss
    nop
    nop
END
EXPERIMENT "breakpoint on the instruction behind mov ss is suppressed", RING0
    mov %ss, %ecx
    AT dr0, 1f
    ARM LOCAL(0)
    mov %ecx, %ss
1:  nop
    nop
END
EXPERIMENT "breakpoint through another linear address does not match", RING0, 0, AGAIN(1)
    AT dr0, PAGE_USER_RW
    ARM LOCAL(0) | ON_ACCESS(0) | BYTES4(0)
    movl PAGE_CODE, %ebx
    movl PAGE_USER_RW, %ebx
END
EXPERIMENT "breakpoint on a page's last bytes, operand across", RING0, 0, AGAIN(1)
    AT dr0, (PAGE_ABSENT2 - 4)
    ARM LOCAL(0) | ON_ACCESS(0) | BYTES4(0)
    movl PAGE_ABSENT2 - 4, %ebx
    movw PAGE_ABSENT2 - 6, %bx
    nop
END
EXPERIMENT "a write with an execute-only breakpoint", RING0, 0, AGAIN(1)
    AT dr0, LOW_DATA
    ARM LOCAL(0) | ON_EXECUTE(0)
    movl $1, LOW_DATA
END
EXPERIMENT "breakpoint disarmed again", RING0, 0, AGAIN(1)
    AT dr0, LOW_DATA
    ARM LOCAL(0) | ON_ACCESS(0)
    movb LOW_DATA, %bl
    ARM 0
    movb LOW_DATA, %bl
    movb $2, LOW_DATA
END

/* --- port breakpoints, with CR4.DE */
EXPERIMENT "breakpoint on a port", RING0, 0, AGAIN(1), debugging_extensions
    AT dr0, 0x80
    ARM LOCAL(0) | ON_PORT(0)
    out %al, $0x80
    nop
    out %al, $0x81
END
EXPERIMENT "breakpoint on a port: an access that reaches into it", RING0, 0, AGAIN(1), debugging_extensions
    AT dr0, 0x81
    ARM LOCAL(0) | ON_PORT(0)
    out %ax, $0x80
    nop
END
EXPERIMENT "breakpoint on a port: in, by dx", RING0+QUIET, 0, AGAIN(1), debugging_extensions
    AT dr1, 0x80
    ARM LOCAL(1) | ON_PORT(1) | BYTES2(1)
    mov $0x81, %dx
    in %dx, %al
    nop
END

/* --- the registers */
EXPERIMENT "general detect", RING0
    ARM 0x2000
    mov %dr7, %ebx
END
EXPERIMENT "general detect is cleared for the handler and stays so", RING0, 0, AGAIN(1)
    ARM 0x2000
    mov %dr6, %ebx
    mov %dr7, %ebx
END
EXPERIMENT "general detect from ring 3 is a protection fault", RING3, 0, 0, general_detect
    mov %dr0, %eax
END
EXPERIMENT "fixed bits of dr6 and dr7"
    xor %eax, %eax
    mov %eax, %dr6
    mov %eax, %dr7
    mov %dr6, %ebx
    mov %dr7, %ecx
    mov $0xffffffff, %eax
    mov %eax, %dr6
    mov %dr6, %edx
END
EXPERIMENT "dr4 and dr5 are dr6 and dr7"
    mov $0x401, %eax
    .byte 0x0f, 0x23, 0xe8 /* mov %eax, %dr5 */
    mov %dr7, %ebx
    .byte 0x0f, 0x21, 0xe1 /* mov %dr4, %ecx */
END
EXPERIMENT "dr4 with DE", RING0, 0, 0, debugging_extensions
    .byte 0x0f, 0x21, 0xe1
END
EXPERIMENT "dr5 with DE", RING0, 0, 0, debugging_extensions
    .byte 0x0f, 0x23, 0xe8
END
    .section .note.GNU-stack, "", @progbits
