/**
 * Segment registers, selector checks and far transfers at CPL 3. The selectors are those of Linux, which test/oracle/machine.ts
 * rebuilds: 0x23 flat code and 0x2b flat data with DPL 3, 0x10 code and 0x18 data with DPL 0; nothing in the LDT.
 */
import { AC, LOGIC_EFFECT, NT, POPF_EFFECT, TF, ZERO_EFFECT } from '../flags.js';
import { clobbered, destination, loadRegister, register, rmDestination, shape, source, wordSize } from '../operand.js';
import { type Builder, bytes16, bytes32, bytesOf } from '../program.js';
import { EAX, ESP } from '../state.js';
import { DATA, STACK } from '../windows.js';
import { absolute } from './arithmetic.js';
import { type Form, form } from './form.js';
import { pushImmediate } from './stack.js';

const ES = 0;
const SS = 2;
const DS = 3;
const VM = 1 << 17;
const SS_PREFIX = 0x36; // always writable
const LOADABLE = [ES, SS, DS, 4, 5] as const;

/** Mostly the flat data segment; now and then one that must not be loaded. */
function selector(p: Builder): number {
  if (!p.r.once(8)) return 0x2b;
  const v = p.r.pick([0, 3, 0x28, 0x29, 0x23, 0x10, 0x18, 0x1b, 0x2c, 0x0c, 0x4000, 0xfffb]);
  if (v < 4) p.nullSegment = true;
  return v;
}

function segmentForm(name: string, weight: number, reads: number, emit: (p: Builder) => void): Form {
  return form(name, weight, reads, emit, 'segment');
}

/** The selector is put into a word register or memory first. */
const load = segmentForm('mov sreg', 3, 0, (p) => {
  const sreg = p.r.pick(LOADABLE);
  const v = selector(p);
  if (p.r.once(2)) {
    const d = p.r.pick([0, 1, 2, 3, 5, 6, 7]);
    loadRegister(p, d, v | (p.r.u32() & 0xffff0000));
    p.begin('mov-sreg r');
    p.encode({ opcode: [0x8e], reg: sreg, rm: register(d) });
  } else {
    const at = DATA + 0x1000 + p.r.between(-64, 64);
    p.begin('mov16 m,imm');
    p.encode({ opcode: [0xc7], size: 2, reg: 0, rm: absolute(at), immediate: bytes16(v), bare: true });
    p.begin('mov-sreg m');
    p.encode({ opcode: [0x8e], size: wordSize(p), reg: sreg, rm: absolute(at) });
  }
});

const store = segmentForm('mov r,sreg', 2, 0, (p) => {
  const s = wordSize(p);
  const o = rmDestination(p, 2);
  p.begin(`mov${s * 8} ${shape(o)},sreg`);
  p.encode({ opcode: [0x8c], size: s, reg: p.r.below(6), rm: o });
  clobbered(p, o, s);
});

/** PUSH of a segment register: what the upper half of a doubleword holds depends on the processor, so it is overwritten. */
const push = segmentForm('push sreg', 2, 0, (p) => {
  const opcode = p.r.pick([[0x06], [0x0e], [0x16], [0x1e], [0x0f, 0xa0], [0x0f, 0xa8]]);
  const s = wordSize(p);
  p.begin(`push${s * 8} sreg`);
  p.encode({ opcode, size: s, bare: true });
  p.moveStack(-s);
  if (s === 2) return;
  // The upper half of what it pushes is the processor's choice: SDM Vol. 2B, "PUSH".
  p.begin('mov16 m,imm push');
  p.emit(0x66, 0xc7, 0x44, 0x24, 0x02, ...bytes16(p.r.below(0x10000)));
});

const pop = segmentForm('pop sreg', 2, 0, (p) => {
  const opcode = p.r.pick([[0x07], [0x17], [0x1f], [0x0f, 0xa1], [0x0f, 0xa9]]);
  const s = wordSize(p);
  const v = selector(p) | (p.r.u32() & 0xffff0000);
  p.begin(`push${s * 8} imm`);
  p.encode({ opcode: [0x68], size: s, immediate: bytesOf(v, s), bare: true });
  p.begin(`pop${s * 8} sreg`);
  p.encode({ opcode, size: s, bare: true });
});

const FAR_LOADS = [[0xc4], [0xc5], [0x0f, 0xb2], [0x0f, 0xb4], [0x0f, 0xb5]] as const;

/** LES LDS LSS LFS LGS from memory that holds offset and selector. */
const farPointer = segmentForm('lds', 2, 0, (p) => {
  const s = wordSize(p);
  const at = DATA + 0x1000 + p.r.between(-64, 64);
  const d = destination(p, s);
  p.begin('mov16 m,imm');
  p.encode({ opcode: [0xc7], size: 2, reg: 0, rm: absolute(at + s), immediate: bytes16(selector(p)), bare: true });
  p.begin(`lds${s * 8} r,m`);
  p.encode({ opcode: p.r.pick(FAR_LOADS), size: s, reg: d, rm: absolute(at) });
  p.clobber(d);
});

/** Selectors whose descriptors every Linux has, and some that none has. */
const CHECKED = [0x23, 0x2b, 0x20, 0x28, 0x2a, 0, 1, 3, 0x10, 0x18, 0x13, 0x1b, 0x2c, 0x4000, 0xffff] as const;

function check(name: string, opcode: readonly number[], reg: number | undefined): Form {
  return segmentForm(name, 1, 0, (p) => {
    const s = wordSize(p);
    const from = p.r.pick([1, 2, 3, 5, 6, 7]);
    loadRegister(p, from, p.r.pick(CHECKED) | (p.r.u32() & 0xffff0000));
    const d = reg ?? destination(p, s);
    p.begin(reg === undefined ? `${name}${s * 8} r,r` : `${name} r`);
    p.encode({ opcode, size: reg === undefined ? s : 4, reg: d, rm: register(from) });
    if (reg === undefined) p.clobber(d);
    p.effect(ZERO_EFFECT);
    if (name !== 'lar' || s === 2) return;
    // Bits 19:16 of LAR's result are undefined: keep ZF in memory and mask them.
    p.begin('set.4 m lar');
    p.encode({ opcode: [0x0f, 0x94], reg: 0, rm: absolute(DATA + 0x1000 + p.r.between(-64, 64)), bare: true });
    p.begin('and32 r,imm lar');
    p.emit(0x81, 0xe0 | d, ...bytes32(0xfff0ffff));
    p.effect(LOGIC_EFFECT);
  });
}

/** Whether ARPL writes an operand that it does not change depends on the processor: its memory is always writable here. */
const arpl = segmentForm('arpl', 1, 0, (p) => {
  const o = p.r.once(2) ? register(destination(p, 2)) : absolute(DATA + 0x1000 + p.r.between(-64, 64));
  p.begin(`arpl ${shape(o)},r`);
  p.encode({ opcode: [0x63], reg: source(p), rm: o, segment: o.kind === 'memory' ? SS_PREFIX : undefined });
  clobbered(p, o, 2);
  p.effect(ZERO_EFFECT);
});

function codeSelector(p: Builder): number {
  return p.r.once(8) ? p.r.pick([0, 3, 0x2b, 0x10, 0x13, 0x18, 0x4003, 0x27]) : 0x23;
}

/** Emits a forward label's address in four bytes and lets this path flow there. */
function target(p: Builder): void {
  const label = p.ahead(p.r.below(2));
  p.absolute(label);
  p.flow(label);
}

const farJump = segmentForm('jmp far', 1, 0, (p) => {
  p.begin('jmp far');
  p.emit(0xea);
  target(p);
  p.emit(...bytes16(codeSelector(p)));
});

const farCall = segmentForm('call far', 1, 0, (p) => {
  // The upper half of the pushed CS depends on the processor: the label's first instruction overwrites it.
  p.begin('call far');
  const label = p.label();
  p.emit(0x9a);
  p.absolute(label);
  p.emit(...bytes16(codeSelector(p)));
  p.moveStack(-8);
  p.flow(label);
  p.bind(label);
  p.resolve(label);
  p.begin('mov16 m,imm');
  p.emit(0x66, 0xc7, 0x44, 0x24, 0x06, ...bytes16(p.r.below(0x10000)));
});

const farMemory = segmentForm('jmp far m', 1, 0, (p) => {
  const at = DATA + 0x1000 + p.r.between(-64, 64);
  p.begin('mov32 m,imm');
  p.encode({ opcode: [0xc7], reg: 0, rm: absolute(at), bare: true });
  const fixup = p.bytes.length;
  p.emit(0, 0, 0, 0);
  p.begin('mov16 m,imm');
  p.encode({ opcode: [0xc7], size: 2, reg: 0, rm: absolute(at + 4), immediate: bytes16(codeSelector(p)), bare: true });
  p.begin('jmp far m');
  p.encode({ opcode: [0xff], reg: 5, rm: absolute(at) });
  const label = p.ahead(p.r.below(2));
  label.fixups.push({ at: fixup, size: 4, from: undefined });
  p.flow(label);
});

const farReturn = segmentForm('retf', 1.5, 0, (p) => {
  pushImmediate(p, codeSelector(p) | (p.r.u32() & 0xffff0000));
  p.begin('push32 imm');
  p.emit(0x68);
  const drop = p.r.once(2) ? p.r.below(24) : undefined;
  const at = p.bytes.length;
  p.emit(0, 0, 0, 0);
  p.moveStack(-4);
  p.begin('retf');
  if (drop === undefined) p.emit(0xcb);
  else p.emit(0xca, ...bytes16(drop));
  p.moveStack(8 + (drop ?? 0));
  const label = p.ahead(p.r.below(2));
  label.fixups.push({ at, size: 4, from: undefined });
  p.flow(label);
});

const interruptReturn = segmentForm('iret', 1.5, 0, (p) => {
  // With NT set IRET returns to another task, which IA-32e mode does not know.
  if (p.nested) return;
  const flags = p.r.u32() & ~(TF | AC | NT | VM);
  pushImmediate(p, flags);
  pushImmediate(p, codeSelector(p) | (p.r.u32() & 0xffff0000));
  p.begin('push32 imm');
  p.emit(0x68);
  const at = p.bytes.length;
  p.emit(0, 0, 0, 0);
  p.moveStack(-4);
  p.begin('iret');
  p.emit(0xcf);
  p.moveStack(12);
  p.effect(POPF_EFFECT);
  p.df = (flags >>> 10) & 1;
  const label = p.ahead(p.r.below(2));
  label.fixups.push({ at, size: 4, from: undefined });
  p.flow(label);
});

/** Loading SS, then using the stack through it. */
const stackSegment = segmentForm('mov ss', 1, 0, (p) => {
  loadRegister(p, EAX, selector(p));
  p.begin('mov-sreg r');
  p.emit(0x8e, 0xc0 | (SS << 3) | EAX);
  loadRegister(p, ESP, STACK + 0x800);
});

export const SEGMENT_FORMS: readonly Form[] = [
  load,
  store,
  push,
  pop,
  farPointer,
  check('lar', [0x0f, 0x02], undefined),
  check('lsl', [0x0f, 0x03], undefined),
  check('verr', [0x0f, 0x00], 4),
  check('verw', [0x0f, 0x00], 5),
  arpl,
  farJump,
  farCall,
  farMemory,
  farReturn,
  interruptReturn,
  stackSegment,
];
