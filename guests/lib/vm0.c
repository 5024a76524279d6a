/* lib/vm0.h over hypercalls. */
#include "vm0.h"

#define HYPERVISOR_SYSCTL 35
#define HYPERVISOR_DOMCTL 36
#define INTERFACE_VERSION 0x15 /* both headers of Xen 4.17 */

#define XENMEM_MAXIMUM_RAM_PAGE 2
#define XENMEM_POPULATE_PHYSMAP 6
#define XENMEM_MAXIMUM_GPFN 14
#define XENMEM_REMOVE_FROM_PHYSMAP 15
#define XENMEM_SHARING_OP 22
#define XENMEM_ADD_TO_PHYSMAP_BATCH 23
#define SPACE_GMFN_FOREIGN 4
#define SPACE_DEV_MMIO 5
#define BATCH 1024

static u32 numbers[BATCH];

static int memory_op(u32 command, void *argument) {
    return (int)hypercall(HYPERVISOR_MEMORY_OP, command, (u32)argument, 0, 0, 0);
}

static int add_batch(u32 target, u32 space, u32 domain, const u32 *indices, u32 count, void *at, int *errors) {
    struct {
        u16 domid, space, size, foreign_domid;
        const u32 *idxs, *gpfns;
        int *errs;
    } batch = {(u16)target, (u16)space, (u16)count, (u16)domain, indices, numbers, errors};
    if (count > BATCH) panic("batch");
    for (u32 i = 0; i < count; i++) numbers[i] = (u32)at / PAGE + i;
    return memory_op(XENMEM_ADD_TO_PHYSMAP_BATCH, &batch);
}

int foreign_map(u32 domain, const u32 *pages, u32 count, void *at, int *errors) {
    return add_batch(DOMID_SELF, SPACE_GMFN_FOREIGN, domain, pages, count, at, errors);
}

int machine_map(const u32 *frames, u32 count, void *at, int *errors) {
    return add_batch(DOMID_SELF, SPACE_DEV_MMIO, 0, frames, count, at, errors);
}

int foreign_give(u32 target, u32 domain, u32 page, u32 at) {
    int error = 0, result = add_batch(target, SPACE_GMFN_FOREIGN, domain, &page, 1, (void *)at, &error);
    return result ? result : error;
}

int foreign_unmap(void *at) {
    struct {
        u16 domid, pad;
        u32 gpfn;
    } remove = {DOMID_SELF, 0, (u32)at / PAGE};
    return memory_op(XENMEM_REMOVE_FROM_PHYSMAP, &remove);
}

int domain_pages(u32 domain) {
    u16 domid = (u16)domain;
    int last = memory_op(XENMEM_MAXIMUM_GPFN, &domid);
    return last < 0 ? last : last + 1;
}

u32 machine_frames(void) { return (u32)memory_op(XENMEM_MAXIMUM_RAM_PAGE, 0) + 1; }

int domain_populate(u32 domain, u32 first, u32 count) {
    struct {
        const u32 *extent_start;
        u32 nr_extents, extent_order, mem_flags;
        u16 domid, pad;
    } reservation = {numbers, count, 0, 0, (u16)domain, 0};
    if (count > BATCH) panic("batch");
    for (u32 i = 0; i < count; i++) numbers[i] = first + i;
    return memory_op(XENMEM_POPULATE_PHYSMAP, &reservation);
}

static int sharing_op(u32 op, u32 domain, u32 parent, u32 flags) {
    struct { /* struct xen_mem_sharing_op */
        u8 op, pad1;
        u16 domain;
        u32 pad2;
        u16 parent, flags;
        u32 pad3, rest[8];
    } argument = {(u8)op, 0, (u16)domain, 0, (u16)parent, (u16)flags, 0, {0}};
    return memory_op(XENMEM_SHARING_OP, &argument);
}

int domain_fork(u32 child, u32 parent) { return sharing_op(9, child, parent, 0); }
int domain_fork_reset(u32 child) { return sharing_op(10, child, 0, 4 | 8); } /* state and memory */

struct domctl { /* struct xen_domctl */
    u32 cmd, interface_version;
    u16 domain, pad[3];
    union {
        u32 words[32];
        struct domain_info info;
    } u;
};

static int domctl(u32 command, u32 domain, struct domctl *op) {
    op->cmd = command;
    op->interface_version = INTERFACE_VERSION;
    op->domain = (u16)domain;
    return (int)hypercall(HYPERVISOR_DOMCTL, (u32)op, 0, 0, 0, 0);
}

static int domctl_plain(u32 command, u32 domain) {
    struct domctl op;
    memset(&op, 0, sizeof op);
    return domctl(command, domain, &op);
}

int domain_destroy(u32 domain) { return domctl_plain(2, domain); }
int domain_pause(u32 domain) { return domctl_plain(3, domain); }
int domain_unpause(u32 domain) { return domctl_plain(4, domain); }

int domain_create(u32 *domain) {
    struct domctl op;
    memset(&op, 0, sizeof op);
    op.u.words[5] = 3; /* flags: hvm, hap */
    op.u.words[7] = 1; /* max_vcpus */
    int result = domctl(1, 0, &op);
    *domain = op.domain;
    return result;
}

int domain_max_memory(u32 domain, u32 kib) {
    struct domctl op;
    memset(&op, 0, sizeof op);
    op.u.words[0] = kib;
    return domctl(11, domain, &op);
}

int domain_start_at(u32 domain, u32 eip, u32 eax, u32 ebx) {
    static struct { /* struct vcpu_guest_context: only what is taken of an HVM guest */
        u8 fpu[512];
        u32 flags, ebx, ecx, edx, esi, edi, ebp, eax, error, eip, cs, eflags, esp, ss, es, ds, fs, gs;
        u8 rest[2800 - 512 - 4 - 68];
    } context;
    struct domctl op;
    memset(&context, 0, sizeof context);
    context.flags = 1 << 5; /* VGCF_online */
    context.eip = eip, context.eax = eax, context.ebx = ebx;
    context.cs = KERNEL_CODE;
    context.ss = context.es = context.ds = context.fs = context.gs = KERNEL_DATA;
    context.eflags = 2;
    ((u32 *)context.rest)[(2748 - 584) / 4 + 6] = 0xffff0ff0; /* DR6 and DR7 as after reset */
    ((u32 *)context.rest)[(2748 - 584) / 4 + 7] = 0x400;
    memset(&op, 0, sizeof op);
    op.u.words[2] = (u32)&context;
    return domctl(12, domain, &op);
}

int domain_info(u32 domain, struct domain_info *info) {
    struct domctl op;
    memset(&op, 0, sizeof op);
    int result = domctl(5, domain, &op);
    if (!result) *info = op.u.info;
    return result;
}

int domain_list(u32 first, struct domain_info *list, u32 room) {
    struct {
        u32 cmd, interface_version;
        u16 first_domain, pad;
        u32 max_domains, buffer, buffer_high, num_domains, rest[28];
    } op = {6, INTERFACE_VERSION, (u16)first, 0, room, (u32)list, 0, 0, {0}};
    int result = (int)hypercall(HYPERVISOR_SYSCTL, (u32)&op, 0, 0, 0, 0);
    return result ? result : (int)op.num_domains;
}

static u32 digit(char c) {
    if (c >= '0' && c <= '9') return (u32)(c - '0');
    if (c >= 'a' && c <= 'f') return (u32)(c - 'a' + 10);
    return 16;
}

struct pattern pattern_argument(const char *key) { return pattern_of(argument_text(key)); }

struct pattern pattern_of(const char *digits) {
    struct pattern pattern = {digits, 0};
    if (!digits) return pattern;
    while (digit(pattern.digits[2 * pattern.length]) < 16 && digit(pattern.digits[2 * pattern.length + 1]) < 16) {
        pattern.length++;
    }
    return pattern;
}

static inline u32 pattern_byte(struct pattern pattern, u32 i) {
    return digit(pattern.digits[2 * i]) << 4 | digit(pattern.digits[2 * i + 1]);
}

/* The first byte equal to `value` from `p` on, or `to`. */
static const u8 *scan(const u8 *p, const u8 *to, u32 value) {
    u32 left = (u32)(to - p);
    if (!left) return to;
    __asm__ volatile("repne scasb" : "+D"(p), "+c"(left) : "a"(value) : "memory", "cc");
    return p[-1] == value ? p - 1 : to;
}

u32 pattern_count(struct pattern pattern, const u8 *from, const u8 *to) {
    u32 found = 0, first = pattern_byte(pattern, 0);
    if (!pattern.length || (u32)(to - from) < pattern.length) return 0;
    const u8 *end = to - pattern.length + 1;
    for (const u8 *p = scan(from, end, first); p < end; p = scan(p + 1, end, first)) {
        u32 i = 1;
        while (i < pattern.length && p[i] == pattern_byte(pattern, i)) i++;
        if (i == pattern.length) found++;
    }
    return found;
}
