/** The functions of assembly/smm on a small memory of their own, so that every address can be watched. */
import { coreModule } from '../../src/machine/core.js';

type Word = number;

export interface SmmFunctions {
  aesExpand(key: Word, bits: number, schedule: Word): void;
  aesEncryptBlock(schedule: Word, scratch: Word, from: Word, to: Word): void;
  ctrPage(schedule: Word, scratch: Word, page: number, counter: bigint, from: Word, to: Word): void;
  ctrBlocks(schedule: Word, scratch: Word, block: Word, from: Word, to: Word): void;
  xtsPage(data: Word, tweak: Word, scratch: Word, frame: number, from: Word, to: Word, encrypt: number): void;
  xtsUnit(data: Word, tweak: Word, scratch: Word, unit: Word, from: Word, to: Word, encrypt: number): void;
  macPage(key: Word, frame: number, counter: bigint, ciphertext: Word): bigint;
  sipHash(key: Word, from: Word, length: number): bigint;
  counterNext(cell: Word, limit: bigint): bigint;
  treeBytes(pages: number, tree: number): number;
  treeCounter(region: Word, page: number): Word;
  treeMac(region: Word, pages: number, page: number): Word;
  treeInit(region: Word, pages: number, key: Word, root: Word): void;
  treeVerify(region: Word, pages: number, key: Word, root: Word, page: number): number;
  treeUpdate(region: Word, pages: number, key: Word, root: Word, page: number, counter: bigint): number;
}

export const PAGE = 4096;

export class SmmUnit {
  readonly call: SmmFunctions;
  readonly memory: WebAssembly.Memory;
  readonly u8: Uint8Array;
  readonly view: DataView;
  private readonly keyAt = 4096; // the last expanded key
  private next = 4096 + 64;

  constructor(pages = 32) {
    const module = coreModule();
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: 65536, shared: true });
    const env: Record<string, WebAssembly.ImportValue> = { memory: this.memory };
    for (const { name, kind } of WebAssembly.Module.imports(module)) {
      if (kind === 'function') {
        env[name] = () => {
          throw new Error(`${name} called`);
        };
      }
    }
    this.call = new WebAssembly.Instance(module, { env }).exports as unknown as SmmFunctions;
    this.u8 = new Uint8Array(this.memory.buffer);
    this.view = new DataView(this.memory.buffer);
  }

  /** A number of assembly/ that the core exports. */
  constant(name: string): number {
    const global = (this.call as unknown as Record<string, WebAssembly.Global>)[name];
    return Number(global?.value);
  }

  /** Address of so many fresh bytes, aligned to 64. */
  allocate(bytes: number): Word {
    const at = this.next;
    this.next = (at + bytes + 63) & ~63;
    if (this.next > this.u8.length) throw new Error('the unit under test has too little memory');
    return at;
  }

  put(at: Word, bytes: Uint8Array): Word {
    this.u8.set(bytes, at);
    return at;
  }

  get(at: Word, bytes: number): Buffer {
    return Buffer.from(this.u8.slice(at, at + bytes));
  }

  /** Address of the bytes, freshly allocated. */
  place(bytes: Uint8Array): Word {
    return this.put(this.allocate(bytes.length), bytes);
  }

  schedule(key: Uint8Array, at = this.allocate(this.constant('AES_SCHEDULE_SIZE'))): Word {
    this.call.aesExpand(this.put(this.keyAt, key), key.length * 8, at);
    return at;
  }
}

export const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
