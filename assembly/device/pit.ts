/**
 * The 8254 programmable interval timer, ports 0x40–0x43. Channel 0 drives IRQ 0, channel 2 is gated by port 0x61.
 * Intel 8254 data sheet (order number 231164): "Programming the 8254" and "Mode Definitions".
 *
 *   control word   7 6   5 4   3 2 1   0
 *                 ┌─────┬─────┬───────┬───┐
 *                 │ SC  │ RW  │ mode  │BCD│
 *                 └─────┴─────┴───────┴───┘
 *
 * Nothing ticks: a channel keeps the tick at which its counting element was loaded, and value and OUT are functions of
 * the time that has passed since. Times are the domain's clock in cycles (f64, a whole number below 2^53); inside,
 * they are ticks of the 1.193182 MHz input as u64.
 */
import { DOMAIN_PIT, HOST_FREQUENCY } from '../layout';
import { picSetLine } from './pic';

export const PIT_HZ: u64 = 1193182;
export const PIT_NEVER: f64 = 9007199254740992.0; // 2^53: no edge will come

const CHANNELS: u32 = 3;
const MODE: usize = 0; //         u8 0 … 5
const ACCESS: usize = 1; //       u8 RW field: 1 low byte, 2 high byte, 3 low then high
const BCD: usize = 2; //          u8
const GATE: usize = 3; //         u8
const LOADED: usize = 4; //       u8 a count is in the counting element
const WRITE_HIGH: usize = 5; //   u8 the next write is the high byte
const READ_HIGH: usize = 6; //    u8 the next read is the high byte
const LATCHED: usize = 7; //      u8 bytes of LATCH still to be read
const STATUS_LATCHED: usize = 8; // u8
const STATUS: usize = 9; //       u8 latched status
const LATCH: usize = 10; //       u16
const WRITE_LOW: usize = 12; //   u8 first byte of a two-byte write
const PENDING: usize = 13; //     u8 NEXT takes effect at NEXT_TICK (modes 2 and 3)
const TRIGGERED: usize = 14; //   u8 modes 1 and 5: a gate edge has loaded the count
const STROBED: usize = 15; //     u8 mode 4: GATE went low at or after the strobe, which must not come again
const COUNT: usize = 16; //       u32 1 … 65536
const NEXT: usize = 20; //        u32 count register, waiting
const START: usize = 24; //       u64 tick at which the counting element was loaded; may lie before 0
const NEXT_TICK: usize = 32; //   u64
const PAUSED: usize = 40; //      u64 tick at which GATE went low
const CHANNEL_SIZE: usize = 48;
const SYNCED: usize = 3 * CHANNEL_SIZE; // u64 tick up to which channel 0 has driven IRQ 0

// "Control Word Format" and "Read-Back Command Format"
const SELECT_READ_BACK: u32 = 3;
const ACCESS_LATCH: u32 = 0;
const ACCESS_HIGH: u32 = 2;
const ACCESS_BOTH: u32 = 3;
const READ_BACK_NO_COUNT: u32 = 1 << 5;
const READ_BACK_NO_STATUS: u32 = 1 << 4;
const STATUS_OUT: u32 = 1 << 7;
const STATUS_NULL: u32 = 1 << 6;
const NEVER: u64 = u64.MAX_VALUE;

export function pitReset(d: usize): void {
  memory.fill(d + DOMAIN_PIT, 0, SYNCED + 8);
  for (let i: u32 = 0; i < CHANNELS; i++) {
    const p = channel(d, i);
    store<u8>(p + ACCESS, ACCESS_BOTH);
    store<u8>(p + GATE, u32(i != 2));
  }
}

/** Ticks of the timer's input that have passed at clock `now`. */
export function pitTicks(now: f64): u64 {
  const cycles = u64(now);
  const hz = u64(load<f64>(HOST_FREQUENCY));
  return (cycles / hz) * PIT_HZ + ((cycles % hz) * PIT_HZ) / hz;
}

/** The first clock at which `tick` ticks have passed. */
function cyclesAt(tick: u64): f64 {
  if (tick == NEVER) return PIT_NEVER;
  const hz = u64(load<f64>(HOST_FREQUENCY));
  return f64((tick / PIT_HZ) * hz + ((tick % PIT_HZ) * hz + PIT_HZ - 1) / PIT_HZ);
}

/** Whether channel 0 counts: without a count no edge comes, and the line was set with the mode. */
export function pitCounts(d: usize): bool {
  return load<u8>(channel(d, 0) + LOADED) != 0;
}

/** Drives IRQ 0 with the edges of OUT 0 up to `now`. Edges that came while nobody looked are one latched request. */
export function pitSync(d: usize, now: f64): void {
  if (pitCounts(d)) drive(d, now);
}

function drive(d: usize, now: f64): void {
  const p = channel(d, 0);
  const tick = pitTicks(now);
  const synced = load<u64>(d + DOMAIN_PIT + SYNCED);
  if (tick <= synced) return;
  const edge = nextRise(p, synced);
  store<u64>(d + DOMAIN_PIT + SYNCED, tick);
  settle(p, tick);
  if (edge <= tick) {
    picSetLine(d, 0, false);
    picSetLine(d, 0, true);
  }
  if (!output(p, tick)) picSetLine(d, 0, false);
}

/** The clock of the next rising edge of OUT 0 after the last `pitSync`, or PIT_NEVER. */
export function pitDeadline(d: usize): f64 {
  return pitCounts(d) ? cyclesAt(nextRise(channel(d, 0), load<u64>(d + DOMAIN_PIT + SYNCED))) : PIT_NEVER;
}

/** OUT of channel 2, read through port 0x61. */
export function pitOutput2(d: usize, now: f64): bool {
  const p = channel(d, 2);
  const tick = pitTicks(now);
  settle(p, tick);
  return output(p, tick);
}

/** GATE of channel 2, written through port 0x61. */
export function pitGate2(d: usize, high: bool, now: f64): void {
  const p = channel(d, 2);
  const tick = pitTicks(now);
  settle(p, tick);
  const before = load<u8>(p + GATE) != 0;
  if (before == high) return;
  const mode: u32 = load<u8>(p + MODE);
  store<u8>(p + GATE, u32(high));
  if (!high) {
    store<u64>(p + PAUSED, tick);
    if (i64(tick) - i64(load<u64>(p + START)) >= i64(load<u32>(p + COUNT))) store<u8>(p + STROBED, 1);
  } else if (mode == 0 || mode == 4) {
    if (load<u8>(p + LOADED)) store<u64>(p + START, load<u64>(p + START) + (tick - load<u64>(p + PAUSED)));
  } else {
    // A rising edge reloads the count (modes 2 and 3) or triggers (modes 1 and 5).
    if (load<u8>(p + PENDING)) store<u32>(p + COUNT, load<u32>(p + NEXT));
    store<u8>(p + PENDING, 0);
    store<u8>(p + TRIGGERED, load<u8>(p + LOADED));
    store<u64>(p + START, tick + 1);
  }
}

export function pitRead(d: usize, port: u32, now: f64): u32 {
  const index = port & 3;
  if (index == 3) return 0xff; // the control word register cannot be read
  const p = channel(d, index);
  const tick = pitTicks(now);
  pitSync(d, now);
  settle(p, tick);
  if (load<u8>(p + STATUS_LATCHED)) {
    store<u8>(p + STATUS_LATCHED, 0);
    return load<u8>(p + STATUS);
  }
  const latched: u32 = load<u8>(p + LATCHED);
  if (latched) store<u8>(p + LATCHED, latched - 1);
  const count: u32 = latched ? load<u16>(p + LATCH) : value(p, tick);
  const access: u32 = load<u8>(p + ACCESS);
  let high: u32 = u32(access == ACCESS_HIGH);
  if (access == ACCESS_BOTH) {
    high = load<u8>(p + READ_HIGH);
    store<u8>(p + READ_HIGH, high ^ 1);
  }
  return (high ? count >>> 8 : count) & 0xff;
}

export function pitWrite(d: usize, port: u32, data: u32, now: f64): void {
  const index = port & 3;
  const tick = pitTicks(now);
  pitSync(d, now);
  if (index == 3) {
    control(d, data, tick);
  } else {
    const p = channel(d, index);
    settle(p, tick);
    writeCount(p, data, tick);
  }
  // A new mode or count may change OUT 0 at once.
  const p0 = channel(d, 0);
  picSetLine(d, 0, load<u8>(p0 + ACCESS) != 0 && programmed(p0) && output(p0, tick));
}

/** A channel whose mode was never set drives nothing. */
function programmed(p: usize): bool {
  return load<u8>(p + LOADED) != 0 || load<u8>(p + MODE) != 0;
}

function channel(d: usize, index: u32): usize {
  return d + DOMAIN_PIT + (index as usize) * CHANNEL_SIZE;
}

function control(d: usize, word: u32, tick: u64): void {
  const select = word >>> 6;
  if (select == SELECT_READ_BACK) {
    for (let i: u32 = 0; i < CHANNELS; i++) {
      if (((word >>> (i + 1)) & 1) == 0) continue;
      const p = channel(d, i);
      settle(p, tick);
      if ((word & READ_BACK_NO_STATUS) == 0) latchStatus(p, tick);
      if ((word & READ_BACK_NO_COUNT) == 0) latchCount(p, tick);
    }
    return;
  }
  const p = channel(d, select);
  const access = (word >>> 4) & 3;
  settle(p, tick);
  if (access == ACCESS_LATCH) {
    latchCount(p, tick);
    return;
  }
  const mode = (word >>> 1) & 7;
  store<u8>(p + MODE, mode >= 6 ? mode - 4 : mode); // modes 2 and 3 ignore the highest bit
  store<u8>(p + ACCESS, access);
  store<u8>(p + BCD, word & 1);
  store<u8>(p + LOADED, 0);
  store<u8>(p + TRIGGERED, 0);
  store<u8>(p + PENDING, 0);
  store<u8>(p + WRITE_HIGH, 0);
  store<u8>(p + READ_HIGH, 0);
  store<u8>(p + LATCHED, 0);
  store<u8>(p + STATUS_LATCHED, 0);
}

/** A latched count stays until it has been read; a second latch command is ignored. */
function latchCount(p: usize, tick: u64): void {
  if (load<u8>(p + LATCHED)) return;
  store<u16>(p + LATCH, value(p, tick));
  store<u8>(p + LATCHED, load<u8>(p + ACCESS) == ACCESS_BOTH ? 2 : 1);
  store<u8>(p + READ_HIGH, 0);
}

function latchStatus(p: usize, tick: u64): void {
  if (load<u8>(p + STATUS_LATCHED)) return;
  const nullCount = load<u8>(p + PENDING) != 0 || load<u8>(p + LOADED) == 0 || elapsedAt(p, tick) < 0;
  const programming = (load<u8>(p + ACCESS) << 4) | (load<u8>(p + MODE) << 1) | load<u8>(p + BCD);
  store<u8>(p + STATUS, (output(p, tick) ? STATUS_OUT : 0) | (nullCount ? STATUS_NULL : 0) | programming);
  store<u8>(p + STATUS_LATCHED, 1);
}

function writeCount(p: usize, data: u32, tick: u64): void {
  const access: u32 = load<u8>(p + ACCESS);
  let raw: u32 = access == ACCESS_HIGH ? data << 8 : data;
  if (access == ACCESS_BOTH) {
    if (load<u8>(p + WRITE_HIGH) == 0) {
      store<u8>(p + WRITE_LOW, data);
      store<u8>(p + WRITE_HIGH, 1);
      // In mode 0 the first byte stops the counting.
      if (load<u8>(p + MODE) == 0) store<u8>(p + LOADED, 0);
      return;
    }
    store<u8>(p + WRITE_HIGH, 0);
    raw = (data << 8) | load<u8>(p + WRITE_LOW);
  }
  loadCount(p, load<u8>(p + BCD) ? fromBcd(raw) : raw == 0 ? 65536 : raw, tick);
}

/** The count register has been written: when it reaches the counting element depends on the mode. */
function loadCount(p: usize, count: u32, tick: u64): void {
  const mode: u32 = load<u8>(p + MODE);
  const running = load<u8>(p + LOADED) != 0;
  if (running && (mode == 2 || mode == 3) && load<u8>(p + GATE) && elapsedAt(p, tick) >= 0) {
    store<u32>(p + NEXT, count);
    store<u64>(p + NEXT_TICK, boundary(p, tick));
    store<u8>(p + PENDING, 1);
    return;
  }
  if (running && (mode == 1 || mode == 5)) {
    // The new count waits for the next trigger.
    store<u32>(p + NEXT, count);
    store<u64>(p + NEXT_TICK, NEVER);
    store<u8>(p + PENDING, 1);
    return;
  }
  store<u8>(p + PENDING, 0);
  store<u32>(p + COUNT, count);
  store<u8>(p + LOADED, 1);
  store<u8>(p + STROBED, 0);
  store<u64>(p + START, tick + 1); // the next input pulse transfers it
  if (load<u8>(p + GATE) == 0) store<u64>(p + PAUSED, tick + 1);
}

/** The end of the running period (mode 2) or half period (mode 3). */
function boundary(p: usize, tick: u64): u64 {
  const n: u64 = load<u32>(p + COUNT);
  const elapsed = tick - load<u64>(p + START);
  const base = tick - (elapsed % n);
  const half = (n + 1) / 2;
  return load<u8>(p + MODE) == 3 && elapsed % n < half ? base + half : base + n;
}

/** Lets a waiting count take effect if its time has come. */
function settle(p: usize, tick: u64): void {
  if (load<u8>(p + PENDING) == 0 || tick < load<u64>(p + NEXT_TICK) || load<u8>(p + GATE) == 0) return;
  store<u8>(p + PENDING, 0);
  // In mode 3 a new count loaded at the end of the high half starts with the low half.
  const n: u64 = load<u32>(p + COUNT);
  const at = load<u64>(p + NEXT_TICK);
  const low = load<u8>(p + MODE) == 3 && (at - load<u64>(p + START)) % n != 0;
  const next: u64 = load<u32>(p + NEXT);
  store<u32>(p + COUNT, next as u32);
  store<u64>(p + START, low ? at - (next + 1) / 2 : at);
}

/** Input pulses that the counting element has seen since it was loaded; −1 before that. */
function elapsedAt(p: usize, tick: u64): i64 {
  let t = tick;
  if (load<u8>(p + GATE) == 0 && load<u8>(p + MODE) != 1 && load<u8>(p + MODE) != 5) {
    t = min(t, load<u64>(p + PAUSED));
  }
  return i64(t) - i64(load<u64>(p + START));
}

/** The OUT pin: "Mode Definitions", figures 15 to 20. */
function output(p: usize, tick: u64): bool {
  const mode: u32 = load<u8>(p + MODE);
  if (load<u8>(p + LOADED) == 0) return mode != 0;
  const n: i64 = load<u32>(p + COUNT);
  const elapsed = elapsedAt(p, tick);
  if (mode == 0) return elapsed >= n;
  if (elapsed < 0) return true;
  if (mode == 1) return load<u8>(p + TRIGGERED) == 0 || elapsed >= n;
  if (mode == 2) return load<u8>(p + GATE) == 0 || elapsed % n != n - 1;
  if (mode == 3) return load<u8>(p + GATE) == 0 || elapsed % n < (n + 1) / 2;
  if (mode == 4) return elapsed != n || (load<u8>(p + STROBED) != 0 && tick != load<u64>(p + PAUSED));
  return load<u8>(p + TRIGGERED) == 0 || elapsed != n;
}

/** The counting element as the program reads it. */
function value(p: usize, tick: u64): u32 {
  const mode: u32 = load<u8>(p + MODE);
  const n: i64 = load<u32>(p + COUNT);
  const elapsed = max<i64>(elapsedAt(p, tick), 0);
  if (load<u8>(p + LOADED) == 0) return 0;
  let count: i64 = n;
  if (mode == 2) {
    count = n - (elapsed % n);
  } else if (mode == 3) {
    const half = (n + 1) / 2;
    const phase = elapsed % n;
    count = (n & ~1) - 2 * (phase < half ? phase : phase - half);
  } else if ((mode != 1 && mode != 5) || load<u8>(p + TRIGGERED)) {
    count = n - elapsed; // runs on through zero
  }
  if (load<u8>(p + BCD)) return toBcd(u32(((count % 10000) + 10000) % 10000));
  return u32(count) & 0xffff;
}

/** The first tick after `since` at which OUT rises, or NEVER. Assumes that GATE does not change. */
function nextRise(p: usize, since: u64): u64 {
  if (load<u8>(p + LOADED) == 0 || load<u8>(p + GATE) == 0) return NEVER;
  const mode: u32 = load<u8>(p + MODE);
  const start = load<u64>(p + START);
  const n: u64 = load<u32>(p + COUNT);
  if (mode == 0 || mode == 4) {
    const at = start + n + u64(mode == 4);
    return at > since ? at : NEVER;
  }
  if (mode == 2 || mode == 3) {
    const periods = i64(since) < i64(start) ? 0 : (since - start) / n;
    const at = start + (periods + 1) * n;
    if (load<u8>(p + PENDING) == 0) return at;
    // A waiting count moves the edges that come after it takes effect.
    const change = load<u64>(p + NEXT_TICK);
    if (at <= change) return at;
    const next: u64 = load<u32>(p + NEXT);
    const first = (change - start) % n != 0 ? change + next / 2 : change + next;
    return since < first ? first : first + ((since - first) / next + 1) * next;
  }
  return NEVER; // modes 1 and 5 need a gate edge, and GATE 0 is tied high
}

function fromBcd(raw: u32): u32 {
  const n = (raw & 15) + ((raw >>> 4) & 15) * 10 + ((raw >>> 8) & 15) * 100 + ((raw >>> 12) & 15) * 1000;
  return n == 0 ? 10000 : n;
}

function toBcd(n: u32): u32 {
  return (n % 10) | (((n / 10) % 10) << 4) | (((n / 100) % 10) << 8) | (((n / 1000) % 10) << 12);
}
