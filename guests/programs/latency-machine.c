/* programs/latency.h on Xen: VCPUOP_set_singleshot_timer raises VIRQ_TIMER; time is that of vcpu_time_info. */
#include "latency.h"
#include "xen.h"

#define HYPERVISOR_VCPU_OP 24
#define SET_SINGLESHOT_TIMER 8
#define BIND_VIRQ 1
#define UNMASK 9
#define VIRQ_TIMER 0

static u32 port;

void sleep_start(void) {
    struct {
        u32 virq, vcpu, port;
    } bind = {VIRQ_TIMER, 0, 0};
    if (!on_xen) return;
    xen_start();
    if (hypercall(HYPERVISOR_EVENT_CHANNEL_OP, BIND_VIRQ, (u32)&bind, 0, 0, 0)) panic("bind_virq");
    port = bind.port;
    hypercall(HYPERVISOR_EVENT_CHANNEL_OP, UNMASK, (u32)&port, 0, 0, 0);
}

/* public/xen.h, struct vcpu_time_info: system_time + ((TSC − tsc_timestamp) << tsc_shift) × tsc_to_system_mul / 2^32 */
static u64 system_time(void) {
    const volatile u32 *time = shared_info->vcpu_info[0].time;
    u32 version, low, high;
    u64 now;
    do {
        version = time[0];
        __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
        u64 delta = ((u64)high << 32 | low) - ((u64)time[3] << 32 | time[2]);
        int shift = (signed char)time[7];
        delta = shift >= 0 ? delta << shift : delta >> -shift;
        now = ((u64)time[5] << 32 | time[4]) + (delta >> 32) * time[6] + ((delta & 0xffffffff) * time[6] >> 32);
    } while (version & 1 || version != time[0]);
    return now;
}

u32 sleep_for(u32 ns) {
    if (!on_xen) return 0;
    struct {
        u64 deadline;
        u32 flags;
    } timer = {system_time() + ns, 0};
    u32 before = events[port];
    if (hypercall(HYPERVISOR_VCPU_OP, SET_SINGLESHOT_TIMER, 0, (u32)&timer, 0, 0)) panic("set_singleshot_timer");
    while (events[port] == before) event_sleep();
    u64 now = system_time();
    if (now < timer.deadline) panic("woken too early");
    return (u32)(now - timer.deadline);
}
