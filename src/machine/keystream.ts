/**
 * The faster back end of counter mode: OpenSSL encrypts the counter blocks of a page, or of many at once, with the processor's AES
 * instructions, WebAssembly makes the blocks and XORs the stream. It gives the same bytes as ctrPage() in assembly/smm/ctr.ts, so a host may
 * use either, or both, and no result tells which.
 *
 *   jobs in flat memory ─ jobsToBlocks ─▶ counter blocks ─ aes-*-ecb ─▶ keystream ─ applyJobs ─▶ pages
 *
 * One object per thread: it owns its ciphers. A cipher is set up once per key: keys are found where the machine
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

/** The cipher of an expanded key, and the key's words, by which it is known when its place holds another. */
interface Cached {
  readonly words: Uint32Array;
  readonly cipher: Cipher;
}

export class HostKeystream {
  private readonly functions: KeystreamFunctions;
  private readonly u8: Uint8Array;
  private readonly u32: Uint32Array;
  private readonly ciphers = new Map<number, Cached>();

  constructor(functions: KeystreamFunctions, memory: WebAssembly.Memory) {
    this.functions = functions;
    this.u8 = new Uint8Array(memory.buffer);
    this.u32 = new Uint32Array(memory.buffer);
  }

  /**
   * Does the `count` jobs from address `jobs` on, in their order. Neighbours with the same key share a call of the cipher. 16 to 64 jobs pay,
   * beyond that the caches are too small.
   * @param stream address of `count` pages of flat memory, on chip, that nobody else uses meanwhile
   */
  run(jobs: number, count: number, stream: number): void {
    for (let done = 0; done < count; ) {
      const first = jobs + done * JOB_SIZE;
      const schedule = this.schedule(first);
      let n = 1;
      while (n < count - done && this.schedule(first + n * JOB_SIZE) === schedule) n++;
      this.functions.jobsToBlocks(first, n, stream);
      this.u8.set(this.cipher(schedule).update(this.u8.subarray(stream, stream + n * PAGE)), stream);
      this.functions.applyJobs(first, n, stream);
      done += n;
    }
  }

  private schedule(job: number): number {
    return this.u32[(job + JOB_SCHEDULE) >>> 2]!;
  }

  /** The cipher of the key whose schedule lies there now. */
  private cipher(schedule: number): Cipher {
    const long = this.u32[(schedule + SCHEDULE_ROUNDS) >>> 2] === AES_256_ROUNDS;
    const at = (schedule + SCHEDULE_KEYS) >>> 2;
    const words = long ? 8 : 4;
    const known = this.ciphers.get(schedule);
    if (known?.words.length === words && known.words.every((word, i) => word === this.u32[at + i])) return known.cipher;
    const key = Buffer.from(this.u8.subarray(4 * at, 4 * (at + words)));
    for (let i = 16; i < key.length; i++) key[i]! ^= 0x63; // assembly/smm/aes.ts: from round key 1 on
    const cipher = createCipheriv(long ? 'aes-256-ecb' : 'aes-128-ecb', key, null);
    cipher.setAutoPadding(false);
    this.ciphers.set(schedule, { words: this.u32.slice(at, at + words), cipher });
    return cipher;
  }
}
