/* A stack machine interpreted with one switch (indirect jumps). Its program: the Collatz lengths of 1 … n−1. */
#include "guest.h"

enum { PUSH, LOAD, STORE, ADD, TRIPLE, HALF, ODD, LESS, JUMP, JUMP_ZERO, EMIT, STOP };
enum { I, X, LENGTH, N };

static u8 code[128];
static u32 here;

static u32 emit(u8 operation, u32 operand) { /* two bytes each; returns the place of the operand */
    code[here] = operation;
    code[here + 1] = (u8)operand;
    here += 2;
    return here - 1;
}

static void assemble(void) {
    emit(PUSH, 1), emit(STORE, I);
    u32 outer = here;
    emit(LOAD, I), emit(LOAD, N), emit(LESS, 0);
    u32 done = emit(JUMP_ZERO, 0);
    emit(LOAD, I), emit(STORE, X), emit(PUSH, 0), emit(STORE, LENGTH);
    u32 inner = here;
    emit(PUSH, 1), emit(LOAD, X), emit(LESS, 0);
    u32 next = emit(JUMP_ZERO, 0);
    emit(LOAD, X), emit(ODD, 0);
    u32 even = emit(JUMP_ZERO, 0);
    emit(LOAD, X), emit(TRIPLE, 0), emit(PUSH, 1), emit(ADD, 0), emit(STORE, X);
    u32 count = emit(JUMP, 0);
    code[even] = (u8)here;
    emit(LOAD, X), emit(HALF, 0), emit(STORE, X);
    code[count] = (u8)here;
    emit(LOAD, LENGTH), emit(PUSH, 1), emit(ADD, 0), emit(STORE, LENGTH), emit(JUMP, inner);
    code[next] = (u8)here;
    emit(LOAD, LENGTH), emit(EMIT, 0), emit(LOAD, I), emit(PUSH, 1), emit(ADD, 0), emit(STORE, I), emit(JUMP, outer);
    code[done] = (u8)here;
    emit(STOP, 0);
}

static NOINLINE u32 interpret(u32 n) {
    u32 stack[16], variables[4] = {0, 0, 0, n}, hash = MIX_START, *top = stack;
    for (const u8 *at = code;;) {
        u8 operation = at[0], operand = at[1];
        at += 2;
        switch (operation) {
            case PUSH: *top++ = operand; break;
            case LOAD: *top++ = variables[operand]; break;
            case STORE: variables[operand] = *--top; break;
            case ADD: top--; top[-1] += top[0]; break;
            case TRIPLE: top[-1] *= 3; break;
            case HALF: top[-1] >>= 1; break;
            case ODD: top[-1] &= 1; break;
            case LESS: top--; top[-1] = top[-1] < top[0]; break;
            case JUMP: at = code + operand; break;
            case JUMP_ZERO: if (!*--top) at = code + operand; break;
            case EMIT: hash = mix(hash, *--top); break;
            default: return hash;
        }
    }
}

void program(void) {
    u32 n = argument("n", 1200);
    assemble();
    begin("interp");
    end(interpret(n));
}
