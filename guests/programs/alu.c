/*
 * Arithmetic and logic in bytes, words and doublewords with all the flags each defines: what the real CPU gives is the
 * recorded value. `n` rounds over random and over extreme operands.
 */
#include "guest.h"

#define CF 0x001u
#define PF 0x004u
#define AF 0x010u
#define ZF 0x040u
#define SF 0x080u
#define OF 0x800u
#define ALL (CF | PF | AF | ZF | SF | OF)

static u32 hash, a, b, c, flags_in;

/* EAX = a, EDX = b, ECX = c and the flags go in; EAX, EDX and the flags in `defined` come out. */
#define OP(instruction, defined)                                                                                   \
    do {                                                                                                           \
        u32 eax = a, edx = b, flags = flags_in;                                                                    \
        __asm__ volatile("push %2\npopf\n" instruction "\npushf\npop %2"                                           \
                         : "+a"(eax), "+d"(edx), "+S"(flags)                                                       \
                         : "c"(c)                                                                                  \
                         : "cc", "memory");                                                                        \
        hash = mix(mix(mix(hash, eax), edx), flags & (defined));                                                   \
    } while (0)

#define LOGIC (ALL & ~AF)
#define BINARY(name, defined) OP(name " %%dl, %%al", defined); OP(name " %%dx, %%ax", defined); OP(name " %%edx, %%eax", defined)
#define UNARY(name, defined) OP(name " %%ah", defined); OP(name " %%ax", defined); OP(name " %%eax", defined)
#define SHIFT(name, defined) OP(name " %%cl, %%al", defined); OP(name " %%cl, %%dx", defined); OP(name " %%cl, %%eax", defined)

static NOINLINE void arithmetic(void) {
    BINARY("add", ALL);
    BINARY("adc", ALL);
    BINARY("sub", ALL);
    BINARY("sbb", ALL);
    BINARY("cmp", ALL);
    BINARY("and", LOGIC);
    BINARY("or", LOGIC);
    BINARY("xor", LOGIC);
    BINARY("test", LOGIC);
    BINARY("xchg", ALL);
    BINARY("xadd", ALL);
    BINARY("cmpxchg", ALL);
    UNARY("inc", ALL);
    UNARY("dec", ALL);
    UNARY("neg", ALL);
    UNARY("not", ALL);
    OP("mul %%dl", CF | OF);
    OP("mul %%dx", CF | OF);
    OP("mul %%edx", CF | OF);
    OP("imul %%dl", CF | OF);
    OP("imul %%dx", CF | OF);
    OP("imul %%edx", CF | OF);
    OP("imul %%dx, %%ax", CF | OF);
    OP("imul %%edx, %%eax", CF | OF);
    OP("imul $-77, %%edx, %%eax", CF | OF);
}

/* OF is defined for counts of 1 alone, CF of SHL and SHR for counts up to the operand's size, AF never. */
static NOINLINE void shifts(void) {
    u32 count = c & 31, one = count == 1 ? OF : 0, zero = count == 0 ? ALL : 0;
    u32 shifted = zero | PF | ZF | SF | one | (count <= 8 ? CF : 0);
    SHIFT("shl", shifted);
    SHIFT("shr", shifted);
    SHIFT("sar", zero | PF | ZF | SF | CF | one);
    SHIFT("rol", zero | PF | ZF | SF | AF | CF | one);
    SHIFT("ror", zero | PF | ZF | SF | AF | CF | one);
    SHIFT("rcl", zero | PF | ZF | SF | AF | CF | one);
    SHIFT("rcr", zero | PF | ZF | SF | AF | CF | one);
    OP("shld %%cl, %%edx, %%eax", zero | PF | ZF | SF | CF | one);
    OP("shrd %%cl, %%edx, %%eax", zero | PF | ZF | SF | CF | one);
    OP("shl %%eax", LOGIC);
    OP("sar %%eax", LOGIC);
    OP("rcl %%eax", ALL);
    OP("rcr $5, %%edx", PF | ZF | SF | AF | CF);
}

static NOINLINE void bits(void) {
    OP("bt %%edx, %%eax", CF);
    OP("bts %%edx, %%eax", CF);
    OP("btr %%dx, %%ax", CF);
    OP("btc $13, %%eax", CF);
    if (b) {
        OP("bsf %%edx, %%eax", ZF);
        OP("bsr %%edx, %%eax", ZF);
    }
    OP("bswap %%eax", ALL);
    OP("movsbl %%dl, %%eax", ALL);
    OP("movzwl %%dx, %%eax", ALL);
    OP("cwtl", ALL);
    OP("cltd", ALL);
    OP("lahf", ALL);
    OP("sahf", ALL);
    OP("setg %%al", ALL);
    OP("setbe %%dl", ALL);
    OP("cmovl %%edx, %%eax", ALL);
    OP("cmovp %%edx, %%eax", ALL);
    OP("cmc", ALL);
    OP("daa", CF | AF | PF | ZF | SF);
    OP("das", CF | AF | PF | ZF | SF);
    OP("aaa; mov $0, %%ah", CF | AF);
    OP("aas; mov $0, %%ah", CF | AF);
    OP("aam", PF | ZF | SF);
    OP("aad", PF | ZF | SF);
    OP("lea -5(%%eax,%%edx,8), %%eax", ALL);
    OP("push %%eax; xchg %%edx, (%%esp); pop %%eax", ALL);
}

static NOINLINE void divisions(void) {
    u32 divisor = b | 0x80000000u; /* larger than the high half, so that no quotient overflows */
    u32 eax = a, edx = c & 0x7fffffff;
    __asm__ volatile("div %2" : "+a"(eax), "+d"(edx) : "r"(divisor) : "cc");
    hash = mix(mix(hash, eax), edx);
    int dividend = (int)a, rest = dividend >> 31;
    if (b + 1 > 1) {
        __asm__ volatile("idiv %2" : "+a"(dividend), "+d"(rest) : "r"(b) : "cc");
        hash = mix(mix(hash, (u32)dividend), (u32)rest);
    }
    u32 small = (a & 0xff) | (b & 0xff) << 8 | 0x80, quotient = a & 0x3fff;
    __asm__ volatile("div %b1" : "+a"(quotient) : "d"(small) : "cc"); /* 8-bit: AX / DL */
    hash = mix(hash, quotient & 0xffff);
}

void program(void) {
    static const u32 extremes[16] = {0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000,
                                     0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff};
    u32 n = argument("n", 12000), seed = seeded(argument("seed", 1));
    hash = MIX_START;
    begin("alu");
    for (u32 i = 0; i < n; i++) {
        u32 random = next_random(&seed);
        a = random & 0x100 ? extremes[random >> 28] : next_random(&seed);
        b = random & 0x200 ? extremes[random >> 24 & 15] : next_random(&seed);
        c = random & 0x400 ? random >> 20 & 1 : next_random(&seed);
        flags_in = (next_random(&seed) & ALL) | 2;
        arithmetic();
        shifts();
        bits();
        divisions();
    }
    end(hash);
}
