/**
 * The pair of 8259A interrupt controllers of a PC, master at ports 0x20–0x21, slave at 0xA0–0xA1 on the master's IR2.
 * Intel 8259A data sheet (order number 231468): "Programming the 8259A" and "Priority Modes".
 *
 *   IR lines ─▶ IRR ─▶ & ~IMR ─▶ priority resolver ◀── ISR
 *                                     │ INT (slave: the master's IR2; master: VCPU_INTR)
 *                                     ▼
 *                              INTA: IRR → ISR, vector = ICW2[7:3] : level
 *
 * A chip is CHIP_SIZE bytes of state. Requests of edge-triggered lines stay latched until they are acknowledged, as on
 * ISA boards, where a device holds its line until it is served.
 */
import { DOMAIN_PIC, DOMAIN_VCPU, INTR_PIC, VCPU_INTR } from '../layout';
import { lapicPassesPic } from './lapic';

const IRR: usize = 0; //          interrupt request register
const IMR: usize = 1; //          interrupt mask register (OCW1)
const ISR: usize = 2; //          in-service register
const LINES: usize = 3; //        levels of the IR inputs
const VECTOR: usize = 4; //       ICW2[7:3]: vector base
const CASCADE: usize = 5; //      ICW3 of the master: inputs with a slave
const LOWEST: usize = 6; //       level with the lowest priority
const AWAITED: usize = 7; //      ICW that is expected next at A0 = 1: 2, 3, 4; 0 = ready
const TRIGGER: usize = 8; //      ELCR: inputs that are level triggered
const ICW1: usize = 9;
const ICW4: usize = 10;
const SPECIAL_MASK: usize = 11; // special mask mode
const READ_ISR: usize = 12; //    A0 = 0 reads ISR (1) or IRR (0)
const POLL: usize = 13; //        the next read is a poll
const ROTATE: usize = 14; //      rotate in automatic EOI mode
const CHIP_SIZE: usize = 32;

// "Initialization Command Words"
const ICW1_IC4: u32 = 1 << 0; //  ICW4 needed
const ICW1_SNGL: u32 = 1 << 1; // single: no ICW3
const ICW1_LTIM: u32 = 1 << 3; // level triggered mode
const ICW1_INIT: u32 = 1 << 4;
const ICW4_AEOI: u32 = 1 << 1; // automatic end of interrupt
const ICW4_SFNM: u32 = 1 << 4; // special fully nested mode

// "Operation Command Words"
const OCW2_EOI: u32 = 1 << 5;
const OCW2_SL: u32 = 1 << 6; //   specific: level in bits 2:0
const OCW2_R: u32 = 1 << 7; //    rotate
const OCW3: u32 = 1 << 3;
const OCW3_RIS: u32 = 1 << 0;
const OCW3_RR: u32 = 1 << 1;
const OCW3_P: u32 = 1 << 2;
const OCW3_SMM: u32 = 1 << 5;
const OCW3_ESMM: u32 = 1 << 6;

const CASCADE_LEVEL: u32 = 2;
const SPURIOUS_LEVEL: u32 = 7; // "default IR7": the level of an INTA without a request
const POLL_PENDING: u32 = 1 << 7;
const NONE: u32 = 0xff;

/** State as a BIOS leaves it: vectors 0x08 and 0x70, everything masked, edge triggered. */
export function picReset(d: usize): void {
  memory.fill(d + DOMAIN_PIC, 0, 2 * CHIP_SIZE);
  for (let i: usize = 0; i < 2; i++) {
    const p = d + DOMAIN_PIC + i * CHIP_SIZE;
    store<u8>(p + VECTOR, i == 0 ? 0x08 : 0x70);
    store<u8>(p + IMR, 0xff);
    store<u8>(p + LOWEST, 7);
    store<u8>(p + ICW4, 1);
  }
  store<u8>(d + DOMAIN_PIC + CASCADE, <u8>4); // the slave is on IR2
  update(d);
}

/** Drives one of the sixteen IRQ lines. A rising edge, or a high level on a level-triggered input, is a request. */
export function picSetLine(d: usize, irq: u32, level: bool): void {
  const p = d + DOMAIN_PIC + (irq >= 8 ? CHIP_SIZE : 0);
  const bit: u32 = 1 << (irq & 7);
  const lines: u32 = load<u8>(p + LINES);
  if (level) {
    if ((lines & bit) == 0 || levelTriggered(p) & bit) store<u8>(p + IRR, load<u8>(p + IRR) | bit);
    store<u8>(p + LINES, lines | bit);
  } else {
    if (levelTriggered(p) & bit) store<u8>(p + IRR, load<u8>(p + IRR) & ~bit);
    store<u8>(p + LINES, lines & ~bit);
  }
  update(d);
}

/** The INTR output to the processor. */
export function picIntr(d: usize): u32 {
  return u32(highest(d + DOMAIN_PIC) != NONE);
}

/** Whether a request on `irq` would reach the processor in the present state: what a halted processor can wait for. */
export function picWouldInterrupt(d: usize, irq: u32): u32 {
  const master = d + DOMAIN_PIC;
  const p = master + (irq >= 8 ? CHIP_SIZE : 0);
  const irr: u32 = load<u8>(p + IRR);
  store<u8>(p + IRR, irr | (1 << (irq & 7)));
  update(d);
  const intr = picIntr(d);
  store<u8>(p + IRR, irr);
  update(d);
  return intr & lapicPassesPic(load<usize>(d + DOMAIN_VCPU));
}

/** The two INTA cycles: takes the highest request into service and returns its vector. */
export function picAcknowledge(d: usize): u32 {
  const master = d + DOMAIN_PIC;
  const slave = master + CHIP_SIZE;
  const level = accept(master);
  let vector: u32 = load<u8>(master + VECTOR) | level;
  if (level == CASCADE_LEVEL && load<u8>(master + CASCADE) & (1 << CASCADE_LEVEL)) {
    vector = load<u8>(slave + VECTOR) | accept(slave);
  }
  update(d);
  return vector;
}

/** Reads `port`: 0x20, 0x21, 0xA0 or 0xA1. */
export function picRead(d: usize, port: u32): u32 {
  const p = chip(d, port);
  if (load<u8>(p + POLL)) {
    // A poll acts as the INTA: "Poll Command".
    store<u8>(p + POLL, 0);
    const level = highest(p);
    if (level == NONE) return 0;
    accept(p);
    update(d);
    return POLL_PENDING | level;
  }
  if (port & 1) return load<u8>(p + IMR);
  return load<u8>(p + READ_ISR) ? load<u8>(p + ISR) : load<u8>(p + IRR);
}

/** Writes `port`: 0x20, 0x21, 0xA0 or 0xA1. */
export function picWrite(d: usize, port: u32, value: u32): void {
  const p = chip(d, port);
  if (port & 1) writeData(p, value);
  else if (value & ICW1_INIT) initialize(p, value);
  else if (value & OCW3) operate(p, value);
  else endOfInterrupt(p, value);
  update(d);
}

/** The edge/level control registers at 0x4D0 and 0x4D1; IRQ 0, 1, 2, 8 and 13 are always edge triggered. */
export function picReadTrigger(d: usize, port: u32): u32 {
  return load<u8>(d + DOMAIN_PIC + (port & 1 ? CHIP_SIZE : 0) + TRIGGER);
}

export function picWriteTrigger(d: usize, port: u32, value: u32): void {
  const p = d + DOMAIN_PIC + (port & 1 ? CHIP_SIZE : 0);
  const fixed: u32 = port & 1 ? 0x21 : 0x07;
  store<u8>(p + TRIGGER, value & ~fixed);
  const follow = levelTriggered(p);
  store<u8>(p + IRR, (load<u8>(p + IRR) & ~follow) | (load<u8>(p + LINES) & follow));
  update(d);
}

function chip(d: usize, port: u32): usize {
  return d + DOMAIN_PIC + (port & 0x80 ? CHIP_SIZE : 0);
}

function levelTriggered(p: usize): u32 {
  return load<u8>(p + ICW1) & ICW1_LTIM ? 0xff : load<u8>(p + TRIGGER);
}

/** Level of the request that the priority resolver lets through, or NONE. */
function highest(p: usize): u32 {
  const imr: u32 = load<u8>(p + IMR);
  const requests: u32 = load<u8>(p + IRR) & ~imr;
  if (requests == 0) return NONE;
  let blocking: u32 = load<u8>(p + ISR);
  if (load<u8>(p + SPECIAL_MASK)) blocking &= ~imr;
  if (load<u8>(p + ICW4) & ICW4_SFNM) blocking &= ~(<u32>load<u8>(p + CASCADE));
  const lowest: u32 = load<u8>(p + LOWEST);
  for (let i: u32 = 1; i <= 8; i++) {
    const level = (lowest + i) & 7;
    if ((blocking >>> level) & 1) return NONE;
    if ((requests >>> level) & 1) return level;
  }
  return NONE;
}

/** Takes the highest request into service; without one, the level of a spurious interrupt. */
function accept(p: usize): u32 {
  const level = highest(p);
  if (level == NONE) return SPURIOUS_LEVEL;
  const bit: u32 = 1 << level;
  if ((levelTriggered(p) & bit) == 0) store<u8>(p + IRR, load<u8>(p + IRR) & ~bit);
  if ((load<u8>(p + ICW4) & ICW4_AEOI) == 0) store<u8>(p + ISR, load<u8>(p + ISR) | bit);
  else if (load<u8>(p + ROTATE)) store<u8>(p + LOWEST, level);
  return level;
}

/** ICW1: clears the edge detector and the mask, restores the default priority and the plain modes. */
function initialize(p: usize, value: u32): void {
  store<u8>(p + ICW1, value);
  store<u8>(p + IRR, load<u8>(p + LINES) & levelTriggered(p));
  store<u8>(p + IMR, 0);
  store<u8>(p + ISR, 0);
  store<u8>(p + LOWEST, 7);
  store<u8>(p + SPECIAL_MASK, 0);
  store<u8>(p + READ_ISR, 0);
  store<u8>(p + POLL, 0);
  store<u8>(p + ROTATE, 0);
  store<u8>(p + ICW4, 0);
  store<u8>(p + AWAITED, 2);
}

/** A0 = 1: ICW2 … ICW4 in sequence, then OCW1. */
function writeData(p: usize, value: u32): void {
  const awaited: u32 = load<u8>(p + AWAITED);
  const icw1: u32 = load<u8>(p + ICW1);
  if (awaited == 0) {
    store<u8>(p + IMR, value);
    return;
  }
  if (awaited == 2) store<u8>(p + VECTOR, value & 0xf8);
  else if (awaited == 3) store<u8>(p + CASCADE, value);
  else store<u8>(p + ICW4, value);
  let next = awaited + 1;
  if (next == 3 && icw1 & ICW1_SNGL) next = 4;
  if (next == 4 && (icw1 & ICW1_IC4) == 0) next = 5;
  store<u8>(p + AWAITED, next > 4 ? 0 : next);
}

/** OCW3: special mask mode, poll, choice of the register to read. */
function operate(p: usize, value: u32): void {
  if (value & OCW3_ESMM) store<u8>(p + SPECIAL_MASK, u32((value & OCW3_SMM) != 0));
  if (value & OCW3_P) store<u8>(p + POLL, 1);
  else if (value & OCW3_RR) store<u8>(p + READ_ISR, value & OCW3_RIS);
}

/** OCW2: end of interrupt and rotation. */
function endOfInterrupt(p: usize, value: u32): void {
  let level = value & 7;
  if (value & OCW2_EOI) {
    if ((value & OCW2_SL) == 0) level = highestInService(p);
    if (level == NONE) return;
    const bit: u32 = 1 << level;
    store<u8>(p + ISR, load<u8>(p + ISR) & ~bit);
    if (value & OCW2_R) store<u8>(p + LOWEST, level);
  } else if (value & OCW2_SL) {
    if (value & OCW2_R) store<u8>(p + LOWEST, level); // set priority
  } else {
    store<u8>(p + ROTATE, u32((value & OCW2_R) != 0));
  }
}

/** The level that a non-specific EOI ends; in special mask mode masked levels are passed over. */
function highestInService(p: usize): u32 {
  let isr: u32 = load<u8>(p + ISR);
  if (load<u8>(p + SPECIAL_MASK)) isr &= ~(<u32>load<u8>(p + IMR));
  const lowest: u32 = load<u8>(p + LOWEST);
  for (let i: u32 = 1; i <= 8; i++) {
    const level = (lowest + i) & 7;
    if ((isr >>> level) & 1) return level;
  }
  return NONE;
}

/** To be called when the way from the master to the processor has opened or closed. */
export function picRefresh(d: usize): void {
  update(d);
}

/** Carries the slave's INT to the master and the master's to the processor. */
function update(d: usize): void {
  const master = d + DOMAIN_PIC;
  const cascade: u32 = load<u8>(master + CASCADE) & (1 << CASCADE_LEVEL);
  let irr: u32 = load<u8>(master + IRR);
  if (cascade) {
    // The slave lowers INT during INTA and raises it again for its next request, so IR2 follows it like a level.
    irr = highest(master + CHIP_SIZE) == NONE ? irr & ~cascade : irr | cascade;
    store<u8>(master + IRR, irr);
  }
  const vcpu = load<usize>(d + DOMAIN_VCPU);
  if (vcpu)
    store<u32>(vcpu + VCPU_INTR, (load<u32>(vcpu + VCPU_INTR) & ~INTR_PIC) | (picIntr(d) & lapicPassesPic(vcpu)));
}
