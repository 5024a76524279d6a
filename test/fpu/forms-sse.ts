/** Every form of MMX, SSE and SSE2, with how to make a case of it. */

import type { Form } from './forms-x87.js';
import { double, extended, single } from './operands.js';
import type { Random } from './random.js';
import { type Case, CODE, EAX, ECX, EDX, EFLAGS, FCW, FSW, FTW, MEMORY, MXCSR, ST, TRAP, XMM } from './record.js';

export type Element = 'integer' | 'single' | 'double' | 'doubleword' | 'mxcsr';

export interface SseForm extends Form {
  /** What registers and memory are filled with. */
  readonly element: Element;
  /** Memory operands must be 16-byte aligned. */
  readonly aligned: boolean;
  /** RCPPS, RSQRTPS: results are compared within the manual's bound. */
  readonly approximate: boolean;
}

interface Row {
  readonly element?: Element;
  readonly aligned?: boolean;
  readonly approximate?: boolean;
  readonly operands?: 'both' | 'register' | 'memory';
  readonly imm?: boolean;
  /** Fixed reg field: opcode groups. */
  readonly reg?: number;
  /** The field that names a general register: only EAX, ECX and EDX are compared. */
  readonly general?: 'reg' | 'rm';
}

function* rows(name: string, prefix: number, opcode: number, row: Row = {}): Generator<SseForm> {
  const {
    element = 'integer',
    aligned = false,
    approximate = false,
    operands = 'both',
    imm = false,
    reg,
    general,
  } = row;
  const make = (register: boolean): SseForm => ({
    name: `${name} ${register ? 'register' : 'memory'}`,
    element,
    aligned: aligned && !register,
    approximate,
    operand: 'none',
    push: false,
    ulp: 0,
    domain: 'all',
    undefinedStatus: 0,
    code: (r) => {
      const field = (reg ?? r.below(general === 'reg' ? 3 : 8)) << 3;
      const modrm = register ? 0xc0 | field | r.below(general === 'rm' ? 3 : 8) : field | 6;
      const tail = imm ? [r.once(2) ? r.below(256) : r.below(70)] : [];
      return [...(prefix ? [prefix] : []), 0x0f, opcode, modrm, ...tail];
    },
  });
  if (operands !== 'memory') yield make(true);
  if (operands !== 'register') yield make(false);
}

// Opcodes that take mm, mm/m64 without prefix and xmm, xmm/m128 with 66
const INTEGER: Record<string, number> = {
  PUNPCKLBW: 0x60, PUNPCKLWD: 0x61, PUNPCKLDQ: 0x62, PACKSSWB: 0x63, PCMPGTB: 0x64, PCMPGTW: 0x65, PCMPGTD: 0x66,
  PACKUSWB: 0x67, PUNPCKHBW: 0x68, PUNPCKHWD: 0x69, PUNPCKHDQ: 0x6a, PACKSSDW: 0x6b, PCMPEQB: 0x74, PCMPEQW: 0x75,
  PCMPEQD: 0x76, PSRLW: 0xd1, PSRLD: 0xd2, PSRLQ: 0xd3, PADDQ: 0xd4, PMULLW: 0xd5, PSUBUSB: 0xd8, PSUBUSW: 0xd9,
  PMINUB: 0xda, PAND: 0xdb, PADDUSB: 0xdc, PADDUSW: 0xdd, PMAXUB: 0xde, PANDN: 0xdf, PAVGB: 0xe0, PSRAW: 0xe1,
  PSRAD: 0xe2, PAVGW: 0xe3, PMULHUW: 0xe4, PMULHW: 0xe5, PSUBSB: 0xe8, PSUBSW: 0xe9, PMINSW: 0xea, POR: 0xeb,
  PADDSB: 0xec, PADDSW: 0xed, PMAXSW: 0xee, PXOR: 0xef, PSLLW: 0xf1, PSLLD: 0xf2, PSLLQ: 0xf3, PMULUDQ: 0xf4,
  PMADDWD: 0xf5, PSADBW: 0xf6, PSUBB: 0xf8, PSUBW: 0xf9, PSUBD: 0xfa, PSUBQ: 0xfb, PADDB: 0xfc, PADDW: 0xfd,
  PADDD: 0xfe,
}; // biome-ignore format: a table

function* integerForms(): Generator<SseForm> {
  for (const [name, opcode] of Object.entries(INTEGER)) {
    yield* rows(`${name} mm`, 0, opcode);
    yield* rows(`${name} xmm`, 0x66, opcode, { aligned: true });
  }
  yield* rows('PUNPCKLQDQ', 0x66, 0x6c, { aligned: true });
  yield* rows('PUNPCKHQDQ', 0x66, 0x6d, { aligned: true });
  for (const [opcode, regs] of [
    [0x71, [2, 4, 6]],
    [0x72, [2, 4, 6]],
    [0x73, [2, 6]],
  ] as const) {
    for (const reg of regs) {
      yield* rows(`shift ${opcode.toString(16)} /${reg} mm`, 0, opcode, { operands: 'register', imm: true, reg });
      yield* rows(`shift ${opcode.toString(16)} /${reg} xmm`, 0x66, opcode, { operands: 'register', imm: true, reg });
    }
  }
  yield* rows('PSRLDQ', 0x66, 0x73, { operands: 'register', imm: true, reg: 3 });
  yield* rows('PSLLDQ', 0x66, 0x73, { operands: 'register', imm: true, reg: 7 });
  for (const prefix of [0, 0x66]) {
    const kind = prefix ? 'xmm' : 'mm';
    yield* rows(`PINSRW ${kind}`, prefix, 0xc4, { imm: true, general: 'rm' });
    yield* rows(`PEXTRW ${kind}`, prefix, 0xc5, { imm: true, operands: 'register', general: 'reg' });
    yield* rows(`PMOVMSKB ${kind}`, prefix, 0xd7, { operands: 'register', general: 'reg' });
    yield* rows(`MASKMOV ${kind}`, prefix, 0xf7, { operands: 'register' });
  }
}

function* moveForms(): Generator<SseForm> {
  const memory = { operands: 'memory' } as const;
  for (const opcode of [0x10, 0x11]) {
    yield* rows(`MOVUPS ${opcode}`, 0, opcode);
    yield* rows(`MOVUPD ${opcode}`, 0x66, opcode);
    yield* rows(`MOVSS ${opcode}`, 0xf3, opcode);
    yield* rows(`MOVSD ${opcode}`, 0xf2, opcode);
    yield* rows(`MOVAPS ${opcode}`, 0, opcode + 0x18, { aligned: true });
    yield* rows(`MOVAPD ${opcode}`, 0x66, opcode + 0x18, { aligned: true });
  }
  yield* rows('MOVLPS MOVHLPS', 0, 0x12);
  yield* rows('MOVHPS MOVLHPS', 0, 0x16);
  for (const opcode of [0x13, 0x17]) {
    yield* rows(`MOVLPS MOVHPS store ${opcode}`, 0, opcode, memory);
    yield* rows(`MOVLPD MOVHPD store ${opcode}`, 0x66, opcode, memory);
  }
  yield* rows('MOVLPD', 0x66, 0x12, memory);
  yield* rows('MOVHPD', 0x66, 0x16, memory);
  for (const prefix of [0, 0x66]) {
    yield* rows(`UNPCKL ${prefix}`, prefix, 0x14, { aligned: true });
    yield* rows(`UNPCKH ${prefix}`, prefix, 0x15, { aligned: true });
    yield* rows(`MOVNTPS ${prefix}`, prefix, 0x2b, { ...memory, aligned: true });
    yield* rows(`MOVMSK ${prefix}`, prefix, 0x50, { operands: 'register', general: 'reg' });
    yield* rows(`MOVD load ${prefix}`, prefix, 0x6e, { general: 'rm' });
    yield* rows(`MOVD store ${prefix}`, prefix, 0x7e, { general: 'rm' });
    yield* rows(`SHUF ${prefix}`, prefix, 0xc6, { aligned: true, imm: true });
    for (const opcode of [0x54, 0x55, 0x56, 0x57])
      yield* rows(`bitwise ${opcode} ${prefix}`, prefix, opcode, { aligned: true });
  }
  yield* rows('MOVQ xmm load', 0xf3, 0x7e);
  yield* rows('MOVQ xmm store', 0x66, 0xd6);
  yield* rows('MOVQ mm load', 0, 0x6f);
  yield* rows('MOVQ mm store', 0, 0x7f);
  yield* rows('MOVDQA load', 0x66, 0x6f, { aligned: true });
  yield* rows('MOVDQA store', 0x66, 0x7f, { aligned: true });
  yield* rows('MOVDQU load', 0xf3, 0x6f);
  yield* rows('MOVDQU store', 0xf3, 0x7f);
  yield* rows('MOVQ2DQ', 0xf3, 0xd6, { operands: 'register' });
  yield* rows('MOVDQ2Q', 0xf2, 0xd6, { operands: 'register' });
  yield* rows('MOVNTI', 0, 0xc3, { ...memory, general: 'reg' });
  yield* rows('MOVNTQ', 0, 0xe7, memory);
  yield* rows('MOVNTDQ', 0x66, 0xe7, { ...memory, aligned: true });
  yield* rows('PSHUFW', 0, 0x70, { imm: true });
  yield* rows('PSHUFD', 0x66, 0x70, { imm: true, aligned: true });
  yield* rows('PSHUFLW', 0xf2, 0x70, { imm: true, aligned: true });
  yield* rows('PSHUFHW', 0xf3, 0x70, { imm: true, aligned: true });
  yield* rows('LDMXCSR', 0, 0xae, { ...memory, reg: 2, element: 'mxcsr' });
  yield* rows('STMXCSR', 0, 0xae, { ...memory, reg: 3 });
  for (const form of rows('EMMS', 0, 0x77, { operands: 'register' })) yield { ...form, code: () => [0x0f, 0x77] };
}

function* floatForms(): Generator<SseForm> {
  const all: readonly (readonly [string, number, Element, boolean])[] = [
    ['PS', 0, 'single', true],
    ['PD', 0x66, 'double', true],
    ['SS', 0xf3, 'single', false],
    ['SD', 0xf2, 'double', false],
  ];
  const operations = { SQRT: 0x51, ADD: 0x58, MUL: 0x59, SUB: 0x5c, MIN: 0x5d, DIV: 0x5e, MAX: 0x5f };
  for (const [suffix, prefix, element, aligned] of all) {
    for (const [name, opcode] of Object.entries(operations))
      yield* rows(name + suffix, prefix, opcode, { element, aligned });
    yield* rows(`CMP${suffix}`, prefix, 0xc2, { element, aligned, imm: true });
  }
  for (const [prefix, suffix] of [
    [0, 'PS'],
    [0xf3, 'SS'],
  ] as const) {
    yield* rows(`RSQRT${suffix}`, prefix, 0x52, { element: 'single', aligned: prefix === 0, approximate: true });
    yield* rows(`RCP${suffix}`, prefix, 0x53, { element: 'single', aligned: prefix === 0, approximate: true });
  }
  for (const opcode of [0x2e, 0x2f]) {
    yield* rows(`COMISS ${opcode}`, 0, opcode, { element: 'single' });
    yield* rows(`COMISD ${opcode}`, 0x66, opcode, { element: 'double' });
  }
  yield* rows('CVTPI2PS', 0, 0x2a, { element: 'doubleword' });
  yield* rows('CVTPI2PD', 0x66, 0x2a, { element: 'doubleword' });
  yield* rows('CVTSI2SS', 0xf3, 0x2a, { element: 'doubleword', general: 'rm' });
  yield* rows('CVTSI2SD', 0xf2, 0x2a, { element: 'doubleword', general: 'rm' });
  for (const opcode of [0x2c, 0x2d]) {
    const t = opcode === 0x2c ? 'CVTT' : 'CVT';
    yield* rows(`${t}PS2PI`, 0, opcode, { element: 'single' });
    yield* rows(`${t}PD2PI`, 0x66, opcode, { element: 'double', aligned: true });
    yield* rows(`${t}SS2SI`, 0xf3, opcode, { element: 'single', general: 'reg' });
    yield* rows(`${t}SD2SI`, 0xf2, opcode, { element: 'double', general: 'reg' });
  }
  yield* rows('CVTPS2PD', 0, 0x5a, { element: 'single' });
  yield* rows('CVTPD2PS', 0x66, 0x5a, { element: 'double', aligned: true });
  yield* rows('CVTSS2SD', 0xf3, 0x5a, { element: 'single' });
  yield* rows('CVTSD2SS', 0xf2, 0x5a, { element: 'double' });
  yield* rows('CVTDQ2PS', 0, 0x5b, { element: 'doubleword', aligned: true });
  yield* rows('CVTPS2DQ', 0x66, 0x5b, { element: 'single', aligned: true });
  yield* rows('CVTTPS2DQ', 0xf3, 0x5b, { element: 'single', aligned: true });
  yield* rows('CVTTPD2DQ', 0x66, 0xe6, { element: 'double', aligned: true });
  yield* rows('CVTPD2DQ', 0xf2, 0xe6, { element: 'double', aligned: true });
  yield* rows('CVTDQ2PD', 0xf3, 0xe6, { element: 'doubleword' });
}

export const SSE_FORMS: readonly SseForm[] = [...integerForms(), ...moveForms(), ...floatForms()];

const WORDS = [0, 0xffffffff, 0x80000000, 0x7fffffff, 0x80008000, 0x7fff7fff, 0x80808080, 0x7f7f7f7f, 1, 0x00ff00ff];

function fill(c: Case, at: number, bytes: number, element: Element, random: Random): void {
  for (let i = 0; i < bytes; i += 8) {
    if (element === 'double') c.view.setBigUint64(at + i, double(random), true);
    else
      for (let k = i; k < i + 8; k += 4) {
        const special = random.once(4) ? random.pick(WORDS) : random.once(4) ? random.below(80) : random.u32();
        c.set32(at + k, element === 'single' ? single(random) : special);
      }
  }
}

/** Fills a case with a random machine state and the form's instruction. */
export function makeSseCase(c: Case, form: Form, random: Random): void {
  const { element, aligned } = form as SseForm;
  const code = form.code(random);
  c.bytes.fill(0x90, CODE, CODE + 12);
  c.bytes.set(code, CODE);
  c.set32(TRAP, aligned ? (random.once(20) ? random.below(16) : 16 * random.below(2)) : random.below(20));
  c.set16(FCW, 0x37f);
  if (random.once(50)) c.set16(FCW, 0x37f & ~random.below(64));
  c.set16(FSW, (random.once(2) ? 0 : random.u32() & 0x7f) | (random.u32() & 0x4700) | (random.below(8) << 11));
  c.bytes[FTW] = random.below(256);
  const masks = random.once(2) ? 0x3f : random.once(2) ? random.below(64) : 0x3f & ~(1 << random.below(6));
  const modes = (random.once(5) ? 0x8000 : 0) | (random.once(5) ? 0x40 : 0);
  const rounding = random.once(2) ? 0 : random.below(4);
  const sticky = random.once(3) ? 0x20 : random.once(3) ? random.below(64) : 0;
  c.set32(MXCSR, sticky | (masks << 7) | (rounding << 13) | modes);
  for (let i = 0; i < 8; i++) {
    extended(c.view, ST + 16 * i, random, 16383);
    if (element !== 'double') fill(c, ST + 16 * i, 8, element, random);
  }
  fill(c, XMM, 128, element, random);
  if (random.once(3)) c.bytes.copyWithin(XMM + 16 * random.below(8), XMM, XMM + 16);
  for (let i = 0; i < 128; i += 4) c.set32(MEMORY + i, random.u32());
  fill(c, MEMORY + (c.u32(TRAP) & 63), 16, element === 'mxcsr' ? 'integer' : element, random);
  // Bit 17 is AMD's misaligned-exception mask, reserved elsewhere and here.
  if (element === 'mxcsr') c.set32(MEMORY + c.u32(TRAP), random.u32() & (random.once(5) ? 0x5ffff : 0xffff));
  c.set32(EAX, random.u32());
  c.set32(ECX, random.pick(WORDS));
  c.set32(EDX, random.u32());
  c.set32(EFLAGS, random.u32() & 0x8d5);
}
