import { beforeEach, describe, expect, it } from 'vitest';
import {
  CODE,
  CONFORMING,
  CS,
  DATA,
  DB,
  DF,
  dpl,
  GDT,
  GP,
  IDT,
  IF,
  INT16,
  INT32,
  iopl,
  NO_ERROR,
  NP,
  NT,
  P,
  PF,
  RF,
  SS,
  SSF,
  SystemMachine,
  TABLES,
  TF,
  TRAP32,
  TSF,
  TSS,
  VM,
  WIDE,
} from './system-machine.js';

const m = new SystemMachine();
const RETURN = 0x5555;
const HANDLER = 0x7000;
const EXIT_TRIPLE_FAULT = 2;

beforeEach(() => {
  m.reset();
  m.flat(0x08, P | CODE);
  m.flat(0x10, P | DATA);
  m.setU32(TSS + 4, 0x18000);
  m.setU32(TSS + 8, 0x10);
  m.eip = RETURN;
});

describe('delivery through the IDT', () => {
  it('on the same stack at the same level', () => {
    m.eflags = IF | TF | NT | 0xd7;
    m.idt(GP, 0x08, HANDLER, P | INT32);
    const before = m.counter('COUNTER_EXCEPTION');
    m.call.deliverException(m.s, GP, 0x1230, 0);
    expect(m.fault()).toBeUndefined();
    // A fault pushes RF; an interrupt gate clears IF, every gate TF, NT, RF, VM.
    expect(m.words(m.esp, 4)).toEqual([0x1230, RETURN, 0x08, IF | TF | NT | RF | 0xd7]);
    expect([m.esp, m.eip, m.selector(CS), m.eflags]).toEqual([0x20000 - 16, HANDLER, 0x08, 0xd7]);
    expect(m.counter('COUNTER_EXCEPTION')).toBe(before + 1);
  });
  it('on the stack of the TSS at an inner level', () => {
    m.setLevel(3);
    m.eflags = IF | 2;
    m.idt(0x20, 0x08, HANDLER, P | TRAP32);
    m.setV('VCPU_ACTIVITY', 1);
    m.call.deliverInterrupt(m.s, 0x20, 1);
    expect(m.fault()).toBeUndefined();
    expect(m.words(m.esp, 5)).toEqual([RETURN, 0x0b, IF | 2, 0x20000, 0x13]);
    expect([m.esp, m.selector(SS), m.cpl, m.eflags]).toEqual([0x18000 - 20, 0x10, 0, IF | 2]);
    expect(m.v('VCPU_ACTIVITY')).toBe(0);
    expect([m.accessByte(0x08), m.accessByte(0x10)]).toEqual([P | CODE | 1, P | DATA | 1]);
  });
  it('in a conforming segment at the level of the interrupted code', () => {
    m.setLevel(3);
    m.flat(0x40, P | CONFORMING);
    m.idt(0x20, 0x40, HANDLER, P | INT32);
    m.call.deliverInterrupt(m.s, 0x20, 1);
    expect(m.fault()).toBeUndefined();
    expect([m.cpl, m.selector(CS), m.esp]).toEqual([3, 0x43, 0x20000 - 12]);
  });
  it('through a 16-bit gate in words', () => {
    m.idt(GP, 0x08, 0xabcd7000, P | INT16);
    m.eflags = NT | 2;
    m.call.deliverException(m.s, GP, 0, 0);
    expect(m.words(m.esp, 4, 2)).toEqual([0, RETURN, 0x08, NT | 2]);
    expect([m.esp, m.eip]).toEqual([0x20000 - 8, HANDLER]);
  });
  it('sets CR2, DR6 and DR7.GD as the vector says', () => {
    m.idt(PF, 0x08, HANDLER, P | INT32);
    m.idt(DB, 0x08, HANDLER, P | INT32);
    const before = m.counter('COUNTER_PAGE_FAULT');
    m.call.deliverException(m.s, PF, 6, 0xcafebabe);
    expect([m.v('VCPU_CR2'), m.counter('COUNTER_PAGE_FAULT') - before]).toEqual([0xcafebabe, 1]);
    m.setV('VCPU_DR7', 0x2400);
    m.call.deliverException(m.s, DB, NO_ERROR, 1 << 14);
    expect([m.v('VCPU_DR6'), m.v('VCPU_DR7')]).toEqual([0xffff4ff0, 0x400]);
    expect(m.words(m.esp, 3)[2] ?? 0).toBe(2); // a trap: RF is not pushed
    m.call.deliverException(m.s, DB, NO_ERROR, 1 << 13);
    expect(m.v('VCPU_DR6')).toBe(0xffff6ff0);
    expect((m.words(m.esp, 3)[2] ?? 0) & RF).toBe(RF); // general detect: a fault
  });
});

describe('software interrupts', () => {
  it('are limited by the gate’s DPL, and say so with the vector', () => {
    m.setLevel(3);
    m.idt(0x30, 0x08, HANDLER, P | INT32 | dpl(2));
    const before = m.state();
    m.call.softwareInterrupt(m.s, 0x30, RETURN + 2, 0);
    expect(m.fault()).toEqual({ vector: GP, error: 0x30 * 8 + 2 });
    expect(m.state()).toBe(before);
    m.idt(0x30, 0x08, HANDLER, P | INT32 | dpl(3));
    m.call.softwareInterrupt(m.s, 0x30, RETURN + 2, 0);
    expect(m.fault()).toBeUndefined();
    expect(m.words(m.esp, 2)).toEqual([RETURN + 2, 0x0b]);
  });
  it('name what is wrong with the gate and its target, and change nothing', () => {
    const cases: [change: () => void, vector: number, error: number][] = [
      [() => m.setV('VCPU_IDTR_LIMIT', 0x30 * 8 + 6), GP, 0x182],
      [() => m.idt(0x30, 0x08, HANDLER, P | dpl(3) | 12), GP, 0x182],
      [() => m.idt(0x30, 0x08, HANDLER, P | dpl(3) | 0x1e), GP, 0x182],
      [() => m.idt(0x30, 0x08, HANDLER, dpl(3) | INT32), NP, 0x182],
      [() => m.idt(0x30, 3, HANDLER, P | dpl(3) | INT32), GP, 0],
      [() => m.idt(0x30, 0x808, HANDLER, P | dpl(3) | INT32), GP, 0x808],
      [() => m.flat(0x08, P | DATA), GP, 0x08],
      [() => m.flat(0x08, CODE), NP, 0x08],
      [() => m.descriptor(GDT + 0x08, 0, HANDLER - 1, P | CODE, WIDE), GP, 0],
      [() => m.setU32(TSS + 8, 0), TSF, 0],
      [() => m.setU32(TSS + 8, 0x13), TSF, 0x10],
      [() => m.flat(0x10, DATA), SSF, 0x10],
      [() => m.descriptor(GDT + 0x10, 0, 0x17ff3, P | DATA, WIDE), SSF, 0x10],
    ];
    for (const [change, vector, error] of cases) {
      m.flat(0x08, P | CODE);
      m.flat(0x10, P | DATA);
      m.setU32(TSS + 8, 0x10);
      m.setV('VCPU_IDTR_LIMIT', 0x7ff);
      m.setLevel(3);
      m.idt(0x30, 0x08, HANDLER, P | INT32 | dpl(3));
      change();
      const before = m.state();
      m.call.softwareInterrupt(m.s, 0x30, RETURN + 2, 0);
      expect(m.fault()).toEqual({ vector, error });
      expect(m.state()).toBe(before);
    }
  });
  it('INT n needs IOPL 3 in virtual-8086 mode, INT3 does not', () => {
    m.setV('VCPU_CPL', 3);
    for (let index = 0; index < 6; index++) m.setSegment(index, 0x1000, 0x10000, 0xffff, 0xf3);
    m.eflags = VM | iopl(2) | 2;
    m.idt(3, 0x08, HANDLER, P | INT32 | dpl(3));
    m.call.softwareInterrupt(m.s, 3, RETURN, 0);
    expect(m.fault()).toEqual({ vector: GP, error: 0 });
    m.call.softwareInterrupt(m.s, 3, RETURN, 1);
    expect(m.fault()).toBeUndefined();
    expect(m.words(m.esp, 9)).toEqual([
      RETURN,
      0x1000,
      VM | iopl(2) | 2,
      0x20000,
      0x1000,
      0x1000,
      0x1000,
      0x1000,
      0x1000,
    ]);
  });
  it('from virtual-8086 mode enter level 0 only', () => {
    m.setV('VCPU_CPL', 3);
    for (let index = 0; index < 6; index++) m.setSegment(index, 0x1000, 0x10000, 0xffff, 0xf3);
    m.eflags = VM | iopl(3) | 2;
    m.flat(0x40, P | CODE | dpl(1));
    m.flat(0x48, P | CONFORMING);
    for (const selector of [0x40, 0x48]) {
      m.idt(0x30, selector, HANDLER, P | INT32 | dpl(3));
      m.call.softwareInterrupt(m.s, 0x30, RETURN, 0);
      expect(m.fault()).toEqual({ vector: GP, error: selector });
    }
  });
  it('INTO traps only on overflow', () => {
    m.idt(4, 0x08, HANDLER, P | INT32);
    m.call.interruptOverflow(m.s, RETURN);
    expect(m.eip).toBe(RETURN);
    m.eflags = 0x802;
    m.call.interruptOverflow(m.s, RETURN);
    expect([m.eip, m.u32(m.esp)]).toEqual([HANDLER, RETURN]);
  });
});

describe('real mode', () => {
  beforeEach(() => {
    m.setV('VCPU_CR0', 0x10);
    m.setV('VCPU_IDTR_BASE', 0);
    m.setV('VCPU_IDTR_LIMIT', 0x3ff);
    m.setSegment(CS, 0x100, 0x1000, 0xffff, 0x93);
    m.setSegment(SS, 0x1000, 0x10000, 0xffff, 0x93);
    m.esp = 0x200;
  });
  it('delivers through the vector table without error code', () => {
    m.setU32(GP * 4, 0x20000030 | 0x1000);
    m.eflags = IF | TF | 2;
    m.call.deliverException(m.s, GP, 0, 0);
    expect(m.words(0x101fa, 3, 2)).toEqual([RETURN, 0x100, IF | TF | 2]);
    expect([m.esp, m.eip, m.selector(CS), m.base(CS), m.eflags]).toEqual([0x1fa, 0x1030, 0x2000, 0x20000, 2]);
  });
  it('ends in shutdown where the table is too small for a double fault', () => {
    m.setV('VCPU_IDTR_LIMIT', 7);
    m.call.deliverException(m.s, GP, 0, 0);
    expect(m.exit()).toBe(EXIT_TRIPLE_FAULT);
    expect(m.v('VCPU_ACTIVITY')).toBe(2);
  });
});

describe('a fault during delivery', () => {
  /** Vectors whose gates are absent raise #NP; `bad` lists them, all others enter HANDLER + vector. */
  function idt(bad: number[]): void {
    for (let vector = 0; vector < 64; vector++)
      m.idt(vector, 0x08, HANDLER + vector, bad.includes(vector) ? INT32 : P | INT32);
  }
  const entered = () => m.eip - HANDLER;

  it('of a benign event is delivered in its place, with EXT', () => {
    idt([6]);
    m.call.deliverException(m.s, 6, NO_ERROR, 0);
    expect(entered()).toBe(NP);
    expect(m.words(m.esp, 2)).toEqual([6 * 8 + 2 + 1, RETURN]);
    m.esp = 0x20000;
    m.eip = RETURN;
    idt([0x30]);
    m.call.deliverInterrupt(m.s, 0x30, 1);
    expect(entered()).toBe(NP);
    expect(m.words(m.esp, 2)).toEqual([0x30 * 8 + 2 + 1, RETURN]);
    m.eip = RETURN;
    m.call.deliverInterrupt(m.s, 0x30, 0);
    expect(m.words(m.esp, 2)).toEqual([0x30 * 8 + 2, RETURN]);
  });
  it('of a contributory exception, if contributory, is a double fault', () => {
    for (const vector of [0, TSF, NP, SSF, GP]) {
      idt([vector, NP]);
      m.eip = RETURN;
      m.esp = 0x20000;
      const before = m.counter('COUNTER_DOUBLE_FAULT');
      m.call.deliverException(m.s, vector, vector === 0 ? NO_ERROR : 0, 0);
      expect(entered()).toBe(DF);
      expect(m.words(m.esp, 2)).toEqual([0, RETURN]);
      expect(m.counter('COUNTER_DOUBLE_FAULT')).toBe(before + 1);
    }
  });
  it('of a page fault is a double fault if contributory', () => {
    idt([PF]);
    m.call.deliverException(m.s, PF, 2, 0x1234);
    expect(entered()).toBe(DF);
    expect(m.v('VCPU_CR2')).toBe(0x1234);
  });
  it('of a double fault is a triple fault', () => {
    idt([GP, DF]);
    const before = m.state();
    m.call.deliverException(m.s, GP, 0, 0);
    expect(m.exit()).toBe(EXIT_TRIPLE_FAULT);
    expect(m.v('VCPU_ACTIVITY')).toBe(2);
    expect(m.state()).toBe(before);
  });

  /** Identity paging of the first 4 MiB with 4 KiB pages; `absent` pages are not mapped. */
  function paging(absent: number[]): void {
    m.setU32(TABLES, (TABLES + 0x1000) | 3);
    for (let page = 0; page < 0x100; page++)
      m.setU32(TABLES + 0x1000 + 4 * page, absent.includes(page << 12) ? 0 : (page << 12) | 3);
    m.setV('VCPU_CR3', TABLES);
    m.setV('VCPU_CR0', 0x80010011);
    m.call.flushAll(m.s);
  }
  it('of a contributory exception, if a page fault, is delivered in its place', () => {
    idt([]);
    paging([0x18000]);
    m.flat(0x18, P | DATA | dpl(1));
    m.flat(0x40, P | CODE | dpl(1));
    m.setU32(TSS + 12, 0x19000); // level 1: #GP's stack, on the absent page
    m.setU32(TSS + 16, 0x19);
    m.idt(GP, 0x40, HANDLER, P | INT32);
    m.setLevel(3);
    m.call.deliverException(m.s, GP, 0, 0);
    expect(entered()).toBe(PF);
    expect(m.v('VCPU_CR2')).toBe(0x18ffc);
    expect(m.words(m.esp, 3)).toEqual([2, RETURN, 0x0b]);
  });
  it('of a page fault, if a page fault, is a double fault', () => {
    idt([]);
    paging([0x18000]);
    m.setU32(TSS + 4, 0x19000);
    m.setLevel(3);
    m.call.deliverException(m.s, PF, 0, 0);
    expect(m.exit()).toBe(EXIT_TRIPLE_FAULT); // #PF, #PF, #DF, #PF
    expect(m.v('VCPU_CR2')).toBe(0x18ffc);
  });
  it('that is a page fault is delivered at the original instruction', () => {
    idt([]);
    // The gates up to #SS lie on one page, those from #GP on on the next, which is absent.
    m.setV('VCPU_IDTR_BASE', 0x21000 - 8 * GP);
    for (let n = 0; n < GP; n++) m.gate(0x21000 - 8 * (GP - n), 0x08, HANDLER + n, P | INT32);
    paging([0x21000]);
    m.call.deliverException(m.s, GP, 0, 0);
    expect(entered()).toBe(DF); // #GP, #PF, #PF
    expect(m.v('VCPU_CR2')).toBe(0x21008);
    expect(m.words(m.esp, 2)).toEqual([0, RETURN]);
  });
});

describe('a VM exit during delivery', () => {
  it('keeps the event, and delivers it when it is resumed', () => {
    m.idt(PF, 0x08, HANDLER, P | INT32);
    m.setV('VCPU_IDTR_BASE', 0x100);
    // An EPT with no entry at all: every access exits.
    m.setV('VCPU_EPTP', (TABLES + 0x2000) | 0x1e);
    m.call.flushAll(m.s);
    const before = m.state();
    m.call.deliverException(m.s, PF, 2, 0x4444);
    expect(m.exit()).toBe(48);
    expect(m.state()).toBe(before);
    expect([m.v('VCPU_VECTORING_INFO'), m.v('VCPU_VECTORING_ERROR')]).toEqual([0x80000b0e, 2]);
    m.setV('VCPU_EPTP', 0);
    m.setV('VCPU_IDTR_BASE', IDT);
    m.call.flushAll(m.s);
    m.call.resumeDelivery(m.s);
    expect(m.fault()).toBeUndefined();
    expect([m.eip, m.v('VCPU_VECTORING_INFO'), m.v('VCPU_CR2')]).toEqual([HANDLER, 0, 0x4444]);
    expect(m.words(m.esp, 2)).toEqual([2, RETURN]);
    m.call.resumeDelivery(m.s);
    expect(m.eip).toBe(HANDLER);
  });
});
