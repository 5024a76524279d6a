/* Task switches by JMP, CALL, IRET, task gates and INT; busy bits, links, NT, TS; faults on both sides. SDM Vol. 3A, ch. 7. */
#include "experiment.h"

#define TSS_A_RPL3 0xcb
#define TSS_B_RPL3 0xd3
#define TASK_GATE_RPL3 0x16b

    .text
/* --- which instruction may go to which descriptor */
.macro SWITCH name:req, selector:req, mode=RING0
EXPERIMENT "call task: \name", \mode, CF
    lcall $\selector, $0x99999999
END
EXPERIMENT "jmp task: \name", \mode, CF
    ljmp $\selector, $0x99999999
END
.endm
SWITCH "a TSS", TSS_A
SWITCH "a task gate", TASK_GATE
SWITCH "a TSS of DPL 3, from ring 3", TSS_B_RPL3, RING3
SWITCH "a task gate, from ring 3", TASK_GATE_RPL3, RING3
SWITCH "a 16-bit TSS", TSS_16
SWITCH "a TSS of DPL 0, from ring 3", TSS_A_RPL3, RING3
SWITCH "a TSS with RPL 3", TSS_A_RPL3
SWITCH "a task gate of DPL 0, from ring 3", TASK_GATE_PRIVATE, RING3
SWITCH "a busy TSS", TSS_BUSY
SWITCH "an absent TSS", TSS_ABSENT
SWITCH "a TSS that is too short", TSS_SHORT
SWITCH "the own TSS", TSS_MAIN
SWITCH "a TSS in the LDT", LDT_TSS
SWITCH "an absent task gate", TASK_GATE_ABSENT
SWITCH "a task gate to the LDT", TASK_GATE_LDT
SWITCH "a task gate to a busy TSS", TASK_GATE_BUSY
EXPERIMENT "int to a task", RING0, IF+CF
    int $V_TASK
END
EXPERIMENT "int to a task from ring 3", RING3, OF
    int $V_TASK
END
EXPERIMENT "int to a 16-bit task", RING3
    int $V_TASK_16
END

/* --- what is saved and loaded; IRET back and again into the same task */
EXPERIMENT "a task is called twice", RING0
    lcall $TSS_A, $0
    lcall $TSS_A, $0
    nop
END
EXPERIMENT "jmp there and jmp back", RING0
    movl $1f, tss_a + T_EIP
    ljmp $TSS_A, $0
    mov $0x1234, %eax
    NOTE
    jmp 2f
1:  NOTE
    ljmp $TSS_MAIN, $0
2:
END
EXPERIMENT "calls nest: three tasks deep", RING0
    movl $1f, tss_a + T_EIP
    lcall $TSS_A, $0
    NOTE
    jmp 2f
1:  lcall $TSS_B, $0
    NOTE
    iret
2:
END
EXPERIMENT "a task that was called may not be called again", RING0
    movl $1f, tss_a + T_EIP
    lcall $TSS_A, $0
1:  lcall $TSS_MAIN, $0
END
EXPERIMENT "all registers", RING0, 0, 0
    movl $D1 & ~3, tss_a + T_DS
    movl $LDT_DATA, tss_a + T_ES
    movl $LDT, tss_a + T_LDT
    movl $CONFORMING0, tss_a + T_FS
    movl $3, tss_a + T_GS
    lcall $TSS_A, $0
END
EXPERIMENT "a task in ring 3", RING0
    movl $C3, tss_a + T_CS
    movl $D3, tss_a + T_SS
    movl $0, tss_a + T_DS
    movl $D3, tss_a + T_ES
    movl $0, tss_a + T_FS
    movl $0, tss_a + T_GS
    movl $IOPL1 | IF | 2, tss_a + T_EFLAGS
    lcall $TSS_A, $0
END
EXPERIMENT "a task in ring 1", RING0
    movl $C1, tss_a + T_CS
    movl $D1, tss_a + T_SS
    movl $D1, tss_a + T_DS
    movl $D1, tss_a + T_ES
    movl $0, tss_a + T_FS
    movl $0, tss_a + T_GS
    ljmp $TSS_A, $0
END
EXPERIMENT "another page directory", RING0, 0, 0, second_directory
    mov PAGE_USER_RW, %eax
    lcall $TSS_A, $0
END
EXPERIMENT "NT is saved by jmp, cleared by iret", RING0, NT
    ljmp $TSS_A, $0
END
EXPERIMENT "NT in the new task's image, by jmp", RING0
    movl $NT | 2, tss_a + T_EFLAGS
    movl $TSS_MAIN, tss_a
    ljmp $TSS_A, $0
END
EXPERIMENT "TS and clts", RING0
    movl $1f, tss_a + T_EIP
    lcall $TSS_A, $0
    fnop
1:  clts
    fnop
    iret
END
EXPERIMENT "a task saves into a 16-bit TSS", SEG16
    .code16
    mov $TSS_16, %ax
    ltr %ax
    lcall $TSS_A, $0
    movzwl %ax, %eax
    movzwl %cx, %ecx
    movzwl %dx, %edx
    movzwl %bx, %ebx
    movzwl %bp, %ebp
    movzwl %si, %esi
    movzwl %di, %edi
    movzwl %sp, %esp
END

/* --- IRET with NT */
.macro NESTED name:req, link:req
EXPERIMENT "iret with NT: \name", RING0, NT
    movl $\link, tss_main
    iret
END
.endm
NESTED "to a busy TSS", TSS_BUSY
NESTED "to an available TSS", TSS_A
NESTED "to null", 0
NESTED "to data", D0
NESTED "to the LDT", LDT_TSS
NESTED "beyond the GDT", BEYOND
NESTED "to itself", TSS_MAIN
EXPERIMENT "iret with NT: to an absent TSS", RING0, NT
    RIGHTS TSS_BUSY, 0x0b
    movl $TSS_BUSY, tss_main
    iret
END
EXPERIMENT "iret with NT in ring 3", RING3, NT
    iret
END

/* --- faults before the switch: they belong to the old task */
EXPERIMENT "new TSS on an absent page", RING0
    movl $(PAGE_ABSENT & 0xffff) << 16 | T_SIZE - 1, gdt + TSS_A
    movb $PAGE_ABSENT >> 16 & 0xff, gdt + TSS_A + 4
    lcall $TSS_A, $0
END
EXPERIMENT "new TSS on a read-only page", RING0
    movl $(PAGE_SYSTEM_RO & 0xffff) << 16 | T_SIZE - 1, gdt + TSS_A
    movb $PAGE_SYSTEM_RO >> 16 & 0xff, gdt + TSS_A + 4
    lcall $TSS_A, $0
END
EXPERIMENT "old TSS too short", RING0
    movw $0x66, gdt + TSS_B
    mov $TSS_B, %eax
    ltr %ax
    lcall $TSS_A, $0
END

/* --- faults after the switch: they belong to the new task */
.macro FAULTY name:req, field:req, selector:req, how=lcall
EXPERIMENT "new task: \name", RING0, 0, 0, fault_tasks
    movl $\selector, tss_a + \field
    \how $TSS_A, $0
END
.endm
FAULTY "LDT is data", T_LDT, D0
FAULTY "LDT is absent", T_LDT, LDT_ABSENT
FAULTY "LDT in the LDT", T_LDT, LDT_NESTED
FAULTY "LDT beyond the GDT", T_LDT, BEYOND
FAULTY "CS null", T_CS, 0
FAULTY "CS is data", T_CS, D0
FAULTY "CS absent", T_CS, ABSENT_CODE
FAULTY "CS with RPL 3 and DPL 0", T_CS, 0x0b
FAULTY "CS beyond the GDT", T_CS, BEYOND
FAULTY "CS conforming", T_CS, CONFORMING0
FAULTY "SS null", T_SS, 0
FAULTY "SS read-only", T_SS, READ_ONLY
FAULTY "SS absent", T_SS, ABSENT_DATA
FAULTY "SS of ring 1", T_SS, D1
FAULTY "DS execute-only", T_DS, EXECUTE_ONLY
FAULTY "DS absent", T_DS, ABSENT_DATA
FAULTY "DS is a TSS", T_DS, TSS_B
FAULTY "ES with RPL 3", T_ES, 0x13
FAULTY "GS beyond the GDT", T_GS, BEYOND
FAULTY "EIP beyond the limit", T_CS, SMALL_CODE
FAULTY "EIP on an absent page", T_EIP, PAGE_ABSENT
FAULTY "SS read-only, by jmp", T_SS, READ_ONLY, ljmp
EXPERIMENT "new task of an interrupt: SS null", RING0, 0, 0, fault_tasks
    movl $0, tss_a + T_SS
    int $V_TASK
END

/* --- exceptions through task gates */
EXPERIMENT "page fault through a task gate", RING3, CF, 0, page_fault_task
    mov PAGE_ABSENT, %eax
END
EXPERIMENT "invalid opcode through a task gate", RING0, 0, 0, invalid_opcode_task
    ud2
END
EXPERIMENT "general protection through a 16-bit task", RING3, 0, 0, protection_task16
    cli
END
EXPERIMENT "page fault through a task gate to a busy task", RING0, 0, 0, page_fault_busy
    mov PAGE_ABSENT, %eax
END
EXPERIMENT "error code without room on the new task's stack", RING3, 0, 0, page_fault_no_room
    mov PAGE_ABSENT, %eax
END

/* --- the T bit */
EXPERIMENT "T bit", RING0, 0, AGAIN(1)
    movl $1, tss_a + T_TRAP
    movw $T_BITS, tss_a + T_MAP
    lcall $TSS_A, $0
END
EXPERIMENT "T bit by an interrupt", RING3, 0, AGAIN(1), trap_bit
    int $V_TASK
END
EXPERIMENT "local breakpoints are disabled by a task switch", RING0
    mov $0x7ff, %eax
    mov %eax, %dr7
    lcall $TSS_A, $0
    mov %dr7, %ecx
END
    .section .note.GNU-stack, "", @progbits
