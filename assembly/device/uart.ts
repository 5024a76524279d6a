/**
 * A 16550A UART at 0x3F8–0x3FF on IRQ 4. The transmitter is always ready: a byte written to THR is in the console ring
 * at once. The receiver takes bytes from the input ring as fast as the guest reads them.
 * National Semiconductor PC16550D data sheet, table II "Summary of Registers".
 *
 *   offset   DLAB = 0 read   DLAB = 0 write   DLAB = 1
 *     0      RBR             THR              DLL
 *     1      IER             IER              DLM
 *     2      IIR             FCR
 *     3      LCR      4  MCR      5  LSR      6  MSR      7  SCR
 */
import {
  DOMAIN_CONSOLE,
  DOMAIN_CONSOLE_HEAD,
  DOMAIN_CONSOLE_SIZE,
  DOMAIN_INPUT,
  DOMAIN_INPUT_HEAD,
  DOMAIN_INPUT_SIZE,
  DOMAIN_INPUT_TAIL,
  DOMAIN_UART,
} from '../layout';
import { picSetLine } from './pic';

const IER: usize = DOMAIN_UART; //            interrupt enable
const FCR: usize = DOMAIN_UART + 1; //        FIFO control, as written
const LCR: usize = DOMAIN_UART + 2; //        line control
const MCR: usize = DOMAIN_UART + 3; //        modem control
const SCR: usize = DOMAIN_UART + 4; //        scratch
const DLL: usize = DOMAIN_UART + 5; //        divisor latch
const DLM: usize = DOMAIN_UART + 6;
const THR_EMPTY: usize = DOMAIN_UART + 7; //  THRE interrupt pending
const OVERRUN: usize = DOMAIN_UART + 8; //    LSR.OE
const DELTA: usize = DOMAIN_UART + 9; //      MSR[3:0]: changes since the last read
const FIFO_COUNT: usize = DOMAIN_UART + 10;
const FIFO_FIRST: usize = DOMAIN_UART + 11;
const FIFO: usize = DOMAIN_UART + 16; //      16 bytes
const STATE_SIZE: usize = 32;
const FIFO_SIZE: u32 = 16;

const UART_IRQ: u32 = 4;
const IER_RECEIVED: u32 = 1 << 0;
const IER_EMPTY: u32 = 1 << 1;
const IER_LINE: u32 = 1 << 2;
const IER_MODEM: u32 = 1 << 3;
const IIR_NONE: u32 = 1; //       no interrupt pending
const IIR_MODEM: u32 = 0; //      modem status
const IIR_EMPTY: u32 = 2; //      THR empty
const IIR_RECEIVED: u32 = 4; //   received data available
const IIR_LINE: u32 = 6; //       receiver line status
const IIR_TIMEOUT: u32 = 12; //   character timeout
const IIR_FIFO: u32 = 0xc0;
const FCR_ENABLE: u32 = 1 << 0;
const FCR_CLEAR_RECEIVER: u32 = 1 << 1;
const LCR_DLAB: u32 = 1 << 7;
const MCR_RTS: u32 = 1 << 1;
const MCR_DTR: u32 = 1 << 0;
const MCR_OUT1: u32 = 1 << 2;
const MCR_OUT2: u32 = 1 << 3; //  on a PC it lets the interrupt through
const MCR_LOOP: u32 = 1 << 4;
const LSR_READY: u32 = 1 << 0;
const LSR_OVERRUN: u32 = 1 << 1;
const LSR_EMPTY: u32 = 3 << 5; // THRE and TEMT
const MSR_CTS: u32 = 1 << 4;
const MSR_DSR: u32 = 1 << 5;
const MSR_RI: u32 = 1 << 6;
const MSR_DCD: u32 = 1 << 7;

export function uartReset(d: usize): void {
  memory.fill(d + DOMAIN_UART, 0, STATE_SIZE);
  store<u32>(d + DOMAIN_INPUT_HEAD, 0);
  store<u32>(d + DOMAIN_INPUT_TAIL, 0);
  store<u32>(d + DOMAIN_CONSOLE_HEAD, 0);
  update(d);
}

/** Puts a byte into the domain's console ring; the host drains it before it is full. */
export function consolePut(d: usize, byte: u32): void {
  const head = load<u32>(d + DOMAIN_CONSOLE_HEAD);
  store<u8>(d + DOMAIN_CONSOLE + (head & (DOMAIN_CONSOLE_SIZE - 1)), byte);
  store<u32>(d + DOMAIN_CONSOLE_HEAD, head + 1);
}

/** To be called after the host has put bytes into the input ring. */
export function uartInput(d: usize): void {
  refill(d);
  update(d);
}

/** Reads register `offset` (0 … 7). */
export function uartRead(d: usize, offset: u32): u32 {
  const dlab = load<u8>(d + LCR) & LCR_DLAB;
  let value: u32 = 0;
  if (offset == 0) {
    if (dlab) return load<u8>(d + DLL);
    value = pop(d);
    refill(d);
  } else if (offset == 1) {
    return dlab ? load<u8>(d + DLM) : load<u8>(d + IER);
  } else if (offset == 2) {
    value = interrupt(d);
    if (value == IIR_EMPTY) store<u8>(d + THR_EMPTY, 0); // reading IIR clears this source alone
    if (load<u8>(d + FCR) & FCR_ENABLE) value |= IIR_FIFO;
  } else if (offset == 3) {
    return load<u8>(d + LCR);
  } else if (offset == 4) {
    return load<u8>(d + MCR);
  } else if (offset == 5) {
    value = LSR_EMPTY | (load<u8>(d + FIFO_COUNT) ? LSR_READY : 0) | (load<u8>(d + OVERRUN) ? LSR_OVERRUN : 0);
    store<u8>(d + OVERRUN, 0);
  } else if (offset == 6) {
    value = modemLines(d) | load<u8>(d + DELTA);
    store<u8>(d + DELTA, 0);
  } else {
    return load<u8>(d + SCR);
  }
  update(d);
  return value;
}

/** Writes register `offset` (0 … 7). */
export function uartWrite(d: usize, offset: u32, value: u32): void {
  const dlab = load<u8>(d + LCR) & LCR_DLAB;
  if (offset == 0) {
    if (dlab) store<u8>(d + DLL, value);
    else transmit(d, value);
  } else if (offset == 1) {
    if (dlab) {
      store<u8>(d + DLM, value);
    } else {
      // Enabling the THR interrupt while THR is empty raises it.
      if (value & ~(<u32>load<u8>(d + IER)) & IER_EMPTY) store<u8>(d + THR_EMPTY, 1);
      store<u8>(d + IER, value & 0x0f);
    }
  } else if (offset == 2) {
    if ((value ^ load<u8>(d + FCR)) & FCR_ENABLE || value & FCR_CLEAR_RECEIVER) store<u8>(d + FIFO_COUNT, 0);
    store<u8>(d + FCR, value & FCR_ENABLE ? value & 0xc9 : 0);
    refill(d);
  } else if (offset == 3) {
    store<u8>(d + LCR, value);
  } else if (offset == 4) {
    const before = modemLines(d);
    store<u8>(d + MCR, value & 0x1f);
    const changed = before ^ modemLines(d);
    // TERI reports only the trailing edge of RI.
    const delta = ((changed >>> 4) & 0x0b) | (changed & before & MSR_RI ? 4 : 0);
    store<u8>(d + DELTA, load<u8>(d + DELTA) | delta);
    refill(d);
  } else if (offset == 7) {
    store<u8>(d + SCR, value);
  }
  update(d);
}

function transmit(d: usize, byte: u32): void {
  if (load<u8>(d + MCR) & MCR_LOOP) push(d, byte);
  else consolePut(d, byte);
  // Writing clears the interrupt; the byte leaves at once, THR is empty again, and that is a new edge.
  store<u8>(d + THR_EMPTY, 0);
  update(d);
  store<u8>(d + THR_EMPTY, 1);
}

function fifoSize(d: usize): u32 {
  return load<u8>(d + FCR) & FCR_ENABLE ? FIFO_SIZE : 1;
}

function push(d: usize, byte: u32): void {
  const count: u32 = load<u8>(d + FIFO_COUNT);
  if (count >= fifoSize(d)) {
    store<u8>(d + OVERRUN, 1);
    return;
  }
  store<u8>(d + FIFO + ((load<u8>(d + FIFO_FIRST) + count) & (FIFO_SIZE - 1)), byte);
  store<u8>(d + FIFO_COUNT, count + 1);
}

function pop(d: usize): u32 {
  const count: u32 = load<u8>(d + FIFO_COUNT);
  if (count == 0) return 0;
  const first: u32 = load<u8>(d + FIFO_FIRST);
  store<u8>(d + FIFO_COUNT, count - 1);
  store<u8>(d + FIFO_FIRST, (first + 1) & (FIFO_SIZE - 1));
  return load<u8>(d + FIFO + first);
}

/** Moves waiting input into the receiver. */
function refill(d: usize): void {
  if (load<u8>(d + MCR) & MCR_LOOP) return;
  const head = load<u32>(d + DOMAIN_INPUT_HEAD);
  let tail = load<u32>(d + DOMAIN_INPUT_TAIL);
  const size = fifoSize(d);
  while (tail != head && <u32>load<u8>(d + FIFO_COUNT) < size) {
    push(d, load<u8>(d + DOMAIN_INPUT + (tail & (DOMAIN_INPUT_SIZE - 1))));
    tail++;
  }
  store<u32>(d + DOMAIN_INPUT_TAIL, tail);
}

/** MSR[7:4]: a connected peer, or in loop-back the outputs of MCR. */
function modemLines(d: usize): u32 {
  const mcr: u32 = load<u8>(d + MCR);
  if ((mcr & MCR_LOOP) == 0) return MSR_CTS | MSR_DSR | MSR_DCD;
  return (
    (mcr & MCR_RTS ? MSR_CTS : 0) |
    (mcr & MCR_DTR ? MSR_DSR : 0) |
    (mcr & MCR_OUT1 ? MSR_RI : 0) |
    (mcr & MCR_OUT2 ? MSR_DCD : 0)
  );
}

/** Bytes that raise "received data available". */
function triggerLevel(d: usize): u32 {
  const fcr: u32 = load<u8>(d + FCR);
  if ((fcr & FCR_ENABLE) == 0) return 1;
  const select = fcr >>> 6;
  return select == 0 ? 1 : select == 3 ? 14 : select << 2;
}

/** The pending interrupt of the highest priority: table IV "Interrupt Control Functions". */
function interrupt(d: usize): u32 {
  const enabled: u32 = load<u8>(d + IER);
  const count: u32 = load<u8>(d + FIFO_COUNT);
  if (enabled & IER_LINE && load<u8>(d + OVERRUN)) return IIR_LINE;
  if (enabled & IER_RECEIVED && count != 0) return count >= triggerLevel(d) ? IIR_RECEIVED : IIR_TIMEOUT;
  if (enabled & IER_EMPTY && load<u8>(d + THR_EMPTY)) return IIR_EMPTY;
  if (enabled & IER_MODEM && load<u8>(d + DELTA)) return IIR_MODEM;
  return IIR_NONE;
}

function update(d: usize): void {
  const mcr: u32 = load<u8>(d + MCR);
  picSetLine(d, UART_IRQ, interrupt(d) != IIR_NONE && (mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2);
}
