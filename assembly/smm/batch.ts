/**
 * Counter mode with the keystream from outside: the host encrypts counter blocks (src/machine/keystream.ts), the machine makes the blocks
 * and applies the stream. The bytes are those of ctrPage(), and who asked for them does not notice who made them.
 *
 *   seal.ts ─ jobs ─▶ runJobs ─▶ hostKeystream ─▶ jobsToBlocks ─▶ cipher of the host ─▶ applyJobs
 *
 *   job   +0 u32 address of the schedule   +4 u32 page   +8 u64 counter   +16 u32 from   +20 u32 to
 */
import { hostKeystream } from '../env';
import { HOST_SMM_BATCH, PAGE_SIZE, SMM_UNIT_JOBS, SMM_UNIT_STREAM } from '../layout';
import { ctrBlock, ctrPage } from './ctr';

export const JOB_SCHEDULE: usize = 0; // read by the host alone
export const JOB_PAGE: usize = 4;
export const JOB_COUNTER: usize = 8;
export const JOB_FROM: usize = 16; // addresses of 4 KiB, aligned to 16; they may be equal
export const JOB_TO: usize = 20;
export const JOB_SIZE: usize = 24;

/** The cipher's scratch lies a page behind the beginning of the unit's. */
const CIPHER: usize = 4096;

/** Place of job `n` of the unit with this scratch for ciphers; n < HOST_SMM_BATCH. */
export function jobAt(scratch: usize, n: u32): usize {
  return scratch - CIPHER + SMM_UNIT_JOBS + (n as usize) * JOB_SIZE;
}

export function writeJob(job: usize, schedule: usize, page: u32, counter: u64, from: usize, to: usize): void {
  store<u32>(job, schedule as u32, JOB_SCHEDULE);
  store<u32>(job, page, JOB_PAGE);
  store<u64>(job, counter, JOB_COUNTER);
  store<u32>(job, from as u32, JOB_FROM);
  store<u32>(job, to as u32, JOB_TO);
}

/** Does the first `count` jobs of the unit. */
export function runJobs(scratch: usize, count: u32): void {
  hostKeystream(jobAt(scratch, 0), count, scratch - CIPHER + SMM_UNIT_STREAM);
}

/** ctrPage(), by whoever does it on this host. */
export function cryptPage(schedule: usize, scratch: usize, page: u32, counter: u64, from: usize, to: usize): void {
  if (load<u32>(HOST_SMM_BATCH) == 0) {
    ctrPage(schedule, scratch, page, counter, from, to);
    return;
  }
  writeJob(jobAt(scratch, 0), schedule, page, counter, from, to);
  runJobs(scratch, 1);
}

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
