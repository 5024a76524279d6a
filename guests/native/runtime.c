/* The guest's runtime on i386 Linux: the same programs, natively. */
#define _GNU_SOURCE
#include "../lib/guest.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

void put(char c) { putchar(c); }
int get(void) { return getchar(); }

void panic(const char *why) {
    printf("# panic: %s\n", why);
    exit(3);
}

void *heap(u32 bytes) {
    void *memory = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) panic("out of memory");
    return memory;
}

void *code_heap(u32 bytes) {
    void *memory = heap((bytes + 4095) & ~4095u);
    if (mprotect(memory, bytes, PROT_READ | PROT_WRITE | PROT_EXEC)) panic("no executable memory");
    return memory;
}

u32 guarded_error;
static sigjmp_buf guard;

static void on_signal(int signal, siginfo_t *info, void *context) {
    const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    (void)signal, (void)info;
    guarded_error = (u32)registers[REG_ERR];
    siglongjmp(guard, 0x100 | (int)registers[REG_TRAPNO]);
}

void guard_start(void) {
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t stack = {.ss_sp = heap(65536), .ss_size = 65536};
    sigaltstack(&stack, 0);
    static const int signals[] = {SIGILL, SIGSEGV, SIGTRAP, SIGBUS, SIGFPE};
    for (u32 i = 0; i < sizeof signals / sizeof signals[0]; i++) sigaction(signals[i], &action, 0);
}

u32 guarded(void (*action)(u32), u32 argument) {
    u32 vector = (u32)sigsetjmp(guard, 1);
    if (!vector) action(argument);
    return vector;
}

int main(int count, char **words) {
    static char line[512];
    u32 length = 0;
    for (int i = 1; i < count; i++)
        length += (u32)snprintf(line + length, sizeof line - length, i > 1 ? " %s" : "%s", words[i]);
    command_line = line;
    program();
    return 0;
}
