/**
 * Port I/O. Every permitted IN, OUT, INS and OUTS is a VM exit; Intel SDM Vol. 1, 18.5, "Protected-Mode I/O".
 *
 * Exit qualification, SDM Vol. 3C, Table 28-5, "Exit Qualification for I/O Instructions":
 *
 *    31            16 15   7  6    5    4    3   2      0
 *   ┌────────────────┬──────┬────┬────┬────┬────┬────────┐
 *   │      port      │  0   │imm │REP │str │ in │size − 1│
 *   └────────────────┴──────┴────┴────┴────┴────┴────────┘
 *
 * Life of an exit: the handler fills the record → TypeScript asks the device → `completeIo(vcpu, value)` finishes the
 * instruction. An OUT's datum is VCPU_EXIT_VALUE, right-aligned; an IN's is the argument. INS and OUTS exit once per
 * element: the memory operand is checked (INS: probed for writing) before the exit, so that completion cannot fault;
 * VCPU_EXIT_LINEAR is its address, VCPU_EXIT_INFO has address size and segment (SDM Vol. 3C, Table 28-12, "Format of
 * the VM-Exit Instruction-Information Field as Used for INS and OUTS"). With REP, EIP stays at the instruction until
 * the count is zero.
 */
import {
  CS,
  ES,
  SEGMENT_ACCESS,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  TR,
  VCPU_EAX,
  VCPU_ECX,
  VCPU_EDI,
  VCPU_EDX,
  VCPU_EFLAGS,
  VCPU_EIP,
  VCPU_ESI,
  VCPU_EXIT_INFO,
  VCPU_EXIT_LENGTH,
  VCPU_EXIT_LINEAR,
  VCPU_EXIT_QUALIFICATION,
  VCPU_EXIT_VALUE,
  VCPU_FAULT,
  VCPU_INHIBIT,
} from '../layout';
import { probeWrite, readSystemU16, readU8, readU16, readU32, writeU8, writeU16, writeU32 } from '../mmu/access';
import { EXIT_IO, exitInstruction, faulted, raiseError, VECTOR_GP } from '../record';
import { DR6_BS, met, observePort } from './debug';
import { accessType, TYPE_TSS32, TYPE_TSS32_BUSY } from './descriptor';
import { FLAG_DF, FLAG_RF, FLAG_TF } from './flags';
import { ACCESS_DB, ACCESS_UNUSABLE, segment } from './mode';
import { isReal, isV86, segmentLinear } from './segments';
import { ioPrivileged } from './system';

const IO_SIZE: u32 = 7; //          size − 1
const IO_IN: u32 = 1 << 3;
const IO_STRING: u32 = 1 << 4;
const IO_REP: u32 = 1 << 5;
const IO_IMMEDIATE: u32 = 1 << 6;
const IO_PORT_SHIFT: u32 = 16;
const INFO_ADDRESS32: u32 = 1 << 7; // bits 9:7: 0 = 16-bit, 1 = 32-bit
const INFO_SEGMENT_SHIFT: u32 = 15;

const TSS_IO_MAP_BASE: u32 = 0x66;

// ── Permission ──────────────────────────────────────────────────────────────
/** Raises #GP(0) unless `size` ports from `port` on may be accessed. SDM Vol. 1, 18.5.2, "I/O Permission Bit Map". */
export function checkIo(s: usize, port: u32, size: u32): void {
  // In virtual-8086 mode the map alone decides.
  if (isReal(s) || (!isV86(s) && ioPrivileged(s))) return;
  const tr = segment(s, TR);
  const access = load<u32>(tr, SEGMENT_ACCESS);
  const type = accessType(access);
  const limit = load<u32>(tr, SEGMENT_LIMIT);
  const wide = !(access & ACCESS_UNUSABLE) && (type == TYPE_TSS32 || type == TYPE_TSS32_BUSY);
  if (!wide || limit < TSS_IO_MAP_BASE + 1) return raiseError(s, VECTOR_GP, 0);
  const base = load<u32>(tr, SEGMENT_BASE);
  const offset = readSystemU16(s, base + TSS_IO_MAP_BASE) + (port >>> 3);
  if (faulted(s)) return;
  // Always two bytes, for accesses that straddle; hence the byte of ones after the map.
  if (offset + 1 > limit) return raiseError(s, VECTOR_GP, 0);
  const bits = readSystemU16(s, base + offset) >>> (port & 7);
  if (faulted(s)) return;
  if (bits & ((1 << size) - 1)) raiseError(s, VECTOR_GP, 0);
}

// ── IN and OUT ──────────────────────────────────────────────────────────────
/** IN (`input` 1) or OUT (0) of 1, 2 or 4 bytes; `immediate` 1: the port is in the instruction. */
export function portIo(s: usize, port: u32, size: u32, input: u32, immediate: u32, length: u32): void {
  checkIo(s, port, size);
  if (faulted(s)) return;
  observePort(s, port, size);
  let qualification = (port << IO_PORT_SHIFT) | (size - 1);
  if (input) qualification |= IO_IN;
  if (immediate) qualification |= IO_IMMEDIATE;
  exitInstruction(s, EXIT_IO, qualification, length);
  store<u32>(s + VCPU_EXIT_VALUE, load<u32>(s + VCPU_EAX) & sizeMask(size));
}

function sizeMask(size: u32): u32 {
  return size == 4 ? 0xffffffff : (1 << (size << 3)) - 1;
}

// ── INS and OUTS ────────────────────────────────────────────────────────────
/**
 * One element of INS (`input` 1, always ES:eDI) or OUTS (`source`:eSI). `rep`: any repeat prefix. With REP and a
 * count of zero nothing happens: no fault, no exit, and the instruction is done.
 */
export function portString(
  s: usize,
  input: u32,
  size: u32,
  addressSize: u32,
  source: u32,
  rep: u32,
  length: u32,
): void {
  const mask = sizeMask(addressSize);
  if (rep && !(load<u32>(s + VCPU_ECX) & mask)) return;
  const port = load<u32>(s + VCPU_EDX) & 0xffff;
  checkIo(s, port, size);
  if (faulted(s)) return;
  const index = input ? ES : source;
  const offset = load<u32>(s + (input ? VCPU_EDI : VCPU_ESI)) & mask;
  const linear = segmentLinear(s, index, offset, size, input != 0);
  if (faulted(s)) return;
  let value: u32 = 0;
  if (input) probeWrite(s, linear, size);
  else value = size == 4 ? readU32(s, linear) : size == 2 ? readU16(s, linear) : readU8(s, linear);
  if (faulted(s)) return;
  observePort(s, port, size);
  let qualification = (port << IO_PORT_SHIFT) | (size - 1) | IO_STRING;
  if (input) qualification |= IO_IN;
  if (rep) qualification |= IO_REP;
  exitInstruction(s, EXIT_IO, qualification, length);
  store<u32>(s + VCPU_EXIT_LINEAR, linear);
  store<u32>(s + VCPU_EXIT_INFO, (addressSize == 4 ? INFO_ADDRESS32 : 0) | (index << INFO_SEGMENT_SHIFT));
  store<u32>(s + VCPU_EXIT_VALUE, value);
}

// ── Completion ──────────────────────────────────────────────────────────────
/**
 * Finishes the I/O instruction in the exit record: register or memory part, index and count registers, EIP. `value`:
 * what the port returned; ignored for output. The fault record is empty afterwards.
 */
export function completeIo(s: usize, value: u32): void {
  store<u32>(s + VCPU_FAULT, 0);
  const qualification = load<u32>(s + VCPU_EXIT_QUALIFICATION);
  if (qualification & IO_STRING) return completeStringIo(s, value);
  if (qualification & IO_IN) {
    const size = (qualification & IO_SIZE) + 1;
    if (size == 4) store<u32>(s + VCPU_EAX, value);
    else if (size == 2) store<u16>(s + VCPU_EAX, u16(value));
    else store<u8>(s + VCPU_EAX, u8(value));
  }
  skipInstruction(s);
}

/** The part of completeIo for one element of INS or OUTS. */
export function completeStringIo(s: usize, value: u32): void {
  const qualification = load<u32>(s + VCPU_EXIT_QUALIFICATION);
  const size = (qualification & IO_SIZE) + 1;
  const input = (qualification & IO_IN) != 0;
  if (input) {
    const linear = load<u32>(s + VCPU_EXIT_LINEAR);
    if (size == 4) writeU32(s, linear, value);
    else if (size == 2) writeU16(s, linear, value & 0xffff);
    else writeU8(s, linear, value & 0xff);
  }
  const mask: u32 = load<u32>(s + VCPU_EXIT_INFO) & INFO_ADDRESS32 ? 0xffffffff : 0xffff;
  const step = load<u32>(s + VCPU_EFLAGS) & FLAG_DF ? 0 - size : size;
  addMasked(s + (input ? VCPU_EDI : VCPU_ESI), step, mask);
  if (qualification & IO_REP) {
    addMasked(s + VCPU_ECX, 0xffffffff, mask);
    if (load<u32>(s + VCPU_ECX) & mask) {
      endStep(s);
      // Between iterations: SDM Vol. 3B, "Instruction-Breakpoint Exception Condition".
      store<u32>(s + VCPU_EFLAGS, load<u32>(s + VCPU_EFLAGS) | FLAG_RF);
      return;
    }
  }
  skipInstruction(s);
}

/** The single-step trap of an instruction, or iteration, that its exit's handler completes. */
function endStep(s: usize): void {
  if (load<u32>(s + VCPU_EFLAGS) & FLAG_TF) met(s, DR6_BS);
}

/** Adds to the part of a register that the address size uses. */
function addMasked(p: usize, step: u32, mask: u32): void {
  const old = load<u32>(p);
  store<u32>(p, (old & ~mask) | ((old + step) & mask));
}

/** Moves EIP past the instruction in the exit record, as the handler of every instruction exit does at its end. */
export function skipInstruction(s: usize): void {
  const eip = load<u32>(s + VCPU_EIP) + load<u32>(s + VCPU_EXIT_LENGTH);
  const wide = (load<u32>(segment(s, CS), SEGMENT_ACCESS) & ACCESS_DB) != 0;
  store<u32>(s + VCPU_EIP, wide ? eip : eip & 0xffff);
  store<u32>(s + VCPU_INHIBIT, 0);
  endStep(s);
}
