/**
 * One vCPU and a few frames of DRAM, without hypervisor: what a test of the MMU needs. Names follow assembly/layout.ts.
 *
 *   REGIONS ──▶ pCPU header │ vCPU │ vCPU 2 │ second-level TLB of the vCPU │ frame table │ DRAM
 */
import { layout, loadCore, type Mmu } from './core.js';

export const CR0_PE = 1;
export const CR0_WP = 1 << 16;
export const CR0_AM = 1 << 18;
export const CR0_PG = 0x80000000;
export const CR4_PSE = 1 << 4;
export const CR4_PGE = 1 << 7;
export const EPTP_AD = 1 << 6;

export type Fault =
  | { readonly kind: 'exception'; readonly vector: number; readonly error: number; readonly address: number }
  | { readonly kind: 'violation'; readonly qualification: number; readonly linear: number; readonly physical: number }
  | { readonly kind: 'misconfiguration'; readonly physical: number };

const align = (n: number): number => (n + 4095) & ~4095;

export class Machine {
  readonly mmu: Mmu;
  readonly frames: number;
  /** The vCPU under test, a second one of the same pCPU, and the pCPU. */
  readonly s: number;
  readonly s2: number;
  readonly pcpu: number;
  readonly dram: number;
  /** Its second-level TLB, STLB_*. */
  readonly stlb: number;
  readonly view: DataView;
  /** All of DRAM. */
  readonly bytes: Uint8Array;
  readonly #layout = new Map<string, number>();

  /** `stlb`: entries of the second-level TLB. */
  constructor(frames: number, stlb: number = 0) {
    this.frames = frames;
    const at = layout;
    this.pcpu = align(at('REGIONS'));
    this.s = this.pcpu + 4096;
    this.s2 = this.s + at('VCPU_SIZE');
    const second = this.s2 + at('VCPU_SIZE');
    const sets = second + 2 * at('STLB_SIZE');
    const table = align(sets + stlb * at('STLB_ENTRY_SIZE'));
    this.dram = align(table + frames * at('FRAME_ENTRY_SIZE'));
    const { mmu, memory } = loadCore(this.dram + frames * 4096);
    this.mmu = mmu;
    this.view = new DataView(memory.buffer);
    this.bytes = new Uint8Array(memory.buffer, this.dram, frames * 4096);
    this.set('HOST_FRAMES', frames);
    this.set('HOST_FRAME_TABLE', table);
    this.set('HOST_DRAM', this.dram);
    this.set('HOST_END', this.dram + frames * 4096);
    this.set('HOST_VCPU_BASE', this.s);
    this.set('HOST_STLB', second);
    this.stlb = second;
    this.view.setUint32(second + at('STLB_CAPACITY'), stlb, true);
    this.view.setUint32(second + at('STLB_SETS'), sets, true);
    this.set('VCPU_STLB_ENTRIES', stlb);
    this.mmu.frameInit();
    for (const s of [this.s, this.s2]) {
      this.mmu.tlbInit(s);
      this.view.setUint32(s + this.at('VCPU_PCPU'), this.pcpu, true);
      this.view.setUint32(s + this.at('VCPU_TLB_BANK'), s + this.at('VCPU_TLB'), true);
    }
  }

  at(name: string): number {
    let value = this.#layout.get(name);
    if (value === undefined) {
      value = layout(name);
      this.#layout.set(name, value);
    }
    return value;
  }

  /** A word of the host header (HOST_*), or of the vCPU (VCPU_*). */
  #place(name: string): number {
    return name.startsWith('VCPU_') ? this.s + this.at(name) : this.at(name);
  }
  get(name: string): number {
    return this.view.getUint32(this.#place(name), true);
  }
  set(name: string, value: number): void {
    this.view.setUint32(this.#place(name), value, true);
  }

  set user(user: boolean) {
    this.set('VCPU_CPL', user ? 3 : 0);
    this.set('VCPU_TLB_BANK', this.s + this.at('VCPU_TLB') + (user ? this.at('TLB_BANK_SIZE') : 0));
  }

  count(name: string): number {
    return Number(this.view.getBigUint64(this.s + this.at('VCPU_COUNTERS') + 8 * this.at(name), true));
  }

  // Machine addresses.
  read32(machine: number): number {
    return this.view.getUint32(this.dram + machine, true);
  }
  write32(machine: number, value: number): void {
    this.view.setUint32(this.dram + machine, value, true);
  }
  read64(machine: number): bigint {
    return this.view.getBigUint64(this.dram + machine, true);
  }
  write64(machine: number, value: bigint): void {
    this.view.setBigUint64(this.dram + machine, value, true);
  }

  /** A field of the frame table. */
  frame(frame: number, field: string): number {
    const p = this.get('HOST_FRAME_TABLE') + frame * this.at('FRAME_ENTRY_SIZE') + this.at(field);
    return field === 'FRAME_OWNER' || field === 'FRAME_TYPE'
      ? this.view.getUint16(p, true)
      : this.view.getUint32(p, true);
  }

  /** Takes the fault record. */
  fault(): Fault | undefined {
    const kind = this.get('VCPU_FAULT');
    if (kind === 0) return undefined;
    this.set('VCPU_FAULT', 0);
    if (kind === this.at('FAULT_EXCEPTION')) {
      const vector = this.get('VCPU_FAULT_VECTOR');
      const address = vector === 14 ? this.get('VCPU_FAULT_ADDRESS') : 0;
      return { kind: 'exception', vector, error: this.get('VCPU_FAULT_ERROR'), address };
    }
    const physical = this.get('VCPU_EXIT_PHYSICAL');
    if (this.get('VCPU_EXIT_REASON') === 49) return { kind: 'misconfiguration', physical };
    if (this.get('VCPU_EXIT_REASON') !== 48) throw new Error(`exit ${this.get('VCPU_EXIT_REASON')}`);
    const qualification = this.get('VCPU_EXIT_QUALIFICATION');
    return { kind: 'violation', qualification, linear: this.get('VCPU_EXIT_LINEAR'), physical };
  }

  /** The fast part and the held part of the entry for `linear` in a bank. */
  entry(linear: number, user = false) {
    const slot = ((linear >>> 12) & 4095) + (user ? 4096 : 0);
    const p = this.s + this.at('VCPU_TLB') + slot * this.at('TLB_ENTRY_SIZE');
    const word = (offset: number): number => this.view.getUint32(p + offset, true);
    return {
      tagR: word(this.at('TLB_TAG_R')),
      tagW: word(this.at('TLB_TAG_W')),
      tagX: word(this.at('TLB_TAG_X')),
      addend: word(this.at('TLB_ADDEND')),
      held: this.view.getUint32(this.s + this.at('VCPU_TLB_HELD') + slot * 4, true),
    };
  }
}
