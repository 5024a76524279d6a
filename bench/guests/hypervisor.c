/*
 * What the hypervisor's own paths cost, measured from a guest: the second side of a link (guests/lib/link.h) measures, the first
 * answers. Both run on one physical CPU. Lines as in events.c. For `event` an operation is one send: a round trip has two, with
 * two upcalls, two HLTs and two context switches.
 */
#include "link.h"
#include "xen.h"

#define XEN_VERSION 17
#define BIND_IPI 7
#define UNMASK 9
#define SEND 4
#define UNUSED_NUMBER 0x7f

#define UPCALL_VECTOR 0x40 /* as guests/lib/xen.c has it */

static u8 *own; /* a page for copies */
static u32 self; /* a port to itself */
volatile u32 upcalls;

/* The shortest upcall: all ports are below 32, and nobody asks which it was. The library's goes through C and saves segments. */
void on_upcall(void);
__asm__(".text\n"
        "on_upcall: push %eax\n"
        "    mov shared_info, %eax\n"
        "    movb $0, (%eax)\n"     /* evtchn_upcall_pending */
        "    movl $0, 4(%eax)\n"    /* evtchn_pending_sel */
        "    movl $0, 2048(%eax)\n" /* evtchn_pending[0] */
        "    incl upcalls\n"
        "    pop %eax\n"
        "    iret\n");

static void take_upcalls(void) {
    struct pointer idt;
    __asm__ volatile("sidt %0" : "=m"(idt));
    u32 *gate = (u32 *)(idt.base + UPCALL_VECTOR * 8); /* SDM Vol. 3A, 6.11 "IDT Descriptors" */
    gate[0] = (gate[0] & 0xffff0000) | ((u32)on_upcall & 0xffff);
    gate[1] = ((u32)on_upcall & 0xffff0000) | (gate[1] & 0xffff);
}

static u32 identify(u32 n) {
    u32 a, b, c, d, sum = 0;
    while (n--) cpuid(0, &a, &b, &c, &d), sum += a;
    return sum;
}

static u32 unknown(u32 n) {
    u32 sum = 0;
    while (n--) sum += hypercall(UNUSED_NUMBER, 0, 0, 0, 0, 0);
    return sum;
}

static u32 version(u32 n) {
    u32 sum = 0;
    while (n--) sum += hypercall(XEN_VERSION, 0, 0, 0, 0, 0);
    return sum;
}

static u32 upcall(u32 n) { /* sent to itself: the upcall comes before the next instruction */
    u32 start = upcalls;
    enable_interrupts();
    while (n--) event_send(self);
    disable_interrupts();
    return upcalls - start;
}

/*
 * The link's own send and wait, without what else the library does: a count in the shared page, so that no event is missed,
 * VMCALL, and HLT. Both sides' port is the first that they got.
 */
#define COUNTS (LINK_PAGE - 8)
static volatile u32 *counts; /* sent by the first, by the second side */
static u32 mine, awaited;    /* which is mine; how many I have seen of the other's */

static inline void send(void) {
    static const u32 port = 1;
    counts[mine]++;
    if (hypercall(HYPERVISOR_EVENT_CHANNEL_OP, SEND, (u32)&port, 0, 0, 0)) panic("send");
}

static inline void wait(void) { /* interrupts are off */
    while (counts[!mine] == awaited) __asm__ volatile("sti; hlt; cli" : : : "memory");
    awaited++;
}

static u32 round_trip(u32 n) {
    for (u32 i = 0; i < n; i += 2) send(), wait();
    return n;
}

static u32 answers(u32 n) {
    for (u32 i = 0; i < n; i += 2) wait(), send();
    return n;
}

static u32 map(u32 n) {
    u32 sum = 0;
    while (n--) sum += *(volatile u32 *)link_map(0), link_unmap(0);
    return sum;
}

static u32 copy(u32 n) { /* per KiB */
    for (u32 i = 0; i < n; i += LINK_PAGE / 1024) link_copy(0, own);
    return *(u32 *)own;
}

/*
 * Every path is measured in short windows, so that the median tells what it costs and not what else the machine did; as
 * many come before the first for warming up.
 */
#define WINDOWS 64
#define SENDS 2000 /* of `event`, both ways, in a window */

static void measure(const char *name, u32 (*path)(u32), u32 n) {
    for (u32 i = 0; i < WINDOWS; i++) path(n);
    for (u32 i = 0; i < WINDOWS; i++) {
        remark("operations", n);
        begin(name);
        end(path(n));
    }
}

void program(void) {
    u8 *pages = heap(LINK_PAGE);
    *(u32 *)pages = 0x600df00d;
    int side = link_open(pages, 1);
    take_upcalls();
    if (side == FIRST) {
        counts = (volatile u32 *)(pages + COUNTS);
        disable_interrupts();
        answers(2 * WINDOWS * SENDS);
    } else if (side == SECOND) {
        struct {
            u32 vcpu, port;
        } bind = {0, 0};
        own = heap(LINK_PAGE);
        if (hypercall(HYPERVISOR_EVENT_CHANNEL_OP, BIND_IPI, (u32)&bind, 0, 0, 0)) panic("bind_ipi");
        self = bind.port;
        if (hypercall(HYPERVISOR_EVENT_CHANNEL_OP, UNMASK, (u32)&self, 0, 0, 0)) panic("unmask");
        measure("cpuid", identify, 10000);
        measure("hypercall-unknown", unknown, 10000);
        measure("hypercall-version", version, 10000);
        measure("upcall", upcall, 5000);
        counts = (volatile u32 *)(link_map(0) + COUNTS);
        mine = 1;
        disable_interrupts();
        measure("event", round_trip, SENDS);
        link_unmap(0);
        measure("grant-map", map, 500);
        measure("grant-copy", copy, 5000);
        print("@done\n");
    }
    link_close();
}
