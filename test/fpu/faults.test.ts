/** Faults: who raises what first, and that nothing changes when something is raised. */
import { beforeEach, describe, expect, it } from 'vitest';
import { FORM_SETS } from './forms.js';
import { CR0_EM, CR0_MP, CR0_NE, CR0_PE, CR0_TS, CR4_OSFXSR, CR4_OSXMMEXCPT, FpuMachine, OPERAND } from './machine.js';
import { Random } from './random.js';
import { Case, EAX, FCW, FSW, IMAGE, MXCSR, RECORD_SIZE, TRAP } from './record.js';

const [UD, NM, GP, PF, MF, XM] = [6, 7, 13, 14, 16, 19] as const;
const CR0_WP = 1 << 16;
const CR0_PG = 0x80000000;
const CR0 = CR0_PE | CR0_MP | CR0_NE;
const CR4 = CR4_OSFXSR | CR4_OSXMMEXCPT;

const FADD = [0xd8, 0xc1];
const FNSTSW = [0xdf, 0xe0];
const FWAIT = [0x9b];
const PADDB_MM = [0x0f, 0xfc, 0xc1];
const ADDPS = [0x0f, 0x58, 0xc1];
const DIVPS = [0x0f, 0x5e, 0xc1];
const CVTPS2PI = [0x0f, 0x2d, 0xc1];
const SFENCE = [0x0f, 0xae, 0xf8];
const MOVNTI = [0x0f, 0xc3, 0x06];
const EMMS = [0x0f, 0x77];

function blank(): Case {
  const c = new Case(new Uint8Array(RECORD_SIZE), 0);
  c.set16(FCW, 0x37f);
  c.set32(MXCSR, 0x1f80);
  return c;
}

describe('availability', () => {
  const machine = new FpuMachine();
  let c: Case;
  beforeEach(() => {
    c = blank();
    machine.set('VCPU_CR0', CR0);
    machine.set('VCPU_CR4', CR4);
  });
  const vector = (code: readonly number[]): number => {
    machine.load(c);
    machine.execute(Uint8Array.from(code), OPERAND);
    return machine.fault();
  };

  // SDM Vol. 3A, Table 2-2, "Action Taken By x87 FPU Instructions for Different Combinations of EM, MP, and TS"
  it.each([
    [0, -1, -1],
    [CR0_TS, NM, -1],
    [CR0_MP, -1, -1],
    [CR0_MP | CR0_TS, NM, NM],
    [CR0_EM, NM, -1],
    [CR0_EM | CR0_TS, NM, -1],
    [CR0_EM | CR0_MP, NM, -1],
    [CR0_EM | CR0_MP | CR0_TS, NM, NM],
  ])('x87 with CR0 bits %i: FADD %i, FWAIT %i', (bits, arithmetic, wait) => {
    machine.set('VCPU_CR0', CR0_PE | bits);
    expect(vector(FADD)).toBe(arithmetic);
    expect(vector(FNSTSW)).toBe(arithmetic);
    expect(vector(FWAIT)).toBe(wait);
  });

  it('SIMD under CR0.EM, CR0.TS and CR4.OSFXSR', () => {
    machine.set('VCPU_CR0', CR0 | CR0_TS);
    expect([PADDB_MM, ADDPS, EMMS, CVTPS2PI].map(vector)).toEqual([NM, NM, NM, NM]);
    machine.set('VCPU_CR0', CR0 | CR0_TS | CR0_EM);
    expect([PADDB_MM, ADDPS, EMMS, CVTPS2PI].map(vector)).toEqual([UD, UD, UD, UD]);
    expect([SFENCE, MOVNTI].map(vector)).toEqual([-1, -1]);
    machine.set('VCPU_CR0', CR0);
    machine.set('VCPU_CR4', 0);
    expect([PADDB_MM, ADDPS, EMMS, CVTPS2PI].map(vector)).toEqual([-1, UD, -1, UD]);
  });

  it('a pending x87 exception stops waiting and MMX instructions only', () => {
    c.set16(FCW, 0x37e);
    c.set16(FSW, 1);
    expect([FADD, FWAIT, PADDB_MM, CVTPS2PI, EMMS].map(vector)).toEqual([MF, MF, MF, MF, MF]);
    expect([FNSTSW, ADDPS, SFENCE].map(vector)).toEqual([-1, -1, -1]);
  });

  it('an unmasked SIMD exception is #XM, or #UD without CR4.OSXMMEXCPT', () => {
    c.set32(MXCSR, 0);
    expect(vector(DIVPS)).toBe(XM);
    machine.set('VCPU_CR4', CR4_OSFXSR);
    expect(vector(DIVPS)).toBe(UD);
  });

  it('reserved MXCSR bits are #GP', () => {
    for (let bit = 0; bit < 32; bit++) {
      machine.load(c);
      machine.view.setUint32(machine.host(OPERAND), 2 ** bit, true);
      machine.fpu.ldmxcsr(machine.s, OPERAND);
      expect(machine.fault()).toBe(bit < 16 ? -1 : GP);
    }
  });
});

describe('memory faults', () => {
  // Two mapped pages, 1 read-only and 0; page 2 and all others are not present.
  const machine = new FpuMachine();
  const [directory, table] = [0x3000, 0x2000];
  const map = (page: number, writable: boolean): void => {
    const entry = (page << 12) | 0x61 | (writable ? 2 : 0);
    machine.view.setUint32(machine.host(table + 4 * page), entry, true);
  };
  machine.view.setUint32(machine.host(directory), table | 0x63, true);
  machine.set('VCPU_CR3', directory);
  machine.set('VCPU_CR0', CR0 | CR0_WP | CR0_PG);
  const state = (): Buffer => {
    const at = machine.state;
    const general = machine.bytes.slice(machine.s, machine.s + 32);
    const flags = machine.fpu.getEflags(machine.s);
    const memory = machine.bytes.slice(machine.dram, machine.dram + 0x2000);
    return Buffer.concat([machine.bytes.slice(at, at + 288), general, memory, Buffer.from([flags & 255, flags >> 8])]);
  };

  /** Executes at `linear`; the vector, having checked that a fault changed nothing. */
  function attempt(c: Case, linear: number): number {
    machine.load(c);
    const before = state();
    machine.execute(c.code, linear);
    const vector = machine.fault();
    if (vector === PF)
      expect(state().equals(before), `state after a fault of ${Buffer.from(c.code).toString('hex')}`).toBe(true);
    return vector;
  }

  it.each(FORM_SETS)('leave everything unchanged: $name', (set) => {
    const random = new Random(3);
    for (const form of set.forms) {
      for (let i = 0; i < 6; i++) {
        const c = blank();
        set.make(c, form, random);
        const code = c.code;
        const at = code[0] === 0x66 || code[0] === 0xf2 || code[0] === 0xf3 ? 1 : 0;
        const modrm = code[at]! === 0x0f ? code[at + 2]! : code[at + 1]!;
        if (modrm >= 0xc0 || code[at] === 0x9b || code[at + 1] === 0x77) continue;
        // No pending exceptions, all masked: the access is made for certain.
        c.set16(FCW, 0x37f);
        c.set32(MXCSR, c.u32(MXCSR) | 0x1f80);
        map(0, true);
        map(1, true);
        machine.fpu.flushAll(machine.s);
        expect(attempt(c, 0x2000), form.name).toBe(PF);
        if (form.name.includes('mxcsr')) continue;
        // Across the end of the mapped pages: all but the narrowest and the aligned operands.
        const crossing = attempt(c, 0x1fff);
        expect([PF, GP, -1], form.name).toContain(crossing);
        // A read-only page stops stores and nothing else.
        map(1, false);
        machine.fpu.flushAll(machine.s);
        machine.load(c);
        const before = state();
        machine.execute(code, 0x1100);
        if (machine.fault() === PF) {
          expect(machine.get('VCPU_FAULT_ERROR') & 2, `${form.name} wrote`).toBe(2);
          expect(state().equals(before), form.name).toBe(true);
        } else
          expect(
            state()
              .subarray(320, 320 + 0x2000)
              .equals(before.subarray(320, 320 + 0x2000)),
          ).toBe(true);
      }
    }
  });

  it('MASKMOVDQU touches only selected bytes', () => {
    const c = blank();
    const code = Uint8Array.from([0x66, 0x0f, 0xf7, 0xc1]);
    map(1, true);
    machine.fpu.flushAll(machine.s);
    c.bytes.set([0xaa, 0xbb], IMAGE + 160);
    c.bytes[IMAGE + 176] = 0x80; // byte 0 is in the mapped page
    c.bytes.set(code);
    expect(attempt(c, 0x1fff)).toBe(-1);
    expect(machine.bytes[machine.host(0x1fff)]).toBe(0xaa);
    c.bytes[IMAGE + 177] = 0x80;
    expect(attempt(c, 0x1fff)).toBe(PF);
  });

  it('unaligned 16-byte operands are #GP before any access', () => {
    const c = blank();
    c.bytes.set([0x0f, 0x28, 0x06]);
    expect(attempt(c, 0x2004)).toBe(GP);
    expect(c.u32(EAX) + c.u32(TRAP)).toBe(0);
  });
});
