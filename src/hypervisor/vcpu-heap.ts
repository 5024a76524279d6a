/** A heap of vCPU indices in a pCPU's part of flat memory, least key first: assembly/sched/heap.ts. */
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

  constructor(core: Core, place: HeapPlace) {
    this.#core = core;
    this.#place = place;
  }

  length(p: number): number {
    return this.#core.read(p + this.#place.length);
  }

  /** The vCPU with the least key, or VCPU_NONE. */
  first(p: number): number {
    return this.length(p) === 0 ? VCPU_NONE : this.#core.read(p + this.#place.items);
  }

  contains(p: number, index: number): boolean {
    const { length, items } = this.#place;
    return this.#core.call.heapContains(p, length, items, index) !== 0;
  }

  /** Puts `index` in, behind all that have the same key. Throws RangeError if the heap is full. */
  push(p: number, index: number): void {
    const { length, items, key, capacity } = this.#place;
    if (this.length(p) >= capacity) throw new RangeError('too many vCPUs on one pCPU');
    this.#core.call.heapPush(p, length, items, key, index);
  }

  /** Takes `index` out; false if it is not in. */
  remove(p: number, index: number): boolean {
    const { length, items, key } = this.#place;
    return this.#core.call.heapRemove(p, length, items, key, index) !== 0;
  }

  /** Finds the place of `index` again after its key has changed; nothing if it is not in. */
  update(p: number, index: number): void {
    const { length, items, key } = this.#place;
    this.#core.call.heapUpdate(p, length, items, key, index);
  }
}
