/* Hypercalls, event channels and grants of a guest without paging: linear addresses are physical ones. */
#include "xen.h"

#define UPCALL_VECTOR 0x40
#define XENMEM_ADD_TO_PHYSMAP 7
#define SPACE_SHARED_INFO 0
#define SPACE_GRANT_TABLE 1
#define PAGE 4096

volatile struct shared_info *shared_info;
volatile struct grant_entry *grant_table;
volatile u32 events[1024];

static inline u32 exchange(volatile u32 *p, u32 value) {
    __asm__ volatile("xchg %0, %1" : "+r"(value), "+m"(*p) : : "memory");
    return value;
}

static void upcall(struct frame *frame) {
    (void)frame;
    shared_info->vcpu_info[0].evtchn_upcall_pending = 0;
    u32 words = exchange(&shared_info->vcpu_info[0].evtchn_pending_sel, 0);
    while (words) {
        u32 word = (u32)__builtin_ctz(words);
        words &= words - 1;
        u32 ports = shared_info->evtchn_pending[word] & ~shared_info->evtchn_mask[word];
        while (ports) {
            u32 bit = (u32)__builtin_ctz(ports);
            ports &= ports - 1;
            __asm__ volatile("lock btrl %1, %0" : "+m"(shared_info->evtchn_pending[word]) : "r"(bit) : "memory");
            events[word * 32 + bit]++;
        }
    }
}

static void *map_space(u32 space) {
    struct {
        u16 domid, size;
        u32 space, idx, gpfn;
    } add = {DOMID_SELF, 0, space, 0, 0};
    void *page = heap(PAGE);
    add.gpfn = (u32)page / PAGE;
    if (hypercall(HYPERVISOR_MEMORY_OP, XENMEM_ADD_TO_PHYSMAP, (u32)&add, 0, 0, 0)) panic("add_to_physmap");
    return page;
}

void xen_start(void) {
    struct {
        u16 domid, pad;
        u32 index;
        u64 value;
    } callback = {DOMID_SELF, 0, 0, 2ull << 56 | UPCALL_VECTOR};
    if (!on_xen) panic("no Xen");
    tables_init();
    shared_info = map_space(SPACE_SHARED_INFO);
    grant_table = map_space(SPACE_GRANT_TABLE);
    on_trap(UPCALL_VECTOR, upcall);
    if (hypercall(HYPERVISOR_HVM_OP, 0, (u32)&callback, 0, 0, 0)) panic("set_param");
}

u32 xen_domain(void) {
    u32 a, b, c, d;
    cpuid(0x40000004, &a, &b, &c, &d);
    return c;
}

static int event_op(u32 command, void *argument) {
    return (int)hypercall(HYPERVISOR_EVENT_CHANNEL_OP, command, (u32)argument, 0, 0, 0);
}

static void unmask(u32 port) {
    u32 argument = port;
    event_op(9, &argument);
}

int event_alloc(u32 remote, u32 *port) {
    struct {
        u16 dom, remote_dom;
        u32 port;
    } alloc = {DOMID_SELF, (u16)remote, 0};
    int result = event_op(6, &alloc);
    if (!result) unmask(*port = alloc.port);
    return result;
}

int event_bind(u32 remote, u32 remote_port, u32 *port) {
    struct {
        u16 remote_dom, pad;
        u32 remote_port, local_port;
    } bind = {(u16)remote, 0, remote_port, 0};
    int result = event_op(0, &bind);
    if (!result) unmask(*port = bind.local_port);
    return result;
}

int event_send(u32 port) {
    u32 argument = port;
    return event_op(4, &argument);
}

int event_close(u32 port) {
    u32 argument = port;
    return event_op(3, &argument);
}

void event_sleep(void) { __asm__ volatile("sti; hlt; cli" : : : "memory"); }

void grant_access(u32 ref, u32 domain, const void *page, u32 flags) {
    grant_table[ref].domid = (u16)domain;
    grant_table[ref].frame = (u32)page / PAGE;
    grant_table[ref].flags = (u16)(GTF_PERMIT_ACCESS | flags); /* last: from here on it counts */
}

int grant_map(u32 domain, u32 ref, void *at, u32 *handle) {
    struct {
        u64 host_addr;
        u32 flags, ref;
        u16 dom;
        short status;
        u32 handle;
        u64 dev_bus_addr;
    } map = {(u32)at, 2, ref, (u16)domain, 0, 0, 0};
    int result = (int)hypercall(HYPERVISOR_GRANT_TABLE_OP, 0, (u32)&map, 1, 0, 0);
    *handle = map.handle;
    return result ? result : map.status;
}

int grant_unmap(void *at, u32 handle) {
    struct {
        u64 host_addr, dev_bus_addr;
        u32 handle;
        short status;
    } unmap = {(u32)at, 0, handle, 0};
    int result = (int)hypercall(HYPERVISOR_GRANT_TABLE_OP, 1, (u32)&unmap, 1, 0, 0);
    return result ? result : unmap.status;
}

int grant_copy(u32 domain, u32 ref, void *to, u32 bytes) {
    struct {
        struct {
            u32 where;
            u16 domid, offset;
        } source, dest;
        u16 len, flags;
        short status;
    } copy = {{ref, (u16)domain, 0}, {(u32)to / PAGE, DOMID_SELF, (u16)((u32)to % PAGE)}, (u16)bytes, 1, 0};
    int result = (int)hypercall(HYPERVISOR_GRANT_TABLE_OP, 5, (u32)&copy, 1, 0, 0);
    return result ? result : copy.status;
}
