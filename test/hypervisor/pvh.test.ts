/** PVH: an image with XEN_ELFNOTE_PHYS32_ENTRY begins as public/arch-x86/hvm/start_info.h says. */
import { describe, expect, it } from 'vitest';
import { planBoot } from '../../src/hypervisor/multiboot.js';
import { boot, MIB } from './fixture.js';
import { elf } from './image.js';

const bytes = (...words: readonly number[]): Uint8Array =>
  new Uint8Array(words.flatMap((word) => [word & 255, (word >>> 8) & 255, (word >>> 16) & 255, word >>> 24]));
const XEN = 0x006e6558;
/** A note: {namesz; descsz; type; "Xen\0"; value}. */
const note = (type: number, value: number, size = 4): Uint8Array => bytes(4, size, type, XEN, value);
const entryNote = note(18, 0x100010);

/** MOV EAX, [EBX]; MOV ECX, [EBX + 24]; MOV ECX, [ECX]; HLT with interrupts off. */
const CODE = [0x8b, 0x03, 0x8b, 0x4b, 0x18, 0x8b, 0x09, 0xf4];
const image = (notes: Uint8Array, multiboot = -1): Uint8Array =>
  elf({
    ...{ multiboot, notes },
    segments: [{ address: MIB, bytes: Uint8Array.of(...Array(16).fill(0xcc), ...CODE), memorySize: 8192 }],
  });

const config = (change: object = {}) => ({
  ...{ name: 'pvh', image: image(entryNote), imageName: 'pvh.elf', memoryBytes: 4 * MIB, cmdline: 'a=1 b' },
  translation: { kind: 'ept', pageSize: '4k', accessedDirty: true } as const,
  modules: [
    { name: 'first', bytes: Uint8Array.of(1, 2, 3) },
    { name: 'second args', bytes: new Uint8Array(5000).fill(7) },
  ],
  ...change,
});

describe('PVH', () => {
  it('enters at the note, in flat protected mode, with the start info in EBX', () => {
    const { core, guest } = boot(config());
    const { vcpu, domain } = guest;
    expect([vcpu.eip, vcpu.eax, vcpu.cr0 & 0x80000001, vcpu.eflags & 0x20200]).toEqual([0x100010, 0, 1, 0]);
    for (const s of [0, 1, 2, 3]) expect(vcpu.segment(s)).toMatchObject({ base: 0, limit: 0xffffffff });
    const read = (at: number): number => new DataView(domain.readMemory(at, 4).buffer).getUint32(0, true);
    const text = (at: number): string => Buffer.from(domain.readMemory(at, 32)).toString('latin1').split('\0')[0]!;
    const info = vcpu.ebx;
    expect([read(info), read(info + 4), read(info + 8), read(info + 12)]).toEqual([0x336ec578, 1, 0, 2]);
    expect(text(read(info + 24))).toBe('a=1 b');
    expect([read(info + 32), read(info + 36), read(info + 48)]).toEqual([0, 0, 3]); // no ACPI
    const list = read(info + 16);
    const modules = [0, 32].map((at) => [read(list + at), read(list + at + 8), text(read(list + at + 16))] as const);
    expect(modules.map(([, size, name]) => [size, name])).toEqual([
      [3, 'first'],
      [5000, 'second args'],
    ]);
    expect(modules.every(([at]) => at % 4096 === 0)).toBe(true);
    expect(domain.readMemory(modules[1]![0], 5000)).toEqual(new Uint8Array(5000).fill(7));
    const map = read(info + 40);
    const regions = [0, 24, 48].map((at) => [read(map + at), read(map + at + 8), read(map + at + 16)]);
    expect(regions).toEqual([
      [0, 0x9fc00, 1],
      [0x9fc00, 0x60400, 2],
      [MIB, 3 * MIB, 1],
    ]);
    core.call.run(vcpu.base, 100);
    expect([vcpu.eax, vcpu.ecx]).toEqual([0x336ec578, 0x20313d61]); // "a=1 "
  });

  it('is told apart from Multiboot by its note', () => {
    expect(planBoot(image(entryNote, 0), 4 * MIB, 'x', []).magic).toBe(0);
    expect(planBoot(image(note(6, 1), 0), 4 * MIB, 'x', []).magic).toBe(0x2badb002);
    expect(() => planBoot(image(note(6, 1)), 4 * MIB, 'x', [])).toThrow('no Multiboot 1 header');
    // Other notes may stand before it.
    const both = Uint8Array.of(...bytes(4, 5, 1, XEN, 0, 0), ...entryNote);
    expect(planBoot(image(both), 4 * MIB, 'x', []).entry).toBe(0x100010);
  });

  it.each([
    ['an entry outside of every segment', note(18, 0x300000), 'the entry point 0x300000 lies in no segment'],
    ['an entry of two bytes', note(18, 0, 2), 'PHYS32_ENTRY of 2 bytes'],
    ['a note that is cut off', bytes(4, 400, 18, XEN, 0), 'are cut off'],
    ['a name that wraps', bytes(0xfffffff0, 4, 18, XEN, 0), 'are cut off'],
  ])('refuses %s', (_what, notes, message) => {
    expect(() => planBoot(image(notes), 4 * MIB, 'x', [])).toThrow(message);
  });

  it('needs room for what it loads', () => {
    expect(() => boot(config({ memoryBytes: 2 * MIB, modules: [{ name: 'm', bytes: new Uint8Array(MIB) }] }))).toThrow(
      "module 'm' does not fit",
    );
  });
});
