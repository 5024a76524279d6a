/* Reads one line of console input, at most `polls` times finding nothing, echoes it and hashes it. */
#include "guest.h"

void program(void) {
    u32 patience = argument("polls", 1000000), hash = MIX_START, length = 0;
    char line[256];
    int c = -1;
    while (c != '\n' && length < sizeof line - 1) {
        c = get();
        if (c < 0 && !patience--) break;
        if (c < 0) continue;
        line[length++] = (char)c;
        hash = mix(hash, (u32)c);
    }
    line[length] = 0;
    print("# ");
    print(length ? line : "no input\n");
    begin("echo");
    end(mix(hash, length));
}
