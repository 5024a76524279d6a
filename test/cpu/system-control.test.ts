import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  DB,
  DS,
  ES,
  GP,
  IF,
  iopl,
  NO_ERROR,
  NT,
  P,
  PF,
  RF,
  SystemMachine,
  TABLES,
  TF,
  TR,
  TSS,
  TSS16,
  TSS32,
  UD,
  VM,
} from './system-machine.js';

const m = new SystemMachine();
const [EXIT_CPUID, EXIT_HLT, EXIT_VMCALL, EXIT_IO, EXIT_RDMSR, EXIT_WRMSR] = [10, 12, 18, 30, 31, 32];
const PG = 0x80000000;
const level = fc.integer({ min: 0, max: 3 });

beforeEach(() => m.reset());

describe('control registers', () => {
  it('keep reserved bits of CR0 and refuse impossible combinations', () => {
    m.call.movToCr(m.s, 0, 0x7fffffef & ~0x20000000);
    expect(m.call.movFromCr(m.s, 0) >>> 0).toBe(0x4005003f);
    for (const value of [PG, 0x20000001]) {
      m.call.movToCr(m.s, 0, value);
      expect(m.fault()).toEqual({ vector: GP, error: 0 });
      expect(m.call.movFromCr(m.s, 0) >>> 0).toBe(0x4005003f);
    }
  });
  it('refuse reserved bits of CR4 and ignore those of CR3', () => {
    m.call.movToCr(m.s, 4, 0x790 | 12);
    expect(m.fault()).toBeUndefined();
    expect(m.call.movFromCr(m.s, 4)).toBe(0x79c);
    for (const bit of [0, 1, 5, 6, 11, 13, 20, 31]) {
      m.call.movToCr(m.s, 4, 1 << bit);
      expect(m.fault()).toEqual({ vector: GP, error: 0 });
    }
    m.call.movToCr(m.s, 3, 0x12345fff);
    expect(m.call.movFromCr(m.s, 3)).toBe(0x12345018);
  });
  it('do not exist beyond CR4, and need level 0', () => {
    for (const n of [1, 5, 6, 7]) {
      m.call.movFromCr(m.s, n);
      expect(m.fault()).toEqual({ vector: UD, error: -1 });
      m.call.movToCr(m.s, n, 0);
      expect(m.fault()).toEqual({ vector: UD, error: -1 });
    }
    m.setLevel(3);
    for (const run of [
      () => m.call.movFromCr(m.s, 0),
      () => m.call.movToCr(m.s, 3, 0),
      () => m.call.movToDr(m.s, 0, 0),
      () => m.call.loadMsw(m.s, 0),
      () => m.call.clearTaskSwitched(m.s),
      () => m.call.invalidatePage(m.s, 0),
      () => m.call.loadGdt(m.s, 0x30000, 4),
      () => m.call.loadIdt(m.s, 0x30000, 4),
      () => m.call.rdmsr(m.s, 2),
      () => m.call.wrmsr(m.s, 2),
      () => m.call.halt(m.s, 1),
    ]) {
      run();
      expect(m.fault()).toEqual({ vector: GP, error: 0 });
    }
  });
  it('switch paging on and off with a fresh TLB', () => {
    m.setU32(0x30000, 0x11111111);
    m.setU32(0x31000, 0x22222222);
    m.setU32(TABLES, (TABLES + 0x1000) | 3);
    for (let page = 0; page < 64; page++)
      m.setU32(TABLES + 0x1000 + 4 * page, ((page === 0x30 ? 0x31 : page) << 12) | 3);
    m.setU32(0x21000, 0x30000);
    const read = () => {
      m.setV('VCPU_ESI', 0x30000);
      m.call.stringOp(m.s, 2, 4, 4, DS, 0, 1);
      return m.v('VCPU_EAX');
    };
    expect(read()).toBe(0x11111111);
    m.call.movToCr(m.s, 3, TABLES);
    m.call.movToCr(m.s, 0, PG | 0x11);
    expect(read()).toBe(0x22222222);
    m.call.movToCr(m.s, 0, 0x11);
    expect(read()).toBe(0x11111111);
  });
  it('LMSW can set PE but not clear it; SMSW and CLTS', () => {
    m.call.loadMsw(m.s, 0xe);
    expect(m.call.storeMsw(m.s)).toBe(0x1f);
    m.call.clearTaskSwitched(m.s);
    expect(m.call.storeMsw(m.s)).toBe(0x17);
    m.setV('VCPU_CR0', 0x10);
    m.call.loadMsw(m.s, 0xffff);
    expect(m.call.storeMsw(m.s)).toBe(0x1f);
  });
  it('LGDT takes 24 bits of the base with a 16-bit operand, SGDT stores 32', () => {
    m.setU16(0x30000, 0x123);
    m.setU32(0x30002, 0xabcdef01);
    m.call.loadGdt(m.s, 0x30000, 2);
    expect([m.v('VCPU_GDTR_LIMIT'), m.v('VCPU_GDTR_BASE')]).toEqual([0x123, 0xcdef01]);
    m.call.loadIdt(m.s, 0x30000, 4);
    expect([m.v('VCPU_IDTR_LIMIT'), m.v('VCPU_IDTR_BASE')]).toEqual([0x123, 0xabcdef01]);
    m.call.storeGdt(m.s, 0x30010);
    expect([m.u16(0x30010), m.u32(0x30012)]).toEqual([0x123, 0xcdef01]);
  });
});

describe('debug registers', () => {
  it('have fixed bits, and DR4 and DR5 are DR6 and DR7 until CR4.DE', () => {
    m.call.movToDr(m.s, 6, 0);
    m.call.movToDr(m.s, 5, 0xffffdfff);
    expect([m.call.movFromDr(m.s, 4) >>> 0, m.call.movFromDr(m.s, 7) >>> 0]).toEqual([0xffff0ff0, 0xffff07ff]);
    m.call.movToDr(m.s, 6, 0xffffffff);
    expect(m.call.movFromDr(m.s, 6) >>> 0).toBe(0xffffefff);
    m.setV('VCPU_CR4', 8);
    m.call.movFromDr(m.s, 4);
    expect(m.fault()).toEqual({ vector: UD, error: -1 });
  });
  it('are guarded by DR7.GD', () => {
    m.call.movToDr(m.s, 7, 0x2000);
    m.call.movToDr(m.s, 0, 1);
    expect(m.fault()).toEqual({ vector: DB, error: -1 });
    expect([m.v('VCPU_FAULT_ADDRESS'), m.v('VCPU_DR0')]).toEqual([0x2000, 0]);
  });
});

describe('flags', () => {
  // SDM Vol. 2, "POPF", Table 4-16: who may change what.
  it('POPF changes what level and operand size allow', () => {
    fc.assert(
      fc.property(
        level,
        level,
        fc.integer({ min: 0, max: 0x3fffff }),
        fc.integer({ min: 0, max: 0x3fffff }),
        fc.constantFrom(2, 4),
        fc.constantFrom('real', 'protected', 'v86'),
        (cpl, io, old, value, size, mode) => {
          m.reset();
          if (mode === 'protected') m.setLevel(cpl);
          if (mode === 'v86') m.setV('VCPU_CPL', 3);
          if (mode === 'real') m.setV('VCPU_CR0', 0x10);
          const now = mode === 'protected' ? cpl : mode === 'v86' ? 3 : 0;
          const defined = 0x3f7fd5;
          const before = ((old & defined & ~(VM | 0x3000)) | iopl(io) | (mode === 'v86' ? VM : 0) | 2) >>> 0;
          m.eflags = before;
          m.call.popFlags(m.s, value, size);
          if (mode === 'v86' && io < 3) {
            expect(m.fault()).toEqual({ vector: GP, error: 0 });
            expect(m.eflags).toBe(before);
            return;
          }
          expect(m.fault()).toBeUndefined();
          let mask = 0x4dd5 | (size === 4 ? 0x240000 : 0);
          if (now <= io) mask |= IF;
          if (now === 0) mask |= 0x3000;
          expect(m.eflags).toBe(((before & ~mask & ~RF) | (value & mask)) >>> 0);
        },
      ),
      { numRuns: 500 },
    );
  });
  it('PUSHF hides VM and RF, and needs IOPL 3 in virtual-8086 mode', () => {
    m.eflags = RF | NT | IF | 0xd7;
    expect(m.call.flagsImage(m.s)).toBe(NT | IF | 0xd7);
    m.setV('VCPU_CPL', 3);
    m.eflags = VM | iopl(3) | 2;
    expect(m.call.flagsImage(m.s)).toBe(iopl(3) | 2);
    m.eflags = VM | iopl(2) | 2;
    m.call.flagsImage(m.s);
    expect(m.fault()).toEqual({ vector: GP, error: 0 });
  });
  it('CLI and STI need CPL ≤ IOPL; STI inhibits interrupts once', () => {
    m.setLevel(2);
    m.eflags = iopl(1) | IF | 2;
    m.call.clearInterrupt(m.s);
    expect(m.fault()).toEqual({ vector: GP, error: 0 });
    m.eflags = iopl(2) | 2;
    m.call.setInterrupt(m.s);
    expect([m.eflags, m.v('VCPU_INHIBIT')]).toEqual([iopl(2) | IF | 2, 1]);
    m.setV('VCPU_INHIBIT', 0);
    m.call.setInterrupt(m.s);
    expect(m.v('VCPU_INHIBIT')).toBe(0);
    m.call.clearInterrupt(m.s);
    expect(m.eflags).toBe(iopl(2) | 2);
  });
});

describe('model-specific registers and time', () => {
  const rdmsr = (index: number): bigint => {
    m.setV('VCPU_ECX', index);
    m.call.rdmsr(m.s, 2);
    return BigInt(m.v('VCPU_EAX')) | (BigInt(m.v('VCPU_EDX')) << 32n);
  };
  const wrmsr = (index: number, value: bigint) => {
    m.setV('VCPU_ECX', index);
    m.setV('VCPU_EAX', Number(value & 0xffffffffn));
    m.setV('VCPU_EDX', Number(value >> 32n));
    m.call.wrmsr(m.s, 2);
  };
  it('hold what was written', () => {
    for (const index of [0x174, 0x175, 0x176]) {
      wrmsr(index, BigInt(index) << 8n);
      expect(rdmsr(index)).toBe(BigInt(index) << 8n);
    }
    expect(rdmsr(0x277)).toBe(0x0007040600070406n);
    wrmsr(0x277, 0x0606060606060600n);
    expect(rdmsr(0x277)).toBe(0x0606060606060600n);
    wrmsr(0x277, 0x0000000000000200n);
    expect(m.fault()).toEqual({ vector: GP, error: 0 });
    wrmsr(0x277, 0x0007040600070406n);
  });
  it('exit where they are unknown', () => {
    rdmsr(0xc0000080);
    expect([m.exit(), m.v('VCPU_EXIT_LENGTH')]).toEqual([EXIT_RDMSR, 2]);
    wrmsr(0x40000000, 0n);
    expect(m.exit()).toBe(EXIT_WRMSR);
  });
  it('count modelled cycles only', () => {
    const weights = m.core.layout('HOST_WEIGHTS');
    m.view.setUint32(weights + 4 * m.core.layout('COUNTER_EXCEPTION'), 1000, true);
    const start = m.call.modelledCycles(m.s);
    wrmsr(0x10, 0x100000000n);
    expect(rdmsr(0x10)).toBe(0x100000000n);
    m.idt(PF, 0x08, 0, 0);
    m.flat(0x08, P | 0x1a);
    m.idt(13, 0x08, 0x7000, P | 14);
    m.call.deliverException(m.s, 13, 0, 0);
    expect(m.call.modelledCycles(m.s) - start).toBe(1000);
    expect(rdmsr(0x10)).toBe(0x1000003e8n);
    m.call.readTsc(m.s);
    expect([m.v('VCPU_EAX'), m.v('VCPU_EDX')]).toEqual([1000, 1]);
    m.setV('VCPU_CR4', 4);
    m.setLevel(3);
    m.call.readTsc(m.s);
    expect(m.fault()).toEqual({ vector: GP, error: 0 });
  });
});

describe('exits of instructions', () => {
  it('name the reason and the length', () => {
    for (const [run, reason, length] of [
      [() => m.call.cpuid(m.s, 2), EXIT_CPUID, 2],
      [() => m.call.halt(m.s, 1), EXIT_HLT, 1],
      [() => m.call.vmxGroup(m.s, 0xc1, 3), EXIT_VMCALL, 3],
    ] as const) {
      run();
      expect([m.exit(), m.v('VCPU_EXIT_LENGTH')]).toEqual([reason, length]);
    }
    m.call.vmxGroup(m.s, 0xc2, 3);
    expect(m.fault()).toEqual({ vector: UD, error: -1 });
  });
});

describe('port I/O', () => {
  it('is qualified as the manual says', () => {
    for (const [size, input, immediate] of [
      [1, 0, 0],
      [2, 1, 0],
      [4, 0, 1],
      [4, 1, 1],
    ] as const) {
      m.setV('VCPU_EAX', 0x11223344);
      m.call.portIo(m.s, 0x3f8, size, input, immediate, 2);
      expect(m.exit()).toBe(EXIT_IO);
      expect(m.v('VCPU_EXIT_QUALIFICATION')).toBe(0x3f80000 | (size - 1) | (input << 3) | (immediate << 6));
      expect(m.v('VCPU_EXIT_VALUE')).toBe(0x11223344 & (size === 4 ? -1 : (1 << (8 * size)) - 1));
      m.eip = 0x1000;
      m.call.completeIo(m.s, 0xaabbccdd);
      expect(m.eip).toBe(0x1002);
      const expected = { 1: 0x112233dd, 2: 0x1122ccdd, 4: 0xaabbccdd }[size];
      expect(m.v('VCPU_EAX')).toBe(input ? expected : 0x11223344);
    }
  });
  it('is limited by IOPL and the bit map', () => {
    fc.assert(
      fc.property(
        level,
        level,
        fc.constantFrom(1, 2, 4),
        fc.integer({ min: 0, max: 0x7f }),
        fc.integer({ min: 0x68, max: 0x7c }),
        fc.constantFrom('tss32', 'tss32', 'tss16', 'v86'),
        fc.integer(),
        (cpl, io, size, port, limit, kind, seed) => {
          m.reset();
          m.setLevel(kind === 'v86' ? 3 : cpl);
          m.eflags = iopl(io) | (kind === 'v86' ? VM : 0) | 2;
          m.setSegment(TR, 0x28, TSS, limit, P | 2 | (kind === 'tss16' ? TSS16 : TSS32));
          m.setU16(TSS + 0x66, 0x68);
          for (let n = 0; n < 20; n++) m.bytes(TSS + 0x68 + n, 1)[0] = (seed >> (n % 24)) & (seed >> (n % 7)) & 0xff;
          let allowed = kind !== 'v86' && m.cpl <= io;
          if (!allowed && kind !== 'tss16' && 0x68 + (port >> 3) + 1 <= limit) {
            allowed = true;
            for (let p = port; p < port + size; p++) if (m.u8(TSS + 0x68 + (p >> 3)) & (1 << (p & 7))) allowed = false;
          }
          m.call.portIo(m.s, port, size, 1, 0, 1);
          expect(m.fault()).toEqual(allowed ? undefined : { vector: GP, error: 0 });
          expect(m.exit()).toBe(allowed ? EXIT_IO : undefined);
        },
      ),
      { numRuns: 800 },
    );
  });
  it('of strings exits once per element and completes without a fault', () => {
    m.setV('VCPU_EDX', 0x1f0);
    m.setV('VCPU_ECX', 3);
    m.setV('VCPU_EDI', 0x30ffe);
    m.eip = 0x1000;
    const values = [0x1111, 0x2222, 0x3333];
    for (const [n, value] of values.entries()) {
      m.call.portString(m.s, 1, 2, 4, DS, 1, 3);
      expect(m.exit()).toBe(EXIT_IO);
      expect(m.v('VCPU_EXIT_QUALIFICATION')).toBe(0x1f00000 | 1 | 8 | 16 | 32);
      expect([m.v('VCPU_EXIT_LINEAR'), m.v('VCPU_EXIT_INFO')]).toEqual([0x30ffe + 2 * n, 0x80 | (ES << 15)]);
      m.call.completeIo(m.s, value);
      expect(m.eip).toBe(n === 2 ? 0x1003 : 0x1000);
    }
    expect(m.words(0x30ffe, 3, 2)).toEqual(values);
    expect([m.v('VCPU_EDI'), m.v('VCPU_ECX')]).toEqual([0x31004, 0]);
    m.call.portString(m.s, 1, 2, 4, DS, 1, 3);
    expect([m.exit(), m.fault()]).toEqual([undefined, undefined]);
  });
  it('OUTS reads before it exits, backwards and with 16-bit addresses', () => {
    m.eflags = 0x402;
    m.setV('VCPU_ESI', 0xabcd0000);
    m.setU32(0, 0x87654321);
    m.call.portString(m.s, 0, 4, 2, DS, 0, 2);
    expect(m.exit()).toBe(EXIT_IO);
    expect([m.v('VCPU_EXIT_VALUE'), m.v('VCPU_EXIT_INFO')]).toEqual([0x87654321, DS << 15]);
    m.call.completeIo(m.s, 0);
    expect(m.v('VCPU_ESI')).toBe(0xabcdfffc);
  });
  it('INS to a page that cannot be written faults before the port is read', () => {
    m.setU32(TABLES, (TABLES + 0x1000) | 3);
    for (let page = 0; page < 64; page++) m.setU32(TABLES + 0x1000 + 4 * page, (page << 12) | (page === 0x31 ? 1 : 3));
    m.setV('VCPU_CR3', TABLES);
    m.setV('VCPU_CR0', 0x80010011);
    m.call.flushAll(m.s);
    m.setV('VCPU_EDI', 0x30ffe);
    m.call.portString(m.s, 1, 4, 4, DS, 0, 1);
    expect(m.fault()).toEqual({ vector: PF, error: 3 });
    expect(m.v('VCPU_FAULT_ADDRESS')).toBe(0x31000);
  });
});

describe('TF', () => {
  it('is cleared in the handler of a debug exception and saved in its frame', () => {
    m.flat(0x08, P | 0x1a);
    m.idt(DB, 0x08, 0x7000, P | 14);
    m.eflags = TF | 2;
    m.call.deliverException(m.s, DB, NO_ERROR, 1 << 14);
    expect([m.eflags, m.u32(m.esp + 8)]).toEqual([2, TF | 2]);
  });
});
