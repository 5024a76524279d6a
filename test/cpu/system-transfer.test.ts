import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CALL16,
  CALL32,
  CF,
  CODE,
  CS,
  DATA,
  DS,
  dpl,
  ES,
  type Fault,
  FS,
  GDT,
  GP,
  GRANULAR,
  GS,
  IF,
  iopl,
  NP,
  P,
  RF,
  SS,
  SSF,
  SystemMachine,
  TF,
  TSF,
  TSS,
  VM,
  WIDE,
} from './system-machine.js';

const m = new SystemMachine();
const NEXT = 0x1007;
const TARGET = 0x40;
const level = fc.integer({ min: 0, max: 3 });
const anyAccess = fc.integer({ min: 0, max: 255 });
const codeLike = fc.oneof(
  anyAccess,
  fc.integer({ min: 0x98, max: 0xff }).map((a) => a | 0x18),
);

const isCode = (access: number) => (access & 0x18) === 0x18;
const isConforming = (access: number) => isCode(access) && (access & 4) !== 0;
const dplOf = (access: number) => (access >> 5) & 3;

/** A machine at `cpl` whose selector 0x40 | rpl names a code segment. */
function at(cpl: number, access: number, limit = 0xfffff): void {
  m.reset();
  m.setLevel(cpl);
  m.descriptor(GDT + TARGET, 0, limit, access, GRANULAR | WIDE);
}

/** SDM Vol. 2, "JMP", "CALL": CONFORMING-CODE-SEGMENT and NONCONFORMING-CODE-SEGMENT. */
function direct(selector: number, cpl: number, access: number): Fault | undefined {
  const error = selector & 0xfffc;
  if (error === 0) return { vector: GP, error: 0 };
  if (!isCode(access)) return { vector: GP, error };
  if (isConforming(access) && dplOf(access) > cpl) return { vector: GP, error };
  if (!isConforming(access) && ((selector & 3) > cpl || dplOf(access) !== cpl)) return { vector: GP, error };
  return access & P ? undefined : { vector: NP, error };
}

describe('far JMP and CALL to a code segment', () => {
  it('check type, level and presence, and keep the level', () => {
    // System types other than those of gates and TSSs: they have rules of their own below.
    const access = codeLike.filter((a) => (a & 0x10) !== 0 || [0, 2, 6, 7, 8, 10, 13, 14, 15].includes(a & 15));
    fc.assert(
      fc.property(level, level, access, fc.boolean(), fc.constantFrom(2, 4), (cpl, rpl, access, call, size) => {
        at(cpl, access);
        const selector = TARGET | rpl;
        const before = m.state();
        const oldCs = m.selector(CS);
        const expected = direct(selector, cpl, access);
        if (call) m.call.farCall(m.s, selector, 0x12345678, NEXT, size);
        else m.call.farJump(m.s, selector, 0x12345678, NEXT, size);
        expect(m.fault()).toEqual(expected);
        if (expected) {
          expect(m.state()).toBe(before);
          return;
        }
        expect(m.selector(CS)).toBe(TARGET | cpl);
        expect(m.cpl).toBe(cpl);
        expect(m.eip).toBe(size === 4 ? 0x12345678 : 0x5678);
        expect(m.accessByte(TARGET)).toBe(access | 1);
        expect(m.esp).toBe(call ? 0x20000 - 2 * size : 0x20000);
        if (call) expect(m.words(m.esp, 2, size)).toEqual([NEXT, oldCs]);
      }),
      { numRuns: 1500 },
    );
  });
  it('check the new limit and the stack, the stack first', () => {
    at(0, P | CODE);
    m.descriptor(GDT + TARGET, 0, 0x0fff, P | CODE, WIDE);
    m.call.farJump(m.s, TARGET, 0x1000, NEXT, 4);
    expect(m.fault()).toEqual({ vector: GP, error: 0 });
    m.setSegment(SS, 0x10, 0, 0x0fff, 0x4093);
    m.call.farCall(m.s, TARGET, 0x1000, NEXT, 4);
    expect(m.fault()).toEqual({ vector: SSF, error: 0 });
    m.esp = 0x1000;
    m.call.farCall(m.s, TARGET, 0xfff, NEXT, 4);
    expect(m.fault()).toBeUndefined();
    expect(m.words(0xff8, 2)).toEqual([NEXT, 0x08]);
  });
  it('wrap a 16-bit stack within 64 KiB and keep the upper half of ESP', () => {
    at(0, P | CODE);
    m.setSegment(SS, 0x10, 0, 0xffff, 0x0093);
    m.esp = 0xabcd0004;
    m.call.farCall(m.s, TARGET, 0, NEXT, 4);
    expect(m.fault()).toBeUndefined();
    expect(m.esp).toBe(0xabcdfffc);
    expect([m.u32(0), m.u32(0xfffc)]).toEqual([0x08, NEXT]);
  });
  it('in real mode set the base and keep the limit', () => {
    m.reset();
    m.setV('VCPU_CR0', 0x10);
    m.setSegment(CS, 0xf000, 0xf0000, 0xffff, 0x93);
    m.setSegment(SS, 0x1000, 0x10000, 0xffff, 0x93);
    m.esp = 0x100;
    m.call.farCall(m.s, 0x2345, 0x6789, 0x42, 2);
    expect([m.selector(CS), m.base(CS), m.limit(CS), m.eip]).toEqual([0x2345, 0x23450, 0xffff, 0x6789]);
    expect(m.words(0x100fc, 2, 2)).toEqual([0x42, 0xf000]);
    m.call.farReturn(m.s, 2, 6);
    expect([m.selector(CS), m.base(CS), m.eip, m.esp]).toEqual([0xf000, 0xf0000, 0x42, 0x106]);
    m.call.farJump(m.s, 0, 0x10000, 0x42, 4);
    expect(m.fault()).toEqual({ vector: GP, error: 0 });
  });
});

describe('call gates', () => {
  const GATE = 0x50;
  /** Stacks of the TSS for levels 0–2 at 0x18000, 0x19000, 0x1a000 with selectors 0x60, 0x69, 0x72. */
  function stacks(): void {
    for (let n = 0; n < 3; n++) {
      m.setU32(TSS + 4 + 8 * n, 0x18000 + 0x1000 * n);
      m.setU32(TSS + 8 + 8 * n, 0x60 + 9 * n);
      m.flat(0x60 + 8 * n, P | DATA | dpl(n));
    }
  }
  it('go to inner levels on CALL alone, with the checks of gate and target', () => {
    fc.assert(
      fc.property(
        level,
        level,
        level,
        codeLike,
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 0, max: 31 }),
        (cpl, rpl, gateDpl, access, present, call, wide, count) => {
          at(cpl, access);
          stacks();
          m.gate(
            GDT + GATE,
            TARGET | 3,
            0x87654321,
            (present ? P : 0) | dpl(gateDpl) | (wide ? CALL32 : CALL16),
            count,
          );
          const size = wide ? 4 : 2;
          for (let n = 0; n < 40; n++) m.setU16(0x20000 + 2 * n, 0x5500 + n);
          const before = m.state();
          const old = [m.selector(CS), m.selector(SS)];
          const target = dplOf(access);
          const inward = isCode(access) && !isConforming(access) && target < cpl;
          let expected: Fault | undefined;
          if (gateDpl < cpl || gateDpl < rpl) expected = { vector: GP, error: GATE };
          else if (!present) expected = { vector: NP, error: GATE };
          else if (!isCode(access) || target > cpl || (inward && !call)) expected = { vector: GP, error: TARGET };
          else if (!(access & P)) expected = { vector: NP, error: TARGET };
          if (call) m.call.farCall(m.s, GATE | rpl, 0xdeadbeef, NEXT, 4);
          else m.call.farJump(m.s, GATE | rpl, 0xdeadbeef, NEXT, 4);
          expect(m.fault()).toEqual(expected);
          if (expected) {
            expect(m.state()).toBe(before);
            return;
          }
          expect(m.eip).toBe(wide ? 0x87654321 : 0x4321);
          const now = inward ? target : cpl;
          expect([m.cpl, m.selector(CS)]).toEqual([now, TARGET | now]);
          if (!inward) {
            expect(m.esp).toBe(0x20000 - (call ? 2 * size : 0));
            if (call) expect(m.words(m.esp, 2, size)).toEqual([NEXT, old[0]]);
            return;
          }
          const top = 0x18000 + 0x1000 * target;
          expect(m.selector(SS)).toBe(0x60 + 9 * target);
          expect(m.esp).toBe(top - (4 + count) * size);
          const parameters = m.words(0x20000, count, size);
          const oldEsp = wide ? 0x20000 : 0;
          expect(m.words(m.esp, 4 + count, size)).toEqual([NEXT, old[0], ...parameters, oldEsp, old[1]]);
        },
      ),
      { numRuns: 1500 },
    );
  });
  it('check the stack of the TSS: #TS with its selector, #SS if it is absent or small', () => {
    const cases: [change: () => void, fault: Fault][] = [
      [() => m.setU32(TSS + 8, 0), { vector: TSF, error: 0 }],
      [() => m.setU32(TSS + 8, 0x63), { vector: TSF, error: 0x60 }],
      [() => m.setU32(TSS + 8, 0x800), { vector: TSF, error: 0x800 }],
      [() => m.flat(0x60, P | DATA | dpl(3)), { vector: TSF, error: 0x60 }],
      [() => m.flat(0x60, P | CODE), { vector: TSF, error: 0x60 }],
      [() => m.flat(0x60, DATA), { vector: SSF, error: 0x60 }],
      [() => m.descriptor(GDT + 0x60, 0, 0x17ffb, P | DATA, WIDE), { vector: SSF, error: 0x60 }],
      [() => m.setSegment(7, 0x28, TSS, 8, 0x8b), { vector: TSF, error: 0x28 }],
      [() => m.descriptor(GDT + TARGET, 0, 0xff, P | CODE, WIDE), { vector: GP, error: 0 }],
    ];
    for (const [change, fault] of cases) {
      at(3, P | CODE);
      stacks();
      m.gate(GDT + GATE, TARGET, 0x1234, P | dpl(3) | CALL32, 2);
      change();
      const before = m.state();
      m.call.farCall(m.s, GATE | 3, 0, NEXT, 4);
      expect(m.fault()).toEqual(fault);
      expect(m.state()).toBe(before);
    }
  });
  it('take the stack of a 16-bit TSS', () => {
    at(3, P | CODE);
    m.flat(0x60, P | DATA);
    m.setSegment(7, 0x28, TSS, 0x2b, 0x83);
    m.setU16(TSS + 2, 0x9000);
    m.setU16(TSS + 4, 0x60);
    m.gate(GDT + GATE, TARGET, 0x1234, P | dpl(3) | CALL16, 0);
    m.call.farCall(m.s, GATE | 3, 0, NEXT, 4);
    expect(m.fault()).toBeUndefined();
    expect(m.esp).toBe(0x9000 - 8);
  });
});

/** SDM Vol. 2, "RET", "IRET": the checks of the returned CS, and of the returned SS on the way out. */
function returns(cpl: number, cs: number, access: number, ss: number, stack: number): Fault | undefined {
  const error = cs & 0xfffc;
  const rpl = cs & 3;
  if (error === 0) return { vector: GP, error: 0 };
  if (!isCode(access) || rpl < cpl) return { vector: GP, error };
  if (isConforming(access) ? dplOf(access) > rpl : dplOf(access) !== rpl) return { vector: GP, error };
  if (!(access & P)) return { vector: NP, error };
  if (rpl === cpl) return undefined;
  if ((ss & 0xfffc) === 0) return { vector: GP, error: 0 };
  if ((ss & 3) !== rpl || (stack & 0x1a) !== 0x12 || dplOf(stack) !== rpl) return { vector: GP, error: ss & 0xfffc };
  return stack & P ? undefined : { vector: SSF, error: ss & 0xfffc };
}

const STACK = 0x48;
const IMAGE = 0x003f7fd7; // every flag that exists

describe('far RET and IRET', () => {
  it('check what they return to and drop inner segments on the way out', () => {
    fc.assert(
      fc.property(
        level,
        level,
        level,
        codeLike,
        fc.oneof(anyAccess, fc.constantFrom(0x93, 0xb3, 0xd3, 0xf3)),
        fc.constantFrom(0, STACK, STACK, STACK),
        fc.constantFrom(2, 4),
        fc.constantFrom(-1, 0, 1, 12),
        level,
        (cpl, rpl, ssRpl, access, stack, ssTable, size, pop, ioLevel) => {
          at(cpl, access);
          m.descriptor(GDT + STACK, 0, 0xfffff, stack, GRANULAR | WIDE);
          // DS is conforming code of level 0, ES and FS data of level 2, GS null.
          m.setSegment(DS, 0x78, 0, 0xffffffff, 0xc09f);
          m.setSegment(ES, 0x7a, 0, 0xffffffff, 0xc093 | dpl(2));
          m.setSegment(FS, 0x7a, 0, 0xffffffff, 0xc093 | dpl(2));
          m.call.loadSegment(m.s, GS, 0);
          m.eflags = iopl(ioLevel) | 2;
          const iret = pop < 0;
          const cs = TARGET | rpl;
          const ss = ssTable | ssRpl;
          const image = IMAGE & ~VM;
          const frame = [0x5678, cs | (size === 4 ? 0xffff0000 : 0), ...(iret ? [image] : [])];
          frame.forEach((value, n) => {
            if (size === 4) m.setU32(0x20000 + 4 * n, value);
            else m.setU16(0x20000 + 2 * n, value);
          });
          const rest = 0x20000 + size * frame.length + Math.max(pop, 0);
          for (const [n, value] of [0x9abc, ss].entries()) {
            if (size === 4) m.setU32(rest + 4 * n, value);
            else m.setU16(rest + 2 * n, value);
          }
          const before = m.state();
          const expected = returns(cpl, cs, access, ss, stack);
          if (iret) m.call.interruptReturn(m.s, NEXT, size);
          else m.call.farReturn(m.s, size, pop);
          expect(m.fault()).toEqual(expected);
          if (expected) {
            expect(m.state()).toBe(before);
            return;
          }
          expect([m.eip, m.selector(CS), m.cpl]).toEqual([0x5678, cs, rpl]);
          if (rpl === cpl) expect(m.esp).toBe(rest);
          else {
            expect([m.selector(SS), m.esp]).toEqual([ss, 0x9abc + Math.max(pop, 0)]);
            expect(m.usable(DS)).toBe(true);
            expect([m.usable(ES), m.usable(FS)]).toEqual([rpl <= 2, rpl <= 2]);
          }
          if (!iret) return;
          // SDM Vol. 2, "IRET": what of EFLAGS is loaded, by old CPL and operand size.
          let mask = 0x4dd5;
          if (size === 4) mask |= 0x250000;
          if (cpl <= ioLevel) mask |= IF;
          if (cpl === 0) mask |= 0x3000;
          if (cpl === 0 && size === 4) mask |= 0x180000;
          expect(m.eflags).toBe(((iopl(ioLevel) & ~mask) | (image & mask) | 2) >>> 0);
        },
      ),
      { numRuns: 2000 },
    );
  });
  it('return to virtual-8086 mode at level 0 and back through a gate', () => {
    m.reset();
    const frame = [0x1234, 0x2000, VM | iopl(3) | IF | 2, 0x8000, 0x3000, 0x1111, 0x2222, 0x3333, 0x4444];
    frame.forEach((value, n) => {
      m.setU32(0x20000 + 4 * n, value);
    });
    m.call.interruptReturn(m.s, NEXT, 4);
    expect(m.fault()).toBeUndefined();
    expect([CS, SS, ES, DS, FS, GS].map((index) => m.selector(index))).toEqual([
      0x2000, 0x3000, 0x1111, 0x2222, 0x3333, 0x4444,
    ]);
    expect([m.base(CS), m.limit(CS), m.access(CS), m.base(GS)]).toEqual([0x20000, 0xffff, 0xf3, 0x44440]);
    expect([m.cpl, m.eip, m.esp, m.eflags]).toEqual([3, 0x1234, 0x8000, VM | iopl(3) | IF | 2]);

    m.flat(0x08, P | CODE);
    m.flat(0x10, P | DATA);
    m.setU32(TSS + 4, 0x1c000);
    m.setU32(TSS + 8, 0x10);
    m.idt(0x21, 0x08, 0x7000, P | dpl(3) | 14);
    m.call.softwareInterrupt(m.s, 0x21, 0x1236, 0);
    expect(m.fault()).toBeUndefined();
    expect(m.words(0x1c000 - 36, 9)).toEqual([
      0x1236,
      0x2000,
      VM | iopl(3) | IF | 2,
      0x8000,
      0x3000,
      ...frame.slice(5),
    ]);
    expect([m.cpl, m.esp, m.eip, m.selector(CS), m.selector(SS)]).toEqual([0, 0x1c000 - 36, 0x7000, 0x08, 0x10]);
    expect([DS, ES, FS, GS].map((index) => m.usable(index))).toEqual([false, false, false, false]);
    expect(m.eflags).toBe(iopl(3) | 2);
    m.call.interruptReturn(m.s, NEXT, 4);
    expect([m.cpl, m.eip, m.esp, m.selector(GS)]).toEqual([3, 0x1236, 0x8000, 0x4444]);
  });
  it('in virtual-8086 mode need IOPL 3, and do not change it', () => {
    m.reset();
    m.setV('VCPU_CPL', 3);
    for (let index = 0; index < 6; index++) m.setSegment(index, 0x1000, 0x10000, 0xffff, 0xf3);
    m.esp = 0x100;
    m.setU16(0x10100, 0x42);
    m.setU16(0x10102, 0x777);
    m.setU16(0x10104, 0x0003);
    m.eflags = VM | iopl(2) | IF | 2;
    m.call.interruptReturn(m.s, NEXT, 2);
    expect(m.fault()).toEqual({ vector: GP, error: 0 });
    m.eflags = VM | iopl(3) | IF | 2;
    m.call.interruptReturn(m.s, NEXT, 2);
    expect(m.fault()).toBeUndefined();
    expect([m.eip, m.base(CS), m.esp, m.eflags]).toEqual([0x42, 0x7770, 0x106, VM | iopl(3) | CF | 2]);
  });
  it('in real mode pop 16 or 32 bits', () => {
    m.reset();
    m.setV('VCPU_CR0', 0x10);
    m.setSegment(CS, 0, 0, 0xffff, 0x93);
    m.setSegment(SS, 0x1000, 0x10000, 0xffff, 0x93);
    m.esp = 0xfff8; // the frame wraps
    m.setU32(0x1fff8, 0x1234);
    m.setU32(0x1fffc, 0xffff0800);
    m.setU32(0x10000, 0x003f7fd7);
    m.call.interruptReturn(m.s, NEXT, 4);
    expect(m.fault()).toBeUndefined();
    expect([m.eip, m.base(CS), m.esp]).toEqual([0x1234, 0x8000, 0x0004]);
    expect(m.eflags).toBe(0x00257fd7);
  });
});

describe('SYSENTER and SYSEXIT', () => {
  it('load flat segments from the MSRs', () => {
    m.reset();
    m.setLevel(3);
    m.eflags = IF | TF | RF | 2;
    m.call.sysenter(m.s);
    expect(m.fault()).toEqual({ vector: GP, error: 0 });
    m.setV('VCPU_SYSENTER_CS', 0x63);
    m.setV('VCPU_SYSENTER_ESP', 0x15000);
    m.setV('VCPU_SYSENTER_EIP', 0x7777);
    m.call.sysenter(m.s);
    expect([m.selector(CS), m.selector(SS), m.cpl, m.esp, m.eip]).toEqual([0x60, 0x68, 0, 0x15000, 0x7777]);
    expect([m.access(CS), m.access(SS), m.eflags]).toEqual([0xc09b, 0xc093, TF | 2]);
    m.setV('VCPU_ECX', 0x20000);
    m.setV('VCPU_EDX', 0x9999);
    m.call.sysexit(m.s);
    expect([m.selector(CS), m.selector(SS), m.cpl, m.esp, m.eip]).toEqual([0x73, 0x7b, 3, 0x20000, 0x9999]);
    expect([m.access(CS), m.access(SS)]).toEqual([0xc0fb, 0xc0f3]);
    m.call.sysexit(m.s);
    expect(m.fault()).toEqual({ vector: GP, error: 0 });
  });
});
