/**
 * The ciphers of assembly/smm, a page of 4 KiB at a time. One operation is a page; 64 pages lie in a memory that was touched before.
 * Every subject of a bench leaves the same bytes in the same place: node:crypto's result is copied to the page, too.
 */
import { createCipheriv } from 'node:crypto';
import { coreModule } from '../../src/machine/core.js';
import { HostKeystream, JOB_SIZE, type KeystreamFunctions } from '../../src/machine/keystream.js';
import type { Progress } from '../progress.js';
import { BASELINE } from '../report.js';
import type { MicroBench, Prepared } from './benches.js';

const PAGE = 4096;
const PAGES = 64;
const COUNTER = 1n << 20n;

// Addresses in a memory that holds nothing else.
const KEY = 0x1000;
const CELL = 0x1100;
const ROOT = 0x1140;
const SCHEDULE = 0x2000;
const TWEAK_SCHEDULE = 0x6000;
const SCRATCH = 0xa000;
const JOBS = 0xe000;
const STREAM = 0x20000;
const REGION = 0x80000;
const FROM = 0x100000;
const TO = FROM + PAGES * PAGE;
const END = TO + PAGES * PAGE;

interface Ciphers extends KeystreamFunctions {
  aesExpand(key: number, bits: number, schedule: number): void;
  ctrPage(schedule: number, scratch: number, page: number, counter: bigint, from: number, to: number): void;
  xtsPage(a: number, b: number, scratch: number, page: number, from: number, to: number, encrypt: number): void;
  macPage(key: number, page: number, counter: bigint, page4k: number): bigint;
  treeInit(region: number, pages: number, key: number, root: number): void;
  treeVerify(region: number, pages: number, key: number, root: number, page: number): number;
  treeUpdate(region: number, pages: number, key: number, root: number, page: number, counter: bigint): number;
}

function machine() {
  const module = coreModule();
  const memory = new WebAssembly.Memory({ initial: END >>> 16, maximum: 65536, shared: true });
  const env: Record<string, WebAssembly.ImportValue> = { memory };
  for (const { name, kind } of WebAssembly.Module.imports(module)) {
    if (kind !== 'function') continue;
    env[name] = () => {
      throw new Error(`${name} called`);
    };
  }
  const ciphers = new WebAssembly.Instance(module, { env }).exports as unknown as Ciphers;
  const u8 = new Uint8Array(memory.buffer);
  const view = new DataView(memory.buffer);
  const key = Buffer.from('2b7e151628aed2a6abf7158809cf4f3c', 'hex');
  u8.set(key, KEY);
  ciphers.aesExpand(KEY, 128, SCHEDULE);
  u8.set(Buffer.from(key).reverse(), CELL);
  ciphers.aesExpand(CELL, 128, TWEAK_SCHEDULE);
  for (let at = FROM; at < TO; at++) u8[at] = (at * 31) ^ (at >> 8);
  u8.fill(1, TO, END); // a page that was never touched costs the host a fault
  return { ciphers, memory, u8, view, key };
}

/** A few words of each page; all of them are compared by test/smm. */
function checksum(view: DataView): number {
  let sum = 0;
  for (let i = 0; i < PAGES; i++) {
    const to = TO + i * PAGE;
    const word = (at: number): number => view.getUint32(to + at, true);
    sum = (sum + (word(0) ^ word(2048 + ((i * 68) & 1023)) ^ word(4092))) >>> 0;
  }
  return sum;
}

type Noble = (key: Uint8Array, nonce: Uint8Array) => { encrypt(plain: Uint8Array): Uint8Array };

/** The package is a peer of the bench alone; undefined where it is not installed. */
export async function loadNoble(): Promise<Noble | undefined> {
  const name: string = '@noble/ciphers/aes.js';
  try {
    return ((await import(name)) as { ctr: Noble }).ctr;
  } catch {
    return undefined;
  }
}

export function ctrBench(noble: Noble | undefined, progress: Progress): MicroBench {
  if (noble === undefined) progress.note('smm/ctr: @noble/ciphers is skipped: it is not installed');
  return {
    name: 'smm/ctr',
    about: 'AES-128-CTR of a page',
    operation: 'page',
    prepare: () => prepareCtr(noble),
  };
}

function prepareCtr(noble: Noble | undefined): Prepared {
  const { ciphers, memory, u8, view, key } = machine();
  const from = Array.from({ length: PAGES }, (_, i) => u8.subarray(FROM + i * PAGE, FROM + (i + 1) * PAGE));
  const initial = Buffer.alloc(16);
  const counterBlock = (i: number): Buffer => {
    initial.writeUInt32BE(i, 0);
    initial.writeUInt32BE(Number(COUNTER) + i, 11);
    return initial;
  };
  const each = (action: (i: number) => void) => (): number => {
    for (let i = 0; i < PAGES; i++) action(i);
    return checksum(view);
  };
  const batched = (pages: number): (() => number) => {
    const host = new HostKeystream(ciphers, memory);
    for (let i = 0; i < PAGES; i++) {
      const job = JOBS + i * JOB_SIZE;
      for (const [at, value] of [
        [0, SCHEDULE],
        [4, i],
        [16, FROM + i * PAGE],
        [20, TO + i * PAGE],
      ] as const) {
        view.setUint32(job + at, value, true);
      }
      view.setBigUint64(job + 8, COUNTER + BigInt(i), true);
    }
    return () => {
      for (let i = 0; i < PAGES; i += pages) host.run(JOBS + i * JOB_SIZE, pages, STREAM);
      return checksum(view);
    };
  };
  const subjects = [
    {
      name: BASELINE,
      about: 'one createCipheriv call of node:crypto per page (AES instructions)',
      call: each((i) => u8.set(createCipheriv('aes-128-ctr', key, counterBlock(i)).update(from[i]!), TO + i * PAGE)),
    },
    {
      name: 'ringfence',
      about: "the machine's ctrPage in WebAssembly",
      call: each((i) => ciphers.ctrPage(SCHEDULE, SCRATCH, i, COUNTER + BigInt(i), FROM + i * PAGE, TO + i * PAGE)),
    },
    { name: 'ringfence-host-1', about: 'the host back end, a page a call', call: batched(1) },
    { name: 'ringfence-host-16', about: 'the host back end, 16 pages a call', call: batched(16) },
    { name: 'ringfence-host-32', about: 'the host back end, 32 pages a call', call: batched(32) },
    { name: 'ringfence-host-64', about: 'the host back end, 64 pages a call', call: batched(64) },
  ];
  if (noble !== undefined) {
    subjects.push({
      name: 'noble',
      about: '@noble/ciphers: plain JavaScript',
      call: each((i) => u8.set(noble(key, counterBlock(i)).encrypt(from[i]!), TO + i * PAGE)),
    });
  }
  const pages = [KEY, FROM, TO, PAGES, Number(COUNTER)];
  return {
    machine: { numbers: new Map(), u8 },
    operations: PAGES,
    subjects,
    natives: [
      { name: 'c', about: 'C, gcc -O3: T-tables', source: 'aes-table', arguments: [...pages, 0] },
      {
        name: 'c-cached',
        about: 'the same, rounds 1 and 2 once per page',
        source: 'aes-table',
        arguments: [...pages, 1],
      },
    ],
  };
}

/** What the miss path of each mode computes for a page, beside that of `ctr`. Subjects do different things, hence no checksum. */
export const MODE_BENCH: MicroBench = {
  name: 'smm/modes',
  about: 'the cryptography of a page fill in each mode',
  operation: 'page',
  prepare: () => {
    const { ciphers } = machine();
    ciphers.treeInit(REGION, PAGES * 512, KEY, ROOT);
    const each = (action: (i: number) => void) => (): number => {
      for (let i = 0; i < PAGES; i++) action(i);
      return 0;
    };
    const ctr = (i: number): void =>
      ciphers.ctrPage(SCHEDULE, SCRATCH, i, COUNTER + BigInt(i), FROM + i * PAGE, TO + i * PAGE);
    const mac = (i: number): bigint => ciphers.macPage(KEY, i, COUNTER, FROM + i * PAGE);
    const xts =
      (encrypt: number) =>
      (i: number): void =>
        ciphers.xtsPage(SCHEDULE, TWEAK_SCHEDULE, SCRATCH, i, FROM + i * PAGE, TO + i * PAGE, encrypt);
    return {
      operations: PAGES,
      machine: { numbers: new Map(), u8: new Uint8Array() },
      natives: [],
      subjects: [
        { name: BASELINE, about: 'ctr: decrypt', call: each(ctr) },
        {
          name: 'ctr+mac',
          about: 'check the MAC, decrypt',
          call: each((i) => {
            mac(i);
            ctr(i);
          }),
        },
        {
          name: 'ctr+mac+tree',
          about: 'follow the path in a tree over 32,768 pages, check the MAC, decrypt',
          call: each((i) => {
            ciphers.treeVerify(REGION, PAGES * 512, KEY, ROOT, i * 512);
            mac(i);
            ctr(i);
          }),
        },
        { name: 'xts-encrypt', about: 'XTS, encrypt', call: each(xts(1)) },
        { name: 'xts-decrypt', about: 'XTS, decrypt', call: each(xts(0)) },
        { name: 'mac', about: 'the MAC alone', call: each(mac) },
      ],
    };
  },
};
