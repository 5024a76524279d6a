/**
 * The x87: Intel SDM Vol. 2D, Tables, "Escape Opcodes". Transcendental functions are left to test/fpu, which
 * compares them with a reference: processors differ in the last place.
 */

import { ALL, type Effect } from '../flags.js';
import { controlWord, double, extended, single, summarised } from '../float-state.js';
import { memory, shape } from '../operand.js';
import { type Builder, bytes32, type MemoryOperand, type Operand } from '../program.js';
import { EAX } from '../state.js';
import { DATA } from '../windows.js';
import { absolute } from './arithmetic.js';
import { type Form, form } from './form.js';

type Kind = 'single' | 'double' | 'extended' | 'integer';

function x87(name: string, weight: number, reads: number, emit: (p: Builder) => void): Form {
  return form(name, weight, reads, emit, 'float');
}

/** MOV DWORD [address], value. */
export function storeWord(p: Builder, address: number, value: number, hides = ''): void {
  p.begin(`mov32 m,imm${hides}`);
  p.encode({ opcode: [0xc7], reg: 0, rm: absolute(address), immediate: bytes32(value), bare: true });
}

/** A memory operand that holds a number of the kind half of the time, else whatever lies there. */
export function operand(p: Builder, kind: Kind, bytes: number, align = 1): Operand {
  if (p.r.once(2) || p.room < 110) return memory(p, bytes, 'read', 0, align);
  const at = DATA + 0x1000 + (p.r.between(-128, 112) & -align);
  const view = new DataView(new ArrayBuffer(16));
  if (kind === 'extended') extended(view, 0, p.r);
  else
    for (let i = 0; i < bytes; i += 8) {
      const [high, low] = kind === 'double' ? double(p.r) : [single(p.r), single(p.r)];
      view.setUint32(i, kind === 'integer' ? p.r.between(-40, 40) : low, true);
      if (i + 4 < bytes) view.setUint32(i + 4, kind === 'integer' ? -p.r.below(2) : high, true);
    }
  // Two words at most, so that the program keeps room for more.
  const first = bytes > 8 && kind !== 'extended' ? 8 * p.r.below(2) : 0;
  const last = kind === 'extended' ? 12 : Math.min(bytes, 8);
  for (let i = 0; i < last; i += 4) storeWord(p, at + first + i, view.getUint32(first + i, true));
  return absolute(at) as MemoryOperand;
}

const ARITHMETIC = ['fadd', 'fmul', 'fcom', 'fcomp', 'fsub', 'fsubr', 'fdiv', 'fdivr'] as const;

function withMemory(name: string, opcode: number, reg: number, kind: Kind, bytes: number, weight = 1): Form {
  return x87(name, weight, 0, (p) => {
    const o = operand(p, kind, bytes);
    p.begin(`${name}.${kind}${bytes * 8} ${shape(o)}`);
    p.encode({ opcode: [opcode], reg, rm: o, bare: true });
  });
}

function withStore(name: string, opcode: number, reg: number, bytes: number): Form {
  return x87(name, 1, 0, (p) => {
    const o = memory(p, bytes, 'write');
    p.begin(`${name}${bytes * 8} ${shape(o)}`);
    p.encode({ opcode: [opcode], reg, rm: o, bare: true });
  });
}

/** An instruction on the stack's registers: opcode and first ModRM byte, with `registers` choices of ST(i). */
function onStack(name: string, opcode: number, modrm: number, registers = 8, weight = 1): Form {
  return x87(name, weight, 0, (p) => {
    p.begin(`${name}${registers > 1 ? ' st(i)' : ''}`);
    p.emit(opcode, modrm + p.r.below(registers));
  });
}

const COMPARE_EFFECT: Effect = { defined: ALL, undefined: 0 };

/** FCOMI, FUCOMI and their popping forms clear OF SF AF. */
function compareFlags(name: string, opcode: number, modrm: number): Form {
  return x87(name, 1, 0, (p) => {
    p.begin(`${name} st(i)`);
    p.emit(opcode, modrm + p.r.below(8));
    p.effect(COMPARE_EFFECT);
  });
}

const conditions = [0xda, 0xdb].flatMap((opcode) =>
  [0, 1, 2, 3].map((i) =>
    x87('fcmov', 0.5, [1, 0x40, 0x41, 4][i]!, (p) => {
      p.begin(`fcmov.${opcode & 1 ? 'n' : ''}${'b e be u'.split(' ')[i]} st(i)`);
      p.emit(opcode, 0xc0 | (i << 3) | p.r.below(8));
    }),
  ),
);

const control: Form[] = [
  x87('fldcw', 1.5, 0, (p) => {
    const at = DATA + 0x1000 + p.r.between(-64, 64);
    const fcw = controlWord(p.r);
    storeWord(p, at, fcw);
    p.begin('fldcw m');
    p.encode({ opcode: [0xd9], reg: 5, rm: absolute(at), bare: true });
  }),
  withStore('fnstcw', 0xd9, 7, 2),
  x87('fnstsw', 1.5, 0, (p) => {
    if (p.r.once(2)) {
      p.begin('fnstsw ax');
      p.emit(0xdf, 0xe0);
      p.clobber(EAX);
    } else {
      const o = memory(p, 2, 'write');
      p.begin('fnstsw m');
      p.encode({ opcode: [0xdd], reg: 7, rm: o, bare: true });
    }
  }),
  x87('fldenv', 1, 0, (p) => {
    // The pointers and the reserved halves are whatever lies there.
    const at = DATA + 0x1000 + p.r.between(-80, 80);
    const fcw = controlWord(p.r);
    const flags = p.r.once(3) ? p.r.below(64) & fcw : 0;
    storeWord(p, at, fcw);
    storeWord(p, at + 4, summarised(flags | (p.r.u32() & 0x7f00), fcw));
    storeWord(p, at + 8, p.r.u32() & 0xffff);
    p.begin('fldenv m');
    p.encode({ opcode: [0xd9], reg: 4, rm: absolute(at), bare: true });
  }),
  x87('fnstenv', 1, 0, (p) => {
    // The instruction and operand pointers depend on the processor: they are overwritten at once.
    const at = DATA + 0x1000 + p.r.between(-80, 80);
    const save = p.r.once(2);
    p.begin(save ? 'fnsave m' : 'fnstenv m');
    p.encode({ opcode: [save ? 0xdd : 0xd9], reg: 6, rm: absolute(at), bare: true });
    for (const offset of [12, 16, 20, 24]) storeWord(p, at + offset, p.r.u32(), ' fnstenv');
  }),
  x87('frstor', 0.5, 0, (p) => {
    const at = DATA + 0x1000 + p.r.between(-80, 0);
    const fcw = controlWord(p.r);
    storeWord(p, at, fcw);
    storeWord(p, at + 4, summarised(p.r.u32() & 0x7f00, fcw));
    p.begin('frstor m');
    p.encode({ opcode: [0xdd], reg: 4, rm: absolute(at), bare: true });
  }),
  x87('fwait', 1, 0, (p) => {
    p.begin('fwait');
    p.emit(0x9b);
  }),
  x87('fninit', 0.5, 0, (p) => {
    p.begin('fninit');
    p.emit(0xdb, 0xe3);
  }),
];

export const X87_FORMS: readonly Form[] = [
  ...ARITHMETIC.flatMap((name, reg) => [
    withMemory(name, 0xd8, reg, 'single', 4),
    withMemory(name, 0xdc, reg, 'double', 8),
    withMemory(`fi${name.slice(1)}`, 0xda, reg, 'integer', 4, 0.5),
    withMemory(`fi${name.slice(1)}`, 0xde, reg, 'integer', 2, 0.5),
    onStack(name, 0xd8, 0xc0 | (reg << 3)),
    ...(name.startsWith('fcom')
      ? []
      : [onStack(name, 0xdc, 0xc0 | (reg << 3)), onStack(`${name}p`, 0xde, 0xc0 | (reg << 3))]),
  ]),
  withMemory('fld', 0xd9, 0, 'single', 4),
  withMemory('fld', 0xdd, 0, 'double', 8),
  withMemory('fld', 0xdb, 5, 'extended', 10),
  withMemory('fild', 0xdf, 0, 'integer', 2),
  withMemory('fild', 0xdb, 0, 'integer', 4),
  withMemory('fild', 0xdf, 5, 'integer', 8),
  withStore('fst', 0xd9, 2, 4),
  withStore('fstp', 0xd9, 3, 4),
  withStore('fst', 0xdd, 2, 8),
  withStore('fstp', 0xdd, 3, 8),
  withStore('fstp', 0xdb, 7, 10),
  withStore('fist', 0xdf, 2, 2),
  withStore('fistp', 0xdf, 3, 2),
  withStore('fist', 0xdb, 2, 4),
  withStore('fistp', 0xdb, 3, 4),
  withStore('fistp', 0xdf, 7, 8),
  withStore('fbstp', 0xdf, 6, 10),
  onStack('fld', 0xd9, 0xc0, 8, 2),
  onStack('fst', 0xdd, 0xd0),
  onStack('fstp', 0xdd, 0xd8),
  onStack('fxch', 0xd9, 0xc8, 8, 2),
  onStack('ffree', 0xdd, 0xc0),
  onStack('fcompp', 0xde, 0xd9, 1),
  onStack('fucom', 0xdd, 0xe0),
  onStack('fucomp', 0xdd, 0xe8),
  onStack('fucompp', 0xda, 0xe9, 1),
  compareFlags('fucomi', 0xdb, 0xe8),
  compareFlags('fcomi', 0xdb, 0xf0),
  compareFlags('fucomip', 0xdf, 0xe8),
  compareFlags('fcomip', 0xdf, 0xf0),
  onStack('fchs', 0xd9, 0xe0, 1),
  onStack('fabs', 0xd9, 0xe1, 1),
  onStack('ftst', 0xd9, 0xe4, 1),
  onStack('fxam', 0xd9, 0xe5, 1, 2),
  onStack('fconstant', 0xd9, 0xe8, 7, 3),
  onStack('fxtract', 0xd9, 0xf4, 1),
  onStack('fprem1', 0xd9, 0xf5, 1),
  onStack('fdecstp', 0xd9, 0xf6, 1),
  onStack('fincstp', 0xd9, 0xf7, 1),
  onStack('fprem', 0xd9, 0xf8, 1),
  onStack('fsqrt', 0xd9, 0xfa, 1),
  onStack('frndint', 0xd9, 0xfc, 1),
  onStack('fscale', 0xd9, 0xfd, 1),
  onStack('fnop', 0xd9, 0xd0, 1, 0.5),
  onStack('fnclex', 0xdb, 0xe2, 1),
  ...conditions,
  ...control,
];
