/**
 * PVH: the boot ABI of Xen's HVM guests without firmware, xen/include/public/arch-x86/hvm/start_info.h and docs/misc/pvh.pandoc.
 * An ELF note names the entry point; the guest begins there in flat 32-bit protected mode with the start info's address in EBX.
 *
 *   start info (56 bytes) │ module list │ memory map │ strings
 */
import { E_PHENTSIZE, E_PHNUM, E_PHOFF, P_FILESZ, P_OFFSET, PROGRAM_HEADER_SIZE, PT_NOTE } from './elf.js';
import { HostError } from './types.js';

/** TIS ELF 1.2, "Note Section". */
const NOTE_HEADER = 12;

const XEN = 'Xen\0';
const XEN_ELFNOTE_PHYS32_ENTRY = 18; // public/elfnote.h

/** The physical entry point that the image's note names, or −1 if there is none. Throws HostError for a damaged note. */
export function pvhEntry(view: DataView): number {
  const table = view.getUint32(E_PHOFF, true);
  const size = view.getUint16(E_PHENTSIZE, true);
  const count = view.getUint16(E_PHNUM, true);
  for (let p = table; p < table + count * size && p + size <= view.byteLength; p += size) {
    if (size < PROGRAM_HEADER_SIZE || view.getUint32(p, true) !== PT_NOTE) continue;
    const entry = inNotes(view, view.getUint32(p + P_OFFSET, true), view.getUint32(p + P_FILESZ, true));
    if (entry >= 0) return entry;
  }
  return -1;
}

function inNotes(view: DataView, start: number, size: number): number {
  const end = start + size;
  const fail = (what: string): never => {
    throw new HostError('image-bad-note', `the image's ELF notes ${what}`);
  };
  if (end > view.byteLength) fail(`end at offset ${end}, the file at ${view.byteLength}`);
  for (let at = start; at + NOTE_HEADER <= end; ) {
    const nameSize = view.getUint32(at, true);
    const size = view.getUint32(at + 4, true);
    const name = at + NOTE_HEADER;
    const value = name + Math.ceil(nameSize / 4) * 4;
    if (value + size > end) fail(`are cut off: a note at offset ${at} has ${nameSize} + ${size} bytes`);
    if (view.getUint32(at + 8, true) === XEN_ELFNOTE_PHYS32_ENTRY && nameSize === XEN.length) {
      const text = String.fromCharCode(...Array.from({ length: nameSize }, (_, i) => view.getUint8(name + i)));
      if (text === XEN) {
        if (size !== 4 && size !== 8) fail(`give a PHYS32_ENTRY of ${size} bytes; it has 4`);
        return view.getUint32(value, true);
      }
    }
    at = value + Math.ceil(size / 4) * 4;
  }
  return -1;
}

const START_INFO = 56;
const START_MAGIC = 0x336ec578; // "xEn3", bit 7 of the first letter set
const VERSION = 1;
const MODULE = 32;
const REGION = 24;

const textSize = (text: string): number => Buffer.byteLength(text, 'latin1') + 1;

export interface StartModule {
  readonly start: number;
  readonly end: number;
  readonly name: string;
}

/** Type: 1 RAM, 2 reserved, as in E820. */
export type MemoryRegion = readonly [start: number, end: number, type: number];

export function startInfoSize(cmdline: string, modules: readonly { readonly name: string }[], regions: number): number {
  const strings = modules.reduce((sum, { name }) => sum + textSize(name), textSize(cmdline));
  return START_INFO + modules.length * MODULE + regions * REGION + strings;
}

/** The start info and what it points to, as it lies at `base`. There is no ACPI: no RSDP. */
export function startInfo(
  base: number,
  cmdline: string,
  modules: readonly StartModule[],
  regions: readonly MemoryRegion[],
): Uint8Array {
  const bytes = new Uint8Array(startInfoSize(cmdline, modules, regions.length));
  const view = new DataView(bytes.buffer);
  const list = START_INFO;
  const map = list + modules.length * MODULE;
  let strings = map + regions.length * REGION;
  const string = (text: string): number => {
    const at = strings;
    bytes.set(Buffer.from(text, 'latin1'), at);
    strings += textSize(text);
    return base + at;
  };
  const word = (at: number, value: number): void => view.setUint32(at, value, true); // the high halves stay 0
  word(0, START_MAGIC);
  word(4, VERSION);
  word(12, modules.length);
  word(16, modules.length > 0 ? base + list : 0);
  word(24, string(cmdline));
  word(40, base + map);
  word(48, regions.length);
  for (const [i, { start, end, name }] of modules.entries()) {
    word(list + i * MODULE, start);
    word(list + i * MODULE + 8, end - start);
    word(list + i * MODULE + 16, string(name));
  }
  for (const [i, [start, end, type]] of regions.entries()) {
    word(map + i * REGION, start);
    word(map + i * REGION + 8, end - start);
    word(map + i * REGION + 16, type);
  }
  return bytes;
}
