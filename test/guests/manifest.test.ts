/** guests/manifest.json against the images, the native values, and what the architecture demands. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

interface Guest {
  file: string;
  bytes: number;
  sha256: string;
  checksums: Record<string, string>;
  description: string;
  cmdline: string;
  memoryMiB: number;
  hostile: boolean;
  outcome: { kind: string };
  /** The recorded output of a guest that prints no checksums. */
  trace?: string;
  /** Does its work in a privileged domain only; what it prints depends on the other domains. */
  privileged?: boolean;
}

const folder = fileURLToPath(new URL('../../guests/', import.meta.url));
const readText = (path: string): string => readFileSync(join(folder, path), 'utf8');
const manifest = JSON.parse(readText('manifest.json')) as { toolchain: string; guests: Record<string, Guest> };
const guests = Object.entries(manifest.guests);
const native = JSON.parse(readText('native/expected.json')).results as Record<
  string,
  Record<string, Record<string, string>>
>;

describe('the manifest of the guests', () => {
  it('lists every image and nothing else', () => {
    const images = readdirSync(join(folder, 'images')).sort();
    expect(guests.map(([, guest]) => guest.file).sort()).toEqual(images);
    expect(guests.every(([name, guest]) => guest.file === `${name}.elf`)).toBe(true);
  });

  it.each(guests)('%s: the image has the listed size and hash', (_name, guest) => {
    const image = readFileSync(join(folder, 'images', guest.file));
    expect(image.length).toBe(guest.bytes);
    expect(createHash('sha256').update(image).digest('hex')).toBe(guest.sha256);
  });

  it.each(guests)('%s: the checksums are the native ones; a guest that behaves has some, or a trace', (name, guest) => {
    const recorded = native[name]?.[guest.cmdline];
    if (recorded) expect(guest.checksums).toEqual(recorded);
    if (!guest.hostile) {
      if (guest.privileged) expect(recorded).toBeUndefined();
      else if (guest.trace === undefined) expect(recorded).toBeDefined();
      else expect(readText(guest.trace)).toMatch(/^# end/m);
      expect(guest.outcome).toEqual({ kind: 'shutdown', reason: 'poweroff' });
    }
    for (const value of Object.values(guest.checksums)) expect(value).toMatch(/^[0-9a-f]{8}$/);
  });

  it('knows the published vectors: FIPS 180-4 "abc", CRC-32 of "123456789", the 30th Fibonacci number', () => {
    expect(manifest.guests.sha256?.checksums['sha256-abc']).toBe('ba7816bf');
    expect(manifest.guests.crc32?.checksums['crc32-check']).toBe('cbf43926');
    expect(manifest.guests.fib?.checksums.fib).toBe((832_040).toString(16).padStart(8, '0'));
  });
});

/** ELF32 and Multiboot 1, read as a loader reads them. */
describe('the images', () => {
  it.each(guests)('%s is a Multiboot 1 ELF32 of i386 whose segments do not overlap', (_name, guest) => {
    const image = readFileSync(join(folder, 'images', guest.file));
    expect(image.subarray(0, 7).toString('hex')).toBe('7f454c46010101');
    expect([image.readUInt16LE(16), image.readUInt16LE(18)]).toEqual([2, 3]); // ET_EXEC, EM_386
    const header = image.subarray(0, 8192).indexOf(Buffer.from([0x02, 0xb0, 0xad, 0x1b]));
    expect(header % 4).toBe(0);
    expect(
      (image.readUInt32LE(header) + image.readUInt32LE(header + 4) + image.readUInt32LE(header + 8)) % 2 ** 32,
    ).toBe(0);
    let end = 0x10_0000;
    const table = image.readUInt32LE(28);
    for (let i = 0; i < image.readUInt16LE(44); i++) {
      const [type, offset, , physical, fileSize, memorySize] = Array.from({ length: 6 }, (_, k) =>
        image.readUInt32LE(table + i * 32 + k * 4),
      ) as [number, number, number, number, number, number];
      if (type !== 1) continue; // PT_LOAD
      expect(offset + fileSize).toBeLessThanOrEqual(image.length);
      expect(memorySize).toBeGreaterThanOrEqual(fileSize);
      expect(physical).toBeGreaterThanOrEqual(end);
      end = physical + memorySize;
    }
    expect(end).toBeLessThan(2 * 2 ** 20);
    expect(image.includes('/home/') || image.includes('/tmp/') || image.includes('/work/')).toBe(false);
  });
});

/** Programs without a native counterpart: their checksums, worked out here from the manual's rules. */
describe('checksums that the architecture demands', () => {
  const START = 0x811c9dc5;
  const mix = (hash: number, value: number): number => {
    const product = Math.imul(hash ^ value, 0x01000193) >>> 0;
    return (product ^ (product >>> 15)) >>> 0;
  };
  const demanded = (name: string): string | undefined => manifest.guests[name]?.checksums[name];
  const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');

  it('every write to an absent page faults; only #GP refuses an MSR; every hypercall, INT and tick comes back', () => {
    expect(demanded('hostile-write-everywhere')).toBe(hex(mix(START, 1)));
    expect(demanded('hostile-msrs')).toBe(hex(mix(START, 0)));
    expect(demanded('hostile-hypercalls')).toBe(hex(mix(START, 20_000)));
    expect(demanded('hostile-timer-storm')).toBe(hex(mix(START, 50_000)));
    expect(demanded('hostile-int-flood')).toBe(hex(10_000 * 256));
  });

  it('handlers nest 2,000 deep and unwind in order', () => {
    let hash = START;
    for (let depth = 1; depth <= 2000; depth++) hash = mix(hash, depth);
    for (let depth = 2000; depth >= 1; depth--) hash = mix(hash, depth);
    expect(demanded('hostile-nesting')).toBe(hex(mix(hash, 2000)));
  });

  /** Intel SDM Vol. 2, MOV, "Protected Mode Exceptions", for DS, ES, FS and GS at CPL 0. */
  it('loads of random descriptors are refused as MOV to a segment register says', () => {
    let state = (2654435761 | 1) >>> 0;
    const random = (): number => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return state >>> 0;
    };
    const proper = [0, 0, 0xffff, 0xcf9a00, 0xffff, 0xcf9200, 0xffff, 0xcffa00, 0xffff, 0xcff200, 0, 0x8b00];
    const words = Array.from({ length: 16_384 }, (_, i) => proper[i] ?? random());
    const load = (selector: number): number => {
      const access = ((words[(selector >> 3) * 2 + 1] as number) >>> 8) & 0xff;
      const isCode = (access & 8) !== 0;
      const isReadable = !isCode || (access & 2) !== 0;
      const isConforming = isCode && (access & 4) !== 0;
      const dpl = (access >> 5) & 3;
      if (selector & 4) return 13; // beyond the limit of an LDT that is not there
      if (!(access & 0x10) || !isReadable) return 13;
      if (!isConforming && (selector & 3) > dpl) return 13;
      return access & 0x80 ? 0 : 11;
    };
    let hash = START;
    for (let selector = 4; selector < 0x1_0000; selector++) {
      const vector = load(selector);
      hash = mix(mix(hash, vector && 0x100 | vector), vector && selector & 0xfffc);
    }
    expect(demanded('hostile-gdt-garbage')).toBe(hex(hash));
  });
});
