/* What the programs about protected memory (smm-victim, smm-thief, smm-attack) know of each other. */
#ifndef SECRET_H
#define SECRET_H

#include "guest.h"

#define PAGE 4096
#define WORDS (PAGE / 4)
/* The victim's two pages, physical: the record that it keeps, and another that it does not change. */
#define RECORD 0x3fc000u
#define OTHER 0x3fd000u

/* "the quick red fox told nobody" in hexadecimal, so that no program but the victim, which reads it, holds the text. */
#define SECRET_HEX "74686520717569636b2072656420666f7820746f6c64206e6f626f6479"

enum { FIRST_VERSION = 1, SECOND_VERSION, OTHER_PAGE };

/* Where the thief looks, what it is told by the number of its port. */
#define THIEF_WINDOW 0xd0000000u
enum { LOOK, REFILL, NOTHING, THIEF_PORTS };

/* A page whose contents everybody can work out. */
static inline void fill_page(u32 *page, u32 version) {
    u32 state = seeded(version);
    for (u32 i = 0; i < WORDS; i++) page[i] = next_random(&state);
}
#endif
