/** Jumps, loops, calls and returns, all forward but for bounded loops and the call of a subroutine that lies before its caller. */
import { ARITHMETIC_EFFECT, CF, conditionReads, INCREMENT_EFFECT, ZF } from '../flags.js';
import { immediate, loadRegister, override } from '../operand.js';
import { type Builder, bytes16, bytes32, type Label, type Operand } from '../program.js';
import { EAX, EBP, ECX, ESP } from '../state.js';
import { CODE, DATA, STACK } from '../windows.js';
import { absolute } from './arithmetic.js';
import { type Form, form } from './form.js';

/** A jump that is always taken: what follows is reached by other paths alone, so it inherits this path's state as well. */
function leap(p: Builder): Label {
  const label = p.ahead(p.r.below(3));
  p.flow(label);
  return label;
}

function branch(name: string, opcode: readonly number[], reads: number, weight: number): Form {
  return form(name, weight, reads, (p) => {
    p.begin(name);
    p.emit(...opcode);
    const wide = opcode[0] === 0x0f || opcode[0] === 0xe9;
    const label = p.ahead(p.r.below(3));
    p.relative(label, wide ? 4 : 1);
    p.flow(label);
  });
}

/** With an operand-size prefix a taken near jump truncates EIP to 16 bits, which here leads to a page fault. */
function truncating(name: string, opcode: readonly number[], bytes: number, reads: number): Form {
  return form(name, 0.15, reads, (p) => {
    p.begin(name);
    p.emit(0x66, ...opcode);
    for (let i = 0; i < bytes; i++) p.emit(p.r.below(32));
  });
}

/** LOOP, LOOPE, LOOPNE, JECXZ and, with an address-size prefix, their forms on CX. */
function countBranch(name: string, opcode: number, reads: number): Form {
  return form(name, 1, reads, (p) => {
    const address16 = p.r.once(3);
    p.begin(address16 ? `${name}16` : name);
    p.encode({ opcode: [opcode], address16, bare: true });
    const label = p.ahead(p.r.below(3));
    p.relative(label, 1);
    if (opcode !== 0xe3) p.clobber(ECX);
    p.flow(label);
  });
}

/** Register-only instructions that define every flag or none: the body of loops and subroutines. Never ECX, ESP. */
export function simple(p: Builder): void {
  const d = p.r.pick([0, 2, 3, 5, 6, 7]);
  const from = p.r.pick([0, 2, 3, 5, 6, 7]);
  const k = p.r.below(6);
  if (k === 0) {
    p.begin('mov32 r,r');
    p.emit(0x8b, 0xc0 | (d << 3) | from);
  } else if (k === 1) {
    p.begin('inc32 r');
    p.emit(0x40 + d);
    p.effect(INCREMENT_EFFECT);
  } else if (k === 2) {
    p.begin('lea32 r,m');
    p.emit(0x8d, 0x80 | (d << 3) | from, ...bytes32(p.r.u32()));
  } else if (k === 3) {
    p.begin('not32 r');
    p.emit(0xf7, 0xd0 | d);
  } else {
    const op = p.r.pick((p.undefined & CF) === 0 ? [0x03, 0x13, 0x1b, 0x2b, 0x3b] : [0x03, 0x2b, 0x3b]);
    p.begin(`${{ 3: 'add', 19: 'adc', 27: 'sbb', 43: 'sub', 59: 'cmp' }[op]}32 r,r`);
    p.emit(op, 0xc0 | (d << 3) | from);
    p.effect(ARITHMETIC_EFFECT);
  }
  p.clobber(d);
}

function loop(name: string, opcode: number): Form {
  return form(`${name} back`, 1, 0, (p) => {
    loadRegister(p, ECX, p.r.between(1, 5));
    p.begin('cmp32 r,imm');
    p.emit(0x83, 0xf8 | EAX, immediate(p));
    p.effect(ARITHMETIC_EFFECT);
    const top = p.bytes.length;
    const known = [...p.known];
    for (let i = p.r.between(1, 2); i > 0; i--) simple(p);
    p.begin(`${name} back`);
    p.emit(opcode, top - (p.bytes.length + 2));
    p.known = known.map((v, i) => (i === ESP ? v : undefined));
  });
}

const direct: Form[] = [
  form('jmp', 1, 0, (p) => {
    const wide = p.r.once(2);
    p.begin('jmp rel');
    p.emit(wide ? 0xe9 : 0xeb);
    p.relative(leap(p), wide ? 4 : 1);
  }),
  form('jmp r', 1, 0, (p) => {
    const d = p.r.pick([0, 1, 2, 3, 5, 6, 7]);
    p.begin('mov32 r,imm');
    p.emit(0xb8 + d);
    p.clobber(d);
    const at = p.bytes.length;
    p.emit(0, 0, 0, 0);
    p.begin('jmp r');
    p.encode({ opcode: [0xff], reg: 4, rm: { kind: 'register', index: d } });
    patchAbsolute(leap(p), at);
  }),
  form('jmp m', 1, 0, (p) => {
    const o = storeTarget(p);
    p.begin('jmp m');
    p.encode({ opcode: [0xff], reg: 4, rm: o.operand, segment: override(p, 'read') });
    patchAbsolute(leap(p), o.at);
  }),
  form('call rel', 1, 0, (p) => {
    p.begin('call rel');
    p.emit(0xe8);
    p.moveStack(-4);
    p.relative(leap(p), 4);
  }),
  form('call r', 1, 0, (p) => {
    const d = p.r.pick([0, 1, 2, 3, 5, 6, 7]);
    p.begin('mov32 r,imm');
    p.emit(0xb8 + d);
    p.clobber(d);
    const at = p.bytes.length;
    p.emit(0, 0, 0, 0);
    p.begin('call r');
    p.encode({ opcode: [0xff], reg: 2, rm: { kind: 'register', index: d } });
    p.moveStack(-4);
    patchAbsolute(leap(p), at);
  }),
  form('call m', 1, 0, (p) => {
    const o = storeTarget(p);
    p.begin('call m');
    p.encode({ opcode: [0xff], reg: 2, rm: o.operand, segment: override(p, 'read') });
    p.moveStack(-4);
    patchAbsolute(leap(p), o.at);
  }),
  form('ret', 1.5, 0, (p) => {
    p.begin('push32 imm');
    p.emit(0x68);
    const at = p.bytes.length;
    p.emit(0, 0, 0, 0);
    const drop = p.r.once(2) ? p.r.below(24) : undefined;
    p.begin(drop === undefined ? 'ret' : 'ret imm');
    if (drop === undefined) p.emit(0xc3);
    else p.emit(0xc2, ...bytes16(drop));
    p.moveStack(drop ?? 0);
    patchAbsolute(leap(p), at);
  }),
  // Returns and jumps to nowhere: the fault is the target's, with the stack already moved.
  form('ret away', 0.2, 0, (p) => {
    const k = p.r.below(3);
    if (k === 0) {
      p.begin('push32 imm');
      p.emit(0x68, ...bytes32(p.r.pick([0, CODE + 0x3000, DATA + 0x2800, 0x08048000])));
      p.begin('ret');
      p.emit(0xc3);
    } else if (k === 1) {
      p.begin('jmp rel');
      p.emit(0xe9, ...bytes32(0x10000));
    } else {
      p.begin('ret16');
      p.emit(0x66, 0xc3);
    }
  }),
];

/** Stores a label's address to a writable window: MOV DWORD [address], label. */
function storeTarget(p: Builder): { operand: Operand; at: number } {
  const address = p.r.once(2) ? DATA + 0x1000 + p.r.between(-160, 160) : STACK + 0x880 + p.r.below(64);
  const operand = absolute(address);
  p.begin('mov32 m,imm');
  p.encode({ opcode: [0xc7], reg: 0, rm: operand, bare: true });
  const at = p.bytes.length;
  p.emit(0, 0, 0, 0);
  return { operand, at };
}

function patchAbsolute(label: Label, at: number): void {
  label.fixups.push({ at, size: 4, from: undefined });
}

/** jmp over; sub: …; ret; over: call sub */
const subroutine = form('call back', 1.5, 0, (p) => {
  if (p.known[ESP] === undefined) return;
  const over = p.label();
  p.begin('jmp rel');
  p.emit(0xeb);
  p.relative(over, 1);
  const before = p.snapshot();
  const sub = p.bytes.length;
  for (let i = p.r.between(1, 2); i > 0; i--) simple(p);
  p.begin('ret');
  p.emit(0xc3);
  const after = p.snapshot();
  p.restore(before);
  over.position = p.bytes.length;
  p.resolve(over);
  p.begin('call back');
  p.emit(0xe8, ...bytes32(sub - (p.bytes.length + 5)));
  p.restore(after);
  p.clobber(EBP);
});

export const CONTROL_FORMS: readonly Form[] = [
  ...Array.from({ length: 16 }, (_, code) => [
    branch(`j.${code} rel8`, [0x70 + code], conditionReads(code), 0.5),
    branch(`j.${code} rel32`, [0x0f, 0x80 + code], conditionReads(code), 0.3),
  ]).flat(),
  ...Array.from({ length: 16 }, (_, code) => truncating(`j16.${code} rel8`, [0x70 + code], 1, conditionReads(code))),
  truncating('j16.4 rel16', [0x0f, 0x84], 2, ZF),
  truncating('jmp16 rel16', [0xe9], 2, 0),
  truncating('jmp16 rel8', [0xeb], 1, 0),
  truncating('call16 rel16', [0xe8], 2, 0),
  countBranch('loop', 0xe2, 0),
  countBranch('loope', 0xe1, ZF),
  countBranch('loopne', 0xe0, ZF),
  countBranch('jecxz', 0xe3, 0),
  loop('loop', 0xe2),
  loop('loope', 0xe1),
  loop('loopne', 0xe0),
  ...direct,
  subroutine,
];
