/** The counter tree against a model that remembers what was written, and against an attacker who owns the region in DRAM. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SmmUnit } from './unit.js';

const ARITY = 8;
const unit = new SmmUnit();
const key = unit.place(Buffer.from(Array.from({ length: 16 }, (_, i) => i * 7)));
const root = unit.allocate(8);
const region = unit.allocate(64 << 10);

const verify = (pages: number, page: number): boolean => unit.call.treeVerify(region, pages, key, root, page) === 1;
const update = (pages: number, page: number, counter: bigint): boolean =>
  unit.call.treeUpdate(region, pages, key, root, page, counter) === 1;
const counterOf = (page: number): bigint => unit.view.getBigUint64(unit.call.treeCounter(region, page), true);
const bytesOf = (pages: number): number => unit.call.treeBytes(pages, 1);

/** What the header of assembly/smm/tree.ts says, computed the plain way: all levels as arrays, all of them hashed again. */
function rootOf(counters: readonly bigint[]): bigint {
  const node = unit.allocate(0);
  let level = [...counters];
  for (let depth = 0; ; depth++) {
    while (level.length % ARITY !== 0) level.push(0n);
    const above: bigint[] = [];
    for (let i = 0; i < level.length; i += ARITY) {
      const bytes = Buffer.alloc(16 + 64);
      bytes.writeBigUInt64LE(BigInt(depth), 0);
      bytes.writeBigUInt64LE(BigInt(i / ARITY), 8);
      for (let word = 0; word < ARITY; word++) bytes.writeBigUInt64LE(level[i + word]!, 16 + 8 * word);
      unit.put(node, bytes);
      above.push(BigInt.asUintN(64, unit.call.sipHash(key, node, bytes.length)));
    }
    if (above.length === 1) return above[0]!;
    level = above;
  }
}

const rootNow = (): bigint => unit.view.getBigUint64(root, true);

describe('counter tree', () => {
  it.each([1, 7, 8, 9, 63, 64, 65, 512, 513, 1000])('of %i pages has the documented root and size', (pages) => {
    unit.call.treeInit(region, pages, key, root);
    const counters = new Array<bigint>(pages).fill(0n);
    expect(rootNow()).toBe(rootOf(counters));
    for (const page of new Set([0, pages >> 1, pages - 1])) {
      counters[page] = BigInt(page + 3);
      expect(update(pages, page, counters[page]!)).toBe(true);
      expect(rootNow()).toBe(rootOf(counters));
    }
    for (let page = 0; page < pages; page++) expect(verify(pages, page)).toBe(true);
    // counters, MACs, and levels until one node is left
    const padded = (n: number): number => Math.ceil(n / ARITY) * ARITY;
    let words = 2 * padded(pages);
    for (let n = padded(pages) / ARITY; n > 1; n = padded(n) / ARITY) words += padded(n);
    expect(bytesOf(pages)).toBe(8 * words);
    expect(unit.call.treeBytes(pages, 0)).toBe(16 * padded(pages));
    expect(unit.call.treeMac(region, pages, 0) - region).toBe(8 * padded(pages));
  });

  const PAGES = 100;
  const pages = fc.integer({ min: 0, max: PAGES - 1 });
  const updates = fc.array(fc.tuple(pages, fc.bigInt({ min: 0n, max: 1n << 56n })), { maxLength: 30 });

  it('follows a model through any updates', () => {
    fc.assert(
      fc.property(updates, (list) => {
        unit.call.treeInit(region, PAGES, key, root);
        const model = new Array<bigint>(PAGES).fill(0n);
        for (const [page, counter] of list) {
          expect(update(PAGES, page, counter)).toBe(true);
          model[page] = counter;
          expect(counterOf(page)).toBe(counter);
        }
        expect(rootNow()).toBe(rootOf(model));
        for (let page = 0; page < PAGES; page++) expect(verify(PAGES, page)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('detects the replay of any old part of the region for every page whose path it changes, and for no other', () => {
    const cut = fc.tuple(fc.integer({ min: 0, max: bytesOf(PAGES) / 8 - 1 }), fc.integer({ min: 1, max: 40 }));
    fc.assert(
      fc.property(updates, updates, cut, fc.boolean(), (before, after, [first, length], all) => {
        unit.call.treeInit(region, PAGES, key, root);
        for (const [page, counter] of before) update(PAGES, page, counter);
        const old = unit.get(region, bytesOf(PAGES));
        for (const [page, counter] of after) update(PAGES, page, counter);
        const now = unit.get(region, bytesOf(PAGES));
        const rootBefore = rootNow();
        // The attacker puts back what was there: a part, or all of counters, MACs and inner nodes.
        const [start, end] = all ? [0, old.length] : [first * 8, Math.min(old.length, (first + length) * 8)];
        unit.put(region + start, old.subarray(start, end));
        const padded = Math.ceil(PAGES / ARITY) * ARITY;
        /** Whether a node that the path of `page` reads differs from what the tree wrote last. */
        const touched = (page: number): boolean => {
          let base = 0;
          let above = 16 * padded;
          let index = Math.floor(page / ARITY);
          for (let nodes = padded / ARITY; ; nodes = Math.ceil(nodes / ARITY)) {
            const node = base + index * 64;
            if (!unit.get(region + node, 64).equals(now.subarray(node, node + 64))) return true;
            if (nodes === 1) return false;
            base = above;
            above += Math.ceil(nodes / ARITY) * 64;
            index = Math.floor(index / ARITY);
          }
        };
        for (let page = 0; page < PAGES; page++) expect(verify(PAGES, page)).toBe(!touched(page));
        // A tampered path cannot be written either, and a refused update changes nothing.
        const victim = Array.from({ length: PAGES }, (_, page) => page).find(touched);
        if (victim === undefined) return;
        const tampered = unit.get(region, bytesOf(PAGES));
        expect(update(PAGES, victim, 5n)).toBe(false);
        expect(unit.get(region, bytesOf(PAGES))).toEqual(tampered);
        expect(rootNow()).toBe(rootBefore);
      }),
      { numRuns: 60 },
    );
  });

  it('detects every single bit flip in counters and inner nodes', () => {
    const few = 70;
    unit.call.treeInit(region, few, key, root);
    for (let page = 0; page < few; page++) update(few, page, BigInt(page * page + 1));
    const mac = unit.call.treeMac(region, few, 0);
    const inner = unit.call.treeMac(region, few, 72);
    const wrong = (at: number): boolean => {
      const page = at < mac ? (at - region) >> 3 : Math.min(few - 1, ((at - inner) >> 3) * ARITY);
      for (let bit = 0; bit < 8; bit += 3) {
        unit.u8[at]! ^= 1 << bit;
        const passed = verify(few, page);
        unit.u8[at]! ^= 1 << bit;
        if (passed) return true;
      }
      return false;
    };
    for (let at = region; at < region + 8 * few; at++) expect(wrong(at)).toBe(false);
    for (let at = inner; at < region + bytesOf(few); at++) {
      if ((at - inner) >> 3 < 9) expect(wrong(at)).toBe(false);
    }
    expect(verify(few, 69)).toBe(true);
  });

  it('refuses a node moved to another place', () => {
    unit.call.treeInit(region, PAGES, key, root);
    for (const page of [0, 8]) update(PAGES, page, 77n);
    // Equal contents, so only the place tells nodes 0 and 1 apart: exchanging their hashes must not pass.
    const inner = unit.call.treeMac(region, PAGES, 104);
    const [a, b] = [unit.get(inner, 8), unit.get(inner + 8, 8)];
    expect(a).not.toEqual(b);
    unit.put(inner, b);
    unit.put(inner + 8, a);
    expect(verify(PAGES, 0)).toBe(false);
  });
});
