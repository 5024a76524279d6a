/** What comes before the faults of an operand's segment; the same programs on the CPU of this machine, where it can be asked. */
import { describe, expect, it } from 'vitest';
import { buildNative, runNative } from './native.js';
import { KIND_END } from './outcome.js';
import { bytes32, type Program } from './program.js';
import { newMachine } from './recorded.js';
import { ESP, initialState } from './state.js';
import { CODE, DATA, STACK } from './windows.js';

const [GP, PF, MF] = [13, 14, 16] as const;
const AT = bytes32(DATA + 0x1000);
const HOLE = 0x20000000;

const NULL_FS = [0x31, 0xc0, 0x8e, 0xe0]; //                              xor eax, eax; mov fs, ax
const UNMASK = [0xdb, 0xe3, 0xc7, 0x05, ...AT, ...bytes32(0x300), 0xd9, 0x2d, ...AT]; // fninit; mov [at], 300h; fldcw [at]
const INVALID = [0xd9, 0xee, 0xd9, 0xee, 0xde, 0xf9]; //                  fldz; fldz; fdivp: #IA is pending
const NO_STACK = [0xbc, ...bytes32(HOLE)]; //                             mov esp, HOLE
const FADD = [0x64, 0xd8, 0x05, ...AT]; //                                fadd fs:[at]
const FNSTCW = [0x64, 0xd9, 0x3d, ...AT]; //                              fnstcw fs:[at]: does not wait
const POP = [0x64, 0x8f, 0x05, ...AT]; //                                 pop fs:[at]

function program(...code: number[][]): Program {
  const state = { ...initialState(1), eip: CODE + 0x400, eflags: 0x202 };
  state.gpr[ESP] = STACK + 0x800;
  const bytes = code.flat();
  const end = { at: bytes.length, undefined: 0, name: '', protection: false };
  return { seed: 1, state, code: Uint8Array.from([...bytes, 0xf4]), marks: [end], image: undefined };
}

const cases: readonly (readonly [string, number, Program])[] = [
  ['FADD through a null segment', GP, program(NULL_FS, UNMASK, FADD)],
  ['the same with #MF pending', MF, program(NULL_FS, UNMASK, INVALID, FADD)],
  ['FNSTCW with #MF pending', GP, program(NULL_FS, UNMASK, INVALID, FNSTCW)],
  ['POP through a null segment', GP, program(NULL_FS, POP)],
  ['the same with an absent stack', PF, program(NULL_FS, NO_STACK, POP)],
];

describe('faults before those of the operand', () => {
  const machine = newMachine();
  const native = buildNative();

  it.each(cases)('%s: vector %i', (_name, vector, p) => {
    expect(machine.run(p).kind).toBe(vector);
    expect(machine.run(p, 1).kind).toBe(vector);
  });
  it.skipIf(!('path' in native))(`as on this CPU${'reason' in native ? ` (skipped: ${native.reason})` : ''}`, () => {
    if (!('path' in native)) return;
    const kinds = runNative(
      native.path,
      cases.map(([, , p]) => p),
    ).map((o) => o.kind);
    expect(kinds).toEqual(cases.map(([, vector]) => vector));
    expect(kinds).not.toContain(KIND_END);
  });
});
