/*
 * What a local APIC does, a line for each experiment: registers, priorities, interrupts to oneself, destinations, errors, the
 * timer, and the 8259 pair behind LINT0. The lines hold no times, so they are the same on every correct machine.
 * Intel SDM Vol. 3A, chapter 10, "Advanced Programmable Interrupt Controller (APIC)".
 */
#include "machine.h"

#define REGISTERS 0xfee00000u
enum {
    ID = 0x20, VERSION = 0x30, TPR = 0x80, PPR = 0xa0, EOI = 0xb0, LDR = 0xd0, DFR = 0xe0, SVR = 0xf0, ISR = 0x100,
    IRR = 0x200, ICR = 0x300, ICR_HIGH = 0x310, TIMER = 0x320, LINT0 = 0x350, LINT1 = 0x360, ERROR = 0x370,
    INITIAL = 0x380, CURRENT = 0x390, DIVIDE = 0x3e0,
};
#define MASKED 0x10000u
#define PERIODIC 0x20000u
#define EXTINT 0x700u
#define SELF 0x40000u
#define ALL 0x80000u
#define OTHERS 0xc0000u
#define LOGICAL 0x800u
#define SPURIOUS 0xef

static u32 get_register(u32 at) { return *(volatile u32 *)(REGISTERS + at); }
static void set_register(u32 at, u32 value) { *(volatile u32 *)(REGISTERS + at) = value; }

static char order[256]; /* what the handlers saw, as text */
static u32 used;
static volatile u32 taken, nest;

static void note(const char *text) {
    while (*text && used < sizeof order - 1) order[used++] = *text++;
}
static void note_byte(u32 value) {
    char text[3] = {"0123456789abcdef"[value >> 4 & 15], "0123456789abcdef"[value & 15], 0};
    note(text);
}

static void handler(struct frame *frame) {
    u32 vector = frame->vector;
    taken++;
    note(" ");
    note_byte(vector);
    note("@");
    note_byte(get_register(PPR));
    if (vector == 0x20) {
        note(get_register(ISR + 0x10) & 1 ? "!" : "");
        end_of_interrupt();
        return;
    }
    if (nest) { /* the same class waits, a higher one does not */
        nest = 0;
        set_register(ICR, SELF | (vector + 1));
        set_register(ICR, SELF | (vector + 0x20));
        enable_interrupts();
        __asm__ volatile("nop; nop");
        disable_interrupts();
        note(" end");
    }
    set_register(EOI, 0);
}

static void spurious(struct frame *frame) {
    (void)frame;
    note(" spurious");
}

static void line(const char *name, u32 value) {
    order[used] = 0;
    print("# ");
    print(name);
    put(' ');
    print_hex(value);
    print(order);
    put('\n');
    used = 0;
}

static void open_window(void) { __asm__ volatile("sti; nop; nop; cli" : : : "memory"); }
static void send(u32 destination, u32 command) {
    set_register(ICR_HIGH, destination << 24);
    set_register(ICR, command);
}

/* Waits with HLT for `n` interrupts. */
static void await(u32 n) {
    u32 from = taken;
    while (taken - from < n) __asm__ volatile("sti; hlt; cli" : : : "memory");
}

static void registers(void) {
    line("version", get_register(VERSION) & 0xff);
    line("id", get_register(ID));
    set_register(TPR, 0xffffff7b);
    line("tpr", get_register(TPR));
    line("ppr", get_register(PPR));
    set_register(TPR, 0);
    set_register(LDR, 0xffffffff);
    line("ldr", get_register(LDR));
    set_register(DFR, 0);
    line("dfr", get_register(DFR));
    set_register(DFR, 0xffffffff);
    set_register(DIVIDE, 0xffffffff);
    line("divide", get_register(DIVIDE));
    set_register(SVR, 0x100 | SPURIOUS);
    line("svr", get_register(SVR) & 0x1ff);
    *(volatile u32 *)(REGISTERS + TPR) |= 0x20; /* read, modify, write */
    line("or", get_register(TPR));
    __asm__ volatile("xchgl %%eax, (%1)" : : "a"(0x10), "r"(REGISTERS + TPR) : "memory");
    line("xchg", get_register(TPR));
    set_register(TPR, 0);
}

static void priorities(void) {
    set_register(ICR, SELF | 0x50);
    line("irr", get_register(IRR + 0x20));
    open_window();
    line("self", get_register(IRR + 0x20));
    static const u8 vectors[] = {0x31, 0x52, 0x93, 0x51, 0xfd};
    for (u32 i = 0; i < sizeof vectors; i++) set_register(ICR, SELF | vectors[i]);
    line("pending", get_register(IRR + 0x10) | get_register(IRR + 0x20) | get_register(IRR + 0x40) | get_register(IRR + 0x70));
    set_register(TPR, 0x5f);
    open_window();
    line("above", get_register(PPR));
    set_register(TPR, 0x40);
    open_window();
    line("class 5", get_register(PPR));
    set_register(TPR, 0);
    open_window();
    line("rest", get_register(PPR));
    nest = 1;
    set_register(ICR, SELF | 0x40);
    open_window();
    line("nested", get_register(ISR + 0x20));
    set_register(EOI, 0); /* nothing is served */
    line("eoi", get_register(ISR + 0x20));
    for (u32 i = 0; i < 3; i++) set_register(ICR, SELF | 0x66); /* once pending is pending */
    open_window();
    line("merged", taken);
}

static void destinations(void) {
    u32 own = get_register(ID) >> 24;
    static const char *const names[] = {"own", "other", "all", "self", "others", "broadcast"};
    send(own, 0x61), open_window(), line(names[0], 0);
    send(own + 1, 0x61), open_window(), line(names[1], 0);
    send(0, ALL | 0x62), open_window(), line(names[2], 0);
    send(0, SELF | 0x63), open_window(), line(names[3], 0);
    send(0, OTHERS | 0x64), open_window(), line(names[4], 0);
    send(0xff, 0x65), open_window(), line(names[5], 0);
    set_register(LDR, 0x04000000);
    send(0x06, LOGICAL | 0x71), open_window(), line("flat hit", 0);
    send(0x0b, LOGICAL | 0x71), open_window(), line("flat miss", 0);
    set_register(DFR, 0x0fffffff); /* cluster model */
    set_register(LDR, 0x32000000);
    send(0x32, LOGICAL | 0x72), open_window(), line("cluster hit", 0);
    send(0x33, LOGICAL | 0x72), open_window(), line("cluster set", 0);
    send(0x31, LOGICAL | 0x72), open_window(), line("cluster miss", 0);
    send(0x22, LOGICAL | 0x72), open_window(), line("other cluster", 0);
    set_register(DFR, 0xffffffff);
    send(0x32, LOGICAL | 0x100 | 0x73), open_window(), line("lowest", 0);
}

static void timer(void) {
    set_register(DIVIDE, 0xb); /* by 1 */
    set_register(TIMER, MASKED | 0x80);
    set_register(INITIAL, 50000000);
    u32 a = get_register(CURRENT), b = get_register(CURRENT);
    line("counts", a <= 50000000 && b <= a && b > 0);
    set_register(INITIAL, 1000);
    while (get_register(CURRENT)) {}
    open_window();
    line("masked", get_register(IRR + 0x40));
    set_register(TIMER, 0x80);
    set_register(INITIAL, 200000);
    await(1);
    line("one shot", get_register(CURRENT));
    for (u32 i = 0; i < 100000; i++) __asm__ volatile("nop");
    open_window();
    line("once", taken & 1);
    set_register(TIMER, PERIODIC | 0x81);
    set_register(INITIAL, 1000000);
    await(5);
    line("periodic", get_register(CURRENT) > 0);
    set_register(INITIAL, 0);
    line("stopped", get_register(CURRENT));
    line("mode", get_register(TIMER));
    set_register(DIVIDE, 0xa); /* by 128 */
    set_register(INITIAL, 10000);
    await(2);
    line("divided", 0);
    set_register(INITIAL, 0);
    set_register(TIMER, MASKED | 0x80);
}

/* The 8254 behind the 8259 pair, through LINT0 and not. */
static void wires(void) {
    set_register(LINT0, EXTINT);
    timer_start(1000, handler);
    await(2);
    line("extint", get_register(ISR + 0x10));
    set_register(LINT0, MASKED | EXTINT);
    open_window();
    used = 0; /* one may have been on its way */
    set_register(DIVIDE, 0xb);
    set_register(TIMER, 0x82);
    set_register(INITIAL, 5000000);
    await(1);
    line("lint0 masked", 0);
    set_register(LINT0, EXTINT);
    await(1);
    line("lint0 open", 0);
    timer_stop();
    open_window();
    used = 0;
    set_register(TIMER, 0x80);
    set_register(SVR, SPURIOUS);
    line("disabled", get_register(TIMER));
    set_register(TIMER, 0x80);
    line("stays", get_register(TIMER));
    set_register(SVR, 0x100 | SPURIOUS);
    line("enabled", get_register(TIMER));
    set_register(TIMER, MASKED | 0x80);
}

void program(void) {
    u32 a, b, c, d;
    cpuid(1, &a, &b, &c, &d);
    if (!(d & 1 << 9)) {
        print("# no local APIC\n# end\n");
        return;
    }
    tables_init();
    for (u32 vector = 0x20; vector < 0x100; vector++) on_trap(vector, vector == SPURIOUS ? spurious : handler);
    set_register(SVR, 0x100 | SPURIOUS);
    set_register(LINT0, MASKED | EXTINT);
    set_register(TPR, 0);
    registers();
    priorities();
    destinations();
    timer();
    wires();
    print("# end\n");
}
