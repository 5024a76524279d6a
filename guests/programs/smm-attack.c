/*
 * VM0 against a victim (domain 0) whose memory may be protected, with a thief (domain 1) as its accomplice. `attack=` is one of
 *
 *   dump, dump-paused   search all pages of the victim for its secret, while it runs or while it is paused
 *   remap               put the victim's record into the thief's memory
 *   residual            let the victim end, then give its frames to the thief
 *   keystream           subtract two versions of the record, of which the first is known, from each other
 *   key                 take what lies where a careless unit keeps keys, and decrypt the record with it
 *   tamper              overwrite what lies there, if it looks like a key
 *   splice              overwrite the record with the victim's other page
 *   flip                change one bit of the record
 *   replay              put the record of before back
 *   replay-all          put the record of before back, with its counter, its MAC and its way through the counter tree
 *   dma-read            let a disk that was passed through write every machine frame to itself, and search what it wrote
 *   dma-write           let it read a page of its own to where the record lies
 *
 * What it read itself is `found`; what came of the others, the victim and the thief print. Pages are read and written as they
 * lie in DRAM. The host's first frames hold the victim's key (if it is exposed), its counters, its MACs and its tree: it was
 * created first (assembly/smm/tree.ts tells how they lie there).
 */
#include "aes.h"
#include "secret.h"
#include "turns.h"
#include "virtio.h"
#include "vm0.h"

enum { VICTIM, THIEF };
#define WINDOW 0xe0000000u /* physical, where no memory is */
#define RECORD_AT ((u32 *)WINDOW)
#define OTHER_AT ((u32 *)(WINDOW + PAGE))
#define METADATA ((u8 *)(WINDOW + 2 * PAGE))
#define METADATA_PAGES 8
#define SEARCH ((u8 *)(WINDOW + 16 * PAGE))
#define SEARCH_PAGES 256
#define VICTIM_PAGES 1024
#define TREE_LEVELS 3
#define WORDS_KEPT (2 + TREE_LEVELS)

static u32 before[WORDS];                 /* the record's first version, as it lay in DRAM */
static u64 kept[WORDS_KEPT];              /* and what belongs to it */
static u32 numbers[SEARCH_PAGES];
static int errors[SEARCH_PAGES];
static struct pattern secret;
static u64 *counters = (u64 *)METADATA;   /* behind the page with the key, if it is exposed */

static void check(int result, const char *what) {
    if (!result) return;
    remark("result", (u32)-result);
    panic(what);
}

static int is(const char *attack) { return argument_is("attack", attack); }

static void map_victim(u32 first, u32 count, void *at) {
    for (u32 i = 0; i < count; i++) numbers[i] = first + i;
    check(foreign_map(VICTIM, numbers, count, at, errors), "foreign_map");
    for (u32 i = 0; i < count; i++) check(errors[i], "foreign_map");
}

static void map_machine(u32 first, u32 count, void *at) {
    for (u32 i = 0; i < count; i++) numbers[i] = first + i;
    check(machine_map(numbers, count, at, errors), "machine_map");
    for (u32 i = 0; i < count; i++) check(errors[i], "machine_map");
}

static u32 count_in(const void *page) { return pattern_count(secret, page, (const u8 *)page + PAGE); }

/* The word of the metadata with number n: 0 the record's counter, 1 its MAC, then one per level of the tree. */
static volatile u64 *metadata(u32 n) {
    u32 page = RECORD / PAGE, words = VICTIM_PAGES, at = 0;
    if (n == 0) return counters + page;
    at += words;
    if (n == 1) return counters + at + page;
    at += words;
    for (u32 level = 1;; level++) {
        page /= 8;
        words = (words / 8 + 7) & ~7u;
        if (n == 1 + level) return counters + at + page;
        at += words;
    }
}

/* Whether the record lies in DRAM as everybody can work it out: then nothing protects it, and nothing is kept of it. */
static int is_plain(void) {
    static u32 plain[WORDS];
    fill_page(plain, FIRST_VERSION);
    return !memcmp(before, plain, PAGE);
}

/* A counter that went up from one version to the next; or no counter, but a MAC that changed. Where there are neither, other things lie
   there. */
static int has_metadata(void) {
    u64 counter = *metadata(0), mac = *metadata(1);
    if (is_plain()) return 0;
    if (!kept[0] && !counter) return kept[1] && mac != kept[1];
    return kept[0] && counter > kept[0] && counter >> 32 == 0;
}

/* A page with a key has four words that are not zero, and nothing behind the longest key. */
static int has_key(void) {
    const u32 *words = (const u32 *)METADATA;
    u32 behind = 0;
    for (u32 i = 8; i < WORDS; i++) behind |= words[i];
    return !is_plain() && words[0] && words[1] && words[2] && words[3] && !behind;
}

static void save(void) {
    memcpy(before, RECORD_AT, PAGE);
    if (has_key()) counters = (u64 *)(METADATA + PAGE);
    for (u32 i = 0; i < WORDS_KEPT; i++) kept[i] = *metadata(i);
}

static u32 dump(void) {
    u32 found = 0;
    if (is("dump-paused")) check(domain_pause(VICTIM), "pausedomain");
    for (u32 first = 0; first < VICTIM_PAGES; first += SEARCH_PAGES) {
        for (u32 i = 0; i < SEARCH_PAGES; i++) numbers[i] = first + i;
        check(foreign_map(VICTIM, numbers, SEARCH_PAGES, SEARCH, errors), "foreign_map");
        for (u32 i = 0; i < SEARCH_PAGES; i++) { /* what the hypervisor shares with the victim is not its own */
            if (errors[i]) continue;
            found += count_in(SEARCH + i * PAGE);
            check(foreign_unmap(SEARCH + i * PAGE), "unmap");
        }
    }
    if (is("dump-paused")) check(domain_unpause(VICTIM), "unpausedomain");
    return found;
}

/* Version 2 under the keystream of version 1 gives itself away, since version 1 is known. */
static u32 keystream(void) {
    static u32 plain[WORDS];
    fill_page(plain, FIRST_VERSION);
    for (u32 i = 0; i < WORDS; i++) plain[i] ^= before[i] ^ RECORD_AT[i];
    return count_in(plain);
}

/* The numbers of the frames of `count` different pages that VM0 sees: those that hold the same bytes. */
static void find_frames(u8 *const *pages, u32 count, u32 *found) {
    u32 frames = machine_frames(), missing = count;
    for (u32 i = 0; i < count; i++) found[i] = frames;
    for (u32 first = 0; first < frames && missing; first += SEARCH_PAGES) {
        u32 mapped = frames - first < SEARCH_PAGES ? frames - first : SEARCH_PAGES;
        map_machine(first, mapped, SEARCH);
        for (u32 i = 0; i < mapped; i++) {
            for (u32 k = 0; k < count; k++) {
                if (found[k] != frames || memcmp(SEARCH + i * PAGE, pages[k], PAGE)) continue;
                found[k] = first + i;
                missing--;
                break;
            }
        }
    }
    if (missing) panic("no frame holds the page");
}

static u32 frame_of_record(void) {
    u8 *record = (u8 *)RECORD_AT;
    u32 frame;
    find_frames(&record, 1, &frame);
    return frame;
}

static u32 key(void) {
    static u8 plain[PAGE];
    u32 frame = frame_of_record();
    u64 counter = *metadata(0);
    u8 block[16] = {(u8)(frame >> 24), (u8)(frame >> 16), (u8)(frame >> 8), (u8)frame};
    for (u32 i = 0; i < 8; i++) block[14 - i] = (u8)(counter >> (8 * i));
    aes_ctr(METADATA, block, (u8 *)RECORD_AT, plain, PAGE);
    return count_in(plain) + count_in(RECORD_AT);
}

static void replay(int all) {
    memcpy(RECORD_AT, before, PAGE);
    if (!all || !has_metadata()) return;
    for (u32 i = 0; i < WORDS_KEPT; i++) *metadata(i) = kept[i];
}

/* The disk's addresses are machine addresses: VM0 looks for the frames of what it shares with it. */
static struct disk disk;
static u8 shared[1 + SEGMENTS_MAX][PAGE] __attribute__((aligned(PAGE)));
static u32 shared_at[1 + SEGMENTS_MAX]; /* machine addresses: of the queue's page, then of the buffer's */

static void start_disk(void) {
    u8 *pages[1 + SEGMENTS_MAX];
    for (u32 i = 0; i <= SEGMENTS_MAX; i++) fill_page((u32 *)(pages[i] = shared[i]), 0x100 + i);
    find_frames(pages, 1 + SEGMENTS_MAX, shared_at);
    for (u32 i = 0; i <= SEGMENTS_MAX; i++) shared_at[i] *= PAGE;
    memset(shared, 0, sizeof shared);
    disk_start(&disk, VIRTIO_REGISTERS, shared[0], shared_at[0]);
}

static void transfer(u32 type, const u32 *addresses, u32 count) {
    check(-(int)disk_request(&disk, type, 0, addresses, count, PAGE), "disk");
}

static u32 dma_read(void) {
    u32 frames = machine_frames(), found = 0, addresses[SEGMENTS_MAX];
    start_disk();
    for (u32 first = 0; first < frames; first += SEGMENTS_MAX) {
        u32 count = frames - first < SEGMENTS_MAX ? frames - first : SEGMENTS_MAX;
        for (u32 i = 0; i < count; i++) addresses[i] = (first + i) * PAGE;
        transfer(BLK_OUT, addresses, count);
        transfer(BLK_IN, shared_at + 1, count);
        for (u32 i = 1; i <= count; i++) found += count_in(shared[i]);
        memset(shared[1], 0, SEGMENTS_MAX * PAGE); /* or it would be found again, in VM0's own frames */
    }
    return found;
}

static void dma_write(void) {
    u32 record = frame_of_record() * PAGE;
    start_disk();
    fill_page((u32 *)shared[1], OTHER_PAGE);
    transfer(BLK_OUT, shared_at + 1, 1);
    transfer(BLK_IN, &record, 1);
}

/* While the victim waits, after it has written its record for the second time. */
static u32 attack(void) {
    if (is("dump") || is("dump-paused")) return dump();
    if (is("keystream")) return keystream();
    if (is("key")) return key();
    if (is("dma-read")) return dma_read();
    if (is("dma-write")) dma_write();
    if (is("tamper") && has_key()) memset(METADATA, 0x5a, 16);
    if (is("splice")) memcpy(RECORD_AT, OTHER_AT, PAGE);
    if (is("flip")) RECORD_AT[WORDS / 2] ^= 1;
    if (is("replay") || is("replay-all")) replay(is("replay-all"));
    if (is("remap")) check(foreign_give(THIEF, VICTIM, RECORD / PAGE, THIEF_WINDOW), "foreign_give");
    return 0;
}

static int there(u32 domain) {
    struct domain_info info;
    return !domain_info(domain, &info) && info.domain == domain;
}

static void wait_for_end(u32 domain) {
    while (there(domain)) hypercall(HYPERVISOR_SCHED_OP, SCHEDOP_YIELD, 0, 0, 0, 0);
}

void program(void) {
    u32 victim, thief[THIEF_PORTS];
    secret = pattern_of(SECRET_HEX);
    xen_start();
    turn_take(VICTIM, 1, &victim);
    int helped = there(THIEF); /* not if the unit has refused to let it run */
    for (u32 i = 0; helped && i < THIEF_PORTS; i++) turn_take(THIEF, i + 1, &thief[i]);
    map_victim(RECORD / PAGE, 2, RECORD_AT);
    map_machine(argument("metadata", 0), METADATA_PAGES, METADATA);
    turn_give(victim);
    turn_wait(&victim, 1);
    save();
    turn_give(victim);
    turn_wait(&victim, 1);
    begin("found");
    end(helped || !is("remap") ? attack() : 0);
    for (u32 i = 0; i < 2 + METADATA_PAGES; i++) check(foreign_unmap((u8 *)WINDOW + i * PAGE), "unmap");
    if (is("remap") && helped) turn_give(thief[LOOK]);
    turn_give(victim);
    if (is("residual")) {
        wait_for_end(VICTIM);
        turn_give(thief[REFILL]);
        wait_for_end(THIEF); /* or the thief would get the frames of VM0 */
    } else if (!is("remap") && helped) {
        turn_give(thief[NOTHING]);
    }
}
