/**
 * The faster back end of counter mode: OpenSSL encrypts the counter blocks of many pages at once with the processor's AES
 * instructions, WebAssembly makes the blocks and XORs the stream. It gives the same bytes as ctrPage() in assembly/smm/ctr.ts, so a host may
 * use either, or both, and no result tells which.
 *
 *   jobs in flat memory ─ jobsToBlocks ─▶ counter blocks ─ aes-*-ecb ─▶ keystream ─ applyJobs ─▶ pages
 *
 * One object per thread: it owns its staging memory and its ciphers. A cipher is set up once per key: keys are found where the machine
 * expanded them, so nothing has to be told when one is replaced.
 */
import { type Cipher, createCipheriv } from 'node:crypto';

/** assembly/smm/batch.ts, from the core. Addresses are of flat memory. */
export interface KeystreamFunctions {
  jobsToBlocks(jobs: number, count: number, stream: number): void;
  applyJobs(jobs: number, count: number, stream: number): void;
}

const PAGE = 4096;
// Of assembly/smm/batch.ts and aes.ts; the test holds them against the core.
export const JOB_SIZE = 24;
const JOB_SCHEDULE = 0;
const SCHEDULE_ROUNDS = 0;
const SCHEDULE_KEYS = 16;
const AES_256_ROUNDS = 14;

/** The cipher of an expanded key, and the key, by which it is known when its place holds another. */
interface Cached {
  readonly key: Buffer;
  readonly cipher: Cipher;
}

export class HostKeystream {
  private readonly functions: KeystreamFunctions;
  private readonly u8: Uint8Array;
  private readonly u32: Uint32Array;
  private readonly stream: number;
  private readonly batch: number;
  private readonly staging: readonly Uint8Array[];
  private readonly ciphers = new Map<number, Cached>();

  /**
   * @param stream address of `batch` pages of flat memory, on chip, that this thread alone uses
   * @param batch pages per call of the cipher; 16 to 64 pay, beyond that the caches are too small
   */
  constructor(functions: KeystreamFunctions, memory: WebAssembly.Memory, stream: number, batch: number) {
    this.functions = functions;
    this.u8 = new Uint8Array(memory.buffer);
    this.u32 = new Uint32Array(memory.buffer);
    this.stream = stream;
    this.batch = batch;
    this.staging = Array.from({ length: batch + 1 }, (_, n) => this.u8.subarray(stream, stream + n * PAGE));
  }

  /** Does the `count` jobs from address `jobs` on, in their order. Neighbours with the same key share calls of the cipher. */
  run(jobs: number, count: number): void {
    for (let done = 0; done < count; ) {
      const first = jobs + done * JOB_SIZE;
      const schedule = this.schedule(first);
      const most = Math.min(this.batch, count - done);
      let n = 1;
      while (n < most && this.schedule(first + n * JOB_SIZE) === schedule) n++;
      this.functions.jobsToBlocks(first, n, this.stream);
      this.u8.set(this.cipher(schedule).update(this.staging[n]!), this.stream);
      this.functions.applyJobs(first, n, this.stream);
      done += n;
    }
  }

  private schedule(job: number): number {
    return this.u32[(job + JOB_SCHEDULE) >>> 2]!;
  }

  /** The cipher of the key whose schedule lies there now. */
  private cipher(schedule: number): Cipher {
    const long = this.u32[(schedule + SCHEDULE_ROUNDS) >>> 2] === AES_256_ROUNDS;
    const key = Buffer.from(this.u8.subarray(schedule + SCHEDULE_KEYS, schedule + SCHEDULE_KEYS + (long ? 32 : 16)));
    for (let i = 16; i < key.length; i++) key[i]! ^= 0x63; // assembly/smm/aes.ts: from round key 1 on
    const known = this.ciphers.get(schedule);
    if (known?.key.equals(key)) return known.cipher;
    const cipher = createCipheriv(long ? 'aes-256-ecb' : 'aes-128-ecb', key, null);
    cipher.setAutoPadding(false);
    this.ciphers.set(schedule, { key, cipher });
    return cipher;
  }
}
