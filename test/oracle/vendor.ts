/**
 * Where processors that all follow the manual differ: the one table of it, with its reasons in docs/oracle.md, "Where processors
 * differ". Ringfence is what the Intel column says; a rule leaves out just what the processor that was asked does otherwise.
 */
import { cpus } from 'node:os';
import { AC, ALL } from './flags.js';
import { FCW } from './float-state.js';
import type { Outcome } from './outcome.js';
import { type Mark, markAt, type Program, undefinedAt } from './program.js';
import { EDI, ESI } from './state.js';
import { readable } from './windows.js';

export type Vendor = 'Intel' | 'AMD';

/** The vendor of this machine's processor. Others are taken for Intel's: whatever differs then shows. */
export function vendorHere(): Vendor {
  return /AMD|Hygon/.test(cpus()[0]?.model ?? '') ? 'AMD' : 'Intel';
}

const RF = 1 << 16;
const DB = 1;
const GP = 13;
const PF = 14;
const AC_VECTOR = 17;
const KIND_EXCEPTION_LIMIT = 0x100;
const WRITE = 1 << 1;
/** IE, OE and UE of the x87 control word: unmasked, they keep a store back. */
const STORE_MASKS = 0x19;

const COMPARING = /^(repe|repne) (cmps|scas)/;
const X87_STORE = /^f(b|i)?stp?(16|32|64|80) m/;
const MMX_STORE = /^(movq\.mm|movd\.0|movntq|maskmov\.mm)/;
const EXTENDED_STORE = /^fb?stp80 m/;

/**
 * What is not compared of a program that ended so on a processor of `vendor`: flags and C1 that the manual leaves undefined, and
 * flags in which this vendor differs.
 */
export function uncomparedFlags(vendor: Vendor, program: Program, o: Outcome): number {
  const flags = undefinedAt(program, o.eip);
  if (vendor !== 'AMD' || o.kind >= KIND_EXCEPTION_LIMIT) return flags;
  const name = markAt(program, o.eip)?.name ?? '';
  return flags | (COMPARING.test(name) ? ALL : 0) | (o.kind === DB ? RF : 0);
}

/** True where a processor of `vendor` may answer otherwise than another one, so that the case is left out. */
export function vendorDiffers(vendor: Vendor, program: Program, o: Outcome): boolean {
  if (o.kind >= KIND_EXCEPTION_LIMIT) return false;
  const mark = markAt(program, o.eip);
  if (mark === undefined) return false;
  if (/ cmps|^cmps/.test(mark.name)) return bothOperandsFault(mark, o);
  if (vendor === 'AMD') {
    if (mark.name.startsWith('bound')) return o.kind === PF;
    return X87_STORE.test(mark.name) && isMemoryFault(o) && ((o.image?.[FCW] ?? 0) & STORE_MASKS) !== STORE_MASKS;
  }
  if (mark.name.endsWith(' push')) return true;
  if (o.kind !== PF) return false;
  return EXTENDED_STORE.test(mark.name) || (MMX_STORE.test(mark.name) && (o.error & WRITE) !== 0);
}

function isMemoryFault(o: Outcome): boolean {
  return o.kind === PF || o.kind === GP || o.kind === AC_VECTOR;
}

/** CMPS: which of two operands that both fault is told. */
function bothOperandsFault(mark: Mark, o: Outcome): boolean {
  if (!isMemoryFault(o)) return false;
  if (o.kind === GP || mark.protection) return true;
  const size = Number(/cmps(\d+)/.exec(mark.name)?.[1]) / 8;
  const mask = mark.name.includes('a16') ? 0xffff : 0xffffffff;
  const faults = (index: number): boolean => {
    const at = (o.gpr[index]! & mask) >>> 0;
    return !readable(at, size) || ((o.eflags & AC) !== 0 && at % size !== 0);
  };
  return faults(ESI) && faults(EDI);
}
