/*
 * programs/paging.h on i386 Linux: frames are pages of a memory file, mapping is mmap, and the error code and address of a
 * fault are those that the real CPU gave to SIGSEGV (its U/S bit apart). Accessed and dirty bits are found the way kernels
 * without them do: the page stays protected until it is touched.
 */
#define _GNU_SOURCE
#include "../programs/paging.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGES 1024

static int file;
static u8 *window, *frame_pool;
static struct {
    u32 present, frame, writable, accessed, dirty;
} state[PAGES];
static int protect = 1;

static void place(u32 page) {
    int rights = !state[page].present || !state[page].accessed ? PROT_NONE
                 : state[page].dirty                           ? PROT_READ | PROT_WRITE
                                                               : PROT_READ;
    if (mmap(window + page * 4096, 4096, rights, MAP_SHARED | MAP_FIXED, file, (off_t)(state[page].frame * 4096)) == MAP_FAILED)
        panic("mmap");
}

static void on_fault(int signal, siginfo_t *info, void *context) {
    (void)signal;
    u32 error = (u32)((ucontext_t *)context)->uc_mcontext.gregs[REG_ERR] & FAULT_WRITE;
    u32 offset = (u32)info->si_addr - (u32)window, page = offset / 4096;
    if (offset >= PAGES * 4096) panic("fault outside the window");
    if (!state[page].present) {
        window_fault(offset, error);
    } else if (error && !state[page].writable && protect) {
        state[page].accessed = 1;
        window_fault(offset, error | FAULT_PRESENT);
    } else { /* no fault on a machine with A and D bits */
        state[page].accessed = 1;
        if (error) state[page].dirty = 1;
        place(page);
    }
}

u8 *window_start(u32 pages, u32 frames) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    if (pages > PAGES) panic("window too large");
    file = memfd_create("frames", 0);
    if (file < 0 || ftruncate(file, (off_t)(frames * 4096))) panic("memfd");
    frame_pool = mmap(0, frames * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    window = mmap(0, PAGES * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigaction(SIGSEGV, &action, 0);
    return window;
}

void window_map(u32 page, u32 frame, int writable) {
    state[page].present = 1;
    state[page].frame = frame;
    state[page].writable = (u32)writable;
    state[page].accessed = state[page].dirty = 0;
    place(page);
}

void window_unmap(u32 page) {
    state[page].present = 0;
    place(page);
}

int window_dirty(u32 page) { return (int)state[page].dirty; }
int window_accessed(u32 page) { return (int)state[page].accessed; }
u8 *frame_bytes(u32 frame) { return frame_pool + frame * 4096; }
void write_protect(int on) { protect = on; }

/* The 4 MB page: the window's page 0 stands for it. */
volatile u32 *large_page_alias(const void *at) {
    window_map(0, (u32)((const u8 *)at - frame_pool) / 4096, 1);
    return (volatile u32 *)window;
}
int large_page_dirty(void) { return window_dirty(0); }
int large_page_accessed(void) { return window_accessed(0); }
