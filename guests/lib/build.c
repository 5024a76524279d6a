/* The toolstack: a domain from an ELF image, as a Multiboot 1 loader makes it (Multiboot Specification 0.6.96). */
#include "vm0.h"

#define BOOT_MAGIC 0x2badb002u
#define INFO_AT 0x1000 /* the boot information's page in the new domain */
#define INFO_TEXT 0x100
#define INFO_MEMORY 0x01
#define INFO_COMMAND_LINE 0x04
#define POPULATE 512

struct elf { /* Tool Interface Standard, ELF 1.2: ELF header and program header */
    u8 ident[16];
    u16 type, machine;
    u32 version, entry, phoff, shoff, flags;
    u16 ehsize, phentsize, phnum;
};
struct segment {
    u32 type, offset, vaddr, paddr, filesz, memsz;
};

#define STACK_SIZE 16384
extern u8 stack_bottom[]; /* start.S: the first word that it pushed is what the loader had in EBX */

u32 boot_modules(const struct boot_module **modules) {
    const u32 *information = *(const u32 **)(stack_bottom + STACK_SIZE - 4);
    *modules = (const struct boot_module *)information[6];
    return information[0] & 8 ? information[5] : 0;
}

int event_bind_virq(u32 virq, u32 *port) {
    struct {
        u32 virq, vcpu, port;
    } bind = {virq, 0, 0};
    int result = (int)hypercall(HYPERVISOR_EVENT_CHANNEL_OP, 1, (u32)&bind, 0, 0, 0);
    u32 unmasked = *port = bind.port;
    if (!result) hypercall(HYPERVISOR_EVENT_CHANNEL_OP, 9, (u32)&unmasked, 0, 0, 0);
    return result;
}

/* Copies into the new domain's memory through the window. */
static int copy(u32 domain, u32 to, const u8 *from, u32 bytes, u8 *window, u32 window_pages) {
    static u32 pages[256];
    static int errors[256];
    if (window_pages > 256) window_pages = 256;
    while (bytes) {
        u32 offset = to % PAGE, room = window_pages * PAGE - offset, n = bytes < room ? bytes : room;
        u32 count = (offset + n + PAGE - 1) / PAGE;
        for (u32 i = 0; i < count; i++) pages[i] = to / PAGE + i;
        int result = foreign_map(domain, pages, count, window, errors);
        for (u32 i = 0; i < count && !result; i++) result = errors[i];
        if (result) return result;
        memcpy(window + offset, from, n);
        to += n, from += n, bytes -= n;
    }
    return 0;
}

int domain_build(u32 *domain, const u8 *image, u32 kib, const char *text, u8 *window, u32 window_pages) {
    const struct elf *elf = (const struct elf *)image;
    u32 pages = kib / 4, information[INFO_TEXT / 4 + 64] = {0};
    char *words = (char *)information + INFO_TEXT;
    if (*(const u32 *)image != 0x464c457f || elf->type != 2 || elf->machine != 3) return 1;
    int result = domain_create(domain);
    if (!result) result = domain_max_memory(*domain, kib);
    for (u32 done = 0; done < pages && !result;) {
        u32 count = pages - done < POPULATE ? pages - done : POPULATE;
        int got = domain_populate(*domain, done, count);
        if (got < 0) result = got;
        else if ((u32)got < count) result = -12; /* ENOMEM */
        done += count;
    }
    for (u32 i = 0; i < elf->phnum && !result; i++) {
        const struct segment *s = (const struct segment *)(image + elf->phoff + i * elf->phentsize);
        if (s->type == 1) result = copy(*domain, s->paddr, image + s->offset, s->filesz, window, window_pages);
    }
    information[0] = INFO_MEMORY | INFO_COMMAND_LINE;
    information[1] = 0x9fc00 >> 10;
    information[2] = kib - 1024;
    information[4] = INFO_AT + INFO_TEXT;
    for (u32 i = 0; i < 255 && text[i]; i++) words[i] = text[i];
    if (!result) result = copy(*domain, INFO_AT, (const u8 *)information, sizeof information, window, window_pages);
    return result ? result : domain_start_at(*domain, elf->entry, BOOT_MAGIC, INFO_AT);
}
