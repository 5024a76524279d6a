import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BUSY,
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
  iopl,
  LDT,
  LDT_TYPE,
  LDTR,
  NP,
  P,
  SS,
  SSF,
  SystemMachine,
  TR,
  TSS,
  TSS16,
  TSS32,
  UD,
  VM,
  WIDE,
  ZF,
} from './system-machine.js';

const m = new SystemMachine();
const SELECTOR = 0x40;

/** Any access byte: P, DPL, S and type at random. */
const anyAccess = fc.integer({ min: 0, max: 255 });
const level = fc.integer({ min: 0, max: 3 });

const isCode = (access: number) => (access & 0x18) === 0x18;
const isConforming = (access: number) => isCode(access) && (access & 4) !== 0;
const writableData = (access: number) => (access & 0x1a) === 0x12;
const readable = (access: number) => (access & 0x18) === 0x10 || (access & 0x1a) === 0x1a;

/** SDM Vol. 2, "MOV—Move": what loading a data or stack segment register must do. */
function mov(index: number, selector: number, cpl: number, access: number, inTable: boolean): Fault | undefined {
  const error = selector & 0xfffc;
  const rpl = selector & 3;
  const level = (access >> 5) & 3;
  if (error === 0) return index === SS ? { vector: GP, error: 0 } : undefined;
  if (!inTable) return { vector: GP, error };
  if (index === SS) {
    if (rpl !== cpl || !writableData(access) || level !== cpl) return { vector: GP, error };
    return access & P ? undefined : { vector: SSF, error };
  }
  if (!readable(access)) return { vector: GP, error };
  if (!isConforming(access) && (rpl > level || cpl > level)) return { vector: GP, error };
  return access & P ? undefined : { vector: NP, error };
}

describe('loading a segment register', () => {
  it('checks what the manual says, for every type, level and register', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(ES, SS, DS, FS, GS),
        fc.constantFrom(0, SELECTOR, SELECTOR, SELECTOR, 0x800, SELECTOR | 4),
        level,
        level,
        anyAccess,
        fc.boolean(),
        (index, table, rpl, cpl, access, ldt) => {
          m.reset();
          m.setLevel(cpl);
          if (ldt) m.setSegment(LDTR, 0x30, LDT, 0x7f, 0x82);
          m.descriptor(GDT + SELECTOR, 0x12345678, 0xabcde, access, 4);
          m.descriptor(LDT + SELECTOR, 0x9abcdef0, 0x00042, access, 12);
          const selector = table | rpl;
          const inTable = table === SELECTOR || (table === (SELECTOR | 4) && ldt);
          const before = m.state();
          const expected = mov(index, selector, cpl, access, inTable);
          m.call.loadSegment(m.s, index, selector);
          expect(m.fault()).toEqual(expected);
          if (expected) {
            expect(m.state()).toBe(before);
            expect(m.accessByte(SELECTOR)).toBe(access);
            return;
          }
          expect(m.selector(index)).toBe(selector);
          expect(m.usable(index)).toBe(table !== 0);
          if (table === 0) return;
          const local = (table & 4) !== 0;
          expect(m.base(index)).toBe(local ? 0x9abcdef0 : 0x12345678);
          expect(m.limit(index)).toBe(local ? 0x42fff : 0xabcde);
          expect(m.access(index)).toBe(access | 1 | (local ? 0xc000 : 0x4000));
          expect(m.u8((local ? LDT : GDT) + SELECTOR + 5)).toBe(access | 1);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('keeps the hidden limit in real mode and sets 64 KiB in virtual-8086 mode', () => {
    m.reset();
    m.setV('VCPU_CR0', 0x10);
    m.setSegment(DS, 0x10, 0, 0xffffffff, 0xc093);
    m.call.loadSegment(m.s, DS, 0xb800);
    expect([m.selector(DS), m.base(DS), m.limit(DS)]).toEqual([0xb800, 0xb8000, 0xffffffff]);
    m.reset();
    m.eflags = VM | 2;
    m.setV('VCPU_CPL', 3);
    m.call.loadSegment(m.s, DS, 3);
    expect([m.selector(DS), m.base(DS), m.limit(DS), m.access(DS)]).toEqual([3, 0x30, 0xffff, 0xf3]);
  });
});

/** SDM Vol. 3A 5.3, "Limit Checking", on whole numbers. */
function within(access: number, limit: number, offset: number, size: number): boolean {
  const last = offset + size - 1;
  if ((access & 0x1c) === 0x14) return offset > limit && last <= (access & 0x4000 ? 0xffffffff : 0xffff);
  return last <= limit || limit === 0xffffffff;
}

describe('the check of an access', () => {
  const edge = fc.oneof(
    fc.constantFrom(0, 1, 0xfff, 0xfffe, 0xffff, 0x10000, 0x7fffffff, 0xfffffffe, 0xffffffff),
    fc.integer({ min: 0, max: 0xffffffff }),
  );
  it('follows type and limit and names the stack segment', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(ES, CS, SS, DS, FS, GS),
        anyAccess,
        fc.boolean(),
        edge,
        edge,
        fc.constantFrom(1, 2, 4, 6, 8, 10, 16),
        fc.boolean(),
        fc.boolean(),
        (index, type, big, limit, offset, size, write, near) => {
          m.reset();
          const access = type | P | 0x10 | (big ? 0x4000 : 0);
          const at = near ? (limit + 2 - size) >>> 0 : offset;
          m.setSegment(index, 0x40, 0x1000, limit, access);
          const allowed = (write ? writableData(access) : readable(access)) && within(access, limit, at, size);
          const linear = m.call.segmentLinear(m.s, index, at, size, write ? 1 : 0) >>> 0;
          expect(m.fault()).toEqual(allowed ? undefined : { vector: index === SS ? SSF : GP, error: 0 });
          expect(linear).toBe(allowed ? (at + 0x1000) >>> 0 : 0);
        },
      ),
      { numRuns: 2000 },
    );
  });
  it('refuses a null segment', () => {
    m.reset();
    m.call.loadSegment(m.s, FS, 0);
    m.call.segmentLinear(m.s, FS, 0, 1, 0);
    expect(m.fault()).toEqual({ vector: GP, error: 0 });
  });
  it('ignores the type in real mode', () => {
    m.reset();
    m.setV('VCPU_CR0', 0x10);
    m.setSegment(CS, 0x100, 0x1000, 0xffff, 0x9b);
    expect(m.call.segmentLinear(m.s, CS, 0x20, 4, 1)).toBe(0x1020);
    expect(m.fault()).toBeUndefined();
    m.call.segmentLinear(m.s, CS, 0xfffd, 4, 1);
    expect(m.fault()).toEqual({ vector: GP, error: 0 });
  });
});

describe('LLDT and LTR', () => {
  const tss = (access: number) => {
    m.reset();
    m.descriptor(GDT + SELECTOR, TSS, 0x67, access, 0);
  };
  it('marks the TSS busy, in memory and in TR', () => {
    for (const type of [TSS16, TSS32]) {
      tss(P | type);
      m.call.loadTr(m.s, SELECTOR);
      expect(m.fault()).toBeUndefined();
      expect(m.accessByte(SELECTOR)).toBe(P | type | BUSY);
      expect([m.selector(TR), m.base(TR), m.limit(TR), m.access(TR)]).toEqual([SELECTOR, TSS, 0x67, P | type | BUSY]);
      m.call.loadTr(m.s, SELECTOR);
      expect(m.fault()).toEqual({ vector: GP, error: SELECTOR });
    }
  });
  it('refuses what is not an available TSS in the GDT', () => {
    tss(TSS32);
    m.call.loadTr(m.s, SELECTOR);
    expect(m.fault()).toEqual({ vector: NP, error: SELECTOR });
    for (const [selector, error] of [
      [0, 0],
      [3, 0],
      [SELECTOR | 4, SELECTOR | 4],
      [0x800, 0x800],
    ] as const) {
      m.call.loadTr(m.s, selector);
      expect(m.fault()).toEqual({ vector: GP, error });
    }
    tss(P | DATA);
    m.call.loadTr(m.s, SELECTOR);
    expect(m.fault()).toEqual({ vector: GP, error: SELECTOR });
    m.setLevel(1);
    m.call.loadTr(m.s, SELECTOR);
    expect(m.fault()).toEqual({ vector: GP, error: 0 });
    m.setV('VCPU_CR0', 0x10);
    m.call.loadTr(m.s, SELECTOR);
    expect(m.fault()).toEqual({ vector: UD, error: -1 });
  });
  it('loads an LDT, or none', () => {
    m.reset();
    m.descriptor(GDT + SELECTOR, LDT, 0xff, P | LDT_TYPE, 0);
    m.call.loadLdt(m.s, SELECTOR | 2);
    expect(m.fault()).toBeUndefined();
    expect([m.selector(LDTR), m.base(LDTR), m.limit(LDTR)]).toEqual([SELECTOR | 2, LDT, 0xff]);
    m.call.loadLdt(m.s, 0);
    expect(m.usable(LDTR)).toBe(false);
    m.call.loadSegment(m.s, DS, 12);
    expect(m.fault()).toEqual({ vector: GP, error: 12 });
    m.descriptor(GDT + SELECTOR, LDT, 0xff, LDT_TYPE, 0);
    m.call.loadLdt(m.s, SELECTOR);
    expect(m.fault()).toEqual({ vector: NP, error: SELECTOR });
    m.descriptor(GDT + SELECTOR, LDT, 0xff, P | TSS32, 0);
    m.call.loadLdt(m.s, SELECTOR);
    expect(m.fault()).toEqual({ vector: GP, error: SELECTOR });
  });
});

describe('LAR, LSL, VERR, VERW, ARPL', () => {
  // SDM Vol. 2, "LAR" and "LSL": the tables of valid types.
  const larTypes = [1, 2, 3, 4, 5, 9, 11, 12];
  const lslTypes = [1, 2, 3, 9, 11];
  it('see what the manual lets them see', () => {
    fc.assert(
      fc.property(anyAccess, level, level, fc.constantFrom(0, SELECTOR, SELECTOR, 0x800), (access, rpl, cpl, table) => {
        m.reset();
        m.setLevel(cpl);
        m.descriptor(GDT + SELECTOR, 0x12345678, 0xabcde, access, GRANULAR | WIDE);
        const own = (access >> 5) & 3;
        const visible = table === SELECTOR && (isConforming(access) || (cpl <= own && rpl <= own));
        const system = (access & 0x10) === 0;
        const type = access & 15;
        const check = (run: () => void, valid: boolean, value: number) => {
          m.eflags = 0x8d7; // all arithmetic flags
          m.setV('VCPU_EAX', 0x11223344);
          run();
          expect(m.fault()).toBeUndefined();
          expect(m.eflags).toBe(valid ? 0x8d7 : 0x897);
          expect(m.v('VCPU_EAX')).toBe(valid ? value : 0x11223344);
        };
        const selector = table | rpl;
        const rights = visible && (!system || larTypes.includes(type));
        check(() => m.call.lar(m.s, 0, selector, 4), rights, 0xc00000 | (access << 8));
        check(() => m.call.lar(m.s, 0, selector, 2), rights, 0x11220000 | (access << 8));
        const limit = visible && (!system || lslTypes.includes(type));
        check(() => m.call.lsl(m.s, 0, selector, 4), limit, 0xabcdefff);
        check(() => m.call.verify(m.s, selector, 0), visible && readable(access), 0x11223344);
        check(() => m.call.verify(m.s, selector, 1), visible && writableData(access), 0x11223344);
      }),
      { numRuns: 1500 },
    );
  });
  it('raises the RPL', () => {
    m.reset();
    expect(m.call.arpl(m.s, 0x40, 0x13)).toBe(0x43);
    expect(m.eflags & ZF).toBe(ZF);
    expect(m.call.arpl(m.s, 0x43, 0x12)).toBe(0x43);
    expect(m.eflags & ZF).toBe(0);
  });
  it('do not exist outside protected mode', () => {
    m.reset();
    m.eflags = VM | iopl(3) | 2;
    m.setV('VCPU_CPL', 3);
    for (const run of [
      () => m.call.lar(m.s, 0, 8, 4),
      () => m.call.lsl(m.s, 0, 8, 4),
      () => m.call.verify(m.s, 8, 0),
      () => m.call.arpl(m.s, 8, 3),
      () => m.call.storeTr(m.s),
      () => m.call.loadLdt(m.s, 0),
    ]) {
      run();
      expect(m.fault()).toEqual({ vector: UD, error: -1 });
    }
  });
  it('leave a conforming code segment readable from every level', () => {
    m.reset();
    m.setLevel(3);
    m.flat(SELECTOR, P | CODE | 4 | dpl(0));
    m.call.verify(m.s, SELECTOR | 3, 0);
    expect(m.eflags & ZF).toBe(ZF);
  });
});
