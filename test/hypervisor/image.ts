/** Builds ELF32 images for tests, field by field. */

export interface TestSegment {
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly memorySize?: number;
}

export interface TestImage {
  readonly entry?: number;
  readonly segments?: readonly TestSegment[];
  /** Flags of the Multiboot header; −1: no header. */
  readonly multiboot?: number;
  /** Contents of a PT_NOTE segment, behind everything else. */
  readonly notes?: Uint8Array;
}

const HEADER_MAGIC = 0x1badb002;

/** A small image: ELF header, program headers, Multiboot header, segment contents. */
export function elf({ entry = 0x100000, segments, multiboot = 0, notes }: TestImage = {}): Uint8Array {
  const parts = segments ?? [{ address: 0x100000, bytes: Uint8Array.of(0xfa, 0xf4) }];
  const count = parts.length + (notes === undefined ? 0 : 1);
  const headers = 52 + 32 * count;
  const start = headers + 12;
  const noted = Math.ceil(parts.reduce((sum, part) => sum + part.bytes.length, start) / 4) * 4;
  const size = noted + (notes?.length ?? 0);
  const image = new Uint8Array(size);
  const view = new DataView(image.buffer);
  image.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 3, true);
  view.setUint32(20, 1, true);
  view.setUint32(24, entry, true);
  view.setUint32(28, 52, true);
  view.setUint16(40, 52, true);
  view.setUint16(42, 32, true);
  view.setUint16(44, count, true);
  if (multiboot >= 0) {
    view.setUint32(headers, HEADER_MAGIC, true);
    view.setUint32(headers + 4, multiboot, true);
    view.setUint32(headers + 8, -(HEADER_MAGIC + multiboot), true);
  }
  let offset = start;
  for (const [i, part] of parts.entries()) {
    const p = 52 + 32 * i;
    view.setUint32(p, 1, true);
    view.setUint32(p + 4, offset, true);
    view.setUint32(p + 8, part.address, true);
    view.setUint32(p + 12, part.address, true);
    view.setUint32(p + 16, part.bytes.length, true);
    view.setUint32(p + 20, part.memorySize ?? part.bytes.length, true);
    view.setUint32(p + 24, 7, true);
    image.set(part.bytes, offset);
    offset += part.bytes.length;
  }
  if (notes !== undefined) {
    const p = 52 + 32 * parts.length;
    view.setUint32(p, 4, true);
    view.setUint32(p + 4, noted, true);
    view.setUint32(p + 16, notes.length, true);
    image.set(notes, noted);
  }
  return image;
}
