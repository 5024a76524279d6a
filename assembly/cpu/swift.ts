/**
 * Interrupt gates and IRET where nothing is unusual, which is nearly always: 32-bit gates, segments of the GDT that are present
 * and marked accessed, flat stacks, and a TLB that holds descriptor tables, TSS and stack. Everything is looked at before
 * anything changes; false means that nothing has happened and the full checks of interrupts.ts and return.ts must decide, which
 * also raise all faults.
 *
 *   IDT ─→ gate ─→ GDT ─→ code segment ─┬─ same level ─────────────→ frame ─→ CS:EIP
 *                                       └─ inner ─→ TSS ─→ GDT: SS ─→ frame ─→ CS:EIP
 */
import {
  CS,
  FAULT_NO_ERROR,
  PAGE_MASK,
  PAGE_SIZE,
  SEGMENT_ACCESS,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  SS,
  TR,
  VCPU_CPL,
  VCPU_EFLAGS,
  VCPU_EIP,
  VCPU_ESP,
  VCPU_GDTR_BASE,
  VCPU_GDTR_LIMIT,
  VCPU_IDTR_BASE,
  VCPU_IDTR_LIMIT,
  VCPU_SCRATCH,
} from '../layout';
import {
  descriptorAccess,
  descriptorBase,
  descriptorLimit,
  isNull,
  SELECTOR_RPL,
  SELECTOR_TI,
  TYPE_32,
} from './descriptor';
import { currentBank, directRead, directWrite, systemBank } from './direct';
import { FLAG_AC, FLAG_IF, FLAG_NT, FLAG_RF, FLAG_TF, FLAG_VM, setEflags } from './flags';
import { ACCESS_DB, ACCESS_EXPAND_DOWN, ACCESS_UNUSABLE, segment } from './mode';
import { dropInnerSegments, setCode, setSegment } from './segments';

// The upper words of descriptors, SDM Vol. 3A, Figures 3-8 and 6-2; bits 15 … 8 are P, DPL, S and type
const DPL_SHIFT: u32 = 13;
/** Present interrupt (8E) or trap gate (8F) of 32 bits. */
const GATE_MASK: u32 = 0x9e00;
const GATE: u32 = 0x8e00;
const TRAP_GATE: u32 = 0x0100;
/** Present code segment, not conforming, accessed. */
const CODE_MASK: u32 = 0x9d00;
const CODE: u32 = 0x9900;
/** Present writable data segment, expand-up, accessed, B = 1; DPL is added. */
const STACK_MASK: u32 = 0x0040ff00;
const STACK: u32 = 0x00409300;

function upper(d: u64): u32 {
  return u32(d >>> 32);
}

function level(d: u64): u32 {
  return (upper(d) >>> DPL_SHIFT) & 3;
}

/** The selector's descriptor, or 0: none of the GDT, or not held by the TLB. */
function descriptor(s: usize, selector: u32): u64 {
  if (isNull(selector) || selector & SELECTOR_TI || (selector | 7) > load<u32>(s + VCPU_GDTR_LIMIT)) return 0;
  const host = directRead(systemBank(s), load<u32>(s + VCPU_GDTR_BASE) + (selector & ~u32(7)), 8);
  return host ? load<u64>(host) : 0;
}

/** Whether the current stack is one of 32 bits without a limit. */
function flatStack(stack: usize): bool {
  return (
    (load<u32>(stack, SEGMENT_ACCESS) & (ACCESS_UNUSABLE | ACCESS_EXPAND_DOWN | ACCESS_DB)) == ACCESS_DB &&
    load<u32>(stack, SEGMENT_LIMIT) == 0xffffffff
  );
}

function put(low: usize, high: usize, split: u32, at: u32, value: u32): void {
  store<u32>((at < split ? low : high) + at, value);
}

/** Whether loading CS with this descriptor, for privilege level `cpl`, would change nothing: handlers mostly share it with what they interrupt. */
function holdsCode(s: usize, selector: u32, d: u64, cpl: u32): bool {
  const cs = segment(s, CS);
  return (
    load<u32>(cs, SEGMENT_SELECTOR) == ((selector & ~SELECTOR_RPL) | cpl) &&
    load<u32>(cs, SEGMENT_BASE) == descriptorBase(d) &&
    load<u32>(cs, SEGMENT_LIMIT) == descriptorLimit(d) &&
    load<u32>(cs, SEGMENT_ACCESS) == descriptorAccess(d) &&
    load<u32>(s + VCPU_CPL) == cpl
  );
}

/** In protected mode, through the IDT. Arguments as of interrupts.ts; `checked`: the gate's DPL limits the CPL. */
export function enterSwiftly(s: usize, vector: u32, error: u32, eip: u32, flags: u32, checked: bool): bool {
  if (flags & FLAG_VM || (vector << 3) + 7 > load<u32>(s + VCPU_IDTR_LIMIT)) return false;
  const entry = directRead(systemBank(s), load<u32>(s + VCPU_IDTR_BASE) + (vector << 3), 8);
  if (!entry) return false;
  const gate = load<u64>(entry);
  const cpl = load<u32>(s + VCPU_CPL);
  if ((upper(gate) & GATE_MASK) != GATE || (checked && level(gate) < cpl)) return false;
  const selector = u32(gate >>> 16) & 0xffff;
  const code = descriptor(s, selector);
  const inner = level(code);
  const target = (u32(gate) & 0xffff) | (upper(gate) & 0xffff0000);
  if ((upper(code) & CODE_MASK) != CODE || inner > cpl || target > descriptorLimit(code)) return false;

  let bytes: u32 = error == FAULT_NO_ERROR ? 12 : 16;
  const stack = segment(s, SS);
  const oldEsp = load<u32>(s + VCPU_ESP);
  const oldSs = load<u32>(stack, SEGMENT_SELECTOR);
  let esp = oldEsp;
  let base = load<u32>(stack, SEGMENT_BASE);
  let ss: u32 = 0;
  let data: u64 = 0;
  if (inner < cpl) {
    const tr = segment(s, TR);
    const access = load<u32>(tr, SEGMENT_ACCESS);
    const offset: u32 = 4 + (inner << 3);
    if ((access & (ACCESS_UNUSABLE | TYPE_32)) != TYPE_32 || offset + 5 > load<u32>(tr, SEGMENT_LIMIT)) return false;
    const slot = directRead(systemBank(s), load<u32>(tr, SEGMENT_BASE) + offset, 8);
    if (!slot) return false;
    esp = load<u32>(slot);
    ss = load<u16>(slot, 4);
    data = descriptor(s, ss);
    if ((ss & SELECTOR_RPL) != inner || (upper(data) & STACK_MASK) != (STACK | (inner << DPL_SHIFT))) return false;
    if (descriptorLimit(data) != 0xffffffff) return false;
    base = descriptorBase(data);
    bytes += 8;
  } else if (!flatStack(stack)) return false;
  if (esp < bytes) return false;
  esp -= bytes;

  // The frame may lie in two pages: byte i of it is at `low` + i, from `split` on at `high` + i.
  const bank = inner < cpl ? systemBank(s) : currentBank(s);
  const linear = base + esp;
  const split = min<u32>(bytes, PAGE_SIZE - (linear & ~PAGE_MASK));
  const crosses = split < bytes;
  if (crosses && linear & 3) return false;
  const low = directWrite(bank, linear, crosses ? 4 : bytes);
  const last = crosses && low ? directWrite(bank, linear + bytes - 4, 4) : low;
  if (!last) return false;
  const high = crosses ? last - (bytes - 4) : low;

  let at: u32 = 0;
  if (error != FAULT_NO_ERROR) {
    put(low, high, split, 0, error);
    at = 4;
  }
  put(low, high, split, at, eip);
  put(low, high, split, at + 4, load<u32>(segment(s, CS), SEGMENT_SELECTOR));
  put(low, high, split, at + 8, flags);
  if (inner < cpl) {
    put(low, high, split, at + 12, oldEsp);
    put(low, high, split, at + 16, oldSs);
    setSegment(s, SS, ss, data);
  }
  store<u32>(s + VCPU_ESP, esp);
  const cleared = FLAG_TF | FLAG_NT | FLAG_RF | (upper(gate) & TRAP_GATE ? 0 : FLAG_IF);
  store<u32>(s + VCPU_EFLAGS, load<u32>(s + VCPU_EFLAGS) & ~cleared);
  if (!holdsCode(s, selector, code, inner)) setCode(s, selector, code, inner);
  store<u32>(s + VCPU_EIP, target);
  return true;
}

/** Host address of the `bytes` at the top of a flat stack, or of a copy where they lie in two pages; or 0. */
export function swiftFrame(s: usize, bytes: u32): usize {
  const stack = segment(s, SS);
  const esp = load<u32>(s + VCPU_ESP);
  if (!flatStack(stack) || esp + bytes < esp) return 0;
  const linear = load<u32>(stack, SEGMENT_BASE) + esp;
  const host = directRead(currentBank(s), linear, bytes);
  if (host || (linear & ~PAGE_MASK) + bytes <= PAGE_SIZE) return host;
  for (let at: u32 = 0; at < bytes; at += 4) {
    const word = directRead(currentBank(s), linear + at, 4);
    if (!word) return 0;
    store<u32>(s + VCPU_SCRATCH + at, load<u32>(word));
  }
  return s + VCPU_SCRATCH;
}

/** IRETD in protected mode; `top`: swiftFrame's result for EIP, CS, EFLAGS; `flags`: what EFLAGS will be. */
export function returnSwiftly(s: usize, top: usize, flags: u32): bool {
  const eip = load<u32>(top);
  const cs: u32 = load<u16>(top, 4);
  const cpl = load<u32>(s + VCPU_CPL);
  const outer = cs & SELECTOR_RPL;
  const code = descriptor(s, cs);
  if ((upper(code) & CODE_MASK) != CODE || level(code) != outer || outer < cpl || eip > descriptorLimit(code))
    return false;
  if (outer == cpl) store<u32>(s + VCPU_ESP, load<u32>(s + VCPU_ESP) + 12);
  else {
    const frame = swiftFrame(s, 20);
    if (!frame) return false;
    const ss: u32 = load<u16>(frame, 16);
    const data = descriptor(s, ss);
    if ((ss & SELECTOR_RPL) != outer || (upper(data) & STACK_MASK) != (STACK | (outer << DPL_SHIFT))) return false;
    setSegment(s, SS, ss, data);
    store<u32>(s + VCPU_ESP, load<u32>(frame, 12));
  }
  const aligned = (load<u32>(s + VCPU_EFLAGS) ^ flags) & FLAG_AC; // it steers the TLB bank: mode.ts
  setEflags(s, flags);
  if (aligned || !holdsCode(s, cs, code, outer)) setCode(s, cs, code, outer);
  store<u32>(s + VCPU_EIP, eip);
  if (outer != cpl) dropInnerSegments(s);
  return true;
}
