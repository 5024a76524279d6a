/** Data movement, extension, conditional moves and sets, bit instructions, decimal adjustment, flag instructions. */
import {
  AF,
  ASCII_ADD_EFFECT,
  ASCII_MULTIPLY_EFFECT,
  BIT_SCAN_EFFECT,
  BIT_TEST_EFFECT,
  CARRY_EFFECT,
  CF,
  conditionReads,
  DECIMAL_EFFECT,
  type Effect,
  NO_EFFECT,
  PF,
  SAHF_EFFECT,
  SF,
  ZF,
} from '../flags.js';
import {
  clobbered,
  destination,
  immediate,
  loadRegister,
  lockable,
  memory,
  override,
  register,
  rmDestination,
  rmSource,
  shape,
  size,
  source,
  wordSize,
} from '../operand.js';
import { type Builder, bytes16, bytesOf, type Operand, type Size } from '../program.js';
import { EAX, EBX, EDX } from '../state.js';
import { DATA, LOW } from '../windows.js';
import { absolute } from './arithmetic.js';
import { type Form, form } from './form.js';

const moves: Form[] = [
  form('mov', 4, 0, (p) => {
    const s = size(p);
    const o = rmDestination(p, s);
    p.begin(`mov${s * 8} ${shape(o)},r`);
    p.encode({ opcode: [s === 1 ? 0x88 : 0x89], size: s, reg: source(p), rm: o });
    clobbered(p, o, s);
  }),
  form('mov', 4, 0, (p) => {
    const s = size(p);
    const d = destination(p, s);
    const o = rmSource(p, s);
    p.begin(`mov${s * 8} r,${shape(o)}`);
    p.encode({ opcode: [s === 1 ? 0x8a : 0x8b], size: s, reg: d, rm: o });
    p.clobber(d, s);
  }),
  form('mov', 2, 0, (p) => {
    const s = size(p);
    const o = rmDestination(p, s);
    p.begin(`mov${s * 8} ${shape(o)},imm`);
    p.encode({ opcode: [s === 1 ? 0xc6 : 0xc7], size: s, reg: 0, rm: o, immediate: bytesOf(immediate(p), s) });
    clobbered(p, o, s);
  }),
  form('mov', 3, 0, (p) => {
    const s = size(p);
    const d = destination(p, s);
    const v = immediate(p);
    p.begin(`mov${s * 8} r,imm`);
    p.encode({ opcode: [(s === 1 ? 0xb0 : 0xb8) + d], size: s, immediate: bytesOf(v, s) });
    p.clobber(d, s);
    if (s === 4) p.known[d] = v;
  }),
  // A0 … A3: an address without ModRM.
  form('mov', 2, 0, (p) => {
    const s = size(p);
    const k = p.r.below(2);
    const address16 = p.r.once(6);
    const at = address16 ? LOW + 0x7e0 + p.r.below(64) : DATA + 0x1000 + p.r.between(-160, 160);
    p.begin(`mov${s * 8} ${k === 0 ? 'a,moffs' : 'moffs,a'}`);
    p.encode({
      opcode: [0xa0 + 2 * k + (s === 1 ? 0 : 1)],
      size: s,
      address16,
      segment: override(p, k === 0 ? 'read' : 'write'),
      immediate: address16 ? bytes16(at) : bytesOf(at, 4),
      bare: true,
    });
    if (k === 0) p.clobber(EAX);
  }),
  form('lea', 4, 0, (p) => {
    const s = wordSize(p);
    const d = destination(p, s);
    const o = memory(p, 4, 'none');
    p.begin(`lea${s * 8} r,${shape(o)}`);
    p.encode({ opcode: [0x8d], size: s, reg: d, rm: o });
    p.clobber(d);
    if (s === 4 && o.address !== undefined) p.known[d] = o.address;
  }),
  form('xchg', 3, 0, (p) => {
    const s = size(p);
    const aimed = rmDestination(p, s);
    const d = destination(p, s);
    // XCHG with memory locks without being told.
    const o =
      aimed.kind === 'register' || lockable(aimed, s) ? aimed : absolute(DATA + 0x1000 + 64 * p.r.between(-3, 2));
    const locked = o.kind === 'memory' && p.r.once(5);
    p.begin(`${locked ? 'lock ' : ''}xchg${s * 8} ${shape(o)},r`);
    p.encode({ opcode: [s === 1 ? 0x86 : 0x87], size: s, reg: d, rm: o, lock: locked });
    p.clobber(d, s);
    clobbered(p, o, s);
  }),
  form('xchg', 2, 0, (p) => {
    const s = wordSize(p);
    const d = destination(p, s);
    p.begin(d === EAX ? 'nop' : `xchg${s * 8} a,r`);
    p.encode({ opcode: [0x90 + d], size: s });
    if (d === EAX) return;
    p.clobber(d);
    p.clobber(EAX);
  }),
  ...(['movzx', 'movsx'] as const).flatMap((name, k) =>
    ([1, 2] as const).map((from) =>
      form(name, 3, 0, (p) => {
        const s = wordSize(p);
        const d = destination(p, s);
        const o = rmSource(p, from);
        p.begin(`${name}${s * 8} r,${shape(o)}${from * 8}`);
        p.encode({ opcode: [0x0f, (k === 0 ? 0xb5 : 0xbd) + from], size: s, reg: d, rm: o });
        p.clobber(d);
      }),
    ),
  ),
  form('bswap', 2, 0, (p) => {
    const d = destination(p, 4);
    p.begin('bswap r');
    p.encode({ opcode: [0x0f, 0xc8 + d] });
    p.clobber(d);
  }),
  form('xlat', 2, 0, (p) => {
    const address16 = p.r.once(8);
    const ebx = p.known[EBX];
    if (address16) loadRegister(p, EBX, 0xabcd0000 + LOW + 0x700);
    else if (ebx === undefined || ebx < DATA || ebx > DATA + 0x1f00) loadRegister(p, EBX, DATA + 0xf40);
    p.begin('xlat');
    p.encode({ opcode: [0xd7], size: 1, address16, segment: override(p, 'read'), bare: true });
    p.clobber(EAX);
  }),
  form('nop', 1, 0, (p) => {
    const s = wordSize(p);
    const o = p.r.once(2) ? register(source(p)) : memory(p, s, 'none');
    p.begin(`nop${s * 8} ${shape(o)}`);
    p.encode({ opcode: [0x0f, 0x1f], size: s, reg: 0, rm: o });
  }),
  form('pause', 0.5, 0, (p) => {
    p.begin('pause');
    p.emit(0xf3, 0x90);
  }),
];

const conditional: Form[] = Array.from({ length: 16 }, (_, code) => [
  form('cmovcc', 0.6, conditionReads(code), (p) => {
    const s = wordSize(p);
    const d = destination(p, s);
    const o = rmSource(p, s);
    p.begin(`cmov${s * 8}.${code} r,${shape(o)}`);
    p.encode({ opcode: [0x0f, 0x40 + code], size: s, reg: d, rm: o });
    p.clobber(d);
  }),
  form('setcc', 0.6, conditionReads(code), (p) => {
    const o = rmDestination(p, 1);
    p.begin(`set.${code} ${shape(o)}`);
    p.encode({ opcode: [0x0f, 0x90 + code], size: 1, reg: p.r.below(8), rm: o });
    clobbered(p, o, 1);
  }),
]).flat();

const BIT_TESTS = ['bt', 'bts', 'btr', 'btc'] as const;

/** The bytes by which a register bit offset moves the address of a memory operand. */
function bitBias(offset: number, s: 2 | 4): number {
  return s === 4 ? (offset >> 5) * 4 : (((offset << 16) >> 20) * 2) | 0;
}

function bitTests(name: (typeof BIT_TESTS)[number], k: number): Form[] {
  const written = (p: Builder, o: Operand, s: Size): void => {
    if (k !== 0) clobbered(p, o, s);
    p.effect(BIT_TEST_EFFECT);
  };
  const locked = (p: Builder, o: Operand, s: Size, bias: number): boolean =>
    k !== 0 && lockable(o, s, bias) && p.r.once(6);
  return [
    form(name, 2, 0, (p) => {
      const s = wordSize(p);
      const o = k === 0 ? rmSource(p, s) : rmDestination(p, s);
      const lock = locked(p, o, s, 0);
      p.begin(`${lock ? 'lock ' : ''}${name}${s * 8} ${shape(o)},imm`);
      p.encode({ opcode: [0x0f, 0xba], size: s, reg: 4 + k, rm: o, immediate: [p.r.below(256)], lock });
      written(p, o, s);
    }),
    form(name, 2, 0, (p) => {
      const s = wordSize(p);
      const offset = source(p);
      let bias = 0;
      let o: Operand;
      if (p.r.once(2)) {
        o = k === 0 ? register(source(p)) : register(destination(p, s));
      } else {
        if (p.known[offset] === undefined || p.r.once(3)) {
          if (offset === 4) return; // not ESP
          loadRegister(p, offset, p.r.once(4) ? p.r.u32() : p.r.between(-600, 600) >>> 0);
        }
        bias = bitBias(p.known[offset]! | 0, s);
        o = memory(p, s, k === 0 ? 'read' : 'write', bias);
      }
      const lock = locked(p, o, s, bias);
      p.begin(`${lock ? 'lock ' : ''}${name}${s * 8} ${shape(o)},r`);
      p.encode({ opcode: [0x0f, 0xa3 + 8 * k], size: s, reg: offset, rm: o, lock });
      written(p, o, s);
    }),
  ];
}

/** BSF, BSR: with a zero source the destination is undefined, so it is overwritten unless the source is known. */
function bitScan(name: string, opcode: number): Form {
  return form(name, 3, 0, (p) => {
    const s = wordSize(p);
    const d = destination(p, s);
    const o = rmSource(p, s);
    const v = o.kind === 'register' ? p.known[o.index] : undefined;
    const sure = v !== undefined && (s === 2 ? v & 0xffff : v) !== 0;
    p.begin(`${name}${s * 8} r,${shape(o)}`);
    p.encode({ opcode: [0x0f, opcode], size: s, reg: d, rm: o });
    p.clobber(d);
    p.effect(BIT_SCAN_EFFECT);
    if (sure) return;
    if (p.r.once(2)) {
      loadRegister(p, d, immediate(p));
      return;
    }
    // CMOVZ: replaces the destination exactly when the source was zero.
    if (d === EDX) {
      loadRegister(p, EAX, immediate(p));
      p.begin('cmov32.4 r,r');
      p.emit(0x0f, 0x44, 0xc0 | (d << 3) | EAX);
    } else {
      loadRegister(p, EDX, immediate(p));
      p.begin('cmov32.4 r,r');
      p.emit(0x0f, 0x44, 0xc0 | (d << 3) | EDX);
    }
    p.clobber(d);
  });
}

/** An instruction of one opcode byte that reads and writes fixed registers. */
function plain(
  name: string,
  opcode: number,
  reads: number,
  effect: Effect,
  writes: readonly number[],
  weight = 1.5,
): Form {
  return form(name, weight, reads, (p) => {
    p.begin(name);
    p.encode({ opcode: [opcode], size: 4 });
    for (const d of writes) p.clobber(d);
    p.effect(effect);
  });
}

const convert: Form[] = ([0x98, 0x99] as const).map((opcode, k) =>
  form(['cbw', 'cwd'][k]!, 2, 0, (p) => {
    const s = wordSize(p);
    p.begin(k === 0 ? (s === 2 ? 'cbw' : 'cwde') : s === 2 ? 'cwd' : 'cdq');
    p.encode({ opcode: [opcode], size: s });
    p.clobber(k === 0 ? EAX : EDX);
  }),
);

function asciiMultiply(name: string, opcode: number): Form {
  return form(name, 2, 0, (p) => {
    p.begin(name);
    p.encode({ opcode: [opcode], immediate: [p.r.once(2) ? 10 : p.r.below(256) & (p.r.once(4) ? 3 : 0xff)] });
    p.clobber(EAX);
    p.effect(ASCII_MULTIPLY_EFFECT);
  });
}

const direction: Form[] = ([0xfc, 0xfd] as const).map((opcode, df) =>
  form(['cld', 'std'][df]!, 0.7, 0, (p) => {
    p.begin(['cld', 'std'][df]!);
    p.encode({ opcode: [opcode] });
    p.df = df;
  }),
);

export const MOVE_FORMS: readonly Form[] = [
  ...moves,
  ...conditional,
  ...BIT_TESTS.flatMap(bitTests),
  bitScan('bsf', 0xbc),
  bitScan('bsr', 0xbd),
  ...convert,
  plain('daa', 0x27, CF | AF, DECIMAL_EFFECT, [EAX]),
  plain('das', 0x2f, CF | AF, DECIMAL_EFFECT, [EAX]),
  plain('aaa', 0x37, AF, ASCII_ADD_EFFECT, [EAX]),
  plain('aas', 0x3f, AF, ASCII_ADD_EFFECT, [EAX]),
  asciiMultiply('aam', 0xd4),
  asciiMultiply('aad', 0xd5),
  plain('lahf', 0x9f, SF | ZF | AF | PF | CF, NO_EFFECT, [EAX]),
  plain('sahf', 0x9e, 0, SAHF_EFFECT, []),
  plain('clc', 0xf8, 0, CARRY_EFFECT, []),
  plain('stc', 0xf9, 0, CARRY_EFFECT, []),
  plain('cmc', 0xf5, CF, CARRY_EFFECT, []),
  ...direction,
];
