/*
 * Keeps a record in memory, changes it once, with a secret that waits at its console's input, and looks at what it finds.
 * Between these steps it gives the domain `peer=` its turn. What it found is `seen`:
 *
 *   0 the record as it left it · 1 the record of before · 2 the other page · 3 the record with one bit changed · 4 anything else
 */
#include "secret.h"
#include "turns.h"

#define LONGEST 64

static u32 *const record = (u32 *)RECORD;
static u32 *const other = (u32 *)OTHER;

/* Bits in which the pages differ; all that is more than one is 2. */
static u32 bits_off(const u32 *page, const u32 *wanted) {
    u32 bits = 0;
    for (u32 i = 0; i < WORDS && bits < 2; i++) {
        u32 off = page[i] ^ wanted[i];
        if (off) bits += off & (off - 1) ? 2 : 1;
    }
    return bits;
}

/* The expected pages are made anew for each comparison: a copy in memory could be attacked, too. */
static u32 seen(const u8 *secret, u32 length) {
    static u32 wanted[WORDS];
    fill_page(wanted, SECOND_VERSION);
    memcpy(wanted, secret, length);
    u32 bits = bits_off(record, wanted);
    if (bits < 2) return bits ? 3 : 0;
    fill_page(wanted, FIRST_VERSION);
    if (!bits_off(record, wanted)) return 1;
    fill_page(wanted, OTHER_PAGE);
    return bits_off(record, wanted) ? 4 : 2;
}

void program(void) {
    static u8 secret[LONGEST];
    u32 port, length = 0;
    for (int c = get(); c >= 0 && c != '\n' && length < LONGEST; c = get()) secret[length++] = (u8)c;
    xen_start();
    turn_offer(argument("peer", 2), &port);
    turn_wait(&port, 1);
    fill_page(record, FIRST_VERSION);
    fill_page(other, OTHER_PAGE);
    turn_give(port);
    turn_wait(&port, 1);
    fill_page(record, SECOND_VERSION);
    memcpy(record, secret, length);
    turn_give(port);
    turn_wait(&port, 1);
    begin("seen");
    end(seen(secret, length));
}
