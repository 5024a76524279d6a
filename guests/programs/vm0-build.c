/*
 * The toolstack as guest code: builds a domain of `kb` KiB from its Multiboot module, whose string is the new domain's command
 * line, lets it run, and waits for its end; `rounds` times. With stop=1 it does not wait but destroys it after `wait` looks.
 */
#include "vm0.h"

#define WINDOW ((u8 *)0xe0000000) /* physical, where no memory is */
#define WINDOW_PAGES 64

static void check(int result, const char *what) {
    if (!result) return;
    remark("result", (u32)-result);
    panic(what);
}

static int there(u32 domain) {
    struct domain_info info;
    return !domain_info(domain, &info) && info.domain == domain;
}

void program(void) {
    u32 rounds = argument("rounds", 1), kib = argument("kb", 4096), stop = argument("stop", 0), port, domain, looks = 0;
    const struct boot_module *module;
    if (!boot_modules(&module)) panic("no module");
    xen_start();
    check(event_bind_virq(VIRQ_DOM_EXC, &port), "bind_virq");
    for (u32 round = 0; round < rounds; round++) {
        check(domain_build(&domain, (const u8 *)module->start, kib, module->text, WINDOW, WINDOW_PAGES), "domain_build");
        remark("domain", domain);
        check(domain_unpause(domain), "unpausedomain");
        if (stop) {
            for (u32 i = argument("wait", 3); i--;)
                if (!there(domain)) panic("it has ended by itself");
            check(domain_destroy(domain), "destroydomain");
            if (there(domain)) panic("it is still there");
        }
        disable_interrupts();
        while (there(domain)) looks++, event_sleep();
    }
    for (u32 i = 0; i < WINDOW_PAGES; i++) foreign_unmap(WINDOW + i * PAGE); /* what was revoked, too */
    remark("looks", looks);
    begin("vm0-build");
    end(rounds);
}
