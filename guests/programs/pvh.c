/*
 * Begins by PVH: an ELF note names its entry, EBX holds the address of a struct hvm_start_info, which it prints. Beside that it is as any
 * other program: what Multiboot would have told is made of the start info.
 */
#include "machine.h"

/* xen/include/public/elfnote.h: XEN_ELFNOTE_PHYS32_ENTRY is 18. */
__asm__(".pushsection .note.Xen, \"a\", @note\n"
        "    .align 4\n"
        "    .long 4, 4, 18\n"
        "    .asciz \"Xen\"\n"
        "    .long pvh_start\n"
        ".popsection\n"
        ".text\n"
        "pvh_start:\n"
        "    cli\n"
        "    cld\n"
        "    mov $stack_top, %esp\n"
        "    push %ebx\n"
        "    push %eax\n"
        "    call pvh_main\n"
        "1:  hlt\n"
        "    jmp 1b\n");

#define START_MAGIC 0x336ec578u

struct start_info { /* xen/include/public/arch-x86/hvm/start_info.h */
    u32 magic, version, flags, nr_modules;
    u64 modlist_paddr, cmdline_paddr, rsdp_paddr, memmap_paddr;
    u32 memmap_entries, reserved;
};
struct module_entry {
    u64 paddr, size, cmdline_paddr, reserved;
};
struct memmap_entry {
    u64 addr, size;
    u32 type, reserved;
};

static const struct start_info *start;
static struct { /* Multiboot information */
    u32 flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr;
} information;

void guest_main(u32 magic, const void *info);
void pvh_main(u32 eax, const struct start_info *info);

void pvh_main(u32 eax, const struct start_info *info) {
    (void)eax; /* the ABI does not say what it holds */
    if (info->magic != START_MAGIC) return;
    start = info;
    const struct memmap_entry *map = (const struct memmap_entry *)(u32)info->memmap_paddr;
    for (u32 i = 0; i < info->memmap_entries; i++)
        if (map[i].type == 1 && map[i].addr == 0x100000) information.mem_upper = (u32)(map[i].size >> 10);
    if (information.mem_upper) information.flags |= 1;
    if (info->cmdline_paddr) information.flags |= 4, information.cmdline = (u32)info->cmdline_paddr;
    guest_main(0x2badb002u, &information);
}

static void line(const char *what, u64 a, u64 b) {
    print("# ");
    print(what);
    put(' ');
    print_hex((u32)a);
    put(' ');
    print_hex((u32)b);
    put('\n');
}

void program(void) {
    u32 hash = MIX_START, cs, ss, pages = 0;
    const struct memmap_entry *map = (const struct memmap_entry *)(u32)start->memmap_paddr;
    const struct module_entry *module = (const struct module_entry *)(u32)start->modlist_paddr;
    begin("pvh");
    line("version, flags", start->version, start->flags);
    print("# command line ");
    print(command_line);
    put('\n');
    for (u32 i = 0; i < start->nr_modules; i++) {
        line("module", module[i].paddr, module[i].size);
        if (module[i].cmdline_paddr) remark((const char *)(u32)module[i].cmdline_paddr, (u32)module[i].size);
        for (u32 k = 0; k < module[i].size; k++) hash = mix(hash, ((const u8 *)(u32)module[i].paddr)[k]);
    }
    for (u32 i = 0; i < start->memmap_entries; i++) {
        line(map[i].type == 1 ? "memory" : "reserved", map[i].addr, map[i].size);
        if (map[i].type == 1) pages += (u32)(map[i].size >> 12);
    }
    remark("pages", pages);
    remark("rsdp", (u32)start->rsdp_paddr);
    /* The ABI: protected mode without paging, flat segments, no IDT. */
    __asm__("mov %%cs, %0; mov %%ss, %1" : "=r"(cs), "=r"(ss));
    remark("protected", read_cr0() & CR0_PE);
    remark("paging", read_cr0() >> 31);
    for (const char *p = command_line; *p; p++) hash = mix(hash, (u8)*p);
    end(mix(mix(hash, start->version), start->nr_modules));
}
