/*
 * A fork bomb of domains: makes forks of the domain of= until it is refused, `again` more times to see that it stays refused, at most
 * `limit`. run=1 lets every fork run at once. Then, with clean=1, it destroys them all and forks once more: `rounds` times.
 */
#include "vm0.h"

#define MOST 4096

static u32 forks[MOST];

/* Makes one more fork. 0 or −errno: nothing is left behind. */
static int bomb(u32 of, int run, u32 *fork) {
    int result = domain_create(fork);
    if (result) return result;
    result = domain_fork(*fork, of);
    if (result) {
        domain_destroy(*fork); /* it may be gone already */
        return result;
    }
    return run ? domain_unpause(*fork) : 0;
}

void program(void) {
    u32 of = argument("of", 1), limit = argument("limit", MOST), again = argument("again", 3), rounds = argument("rounds", 1);
    int run = (int)argument("run", 0);
    if (limit > MOST) limit = MOST;
    for (u32 round = 0; round < rounds; round++) {
        u32 made = 0, refused = 0;
        int error = 0;
        while (made < limit && refused <= again) {
            int result = bomb(of, run, &forks[made]);
            if (!result) made++;
            else refused++, error = result;
        }
        begin("forks");
        end(made);
        begin("errno");
        end((u32)-error);
        if (argument("clean", 1))
            while (made) domain_destroy(forks[--made]);
    }
}
