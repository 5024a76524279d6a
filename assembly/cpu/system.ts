/**
 * Privileged and protection instructions. Intel SDM Vol. 2; each handler's first lines are the privilege checks of its
 * page's "Protected Mode Exceptions". In virtual-8086 mode CPL is 3, in real mode 0, so one test serves all modes.
 */
import {
  INHIBIT_STI,
  LDTR,
  SEGMENT_SELECTOR,
  TR,
  VCPU_CPL,
  VCPU_CR0,
  VCPU_CR2,
  VCPU_CR3,
  VCPU_CR4,
  VCPU_EAX,
  VCPU_EFLAGS,
  VCPU_GDTR_BASE,
  VCPU_GDTR_LIMIT,
  VCPU_IDTR_BASE,
  VCPU_INHIBIT,
} from '../layout';
import { probeWrite, readU16, readU32, writeU16, writeU32 } from '../mmu/access';
import { flushAll, flushNonGlobal, flushPage } from '../mmu/tlb';
import { EXIT_HLT, EXIT_VMCALL, exitInstruction, faulted, raise, raiseError, VECTOR_GP, VECTOR_UD } from '../record';
import {
  CR0_CD,
  CR0_ET,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR0_WP,
  CR0_WRITABLE,
  CR3_WRITABLE,
  CR4_DE,
  CR4_DEFINED,
  CR4_PGE,
  CR4_PSE,
} from './control';
import { armBreakpoints } from './debug';
import {
  accessDpl,
  accessType,
  descriptorAccess,
  descriptorLimit,
  descriptorLinear,
  isCode,
  isConforming,
  isNull,
  isReadable,
  isSystem,
  isWritableData,
  readSystemU64,
  SELECTOR_RPL,
  TYPE_LDT,
  TYPE_TSS16,
  TYPE_TSS16_BUSY,
  TYPE_TSS32,
  TYPE_TSS32_BUSY,
  tableHolds,
} from './descriptor';
import {
  FLAG_AC,
  FLAG_DF,
  FLAG_ID,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAG_VM,
  FLAG_ZF,
  FLAGS_ARITHMETIC,
  getArithmetic,
  getEflags,
  setArithmetic,
  setEflags,
} from './flags';
import { changeCode, segment, updateMode } from './mode';
import { isProtected, isV86 } from './segments';

export { movFromDr, movToDr } from './debug';
export { loadLdt, loadTr } from './segments';

/** Raises #GP(0) unless CPL is 0; returns whether it is. */
function privileged(s: usize): bool {
  if (load<u32>(s + VCPU_CPL) == 0) return true;
  raiseError(s, VECTOR_GP, 0);
  return false;
}

// ── Control registers ───────────────────────────────────────────────────────
/** MOV from CRn: 0, 2, 3, 4; the others are #UD. */
export function movFromCr(s: usize, n: u32): u32 {
  if (n == 1 || n > 4) {
    raise(s, VECTOR_UD);
    return 0;
  }
  if (!privileged(s)) return 0;
  return load<u32>(s + controlRegister(n));
}

function controlRegister(n: u32): usize {
  if (n == 0) return VCPU_CR0;
  if (n == 2) return VCPU_CR2;
  return n == 3 ? VCPU_CR3 : VCPU_CR4;
}

/** MOV to CRn. SDM Vol. 2, "MOV—Move to/from Control Registers". */
export function movToCr(s: usize, n: u32, value: u32): void {
  if (n == 1 || n > 4) return raise(s, VECTOR_UD);
  if (!privileged(s)) return;
  if (n == 0) setCr0(s, value);
  else if (n == 2) store<u32>(s + VCPU_CR2, value);
  else if (n == 3) {
    store<u32>(s + VCPU_CR3, value & CR3_WRITABLE);
    flushNonGlobal(s);
  } else setCr4(s, value);
}

function setCr0(s: usize, value: u32): void {
  const old = load<u32>(s + VCPU_CR0);
  value = (value & CR0_WRITABLE) | CR0_ET;
  if (value & CR0_PG && !(value & CR0_PE)) return raiseError(s, VECTOR_GP, 0);
  if (value & CR0_NW && !(value & CR0_CD)) return raiseError(s, VECTOR_GP, 0);
  store<u32>(s + VCPU_CR0, value);
  const changed = old ^ value;
  if (changed & (CR0_PG | CR0_WP)) flushAll(s);
  if (changed & CR0_PE) changeCode(s);
  else updateMode(s); // AM
}

function setCr4(s: usize, value: u32): void {
  if (value & ~CR4_DEFINED) return raiseError(s, VECTOR_GP, 0);
  const changed = load<u32>(s + VCPU_CR4) ^ value;
  store<u32>(s + VCPU_CR4, value);
  if (changed & (CR4_PSE | CR4_PGE)) flushAll(s);
  if (changed & CR4_DE) armBreakpoints(s);
}

/** LMSW: PE, MP, EM and TS; PE can be set but not cleared. */
export function loadMsw(s: usize, value: u32): void {
  if (!privileged(s)) return;
  const old = load<u32>(s + VCPU_CR0);
  setCr0(s, (old & ~u32(14)) | (value & 15));
}

/** SMSW: all of CR0 for a 32-bit register, its low word for memory. */
export function storeMsw(s: usize): u32 {
  return load<u32>(s + VCPU_CR0);
}

export function clearTaskSwitched(s: usize): void {
  if (privileged(s)) store<u32>(s + VCPU_CR0, load<u32>(s + VCPU_CR0) & ~CR0_TS);
}

/** INVLPG. */
export function invalidatePage(s: usize, linear: u32): void {
  if (privileged(s)) flushPage(s, linear);
}

/** INVD and WBINVD: there is no cache whose contents differ from memory. */
export function invalidateCaches(s: usize): void {
  privileged(s);
}

// ── Descriptor-table registers ──────────────────────────────────────────────
const BASE24: u32 = 0x00ffffff; // 16-bit operand size loads 24 bits of the base

/** LGDT; `size` is the operand size. */
export function loadGdt(s: usize, linear: u32, size: u32): void {
  loadTable(s, VCPU_GDTR_BASE, linear, size);
}

export function loadIdt(s: usize, linear: u32, size: u32): void {
  loadTable(s, VCPU_IDTR_BASE, linear, size);
}

function loadTable(s: usize, register: usize, linear: u32, size: u32): void {
  if (!privileged(s)) return;
  const limit = readU16(s, linear);
  if (faulted(s)) return;
  const base = readU32(s, linear + 2);
  if (faulted(s)) return;
  store<u32>(s + register, size == 4 ? base : base & BASE24);
  store<u32>(s + register + (VCPU_GDTR_LIMIT - VCPU_GDTR_BASE), limit);
}

/** SGDT: limit and all 32 bits of the base, whatever the operand size. */
export function storeGdt(s: usize, linear: u32): void {
  storeTable(s, VCPU_GDTR_BASE, linear);
}

export function storeIdt(s: usize, linear: u32): void {
  storeTable(s, VCPU_IDTR_BASE, linear);
}

function storeTable(s: usize, register: usize, linear: u32): void {
  probeWrite(s, linear, 6);
  if (faulted(s)) return;
  writeU16(s, linear, load<u32>(s + register + (VCPU_GDTR_LIMIT - VCPU_GDTR_BASE)));
  writeU32(s, linear + 2, load<u32>(s + register));
}

/** SLDT; #UD outside protected mode. */
export function storeLdt(s: usize): u32 {
  return storeSelector(s, LDTR);
}

/** STR; #UD outside protected mode. */
export function storeTr(s: usize): u32 {
  return storeSelector(s, TR);
}

function storeSelector(s: usize, index: u32): u32 {
  if (isProtected(s)) return load<u32>(segment(s, index), SEGMENT_SELECTOR);
  raise(s, VECTOR_UD);
  return 0;
}

// ── Looking at descriptors ──────────────────────────────────────────────────
function setZero(s: usize, zero: bool): void {
  setArithmetic(s, (getArithmetic(s) & ~FLAG_ZF) | (zero ? FLAG_ZF : 0));
}

/**
 * The descriptor of a selector that LAR, LSL, VERR and VERW may see, or 0: not null, within its table, and unless
 * conforming code with DPL ≥ CPL and DPL ≥ RPL. A descriptor of 0 is a reserved type and fails every later test.
 */
function visibleDescriptor(s: usize, selector: u32): u64 {
  if (!isProtected(s)) {
    raise(s, VECTOR_UD);
    return 0;
  }
  if (isNull(selector) || !tableHolds(s, selector)) return 0;
  const d = readSystemU64(s, descriptorLinear(s, selector));
  if (faulted(s)) return 0;
  const access = descriptorAccess(d);
  if (isCode(access) && isConforming(access)) return d;
  const dpl = accessDpl(access);
  return dpl >= load<u32>(s + VCPU_CPL) && dpl >= (selector & SELECTOR_RPL) ? d : 0;
}

function hasLimit(access: u32): bool {
  if (!isSystem(access)) return true;
  const type = accessType(access);
  return (
    type == TYPE_TSS16 || type == TYPE_LDT || type == TYPE_TSS16_BUSY || type == TYPE_TSS32 || type == TYPE_TSS32_BUSY
  );
}

/** Types 4, 5 and 12 (call and task gates) have access rights for LAR, too. */
function hasRights(access: u32): bool {
  const type = accessType(access);
  return hasLimit(access) || type == 4 || type == 5 || type == 12;
}

const LAR_MASK: u32 = 0x00f0ff00; // SDM Vol. 2, "LAR—Load Access Rights Byte"

/** LAR to general register `register`; ZF tells whether it was loaded. */
export function lar(s: usize, register: u32, selector: u32, size: u32): void {
  const d = visibleDescriptor(s, selector & 0xffff);
  if (faulted(s)) return;
  const valid = hasRights(descriptorAccess(d));
  if (valid) setRegister(s, register, u32(d >>> 32) & LAR_MASK, size);
  setZero(s, valid);
}

/** LSL to general register `register`; ZF tells whether it was loaded. */
export function lsl(s: usize, register: u32, selector: u32, size: u32): void {
  const d = visibleDescriptor(s, selector & 0xffff);
  if (faulted(s)) return;
  const valid = hasLimit(descriptorAccess(d));
  if (valid) setRegister(s, register, descriptorLimit(d), size);
  setZero(s, valid);
}

function setRegister(s: usize, register: u32, value: u32, size: u32): void {
  const p = s + VCPU_EAX + ((register as usize) << 2);
  if (size == 4) store<u32>(p, value);
  else store<u16>(p, u16(value));
}

/** VERR (`write` 0) and VERW (`write` 1): ZF tells whether the segment could be accessed. */
export function verify(s: usize, selector: u32, write: u32): void {
  const d = visibleDescriptor(s, selector & 0xffff);
  if (faulted(s)) return;
  const access = descriptorAccess(d);
  setZero(s, write ? isWritableData(access) : isReadable(access));
}

/** ARPL: the value of the destination afterwards; ZF tells whether its RPL was raised. */
export function arpl(s: usize, destination: u32, source: u32): u32 {
  if (!isProtected(s)) {
    raise(s, VECTOR_UD);
    return destination;
  }
  const below = (destination & SELECTOR_RPL) < (source & SELECTOR_RPL);
  setZero(s, below);
  return below ? (destination & ~SELECTOR_RPL) | (source & SELECTOR_RPL) : destination;
}

// ── Flags ───────────────────────────────────────────────────────────────────
/** CPL ≤ IOPL. In virtual-8086 mode CPL is 3, so this is IOPL = 3. */
export function ioPrivileged(s: usize): bool {
  return load<u32>(s + VCPU_CPL) <= (load<u32>(s + VCPU_EFLAGS) & FLAG_IOPL) >>> 12;
}

/** CLI. */
export function clearInterrupt(s: usize): void {
  if (!ioPrivileged(s)) return raiseError(s, VECTOR_GP, 0);
  store<u32>(s + VCPU_EFLAGS, load<u32>(s + VCPU_EFLAGS) & ~FLAG_IF);
}

/** STI; where IF was clear, interrupts stay inhibited for one more instruction. */
export function setInterrupt(s: usize): void {
  if (!ioPrivileged(s)) return raiseError(s, VECTOR_GP, 0);
  const flags = load<u32>(s + VCPU_EFLAGS);
  if (flags & FLAG_IF) return;
  store<u32>(s + VCPU_EFLAGS, flags | FLAG_IF);
  store<u32>(s + VCPU_INHIBIT, INHIBIT_STI);
}

/** What PUSHF pushes; #GP(0) in virtual-8086 mode with IOPL < 3. SDM Vol. 2, "PUSHF/PUSHFD". */
export function flagsImage(s: usize): u32 {
  if (isV86(s) && !ioPrivileged(s)) {
    raiseError(s, VECTOR_GP, 0);
    return 0;
  }
  return getEflags(s) & ~(FLAG_VM | FLAG_RF);
}

/** POPF of an image of `size` bytes; to be called before ESP moves. SDM Vol. 2, "POPF/POPFD", Table 4-16. */
export function popFlags(s: usize, value: u32, size: u32): void {
  if (isV86(s) && !ioPrivileged(s)) return raiseError(s, VECTOR_GP, 0);
  const old = getEflags(s);
  let mask = FLAGS_ARITHMETIC | FLAG_TF | FLAG_DF | FLAG_NT;
  if (size == 4) mask |= FLAG_AC | FLAG_ID;
  if (ioPrivileged(s)) mask |= FLAG_IF;
  if (load<u32>(s + VCPU_CPL) == 0) mask |= FLAG_IOPL;
  // RF is cleared; VM, VIP and VIF stay.
  setEflags(s, (old & ~(mask | FLAG_RF)) | (value & mask));
  updateMode(s); // AC
}

// ── Exits ───────────────────────────────────────────────────────────────────
/** HLT. */
export function halt(s: usize, length: u32): void {
  if (privileged(s)) exitInstruction(s, EXIT_HLT, 0, length);
}

const MODRM_VMCALL: u32 = 0xc1;

/** The register forms of 0F 01 /0: VMCALL exits at every level, the others need VMX operation. */
export function vmxGroup(s: usize, modrm: u32, length: u32): void {
  if ((modrm & 0xff) == MODRM_VMCALL) exitInstruction(s, EXIT_VMCALL, 0, length);
  else raise(s, VECTOR_UD);
}
