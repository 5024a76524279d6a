/**
 * The local APIC of a vCPU in xAPIC mode: 4 KiB of registers at guest-physical 0xFEE00000, 32 bits each, 16 bytes apart.
 * Intel SDM Vol. 3A, chapter 10, "Advanced Programmable Interrupt Controller (APIC)", Table 10-1, "Local APIC Register
 * Address Map".
 *
 *   timer, errors, IPIs ─▶ IRR ─▶ class above PPR = max(TPR, ISR) ─▶ VCPU_INTR.LAPIC ─▶ acknowledge: IRR → ISR ─▶ EOI
 *   8259 pair ───────────▶ LINT0 as ExtINT, not masked ("virtual wire") ───────────────▶ VCPU_INTR.PIC
 *
 * The timer counts the cycles of the domain's clock, divided as its divide register says. Nothing here knows the time: it comes
 * with the access (VCPU_MMIO_NOW) or with lapicSync. There is no I/O APIC, no x2APIC mode and no TSC-deadline mode.
 */
import {
  INTR_LAPIC,
  LAPIC_BASE_ENABLE,
  VCPU_DOMAIN,
  VCPU_INTR,
  VCPU_LAPIC,
  VCPU_LAPIC_BASE,
  VCPU_LAPIC_DEADLINE,
  VCPU_MMIO_NOW,
} from '../layout';
import { flushAll } from '../mmu/tlb';
import { picRefresh } from './pic';

const NEVER: f64 = 9007199254740992.0; // 2^53

// State, from VCPU_LAPIC. The first three are 256 bits each.
const IRR: usize = 0; //       interrupt request register
const ISR: usize = 32; //      in-service register
const TMR: usize = 64; //      trigger mode register: 0 as long as nothing is level triggered
const ID: usize = 96;
const TPR: usize = 100; //     task priority
const LDR: usize = 104; //     logical destination
const DFR: usize = 108; //     destination format
const SVR: usize = 112; //     spurious-interrupt vector, software enable
const ESR: usize = 116; //     errors as the last write of ESR showed them
const ERRORS: usize = 120; //  errors since then
const ICR_LOW: usize = 124; // interrupt command
const ICR_HIGH: usize = 128;
const LVT: usize = 132; //     local vector table: six entries in the order of their addresses from 0x320 on
const INITIAL: usize = 156; // timer: initial count
const DIVIDE: usize = 160; //  timer: divide configuration
const STATE_SIZE: usize = 192;

const LVT_TIMER: usize = LVT;
const LVT_LINT0: usize = LVT + 12;
const LVT_LINT1: usize = LVT + 16;
const LVT_ERROR: usize = LVT + 20;
const LVT_ENTRIES: usize = 6;

const VERSION: u32 = 0x00050014; //   integrated APIC, six LVT entries
const SVR_ENABLE: u32 = 1 << 8;
const LVT_MASKED: u32 = 1 << 16;
const LVT_PERIODIC: u32 = 1 << 17;
const LVT_VECTOR: u32 = 0xff;
const LVT_MODE: u32 = 7 << 8; //      delivery mode
const MODE_FIXED: u32 = 0;
const MODE_LOWEST: u32 = 1 << 8;
const MODE_EXTINT: u32 = 7 << 8;
/** Writable bits of the LVT: "Local Vector Table", Figure 10-8. */
const LVT_TIMER_BITS: u32 = LVT_VECTOR | LVT_MASKED | LVT_PERIODIC;
const LVT_LINT_BITS: u32 = LVT_VECTOR | LVT_MODE | (1 << 13) | (1 << 15) | LVT_MASKED;
const LVT_ERROR_BITS: u32 = LVT_VECTOR | LVT_MASKED;
const LVT_OTHER_BITS: u32 = LVT_VECTOR | LVT_MODE | LVT_MASKED;

// "Error Status Register (ESR)", Figure 10-9
const ERROR_SEND_VECTOR: u32 = 1 << 5;
const ERROR_RECEIVE_VECTOR: u32 = 1 << 6;
const ERROR_REGISTER: u32 = 1 << 7; // illegal register address

// "Interrupt Command Register (ICR)", Figure 10-12
const ICR_LOGICAL: u32 = 1 << 11;
const ICR_SHORTHAND_SHIFT: u32 = 18;
const ICR_BITS: u32 = 0x000ccfff; //  all but the delivery status
const SHORTHAND_SELF: u32 = 1;
const SHORTHAND_ALL: u32 = 2;
const SHORTHAND_OTHERS: u32 = 3;
const BROADCAST: u32 = 0xff;
const LEAST_VECTOR: u32 = 16;

/** The state after power-up: "Local APIC State After Power-Up or Reset". IA32_APIC_BASE stays. */
function powerUp(s: usize, id: u32): void {
  const a = s + VCPU_LAPIC;
  memory.fill(a, 0, STATE_SIZE);
  store<f64>(s + VCPU_LAPIC_DEADLINE, 0);
  store<u32>(a + ID, id << 24);
  store<u32>(a + DFR, 0xffffffff);
  store<u32>(a + SVR, 0xff);
  for (let i: usize = 0; i < LVT_ENTRIES; i++) store<u32>(a + LVT + (i << 2), LVT_MASKED);
  update(s);
}

/**
 * Gives the vCPU an APIC with identifier `id` and `base` in IA32_APIC_BASE. The boot processor's is as a BIOS leaves it:
 * enabled, the 8259 pair wired through LINT0, NMI at LINT1 (MultiProcessor Specification 1.4, "Virtual Wire Mode").
 */
export function lapicReset(s: usize, id: u32, base: u32, boot: u32): void {
  store<u32>(s + VCPU_LAPIC_BASE, base);
  powerUp(s, id);
  if (boot) {
    const a = s + VCPU_LAPIC;
    store<u32>(a + SVR, SVR_ENABLE | 0xff);
    store<u32>(a + LVT_LINT0, MODE_EXTINT | (1 << 15));
    store<u32>(a + LVT_LINT1, (4 << 8) | (1 << 15));
  }
  picRefresh(load<usize>(s + VCPU_DOMAIN));
}

/** WRMSR to IA32_APIC_BASE. An APIC that is disabled loses its state. */
export function lapicSetBase(s: usize, base: u32): void {
  const lost = load<u32>(s + VCPU_LAPIC_BASE) & ~base & LAPIC_BASE_ENABLE;
  store<u32>(s + VCPU_LAPIC_BASE, base);
  if (lost) {
    powerUp(s, load<u32>(s + VCPU_LAPIC + ID) >>> 24);
    flushAll(s); // its registers are gone
  }
  picRefresh(load<usize>(s + VCPU_DOMAIN));
}

/** Whether the vCPU has an APIC that answers. */
export function lapicPresent(s: usize): bool {
  return (load<u32>(s + VCPU_LAPIC_BASE) & LAPIC_BASE_ENABLE) != 0;
}

/** Whether INTR of the 8259 pair reaches the processor: directly, or through LINT0. */
export function lapicPassesPic(s: usize): u32 {
  if (!s || !lapicPresent(s)) return 1;
  return u32((load<u32>(s + VCPU_LAPIC + LVT_LINT0) & (LVT_MODE | LVT_MASKED)) == MODE_EXTINT);
}

// ── Registers ───────────────────────────────────────────────────────────────

/** Reads the register at `offset`, a multiple of 16. */
export function lapicRead(s: usize, offset: u32): u32 {
  const a = s + VCPU_LAPIC;
  const row = offset >>> 4;
  if (row >= 0x10 && row < 0x18) return load<u32>(a + ISR + (((row - 0x10) as usize) << 2));
  if (row >= 0x18 && row < 0x20) return load<u32>(a + TMR + (((row - 0x18) as usize) << 2));
  if (row >= 0x20 && row < 0x28) return load<u32>(a + IRR + (((row - 0x20) as usize) << 2));
  if (row >= 0x32 && row < 0x38) return load<u32>(a + LVT + (((row - 0x32) as usize) << 2));
  switch (row) {
    case 0x02:
      return load<u32>(a + ID);
    case 0x03:
      return VERSION;
    case 0x08:
      return load<u32>(a + TPR);
    case 0x0a:
      return processorPriority(a);
    case 0x0d:
      return load<u32>(a + LDR);
    case 0x0e:
      return load<u32>(a + DFR);
    case 0x0f:
      return load<u32>(a + SVR);
    case 0x28:
      return load<u32>(a + ESR);
    case 0x30:
      return load<u32>(a + ICR_LOW);
    case 0x31:
      return load<u32>(a + ICR_HIGH);
    case 0x38:
      return load<u32>(a + INITIAL);
    case 0x39:
      return currentCount(s, load<f64>(s + VCPU_MMIO_NOW));
    case 0x3e:
      return load<u32>(a + DIVIDE);
    case 0x09: // arbitration priority, remote read: not on this processor, and read as zero
    case 0x0b:
    case 0x0c:
      return 0;
    default:
      error(s, ERROR_REGISTER);
      return 0;
  }
}

/** Writes the register at `offset`, a multiple of 16. */
export function lapicWrite(s: usize, offset: u32, value: u32): void {
  const a = s + VCPU_LAPIC;
  const now = load<f64>(s + VCPU_MMIO_NOW);
  switch (offset >>> 4) {
    case 0x02:
      return store<u32>(a + ID, value & 0xff000000);
    case 0x08:
      store<u32>(a + TPR, value & 0xff);
      return update(s);
    case 0x0b:
      return endOfInterrupt(s);
    case 0x0d:
      return store<u32>(a + LDR, value & 0xff000000);
    case 0x0e:
      return store<u32>(a + DFR, value | 0x0fffffff);
    case 0x0f:
      return writeSpurious(s, value);
    case 0x28:
      store<u32>(a + ESR, load<u32>(a + ERRORS));
      return store<u32>(a + ERRORS, 0);
    case 0x30:
      store<u32>(a + ICR_LOW, value & ICR_BITS);
      return send(s, value);
    case 0x31:
      return store<u32>(a + ICR_HIGH, value & 0xff000000);
    case 0x32:
      return writeLvt(s, LVT_TIMER, value & LVT_TIMER_BITS);
    case 0x33:
      return writeLvt(s, LVT + 4, value & LVT_OTHER_BITS);
    case 0x34:
      return writeLvt(s, LVT + 8, value & LVT_OTHER_BITS);
    case 0x35:
      return writeLvt(s, LVT_LINT0, value & LVT_LINT_BITS);
    case 0x36:
      return writeLvt(s, LVT_LINT1, value & LVT_LINT_BITS);
    case 0x37:
      return writeLvt(s, LVT_ERROR, value & LVT_ERROR_BITS);
    case 0x38:
      store<u32>(a + INITIAL, value);
      return store<f64>(s + VCPU_LAPIC_DEADLINE, value == 0 ? 0 : now + f64(value) * f64(divisor(a)));
    case 0x3e: {
      // What is left of the count goes on at the new rate.
      const left = currentCount(s, now);
      store<u32>(a + DIVIDE, value & 0x0b);
      if (left != 0) store<f64>(s + VCPU_LAPIC_DEADLINE, now + f64(left) * f64(divisor(a)));
      return;
    }
    case 0x03: // read only
    case 0x09:
    case 0x0a:
    case 0x0c:
    case 0x39:
      return;
    default:
      if (offset < 0x100 || offset >= 0x280) error(s, ERROR_REGISTER);
  }
}

/** "Spurious Interrupt". While the APIC is disabled by software, all LVT entries are masked. */
function writeSpurious(s: usize, value: u32): void {
  const a = s + VCPU_LAPIC;
  store<u32>(a + SVR, value & (SVR_ENABLE | 0xff));
  if (!(value & SVR_ENABLE)) {
    for (let i: usize = 0; i < LVT_ENTRIES; i++) {
      const entry = a + LVT + (i << 2);
      store<u32>(entry, load<u32>(entry) | LVT_MASKED);
    }
  }
  update(s);
  picRefresh(load<usize>(s + VCPU_DOMAIN));
}

function writeLvt(s: usize, entry: usize, value: u32): void {
  const a = s + VCPU_LAPIC;
  store<u32>(a + entry, load<u32>(a + SVR) & SVR_ENABLE ? value : value | LVT_MASKED);
  if (entry == LVT_LINT0) picRefresh(load<usize>(s + VCPU_DOMAIN));
}

// ── Priorities ──────────────────────────────────────────────────────────────

/** The highest vector in a 256-bit register, or −1. */
function highest(register: usize): i32 {
  for (let i: i32 = 7; i >= 0; i--) {
    const word = load<u32>(register + ((i as usize) << 2));
    if (word) return (i << 5) + 31 - (clz<u32>(word) as i32);
  }
  return -1;
}

/** PPR: "Task and Processor Priorities". */
function processorPriority(a: usize): u32 {
  const task = load<u32>(a + TPR);
  const served = highest(a + ISR);
  const service: u32 = served < 0 ? 0 : <u32>served & 0xf0;
  return (task & 0xf0) >= service ? task : service;
}

/** The vector that is to be delivered now, or −1. */
function deliverable(a: usize): i32 {
  if (!(load<u32>(a + SVR) & SVR_ENABLE)) return -1;
  const vector = highest(a + IRR);
  return vector >= 0 && (<u32>vector & 0xf0) > (processorPriority(a) & 0xf0) ? vector : -1;
}

/** Drives the processor's interrupt line. */
function update(s: usize): void {
  const intr = load<u32>(s + VCPU_INTR) & ~INTR_LAPIC;
  store<u32>(s + VCPU_INTR, lapicPresent(s) && deliverable(s + VCPU_LAPIC) >= 0 ? intr | INTR_LAPIC : intr);
}

function setBit(register: usize, vector: u32): void {
  const word = register + ((vector >>> 5) << 2);
  store<u32>(word, load<u32>(word) | (1 << (vector & 31)));
}

function clearBit(register: usize, vector: u32): void {
  const word = register + ((vector >>> 5) << 2);
  store<u32>(word, load<u32>(word) & ~(1 << (vector & 31)));
}

/** Takes the vector that is to be delivered into service; without one, the spurious vector. */
export function lapicAcknowledge(s: usize): u32 {
  const a = s + VCPU_LAPIC;
  const vector = deliverable(a);
  if (vector < 0) return load<u32>(a + SVR) & 0xff;
  clearBit(a + IRR, vector);
  setBit(a + ISR, vector);
  update(s);
  return vector;
}

function endOfInterrupt(s: usize): void {
  const served = highest(s + VCPU_LAPIC + ISR);
  if (served < 0) return;
  clearBit(s + VCPU_LAPIC + ISR, served);
  update(s);
}

/** An edge-triggered interrupt arrives. */
export function lapicRequest(s: usize, vector: u32): void {
  if (vector < LEAST_VECTOR) return error(s, ERROR_RECEIVE_VECTOR);
  setBit(s + VCPU_LAPIC + IRR, vector);
  update(s);
}

/** Notes an error, and raises the error interrupt with the first one. */
function error(s: usize, bit: u32): void {
  const a = s + VCPU_LAPIC;
  const errors = load<u32>(a + ERRORS);
  store<u32>(a + ERRORS, errors | bit);
  const entry = load<u32>(a + LVT_ERROR);
  if (errors & bit || entry & LVT_MASKED) return;
  // An illegal vector in the error entry itself must not come back here for ever.
  if ((entry & LVT_VECTOR) >= LEAST_VECTOR) lapicRequest(s, entry & LVT_VECTOR);
}

// ── Interrupts between processors ───────────────────────────────────────────

/** Whether the APIC at `a` is meant by `destination`: "Determining IPI Destination". */
function matches(a: usize, destination: u32, logical: bool): bool {
  if (destination == BROADCAST) return true;
  if (!logical) return load<u32>(a + ID) >>> 24 == destination;
  const own = load<u32>(a + LDR) >>> 24;
  if (load<u32>(a + DFR) >>> 28 == 0xf) return (own & destination) != 0; // flat model
  return own >>> 4 == destination >>> 4 && (own & destination & 0x0f) != 0; // cluster model
}

/**
 * Carries out the command in ICR. A domain has one vCPU: what is meant for others reaches nobody. Of the delivery modes fixed and
 * lowest priority are there; NMI, SMI, INIT and start-up for oneself are dropped.
 */
function send(s: usize, command: u32): void {
  const a = s + VCPU_LAPIC;
  const mode = command & LVT_MODE;
  if (mode != MODE_FIXED && mode != MODE_LOWEST) return;
  const shorthand = (command >>> ICR_SHORTHAND_SHIFT) & 3;
  if ((command & LVT_VECTOR) < LEAST_VECTOR) return error(s, ERROR_SEND_VECTOR);
  if (shorthand == SHORTHAND_OTHERS) return;
  const all = shorthand == SHORTHAND_SELF || shorthand == SHORTHAND_ALL;
  if (all || matches(a, load<u32>(a + ICR_HIGH) >>> 24, (command & ICR_LOGICAL) != 0)) {
    lapicRequest(s, command & LVT_VECTOR);
  }
}

// ── Timer ───────────────────────────────────────────────────────────────────

/** "APIC Timer", Figure 10-10: bits 3, 1 and 0 are 0 for 2, 1 for 4, … 6 for 128, 7 for 1. */
function divisor(a: usize): u32 {
  const divide = load<u32>(a + DIVIDE);
  const shift = (((divide & 8) >>> 1) | (divide & 3)) + 1;
  return 1 << (shift & 7);
}

/** The count at clock `now`; brings the timer up to it. */
function currentCount(s: usize, now: f64): u32 {
  lapicSync(s, now);
  const deadline = load<f64>(s + VCPU_LAPIC_DEADLINE);
  return deadline == 0 ? 0 : <u32>Math.ceil((deadline - now) / f64(divisor(s + VCPU_LAPIC)));
}

/** Brings the timer up to clock `now`: raises what is due. */
export function lapicSync(s: usize, now: f64): void {
  const deadline = load<f64>(s + VCPU_LAPIC_DEADLINE);
  if (deadline != 0 && deadline <= now) expire(s, deadline, now);
}

function expire(s: usize, deadline: f64, now: f64): void {
  const a = s + VCPU_LAPIC;
  const entry = load<u32>(a + LVT_TIMER);
  let next: f64 = 0;
  if (entry & LVT_PERIODIC) {
    // A count written as 0 meanwhile would have stopped it.
    const period = f64(load<u32>(a + INITIAL)) * f64(divisor(a));
    next = deadline + period * (Math.floor((now - deadline) / period) + 1);
  }
  store<f64>(s + VCPU_LAPIC_DEADLINE, next);
  if (!(entry & LVT_MASKED)) lapicRequest(s, entry & LVT_VECTOR);
}

/** Clock of the timer's next interrupt, or 2^53. */
export function lapicDeadline(s: usize): f64 {
  const deadline = load<f64>(s + VCPU_LAPIC_DEADLINE);
  return deadline == 0 || load<u32>(s + VCPU_LAPIC + LVT_TIMER) & LVT_MASKED ? NEVER : deadline;
}

/** 1 if an interrupt of the timer would be delivered in the present state: what a halted processor can wait for. */
export function lapicTimerWakes(s: usize): u32 {
  const a = s + VCPU_LAPIC;
  const vector = load<u32>(a + LVT_TIMER) & LVT_VECTOR;
  return u32(vector >= LEAST_VECTOR && (vector & 0xf0) > (processorPriority(a) & 0xf0));
}
