import { beforeEach, describe, expect, it } from 'vitest';
import { DomainView } from '../../src/machine/views.js';
import { Board } from './board.js';

const board = new Board();
const COM1 = 0x3f8;
const [DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR] = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => COM1 + n) as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

beforeEach(() => {
  board.reset();
  board.initPics();
});

function feed(text: string): number {
  return new DomainView(board.core, board.domain).feedInput(Buffer.from(text, 'latin1'));
}
function receive(): string {
  let text = '';
  while (board.in(LSR) & 1) text += String.fromCharCode(board.in(DATA));
  return text;
}

describe('16550A', () => {
  it('sends a byte at once and is ready for the next', () => {
    for (const c of 'Hello') {
      expect(board.in(LSR) & 0x60).toBe(0x60);
      board.out(DATA, c.charCodeAt(0));
    }
    expect(board.console).toBe('Hello');
  });

  it('hides data and interrupt enable behind DLAB', () => {
    board.out(IER, 0x0f);
    board.out(LCR, 0x83);
    board.out(DATA, 0x0c);
    board.out(IER, 0x01);
    expect([board.in(DATA), board.in(IER)]).toEqual([0x0c, 0x01]);
    board.out(LCR, 0x03);
    expect(board.in(IER)).toBe(0x0f);
    expect(board.console).toBe('');
  });

  it('keeps the scratch register and the line control', () => {
    for (const value of [0, 0x55, 0xaa, 0xff]) {
      board.out(SCR, value);
      expect(board.in(SCR)).toBe(value);
    }
    board.out(LCR, 0x1b);
    expect(board.in(LCR)).toBe(0x1b);
  });

  it('hands over input in order, without and with FIFO', () => {
    feed('without FIFO');
    expect(receive()).toBe('without FIFO');
    board.out(IIR, 0x01);
    feed('with FIFO, and more of it than fits into sixteen bytes');
    expect(receive()).toBe('with FIFO, and more of it than fits into sixteen bytes');
    expect(board.in(LSR) & 1).toBe(0);
  });

  it('takes as much input as its ring holds', () => {
    expect(feed('x'.repeat(5000))).toBe(board.core.layout.DOMAIN_INPUT_SIZE);
    expect(receive().length).toBe(board.core.layout.DOMAIN_INPUT_SIZE);
  });

  it('interrupts on IRQ 4 only with OUT2, and names the source in IIR', () => {
    board.out(IER, 1);
    feed('a');
    expect(board.intr).toBe(false);
    board.out(MCR, 0x08);
    expect(board.intr).toBe(true);
    expect(board.in(IIR)).toBe(0x04);
    expect(board.acknowledge()).toBe(0x24);
    receive();
    expect(board.in(IIR)).toBe(0x01);
  });

  it('tells a full FIFO from a timeout', () => {
    board.out(IIR, 0x81); // trigger level 8
    board.out(IER, 1);
    feed('1234567');
    expect(board.in(IIR)).toBe(0xcc);
    feed('8');
    expect(board.in(IIR)).toBe(0xc4);
  });

  it('raises THRE when it is enabled and after every byte, and drops it when IIR was read', () => {
    board.out(MCR, 0x08);
    board.out(IER, 2);
    expect(board.intr).toBe(true);
    expect(board.acknowledge()).toBe(0x24);
    board.out(0x20, 0x20);
    expect(board.in(IIR)).toBe(0x02);
    expect(board.in(IIR)).toBe(0x01);
    expect(board.intr).toBe(false);
    board.out(DATA, 0x41);
    expect(board.intr).toBe(true);
  });

  it('loops back data and modem lines', () => {
    board.out(MCR, 0x1a);
    expect(board.in(MSR) & 0xf0).toBe(0x90);
    board.out(DATA, 0x5a);
    expect(board.in(LSR) & 1).toBe(1);
    expect(board.in(DATA)).toBe(0x5a);
    expect(board.console).toBe('');
    board.out(MCR, 0x0b);
    expect(board.in(MSR) & 0xf0).toBe(0xb0);
  });

  it('reports an overrun once', () => {
    board.out(MCR, 0x10);
    board.out(DATA, 1);
    board.out(DATA, 2);
    expect(board.in(LSR) & 2).toBe(2);
    expect(board.in(LSR) & 2).toBe(0);
    expect(board.in(DATA)).toBe(1);
  });
});
