/**
 * A binary heap of vCPU indices in a pCPU's part of flat memory, least key first. The key is an f64 of the vCPU; among equal
 * keys the vCPU that was put in first comes first, so the order never depends on the heap's inner shape. A vCPU is in one
 * heap at most and knows its place there (VCPU_SCHED_AT), so any member is found, moved and taken out in O(log n).
 *
 * A heap is named by offsets: `length` and `items` in the pCPU at `p`, `key` in the vCPU.
 */
import { HOST_VCPU_BASE, PCPU_SCHED_ORDER, VCPU_SCHED_AT, VCPU_SCHED_ORDER, VCPU_SIZE } from '../layout';

export function vcpuAt(index: u32): usize {
  return load<usize>(HOST_VCPU_BASE) + (index as usize) * VCPU_SIZE;
}

function item(p: usize, items: usize, at: u32): u32 {
  return load<u32>(p + items + ((at as usize) << 2));
}

function place(p: usize, items: usize, at: u32, index: u32): void {
  store<u32>(p + items + ((at as usize) << 2), index);
  store<u32>(vcpuAt(index) + VCPU_SCHED_AT, at);
}

function before(a: u32, b: u32, key: usize): bool {
  const va = vcpuAt(a);
  const vb = vcpuAt(b);
  const ka = load<f64>(va + key);
  const kb = load<f64>(vb + key);
  return ka < kb || (ka == kb && load<f64>(va + VCPU_SCHED_ORDER) < load<f64>(vb + VCPU_SCHED_ORDER));
}

/** Puts `index` at `at` or as far above as its key demands. */
function rise(p: usize, items: usize, key: usize, at: u32, index: u32): void {
  while (at > 0) {
    const parent = (at - 1) >>> 1;
    const above = item(p, items, parent);
    if (!before(index, above, key)) break;
    place(p, items, at, above);
    at = parent;
  }
  place(p, items, at, index);
}

/** Puts `index` at `at` or as far below as its key demands. */
function sink(p: usize, length: usize, items: usize, key: usize, at: u32, index: u32): void {
  const n = load<u32>(p + length);
  while (true) {
    let child: u32 = 2 * at + 1;
    if (child >= n) break;
    if (child + 1 < n && before(item(p, items, child + 1), item(p, items, child), key)) child++;
    const below = item(p, items, child);
    if (!before(below, index, key)) break;
    place(p, items, at, below);
    at = child;
  }
  place(p, items, at, index);
}

export function heapContains(p: usize, length: usize, items: usize, index: u32): bool {
  const at = load<u32>(vcpuAt(index) + VCPU_SCHED_AT);
  return at < load<u32>(p + length) && item(p, items, at) == index;
}

/** Puts `index` in, behind all that have the same key. There must be room. */
export function heapPush(p: usize, length: usize, items: usize, key: usize, index: u32): void {
  const n = load<u32>(p + length);
  const order = load<f64>(p + PCPU_SCHED_ORDER);
  store<f64>(p + PCPU_SCHED_ORDER, order + 1);
  store<f64>(vcpuAt(index) + VCPU_SCHED_ORDER, order);
  store<u32>(p + length, n + 1);
  if (n == 0) place(p, items, 0, index);
  else rise(p, items, key, n, index);
}

/** Takes `index` out; false if it is not in. */
export function heapRemove(p: usize, length: usize, items: usize, key: usize, index: u32): bool {
  if (!heapContains(p, length, items, index)) return false;
  const at = load<u32>(vcpuAt(index) + VCPU_SCHED_AT);
  const n = load<u32>(p + length) - 1;
  store<u32>(p + length, n);
  if (at == n) return true;
  const last = item(p, items, n);
  sink(p, length, items, key, at, last);
  rise(p, items, key, load<u32>(vcpuAt(last) + VCPU_SCHED_AT), last);
  return true;
}

/** Finds the place of `index` again after its key has changed; nothing if it is not in. */
export function heapUpdate(p: usize, length: usize, items: usize, key: usize, index: u32): void {
  if (!heapContains(p, length, items, index)) return;
  rise(p, items, key, load<u32>(vcpuAt(index) + VCPU_SCHED_AT), index);
  sink(p, length, items, key, load<u32>(vcpuAt(index) + VCPU_SCHED_AT), index);
}
