/*
 * The real CPU as an oracle: runs IA-32 programs of test/oracle/generate.ts at CPL 3 and reports the state they leave.
 *
 *   gcc -O2 -static-pie -nostdlib -nostartfiles -ffreestanding -fno-stack-protector native.c -o native
 *   native [flags] < cases > results         flags: 1 = x87/SSE state, 2 = dump the windows after each result
 *
 * This is a 64-bit program that enters the cases by a far jump to Linux's flat 32-bit code segment (CS = 0x23). A processor in
 * compatibility mode at CPL 3 is an IA-32 processor in protected mode; and since the program itself lies above 4 GiB, a stray
 * 32-bit access meets only the windows below or a real page fault, never the harness.
 *
 *   00004000  low      1 page  RW   what 16-bit addresses reach
 *   10000000  data     2 pages RW   then a hole
 *   10003000  constant 1 page  R    then a hole
 *   10005000  stack    1 page  RW   then a hole
 *   5b3e8000  code     2 pages RWX  then a hole
 *   6a5d3000  end      1 page  RX   the end of every program jumps here
 *
 * Freestanding: no libc, so that FS and GS are free for the cases (glibc keeps thread state at FS).
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

#define LOW 0x00004000u
#define DATA 0x10000000u
#define CONSTANT 0x10003000u
#define STACK 0x10005000u
#define CODE 0x5b3e8000u
#define CODE_SIZE 0x2000u
#define END 0x6a5d3000u
#define CODE_CAPACITY 148

#define KIND_END 0x100  /* the program reached its end */
#define KIND_HANG 0x101 /* the watchdog stopped it */

/* A case as generate.ts writes it, 192 bytes; with flag 1 a 512-byte FXSAVE image follows. */
struct program {
  u32 gpr[8]; /* EAX ECX EDX EBX ESP EBP ESI EDI */
  u32 eflags;
  u32 eip;
  u16 cs;
  u16 length;
  u8 code[CODE_CAPACITY - 4];
  u32 seed; /* of the windows' contents */
};

/* A result, 64 bytes; with flag 1 a 512-byte FXSAVE image follows, with flag 2 the four writable pages. */
struct result {
  u32 gpr[8];
  u32 eflags;
  u32 eip;
  u32 kind;  /* vector of the exception, or KIND_* */
  u32 error; /* error code of the exception */
  u32 cr2;
  u32 memory;  /* hash of the words that changed */
  u32 changed; /* number of words that changed */
  u32 zero;
};

static struct program program __attribute__((aligned(64)));
static u8 image_in[512] __attribute__((aligned(64)));
static u8 image_out[512] __attribute__((aligned(64)));
static struct result result __attribute__((aligned(64)));
static u32 with_fpu, with_dump;
static volatile u64 cases;
static u64 watched = ~0ul;
static u8 alternate_stack[65536] __attribute__((aligned(64)));

/* ── system calls ─────────────────────────────────────────────────────────── */

static long syscall6(long n, long a, long b, long c, long d, long e, long f) {
  long r;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return r;
}
#define SYS_READ 0
#define SYS_WRITE 1
#define SYS_MMAP 9
#define SYS_MPROTECT 10
#define SYS_RT_SIGACTION 13
#define SYS_SETITIMER 38
#define SYS_EXIT 60
#define SYS_SIGALTSTACK 131

static void die(int code, const char *text) {
  long length = 0;
  while (text[length]) length++;
  syscall6(SYS_WRITE, 2, (long)text, length, 0, 0, 0);
  for (;;) syscall6(SYS_EXIT, code, 0, 0, 0, 0, 0);
}

/* ── the crossing: enter() starts the program; leave and the signal handler return from it ── */

u64 saved_stack __attribute__((visibility("hidden")));
void enter(struct program *p, u32 fpu, u8 *image) __attribute__((visibility("hidden")));
void leave(void) __attribute__((visibility("hidden")));
void unwind(void) __attribute__((visibility("hidden"), noreturn));
void handler(void) __attribute__((visibility("hidden")));
void restorer(void) __attribute__((visibility("hidden")));
extern struct result *leave_result(void) __attribute__((visibility("hidden")));

asm(".text\n"
    ".globl enter, leave, unwind, handler, restorer\n"
    "enter:\n"
    "  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15; push %rdx; push %rsi\n"
    "  mov %rsp, saved_stack(%rip)\n"
    "  mov $0x2b, %eax\n"
    "  mov %eax, %ds; mov %eax, %es; mov %eax, %fs; mov %eax, %gs\n"
    "  test %esi, %esi; jz 1f; fxrstor (%rdx)\n"
    "1: mov %rdi, %r15\n"
    "  mov 32(%r15), %eax; push %rax; popfq\n"
    "  mov 0(%r15), %eax; mov 4(%r15), %ecx; mov 8(%r15), %edx; mov 12(%r15), %ebx\n"
    "  mov 16(%r15), %esp; mov 20(%r15), %ebp; mov 24(%r15), %esi; mov 28(%r15), %edi\n"
    "  ljmp *36(%r15)\n"
    /* The end page's 64-bit code comes here with ESP in R8; no flag has changed since the program's end. */
    "leave:\n"
    "  mov saved_stack(%rip), %rsp\n"
    "  pushfq\n"
    "  pushq $0x202; popfq\n"
    "  lea result(%rip), %r15\n"
    "  mov %eax, 0(%r15); mov %ecx, 4(%r15); mov %edx, 8(%r15); mov %ebx, 12(%r15)\n"
    "  mov %r8d, 16(%r15); mov %ebp, 20(%r15); mov %esi, 24(%r15); mov %edi, 28(%r15)\n"
    "  pop %rax; mov %eax, 32(%r15)\n"
    "  movl $0x6a5d3000, 36(%r15); movl $0x100, 40(%r15); movl $0, 44(%r15); movl $0, 48(%r15)\n"
    "  cmpl $0, (%rsp); je unwind\n"
    "  lea image_out(%rip), %rax; fxsave (%rax)\n"
    "unwind:\n"
    "  mov saved_stack(%rip), %rsp\n"
    "  pop %rsi; pop %rdx\n"
    "  test %esi, %esi; jz 1f\n"
    "  fninit; pushq $0x1f80; ldmxcsr (%rsp); pop %rax\n"
    "1: pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "  ret\n"
    /* AC, NT and what else the program set must not act on the C code below. */
    "handler:\n"
    "  pushq $0x202; popfq\n"
    "  jmp on_signal\n"
    "restorer:\n"
    "  mov $15, %eax; syscall\n");

/* asm/sigcontext.h, asm/ucontext.h: only what is used */
struct sigcontext {
  u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
  u16 cs, gs, fs, ss;
  u64 err, trapno, oldmask, cr2;
  u8 *fpstate;
};
struct ucontext {
  u64 flags;
  struct ucontext *link;
  u64 stack[3];
  struct sigcontext context;
};
#define SIGPROF 27

void on_signal(int signal, void *info, struct ucontext *u) __attribute__((visibility("hidden")));
void on_signal(int signal, void *info, struct ucontext *u) {
  struct sigcontext *c = &u->context;
  (void)info;
  if (signal == SIGPROF) {
    if (c->cs != 0x23 || watched != cases) {
      watched = cases;
      return;
    }
  } else if (c->cs != 0x23) {
    die(3, "oracle: the harness itself faulted\n");
  }
  u32 *g = result.gpr;
  g[0] = c->rax, g[1] = c->rcx, g[2] = c->rdx, g[3] = c->rbx;
  g[4] = c->rsp, g[5] = c->rbp, g[6] = c->rsi, g[7] = c->rdi;
  result.eflags = c->eflags;
  result.eip = c->rip;
  result.kind = signal == SIGPROF ? KIND_HANG : c->trapno;
  result.error = c->err;
  result.cr2 = c->trapno == 14 ? c->cr2 : 0;
  if (with_fpu)
    for (int i = 0; i < 512; i += 8) *(u64 *)(image_out + i) = *(u64 *)(c->fpstate + i);
  unwind();
}

/* ── the windows ──────────────────────────────────────────────────────────── */

#define PAGES 4
#define PAGE_WORDS 1024
static const u32 page_address[PAGES] = {DATA, DATA + 0x1000, STACK, LOW};
static u32 pristine[PAGES][PAGE_WORDS] __attribute__((aligned(64)));

/* Ranges that each case fills anew: page, first word, words. The page boundary in the data window lies inside one. */
static const u16 active[7][3] = {{0, 0, 16}, {0, 960, 64}, {1, 0, 64}, {1, 1008, 16}, {2, 496, 32}, {3, 504, 16}, {3, 1016, 8}};

static u32 background(u32 address) { return (address ^ (address >> 7)) * 0x9e3779b1u; }

static u32 interesting(u32 i) {
  static const u32 values[16] = {0,      1,      0xffffffff, 0x80000000, 0x7fffffff, 0xffff,     0x8000,     0x7fff,
                                 0x8080, 0x7f7f, 0xff,       0x80,       0x00010000, 0x55555555, 0xaaaaaaaa, 0xfffffffe};
  return values[i & 15];
}

static void fill(u32 seed) {
  u32 x = seed | 1;
  for (int r = 0; r < 7; r++) {
    u32 *w = (u32 *)(u64)page_address[active[r][0]];
    u32 *p = pristine[active[r][0]];
    for (u32 i = active[r][1], n = i + active[r][2]; i < n; i++) {
      x ^= x << 13, x ^= x >> 17, x ^= x << 5;
      u32 v = (x & 0x700) ? x : interesting(x);
      w[i] = v, p[i] = v;
    }
  }
}

static u32 mix(u32 h, u32 v) {
  h = (h ^ v) * 0x9e3779b1u;
  return h ^ (h >> 15);
}

typedef u64 vector __attribute__((vector_size(16)));

/* Hashes the words that differ from the initial contents and puts those back. */
static void compare(void) {
  u32 h = 0, changed = 0;
  for (u32 page = 0; page < PAGES; page++) {
    u32 *w = (u32 *)(u64)page_address[page];
    u32 *p = pristine[page];
    for (u32 i = 0; i < PAGE_WORDS; i += 16) {
      const vector *a = (const vector *)(w + i), *b = (const vector *)(p + i);
      vector d = (a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]);
      if (__builtin_expect((d[0] | d[1]) == 0, 1)) continue;
      for (u32 k = i; k < i + 16; k++) {
        if (w[k] == p[k]) continue;
        h = mix(mix(h, page << 10 | k), w[k]);
        w[k] = p[k];
        changed++;
      }
    }
  }
  result.memory = h;
  result.changed = changed;
}

static void map(u32 address, u32 size, int protection) {
  long r = syscall6(SYS_MMAP, address, size, protection, 0x32, -1, 0); /* FIXED | PRIVATE | ANONYMOUS */
  if (r != (long)address) die(4, address == LOW ? "oracle: no low window (vm.mmap_min_addr)\n" : "oracle: mmap failed\n");
}

static void prepare(void) {
  map(LOW, 0x1000, 3);
  map(DATA, 0x2000, 3);
  map(CONSTANT, 0x1000, 3);
  map(STACK, 0x1000, 3);
  map(CODE, CODE_SIZE, 7);
  map(END, 0x1000, 3);
  for (u32 i = 0; i < PAGES; i++)
    for (u32 k = 0; k < PAGE_WORDS; k++)
      pristine[i][k] = ((u32 *)(u64)page_address[i])[k] = background(page_address[i] + 4 * k);
  for (u32 k = 0; k < PAGE_WORDS; k++) ((u32 *)(u64)CONSTANT)[k] = background(CONSTANT + 4 * k);
  for (u32 k = 0; k < CODE_SIZE; k++) ((u8 *)(u64)CODE)[k] = 0xcc;

  u8 *end = (u8 *)(u64)END;
  u64 target = (u64)leave;
  /* 32-bit: ljmp $0x33, END + 16 */
  static const u8 far_jump[7] = {0xea, 0x10, 0x30, 0x5d, 0x6a, 0x33, 0x00};
  /* 64-bit: mov %rsp, %r8; movabs $leave, %r9; jmp *%r9 */
  static const u8 go[5] = {0x49, 0x89, 0xe0, 0x49, 0xb9};
  for (int i = 0; i < 7; i++) end[i] = far_jump[i];
  for (int i = 0; i < 5; i++) end[16 + i] = go[i];
  for (int i = 0; i < 8; i++) end[21 + i] = target >> (8 * i);
  end[29] = 0x41, end[30] = 0xff, end[31] = 0xe1;
  syscall6(SYS_MPROTECT, END, 0x1000, 5, 0, 0, 0);
  syscall6(SYS_MPROTECT, CONSTANT, 0x1000, 1, 0, 0, 0);

  struct {
    void *base;
    int flags;
    u64 size;
  } stack = {alternate_stack, 0, sizeof alternate_stack};
  syscall6(SYS_SIGALTSTACK, (long)&stack, 0, 0, 0, 0, 0);
  struct {
    void (*handler)(void);
    u64 flags;
    void (*restorer)(void);
    u64 mask;
  } action = {handler, 0x4 | 0x08000000 | 0x40000000 | 0x04000000, restorer, 0}; /* SIGINFO ONSTACK NODEFER RESTORER */
  static const u8 signals[6] = {4, 5, 7, 8, 11, SIGPROF};
  for (int i = 0; i < 6; i++) syscall6(SYS_RT_SIGACTION, signals[i], (long)&action, 0, 8, 0, 0);
  /* ITIMER_PROF counts the CPU time of this process, so that a busy machine makes no hangs. */
  u64 timer[4] = {0, 20000, 0, 20000};
  syscall6(SYS_SETITIMER, 2, (long)timer, 0, 0, 0, 0);
}

/* ── input and output ─────────────────────────────────────────────────────── */

#define BUFFER (1u << 20)
static u8 in[BUFFER], out[BUFFER];
static u32 in_at, in_end, out_at;

static void copy(void *to, const void *from, u32 n) {
  void *d = to;
  asm volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(*(u64[]){n})::"memory");
}

/* Reads exactly n bytes; returns 0 at a clean end of input. */
static int take(void *to, u32 n) {
  u32 done = 0;
  while (done < n) {
    if (in_at == in_end) {
      long r = syscall6(SYS_READ, 0, (long)in, BUFFER, 0, 0, 0);
      if (r == -4) continue;
      if (r < 0) die(5, "oracle: read failed\n");
      if (r == 0) {
        if (done) die(5, "oracle: truncated input\n");
        return 0;
      }
      in_at = 0, in_end = r;
    }
    u32 k = in_end - in_at;
    if (k > n - done) k = n - done;
    copy((u8 *)to + done, in + in_at, k);
    in_at += k, done += k;
  }
  return 1;
}

static void flush(void) {
  for (u32 at = 0; at < out_at;) {
    long r = syscall6(SYS_WRITE, 1, (long)(out + at), out_at - at, 0, 0, 0);
    if (r == -4) continue;
    if (r <= 0) die(6, "oracle: write failed\n");
    at += r;
  }
  out_at = 0;
}

static void give(const void *from, u32 n) {
  if (out_at + n > BUFFER) flush();
  copy(out + out_at, from, n);
  out_at += n;
}

static void poke_code(u32 eip, const u8 *code, u32 n) {
  for (u32 i = 0; i < n; i++)
    if (eip + i - CODE < CODE_SIZE) ((u8 *)(u64)eip)[i] = code ? code[i] : 0xcc;
}

/* Undoes stray stores into the code window. */
static void clean_code(void) {
  for (u32 i = 0; i < CODE_SIZE; i += 64) {
    vector *v = (vector *)(u64)(CODE + i);
    vector d = (v[0] & v[1]) & (v[2] & v[3]);
    vector e = (v[0] | v[1]) | (v[2] | v[3]);
    if (__builtin_expect((d[0] & d[1]) == 0xcccccccccccccccc && (e[0] | e[1]) == 0xcccccccccccccccc, 1)) continue;
    for (u32 k = 0; k < 64; k++) ((u8 *)v)[k] = 0xcc;
  }
}

void start(u64 *stack) __attribute__((visibility("hidden"), used, noreturn));
void start(u64 *stack) {
  u32 flags = stack[0] > 1 ? ((char *)stack[2])[0] - '0' : 0;
  with_fpu = flags & 1, with_dump = flags >> 1 & 1;
  prepare();
  while (take(&program, sizeof program)) {
    if (with_fpu) take(image_in, sizeof image_in);
    if (program.length > sizeof program.code) die(7, "oracle: program too long\n");
    fill(program.seed);
    poke_code(program.eip, program.code, program.length);
    enter(&program, with_fpu, image_in);
    cases++;
    if (with_dump) {
      static u32 dump[PAGES][PAGE_WORDS];
      for (u32 i = 0; i < PAGES; i++) copy(dump[i], (void *)(u64)page_address[i], 4096);
      compare();
      give(&result, sizeof result);
      if (with_fpu) give(image_out, sizeof image_out);
      give(dump, sizeof dump);
    } else {
      compare();
      give(&result, sizeof result);
      if (with_fpu) give(image_out, sizeof image_out);
    }
    poke_code(program.eip, 0, program.length);
    clean_code();
  }
  flush();
  for (;;) syscall6(SYS_EXIT, 0, 0, 0, 0, 0, 0);
}

asm(".globl _start\n_start:\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call start\n");
