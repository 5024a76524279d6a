/**
 * A binary heap of vCPU indices in a pCPU's part of flat memory, least key first. The key is an f64 of the vCPU; among equal
 * keys the vCPU that was put in first comes first, so the order never depends on the heap's inner shape. A vCPU is in one
 * heap at most and knows its place there (VCPU_SCHED_AT), so any member is found, moved and taken out in O(log n).
 */
import type { Core } from '../machine/core.js';
import { VCPU_NONE } from './context-switch.js';

/** Where a heap lies: offsets in the pCPU, and of the key in the vCPU. */
export interface HeapPlace {
  readonly length: number;
  readonly items: number;
  readonly capacity: number;
  readonly key: number;
}

export class VcpuHeap {
  readonly #core: Core;
  readonly #place: HeapPlace;
  readonly #vcpus: number;

  constructor(core: Core, place: HeapPlace) {
    this.#core = core;
    this.#place = place;
    this.#vcpus = core.read(core.layout.HOST_VCPU_BASE);
  }

  length(p: number): number {
    return this.#core.read(p + this.#place.length);
  }

  /** The vCPU with the least key, or VCPU_NONE. */
  first(p: number): number {
    return this.length(p) === 0 ? VCPU_NONE : this.#item(p, 0);
  }

  contains(p: number, index: number): boolean {
    const at = this.#core.read(this.#vcpu(index) + this.#core.layout.VCPU_SCHED_AT);
    return at < this.length(p) && this.#item(p, at) === index;
  }

  /** Puts `index` in, behind all that have the same key. Throws RangeError if the heap is full. */
  push(p: number, index: number): void {
    const core = this.#core;
    const l = core.layout;
    const length = this.length(p);
    if (length >= this.#place.capacity) throw new RangeError('too many vCPUs on one pCPU');
    const order = core.readF64(p + l.PCPU_SCHED_ORDER);
    core.writeF64(p + l.PCPU_SCHED_ORDER, order + 1);
    core.writeF64(this.#vcpu(index) + l.VCPU_SCHED_ORDER, order);
    core.write(p + this.#place.length, length + 1);
    this.#rise(p, length, index);
  }

  /** Takes `index` out; false if it is not in. */
  remove(p: number, index: number): boolean {
    if (!this.contains(p, index)) return false;
    const at = this.#core.read(this.#vcpu(index) + this.#core.layout.VCPU_SCHED_AT);
    const length = this.length(p) - 1;
    this.#core.write(p + this.#place.length, length);
    if (at === length) return true;
    const last = this.#item(p, length);
    this.#sink(p, at, last);
    this.#rise(p, this.#core.read(this.#vcpu(last) + this.#core.layout.VCPU_SCHED_AT), last);
    return true;
  }

  /** Finds the place of `index` again after its key has changed; nothing if it is not in. */
  update(p: number, index: number): void {
    if (!this.contains(p, index)) return;
    this.#rise(p, this.#core.read(this.#vcpu(index) + this.#core.layout.VCPU_SCHED_AT), index);
    this.#sink(p, this.#core.read(this.#vcpu(index) + this.#core.layout.VCPU_SCHED_AT), index);
  }

  /** The members, in no particular order. */
  items(p: number): Uint32Array {
    const at = (p + this.#place.items) >>> 2;
    return this.#core.u32.slice(at, at + this.length(p));
  }

  #vcpu(index: number): number {
    return this.#vcpus + index * this.#core.layout.VCPU_SIZE;
  }

  #item(p: number, at: number): number {
    return this.#core.read(p + this.#place.items + 4 * at);
  }

  #set(p: number, at: number, index: number): void {
    this.#core.write(p + this.#place.items + 4 * at, index);
    this.#core.write(this.#vcpu(index) + this.#core.layout.VCPU_SCHED_AT, at);
  }

  #before(a: number, b: number): boolean {
    const core = this.#core;
    const [va, vb] = [this.#vcpu(a), this.#vcpu(b)];
    const [ka, kb] = [core.readF64(va + this.#place.key), core.readF64(vb + this.#place.key)];
    const order = core.layout.VCPU_SCHED_ORDER;
    return ka < kb || (ka === kb && core.readF64(va + order) < core.readF64(vb + order));
  }

  /** Puts `index` at `at` or as far above as its key demands. */
  #rise(p: number, at: number, index: number): void {
    let i = at;
    while (i > 0) {
      const parent = (i - 1) >>> 1;
      const above = this.#item(p, parent);
      if (!this.#before(index, above)) break;
      this.#set(p, i, above);
      i = parent;
    }
    this.#set(p, i, index);
  }

  /** Puts `index` at `at` or as far below as its key demands. */
  #sink(p: number, at: number, index: number): void {
    const length = this.length(p);
    let i = at;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= length) break;
      if (child + 1 < length && this.#before(this.#item(p, child + 1), this.#item(p, child))) child++;
      const below = this.#item(p, child);
      if (!this.#before(below, index)) break;
      this.#set(p, i, below);
      i = child;
    }
    this.#set(p, i, index);
  }
}
