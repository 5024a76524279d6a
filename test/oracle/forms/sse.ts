/**
 * MMX, SSE and SSE2: Intel SDM Vol. 2D, Table A-3, "Two-byte Opcode Map". RCPPS and RSQRTPS are left to test/fpu: the manual only
 * bounds their error.
 */

import { ALL, type Effect } from '../flags.js';
import { mxcsr } from '../float-state.js';
import { type Access, destination, memory, register, shape, source } from '../operand.js';
import type { Builder, Operand } from '../program.js';
import { EDI } from '../state.js';
import { DATA } from '../windows.js';
import { absolute } from './arithmetic.js';
import { type Form, form } from './form.js';
import { operand, storeWord } from './x87.js';

type Prefix = 0 | 0x66 | 0xf2 | 0xf3;
type Kind = 'single' | 'double' | 'integer';

interface Shape {
  readonly kind?: Kind;
  /** Bytes of the memory operand; 0: registers only. */
  readonly bytes: number;
  /** Alignment below which #GP is raised. */
  readonly align?: number;
  /** The memory operand is written. */
  readonly store?: boolean;
  readonly memoryOnly?: boolean;
  readonly immediate?: boolean;
  /** The field of ModRM that names a general register. */
  readonly general?: 'reg' | 'rm';
  /** Opcode extension in place of a register. */
  readonly extension?: number;
  readonly effect?: Effect;
  readonly weight?: number;
}

function simd(name: string, prefix: Prefix, opcode: number, s: Shape): Form {
  const { kind = 'integer', bytes, align = 1, store = false } = s;
  return form(
    name,
    s.weight ?? 1,
    0,
    (p) => {
      const access: Access = store ? 'write' : 'read';
      const inMemory = bytes > 0 && (s.memoryOnly === true || p.r.once(2));
      let rm: Operand;
      if (inMemory) rm = store ? memory(p, bytes, access, 0, align) : operand(p, kind, bytes, align);
      else rm = register(s.general === 'rm' && store ? destination(p, 4) : source(p));
      const reg = s.extension ?? (s.general === 'reg' && !store ? destination(p, 4) : source(p));
      p.begin(`${name} ${inMemory ? shape(rm) : 'r'}`);
      if (align > 1) p.marks.at(-1)!.protection = true;
      p.encode({
        opcode: [0x0f, opcode],
        size: prefix === 0x66 ? 2 : 4,
        rep: prefix === 0xf2 || prefix === 0xf3 ? prefix : undefined,
        reg,
        rm,
        bare: true,
        ...(s.immediate === true ? { immediate: [p.r.once(2) ? p.r.below(20) : p.r.below(256)] } : {}),
      });
      if (s.general === 'reg' && !store) p.clobber(reg);
      if (s.general === 'rm' && store && rm.kind === 'register') p.clobber(rm.index);
      if (s.effect !== undefined) p.effect(s.effect);
    },
    'simd',
  );
}

// Opcodes that work on MMX registers without a prefix and on XMM registers with 66
const INTEGER =
  'punpcklbw:60 punpcklwd:61 punpckldq:62 packsswb:63 pcmpgtb:64 pcmpgtw:65 pcmpgtd:66 packuswb:67 punpckhbw:68 ' +
  'punpckhwd:69 punpckhdq:6a packssdw:6b pcmpeqb:74 pcmpeqw:75 pcmpeqd:76 psrlw:d1 psrld:d2 psrlq:d3 paddq:d4 pmullw:d5 ' +
  'psubusb:d8 psubusw:d9 pminub:da pand:db paddusb:dc paddusw:dd pmaxub:de pandn:df pavgb:e0 psraw:e1 psrad:e2 pavgw:e3 ' +
  'pmulhuw:e4 pmulhw:e5 psubsb:e8 psubsw:e9 pminsw:ea por:eb paddsb:ec paddsw:ed pmaxsw:ee pxor:ef psllw:f1 pslld:f2 ' +
  'psllq:f3 pmuludq:f4 pmaddwd:f5 psadbw:f6 psubb:f8 psubw:f9 psubd:fa psubq:fb paddb:fc paddw:fd paddd:fe';

function* integerForms(): Generator<Form> {
  for (const entry of INTEGER.split(' ')) {
    const [name, code] = entry.split(':') as [string, string];
    const opcode = Number.parseInt(code, 16);
    // The unpacking instructions read 4 bytes for an MMX register.
    const low = opcode < 0x63 ? 4 : 8;
    yield simd(`${name}.mm`, 0, opcode, { bytes: low, weight: 0.4 });
    yield simd(`${name}.xmm`, 0x66, opcode, { bytes: 16, align: 16, weight: 0.4 });
  }
  yield simd('punpcklqdq', 0x66, 0x6c, { bytes: 16, align: 16 });
  yield simd('punpckhqdq', 0x66, 0x6d, { bytes: 16, align: 16 });
  for (const [opcode, extensions] of [
    [0x71, [2, 4, 6]],
    [0x72, [2, 4, 6]],
    [0x73, [2, 6]],
  ] as const) {
    for (const extension of extensions) {
      yield simd(`shift${opcode.toString(16)}/${extension}.mm`, 0, opcode, {
        bytes: 0,
        immediate: true,
        extension,
        weight: 0.5,
      });
      yield simd(`shift${opcode.toString(16)}/${extension}.xmm`, 0x66, opcode, {
        bytes: 0,
        immediate: true,
        extension,
        weight: 0.5,
      });
    }
  }
  for (const extension of [3, 7])
    yield simd(`shift73/${extension}.xmm`, 0x66, 0x73, { bytes: 0, immediate: true, extension });
  for (const prefix of [0, 0x66] as const) {
    const s = prefix === 0 ? 'mm' : 'xmm';
    yield simd(`pinsrw.${s}`, prefix, 0xc4, { bytes: 2, immediate: true, general: 'rm' });
    yield simd(`pextrw.${s}`, prefix, 0xc5, { bytes: 0, immediate: true, general: 'reg' });
    yield simd(`pmovmskb.${s}`, prefix, 0xd7, { bytes: 0, general: 'reg' });
    yield form(
      `maskmov.${s}`,
      1,
      0,
      (p: Builder) => {
        p.begin('mov32 r,imm');
        const at = DATA + 0x1000 + p.r.between(-64, 48);
        p.emit(0xb8 + EDI, at & 0xff, (at >>> 8) & 0xff, (at >>> 16) & 0xff, at >>> 24);
        p.known[EDI] = at;
        p.begin(`maskmov.${s}`);
        p.encode({
          opcode: [0x0f, 0xf7],
          size: prefix === 0x66 ? 2 : 4,
          reg: source(p),
          rm: register(source(p)),
          bare: true,
        });
      },
      'simd',
    );
  }
}

function* moveForms(): Generator<Form> {
  for (const [k, store] of [false, true].entries()) {
    yield simd('movups', 0, 0x10 + k, { bytes: 16, store });
    yield simd('movupd', 0x66, 0x10 + k, { bytes: 16, store });
    yield simd('movss', 0xf3, 0x10 + k, { bytes: 4, kind: 'single', store });
    yield simd('movsd.x', 0xf2, 0x10 + k, { bytes: 8, kind: 'double', store });
    yield simd('movaps', 0, 0x28 + k, { bytes: 16, align: 16, store });
    yield simd('movapd', 0x66, 0x28 + k, { bytes: 16, align: 16, store });
    yield simd('movdqa', 0x66, 0x6f + 16 * k, { bytes: 16, align: 16, store });
    yield simd('movdqu', 0xf3, 0x6f + 16 * k, { bytes: 16, store });
    yield simd('movq.mm', 0, 0x6f + 16 * k, { bytes: 8, store });
    yield simd('movlpd', 0x66, 0x12 + k, { bytes: 8, memoryOnly: true, store });
    yield simd('movhpd', 0x66, 0x16 + k, { bytes: 8, memoryOnly: true, store });
  }
  yield simd('movlps', 0, 0x12, { bytes: 8 });
  yield simd('movhps', 0, 0x16, { bytes: 8 });
  yield simd('movlps', 0, 0x13, { bytes: 8, memoryOnly: true, store: true });
  yield simd('movhps', 0, 0x17, { bytes: 8, memoryOnly: true, store: true });
  yield simd('movq.xmm', 0xf3, 0x7e, { bytes: 8 });
  yield simd('movq.xmm', 0x66, 0xd6, { bytes: 8, store: true });
  yield simd('movq2dq', 0xf3, 0xd6, { bytes: 0 });
  yield simd('movdq2q', 0xf2, 0xd6, { bytes: 0 });
  yield simd('movnti', 0, 0xc3, { bytes: 4, memoryOnly: true, store: true });
  yield simd('movntq', 0, 0xe7, { bytes: 8, memoryOnly: true, store: true });
  yield simd('movntdq', 0x66, 0xe7, { bytes: 16, align: 16, memoryOnly: true, store: true });
  yield simd('pshufw', 0, 0x70, { bytes: 8, immediate: true });
  yield simd('pshufd', 0x66, 0x70, { bytes: 16, align: 16, immediate: true });
  yield simd('pshuflw', 0xf2, 0x70, { bytes: 16, align: 16, immediate: true });
  yield simd('pshufhw', 0xf3, 0x70, { bytes: 16, align: 16, immediate: true });
  for (const prefix of [0, 0x66] as const) {
    const s = prefix === 0 ? 'ps' : 'pd';
    const kind = prefix === 0 ? 'single' : 'double';
    yield simd(`unpckl${s}`, prefix, 0x14, { bytes: 16, align: 16, kind });
    yield simd(`unpckh${s}`, prefix, 0x15, { bytes: 16, align: 16, kind });
    yield simd(`shuf${s}`, prefix, 0xc6, { bytes: 16, align: 16, kind, immediate: true });
    yield simd(`movnt${s}`, prefix, 0x2b, { bytes: 16, align: 16, memoryOnly: true, store: true });
    yield simd(`movmsk${s}`, prefix, 0x50, { bytes: 0, general: 'reg' });
    for (const [i, name] of ['and', 'andn', 'or', 'xor'].entries()) {
      yield simd(`${name}${s}`, prefix, 0x54 + i, { bytes: 16, align: 16, kind });
    }
    yield simd(`movd.${prefix}`, prefix, 0x6e, { bytes: 4, general: 'rm' });
    yield simd(`movd.${prefix}`, prefix, 0x7e, { bytes: 4, general: 'rm', store: true });
  }
  yield form(
    'emms',
    1,
    0,
    (p: Builder) => {
      p.begin('emms');
      p.emit(0x0f, 0x77);
    },
    'simd',
  );
  yield form(
    'ldmxcsr',
    3,
    0,
    (p: Builder) => {
      const at = DATA + 0x1000 + p.r.between(-64, 64);
      // Bit 16 is reserved everywhere; bit 17 is AMD's.
      storeWord(p, at, mxcsr(p.r) | (p.r.once(16) ? 0x10000 : 0));
      p.begin('ldmxcsr m');
      p.marks.at(-1)!.protection = true;
      p.encode({ opcode: [0x0f, 0xae], reg: 2, rm: absolute(at), bare: true });
    },
    'simd',
  );
  yield form(
    'stmxcsr',
    2,
    0,
    (p: Builder) => {
      const o = memory(p, 4, 'write');
      p.begin('stmxcsr m');
      p.encode({ opcode: [0x0f, 0xae], reg: 3, rm: o, bare: true });
    },
    'simd',
  );
  yield form(
    'fence',
    0.5,
    0,
    (p: Builder) => {
      p.begin('fence');
      p.emit(0x0f, 0xae, p.r.pick([0xe8, 0xf0, 0xf8]));
    },
    'simd',
  );
}

const COMPARE_EFFECT: Effect = { defined: ALL, undefined: 0 };

function* floatForms(): Generator<Form> {
  const all: readonly (readonly [string, Prefix, Kind, number, number])[] = [
    ['ps', 0, 'single', 16, 16],
    ['pd', 0x66, 'double', 16, 16],
    ['ss', 0xf3, 'single', 4, 1],
    ['sd', 0xf2, 'double', 8, 1],
  ];
  const operations = { sqrt: 0x51, add: 0x58, mul: 0x59, sub: 0x5c, min: 0x5d, div: 0x5e, max: 0x5f };
  for (const [s, prefix, kind, bytes, align] of all) {
    for (const [name, opcode] of Object.entries(operations)) {
      yield simd(name + s, prefix, opcode, { bytes, align, kind, weight: 1.5 });
    }
    yield form(
      `cmp${s}`,
      2,
      0,
      (p: Builder) => {
        const rm = p.r.once(2) ? register(source(p)) : operand(p, kind, bytes, align);
        p.begin(`cmp${s}`);
        if (align > 1) p.marks.at(-1)!.protection = true;
        // Only predicates 0 … 7 exist before AVX.
        p.encode({
          opcode: [0x0f, 0xc2],
          size: prefix === 0x66 ? 2 : 4,
          rep: prefix === 0xf2 || prefix === 0xf3 ? prefix : undefined,
          reg: source(p),
          rm,
          immediate: [p.r.below(8)],
          bare: true,
        });
      },
      'simd',
    );
  }
  for (const opcode of [0x2e, 0x2f]) {
    const name = opcode === 0x2e ? 'ucomis' : 'comis';
    yield simd(`${name}s`, 0, opcode, { bytes: 4, kind: 'single', effect: COMPARE_EFFECT, weight: 2 });
    yield simd(`${name}d`, 0x66, opcode, { bytes: 8, kind: 'double', effect: COMPARE_EFFECT, weight: 2 });
  }
  yield simd('cvtpi2ps', 0, 0x2a, { bytes: 8 });
  yield simd('cvtpi2pd', 0x66, 0x2a, { bytes: 8 });
  yield simd('cvtsi2ss', 0xf3, 0x2a, { bytes: 4, general: 'rm' });
  yield simd('cvtsi2sd', 0xf2, 0x2a, { bytes: 4, general: 'rm' });
  for (const opcode of [0x2c, 0x2d]) {
    const t = opcode === 0x2c ? 'cvtt' : 'cvt';
    yield simd(`${t}ps2pi`, 0, opcode, { bytes: 8, kind: 'single' });
    yield simd(`${t}pd2pi`, 0x66, opcode, { bytes: 16, align: 16, kind: 'double' });
    yield simd(`${t}ss2si`, 0xf3, opcode, { bytes: 4, kind: 'single', general: 'reg' });
    yield simd(`${t}sd2si`, 0xf2, opcode, { bytes: 8, kind: 'double', general: 'reg' });
  }
  yield simd('cvtps2pd', 0, 0x5a, { bytes: 8, kind: 'single' });
  yield simd('cvtpd2ps', 0x66, 0x5a, { bytes: 16, align: 16, kind: 'double' });
  yield simd('cvtss2sd', 0xf3, 0x5a, { bytes: 4, kind: 'single' });
  yield simd('cvtsd2ss', 0xf2, 0x5a, { bytes: 8, kind: 'double' });
  yield simd('cvtdq2ps', 0, 0x5b, { bytes: 16, align: 16 });
  yield simd('cvtps2dq', 0x66, 0x5b, { bytes: 16, align: 16, kind: 'single' });
  yield simd('cvttps2dq', 0xf3, 0x5b, { bytes: 16, align: 16, kind: 'single' });
  yield simd('cvttpd2dq', 0x66, 0xe6, { bytes: 16, align: 16, kind: 'double' });
  yield simd('cvtpd2dq', 0xf2, 0xe6, { bytes: 16, align: 16, kind: 'double' });
  yield simd('cvtdq2pd', 0xf3, 0xe6, { bytes: 8 });
}

export const SSE_FORMS: readonly Form[] = [...integerForms(), ...moveForms(), ...floatForms()];
