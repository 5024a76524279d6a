/*
 * The real CPU as an oracle: executes one instruction per record inside a 32-bit process.
 *
 * Build: gcc -m32 -O1 -fno-pie -no-pie -o native native.c        Use: native < records > records
 *
 * A record goes in, the same record comes out with the state after the instruction:
 *
 *     0  code[12]      the instruction; a memory operand is [ESI], MASKMOV stores through [EDI]
 *    12  offset, trap  in: ESI = EDI = operand area + offset; out: 0, or the vector that was raised + 256
 *    16  eax ecx edx eflags
 *    32  image[288]    FXSAVE image without its reserved tail
 *   320  memory[128]   operand area, 16-byte aligned
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

struct record {
  uint8_t code[12];
  uint32_t trap;
  uint32_t eax, ecx, edx, eflags;
  uint8_t image[288];
  uint8_t memory[128];
};

uint8_t image[512] __attribute__((aligned(64)));
uint8_t memory[4096] __attribute__((aligned(4096)));
uint8_t clean[512] __attribute__((aligned(64)));
uint32_t g_eax, g_ecx, g_edx, g_eflags, g_operand, saved_esp;
uint8_t *g_code;
static volatile uint32_t g_trap;

void run_one(void);
extern char recover[];

__asm__(
    ".text\n"
    "run_one:\n"
    "  push %ebx\n  push %esi\n  push %edi\n  push %ebp\n"
    "  mov %esp, saved_esp\n"
    "  fxrstor image\n"
    "  mov g_operand, %esi\n  mov %esi, %edi\n"
    "  pushl g_eflags\n  popf\n"
    "  mov g_eax, %eax\n  mov g_ecx, %ecx\n  mov g_edx, %edx\n"
    "  call *g_code\n"
    "  mov %eax, g_eax\n  mov %ecx, g_ecx\n  mov %edx, g_edx\n"
    "  pushf\n  popl g_eflags\n"
    "  fxsave image\n"
    "recover:\n"
    "  fxrstor clean\n"
    "  cld\n"
    "  mov saved_esp, %esp\n"
    "  pop %ebp\n  pop %edi\n  pop %esi\n  pop %ebx\n"
    "  ret\n");

static void on_signal(int number, siginfo_t *info, void *context) {
  ucontext_t *u = context;
  (void)number;
  (void)info;
  g_trap = 256 + u->uc_mcontext.gregs[REG_TRAPNO];
  g_eax = u->uc_mcontext.gregs[REG_EAX];
  g_ecx = u->uc_mcontext.gregs[REG_ECX];
  g_edx = u->uc_mcontext.gregs[REG_EDX];
  g_eflags = u->uc_mcontext.gregs[REG_EFL];
  /* 32-bit frame: the FSAVE area (112 bytes), then the FXSAVE image. */
  uint8_t *frame = (uint8_t *)u->uc_mcontext.fpregs;
  memcpy(image, frame + 112, 512);
  u->uc_mcontext.fpregs->cw = 0x37f;
  u->uc_mcontext.fpregs->sw = 0;
  u->uc_mcontext.fpregs->tag = 0xffff;
  memcpy(frame + 112, clean, 32);
  u->uc_mcontext.gregs[REG_EIP] = (greg_t)recover;
}

static int read_all(void *p, size_t n) {
  size_t have = 0;
  while (have < n) {
    ssize_t k = read(0, (char *)p + have, n - have);
    if (k <= 0) return 0;
    have += k;
  }
  return 1;
}

int main(void) {
  static uint8_t stack[65536];
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  int signals[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGTRAP};
  sigaltstack(&alternate, 0);
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, 0);
  g_code = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  clean[0] = 0x7f;
  clean[1] = 0x03;
  clean[24] = 0x80;
  clean[25] = 0x1f;
  static struct record r[1024];
  size_t fill = 0;
  for (;;) {
    if (!read_all(&r[fill], sizeof *r)) break;
    struct record *p = &r[fill];
    memset(image, 0, sizeof image);
    memcpy(image, p->image, sizeof p->image);
    memcpy(memory + 1024, p->memory, sizeof p->memory);
    memcpy(g_code, p->code, sizeof p->code);
    g_code[sizeof p->code] = 0xc3;
    g_eax = p->eax;
    g_ecx = p->ecx;
    g_edx = p->edx;
    g_eflags = (p->eflags & 0x8d5) | 0x202;
    g_operand = (uint32_t)memory + 1024 + (p->trap & 63);
    g_trap = 0;
    run_one();
    p->trap = g_trap;
    p->eax = g_eax;
    p->ecx = g_ecx;
    p->edx = g_edx;
    p->eflags = g_eflags;
    memcpy(p->image, image, sizeof p->image);
    memcpy(p->memory, memory + 1024, sizeof p->memory);
    if (++fill == 1024) {
      fwrite(r, sizeof *r, fill, stdout);
      fill = 0;
    }
  }
  fwrite(r, sizeof *r, fill, stdout);
  return 0;
}
