import { beforeEach, describe, expect, it } from 'vitest';
import {
  BUSY,
  CODE,
  CONFORMING,
  CS,
  DATA,
  DB,
  DS,
  dpl,
  ES,
  FS,
  GDT,
  GP,
  GS,
  IF,
  INT32,
  LDT,
  LDT_TYPE,
  LDTR,
  NP,
  NT,
  P,
  RF,
  SS,
  SSF,
  SystemMachine,
  TABLES,
  TASK_GATE,
  TF,
  TR,
  TSF,
  TSS,
  TSS16,
  TSS32,
  VM,
  WIDE,
} from './system-machine.js';

const m = new SystemMachine();
const NEXT = 0x5555;
const NEW = 0x3100; // the new task's TSS
const HANDLER = 0x7000;
const OLD_SELECTOR = 0x28;
const NEW_SELECTOR = 0x30;
const REGISTERS = [0xa1, 0xa2, 0xa3, 0xa4, 0x1c000, 0xa6, 0xa7, 0xa8];

/** A 32-bit TSS for a task of level 3 with an LDT. */
function task32(at: number): void {
  m.setU32(at + 4, 0x18000);
  m.setU32(at + 8, 0x10);
  m.setU32(at + 28, 0x9000);
  m.setU32(at + 32, 0x6000);
  m.setU32(at + 36, IF | 2);
  REGISTERS.forEach((value, n) => {
    m.setU32(at + 40 + 4 * n, value);
  });
  [0x53, 0x4b, 0x53, 0x53, 0x0f, 0].forEach((value, n) => {
    m.setU32(at + 72 + 4 * n, value | 0xabcd0000);
  });
  m.setU16(at + 96, 0x60);
  m.setU16(at + 100, 0);
  m.setU16(at + 102, 0x68);
}

beforeEach(() => {
  m.reset();
  m.flat(0x08, P | CODE);
  m.flat(0x10, P | DATA);
  m.descriptor(GDT + OLD_SELECTOR, TSS, 0x67, P | TSS32 | BUSY, 0);
  m.descriptor(GDT + NEW_SELECTOR, NEW, 0x67, P | TSS32 | dpl(3), 0);
  m.gate(GDT + 0x38, NEW_SELECTOR, 0, P | TASK_GATE | dpl(3));
  m.flat(0x48, P | CODE | dpl(3));
  m.flat(0x50, P | DATA | dpl(3));
  m.descriptor(GDT + 0x60, LDT, 0xff, P | LDT_TYPE, 0);
  m.descriptor(LDT + 8, 0x10000, 0xffff, P | DATA | dpl(3), WIDE);
  m.setU32(TSS + 4, 0x18000);
  m.setU32(TSS + 8, 0x10);
  m.idt(GP, 0x08, HANDLER + GP, P | INT32);
  for (const vector of [DB, TSF, NP, SSF]) m.idt(vector, 0x08, HANDLER + vector, P | INT32);
  task32(NEW);
  m.eip = 0x5550;
  m.setV('VCPU_DR7', 0x7ff);
});

function expectNewTask(): void {
  expect(m.fault()).toBeUndefined();
  expect(REGISTERS.map((_, n) => m.view.getUint32(m.s + 4 * n, true))).toEqual(REGISTERS);
  expect([m.eip, m.cpl]).toEqual([0x6000, 3]);
  expect([ES, CS, SS, DS, FS, GS].map((index) => m.selector(index))).toEqual([0x53, 0x4b, 0x53, 0x53, 0x0f, 0]);
  expect([m.base(FS), m.limit(FS), m.usable(GS)]).toEqual([0x10000, 0xffff, false]);
  expect([m.selector(LDTR), m.base(LDTR), m.selector(TR), m.base(TR)]).toEqual([0x60, LDT, NEW_SELECTOR, NEW]);
  expect(m.access(TR)).toBe(P | TSS32 | BUSY | dpl(3));
  expect([m.v('VCPU_CR0') & 8, m.v('VCPU_DR7')]).toEqual([8, 0x6aa]);
  expect(m.accessByte(NEW_SELECTOR)).toBe(P | TSS32 | BUSY | dpl(3));
}

describe('a task switch', () => {
  for (const selector of [NEW_SELECTOR, 0x38]) {
    const way = selector === NEW_SELECTOR ? 'to the TSS' : 'through a task gate';
    it(`by JMP ${way} saves the old task and loads the new one`, () => {
      m.eflags = IF | 0xd7;
      m.setV('VCPU_EDI', 0x77);
      m.call.farJump(m.s, selector, 0, NEXT, 4);
      expectNewTask();
      expect(m.eflags).toBe(IF | 2);
      expect(m.words(TSS + 32, 2)).toEqual([NEXT, IF | 0xd7]);
      expect(m.words(TSS + 56, 4)).toEqual([0x20000, 0, 0, 0x77]);
      expect(m.words(TSS + 72, 4)).toEqual([0x10, 0x08, 0x10, 0x10]);
      expect(m.accessByte(OLD_SELECTOR)).toBe(P | TSS32);
      expect(m.u32(NEW)).toBe(0);
    });
  }
  it('by CALL nests, and IRET returns', () => {
    m.eflags = IF | 0xd7;
    m.call.farCall(m.s, 0x38, 0, NEXT, 4);
    expectNewTask();
    expect(m.eflags).toBe(IF | NT | 2);
    expect([m.u16(NEW), m.accessByte(OLD_SELECTOR)]).toEqual([OLD_SELECTOR, P | TSS32 | BUSY]);
    m.call.interruptReturn(m.s, 0x6010, 4);
    expect(m.fault()).toBeUndefined();
    expect([m.eip, m.cpl, m.esp, m.eflags, m.selector(TR)]).toEqual([NEXT, 0, 0x20000, IF | 0xd7, OLD_SELECTOR]);
    expect([m.accessByte(OLD_SELECTOR), m.accessByte(NEW_SELECTOR)]).toEqual([P | TSS32 | BUSY, P | TSS32 | dpl(3)]);
    expect(m.words(NEW + 32, 2)).toEqual([0x6010, IF | 2]); // NT is clear in the saved image
  });
  it('by an exception pushes the error code in the new task and saves RF in the old', () => {
    m.idt(GP, NEW_SELECTOR, 0, P | TASK_GATE);
    m.eflags = TF | 2;
    const before = m.counter('COUNTER_EXCEPTION');
    m.call.deliverException(m.s, GP, 0x18, 0);
    REGISTERS[4] = 0x1c000 - 4;
    expectNewTask();
    REGISTERS[4] = 0x1c000;
    expect([m.u32(m.esp), m.eflags]).toEqual([0x18, IF | NT | 2]);
    expect(m.words(TSS + 32, 2)).toEqual([0x5550, TF | RF | 2]);
    expect(m.counter('COUNTER_EXCEPTION')).toBe(before + 1);
  });
  it('loads CR3 where paging is on', () => {
    for (const table of [TABLES, 0x9000]) m.setU32(table, 0xa003);
    for (let page = 0; page < 0x100; page++) m.setU32(0xa000 + 4 * page, (page << 12) | 7);
    m.setU32(0x9000, 0xa007);
    m.setV('VCPU_CR3', TABLES);
    m.setV('VCPU_CR0', 0x80000011);
    m.call.flushAll(m.s);
    m.call.farJump(m.s, NEW_SELECTOR, 0, NEXT, 4);
    expectNewTask();
    expect(m.v('VCPU_CR3')).toBe(0x9000);
  });
  it('to a 16-bit TSS moves words and makes FS and GS null', () => {
    m.descriptor(GDT + NEW_SELECTOR, NEW, 0x2b, P | TSS16 | dpl(3), 0);
    [0x6000, IF | 2, 1, 2, 3, 4, 0xc000, 6, 7, 8, 0x53, 0x4b, 0x53, 0x53, 0x60].forEach((value, n) => {
      m.setU16(NEW + 14 + 2 * n, value);
    });
    m.call.farCall(m.s, NEW_SELECTOR, 0, NEXT, 4);
    expect(m.fault()).toBeUndefined();
    expect([m.eip, m.esp, m.v('VCPU_EAX'), m.v('VCPU_EDI'), m.eflags]).toEqual([0x6000, 0xc000, 1, 8, IF | NT | 2]);
    expect([m.usable(FS), m.usable(GS), m.selector(LDTR)]).toEqual([false, false, 0x60]);
    m.call.interruptReturn(m.s, 0x6010, 4);
    expect(m.fault()).toBeUndefined();
    expect([m.u16(NEW + 14), m.u16(NEW + 16), m.eip]).toEqual([0x6010, IF | 2, NEXT]);
  });
  it('to a virtual-8086 task loads bases, not descriptors', () => {
    m.setU32(NEW + 36, VM | 2);
    [1, 2, 3, 4, 5, 6].forEach((value, n) => {
      m.setU32(NEW + 72 + 4 * n, value);
    });
    m.call.farJump(m.s, NEW_SELECTOR, 0, NEXT, 4);
    expect(m.fault()).toBeUndefined();
    expect([m.cpl, m.base(CS), m.base(GS), m.access(SS), m.eflags]).toEqual([3, 0x20, 0x60, 0xf3, VM | 2]);
  });
  it('with the T bit traps before the first instruction', () => {
    m.setU16(NEW + 100, 1);
    m.call.farJump(m.s, NEW_SELECTOR, 0, NEXT, 4);
    expect(m.fault()).toBeUndefined();
    expect([m.eip, m.cpl, m.v('VCPU_DR6')]).toEqual([HANDLER + DB, 0, 0xffff8ff0]);
    expect(m.words(m.esp, 5)).toEqual([0x6000, 0x4b, IF | 2, 0x1c000, 0x53]);
  });
});

describe('a refused task switch', () => {
  const cases: [name: string, change: () => void, vector: number, error: number][] = [
    ['a busy TSS', () => m.descriptor(GDT + 0x30, NEW, 0x67, P | TSS32 | BUSY | dpl(3), 0), GP, 0x30],
    ['an absent TSS', () => m.descriptor(GDT + 0x30, NEW, 0x67, TSS32 | dpl(3), 0), NP, 0x30],
    ['a short TSS', () => m.descriptor(GDT + 0x30, NEW, 0x66, P | TSS32 | dpl(3), 0), TSF, 0x30],
    [
      'an old TSS too short for what is saved',
      () => m.setSegment(TR, OLD_SELECTOR, TSS, 0x5e, 0x8b),
      TSF,
      OLD_SELECTOR,
    ],
  ];
  for (const [name, change, vector, error] of cases) {
    it(`for ${name} leaves the old task as it was`, () => {
      change();
      const before = m.state();
      m.call.farJump(m.s, 0x30, 0, NEXT, 4);
      expect(m.fault()).toEqual({ vector, error });
      expect(m.state()).toBe(before);
    });
  }
  it('checks the levels of TSS and gate', () => {
    m.setLevel(3);
    m.descriptor(GDT + 0x30, NEW, 0x67, P | TSS32 | dpl(2), 0);
    m.call.farJump(m.s, 0x33, 0, NEXT, 4);
    expect(m.fault()).toEqual({ vector: GP, error: 0x30 });
    m.gate(GDT + 0x38, NEW_SELECTOR, 0, P | TASK_GATE | dpl(2));
    m.call.farJump(m.s, 0x3b, 0, NEXT, 4);
    expect(m.fault()).toEqual({ vector: GP, error: 0x38 });
    m.gate(GDT + 0x38, NEW_SELECTOR, 0, P | TASK_GATE | dpl(3));
    m.call.farJump(m.s, 0x3b, 0, NEXT, 4); // the gate's level decides, not the TSS's
    expect(m.fault()).toBeUndefined();
    expect(m.selector(TR)).toBe(NEW_SELECTOR);
  });
  it('of IRET names the back link', () => {
    m.eflags = NT | 2;
    for (const [link, vector] of [
      [0x2c, TSF],
      [0x808, TSF],
      [NEW_SELECTOR, TSF],
    ] as const) {
      m.setU16(TSS, link);
      m.call.interruptReturn(m.s, NEXT, 4);
      expect(m.fault()).toEqual({ vector, error: link & 0xfffc });
    }
    m.descriptor(GDT + NEW_SELECTOR, NEW, 0x67, TSS32 | BUSY, 0);
    m.setU16(TSS, NEW_SELECTOR);
    m.call.interruptReturn(m.s, NEXT, 4);
    expect(m.fault()).toEqual({ vector: NP, error: NEW_SELECTOR });
  });
});

describe('a fault while the new task is loaded', () => {
  // SDM Vol. 3A, Table 7-1. Each is delivered in the new task, at its first instruction.
  const cases: [name: string, change: () => void, vector: number, error: number][] = [
    ['LDT in the LDT', () => m.setU16(NEW + 96, 0x64), TSF, 0x64],
    ['LDT of a wrong type', () => m.setU16(NEW + 96, 0x48), TSF, 0x48],
    ['LDT absent', () => m.descriptor(GDT + 0x60, LDT, 0xff, LDT_TYPE, 0), TSF, 0x60],
    ['CS null', () => m.setU16(NEW + 76, 3), TSF, 0],
    ['CS of another level', () => m.flat(0x48, P | CODE | dpl(2)), TSF, 0x48],
    ['CS data', () => m.setU16(NEW + 76, 0x53), TSF, 0x50],
    ['CS absent', () => m.flat(0x48, CODE | dpl(3)), NP, 0x48],
    ['SS null', () => m.setU16(NEW + 80, 3), TSF, 0],
    ['SS of another level', () => m.setU16(NEW + 80, 0x50), TSF, 0x50],
    ['SS code', () => m.setU16(NEW + 80, 0x4b), TSF, 0x48],
    ['DS of an inner level', () => m.setU16(NEW + 84, 0x13), TSF, 0x10],
    ['DS absent', () => m.descriptor(LDT + 8, 0, 0, DATA | dpl(3), 0), NP, 0x0c],
    ['EIP beyond CS', () => m.descriptor(GDT + 0x48, 0, 0x5fff, P | CODE | dpl(3), WIDE), GP, 0],
  ];
  for (const [name, change, vector, error] of cases) {
    it(name, () => {
      change();
      m.call.farJump(m.s, NEW_SELECTOR, 0, NEXT, 4);
      expect(m.fault()).toBeUndefined();
      expect([m.selector(TR), m.eip, m.cpl]).toEqual([NEW_SELECTOR, HANDLER + vector, 0]);
      const [code, eip, cs] = m.words(m.esp, 3);
      expect([code, eip]).toEqual([error, 0x6000]);
      expect(cs).toBe(m.u16(NEW + 76));
    });
  }
  it('SS absent', () => {
    m.flat(0x58, DATA | dpl(3));
    m.setU16(NEW + 80, 0x5b);
    m.call.farJump(m.s, NEW_SELECTOR, 0, NEXT, 4);
    expect([m.eip, m.u32(m.esp)]).toEqual([HANDLER + SSF, 0x58]);
  });
  it('has EXT set if an external event caused the switch', () => {
    m.idt(0x40, NEW_SELECTOR, 0, P | TASK_GATE);
    m.setU16(NEW + 84, 0x13);
    m.call.deliverInterrupt(m.s, 0x40, 1);
    expect([m.eip, m.u32(m.esp)]).toEqual([HANDLER + TSF, 0x11]);
  });
  it('accepts conforming code for CS and data registers', () => {
    m.flat(0x48, P | CONFORMING);
    m.setU16(NEW + 72, 0x4b);
    m.call.farJump(m.s, NEW_SELECTOR, 0, NEXT, 4);
    expect([m.eip, m.cpl, m.usable(ES), m.selector(SS)]).toEqual([0x6000, 3, true, 0x53]);
  });
});

describe('a VM exit after the commit', () => {
  it('undoes the switch, which can then be repeated', () => {
    // The new task's code descriptor gets its accessed bit on a page that the EPT lets be read only.
    const at = TABLES;
    m.fill(at, 0x5000, 0);
    m.setU32(at, (at + 0x1000) | 7);
    m.setU32(at + 0x1000, (at + 0x2000) | 7);
    m.setU32(at + 0x2000, (at + 0x3000) | 7);
    for (let page = 0; page < 0x100; page++) m.setU32(at + 0x3000 + 8 * page, (page << 12) | (6 << 3) | 7);
    // The GDT moves so that 0x48 and 0x50 lie on another page than the TSS descriptors.
    const gdt = 0x26000 - 0x40;
    m.bytes(gdt, 0x100).set(m.bytes(GDT, 0x100));
    m.setV('VCPU_GDTR_BASE', gdt);
    m.setU32(at + 0x3000 + 8 * 0x26, 0x26000 | (6 << 3) | 5);
    m.setV('VCPU_EPTP', at | 0x1e);
    m.call.flushAll(m.s);
    const before = m.state();
    m.call.farJump(m.s, NEW_SELECTOR, 0, NEXT, 4);
    expect(m.exit()).toBe(48);
    expect(m.state()).toBe(before);
    expect([m.u8(gdt + 0x2d), m.u8(gdt + 0x35)]).toEqual([P | TSS32 | BUSY, P | TSS32 | dpl(3)]);
    m.setU32(at + 0x3000 + 8 * 0x26, 0x26000 | (6 << 3) | 7);
    m.call.flushAll(m.s);
    m.call.farJump(m.s, NEW_SELECTOR, 0, NEXT, 4);
    expect(m.fault()).toBeUndefined();
    expect([m.eip, m.selector(TR), m.u8(gdt + 0x2d)]).toEqual([0x6000, NEW_SELECTOR, P | TSS32]);
    m.setV('VCPU_EPTP', 0);
  });
});
