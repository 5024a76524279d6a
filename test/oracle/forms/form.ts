/** What a form is, and the groups by which a run can leave forms out. */
import type { Builder } from '../program.js';

/**
 * integer    what compilers emit and the rest of the unprivileged integer instructions
 * fault      undefined opcodes, privileged instructions, software interrupts
 * segment    segment loads, selector checks, far transfers, IRET
 * code       programs that modify themselves
 * trace      single-stepping (TF)
 * alignment  alignment checking (AC)
 * float      x87
 * simd       MMX, SSE, SSE2
 */
export type Group = 'integer' | 'fault' | 'segment' | 'code' | 'trace' | 'alignment' | 'float' | 'simd';

export interface Form {
  readonly name: string;
  readonly group: Group;
  /** How often it is chosen, relative to the others. */
  readonly weight: number;
  /** Flags it reads; it is not chosen while one of them is undefined. */
  readonly reads: number;
  readonly emit: (p: Builder) => void;
}

export function form(
  name: string,
  weight: number,
  reads: number,
  emit: (p: Builder) => void,
  group: Group = 'integer',
): Form {
  return { name, group, weight, reads, emit };
}
