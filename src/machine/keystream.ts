/**
 * The faster back end of counter mode: OpenSSL encrypts the counter blocks of many pages at once with the processor's AES
 * instructions, WebAssembly makes the blocks and XORs the stream. It gives the same bytes as ctrPage() in assembly/smm/ctr.ts, so a host may
 * use either, or both, and no result tells which.
 *
 *   jobs in flat memory ─ jobsToBlocks ─▶ counter blocks ─ aes-*-ecb ─▶ keystream ─ applyJobs ─▶ pages
 *
 * One object per thread: it owns its staging memory and its ciphers, which live as long as their keys and are set up once.
 */
import { type Cipher, createCipheriv } from 'node:crypto';

/** assembly/smm/batch.ts, from the core. Addresses are of flat memory. */
export interface KeystreamFunctions {
  jobsToBlocks(jobs: number, count: number, stream: number): void;
  applyJobs(jobs: number, count: number, stream: number): void;
}

const PAGE = 4096;
/** JOB_SIZE and JOB_KEY of assembly/smm/batch.ts; the test holds them against the core. */
export const JOB_SIZE = 24;
const JOB_KEY = 0;

export class HostKeystream {
  private readonly functions: KeystreamFunctions;
  private readonly u8: Uint8Array;
  private readonly u32: Uint32Array;
  private readonly stream: number;
  private readonly batch: number;
  private readonly staging: readonly Uint8Array[];
  private readonly ciphers = new Map<number, Cipher>();

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

  /** Takes a 16- or 32-byte key under a number of the caller's choice, in place of what had that number. */
  setKey(number: number, key: Uint8Array): void {
    const cipher = createCipheriv(`aes-${key.length * 8}-ecb`, key, null);
    cipher.setAutoPadding(false);
    this.ciphers.set(number, cipher);
  }

  dropKey(number: number): void {
    this.ciphers.delete(number);
  }

  /**
   * Does the `count` jobs from address `jobs` on, in their order. Neighbours with the same key share calls of the cipher.
   * Throws if a key was not set: the pages of the jobs before it are done.
   */
  run(jobs: number, count: number): void {
    for (let done = 0; done < count; ) {
      const first = jobs + done * JOB_SIZE;
      const key = this.key(first);
      const most = Math.min(this.batch, count - done);
      let n = 1;
      while (n < most && this.key(first + n * JOB_SIZE) === key) n++;
      this.runSome(first, n, key);
      done += n;
    }
  }

  private key(job: number): number {
    return this.u32[(job + JOB_KEY) >>> 2]!;
  }

  private runSome(jobs: number, count: number, key: number): void {
    const cipher = this.ciphers.get(key);
    if (cipher === undefined) throw new Error(`keystream: key ${key} was never set`);
    this.functions.jobsToBlocks(jobs, count, this.stream);
    this.u8.set(cipher.update(this.staging[count]!), this.stream);
    this.functions.applyJobs(jobs, count, this.stream);
  }
}
