/**
 * The short way through interrupt gates and IRET (assembly/cpu/swift.ts) against the full one: the same world twice, once with the
 * tables and stacks in the TLB, where the short way may be taken, once with an empty TLB, where it never is.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import '../seed.js';
import {
  ACCESSED,
  CODE,
  CONFORMING,
  DATA,
  dpl,
  ES,
  EXPAND_DOWN,
  FS,
  GDT,
  GRANULAR,
  IDT,
  INT16,
  INT32,
  LDT,
  LDTR,
  NO_ERROR,
  NT,
  P,
  READ_ONLY,
  SS,
  SystemMachine,
  TASK_GATE,
  TR,
  TRAP32,
  TSS,
  VM,
  WIDE,
} from './system-machine.js';

const m = new SystemMachine();
const VECTOR = 0x40;
const REACHED = 0x21000;

/** A value that is `usual` mostly. */
const mostly = <T>(usual: T, ...others: T[]) =>
  fc.oneof({ arbitrary: fc.constant(usual), weight: 12 }, { arbitrary: fc.constantFrom(usual, ...others), weight: 3 });

const world = fc.record({
  cpl: fc.constantFrom(0, 0, 3, 3, 1),
  level: fc.constantFrom(0, 0, 0, 3, 1), // of the code segment that is entered or returned to
  gateType: mostly(INT32, TRAP32, INT16, TASK_GATE, 0),
  gateDpl: mostly(3, 0, 1),
  gatePresent: mostly(P, 0),
  code: mostly(CODE | ACCESSED, CODE, CONFORMING | ACCESSED, DATA | ACCESSED, 8, 0),
  codePresent: mostly(P, 0),
  codeLimit: mostly(0xfffff, 5, 0x10),
  codeFlags: mostly(WIDE | GRANULAR, GRANULAR, WIDE, 0),
  selector: mostly(0x38, 0x3c, 0, 3, 0x7f8, 0x800),
  rpl: mostly(-1, 0, 1, 2, 3), // −1: the level
  stack: mostly(DATA | ACCESSED, DATA, READ_ONLY | ACCESSED, EXPAND_DOWN | ACCESSED, CODE | ACCESSED),
  stackDpl: mostly(-1, 0, 3),
  stackPresent: mostly(P, 0),
  stackFlags: mostly(WIDE | GRANULAR, GRANULAR, WIDE),
  stackLimit: mostly(0xfffff, 0x17),
  stackBase: mostly(0, 0x10, 4),
  stackSelector: mostly(0x40, 0, 0x44),
  inner: mostly(0x18000, 0x19004, 0x19008, 0x1900c, 0x19010, 0x18ffe, 8, 0, 0x19001), // ESP of the TSS
  esp: mostly(0x1fff0, 0x20000, 0x1fff8, 0x1fffc, 0x1fff4, 0x1f004, 0x20004, 0x20008, 0x1fffa, 8, 0xfffffff8),
  currentLimit: mostly(0xffffffff, 0xffff, 0x1f010),
  currentAccess: mostly(0xc093, 0x8093, 0xc097),
  offset: mostly(0x7000, 0x12345678, 5, 6),
  flags: fc.constantFrom(0x202, 0x2, 0x246, 0x3202, 0x302, 0x10202, 0x4202, 0x200ad7),
  image: fc.oneof(fc.constant(0x202), fc.constantFrom(0x2, 0x3246, 0x302, 0x40202, 0x4002, 0xffffffff & ~VM, VM | 2)),
  idtLimit: mostly(0x7ff, 0x207, 0x206, 0x203),
  gdtLimit: mostly(0x7ff, 0x3f, 0x47, 0x46),
  tssType: mostly(0x8b, 0x83, 0x10000),
  tssLimit: mostly(0x67, 9, 8, 25),
  data: fc.tuple(...Array.from({ length: 4 }, () => fc.constantFrom(0xc093, 0xc0f3, 0xc0f3, 0x10000, 0xc09f))),
  error: mostly(NO_ERROR, 0, 0x1234),
  checked: fc.boolean(),
});
type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

function build(w: World): void {
  m.reset();
  m.warm(); // the supervisor's half of the TLB, then that of the level
  m.setLevel(w.cpl);
  m.warm();
  m.descriptor(GDT + 0x38, 0, w.codeLimit, w.codePresent | dpl(w.level) | w.code, w.codeFlags);
  const stackDpl = w.stackDpl < 0 ? w.level : w.stackDpl;
  m.descriptor(GDT + 0x40, w.stackBase, w.stackLimit, w.stackPresent | dpl(stackDpl) | w.stack, w.stackFlags);
  m.descriptor(LDT + 0x38, 0, 0xfffff, P | dpl(w.level) | CODE | ACCESSED, WIDE | GRANULAR);
  m.descriptor(LDT + 0x40, 0, 0xfffff, P | dpl(w.level) | DATA | ACCESSED, WIDE | GRANULAR);
  m.setSegment(LDTR, 0x50, LDT, 0xff, 0x82);
  const rpl = w.rpl < 0 ? w.level : w.rpl;
  m.gate(IDT + 8 * VECTOR, w.selector | (w.selector ? rpl : 0), w.offset, w.gatePresent | dpl(w.gateDpl) | w.gateType);
  for (let level = 0; level < 3; level++) {
    m.setU32(TSS + 4 + 8 * level, w.inner);
    m.setU32(TSS + 8 + 8 * level, w.stackSelector ? w.stackSelector | rpl : 0);
  }
  m.setSegment(TR, 0x28, TSS, w.tssLimit, w.tssType);
  m.setSegment(SS, 0x10 | w.cpl, 0, w.currentLimit, w.currentAccess | dpl(w.cpl));
  for (const [n, index] of [ES, 3, FS, 5].entries())
    m.setSegment(index, w.data[n] === 0x10000 ? 0 : 0x10, 0, w.data[n] === 0x10000 ? 0 : 0xffffffff, w.data[n]!);
  m.setV('VCPU_GDTR_LIMIT', w.gdtLimit);
  m.setV('VCPU_IDTR_LIMIT', w.idtLimit);
  m.esp = w.esp;
  m.eip = 0x5555;
  m.eflags = w.flags;
  // What IRET finds on the stack.
  const frame = [w.offset, w.selector | (w.selector ? rpl : 0), w.image, 0x1f800, w.stackSelector | rpl];
  if (w.esp < REACHED) for (const [n, value] of frame.entries()) m.setU32(w.esp + 4 * n, value);
  m.call.changeCode(m.s);
}

/** All that a guest could see, and the fault record. */
function outcome(): string {
  const fault = [m.v('VCPU_FAULT'), m.v('VCPU_FAULT_VECTOR'), m.v('VCPU_FAULT_ERROR')];
  return JSON.stringify([m.state(), m.eip, m.v('VCPU_TLB_BANK'), fault[0] === 0 ? [] : fault]);
}

/** With the lowest 128 KiB and a little, which hold the tables and all stacks, as text of one character a byte. */
function snapshot(): string {
  return `${outcome()} ${Buffer.from(m.bytes(0, REACHED)).toString('latin1')}`;
}

/** What is left when `act` runs in a world whose tables and stacks are in the TLB, or are not. */
function outcomeOf(w: World, warm: boolean, act: () => void): string {
  build(w);
  if (!warm) m.call.flushAll(m.s);
  act();
  return snapshot();
}

/** Whether `act`, a short way, says that it did something; if not, it must have done nothing. */
function taken(w: World, act: () => number): boolean {
  build(w);
  const before = snapshot();
  if ((act() & 1) !== 0) return true;
  expect(snapshot() === before).toBe(true);
  return false;
}

const RETURN = 0x5557;
const RF = 1 << 16;
const kinds: Record<string, { short: (w: World) => number; full: (w: World) => void }> = {
  'INT n': {
    short: () => m.call.enterSwiftly(m.s, VECTOR, NO_ERROR, RETURN, m.eflags, 1),
    full: () => m.call.softwareInterrupt(m.s, VECTOR, RETURN, 0),
  },
  'an interrupt': {
    short: () => m.call.enterSwiftly(m.s, VECTOR, NO_ERROR, m.eip, m.eflags, 0),
    full: () => m.call.deliverInterrupt(m.s, VECTOR, 1),
  },
  'an exception': {
    short: (w) => m.call.enterSwiftly(m.s, VECTOR, w.error, m.eip, m.eflags | RF, 0),
    full: (w) => m.call.deliverException(m.s, VECTOR, w.error, 0),
  },
  IRET: {
    short: () => {
      const frame = m.eflags & NT ? 0 : m.call.swiftFrame(m.s, 12) >>> 0;
      const image = frame ? m.view.getUint32(frame + 8, true) : VM;
      return image & VM ? 0 : m.call.returnSwiftly(m.s, frame, image);
    },
    full: () => m.call.interruptReturn(m.s, RETURN, 4),
  },
};

describe('the short way', () => {
  it.each(Object.keys(kinds))(
    'of %s does what the full one does, or nothing',
    (name) => {
      const { short, full } = kinds[name]!;
      let [all, count] = [0, 0];
      fc.assert(
        fc.property(world, (w) => {
          all++;
          if (taken(w, () => short(w))) count++;
          // The handlers take the short way by themselves where they can.
          expect(outcomeOf(w, true, () => full(w)) === outcomeOf(w, false, () => full(w))).toBe(true);
        }),
        { numRuns: 250 },
      );
      expect(count / all).toBeGreaterThan(0.02);
      expect(count / all).toBeLessThan(0.9);
    },
    60_000,
  );
});
