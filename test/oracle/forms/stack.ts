/** PUSH, POP, PUSHA, POPA, PUSHF, POPF, ENTER, LEAVE. */
import { AC, AF, ALL, CF, DF, ID, NT, OF, PF, POPF_EFFECT, SF, TF, ZF } from '../flags.js';
import { clobbered, destination, immediate, memory, register, rmSource, shape, source, wordSize } from '../operand.js';
import { type Builder, bytes16, bytes32, bytesOf, CS_PREFIX, type Operand } from '../program.js';
import { EBP, ESP } from '../state.js';
import { STACK } from '../windows.js';
import { type Form, form } from './form.js';

/** Emits PUSH imm32. */
export function pushImmediate(p: Builder, v: number): void {
  p.begin('push32 imm');
  p.emit(0x68, ...bytes32(v));
  p.moveStack(-4);
}

/** POPF of chosen flags: the arithmetic flags, DF, now and then NT and ID. IF and IOPL cannot change at CPL 3. */
function popFlags(p: Builder, extra: number): void {
  const r = p.r;
  let v = r.u32() & (ALL | 0x202 | (r.once(6) ? NT : 0) | (r.once(6) ? ID : 0) | (r.once(8) ? 0x3000 : 0));
  if (r.once(6)) v |= DF;
  v |= extra;
  const s = extra > 0xffff || r.once(4) ? 4 : r.pick([2, 4] as const);
  p.begin(s === 2 ? 'push16 imm' : 'push32 imm');
  p.encode({ opcode: [0x68], size: s, immediate: bytesOf(v, s), bare: true });
  p.begin(s === 2 ? 'popf16' : 'popf32');
  p.encode({ opcode: [0x9d], size: s, bare: true });
  p.effect(POPF_EFFECT);
  if ((v & NT) !== 0) p.nested = true;
  p.df = (v & DF) !== 0 ? 1 : 0;
}

function enter(p: Builder, level: number): void {
  const s = wordSize(p);
  const frame = p.r.once(6) ? p.r.below(0x10000) : p.r.below(64);
  p.begin(level === 0 ? `enter${s * 8} 0` : `enter${s * 8} n`);
  p.encode({
    opcode: [0xc8],
    size: s,
    immediate: [...bytes16(frame), level | (p.r.once(4) ? 0x20 * p.r.below(8) : 0)],
  });
  const esp = p.known[ESP];
  p.known[EBP] = s === 4 && esp !== undefined ? (esp - 4) >>> 0 : undefined;
  p.known[ESP] = undefined;
}

export const STACK_FORMS: readonly Form[] = [
  form('push', 4, 0, (p) => {
    const s = wordSize(p);
    p.begin(`push${s * 8} r`);
    p.encode({ opcode: [0x50 + source(p)], size: s });
    p.moveStack(-s);
  }),
  form('push', 2, 0, (p) => {
    const s = wordSize(p);
    const o: Operand = rmSource(p, s);
    p.begin(`push${s * 8} ${shape(o)}/6`);
    p.encode({ opcode: [0xff], size: s, reg: 6, rm: o });
    p.moveStack(-s);
  }),
  form('push', 2, 0, (p) => {
    const s = wordSize(p);
    const short = p.r.once(2);
    p.begin(`push${s * 8} ${short ? 'imm8' : 'imm'}`);
    p.encode({ opcode: [short ? 0x6a : 0x68], size: s, immediate: bytesOf(immediate(p), short ? 1 : s) });
    p.moveStack(-s);
  }),
  form('pop', 4, 0, (p) => {
    const s = wordSize(p);
    const d = destination(p, s);
    p.begin(`pop${s * 8} r`);
    p.encode({ opcode: [0x58 + d], size: s });
    p.moveStack(s);
    p.clobber(d);
  }),
  form('pop', 3, 0, (p) => {
    const s = wordSize(p);
    let o: Operand = p.r.once(3) ? register(destination(p, s)) : memory(p, s, 'write');
    // A write through CS is #GP, but the stack is read first and may fault as well: which is told first is not architectural.
    if (o.kind === 'memory' && o.segment === CS_PREFIX) o = { ...o, segment: undefined };
    p.begin(`pop${s * 8} ${shape(o)}/0`);
    p.encode({ opcode: [0x8f], size: s, reg: 0, rm: o });
    p.moveStack(s);
    clobbered(p, o, s);
  }),
  form('pusha', 1.5, 0, (p) => {
    const s = wordSize(p);
    p.begin(`pusha${s * 8}`);
    p.encode({ opcode: [0x60], size: s });
    p.moveStack(-8 * s);
  }),
  form('popa', 1.5, 0, (p) => {
    const s = wordSize(p);
    p.begin(`popa${s * 8}`);
    p.encode({ opcode: [0x61], size: s });
    const esp = p.known[ESP];
    p.clobberAll();
    p.known[ESP] = esp === undefined ? undefined : (esp + 8 * s) >>> 0;
  }),
  form('pushf', 2, CF | PF | AF | ZF | SF | OF, (p) => {
    const s = wordSize(p);
    p.begin(`pushf${s * 8}`);
    p.encode({ opcode: [0x9c], size: s });
    p.moveStack(-s);
  }),
  form('popf', 3, 0, (p) => popFlags(p, 0)),
  form('popf', 1, 0, (p) => popFlags(p, TF), 'trace'),
  form('popf', 1, 0, (p) => popFlags(p, AC), 'alignment'),
  form('enter', 1, 0, (p) => enter(p, 0)),
  form('enter', 0.7, 0, (p) => {
    // The frame pointers of outer procedures are read through EBP.
    if (p.known[EBP] === undefined || p.r.once(2)) {
      p.begin('mov32 r,imm');
      p.emit(0xb8 + EBP, ...bytes32(STACK + 0x840));
    }
    enter(p, p.r.below(32));
  }),
  form('leave', 1.5, 0, (p) => {
    const ebp = p.known[EBP];
    if ((ebp === undefined || ebp < STACK || ebp > STACK + 0xf00) && !p.r.once(6)) {
      p.begin('mov32 r,imm');
      p.emit(0xb8 + EBP, ...bytes32(STACK + 0x7d0 + p.r.below(64)));
    }
    const s = wordSize(p);
    p.begin(`leave${s * 8}`);
    p.encode({ opcode: [0xc9], size: s });
    p.clobber(EBP);
    p.clobber(ESP);
  }),
];
