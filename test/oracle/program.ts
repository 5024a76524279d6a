/**
 * Builds one random program and keeps, at every instruction, what the manual leaves undefined there and what is known of the
 * registers: an undefined flag is never read, and memory operands are aimed at the windows.
 *
 * Control flow only goes forward (loops apart, which their form bounds), so one pass suffices: at a label the undefined flags of
 * all paths are joined and only registers on which they agree stay known.
 */
import { ALL, DF, type Effect } from './flags.js';
import { initialImage } from './float-state.js';
import { Random, scramble } from './random.js';
import { ECX, ESP, initialState, type State } from './state.js';
import { END } from './windows.js';

export const CODE_CAPACITY = 144;
const END_JUMP = 5;

export type Size = 1 | 2 | 4;

export interface RegisterOperand {
  readonly kind: 'register';
  readonly index: number;
}

export interface MemoryOperand {
  readonly kind: 'memory';
  /** mod and r/m fields of ModRM. */
  readonly modrm: number;
  /** SIB and displacement. */
  readonly tail: readonly number[];
  readonly address16: boolean;
  readonly segment: number | undefined;
  /** The effective address where it is known. */
  readonly address: number | undefined;
}

export type Operand = RegisterOperand | MemoryOperand;

export interface Encoding {
  readonly opcode: readonly number[];
  /** 2: operand-size prefix. */
  readonly size?: Size;
  /** The reg field (or opcode extension) of ModRM; present exactly when `rm` is. */
  readonly reg?: number;
  readonly rm?: Operand;
  readonly immediate?: readonly number[];
  readonly lock?: boolean;
  readonly rep?: 0xf2 | 0xf3 | undefined;
  readonly segment?: number | undefined;
  readonly address16?: boolean;
  /** No redundant prefixes: they would change the instruction. */
  readonly bare?: boolean;
}

interface Snapshot {
  readonly undefined: number;
  readonly known: (number | undefined)[];
  readonly df: number | undefined;
}

export interface Label {
  position: number | undefined;
  readonly fixups: { at: number; size: 1 | 2 | 4; from: number | undefined }[];
  snapshot: Snapshot | undefined;
}

/** An instruction's beginning. */
export interface Mark {
  /** Offset in the code. */
  readonly at: number;
  /** Arithmetic flags that are undefined before it. */
  readonly undefined: number;
  /** Name of its form; empty at the program's end. */
  readonly name: string;
  /** Whether the manual has a reason for #GP(0) here. */
  protection: boolean;
}

export interface Program {
  readonly seed: number;
  readonly state: State;
  readonly code: Uint8Array;
  readonly marks: readonly Mark[];
  /** The FXSAVE image it begins with, where floating point is looked at. */
  readonly image: Uint8Array | undefined;
}

export function bytes16(v: number): number[] {
  return [v & 0xff, (v >>> 8) & 0xff];
}
export function bytes32(v: number): number[] {
  return [v & 0xff, (v >>> 8) & 0xff, (v >>> 16) & 0xff, v >>> 24];
}
export function bytesOf(v: number, size: Size): number[] {
  return size === 1 ? [v & 0xff] : size === 2 ? bytes16(v) : bytes32(v);
}

export const SEGMENT_PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65] as const;
/** Effective addresses use SS by default with these bases. */
export const CS_PREFIX = 0x2e;

export class Builder {
  readonly r: Random;
  readonly state: State;
  readonly seed: number;
  readonly bytes: number[] = [];
  readonly marks: Mark[] = [];
  readonly image: Uint8Array | undefined;
  /** #GP(0) is due to the form being emitted, or, once a segment register holds a null selector, to any. */
  protection = false;
  nullSegment = false;
  /** An operand of the form being emitted is written through CS. */
  codeWrite = false;
  /** The form being emitted is a floating-point one. */
  float = false;
  /** Arithmetic flags that are undefined here. */
  undefined = 0;
  /** Registers' values here, where known. */
  known: (number | undefined)[];
  /** NT may be set. */
  nested = false;
  /** DF here, where known. */
  df: number | undefined;
  readonly #pending: { label: Label; remaining: number }[] = [];

  constructor(seed: number, float = false) {
    this.seed = seed;
    this.r = new Random(scramble(seed ^ 0x9e0d));
    this.state = initialState(seed);
    this.known = Array.from(this.state.gpr);
    this.df = (this.state.eflags & DF) !== 0 ? 1 : 0;
    if (float) this.image = initialImage(seed);
  }

  get room(): number {
    return CODE_CAPACITY - END_JUMP - this.bytes.length;
  }

  /** Address of the next byte. */
  get here(): number {
    return this.state.eip + this.bytes.length;
  }

  /** Binds the labels that are due here: between forms, never inside one. */
  advance(): void {
    this.codeWrite = false;
    for (let i = this.#pending.length - 1; i >= 0; i--) {
      const p = this.#pending[i]!;
      if (p.remaining-- === 0) {
        this.#pending.splice(i, 1);
        this.bind(p.label);
        this.resolve(p.label);
      }
    }
  }

  /** Begins an instruction. */
  begin(name: string): void {
    const protection = this.protection || this.nullSegment;
    this.marks.push({ at: this.bytes.length, undefined: this.undefined, name, protection });
  }

  emit(...bytes: readonly number[]): void {
    for (const b of bytes) this.bytes.push(b & 0xff);
  }

  effect(e: Effect): void {
    this.undefined = (this.undefined & ~e.defined) | e.undefined;
  }

  /** The effect of an instruction that may have none. */
  maybe(e: Effect): void {
    this.undefined |= e.undefined;
  }

  /** Forgets a register that was written; for byte registers AH … BH the register it is part of. */
  clobber(index: number, size: Size = 4): void {
    this.known[size === 1 ? index & 3 : index] = undefined;
  }

  clobberAll(): void {
    this.known.fill(undefined);
  }

  /** CL where known. */
  get cl(): number | undefined {
    const v = this.known[ECX];
    return v === undefined ? undefined : v & 0xff;
  }

  moveStack(delta: number): void {
    const esp = this.known[ESP];
    if (esp !== undefined) this.known[ESP] = (esp + delta) >>> 0;
  }

  // ── labels ───────────────────────────────────────────────────────────────

  snapshot(): Snapshot {
    return { undefined: this.undefined, known: [...this.known], df: this.df };
  }

  restore(s: Snapshot): void {
    this.undefined = s.undefined;
    this.known = [...s.known];
    this.df = s.df;
  }

  label(): Label {
    return { position: undefined, fixups: [], snapshot: undefined };
  }

  /** A label that will be bound after the next `skip` forms. */
  ahead(skip: number): Label {
    const label = this.label();
    this.#pending.push({ label, remaining: skip });
    return label;
  }

  /** Joins the present state into what reaches `label`. */
  flow(label: Label): void {
    const s = label.snapshot;
    if (s === undefined) {
      label.snapshot = this.snapshot();
      return;
    }
    label.snapshot = {
      undefined: s.undefined | this.undefined,
      known: s.known.map((v, i) => (v === this.known[i] ? v : undefined)),
      df: s.df === this.df ? s.df : undefined,
    };
  }

  bind(label: Label): void {
    label.position = this.bytes.length;
    if (label.snapshot === undefined) return;
    this.flow(label);
    this.restore(label.snapshot);
  }

  /** Emits a relative displacement to `label` (measured from the end of this field). */
  relative(label: Label, size: 1 | 2 | 4): void {
    label.fixups.push({ at: this.bytes.length, size, from: this.bytes.length + size });
    for (let i = 0; i < size; i++) this.bytes.push(0);
  }

  /** Emits the address of `label`. */
  absolute(label: Label): void {
    label.fixups.push({ at: this.bytes.length, size: 4, from: undefined });
    this.bytes.push(0, 0, 0, 0);
  }

  /** Fills in the references to a bound label. */
  resolve(label: Label): void {
    const position = label.position;
    if (position === undefined) throw new Error('label not bound');
    for (const { at, size, from } of label.fixups) {
      const v = from === undefined ? this.state.eip + position : position - from;
      if (size === 1 && (v < -128 || v > 127)) throw new Error('short jump out of range');
      for (let i = 0; i < size; i++) this.bytes[at + i] = (v >>> (8 * i)) & 0xff;
    }
  }

  // ── encoding ─────────────────────────────────────────────────────────────

  /** Emits prefixes in random order, opcode, ModRM, SIB, displacement and immediate. */
  encode(e: Encoding): void {
    const prefixes: number[] = [];
    const memory = e.rm?.kind === 'memory' ? e.rm : undefined;
    const segment = e.segment ?? memory?.segment;
    if (segment === CS_PREFIX && this.codeWrite) this.marks.at(-1)!.protection = true;
    if (e.size === 2) prefixes.push(0x66);
    if (memory?.address16 === true || e.address16 === true) prefixes.push(0x67);
    if (segment !== undefined) prefixes.push(segment);
    if (e.lock === true) prefixes.push(0xf0);
    if (e.rep !== undefined) prefixes.push(e.rep);
    if (e.bare !== true && this.r.once(24)) this.#redundant(prefixes, e, memory);
    for (let i = prefixes.length - 1; i > 0; i--) {
      const k = this.r.below(i + 1);
      const p = prefixes[i]!;
      prefixes[i] = prefixes[k]!;
      prefixes[k] = p;
    }
    this.emit(...prefixes, ...e.opcode);
    if (e.rm !== undefined) {
      const reg = (e.reg ?? 0) << 3;
      if (e.rm.kind === 'register') this.emit(0xc0 | reg | e.rm.index);
      else this.emit(e.rm.modrm | reg, ...e.rm.tail);
    }
    if (e.immediate !== undefined) this.emit(...e.immediate);
  }

  /** Adds a prefix that repeats another or has nothing to act on. */
  #redundant(prefixes: number[], e: Encoding, memory: MemoryOperand | undefined): void {
    const k = this.r.below(4);
    if (k === 0 && prefixes.length > 0) prefixes.push(this.r.pick(prefixes));
    else if (k === 1 && e.rm?.kind === 'register') prefixes.push(this.r.pick(SEGMENT_PREFIXES));
    else if (k === 2 && e.rm?.kind === 'register') prefixes.push(0x67);
    else if (k === 3 && e.size === 1 && memory === undefined) prefixes.push(0x66);
  }

  finish(): Program {
    for (const { label } of this.#pending) {
      this.bind(label);
      this.resolve(label);
    }
    this.begin('');
    const from = this.here + END_JUMP;
    this.emit(0xe9, ...bytes32(END - from));
    return {
      seed: this.seed,
      state: this.state,
      code: Uint8Array.from(this.bytes),
      marks: this.marks,
      image: this.image,
    };
  }
}

/** The instruction at `eip`; undefined where none begins. */
export function markAt(program: Program, eip: number): Mark | undefined {
  const offset = eip === END ? program.code.length - END_JUMP : (eip - program.state.eip) | 0;
  return program.marks.find((m) => m.at === offset);
}

/** The arithmetic flags that are undefined when `program` stops at `eip`. */
export function undefinedAt(program: Program, eip: number): number {
  const mark = markAt(program, eip);
  if (mark !== undefined) return mark.undefined & ALL;
  return program.marks.reduce((all, m) => all | m.undefined, 0) & ALL;
}

/** The names of the program's instructions. */
export function namesOf(program: Program): string[] {
  return program.marks.slice(0, -1).map((m) => m.name);
}
