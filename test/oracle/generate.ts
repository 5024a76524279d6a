/**
 * The generator of random programs: seeded, deterministic, written from the opcode maps of Intel SDM Vol. 2D, Appendix A,
 * independently of src/isa. See docs/oracle.md.
 */
import { ARITHMETIC_FORMS } from './forms/arithmetic.js';
import { CODE_FORMS } from './forms/code.js';
import { CONTROL_FORMS } from './forms/control.js';
import { FAULT_FORMS } from './forms/fault.js';
import type { Form, Group } from './forms/form.js';
import { MOVE_FORMS } from './forms/move.js';
import { SEGMENT_FORMS } from './forms/segment.js';
import { SHIFT_FORMS } from './forms/shift.js';
import { SSE_FORMS } from './forms/sse.js';
import { STACK_FORMS } from './forms/stack.js';
import { STRING_FORMS } from './forms/string.js';
import { X87_FORMS } from './forms/x87.js';
import { Builder, type Program } from './program.js';

export const FORMS: readonly Form[] = [
  ...ARITHMETIC_FORMS,
  ...SHIFT_FORMS,
  ...MOVE_FORMS,
  ...STACK_FORMS,
  ...CONTROL_FORMS,
  ...STRING_FORMS,
  ...FAULT_FORMS,
  ...SEGMENT_FORMS,
  ...CODE_FORMS,
  ...X87_FORMS,
  ...SSE_FORMS,
];

/** The longest form with its preparations takes this many bytes. */
const LONGEST_FORM = 68;

/** How often each group's forms are chosen, relative to their weights. */
export type Mixture = Partial<Record<Group, number>>;

/** A choice among forms by weight. */
class Deck {
  readonly #slots: Form[] = [];

  constructor(mixture: Mixture) {
    const weight = (f: Form): number => f.weight * (mixture[f.group] ?? 0);
    const forms = FORMS.filter((f) => weight(f) > 0);
    const total = forms.reduce((sum, f) => sum + weight(f), 0);
    for (const f of forms) {
      for (let i = Math.max(1, Math.round((weight(f) / total) * 8192)); i > 0; i--) this.#slots.push(f);
    }
  }

  draw(p: Builder): Form {
    for (;;) {
      const f = p.r.pick(this.#slots);
      if ((f.reads & p.undefined) === 0) return f;
    }
  }
}

/** Whether the floating-point state belongs to the cases. */
export function floats(mixture: Mixture): boolean {
  return (mixture.float ?? 0) + (mixture.simd ?? 0) > 0;
}

export type Generator = (seed: number) => Program;

/** Returns a generator of programs. */
export function generator(mixture: Mixture): Generator {
  const deck = new Deck(mixture);
  const float = floats(mixture);
  return (seed) => {
    const p = new Builder(seed, float);
    const forms = p.r.once(4) ? p.r.between(1, 2) : p.r.between(1, 7);
    for (let i = 0; i < forms && p.room >= LONGEST_FORM; i++) {
      p.advance();
      const f = deck.draw(p);
      p.protection = f.group === 'fault' || f.group === 'segment';
      p.float = f.group === 'float' || f.group === 'simd';
      f.emit(p);
    }
    return p.finish();
  };
}

/** The corpora: what is recorded and what the live runs draw from. */
export interface Corpus {
  readonly name: string;
  readonly mixture: Mixture;
  /** Number of cases recorded. */
  readonly cases: number;
}

export const CORPORA: readonly Corpus[] = [
  { name: 'integer', mixture: { integer: 1, fault: 1, code: 1.5 }, cases: 102_000 },
  { name: 'segment', mixture: { integer: 0.2, segment: 1 }, cases: 12_000 },
  { name: 'trace', mixture: { integer: 1, segment: 0.3, trace: 25 }, cases: 6_000 },
  { name: 'alignment', mixture: { integer: 1, alignment: 60 }, cases: 6_000 },
  { name: 'float', mixture: { float: 1, simd: 1, integer: 0.04 }, cases: 36_000 },
];
