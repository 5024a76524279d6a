/* Fibonacci by two recursive calls for `n`: CALL, RET and the stack. */
#include "guest.h"

static NOINLINE u32 fib(u32 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

void program(void) {
    u32 n = argument("n", 30);
    begin("fib");
    end(fib(n));
}
