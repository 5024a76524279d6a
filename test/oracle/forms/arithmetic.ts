/** ADD … CMP, TEST, INC, DEC, NEG, NOT, XADD, CMPXCHG, CMPXCHG8B, with LOCK where it is legal. */
import {
  ARITHMETIC_EFFECT,
  CF,
  type Effect,
  INCREMENT_EFFECT,
  LOGIC_EFFECT,
  NO_EFFECT,
  ZERO_EFFECT,
} from '../flags.js';
import {
  clobbered,
  destination,
  immediate,
  lockable,
  memory,
  register,
  rmDestination,
  rmSource,
  shape,
  size,
  source,
  wordSize,
} from '../operand.js';
import { type Builder, bytesOf, type Operand, type Size } from '../program.js';
import { EAX, EDX } from '../state.js';
import { type Form, form } from './form.js';

/** LOCK is legal with a memory destination alone. */
function lock(p: Builder, o: Operand, s: Size): boolean {
  return lockable(o, s) && p.r.once(6);
}

function title(name: string, s: Size, operands: string, locked = false): string {
  return `${locked ? 'lock ' : ''}${name}${s * 8} ${operands}`;
}

/** The eight shapes of an ALU operation, opcodes 00 … 3F by row. */
function alu(name: string, row: number, reads: number, effect: Effect): Form[] {
  const writes = name !== 'cmp';
  const done = (p: Builder, o: Operand, s: Size): void => {
    if (writes) clobbered(p, o, s);
    p.effect(effect);
  };
  const wide = (s: Size): number => (s === 1 ? 0 : 1);
  return [
    form(name, 4, reads, (p) => {
      const s = size(p);
      const o = writes ? rmDestination(p, s) : rmSource(p, s);
      const locked = writes && lock(p, o, s);
      p.begin(title(name, s, `${shape(o)},r`, locked));
      p.encode({ opcode: [row + wide(s)], size: s, reg: source(p), rm: o, lock: locked });
      done(p, o, s);
    }),
    form(name, 4, reads, (p) => {
      const s = size(p);
      const d = destination(p, s);
      const o = rmSource(p, s);
      p.begin(title(name, s, `r,${shape(o)}`));
      p.encode({ opcode: [row + 2 + wide(s)], size: s, reg: d, rm: o });
      done(p, register(d), s);
    }),
    form(name, 1, reads, (p) => {
      const s = size(p);
      p.begin(title(name, s, 'a,imm'));
      p.encode({ opcode: [row + 4 + wide(s)], size: s, immediate: bytesOf(immediate(p), s) });
      done(p, register(EAX), s);
    }),
    form(name, 3, reads, (p) => {
      const s = size(p);
      const o = writes ? rmDestination(p, s) : rmSource(p, s);
      const locked = writes && lock(p, o, s);
      const short = s !== 1 && p.r.once(2);
      const alias = s === 1 && p.r.once(8); // 82 is 80
      p.begin(title(name, s, `${shape(o)},${short ? 'imm8' : 'imm'}`, locked));
      p.encode({
        opcode: [alias ? 0x82 : short ? 0x83 : 0x80 + wide(s)],
        size: s,
        reg: row >>> 3,
        rm: o,
        immediate: bytesOf(immediate(p), short ? 1 : s),
        lock: locked,
      });
      done(p, o, s);
    }),
  ];
}

function unary(name: string, opcode: number, reg: number, effect: Effect): Form {
  return form(name, 3, 0, (p) => {
    const s = size(p);
    const o = rmDestination(p, s);
    const locked = lock(p, o, s);
    p.begin(title(name, s, shape(o), locked));
    p.encode({ opcode: [opcode + (s === 1 ? 0 : 1)], size: s, reg, rm: o, lock: locked });
    clobbered(p, o, s);
    p.effect(effect);
  });
}

function incrementRegister(name: string, opcode: number): Form {
  return form(name, 3, 0, (p) => {
    const s = wordSize(p);
    const d = destination(p, s);
    p.begin(title(name, s, 'r'));
    p.encode({ opcode: [opcode + d], size: s });
    p.clobber(d);
    p.effect(INCREMENT_EFFECT);
  });
}

const test: Form[] = [
  form('test', 3, 0, (p) => {
    const s = size(p);
    const o = rmSource(p, s);
    p.begin(title('test', s, `${shape(o)},r`));
    p.encode({ opcode: [s === 1 ? 0x84 : 0x85], size: s, reg: source(p), rm: o });
    p.effect(LOGIC_EFFECT);
  }),
  form('test', 2, 0, (p) => {
    const s = size(p);
    const o = rmSource(p, s);
    p.begin(title('test', s, `${shape(o)},imm`));
    p.encode({ opcode: [s === 1 ? 0xf6 : 0xf7], size: s, reg: 0, rm: o, immediate: bytesOf(immediate(p), s) });
    p.effect(LOGIC_EFFECT);
  }),
  form('test', 1, 0, (p) => {
    const s = size(p);
    p.begin(title('test', s, 'a,imm'));
    p.encode({ opcode: [s === 1 ? 0xa8 : 0xa9], size: s, immediate: bytesOf(immediate(p), s) });
    p.effect(LOGIC_EFFECT);
  }),
];

const exchangeAdd = form('xadd', 3, 0, (p) => {
  const s = size(p);
  const o = rmDestination(p, s);
  const locked = lock(p, o, s);
  const d = destination(p, s);
  p.begin(title('xadd', s, `${shape(o)},r`, locked));
  p.encode({ opcode: [0x0f, s === 1 ? 0xc0 : 0xc1], size: s, reg: d, rm: o, lock: locked });
  p.clobber(d, s);
  clobbered(p, o, s);
  p.effect(ARITHMETIC_EFFECT);
});

const compareExchange = form('cmpxchg', 4, 0, (p) => {
  const s = size(p);
  const o = rmDestination(p, s);
  // Equal operands are rare by chance: take the destination's value into the accumulator first.
  if (p.r.once(2)) {
    p.begin(title('mov', s, `a,${shape(o)}`));
    p.encode({ opcode: [s === 1 ? 0x8a : 0x8b], size: s, reg: EAX, rm: o });
    p.clobber(EAX);
  }
  // The MOV above may have changed the base register.
  const again = o.kind === 'memory' && usesAccumulator(o.modrm, o.tail, o.address16) ? memory(p, s, 'write') : o;
  const locked = lock(p, again, s);
  p.begin(title('cmpxchg', s, `${shape(again)},r`, locked));
  p.encode({ opcode: [0x0f, s === 1 ? 0xb0 : 0xb1], size: s, reg: source(p), rm: again, lock: locked });
  clobbered(p, again, s);
  p.clobber(EAX);
  p.effect(ARITHMETIC_EFFECT);
});

function usesAccumulator(modrm: number, tail: readonly number[], address16: boolean): boolean {
  if (address16) return false;
  if ((modrm & 7) !== 4) return (modrm & 7) === EAX;
  const sib = tail[0]!;
  return (sib & 7) === EAX || ((sib >>> 3) & 7) === EAX;
}

const compareExchange8 = form('cmpxchg8b', 3, 0, (p) => {
  const o = memory(p, 8, 'write');
  const address = o.address;
  if (address !== undefined && !o.address16 && o.segment === undefined && p.r.once(2)) {
    for (const [d, at] of [
      [EAX, address],
      [EDX, address + 4],
    ] as const) {
      p.begin('mov32 r,m');
      p.encode({ opcode: [0x8b], reg: d, rm: absolute(at), bare: true });
      p.clobber(d);
    }
    const locked = lockable(o, 8) && p.r.once(2);
    p.begin(`${locked ? 'lock ' : ''}cmpxchg8b m`);
    p.encode({ opcode: [0x0f, 0xc7], reg: 1, rm: absolute(address), lock: locked });
  } else {
    p.begin('cmpxchg8b m');
    p.encode({ opcode: [0x0f, 0xc7], reg: 1, rm: o });
  }
  p.clobber(EAX);
  p.clobber(EDX);
  p.effect(ZERO_EFFECT);
});

export function absolute(address: number): Operand {
  return { kind: 'memory', modrm: 5, tail: bytesOf(address >>> 0, 4), address16: false, segment: undefined, address };
}

export const ARITHMETIC_FORMS: readonly Form[] = [
  ...alu('add', 0x00, 0, ARITHMETIC_EFFECT),
  ...alu('or', 0x08, 0, LOGIC_EFFECT),
  ...alu('adc', 0x10, CF, ARITHMETIC_EFFECT),
  ...alu('sbb', 0x18, CF, ARITHMETIC_EFFECT),
  ...alu('and', 0x20, 0, LOGIC_EFFECT),
  ...alu('sub', 0x28, 0, ARITHMETIC_EFFECT),
  ...alu('xor', 0x30, 0, LOGIC_EFFECT),
  ...alu('cmp', 0x38, 0, ARITHMETIC_EFFECT),
  ...test,
  unary('not', 0xf6, 2, NO_EFFECT),
  unary('neg', 0xf6, 3, ARITHMETIC_EFFECT),
  unary('inc', 0xfe, 0, INCREMENT_EFFECT),
  unary('dec', 0xfe, 1, INCREMENT_EFFECT),
  incrementRegister('inc', 0x40),
  incrementRegister('dec', 0x48),
  exchangeAdd,
  compareExchange,
  compareExchange8,
];
