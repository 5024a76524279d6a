/* From the Multiboot information to `program()` and from there to the power-off. */
#include "machine.h"

#define BOOT_MAGIC 0x2badb002u
#define INFO_MEMORY 0x01
#define INFO_COMMAND_LINE 0x04
#define INFO_MODULES 0x08

struct information { /* Multiboot Specification 0.6.96, 3.3; the fields used here */
    u32 flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr;
};
struct module {
    u32 start, end, string, reserved;
};

extern char image_end[];
u32 memory_next, memory_end;
int on_xen;

static int xen_signature(void) {
    u32 a, b, c, d;
    cpuid(1, &a, &b, &c, &d);
    if (!(c >> 31)) return 0; /* CPUID.1:ECX[31]: a hypervisor is present */
    cpuid(0x40000000, &a, &b, &c, &d);
    return b == 0x566e6558 && c == 0x65584d4d && d == 0x4d4d566e; /* "XenVMMXenVMM" */
}

static void take_command_line(const char *text) {
    static char copy[512];
    for (u32 i = 0; i < sizeof copy - 1 && text[i]; i++) copy[i] = text[i];
    command_line = copy;
}

void shutdown(u32 reason) {
    if (on_xen) {
        u32 argument = reason;
        console_flush();
        hypercall(HYPERVISOR_SCHED_OP, SCHEDOP_SHUTDOWN, (u32)&argument, 0, 0, 0);
    } else {
        outb(0xf4, reason == SHUTDOWN_POWEROFF ? 0x10 : 0x20); /* QEMU's isa-debug-exit: status 33 or 65 */
    }
    for (;;) disable_interrupts(), halt();
}

void panic(const char *why) {
    print("# panic: ");
    print(why);
    put('\n');
    shutdown(SHUTDOWN_CRASH);
}

void guest_main(u32 magic, const struct information *info) {
    if (magic != BOOT_MAGIC) return; /* no known way to speak: halt */
    on_xen = xen_signature();
    if (info->flags & INFO_COMMAND_LINE) take_command_line((const char *)info->cmdline);
    memory_next = (u32)image_end;
    if (info->flags & INFO_MODULES) {
        const struct module *module = (const struct module *)info->mods_addr;
        for (u32 i = 0; i < info->mods_count; i++)
            if (module[i].end > memory_next) memory_next = module[i].end;
    }
    memory_end = info->flags & INFO_MEMORY ? 0x100000 + info->mem_upper * 1024 : (u32)image_end;
    u32 start = read_tsc();
    program();
    if (argument("tsc", 0)) remark("tsc", read_tsc() - start); /* instructions, under QEMU's -icount shift=0 */
    shutdown(SHUTDOWN_POWEROFF);
}
