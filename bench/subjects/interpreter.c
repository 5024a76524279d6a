/* A µop interpreter in C; see interpreter.ts. Arguments: vCPU, block, instructions, then ESI and EDI. */
#include "harness.h"

enum { /* uops.ts */
    STOP, MOV, MOV_I, ADD, ADD_I, SUB, SUB_I, AND, AND_I, AND_I_FLAGS, OR, OR_I, XOR, XOR_I, INC, DEC, DEC_FLAGS,
    ROL_I, SHL_I, SHR_I, LEA, LOAD, LOAD_8, STORE, STORE_8, JMP, JZ, JNZ
};
enum { HEADER = 32, LINK0 = 20, UOP = 16 };

struct uop {
    u16 op;
    u8 a, b, base, index, scale, length;
    u32 disp, imm;
};

static inline u32 address(u32 s, const struct uop *u) {
    return load32(s + u->base) + u->disp + (load32(s + u->index) << u->scale);
}

#define NEXT pc += UOP; continue
#define BINARY(OP, value) case OP: store32(a, load32(a) value); NEXT

static __attribute__((noinline)) i32 interpret(u32 s, u32 block, i32 allowance) {
    u32 tlb = load32(s + VCPU_TLB_BANK), pc = block + HEADER;
    i32 budget = allowance - (i32)load32(block);
    if (budget < 0) return allowance;
    for (;;) {
        const struct uop *u = (const struct uop *)(flat + pc);
        u32 a = s + u->a, b = s + u->b, link;
        switch (u->op) {
        case MOV: store32(a, load32(b)); NEXT;
        case MOV_I: store32(a, u->imm); NEXT;
        BINARY(ADD, +load32(b));
        BINARY(ADD_I, +u->imm);
        BINARY(SUB, -load32(b));
        BINARY(SUB_I, -u->imm);
        BINARY(AND, &load32(b));
        BINARY(AND_I, &u->imm);
        BINARY(OR, | load32(b));
        BINARY(OR_I, | u->imm);
        BINARY(XOR, ^load32(b));
        BINARY(XOR_I, ^u->imm);
        BINARY(INC, +1);
        BINARY(DEC, -1);
        BINARY(ROL_I, << u->imm | load32(a) >> (32 - u->imm));
        BINARY(SHL_I, << u->imm);
        BINARY(SHR_I, >> u->imm);
        case AND_I_FLAGS: {
            u32 result = load32(a) & u->imm;
            store32(a, result);
            store32(s + VCPU_FLAG_RESULT, result);
            store32(s + VCPU_FLAG_AUX, 0);
            NEXT;
        }
        case DEC_FLAGS: {
            u32 value = load32(a), result = value - 1, carry = load32(s + VCPU_FLAG_AUX) & 0x80000000;
            u32 overflow = (value & ~result & 0x80000000) >> 1;
            store32(a, result);
            store32(s + VCPU_FLAG_RESULT, result);
            store32(s + VCPU_FLAG_AUX, carry | (carry >> 1 ^ overflow) | (~value & result & 8));
            NEXT;
        }
        case LEA: store32(a, address(s, u)); NEXT;
        case LOAD: {
            u32 m = address(s, u), entry = tlb + (m >> 8 & TLB_INDEX_MASK);
            if (load32(entry + TLB_TAG_R) != ((m + 3) & PAGE_MASK)) return -1;
            store32(a, load32(m + load32(entry + TLB_ADDEND)));
            NEXT;
        }
        case LOAD_8: {
            u32 m = address(s, u), entry = tlb + (m >> 8 & TLB_INDEX_MASK);
            if (load32(entry + TLB_TAG_R) != (m & PAGE_MASK)) return -1;
            store32(a, flat[m + load32(entry + TLB_ADDEND)]);
            NEXT;
        }
        case STORE: {
            u32 m = address(s, u), entry = tlb + (m >> 8 & TLB_INDEX_MASK);
            if (load32(entry + TLB_TAG_W) != ((m + 3) & PAGE_MASK)) return -1;
            store32(m + load32(entry + TLB_ADDEND), load32(b));
            NEXT;
        }
        case STORE_8: {
            u32 m = address(s, u), entry = tlb + (m >> 8 & TLB_INDEX_MASK);
            if (load32(entry + TLB_TAG_W) != (m & PAGE_MASK)) return -1;
            flat[m + load32(entry + TLB_ADDEND)] = load32(b);
            NEXT;
        }
        case JMP: link = LINK0; break;
        case JZ: link = load32(s + VCPU_FLAG_RESULT) == 0 ? LINK0 : LINK0 + 4; break;
        case JNZ: link = load32(s + VCPU_FLAG_RESULT) != 0 ? LINK0 : LINK0 + 4; break;
        default: return -1;
        }
        block = load32(block + link);
        i32 left = budget - (i32)load32(block);
        if (left < 0) return budget;
        budget = left;
        pc = block + HEADER;
    }
}

static u32 subject(void) {
    u32 s = arguments[0];
    store32(s + VCPU_ESI, arguments[3]);
    store32(s + VCPU_EDI, arguments[4]);
    store32(s + VCPU_ECX, 0);
    store32(s + VCPU_EDX, 1);
    store32(s + VCPU_EBX, 0x7fffffff);
    return interpret(s, arguments[1], (i32)arguments[2]) == 0 ? load32(s + VCPU_EDX) : ~0u;
}
