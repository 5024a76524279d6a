import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMultiboot, planBoot } from '../../src/hypervisor/multiboot.js';
import { HostError } from '../../src/hypervisor/types.js';
import { packageRoot } from '../../src/machine/core.js';
import { elf } from './image.js';

const MIB = 1 << 20;

function codeOf(image: Uint8Array, memory = 4 * MIB): string {
  try {
    parseMultiboot(image, memory);
    return 'ok';
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    expect(error.message).toMatch(/^[\w'].{15,}$/);
    return error.code;
  }
}
function changed(change: (image: Uint8Array, view: DataView) => void): Uint8Array {
  const image = elf();
  change(image, new DataView(image.buffer));
  return image;
}
const block = (address: number, length: number, memorySize = length) => ({
  address,
  bytes: new Uint8Array(length),
  memorySize,
});

describe('parseMultiboot', () => {
  it('takes a sound image', () => {
    expect(parseMultiboot(elf(), 4 * MIB)).toEqual({
      entry: 0x100000,
      segments: [{ address: 0x100000, fileOffset: 96, fileSize: 2, memorySize: 2 }],
      end: 0x100002,
    });
  });

  it('takes every guest of the project', () => {
    const folder = join(packageRoot(), 'guests', 'images');
    for (const name of readdirSync(folder)) {
      expect(codeOf(readFileSync(join(folder, name))), name).toBe('ok');
    }
  });

  it('tells what is wrong', () => {
    expect(codeOf(new Uint8Array())).toBe('image-not-elf');
    expect(codeOf(Buffer.from('#!/bin/sh\nexit 1\n'))).toBe('image-not-elf');
    expect(codeOf(elf().subarray(0, 5))).toBe('image-truncated');
    expect(codeOf(elf().subarray(0, 40))).toBe('image-truncated');
    expect(codeOf(changed((image) => image.set([2], 4)))).toBe('image-64-bit');
    expect(codeOf(changed((image) => image.set([7], 4)))).toBe('image-bad-elf');
    expect(codeOf(changed((image) => image.set([2], 5)))).toBe('image-wrong-machine');
    expect(codeOf(changed((_, view) => view.setUint16(18, 62, true)))).toBe('image-wrong-machine');
    expect(codeOf(changed((_, view) => view.setUint16(16, 3, true)))).toBe('image-not-executable');
    expect(codeOf(changed((_, view) => view.setUint16(44, 0, true)))).toBe('image-no-segments');
    expect(codeOf(changed((_, view) => view.setUint16(44, 9000, true)))).toBe('image-truncated');
    expect(codeOf(changed((_, view) => view.setUint32(28, 0xfffffff0, true)))).toBe('image-truncated');
    expect(codeOf(changed((_, view) => view.setUint16(42, 8, true)))).toBe('image-bad-elf');
    expect(codeOf(changed((_, view) => view.setUint32(52, 4, true)))).toBe('image-no-segments');
    expect(codeOf(changed((_, view) => view.setUint32(52 + 4, 0xffffff00, true)))).toBe('image-truncated');
    expect(codeOf(changed((_, view) => view.setUint32(52 + 20, 1, true)))).toBe('image-bad-elf');
    expect(codeOf(elf({ entry: 0x200000 }))).toBe('image-bad-entry');
    expect(codeOf(elf().subarray(0, 97))).toBe('image-truncated');
  });

  it('tells a missing, damaged or late header', () => {
    expect(codeOf(elf({ multiboot: -1 }))).toBe('image-no-multiboot');
    expect(codeOf(changed((_, view) => view.setUint32(84 + 8, 1, true)))).toBe('image-no-multiboot');
    const late = elf({ multiboot: -1, segments: [block(0x100000, 9000)] });
    const header = elf().subarray(84, 96);
    late.set(header, 8192);
    expect(codeOf(late)).toBe('image-no-multiboot');
    late.set(header, 8192 - 12);
    expect(codeOf(late)).toBe('ok');
  });

  it('refuses what the header requires and nobody offers', () => {
    expect(codeOf(elf({ multiboot: 3 }))).toBe('ok');
    expect(codeOf(elf({ multiboot: 4 }))).toBe('image-unsupported');
    expect(codeOf(elf({ multiboot: 0x8000 }))).toBe('image-unsupported');
  });

  it('refuses segments that overlap or lie outside of memory', () => {
    const at = (...segments: ReturnType<typeof block>[]) => codeOf(elf({ segments }));
    expect(at(block(0x100000, 16), block(0x10000f, 16))).toBe('image-overlap');
    expect(at(block(0x10000f, 16), block(0x100000, 16))).toBe('image-overlap');
    expect(at(block(0x100000, 16, 0x2000), block(0x101000, 16))).toBe('image-overlap');
    expect(at(block(0x100000, 16), block(0x100010, 16))).toBe('ok');
    expect(at(block(0x100000, 16), block(4 * MIB - 8, 16))).toBe('image-beyond-memory');
    expect(at(block(0x100000, 16, 0xffffffff))).toBe('image-beyond-memory');
    expect(at(block(0x100000, 16), block(0xfffffff8, 16))).toBe('image-beyond-memory');
  });

  it('loads by the address fields where the header has them, ELF or not', () => {
    const image = new Uint8Array(64);
    const view = new DataView(image.buffer);
    const header = [0x1badb002, 0x10000, -(0x1badb002 + 0x10000), 0x100010, 0x100000, 0x100030, 0x102000, 0x100020];
    for (const [i, word] of header.entries()) view.setUint32(16 + 4 * i, word, true);
    expect(parseMultiboot(image, 4 * MIB)).toEqual({
      entry: 0x100020,
      segments: [{ address: 0x100000, fileOffset: 0, fileSize: 0x30, memorySize: 0x2000 }],
      end: 0x102000,
    });
    view.setUint32(16 + 16, 0x100011, true);
    expect(codeOf(image)).toBe('image-bad-addresses');
    view.setUint32(16 + 16, 0x100000, true);
    view.setUint32(16 + 20, 0x100041, true);
    expect(codeOf(image)).toBe('image-truncated');
    view.setUint32(16 + 20, 0x0fffff, true);
    expect(codeOf(image)).toBe('image-bad-addresses');
  });

  it('never fails in any other way, whatever the bytes', () => {
    const hello = readFileSync(join(packageRoot(), 'guests', 'images', 'hello.elf'));
    const change = fc.tuple(fc.nat(200), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), fc.nat(hello.length), (changes, length) => {
        const image = Uint8Array.from(hello).subarray(0, length);
        for (const [at, value] of changes) if (at < length) image[at] = value;
        try {
          const { entry, segments } = parseMultiboot(image, 4 * MIB);
          expect(segments.some((s) => entry >= s.address && entry < s.address + s.memorySize)).toBe(true);
          for (const s of segments) {
            expect(s.address + s.memorySize).toBeLessThanOrEqual(4 * MIB);
            expect(s.fileOffset + s.fileSize).toBeLessThanOrEqual(length);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(HostError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('planBoot', () => {
  /** Guest memory as it would be at entry. */
  function memory(plan: ReturnType<typeof planBoot>, bytes: number): DataView {
    const all = new Uint8Array(bytes);
    for (const placement of plan.placements) {
      const { address } = placement;
      expect(all.subarray(address, address + placement.bytes.length).every((byte) => byte === 0)).toBe(true);
      all.set(placement.bytes, address);
    }
    return new DataView(all.buffer);
  }
  function text(view: DataView, at: number): string {
    let s = '';
    for (let i = at; view.getUint8(i) !== 0; i++) s += String.fromCharCode(view.getUint8(i));
    return s;
  }

  it('describes memory, command line, modules and the map', () => {
    const modules = [
      { name: 'first a=1', bytes: Uint8Array.of(1, 2, 3) },
      { name: 'second', bytes: new Uint8Array(5000).fill(7) },
    ];
    const plan = planBoot(elf(), 8 * MIB, 'kernel.elf x=1', modules);
    const view = memory(plan, 8 * MIB);
    const word = (offset: number) => view.getUint32(plan.info + offset, true);
    expect(word(0)).toBe(1 | 4 | 8 | 64 | 512);
    expect([word(4), word(8)]).toEqual([639, 7 * 1024]);
    expect(text(view, word(16))).toBe('kernel.elf x=1');
    expect(text(view, word(64))).toBe('Ringfence');

    expect(word(20)).toBe(2);
    const table = word(24);
    for (const [i, module] of modules.entries()) {
      const start = view.getUint32(table + 16 * i, true);
      const end = view.getUint32(table + 16 * i + 4, true);
      expect(start % 4096).toBe(0);
      expect(new Uint8Array(view.buffer.slice(start, end))).toEqual(module.bytes);
      expect(text(view, view.getUint32(table + 16 * i + 8, true))).toBe(module.name);
    }

    const regions: number[][] = [];
    for (let at = word(48); at < word(48) + word(44); at += view.getUint32(at, true) + 4) {
      regions.push([4, 8, 12, 16, 20].map((offset) => view.getUint32(at + offset, true)));
    }
    expect(regions).toEqual([
      [0, 0, 0x9fc00, 0, 1],
      [0x9fc00, 0, 0x60400, 0, 2],
      [0x100000, 0, 7 * MIB, 0, 1],
    ]);
  });

  it('keeps clear of images in low memory', () => {
    const image = elf({ entry: 0x1000, segments: [block(0x1000, 0x3000, 0x8000), block(0xa000, 0x1000)] });
    const plan = planBoot(image, 4 * MIB, 'low', []);
    expect(plan.info).toBeGreaterThanOrEqual(0x9000);
    memory(plan, 4 * MIB);
  });

  it('refuses modules and boot information that find no room', () => {
    const big = [{ name: 'big', bytes: new Uint8Array(4 * MIB) }];
    expect(() => planBoot(elf(), 4 * MIB, '', big)).toThrow(/module 'big' does not fit/);
    expect(() => planBoot(elf(), 4 * MIB, 'x'.repeat(700_000), [])).toThrow(/no room/);
  });
});
