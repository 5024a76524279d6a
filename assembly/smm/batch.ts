/**
 * Counter mode with the keystream from outside: the host encrypts counter blocks in bulk (src/machine/keystream.ts), the machine makes
 * the blocks and applies the stream. The bytes are those of ctrPage().
 *
 *   job   +0 u32 address of the schedule   +4 u32 page   +8 u64 counter   +16 u32 from   +20 u32 to
 */
import { PAGE_SIZE } from '../layout';
import { ctrBlock } from './ctr';

export const JOB_SCHEDULE: usize = 0; // read by the host alone
export const JOB_PAGE: usize = 4;
export const JOB_COUNTER: usize = 8;
export const JOB_FROM: usize = 16; // addresses of 4 KiB, aligned to 16; they may be equal
export const JOB_TO: usize = 20;
export const JOB_SIZE: usize = 24;

/** Writes the 256 counter blocks of each job to the 4 KiB pages from `stream` on. */
export function jobsToBlocks(jobs: usize, count: u32, stream: usize): void {
  for (let j: u32 = 0; j < count; j++) {
    ctrBlock(load<u32>(jobs + JOB_PAGE), load<u64>(jobs + JOB_COUNTER), stream);
    const low = load<u64>(stream);
    const high = load<u64>(stream, 8);
    for (let i: u64 = 0; i < 256; i++) {
      store<u64>(stream, low);
      store<u64>(stream, high | (i << 56), 8);
      stream += 16;
    }
    jobs += JOB_SIZE;
  }
}

/** XORs the keystream at `stream` to the pages of the jobs. */
export function applyJobs(jobs: usize, count: u32, stream: usize): void {
  for (let j: u32 = 0; j < count; j++) {
    const from = load<u32>(jobs + JOB_FROM) as usize;
    const to = load<u32>(jobs + JOB_TO) as usize;
    for (let i: usize = 0; i < (PAGE_SIZE as usize); i += 64) {
      const s = stream + i;
      const f = from + i;
      const t = to + i;
      v128.store(t, v128.xor(v128.load(f), v128.load(s)));
      v128.store(t, v128.xor(v128.load(f, 16), v128.load(s, 16)), 16);
      v128.store(t, v128.xor(v128.load(f, 32), v128.load(s, 32)), 32);
      v128.store(t, v128.xor(v128.load(f, 48), v128.load(s, 48)), 48);
    }
    stream += PAGE_SIZE as usize;
    jobs += JOB_SIZE;
  }
}
