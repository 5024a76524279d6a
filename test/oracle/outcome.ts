/** What a program left behind, and when two such states are the same. */
import { flagNames } from './flags.js';
import { FCW, FSW, FTW, IMAGE_USED, MXCSR, ST, XMM } from './float-state.js';
import { markAt, type Program } from './program.js';
import { CODE, CODE_SIZE, END, mix } from './windows.js';

/** Ends that are not exception vectors. */
export const KIND_END = 0x100; //  the program reached its end
export const KIND_HANG = 0x101; // it was stopped

export interface Outcome {
  /** Vector of the exception, or KIND_*. */
  kind: number;
  /** Error code of the exception, 0 without one. */
  error: number;
  /** Linear address of a page fault. */
  cr2: number;
  eip: number;
  eflags: number;
  /** EAX ECX EDX EBX ESP EBP ESI EDI. */
  gpr: Uint32Array;
  /** Hash of the words of the writable pages that changed. */
  memory: number;
  /** Their number. */
  changed: number;
  /** The FXSAVE image after the program, where floating point is looked at. */
  image?: Uint8Array;
  /** The writable pages after the program, where asked for. */
  pages?: Int32Array;
}

const SS = 12;
const GP = 13;
const PF = 14;
const AC = 17;
const PRESENT = 1;
const FETCH = 1 << 4;
const EFLAGS_DEFINED = 0x003f7fd7;
const RF = 1 << 16;

/** The flags that are compared. RF at a program's end is what the harness's own last instructions made of it. */
function flagMask(o: Outcome, undefinedFlags: number): number {
  return EFLAGS_DEFINED & ~undefinedFlags & (o.kind === KIND_END ? ~RF : ~0);
}

/** Instructions with several accesses: how far they got before a page fault is not architectural. */
const PARTIAL = /^(enter|pusha|popa|retf|iret)/;

/**
 * False where the real CPU's answer says nothing about IA-32:
 * - a hang;
 * - an instruction fetch from a data window, which Linux maps with XD and IA-32 paging without PAE cannot;
 * - an access that wraps around 4 GiB, where the manual leaves it to the processor whether there is an exception (SDM Vol. 3A,
 *   5.3, "Limit Checking"): #SS(0), and #GP(0) where the program gives no other reason;
 * - ENTER, PUSHA or POPA that faulted on the way: this processor leaves the pushes or pops before the fault done; RETF and IRET,
 *   where it reads more of the stack before it checks the selector;
 * - a fault between LAR, FNSTENV or FNSAVE and the instructions that mask what is undefined of their result;
 * - an undefined opcode or an over-long instruction at the end of its page: how many bytes are fetched for it is not architectural.
 */
export function comparable(program: Program, o: Outcome): boolean {
  if (o.kind === KIND_HANG) return false;
  const zero = o.error === 0;
  if (o.kind === SS && zero) return false;
  if (o.kind !== PF && o.kind !== GP && o.kind !== AC) return true;
  const mark = markAt(program, o.eip);
  if (/ (lar|fnstenv)$/.test(mark?.name ?? '')) return false;
  if (o.kind === GP) return !zero || mark === undefined || mark.protection;
  if (o.kind === PF && (o.error & (PRESENT | FETCH)) === (PRESENT | FETCH)) return false;
  return mark === undefined || !(PARTIAL.test(mark.name) || /#UD|^length>15/.test(mark.name));
}

/** The error code as paging without XD gives it: no I/D bit. */
function errorCode(o: Outcome): number {
  return o.kind === PF ? o.error & ~FETCH : o.error;
}

/** A 32-bit digest of all that must agree; `undefinedFlags` are left out. */
export function digest(o: Outcome, undefinedFlags: number): number {
  let h = mix(o.kind, errorCode(o));
  h = mix(h, o.kind === PF ? o.cr2 : 0);
  h = mix(h, o.eip);
  h = mix(h, o.eflags & flagMask(o, undefinedFlags));
  for (let i = 0; i < 8; i++) h = mix(h, o.gpr[i]!);
  h = mix(h, o.memory);
  if (o.image !== undefined) h = digestImage(h, o.image);
  return h >>> 0;
}

/** The fields of an image that are compared, as words: control and status word, tags, MXCSR, ST(0) … ST(7), XMM0 … XMM7. */
function imageWords(image: Uint8Array): number[] {
  const view = new DataView(image.buffer, image.byteOffset);
  const words = [view.getUint16(FCW, true), view.getUint16(FSW, true), image[FTW]!, view.getUint32(MXCSR, true)];
  for (let at = ST; at < XMM; at += 16) {
    words.push(view.getUint32(at, true), view.getUint32(at + 4, true), view.getUint16(at + 8, true));
  }
  for (let at = XMM; at < IMAGE_USED; at += 4) words.push(view.getUint32(at, true));
  return words;
}

function digestImage(h: number, image: Uint8Array): number {
  return imageWords(image).reduce(mix, h);
}

function imageWordName(i: number): string {
  if (i < 4) return ['fcw', 'fsw', 'ftw', 'mxcsr'][i]!;
  if (i < 28) return `st${Math.floor((i - 4) / 3)}[${(i - 4) % 3}]`;
  return `xmm${(i - 28) >> 2}[${(i - 28) & 3}]`;
}

const REGISTERS = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'] as const;
// biome-ignore format: vectors by row
const VECTORS: readonly string[] = [
  '#DE', '#DB', 'NMI', '#BP', '#OF', '#BR', '#UD', '#NM', '#DF', '9', '#TS', '#NP', '#SS', '#GP', '#PF', '15',
  '#MF', '#AC', '#MC', '#XM',
];

export function hex(v: number, digits = 8): string {
  return (v >>> 0).toString(16).padStart(digits, '0');
}

export function kindName(kind: number): string {
  if (kind === KIND_END) return 'end';
  return kind === KIND_HANG ? 'hang' : (VECTORS[kind] ?? `kind ${kind}`);
}

/** The lines in which two outcomes differ. */
export function differences(program: Program, expected: Outcome, actual: Outcome, undefinedFlags: number): string[] {
  const lines: string[] = [];
  const line = (name: string, e: string, a: string): void => {
    if (e !== a) lines.push(`  ${name.padEnd(8)} expected ${e}  actual ${a}`);
  };
  line('ends by', kindName(expected.kind), kindName(actual.kind));
  line('error', hex(errorCode(expected), 4), hex(errorCode(actual), 4));
  if (expected.kind === PF || actual.kind === PF) line('cr2', hex(expected.cr2), hex(actual.cr2));
  line('eip', place(program, expected.eip), place(program, actual.eip));
  const mask = flagMask(expected, undefinedFlags);
  if (((expected.eflags ^ actual.eflags) & mask) !== 0) {
    const name = (v: number): string => `${hex(v & mask)} [${flagNames(v & mask)}]`;
    lines.push(`  eflags   expected ${name(expected.eflags)}  actual ${name(actual.eflags)}`);
    lines.push(`           differ in ${flagNames((expected.eflags ^ actual.eflags) & mask)}`);
  }
  for (let i = 0; i < 8; i++) line(REGISTERS[i]!, hex(expected.gpr[i]!), hex(actual.gpr[i]!));
  if (expected.image !== undefined && actual.image !== undefined && program.image !== undefined) {
    const before = imageWords(program.image);
    const e = imageWords(expected.image);
    for (const [i, a] of imageWords(actual.image).entries()) {
      const name = imageWordName(i).padEnd(8);
      if (a !== e[i]) lines.push(`  ${name} was ${hex(before[i]!)}  expected ${hex(e[i]!)}  actual ${hex(a)}`);
    }
  }
  line(
    'memory',
    `${hex(expected.memory)} (${expected.changed} words)`,
    `${hex(actual.memory)} (${actual.changed} words)`,
  );
  return lines;
}

function place(program: Program, eip: number): string {
  if (eip === END) return 'end';
  const inside = eip - CODE < CODE_SIZE && eip >= program.state.eip;
  return inside ? `${hex(eip)} (+${(eip - program.state.eip).toString(16)})` : hex(eip);
}

/** Registers a program begins with. */
export function describeStart(program: Program): string {
  const { gpr, eflags, eip } = program.state;
  const registers = REGISTERS.map((name, i) => `${name}=${hex(gpr[i]!)}`).join(' ');
  return `  seed ${hex(program.seed)}  eip=${hex(eip)} eflags=${hex(eflags)} [${flagNames(eflags)}]\n  ${registers}`;
}
