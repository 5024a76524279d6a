/*
 * The world in which the experiments run: selectors, vectors, stacks and places. Shared by C and assembly.
 * world.c fills it; it is the same before every experiment.
 */
#ifndef WORLD_H
#define WORLD_H

/* --- GDT: the low two bits of a selector are its RPL ------------------------------------------------------ */
#define C0 0x08       /* flat 32-bit code, DPL 0 */
#define D0 0x10       /* flat 32-bit data, DPL 0 */
#define C3 0x1b       /* flat 32-bit code, DPL 3 */
#define D3 0x23       /* flat 32-bit data, DPL 3 */
#define TSS_MAIN 0x28 /* the TSS in TR when an experiment starts */
#define LDT 0x30
#define C1 0x39 /* flat code and data, DPL 1 and 2 */
#define D1 0x41
#define C2 0x4a
#define D2 0x52
#define CONFORMING0 0x58 /* flat conforming code, DPL 0 and 2 */
#define CONFORMING2 0x60
#define C16 0x68         /* 16-bit code at LOW_CODE, DPL 0 and 3 */
#define D16 0x70         /* 16-bit data at LOW_STACK, DPL 0 and 3 */
#define C16_3 0x7b
#define D16_3 0x83
#define READ_ONLY 0x88     /* flat data that cannot be written, DPL 0 */
#define EXECUTE_ONLY 0x90  /* flat code that cannot be read, DPL 0 */
#define ABSENT_DATA 0x98   /* not present, DPL 0 */
#define ABSENT_CODE 0xa0
#define EXPAND_DOWN 0xa8   /* 32 bits, base 0, valid above 0x1fff, DPL 0 */
#define EXPAND_DOWN16 0xb0 /* 16 bits, base LOW_STACK, valid from 0x1000 to 0xffff, DPL 0 */
#define SMALL_DATA 0xb8    /* base LOW_DATA, limit 0xfff in bytes, DPL 0 */
#define SMALL_CODE 0xc0    /* base LOW_CODE, 32-bit code, limit 0xfff in bytes, DPL 0 */
#define TSS_A 0xc8         /* 32-bit TSS, available, DPL 0 */
#define TSS_B 0xd0         /* 32-bit TSS, available, DPL 3 */
#define TSS_16 0xd8        /* 16-bit TSS, available, DPL 0 */
#define TSS_BUSY 0xe0      /* 32-bit TSS, busy, DPL 0 */
#define TSS_ABSENT 0xe8    /* 32-bit TSS, not present */
#define TSS_SHORT 0xf0     /* 32-bit TSS with limit 0x66 */
#define TSS_DOUBLE 0xf8    /* the task of #DF */
#define GATE0 0x100        /* 32-bit call gate to ring 0, DPL 3, no parameters */
#define GATE0_3 0x108      /* … with three parameters */
#define GATE16 0x110       /* 16-bit call gate to ring 0, DPL 3, two parameters */
#define GATE1 0x118        /* 32-bit call gate to ring 1, DPL 3 */
#define GATE_CONFORMING 0x120
#define GATE_PRIVATE 0x128 /* DPL 0 */
#define GATE_ABSENT 0x130
#define GATE_NULL 0x138    /* to a null selector */
#define GATE_DATA 0x140    /* to a data segment */
#define GATE_BEYOND 0x148  /* to a selector beyond the GDT */
#define GATE_ABSENT_CODE 0x150
#define GATE_OFFSET 0x158  /* beyond the limit of SMALL_CODE */
#define GATE_OUTER 0x160   /* to code of DPL 3 */
#define TASK_GATE 0x168    /* to TSS_A, DPL 3 */
#define TASK_GATE_ABSENT 0x170
#define TASK_GATE_LDT 0x178   /* to a selector in the LDT */
#define TASK_GATE_BUSY 0x180
#define TASK_GATE_PRIVATE 0x188 /* to TSS_A, DPL 0 */
#define RESERVED0 0x190 /* system descriptor of a reserved type: 0, 8, 10 */
#define RESERVED8 0x198
#define RESERVED10 0x1a0
#define C_HANDLER16 0x1a8 /* 32-bit code at the handlers of 16-bit gates */
#define FRESH_DATA 0x1b0  /* flat data, code and stack segments that nobody accessed yet, DPL 0 */
#define FRESH_CODE 0x1b8
#define FRESH_STACK 0x1c0
#define LDT_ABSENT 0x1c8
#define SMALL_STACK 0x1d3 /* base LOW_STACK, limit 0xfff in bytes, 32-bit, DPL 3 */
#define CONFORMING_XO 0x1d8 /* conforming code that cannot be read, DPL 0 */
#define C1_XO 0x1e0
#define CONFORMING16 0x1e8 /* 16-bit conforming code at LOW_CODE, DPL 0 */
#define INTERRUPT_GATE 0x1f0 /* an interrupt gate, which is of no use in a GDT */
#define C_REAL 0x1f8 /* 16-bit code and data at 0: the way to real mode */
#define D_REAL 0x200
#define EXPAND_STACK 0x20b /* as EXPAND_DOWN16, DPL 3 */
#define GDT_LIMIT 0x20f
#define BEYOND 0x210 /* the first selector that is not in the GDT */

/* --- LDT --------------------------------------------------------------------------------------------------- */
#define LDT_DATA 0x04 /* flat data, DPL 0 */
#define LDT_CODE 0x0c /* flat code, DPL 0 */
#define LDT_DATA3 0x17
#define LDT_CODE3 0x1f
#define LDT_TSS 0x24 /* a TSS, which is of no use in an LDT */
#define LDT_NESTED 0x2c /* an LDT in the LDT */
#define LDT_LIMIT 0x2f
#define LDT_BEYOND 0x34

/* --- IDT: 0–31 interrupt gates, DPL 3 for 3, 4 and 5, vector 8 a task gate --------------------------------- */
#define IRQ0 0x20
#define V_TRAP 0x40          /* 32-bit trap gate, DPL 3 */
#define V_INTERRUPT16 0x41   /* 16-bit interrupt gate, DPL 3 */
#define V_TRAP16 0x42        /* 16-bit trap gate, DPL 3 */
#define V_TASK 0x43          /* task gate to TSS_A, DPL 3 */
#define V_PRIVATE 0x44       /* interrupt gate, DPL 0 */
#define V_ABSENT 0x45        /* not present */
#define V_RESERVED 0x46      /* type 0 */
#define V_CALL 0x47          /* a call gate */
#define V_NULL 0x48          /* to a null selector */
#define V_BEYOND 0x49        /* to a selector beyond the GDT */
#define V_DATA 0x4a          /* to a data segment */
#define V_ABSENT_CODE 0x4b   /* to a code segment that is not present */
#define V_CONFORMING 0x4c    /* to conforming code, DPL 0 */
#define V_RING1 0x4d         /* to ring 1 */
#define V_RING3 0x4e         /* to ring 3 */
#define V_TASK_ABSENT 0x4f   /* task gates to a TSS that is not present, is busy, is in the LDT, is 16 bits wide */
#define V_TASK_BUSY 0x50
#define V_TASK_LDT 0x51
#define V_TASK_16 0x52
#define V_TASK_GATE_ABSENT 0x53 /* the task gate is not present */
#define V_OFFSET 0x54        /* beyond the limit of SMALL_CODE */
#define V_PLAIN 0x55         /* interrupt gate, DPL 3 */
#define V_RING2 0x56         /* to ring 2 */
#define V_NOTE 0x81          /* notes the state and goes on */
#define V_DONE 0x80          /* ends the experiment */
#define IDT_VECTORS 0x90

/* --- Stacks of 1 KiB: one for each ring as an experiment starts, one for each in TSS_MAIN, others for tasks -- */
#define STACK_SIZE 1024
#define STACK_K 0 /* ring 0, and of rings 1, 2, 3 */
#define STACK_1 1
#define STACK_2 2
#define STACK_U 3
#define STACK_T0 4 /* of TSS_MAIN */
#define STACK_T1 5
#define STACK_T2 6
#define STACK_A 7 /* of TSS_A, TSS_B, TSS_16, TSS_DOUBLE; inner one of TSS_A */
#define STACK_B 8
#define STACK_S 9
#define STACK_D 10
#define STACK_A0 11
#define STACKS 12

/* --- Low memory, for 16-bit code, virtual-8086 mode and real mode ------------------------------------------- */
#define REAL_CODE 0x8000  /* the way to real mode and back */
#define LOW_CODE 0x10000  /* experiments that run below 1 MiB are copied here */
#define LOW_STACK 0x20000
#define LOW_DATA 0x30000
#define LOW_TOP 0x1000 /* offset at which SP starts */
#define LOW_CS 0x1000
#define LOW_SS 0x2000
#define LOW_DS 0x3000

/* --- Linear memory: identity below 4 MiB, the test pages at 4 MiB ------------------------------------------- */
#define PAGES 0x400000
#define PAGE_USER_RW (PAGES + 0x0000)
#define PAGE_ABSENT (PAGES + 0x1000)
#define PAGE_USER_RO (PAGES + 0x2000)
#define PAGE_SYSTEM_RW (PAGES + 0x3000)
#define PAGE_SYSTEM_RO (PAGES + 0x4000)
#define PAGE_USER_RW2 (PAGES + 0x5000) /* followed by an absent one */
#define PAGE_ABSENT2 (PAGES + 0x6000)
#define PAGE_CODE (PAGES + 0x7000) /* the same frame as PAGE_USER_RW */
#define DIRECTORY_RO 0x800000     /* directory entry read-only, table entry writable, user */
#define DIRECTORY_SYSTEM 0xc00000 /* directory entry supervisor, table entry user */
#define DIRECTORY_ABSENT 0x1000000
#define LARGE_RESERVED 0x1400000 /* 4 MiB page with a reserved bit */
#define LARGE_PAGE 0x1800000     /* 4 MiB page, another view of the first 4 MiB */
#define LARGE_RO 0x1c00000

/* --- TSS fields, SDM Vol. 3A, Figures 7-2 and 7-10 ---------------------------------------------------------- */
#define T_LINK 0
#define T_ESP0 4
#define T_SS0 8
#define T_ESP1 12
#define T_SS1 16
#define T_ESP2 20
#define T_SS2 24
#define T_CR3 28
#define T_EIP 32
#define T_EFLAGS 36
#define T_EAX 40
#define T_ECX 44
#define T_EDX 48
#define T_EBX 52
#define T_ESP 56
#define T_EBP 60
#define T_ESI 64
#define T_EDI 68
#define T_ES 72
#define T_CS 76
#define T_SS 80
#define T_DS 84
#define T_FS 88
#define T_GS 92
#define T_LDT 96
#define T_TRAP 100
#define T_MAP 102
#define T_BITS 104 /* I/O permission bit map: ports 0–0xff */
#define T_SIZE (T_BITS + 33)
#define S_IP 14
#define S_FLAGS 16
#define S_AX 18
#define S_SP 26
#define S_ES 34
#define S_CS 36
#define S_SS 38
#define S_DS 40
#define S_LDT 42
#define S_SIZE 44

/* --- EFLAGS and control registers ---------------------------------------------------------------------------- */
#define CF 0x1
#define ZF 0x40
#define TF 0x100
#define IF 0x200
#define OF 0x800
#define IOPL1 0x1000
#define IOPL2 0x2000
#define IOPL3 0x3000
#define NT 0x4000
#define RF 0x10000
#define VM 0x20000
#define AC 0x40000

#define BASE_CR0 0x80010031 /* PG WP NE ET PE */
#define CR0_MP 0x2
#define CR0_EM 0x4
#define CR0_TS 0x8
#define CR0_AM 0x40000
#define BASE_CR4 0x10 /* PSE */
#define CR4_TSD 0x4
#define CR4_DE 0x8
#define CR4_OSFXSR 0x200
#define CR4_OSXMMEXCPT 0x400

/* --- How an experiment starts --------------------------------------------------------------------------------- */
#define RING0 0 /* flat 32-bit code */
#define RING1 1
#define RING2 2
#define RING3 3
#define SEG16 4   /* ring 0, C16 and D16 */
#define SEG16_3 5 /* ring 3 */
#define V86 6
#define REAL 7
#define QUIET 0x200 /* general registers depend on the machine and are not printed */
#define HARSH 0x100 /* left out with `harsh=0`: an emulator that gets it wrong does not come back */

/* What may happen without ending it, in `again`: vectors 0–31 that go on where they stopped; for faults, one of these. */
#define AGAIN(vector) (1 << (vector))
#define AGAIN_RF 0x10000000    /* set RF in the image, so that the breakpoint does not stop it again */
#define AGAIN_NT 0x20000000    /* clear RF in the image */
#define AGAIN_TF 0x40000000    /* clear TF in the image: one step */
#define AGAIN_IRQ 0x80000000   /* go on after IRQ 0 */

#endif
