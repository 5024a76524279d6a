import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { Board } from './board.js';

const board = new Board();
beforeEach(() => board.reset());

/**
 * One channel of an 8254, clocked pulse by pulse as the data sheet's "Mode Definitions" describe it: a counting element, a
 * count register, a flip-flop for OUT. Nothing is computed from elapsed time.
 */
class Channel {
  mode = 0;
  out = false;
  gate = true;
  register = 0; // 1 … 65536
  element = 0;
  loaded = false; // the element holds a count
  waiting = false; // the register has been written and not been transferred
  started = false; // modes 2 and 3 have had their first count
  trigger = false; // modes 1 and 5: rising edge of GATE since the last pulse
  strobe = false; // armed: reaching zero moves OUT
  odd = false; // mode 3: the count in use is odd
  high = true; // mode 3: which half

  control(mode: number): void {
    this.mode = mode;
    this.out = mode !== 0;
    this.loaded = this.waiting = this.started = this.strobe = false;
    this.high = true;
  }
  write(count: number): void {
    this.register = count;
    this.waiting = true;
    if (this.mode === 0) this.out = false;
  }
  setGate(high: boolean): void {
    if (high && !this.gate) this.trigger = true;
    this.gate = high;
    if (!high && (this.mode === 2 || this.mode === 3)) this.out = true;
  }
  pulse(): void {
    const trigger = this.trigger;
    this.trigger = false;
    if (this.mode === 0 || this.mode === 4) {
      if (this.waiting) {
        this.transfer();
        this.strobe = true;
        this.out = this.mode === 4;
      } else if (this.loaded) {
        if (this.mode === 4) this.out = true;
        if (this.gate) this.count();
      }
    } else if (this.mode === 2) {
      if (this.waiting && (!this.started || trigger)) this.restart();
      else if (this.started && trigger) this.restart();
      else if (this.started && this.gate) {
        if (this.element === 1) this.restart();
        else this.element--;
        this.out = this.element !== 1;
      }
    } else if (this.mode === 3) {
      if ((this.waiting && !this.started) || (this.started && trigger)) this.restart();
      else if (this.started && this.gate) this.square();
    } else if (trigger && (this.loaded || this.waiting)) {
      this.transfer();
      this.strobe = true;
      this.out = this.mode === 5;
    } else if (this.loaded) {
      if (this.mode === 5) this.out = true;
      this.count();
    }
  }
  transfer(): void {
    this.element = this.register;
    this.odd = this.register % 2 === 1;
    this.loaded = true;
    this.waiting = false;
  }
  restart(): void {
    this.transfer();
    this.started = true;
    this.high = true;
    this.out = this.mode === 3 || this.element !== 1;
    if (this.mode === 3) this.element &= ~1;
  }
  count(): void {
    this.element = this.element === 0 ? 65535 : this.element - 1;
    if (this.element !== 0 || !this.strobe) return;
    this.strobe = false;
    this.out = this.mode === 0 || this.mode === 1;
  }
  /** Counts by two. The high half of an odd count is one pulse longer. */
  square(): void {
    const last = this.high && this.odd ? 0 : 2;
    if (this.element > last) {
      this.element -= 2;
      return;
    }
    this.high = !this.high;
    this.out = this.high;
    this.transfer();
    this.element &= ~1;
  }
}

const CHANNEL = 2;
const PORT = 0x40 + CHANNEL;

function control(mode: number, now: number): void {
  board.out(0x43, (CHANNEL << 6) | 0x30 | (mode << 1), now);
}
function write(count: number, now: number): void {
  board.out(PORT, count & 0xff, now);
  board.out(PORT, (count >> 8) & 0xff, now);
}
function read(now: number): number {
  board.out(0x43, CHANNEL << 6, now); // counter latch
  return board.in(PORT, now) | (board.in(PORT, now) << 8);
}
function out(now: number): boolean {
  return (board.in(0x61, now) & 0x20) !== 0;
}

describe('8254 against a pulse-by-pulse model', () => {
  const step = fc.record({
    wait: fc.integer({ min: 1, max: 40 }),
    act: fc.oneof(
      fc.constant('look' as const),
      fc.constant('look' as const),
      fc.constant('write' as const),
      fc.constant('gate' as const),
    ),
    count: fc.integer({ min: 3, max: 30 }),
  });
  for (const mode of [0, 1, 2, 3, 4, 5]) {
    it(`agrees on OUT and the count in mode ${mode}`, () => {
      fc.assert(
        fc.property(
          fc.integer({ min: 3, max: 30 }),
          fc.boolean(),
          fc.array(step, { maxLength: 25 }),
          (n, gate, steps) => {
            board.reset();
            const model = new Channel();
            model.setGate(false);
            let now = 10;
            let high = mode === 1 || mode === 5 ? false : gate;
            board.out(0x61, high ? 1 : 0, now);
            model.setGate(high);
            model.trigger = false;
            control(mode, now);
            model.control(mode);
            write(n, now);
            model.write(n);
            for (const { wait, act, count } of steps) {
              for (let i = 0; i < wait; i++) model.pulse();
              now += wait;
              expect([now, out(now)]).toEqual([now, model.out]);
              if (model.loaded) expect([now, read(now)]).toEqual([now, model.element & 0xffff]);
              // A second count before the first has taken effect is not what software does.
              if (act === 'write' && !model.waiting && (high || (mode !== 2 && mode !== 3))) {
                write(count, now);
                model.write(count);
              } else if (act === 'gate' && !model.waiting) {
                high = !high;
                board.out(0x61, high ? 1 : 0, now);
                model.setGate(high);
              }
            }
          },
        ),
        { numRuns: 150 },
      );
    });
  }
});

describe('8254 programming', () => {
  it('reads the status with mode, access, null count and OUT', () => {
    control(3, 0);
    board.out(0x43, 0xe0 | (1 << (CHANNEL + 1)), 0); // read-back: status only
    expect(board.in(PORT, 0)).toBe(0x80 | 0x40 | 0x30 | (3 << 1));
    board.out(0x61, 1, 0);
    write(100, 0);
    board.out(0x43, 0xe0 | (1 << (CHANNEL + 1)), 5);
    expect(board.in(PORT, 5)).toBe(0x80 | 0x30 | (3 << 1));
  });

  it('latches status and count of several channels with one read-back', () => {
    board.out(0x61, 1, 0);
    control(2, 0);
    write(1000, 0);
    board.out(0x43, 0x34, 0);
    board.out(0x40, 0, 0);
    board.out(0x40, 0, 0);
    board.out(0x43, 0xc0 | 2 | 8, 101);
    expect([board.in(PORT, 500), board.in(PORT, 500), board.in(PORT, 500)]).toEqual([0xb4, 900 & 0xff, 900 >> 8]);
    expect([board.in(0x40, 500), board.in(0x40, 500), board.in(0x40, 500)]).toEqual([0xb4, 65436 & 0xff, 65436 >> 8]);
  });

  it('counts in BCD', () => {
    board.out(0x61, 1, 0);
    board.out(0x43, 0x80 | 0x30 | (2 << 1) | 1, 0);
    write(0x1000, 0);
    expect(read(1)).toBe(0x1000);
    expect(read(2)).toBe(0x0999);
    expect(read(1 + 999)).toBe(0x0001);
    expect(read(1 + 1000)).toBe(0x1000);
  });
});

describe('IRQ 0', () => {
  const MODE2 = 0x34;

  function start(divisor: number, now: number): void {
    board.initPics();
    board.out(0x43, MODE2, now);
    board.out(0x40, divisor & 0xff, now);
    board.out(0x40, divisor >> 8, now);
    // The mode change raised OUT: serve that first edge.
    board.acknowledge();
    board.out(0x20, 0x20, now);
  }

  it('comes once per period, at the tick that pitDeadline foretells', () => {
    start(100, 0);
    const { call } = board.core;
    for (let k = 1; k <= 5; k++) {
      const deadline = call.pitDeadline(board.domain);
      expect(deadline).toBe(1 + 100 * k);
      call.pitSync(board.domain, deadline - 1);
      expect(board.intr).toBe(false);
      call.pitSync(board.domain, deadline);
      expect(board.acknowledge()).toBe(0x20);
      board.out(0x20, 0x20, deadline);
    }
  });

  it('merges periods that nobody looked at into one request', () => {
    start(100, 0);
    board.core.call.pitSync(board.domain, 100_000);
    expect(board.acknowledge()).toBe(0x20);
    board.out(0x20, 0x20, 100_000);
    expect(board.intr).toBe(false);
  });

  it('fires once in mode 0', () => {
    board.initPics();
    board.out(0x43, 0x30, 0);
    board.out(0x40, 50, 0);
    board.out(0x40, 0, 0);
    const { call } = board.core;
    expect(call.pitDeadline(board.domain)).toBe(51);
    call.pitSync(board.domain, 51);
    expect(board.acknowledge()).toBe(0x20);
    expect(call.pitDeadline(board.domain)).toBe(2 ** 53);
  });

  it('keeps its ticks exact at clocks that are no multiple of the input', () => {
    board.core.writeF64(board.core.layout.HOST_FREQUENCY, 1e9);
    board.initPics();
    board.out(0x43, MODE2, 0);
    board.out(0x40, 0x9c, 0); // 11932: about 100 Hz
    board.out(0x40, 0x2e, 0);
    const { call } = board.core;
    let last = 0;
    for (let k = 1; k <= 1000; k++) {
      last = call.pitDeadline(board.domain);
      call.pitSync(board.domain, last);
    }
    expect(last).toBe(Math.ceil(((1 + 11932 * 1000) * 1e9) / 1193182));
    board.core.writeF64(board.core.layout.HOST_FREQUENCY, 1193182);
  });
});
