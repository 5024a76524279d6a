/*
 * Xen's interface for 32-bit HVM guests: the numbers and structures of its public headers (memory.h, event_channel.h,
 * grant_table.h, hvm_op.h, xen.h) that xen.c uses, and the functions that it offers. All return 0 or −errno, or as said.
 */
#ifndef XEN_H
#define XEN_H

#include "machine.h"

#define HYPERVISOR_MEMORY_OP 12
#define HYPERVISOR_GRANT_TABLE_OP 20
#define HYPERVISOR_EVENT_CHANNEL_OP 32
#define HYPERVISOR_HVM_OP 34
#define DOMID_SELF 0x7ff0

struct vcpu_info {
    u8 evtchn_upcall_pending, evtchn_upcall_mask;
    u32 evtchn_pending_sel;
    u32 arch[6];
    u32 time[8];
};
struct shared_info {
    struct vcpu_info vcpu_info[32];
    u32 evtchn_pending[32], evtchn_mask[32];
    u32 rest[448];
};
struct grant_entry {
    u16 flags, domid;
    u32 frame;
};
#define GTF_PERMIT_ACCESS 1
#define GTF_READONLY 4
#define FIRST_GRANT 8 /* references below are reserved */

extern volatile struct shared_info *shared_info;
extern volatile struct grant_entry *grant_table;
extern volatile u32 events[1024]; /* upcalls so far, by port */

void xen_start(void);  /* traps, shared_info and grant table mapped, upcalls by vector; panics where there is no Xen */
u32 xen_domain(void);  /* the own domain id: CPUID leaf 0x40000004 */
int event_alloc(u32 remote, u32 *port);
int event_bind(u32 remote, u32 remote_port, u32 *port);
int event_send(u32 port);
int event_close(u32 port);
void event_sleep(void); /* with interrupts off: sleeps until the next upcall, comes back with interrupts off */

void grant_access(u32 ref, u32 domain, const void *page, u32 flags);
int grant_map(u32 domain, u32 ref, void *at, u32 *handle); /* GNTST_*; `at` is physical, where no memory is */
int grant_unmap(void *at, u32 handle);
int grant_copy(u32 domain, u32 ref, void *to, u32 bytes);  /* from the start of the granted page; `to` within one page */
#endif
