/* AES-128 in counter mode for those who have found a key: FIPS 197, SP 800-38A. Small, not fast. */
#ifndef AES_H
#define AES_H

#include "guest.h"

/* XORs the keystream that begins at counter block `block`, whose last byte counts from 0, to `bytes` ≤ 4096 bytes. */
void aes_ctr(const u8 key[16], const u8 block[16], const u8 *from, u8 *to, u32 bytes);
#endif
