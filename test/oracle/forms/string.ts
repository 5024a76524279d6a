/** MOVS, CMPS, STOS, LODS, SCAS in all sizes, with and without repetition, in both directions. */
import { ARITHMETIC_EFFECT } from '../flags.js';
import { loadRegister, override, size } from '../operand.js';
import type { Builder } from '../program.js';
import { EAX, ECX, EDI, ESI } from '../state.js';
import { CONSTANT, DATA, LOW, STACK, writable } from '../windows.js';
import { type Form, form } from './form.js';

function place(p: Builder, address16: boolean): number {
  const r = p.r;
  if (address16) return (r.u32() & 0xffff0000) + LOW + 0x7e0 + r.below(64);
  const k = r.below(32);
  if (k < 22) return DATA + 0x1000 + r.between(-200, 200);
  if (k < 26) return STACK + 0x7c0 + r.below(128);
  if (k < 28) return DATA + 0x2000 - r.below(64);
  if (k < 30) return DATA + r.below(64);
  return k === 30 ? CONSTANT + r.below(0x1000) : DATA + r.below(0x2000);
}

/** Points ESI or EDI at a window unless it points there already; `bare`: with nothing in the upper half. */
function aim(p: Builder, index: number, address16: boolean, bare: boolean): void {
  if (bare) {
    loadRegister(p, index, LOW + 0x7e0 + p.r.below(64));
    return;
  }
  const v = p.known[index];
  const good = v !== undefined && writable(address16 ? v & 0xffff : v, 4);
  // A register of unknown value may hold the address of code, which a repetition would overwrite under its own feet.
  if (good ? p.r.once(5) : v === undefined || !p.r.once(20)) loadRegister(p, index, place(p, address16));
}

function step(p: Builder, index: number, by: number): void {
  const v = p.known[index];
  p.known[index] = v === undefined || p.df === undefined ? undefined : (v + (p.df === 1 ? -by : by)) >>> 0;
}

function string(name: string, opcode: number, source: boolean, target: boolean, compares: boolean): Form[] {
  const make = (rep: 0xf2 | 0xf3 | undefined, weight: number): Form =>
    form(name, weight, 0, (p) => {
      const r = p.r;
      const s = size(p);
      const address16 = r.once(10);
      // The processor of the golden data errs here with upper halves set: docs/oracle.md, "Where the processor errs".
      const bare = address16 && rep !== undefined && name === 'movs';
      if (source) aim(p, ESI, address16, bare);
      if (target) aim(p, EDI, address16, bare);
      if (compares && source && r.once(3)) loadRegister(p, EDI, p.known[ESI] ?? DATA + 0xf80); // equal for a while
      const ecx = p.known[ECX];
      if (rep !== undefined && (ecx === undefined ? !r.once(30) : ecx > 64 && !r.once(30))) {
        const k = r.below(16);
        loadRegister(p, ECX, k < 12 ? r.below(24) : k < 15 ? r.below(200) : (r.u32() & 0x7fff0000) + r.below(64));
      }
      const prefix = rep === undefined ? '' : rep === 0xf2 ? 'repne ' : compares ? 'repe ' : 'rep ';
      p.begin(`${prefix}${name}${s * 8}${address16 ? ' a16' : ''}`);
      p.encode({
        opcode: [opcode + (s === 1 ? 0 : 1)],
        size: s,
        rep,
        address16,
        segment: source ? override(p, 'read') : undefined,
        bare: true,
      });
      if (rep !== undefined) {
        p.clobber(ECX);
        p.clobber(ESI);
        p.clobber(EDI);
      } else if (address16) {
        p.clobber(ESI);
        p.clobber(EDI);
      } else {
        if (source) step(p, ESI, s);
        if (target) step(p, EDI, s);
      }
      if (name === 'lods') p.clobber(EAX);
      // A repetition with a zero count leaves the flags alone.
      if (compares) {
        if (rep === undefined) p.effect(ARITHMETIC_EFFECT);
        else p.maybe(ARITHMETIC_EFFECT);
      }
    });
  const forms = [make(undefined, 2), make(0xf3, 2)];
  if (compares) forms.push(make(0xf2, 2));
  return forms;
}

export const STRING_FORMS: readonly Form[] = [
  ...string('movs', 0xa4, true, true, false),
  ...string('cmps', 0xa6, true, true, true),
  ...string('stos', 0xaa, false, true, false),
  ...string('lods', 0xac, true, false, false),
  ...string('scas', 0xae, false, true, true),
];
