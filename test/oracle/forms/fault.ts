/** Undefined opcodes, illegal LOCK, privileged instructions, software interrupts, BOUND, INTO, over-long instructions. */
import { ARITHMETIC_EFFECT, LOGIC_EFFECT, OF } from '../flags.js';
import { immediate, loadRegister, memory, override, register, rmSource, shape, source, wordSize } from '../operand.js';
import { type Builder, bytes32, bytesOf } from '../program.js';
import { EDX } from '../state.js';
import { DATA } from '../windows.js';
import { absolute } from './arithmetic.js';
import { type Form, form } from './form.js';

function fixed(name: string, weight: number, ...bytes: number[]): Form {
  return form(
    name,
    weight,
    0,
    (p) => {
      p.begin(name);
      p.emit(...bytes);
    },
    'fault',
  );
}

/** Group encodings that the opcode maps leave empty: opcode, /reg. */
const EMPTY_GROUPS: readonly (readonly [readonly number[], number])[] = [
  [[0xfe], 2],
  [[0xfe], 3],
  [[0xfe], 5],
  [[0xfe], 7],
  [[0xff], 7],
  [[0x0f, 0xba], 0],
  [[0x0f, 0xba], 1],
  [[0x0f, 0xba], 2],
  [[0x0f, 0xba], 3],
  [[0xc6], 2],
  [[0xc7], 3],
  [[0x8c], 6],
  [[0x8e], 1],
  [[0x8e], 7],
];

/** LOCK before what cannot be locked is #UD, whatever the operand. */
function illegalLock(p: Builder): void {
  p.begin('lock-#UD');
  const s = wordSize(p);
  const k = p.r.below(6);
  if (k === 0) p.encode({ opcode: [0x01], size: s, reg: source(p), rm: register(source(p)), lock: true });
  else if (k === 1) p.encode({ opcode: [0x89], size: s, reg: source(p), rm: memory(p, s, 'write'), lock: true });
  else if (k === 2) p.encode({ opcode: [0x39], size: s, reg: source(p), rm: memory(p, s, 'write'), lock: true });
  else if (k === 3) p.encode({ opcode: [0x90 + source(p)], size: s, lock: true });
  else if (k === 4) p.encode({ opcode: [0x0f, 0xa3], size: s, reg: source(p), rm: memory(p, s, 'read'), lock: true });
  else p.encode({ opcode: [0x03], size: s, reg: source(p), rm: memory(p, s, 'read'), lock: true });
}

export const FAULT_FORMS: readonly Form[] = [
  fixed('ud2', 0.3, 0x0f, 0x0b),
  fixed('int3', 0.3, 0xcc),
  fixed('int 3', 0.1, 0xcd, 3),
  fixed('int 4', 0.1, 0xcd, 4),
  fixed('hlt', 0.2, 0xf4),
  fixed('cli', 0.2, 0xfa),
  fixed('sti', 0.2, 0xfb),
  fixed('clts', 0.1, 0x0f, 0x06),
  fixed('invd', 0.1, 0x0f, 0x08),
  fixed('wbinvd', 0.1, 0x0f, 0x09),
  fixed('rdmsr', 0.1, 0x0f, 0x32),
  fixed('wrmsr', 0.1, 0x0f, 0x30),
  form(
    'int n',
    0.5,
    0,
    (p) => {
      const n = p.r.below(256);
      if (n === 3 || n === 4 || n === 0x80) return; // gates that Linux opens to CPL 3
      p.begin('int n');
      p.emit(0xcd, n);
    },
    'fault',
  ),
  form('into', 1, OF, (p) => {
    p.begin('into');
    p.emit(0xce);
  }),
  form(
    'in out',
    0.5,
    0,
    (p) => {
      p.begin('in/out');
      const k = p.r.below(3);
      if (k === 0) p.emit(0xe4 + p.r.below(4), p.r.below(256));
      else if (k === 1) p.emit(0xec + p.r.below(4));
      else p.emit(0x6c + p.r.below(4));
    },
    'fault',
  ),
  form(
    'mov cr dr',
    0.4,
    0,
    (p) => {
      p.begin('mov-cr/dr');
      const debug = p.r.once(2);
      const reg = p.r.pick(debug ? [0, 1, 2, 3, 6, 7] : [0, 2, 3, 4]);
      p.emit(0x0f, 0x20 + p.r.below(2) * 2 + (debug ? 1 : 0), 0xc0 | (reg << 3) | source(p));
    },
    'fault',
  ),
  form(
    'privileged m',
    0.4,
    0,
    (p) => {
      p.begin('lgdt/lidt/lmsw/lldt/ltr/invlpg');
      const k = p.r.below(6);
      // LGDT LIDT INVLPG, LMSW, LLDT LTR
      if (k < 3) p.encode({ opcode: [0x0f, 0x01], reg: [2, 3, 7][k]!, rm: memory(p, 4, 'read') });
      else if (k === 3) p.encode({ opcode: [0x0f, 0x01], reg: 6, rm: register(source(p)) });
      else p.encode({ opcode: [0x0f, 0x00], reg: k - 2, rm: register(source(p)) });
    },
    'fault',
  ),
  form(
    'group #UD',
    0.5,
    0,
    (p) => {
      p.begin('group-#UD');
      const [opcode, reg] = p.r.pick(EMPTY_GROUPS);
      p.encode({ opcode, reg, rm: p.r.once(2) ? register(source(p)) : memory(p, 4, 'read') });
      p.emit(...bytes32(0x90909090));
    },
    'fault',
  ),
  form('lock #UD', 0.6, 0, illegalLock, 'fault'),
  form(
    'lea #UD',
    0.2,
    0,
    (p) => {
      p.begin('lea-#UD');
      p.emit(0x8d, 0xc0 | p.r.below(64));
    },
    'fault',
  ),
  form('too long', 0.3, 0, (p) => {
    const prefixes = p.r.between(9, 15);
    p.begin(prefixes + 6 > 15 ? 'length>15' : 'length=15');
    const prefix = p.r.pick([0x26, 0x2e, 0x36, 0x3e, 0x66]);
    for (let i = 0; i < prefixes; i++) p.emit(prefix);
    // ADD eAX, imm16/32 or ADD r/m, imm8
    if (p.r.once(2)) p.emit(0x83, 0xc0, p.r.below(256));
    else p.emit(0x05, ...(prefix === 0x66 ? [1, 2] : [1, 2, 3, 4]));
    p.clobber(0);
    p.effect(ARITHMETIC_EFFECT);
  }),
  form('bound', 2, 0, (p) => {
    const s = wordSize(p);
    const index = source(p);
    if (p.r.once(3)) {
      const o = memory(p, 2 * s, 'read');
      p.begin(`bound${s * 8}`);
      p.encode({ opcode: [0x62], size: s, reg: index, rm: o });
      return;
    }
    // Bounds that hold for the index as often as not.
    const at = DATA + 0x1000 + p.r.between(-64, 64);
    const half = p.r.pick([0, 1, 0x7fff, 0x10000, 0x7fffffff]);
    const v = p.known[index] ?? immediate(p);
    for (const [k, bound] of [v - half, v + half].entries()) {
      p.begin(`mov${s * 8} m,imm`);
      p.encode({
        opcode: [0xc7],
        size: s,
        reg: 0,
        rm: absolute(at + k * s),
        immediate: bytesOf(bound >>> 0, s),
        bare: true,
      });
    }
    p.begin(`bound${s * 8}`);
    p.encode({ opcode: [0x62], size: s, reg: index, rm: absolute(at), segment: override(p, 'read') });
  }),
  form('prefetch', 0.3, 0, (p) => {
    const o = memory(p, 1, 'none');
    p.begin('prefetch m');
    p.encode({ opcode: [0x0f, 0x18], reg: p.r.below(4), rm: o, bare: true });
  }),
  form('test alias', 0.3, 0, (p) => {
    // F6 /1 and F7 /1 are decoded as TEST by every processor; the maps list them empty.
    const s = wordSize(p);
    const o = rmSource(p, s);
    p.begin(`test${s * 8} ${shape(o)},imm/1`);
    p.encode({ opcode: [0xf7], size: s, reg: 1, rm: o, immediate: bytesOf(immediate(p), s) });
    p.effect(LOGIC_EFFECT);
    if (p.r.once(8)) loadRegister(p, EDX, 0);
  }),
];
