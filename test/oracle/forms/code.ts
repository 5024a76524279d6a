/** Programs that modify themselves: a store into an instruction that follows, at once or a little later. */
import { INCREMENT_EFFECT } from '../flags.js';
import { destination } from '../operand.js';
import { type Builder, bytes32 } from '../program.js';
import { simple } from './control.js';
import { type Form, form } from './form.js';

/** MOV BYTE/WORD/DWORD [imm of a later MOV r, imm32 + k], value. */
const patchImmediate = form('patch immediate', 1, 0, (p) => patch(p), 'code');

function patch(p: Builder): void {
  const size = p.r.pick([1, 2, 4] as const);
  const offset = p.r.below(5 - size);
  p.begin(`mov${size * 8} code,imm`);
  if (size === 2) p.emit(0x66);
  p.emit(size === 1 ? 0xc6 : 0xc7, 0x05);
  const field = p.bytes.length;
  p.emit(0, 0, 0, 0);
  for (let i = 0; i < size; i++) p.emit(p.r.below(256));
  for (let i = p.r.below(3); i > 0; i--) simple(p);
  const d = destination(p, 4);
  p.begin('mov32 r,imm patched');
  p.emit(0xb8 + d);
  const address = p.here + offset;
  bytes32(address).forEach((b, i) => {
    p.bytes[field + i] = b;
  });
  p.emit(...bytes32(p.r.u32()));
  p.clobber(d);
}

/** Turns INC r into DEC r, or into INC of another register. */
const patchOpcode = form(
  'patch opcode',
  1,
  0,
  (p) => {
    p.begin('mov8 code,imm');
    p.emit(0xc6, 0x05);
    const field = p.bytes.length;
    p.emit(0, 0, 0, 0, p.r.pick([0x40, 0x41, 0x42, 0x43, 0x48, 0x49, 0x4a, 0x4b]));
    for (let i = p.r.below(3); i > 0; i--) simple(p);
    bytes32(p.here).forEach((b, i) => {
      p.bytes[field + i] = b;
    });
    p.begin('inc32 r patched');
    p.emit(0x40 + p.r.below(4));
    for (let d = 0; d < 4; d++) p.clobber(d);
    p.effect(INCREMENT_EFFECT);
  },
  'code',
);

export const CODE_FORMS: readonly Form[] = [patchImmediate, patchOpcode];
