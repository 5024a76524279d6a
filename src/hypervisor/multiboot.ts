/**
 * Multiboot 1 images: an ELF32 i386 executable, or any file whose header carries load addresses ("a.out kludge").
 * Multiboot Specification 0.6.96, 3.1 "OS image format" and 3.3 "Boot information format".
 *
 * Image files come from users: everything is checked before a byte is used, and every error says what is wrong.
 */
import {
  E_ENTRY,
  E_MACHINE,
  E_PHENTSIZE,
  E_PHNUM,
  E_PHOFF,
  E_TYPE,
  EI_CLASS,
  EI_DATA,
  ELF_HEADER_SIZE,
  ELF_MAGIC,
  ELFCLASS32,
  ELFCLASS64,
  ELFDATA2LSB,
  EM_386,
  ET_EXEC,
  P_FILESZ,
  P_MEMSZ,
  P_OFFSET,
  P_PADDR,
  P_VADDR,
  PROGRAM_HEADER_SIZE,
  PT_LOAD,
} from './elf.js';
import { type MemoryRegion, pvhEntry, startInfo, startInfoSize } from './pvh.js';
import { HostError } from './types.js';

export const BOOT_MAGIC = 0x2badb002; // EAX at entry
const HEADER_MAGIC = 0x1badb002;
const HEADER_SEARCH = 8192; // the header lies in the first 8 KiB
const FLAG_VIDEO = 1 << 2;
const FLAG_ADDRESSES = 1 << 16; // the address fields are valid
const FLAGS_MANDATORY = 0xffff; // bits 0–15: refuse what is not understood
const FLAGS_UNDERSTOOD = 0x3; // page-aligned modules, memory information
const MAX_IMAGE = 256 << 20;

export interface Segment {
  /** Guest-physical address. */
  readonly address: number;
  readonly fileOffset: number;
  readonly fileSize: number;
  /** At least fileSize; the rest is zero. */
  readonly memorySize: number;
}

export interface MultibootImage {
  readonly entry: number;
  readonly segments: readonly Segment[];
  /** First byte after the highest segment. */
  readonly end: number;
}

/** Parses an image for a guest with `memoryBytes` of memory. Throws HostError with a code `image-…`. */
export function parseMultiboot(image: Uint8Array, memoryBytes: number): MultibootImage {
  if (image.length > MAX_IMAGE)
    fail('image-too-large', `the image has ${image.length} bytes; ${MAX_IMAGE} is the limit`);
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const isElf = image.length >= 4 && view.getUint32(0, true) === ELF_MAGIC;
  if (isElf) checkElf(image, view);
  const header = findHeader(view);
  if (header < 0) {
    if (!isElf) fail('image-not-elf', 'the image is neither an ELF file nor has it a Multiboot header');
    fail('image-no-multiboot', `there is no Multiboot 1 header in the first ${HEADER_SEARCH} bytes`);
  }
  const flags = view.getUint32(header + 4, true);
  const unknown = flags & FLAGS_MANDATORY & ~FLAGS_UNDERSTOOD;
  if (unknown !== 0) {
    const what = unknown === FLAG_VIDEO ? 'a video mode' : 'features';
    fail('image-unsupported', `the Multiboot header requires ${what} (flags ${hex(flags)}) that are not offered`);
  }
  let parsed: MultibootImage;
  if (flags & FLAG_ADDRESSES) parsed = fromAddresses(image, view, header);
  else if (isElf) parsed = fromElf(image, view);
  else fail('image-not-elf', 'the image is not an ELF file and its Multiboot header gives no load addresses');
  checkPlaces(parsed, memoryBytes);
  return parsed;
}

function fail(code: string, message: string): never {
  throw new HostError(code, message);
}

function hex(n: number): string {
  return `0x${(n >>> 0).toString(16)}`;
}

function checkElf(image: Uint8Array, view: DataView): void {
  if (image.length < 6) fail('image-truncated', `the file ends after ${image.length} bytes, inside the ELF header`);
  if (image[EI_CLASS] === ELFCLASS64) fail('image-64-bit', 'the image is a 64-bit ELF file; guests are i386 (ELF32)');
  if (image[EI_CLASS] !== ELFCLASS32) fail('image-bad-elf', `ELF class ${image[EI_CLASS]} is unknown`);
  if (image[EI_DATA] !== ELFDATA2LSB) fail('image-wrong-machine', 'the image is big-endian; guests are i386');
  if (image.length < ELF_HEADER_SIZE) {
    fail('image-truncated', `the file ends after ${image.length} bytes, inside the ELF header`);
  }
  const machine = view.getUint16(E_MACHINE, true);
  if (machine !== EM_386) fail('image-wrong-machine', `ELF machine ${machine} is not i386 (${EM_386})`);
  const type = view.getUint16(E_TYPE, true);
  if (type !== ET_EXEC) fail('image-not-executable', `ELF type ${type} is not an executable (${ET_EXEC})`);
}

/** Offset of the header, or −1. A header is a magic whose checksum fits. */
function findHeader(view: DataView): number {
  const end = Math.min(view.byteLength, HEADER_SEARCH) - 12;
  for (let at = 0; at <= end; at += 4) {
    if (view.getUint32(at, true) !== HEADER_MAGIC) continue;
    if ((HEADER_MAGIC + view.getUint32(at + 4, true) + view.getUint32(at + 8, true)) >>> 0 === 0) return at;
  }
  return -1;
}

function fromElf(image: Uint8Array, view: DataView): MultibootImage {
  const table = view.getUint32(E_PHOFF, true);
  const entrySize = view.getUint16(E_PHENTSIZE, true);
  const count = view.getUint16(E_PHNUM, true);
  if (count === 0) fail('image-no-segments', 'the ELF file has no program headers');
  if (entrySize < PROGRAM_HEADER_SIZE) fail('image-bad-elf', `program headers of ${entrySize} bytes are too small`);
  if (table + count * entrySize > image.length) {
    fail(
      'image-truncated',
      `${count} program headers at offset ${table} reach beyond the file's ${image.length} bytes`,
    );
  }
  const segments: Segment[] = [];
  let entry = view.getUint32(E_ENTRY, true);
  for (let i = 0; i < count; i++) {
    const p = table + i * entrySize;
    const memorySize = view.getUint32(p + P_MEMSZ, true);
    if (view.getUint32(p, true) !== PT_LOAD || memorySize === 0) continue;
    const fileOffset = view.getUint32(p + P_OFFSET, true);
    const fileSize = view.getUint32(p + P_FILESZ, true);
    const address = view.getUint32(p + P_PADDR, true);
    if (fileSize > memorySize) {
      fail('image-bad-elf', `segment ${i} holds ${fileSize} bytes in the file but only ${memorySize} in memory`);
    }
    if (fileOffset + fileSize > image.length) {
      fail('image-truncated', `segment ${i} ends at offset ${fileOffset + fileSize}, the file at ${image.length}`);
    }
    // The entry point is a virtual address; it is entered with paging off.
    const virtual = view.getUint32(p + P_VADDR, true);
    const elfEntry = view.getUint32(E_ENTRY, true);
    if (virtual !== address && elfEntry >= virtual && elfEntry - virtual < memorySize) {
      if (elfEntry < address || elfEntry - address >= memorySize) entry = elfEntry - virtual + address;
    }
    segments.push({ address, fileOffset, fileSize, memorySize });
  }
  if (segments.length === 0) fail('image-no-segments', 'the ELF file has no segment to load');
  return { entry, segments, end: endOf(segments) };
}

/** Multiboot Specification 3.1.3, "The address fields of Multiboot header". */
function fromAddresses(image: Uint8Array, view: DataView, header: number): MultibootImage {
  if (header + 32 > image.length) fail('image-truncated', 'the file ends inside the Multiboot header');
  const field = (offset: number): number => view.getUint32(header + offset, true);
  const headerAddress = field(12);
  const loadAddress = field(16);
  const loadEnd = field(20);
  const bssEnd = field(24);
  const entry = field(28);
  const fileOffset = header - (headerAddress - loadAddress);
  if (loadAddress > headerAddress || fileOffset < 0) {
    fail('image-bad-addresses', 'the Multiboot header lies before the load address it gives');
  }
  const fileSize = loadEnd === 0 ? image.length - fileOffset : loadEnd - loadAddress;
  if (fileSize < 0) fail('image-bad-addresses', 'the load end address lies before the load address');
  if (fileOffset + fileSize > image.length) fail('image-truncated', 'the load end address lies beyond the file');
  const memorySize = bssEnd === 0 ? fileSize : bssEnd - loadAddress;
  if (memorySize < fileSize) fail('image-bad-addresses', 'the bss end address lies before the load end address');
  const segments = [{ address: loadAddress, fileOffset, fileSize, memorySize }];
  return { entry, segments, end: endOf(segments) };
}

function endOf(segments: readonly Segment[]): number {
  return Math.max(...segments.map((s) => s.address + s.memorySize));
}

function checkPlaces(image: MultibootImage, memoryBytes: number): void {
  const sorted = [...image.segments].sort((a, b) => a.address - b.address);
  for (const [i, s] of sorted.entries()) {
    if (s.address + s.memorySize > memoryBytes) {
      const range = `${hex(s.address)}–${hex(s.address + s.memorySize - 1)}`;
      fail('image-beyond-memory', `segment ${range} does not fit into ${memoryBytes} bytes of guest memory`);
    }
    const next = sorted[i + 1];
    if (next !== undefined && s.address + s.memorySize > next.address) {
      fail('image-overlap', `segments at ${hex(s.address)} and ${hex(next.address)} overlap`);
    }
  }
  if (!sorted.some((s) => image.entry >= s.address && image.entry < s.address + s.memorySize)) {
    fail('image-bad-entry', `the entry point ${hex(image.entry)} lies in no segment`);
  }
}

// ── Boot information ────────────────────────────────────────────────────────
//
//   info (88 bytes) │ memory map │ module table │ strings │        modules, page aligned, above the image

const INFO_SIZE = 88;
const INFO_MEMORY = 1 << 0;
const INFO_CMDLINE = 1 << 2;
const INFO_MODULES = 1 << 3;
const INFO_MEMORY_MAP = 1 << 6;
const INFO_LOADER_NAME = 1 << 9;
const LOADER_NAME = 'Ringfence';
const MAP_ENTRY = 24; // size field and 20 bytes
const MAP_AVAILABLE = 1;
const MAP_RESERVED = 2;
const LOW_END = 0x9fc00; // top of conventional memory below the EBDA
const HIGH_START = 0x100000;
const PAGE = 4096;

export interface BootModule {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A piece of guest-physical memory to write before the guest starts. */
export interface Placement {
  readonly address: number;
  readonly bytes: Uint8Array;
}

export interface BootPlan {
  readonly entry: number;
  /** EAX at entry: BOOT_MAGIC; 0 with PVH, which leaves it open. */
  readonly magic: number;
  /** EBX at entry. */
  readonly info: number;
  /** Memory of segments that the file does not fill: zero, whatever the frames held. */
  readonly clear: readonly { readonly address: number; readonly length: number }[];
  readonly placements: readonly Placement[];
}

/** The image as its own note (PVH) or its Multiboot header wants it loaded. */
function parseImage(image: Uint8Array, memoryBytes: number): MultibootImage & { readonly pvh: boolean } {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const isElf = image.length >= ELF_HEADER_SIZE && image.length <= MAX_IMAGE && view.getUint32(0, true) === ELF_MAGIC;
  const is386 = isElf && image[EI_CLASS] === ELFCLASS32 && image[EI_DATA] === ELFDATA2LSB;
  const entry = is386 ? pvhEntry(view) : -1;
  if (entry < 0) return { ...parseMultiboot(image, memoryBytes), pvh: false };
  checkElf(image, view);
  const parsed = { ...fromElf(image, view), entry };
  checkPlaces(parsed, memoryBytes);
  return { ...parsed, pvh: true };
}

/** Decides where image, modules and boot information go. Throws HostError with a code `image-…` or `boot-…`. */
export function planBoot(
  image: Uint8Array,
  memoryBytes: number,
  commandLine: string,
  modules: readonly BootModule[],
): BootPlan {
  const parsed = parseImage(image, memoryBytes);
  const placements: Placement[] = [];
  for (const s of parsed.segments) {
    if (s.fileSize === 0) continue;
    placements.push({ address: s.address, bytes: image.subarray(s.fileOffset, s.fileOffset + s.fileSize) });
  }
  let next = Math.max(parsed.end, HIGH_START);
  const places = modules.map((module) => {
    const start = Math.ceil(next / PAGE) * PAGE;
    next = start + module.bytes.length;
    if (next > memoryBytes)
      fail('boot-modules', `module '${module.name}' does not fit into ${memoryBytes} bytes of memory`);
    placements.push({ address: start, bytes: module.bytes });
    return { start, end: next, name: module.name };
  });
  const clear = parsed.segments
    .filter((s) => s.memorySize > s.fileSize)
    .map((s) => ({ address: s.address + s.fileSize, length: s.memorySize - s.fileSize }));
  if (parsed.pvh) {
    // PVH guests get their arguments alone, without the image's name in front.
    const cmdline = commandLine.includes(' ') ? commandLine.slice(commandLine.indexOf(' ') + 1) : '';
    const regions = memoryRegions(memoryBytes);
    const info = findLowRoom(parsed.segments, startInfoSize(cmdline, modules, regions.length));
    placements.push({ address: info, bytes: startInfo(info, cmdline, places, regions) });
    return { entry: parsed.entry, magic: 0, info, clear, placements };
  }
  const size = informationSize(commandLine, modules);
  const info = findLowRoom(parsed.segments, size);
  placements.push({ address: info, bytes: information(info, size, memoryBytes, commandLine, places) });
  return { entry: parsed.entry, magic: BOOT_MAGIC, info, clear, placements };
}

function memoryRegions(memoryBytes: number): readonly MemoryRegion[] {
  return [
    [0, LOW_END, MAP_AVAILABLE],
    [LOW_END, HIGH_START, MAP_RESERVED],
    [HIGH_START, memoryBytes, MAP_AVAILABLE],
  ];
}

function stringSize(text: string): number {
  return Buffer.byteLength(text, 'latin1') + 1;
}

function informationSize(commandLine: string, modules: readonly BootModule[]): number {
  let size = INFO_SIZE + 3 * MAP_ENTRY + modules.length * 16 + stringSize(commandLine) + stringSize(LOADER_NAME);
  for (const module of modules) size += stringSize(module.name);
  return size;
}

/** The lowest free room in conventional memory; the first page stays free for guests that catch null pointers. */
function findLowRoom(segments: readonly Segment[], size: number): number {
  let at = PAGE;
  for (const s of [...segments].sort((a, b) => a.address - b.address)) {
    if (s.address >= at + size) break;
    at = Math.max(at, Math.ceil((s.address + s.memorySize) / 16) * 16);
  }
  if (at + size > LOW_END) fail('boot-information', `no room for ${size} bytes of boot information below 640 KiB`);
  return at;
}

function information(
  base: number,
  size: number,
  memoryBytes: number,
  commandLine: string,
  modules: readonly { start: number; end: number; name: string }[],
): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  const word = (offset: number, value: number): void => view.setUint32(offset, value, true);
  const map = INFO_SIZE;
  const table = map + 3 * MAP_ENTRY;
  let strings = table + modules.length * 16;
  const string = (text: string): number => {
    const at = strings;
    bytes.set(Buffer.from(text, 'latin1'), at);
    strings += stringSize(text);
    return base + at;
  };
  word(0, INFO_MEMORY | INFO_CMDLINE | INFO_MODULES | INFO_MEMORY_MAP | INFO_LOADER_NAME);
  word(4, LOW_END >>> 10); // mem_lower, KiB
  word(8, (memoryBytes - HIGH_START) >>> 10); // mem_upper, KiB
  word(16, string(commandLine));
  word(20, modules.length);
  word(24, base + table);
  word(44, 3 * MAP_ENTRY); // mmap_length
  word(48, base + map); // mmap_addr
  word(64, string(LOADER_NAME));
  const regions = memoryRegions(memoryBytes);
  for (const [i, [start, end, type]] of regions.entries()) {
    const p = map + i * MAP_ENTRY;
    word(p, MAP_ENTRY - 4); // the size field does not count itself
    word(p + 4, start);
    word(p + 12, end - start);
    word(p + 20, type);
  }
  for (const [i, module] of modules.entries()) {
    word(table + i * 16, module.start);
    word(table + i * 16 + 4, module.end);
    word(table + i * 16 + 8, string(module.name));
  }
  return bytes;
}
