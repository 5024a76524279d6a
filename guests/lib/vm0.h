/*
 * What a privileged domain may do to others: Xen's memory.h, domctl.h and sysctl.h, 32-bit structures. All return 0 or −errno,
 * or as said. Every call takes until the end of a quantum, so calls for many pages at once are the fast ones.
 */
#ifndef VM0_H
#define VM0_H

#include "xen.h"

#define PAGE 4096

struct domain_info { /* struct xen_domctl_getdomaininfo */
    u16 domain, pad1;
    u32 flags;
    u64 tot_pages, max_pages, outstanding_pages, shr_pages, paged_pages, shared_info_frame, cpu_time;
    u32 nr_online_vcpus, max_vcpu_id, ssidref;
    u8 handle[16];
    u32 cpupool;
    u8 gpaddr_bits, pad2[7];
    u32 arch[2];
};
#define DOMINF_DYING 0x01
#define DOMINF_HVM 0x02
#define DOMINF_SHUTDOWN 0x04
#define DOMINF_PAUSED 0x08
#define DOMINF_BLOCKED 0x10
#define DOMINF_RUNNING 0x20

/* Memory. `at` is physical and page-aligned, where nothing of the own memory is needed: what lies there gives way. */
int foreign_map(u32 domain, const u32 *pages, u32 count, void *at, int *errors); /* pages of a domain, one result each */
int machine_map(const u32 *frames, u32 count, void *at, int *errors);            /* machine frames */
int foreign_give(u32 target, u32 domain, u32 page, u32 at); /* a page of `domain` into the memory of `target` */
int foreign_unmap(void *at);
int domain_pages(u32 domain); /* one more than its highest page number */
u32 machine_frames(void);     /* of the host */
int domain_populate(u32 domain, u32 first, u32 count); /* pages that it gets, or −errno */

/* Control. */
int domain_create(u32 *domain); /* empty and paused */
int domain_max_memory(u32 domain, u32 kib);
int domain_start_at(u32 domain, u32 eip, u32 eax, u32 ebx); /* flat 32-bit protected mode; the other registers are 0 */
int domain_fork(u32 child, u32 parent);        /* makes an empty, paused domain a fork of another */
int domain_fork_reset(u32 child);
int domain_pause(u32 domain);
int domain_unpause(u32 domain);
int domain_destroy(u32 domain);
int domain_info(u32 domain, struct domain_info *info); /* of the first domain from this id on */
int domain_list(u32 first, struct domain_info *list, u32 room); /* how many were listed */

/* Bytes to search for, in hexadecimal: they are never stored as they are, so that a search does not find itself. */
struct pattern {
    const char *digits; /* 0: none */
    u32 length;
};
struct pattern pattern_of(const char *digits);
struct pattern pattern_argument(const char *key); /* from the word `key=` of the command line */
u32 pattern_count(struct pattern pattern, const u8 *from, const u8 *to); /* how often it begins before `to` */

/* Builds a domain of `kib` KiB from an ELF image as a Multiboot loader does, with the command line `text`. It is left paused.
 * Pages of it are mapped at `window` meanwhile, `window_pages` of them. 0, −errno, or 1: this is no image. */
int domain_build(u32 *domain, const u8 *image, u32 kib, const char *text, u8 *window, u32 window_pages);

/* The Multiboot modules that this program was started with. */
struct boot_module {
    u32 start, end;
    const char *text;
    u32 reserved;
};
u32 boot_modules(const struct boot_module **modules);

#define VIRQ_DOM_EXC 3 /* a domain has ended */
int event_bind_virq(u32 virq, u32 *port);

#endif
