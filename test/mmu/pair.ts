/** The core and the reference model side by side: every access goes to both, every observable result is compared. */
import { Machine } from './machine.js';
import { type Cpu, type Kind, Model, type ModelFault, type Page, TlbModel } from './model.js';

export interface Access {
  readonly kind: Kind;
  readonly linear: number;
  /** 1, 2 or 4; a fetch has no size. */
  readonly size: number;
  readonly value: number;
  readonly user: boolean;
}

const hex = (_key: string, value: unknown): unknown =>
  typeof value === 'number' ? `0x${(value >>> 0).toString(16)}` : value;

export class Pair {
  readonly machine: Machine;
  readonly bytes: Uint8Array;
  readonly cpu: Cpu = { cr0: 1, cr3: 0, cr4: 0, eptp: 0, directBase: 0, directLimit: 0 };
  readonly model: Model;
  readonly tlb: TlbModel;
  #before = { miss: 0, second: 0, guest: 0, ept: 0 };

  /** `stlb`: entries of the second-level TLB. */
  constructor(frames: number, stlb: number = 0) {
    this.machine = new Machine(frames, stlb);
    this.bytes = new Uint8Array(frames * 4096);
    this.model = new Model(this.bytes, this.cpu);
    this.tlb = new TlbModel(this.model, stlb);
  }

  /** Sets registers in both. Does not flush: callers do what an operating system would do. */
  set(cpu: Partial<Cpu>): void {
    Object.assign(this.cpu, cpu);
    const { machine } = this;
    machine.set('VCPU_CR0', this.cpu.cr0);
    machine.set('VCPU_CR3', this.cpu.cr3);
    machine.set('VCPU_CR4', this.cpu.cr4);
    machine.set('VCPU_EPTP', this.cpu.eptp);
    machine.set('VCPU_DIRECT_BASE', this.cpu.directBase);
    machine.set('VCPU_DIRECT_LIMIT', this.cpu.directLimit);
  }

  write32(at: number, value: number): void {
    this.machine.write32(at, value);
    new DataView(this.bytes.buffer).setUint32(at, value, true);
  }
  write64(at: number, value: bigint): void {
    this.machine.write64(at, value);
    new DataView(this.bytes.buffer).setBigUint64(at, value, true);
  }

  flush(kind: 'all' | 'nonGlobal' | 'page', linear = 0): void {
    const { mmu, s } = this.machine;
    if (kind === 'all') mmu.flushAll(s);
    else if (kind === 'nonGlobal') mmu.flushNonGlobal(s);
    else mmu.flushPage(s, linear);
    if (kind === 'all') this.tlb.flushAll();
    else if (kind === 'nonGlobal') this.tlb.flushNonGlobal();
    else this.tlb.flushPage(linear);
  }

  #counts() {
    const { machine } = this;
    return {
      miss: machine.count('COUNTER_TLB_MISS'),
      second: machine.count('COUNTER_STLB_HIT'),
      guest: machine.count('COUNTER_WALK_GUEST'),
      ept: machine.count('COUNTER_WALK_EPT'),
    };
  }

  #core(access: Access): number | undefined {
    const { mmu, s } = this.machine;
    const { kind, linear, size, value } = access;
    this.machine.user = access.user;
    if (kind === 'fetch') {
      if (mmu.fetchPage(s, linear) === 0) return undefined;
      return this.machine.view.getUint8(this.machine.get('VCPU_FETCH_BASE') + (linear & 0xfff));
    }
    if (kind === 'read') {
      const read = size === 1 ? mmu.readU8 : size === 2 ? mmu.readU16 : mmu.readU32;
      return read(s, linear) >>> 0;
    }
    const write = size === 1 ? mmu.writeU8 : size === 2 ? mmu.writeU16 : mmu.writeU32;
    write(s, linear, value);
    return undefined;
  }

  #reference(access: Access): number | ModelFault | undefined {
    const { kind, linear, size, value, user } = access;
    if (kind === 'read') return this.tlb.read(linear, size, user);
    if (kind === 'write') return this.tlb.write(linear, size, value, user);
    const page = this.tlb.page(linear, 'fetch', user);
    if ('kind' in page) return page;
    return page.machine === undefined ? 0xff : this.model.dram.byte(page.machine + (linear & 0xfff));
  }

  /** Does the access in both and throws if anything differs. Returns the model's fault. */
  access(access: Access, note: () => string = () => ''): ModelFault | undefined {
    const value = this.#core(access);
    const fault = this.machine.fault();
    const reference = this.#reference(access);
    const expected = typeof reference === 'object' ? reference : undefined;
    const fail = (what: string, core: unknown, model: unknown): never => {
      const show = (v: unknown): string => JSON.stringify(v, hex) ?? 'nothing';
      throw new Error(`${what}: core ${show(core)}, model ${show(model)}\n${show(access)} ${show(this.cpu)} ${note()}`);
    };
    if (JSON.stringify(fault) !== JSON.stringify(expected)) fail('fault', fault, expected);
    if (fault === undefined && value !== reference) fail('value', value, reference);
    const counts = this.#counts();
    const before = this.#before;
    const miss = counts.miss - before.miss;
    const second = counts.second - before.second;
    const guest = counts.guest - before.guest;
    const ept = counts.ept - before.ept;
    if (miss !== this.tlb.misses) fail('misses', miss, this.tlb.misses);
    if (second !== this.tlb.secondHits) fail('second-level hits', second, this.tlb.secondHits);
    if (guest !== this.model.guestReferences) fail('guest references', guest, this.model.guestReferences);
    if (ept !== this.model.eptReferences) fail('EPT references', ept, this.model.eptReferences);
    this.#before = counts;
    this.tlb.misses = 0;
    this.tlb.secondHits = 0;
    this.model.guestReferences = 0;
    this.model.eptReferences = 0;
    if (Buffer.compare(this.machine.bytes, this.bytes) !== 0) {
      const at = this.bytes.findIndex((byte, i) => byte !== this.machine.bytes[i]) & ~7;
      fail(
        `memory at 0x${at.toString(16)}`,
        this.machine.read64(at).toString(16),
        this.model.dram.entry(at, 8).toString(16),
      );
    }
    return expected;
  }

  /** Compares all that is held with the model's TLB, and the fast part with the held part. */
  compareTlb(): void {
    const { machine } = this;
    const at = (name: string): number => machine.at(name);
    const { buffer } = machine.view;
    const fast = new Uint32Array(buffer, machine.s + at('VCPU_TLB'), 4 * 8192); // in layout.ts's order
    const heldWords = new Uint32Array(buffer, machine.s + at('VCPU_TLB_HELD'), 8192);
    for (let slot = 0; slot < 8192; slot++) {
      const [tagR = 0, tagW = 0, tagX = 0, addend = 0] = fast.subarray(4 * slot, 4 * slot + 4);
      const held = heldWords[slot]!;
      const entry = this.tlb.held.get(slot);
      const armed = (tag: number): boolean => (tag & 0xfff) === 0;
      const fail = (what: string): never => {
        throw new Error(`TLB slot ${slot}: ${what}: ${JSON.stringify({ tagR, tagW, tagX, addend, held, entry }, hex)}`);
      };
      if (entry === undefined) {
        if (held !== 0) fail('held');
        if (armed(tagR) || armed(tagW) || armed(tagX)) fail('armed without being held');
        continue;
      }
      const { page } = entry;
      const linear = (entry.linear << 12) >>> 0;
      const expected = (linear | this.#attributes(page)) >>> 0;
      if (held !== expected) fail(`held, expected 0x${expected.toString(16)}`);
      const host = this.#host(page);
      if ((linear + addend) >>> 0 !== host) fail('addend');
      if (armed(tagR) !== page.read || (page.read && tagR !== linear)) fail('tagR');
      if (armed(tagX) !== page.execute || (page.execute && tagX !== linear)) fail('tagX');
      const writable = page.write && page.machine !== undefined; // no code is marked here
      if (armed(tagW) !== writable || (writable && tagW !== linear)) fail('tagW');
    }
    this.#compareSecond();
  }

  #attributes(page: Page): number {
    const at = (name: string): number => this.machine.at(name);
    let held = at('TLB_HELD_VALID');
    if (page.read) held |= at('TLB_HELD_READ');
    if (page.write) held |= at('TLB_HELD_WRITE');
    if (page.execute) held |= at('TLB_HELD_EXECUTE');
    if (page.global) held |= at('TLB_HELD_GLOBAL');
    if (page.large) held |= at('TLB_HELD_LARGE');
    return held;
  }

  #host(page: Page): number {
    return page.machine === undefined ? this.machine.at('VOID_PAGE') : this.machine.dram + page.machine;
  }

  /** Compares the second level, way by way: the format is told in assembly/mmu/stlb.ts. */
  #compareSecond(): void {
    const { machine } = this;
    const word = (p: number): number => machine.view.getUint32(p, true);
    const generations = [machine.at('STLB_LOCAL'), machine.at('STLB_GLOBAL')].map((at) => word(machine.stlb + at));
    const digit = Math.log2(this.tlb.second.sets.length);
    for (const [index, set] of this.tlb.second.sets.entries()) {
      for (const [way, entry] of set.entries()) {
        const p = word(machine.stlb + machine.at('STLB_SETS')) + 32 * index + 4 * way;
        const [tag, held] = [word(p), word(p + 16)];
        let expected = 'nothing';
        if (entry !== undefined) {
          const beginning = generations[entry.page.global ? 1 : 0]!;
          expected = `${beginning + (entry.user ? 4096 : 0) + (entry.linear >>> digit)}: ${this.#host(entry.page) + this.#attributes(entry.page)}`;
        }
        const valid = generations.some((generation) => tag >>> 13 === generation >>> 13);
        const found = valid ? `${tag}: ${held}` : 'nothing';
        if (found !== expected) throw new Error(`second level, set ${index}, way ${way}: ${found}, model ${expected}`);
      }
    }
  }
}
