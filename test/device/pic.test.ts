import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { Board } from './board.js';

const board = new Board();
beforeEach(() => board.reset());

describe('8259A', () => {
  it('comes up masked and silent', () => {
    for (let irq = 0; irq < 16; irq++) board.line(irq, true);
    expect(board.intr).toBe(false);
    expect([board.in(0x21), board.in(0xa1)]).toEqual([0xff, 0xff]);
  });

  it('delivers the vector of ICW2 and keeps lower levels waiting until EOI', () => {
    board.initPics();
    board.line(5, true);
    board.line(3, true);
    expect(board.intr).toBe(true);
    expect(board.acknowledge()).toBe(0x23);
    expect(board.intr).toBe(false);
    board.out(0x20, 0x20);
    expect(board.intr).toBe(true);
    expect(board.acknowledge()).toBe(0x25);
  });

  it('lets a higher level interrupt the service of a lower one', () => {
    board.initPics();
    board.line(5, true);
    board.acknowledge();
    board.line(1, true);
    expect(board.intr).toBe(true);
    expect(board.acknowledge()).toBe(0x21);
    board.out(0x20, 0x0b);
    expect(board.in(0x20)).toBe(0x22);
  });

  it('takes slave interrupts through IR2 and needs two EOIs', () => {
    board.initPics();
    board.line(8, true);
    board.line(15, true);
    expect(board.acknowledge()).toBe(0x28);
    expect(board.intr).toBe(false);
    board.out(0xa0, 0x20);
    expect(board.intr).toBe(false);
    board.out(0x20, 0x20);
    expect(board.acknowledge()).toBe(0x2f);
  });

  it('answers an INTA without a request with level 7 and sets no in-service bit', () => {
    board.initPics();
    expect(board.acknowledge()).toBe(0x27);
    board.out(0x20, 0x0b);
    expect(board.in(0x20)).toBe(0);
  });

  it('holds an edge until it is served and needs a new edge for the next request', () => {
    board.initPics();
    board.line(4, true);
    board.line(4, false);
    expect(board.acknowledge()).toBe(0x24);
    board.out(0x20, 0x64);
    expect(board.intr).toBe(false);
    board.line(4, true);
    expect(board.intr).toBe(true);
  });

  it('follows a level-triggered line', () => {
    board.initPics();
    board.out(0x4d0, 0xff);
    expect(board.in(0x4d0)).toBe(0xf8);
    board.line(4, true);
    board.line(4, false);
    expect(board.intr).toBe(false);
    board.line(4, true);
    board.acknowledge();
    board.out(0x20, 0x64);
    expect(board.intr).toBe(true);
  });

  it('ends interrupts by itself in AEOI mode', () => {
    board.initPics(3);
    board.line(1, true);
    board.line(6, true);
    expect(board.acknowledge()).toBe(0x21);
    expect(board.acknowledge()).toBe(0x26);
  });

  it('reports and accepts a request by poll', () => {
    board.initPics();
    board.out(0x20, 0x0c);
    expect(board.in(0x20)).toBe(0);
    board.line(6, true);
    board.out(0x20, 0x0c);
    expect(board.in(0x20)).toBe(0x86);
    expect(board.intr).toBe(false);
  });

  it('lets everything unmasked through in special mask mode', () => {
    board.initPics();
    board.line(1, true);
    board.acknowledge();
    board.out(0x21, 1 << 1);
    board.line(6, true);
    expect(board.intr).toBe(false);
    board.out(0x20, 0x68);
    expect(board.intr).toBe(true);
    expect(board.acknowledge()).toBe(0x26);
  });
});

/** One chip, written from the data sheet with sets and lists; levels in the order of priority. */
class Model {
  order = [0, 1, 2, 3, 4, 5, 6, 7];
  requests = new Set<number>();
  service = new Set<number>();
  masked = new Set<number>();
  high = new Set<number>();
  special = false;

  winner(): number | undefined {
    for (const level of this.order) {
      if (this.service.has(level) && !(this.special && this.masked.has(level))) return undefined;
      if (this.requests.has(level) && !this.masked.has(level)) return level;
    }
    return undefined;
  }
  line(level: number, high: boolean): void {
    if (high && !this.high.has(level)) this.requests.add(level);
    if (high) this.high.add(level);
    else this.high.delete(level);
  }
  acknowledge(): number {
    const level = this.winner();
    if (level === undefined) return 7;
    this.requests.delete(level);
    this.service.add(level);
    return level;
  }
  eoi(level: number | undefined, rotate: boolean): void {
    const ended = level ?? this.order.find((n) => this.service.has(n) && !(this.special && this.masked.has(n)));
    if (ended === undefined) return;
    this.service.delete(ended);
    if (rotate) this.lowest(ended);
  }
  lowest(level: number): void {
    while (this.order[7] !== level) this.order.push(this.order.shift()!);
  }
}

const byte = (set: ReadonlySet<number>): number => [...set].reduce((sum, level) => sum | (1 << level), 0);
const level = fc.integer({ min: 0, max: 7 });
const action = fc.oneof(
  fc.record({ do: fc.constant('line' as const), level, high: fc.boolean() }),
  fc.record({ do: fc.constant('mask' as const), mask: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ do: fc.constant('ack' as const) }),
  fc.record({ do: fc.constant('eoi' as const), level: fc.option(level, { nil: undefined }), rotate: fc.boolean() }),
  fc.record({ do: fc.constant('lowest' as const), level }),
  fc.record({ do: fc.constant('special' as const), on: fc.boolean() }),
);

describe('8259A against a model', () => {
  it('agrees on INTR, vectors, IRR, ISR and IMR after every action', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        board.reset();
        board.initPics();
        board.out(0xa1, 0xff); // the slave is quiet: IR2 is an input like the others, but its line has no source
        const model = new Model();
        for (const a of actions) {
          if (a.do === 'line' && a.level !== 2) {
            board.line(a.level, a.high);
            model.line(a.level, a.high);
          } else if (a.do === 'mask') {
            board.out(0x21, a.mask);
            model.masked = new Set([0, 1, 2, 3, 4, 5, 6, 7].filter((n) => (a.mask >> n) & 1));
          } else if (a.do === 'ack') {
            expect(board.acknowledge()).toBe(0x20 | model.acknowledge());
          } else if (a.do === 'eoi') {
            board.out(0x20, 0x20 | (a.rotate ? 0x80 : 0) | (a.level === undefined ? 0 : 0x40 | a.level));
            model.eoi(a.level, a.rotate);
          } else if (a.do === 'lowest') {
            board.out(0x20, 0xc0 | a.level);
            model.lowest(a.level);
          } else if (a.do === 'special') {
            board.out(0x20, a.on ? 0x68 : 0x48);
            model.special = a.on;
          }
          expect(board.intr).toBe(model.winner() !== undefined);
          board.out(0x20, 0x0a);
          expect(board.in(0x20)).toBe(byte(model.requests));
          board.out(0x20, 0x0b);
          expect(board.in(0x20)).toBe(byte(model.service));
          expect(board.in(0x21)).toBe(byte(model.masked));
        }
      }),
      { numRuns: 300 },
    );
  });
});
