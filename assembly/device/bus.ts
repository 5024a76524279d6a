/**
 * The port bus of a PC: which device answers at which port. Every device here is 8 bits wide: a wider access is one access
 * per byte to consecutive ports, low byte first, as an ISA bridge does it. A port without a device reads as all ones.
 *
 *   0020–0021  master 8259A          00A0–00A1  slave 8259A         03F8–03FF  UART
 *   0040–0043  8254                  0061  system control port B    04D0–04D1  ELCR
 *   0064  reset line (write 0xFE)    0080  POST code                0CF9  reset control
 *   0092  system control port A
 */
import { DOMAIN_PORT_61, DOMAIN_PORT_80, DOMAIN_PORT_92, DOMAIN_PORT_CF9, HOST_FREQUENCY } from '../layout';
import { picRead, picReadTrigger, picReset, picWrite, picWriteTrigger } from './pic';
import { pitGate2, pitOutput2, pitRead, pitReset, pitWrite } from './pit';
import { uartRead, uartReset, uartWrite } from './uart';

/** What a write asks of the hypervisor. */
export const BUS_NONE: u32 = 0;
export const BUS_RESET: u32 = 1;

const OPEN_BUS: u32 = 0xff;
const PORT_61_GATE2: u32 = 1 << 0; //    timer 2 gate
const PORT_61_STORED: u32 = 0x0f;
const PORT_61_REFRESH: u32 = 1 << 4; //  toggles with every memory refresh, about 15 µs
const PORT_61_OUT2: u32 = 1 << 5; //     timer 2 output
const REFRESH_HZ: f64 = 66287.0;
const PORT_92_RESET: u32 = 1 << 0;
const PORT_92_A20: u32 = 1 << 1; //      the A20 gate is always open
const CF9_FULL: u32 = 0x0e;
const CF9_RESET_CPU: u32 = 1 << 2; //    a change from 0 to 1 resets
const KEYBOARD_RESET: u32 = 0xfe; //     pulse output line 0

/** Brings the devices of domain `d` into the state in which a boot loader hands them over. */
export function busReset(d: usize): void {
  store<u32>(d + DOMAIN_PORT_61, 0);
  store<u8>(d + DOMAIN_PORT_92, PORT_92_A20);
  picReset(d);
  pitReset(d);
  uartReset(d);
}

/** IN of `size` bytes (1, 2, 4) at clock `now`. */
export function portRead(d: usize, port: u32, size: u32, now: f64): u32 {
  let value: u32 = 0;
  for (let i: u32 = 0; i < size; i++) value |= readByte(d, (port + i) & 0xffff, now) << (i << 3);
  return value;
}

/** OUT of `size` bytes (1, 2, 4) at clock `now`; returns BUS_*. */
export function portWrite(d: usize, port: u32, size: u32, value: u32, now: f64): u32 {
  let event: u32 = BUS_NONE;
  for (let i: u32 = 0; i < size; i++) event |= writeByte(d, (port + i) & 0xffff, (value >>> (i << 3)) & 0xff, now);
  return event;
}

function readByte(d: usize, port: u32, now: f64): u32 {
  if ((port & 0xfff8) == 0x3f8) return uartRead(d, port & 7);
  if ((port & 0xff7e) == 0x20) return picRead(d, port);
  if ((port & 0xfffc) == 0x40) return pitRead(d, port, now);
  if (port == 0x61) {
    const refresh = i64((now / load<f64>(HOST_FREQUENCY)) * REFRESH_HZ) & 1;
    return (
      (load<u8>(d + DOMAIN_PORT_61) & PORT_61_STORED) |
      (refresh ? PORT_61_REFRESH : 0) |
      (pitOutput2(d, now) ? PORT_61_OUT2 : 0)
    );
  }
  if (port == 0x80) return load<u8>(d + DOMAIN_PORT_80);
  if (port == 0x92) return load<u8>(d + DOMAIN_PORT_92);
  if ((port & 0xfffe) == 0x4d0) return picReadTrigger(d, port);
  if (port == 0xcf9) return load<u8>(d + DOMAIN_PORT_CF9);
  return OPEN_BUS;
}

function writeByte(d: usize, port: u32, value: u32, now: f64): u32 {
  if ((port & 0xfff8) == 0x3f8) {
    uartWrite(d, port & 7, value);
  } else if ((port & 0xff7e) == 0x20) {
    picWrite(d, port, value);
  } else if ((port & 0xfffc) == 0x40) {
    pitWrite(d, port, value, now);
  } else if (port == 0x61) {
    store<u8>(d + DOMAIN_PORT_61, value & PORT_61_STORED);
    pitGate2(d, (value & PORT_61_GATE2) != 0, now);
  } else if (port == 0x64) {
    if (value == KEYBOARD_RESET) return BUS_RESET;
  } else if (port == 0x80) {
    store<u8>(d + DOMAIN_PORT_80, value);
  } else if (port == 0x92) {
    store<u8>(d + DOMAIN_PORT_92, value | PORT_92_A20);
    if (value & PORT_92_RESET) return BUS_RESET;
  } else if ((port & 0xfffe) == 0x4d0) {
    picWriteTrigger(d, port, value);
  } else if (port == 0xcf9) {
    const rise = value & ~(<u32>load<u8>(d + DOMAIN_PORT_CF9)) & CF9_RESET_CPU;
    store<u8>(d + DOMAIN_PORT_CF9, value & CF9_FULL);
    if (rise) return BUS_RESET;
  }
  return BUS_NONE;
}
