/**
 * The opcode table: one row per opcode form, with its semantics in the language of ./language.ts.
 * Intel SDM Vol. 2D, Appendix A, "Opcode Map"; operand letters are the appendix's:
 *
 *   E  register or memory by ModRM      G  register by ModRM.reg      Z  register in the opcode's low three bits
 *   A  accumulator                      O  memory at an absolute offset  M  memory by ModRM only (not accessed here)
 *   I  immediate (b zero-extended byte, s sign-extended byte, z word or double word, w word)
 *   J  relative branch target           C  CL        1  the constant one        X  ModRM.reg as a number
 *   P  far pointer                      W  word and byte immediates (ENTER)
 *   F  ESC operand                      V  SIMD operand, Vb with an immediate byte; U the same without ModRM
 *   Y  string operands                  N  ModRM that is not used                    R  register by ModRM.rm
 *   b byte, w word, d double word, v word or double word by operand size
 *
 * In the semantics, `dst`, `src` and `imm` are the operands' values *before* the instruction; `bits`, `size` its width;
 * `next` the following EIP, `length` the instruction's; `ea` the memory operand's address; `reg` the number X.
 * `third` is the third operand. A name ending in `.w`  is the variant for that width, `.o` gets the operand size and `.a` the address size
 * as last argument. Handlers live in assembly/cpu.
 */

/** What follows the instruction: the next µop, a transfer of control, or a return to the run loop. */
export type End = 'none' | 'transfer' | 'boundary';

export interface Row {
  /** 0x00–0xFF, or 0x0F00–0x0FFF for the two-byte map. */
  opcode: number;
  /** ModRM.reg, where the row is one of an opcode group. */
  group?: number;
  name: string;
  operands: string;
  semantics: string;
  end: End;
  /** Alone in its block, so that counters are exact when it runs. */
  solo?: boolean;
  /** Flags a handler reads or writes beyond what the semantics show, of "CPAZSO". */
  reads?: string;
  writes?: string;
  /** LOCK is legal on the memory form. */
  lock?: boolean;
  /** Only this ModRM form exists; the other is #UD. */
  only?: 'reg' | 'mem';
  /** Operand sizes in bytes for which this row stands; both by default. */
  sizes?: number[];
  /** The handler may fault (memory, privilege). */
  faults?: boolean;
  /** What a handler does at `ea` (operand M): the bytes for which the segment is checked. Without it `ea` is no access. */
  access?: (size: number) => { bytes: number; write: boolean };
}

export const CONDITIONS = ['o', 'b', 'z', 'be', 's', 'p', 'l', 'le'] as const;

export const ROWS: Row[] = [];

const reads =
  (bytes: (size: number) => number): NonNullable<Row['access']> =>
  (size) => ({ bytes: bytes(size), write: false });
const writes =
  (bytes: (size: number) => number): NonNullable<Row['access']> =>
  (size) => ({ bytes: bytes(size), write: true });
const farPointer = reads((size) => size + 2);
const pseudoDescriptor = 6; // limit and base

type Extra = Partial<Omit<Row, 'opcode' | 'name' | 'operands' | 'semantics'>>;

function row(opcode: number, name: string, operands: string, semantics: string, extra: Extra = {}): void {
  ROWS.push({ end: 'none', ...extra, opcode, name, operands, semantics });
}

// ── Arithmetic and logic ────────────────────────────────────────────────────
const ALU: [name: string, semantics: string][] = [
  ['add', 'let r = dst + src; flags.add(dst, src, r); dst = r'],
  ['or', 'let r = dst | src; flags.logic(r); dst = r'],
  ['adc', 'let r = dst + src + cf; flags.add(dst, src, r); dst = r'],
  ['sbb', 'let r = dst - src - cf; flags.sub(dst, src, r); dst = r'],
  ['and', 'let r = dst & src; flags.logic(r); dst = r'],
  ['sub', 'let r = dst - src; flags.sub(dst, src, r); dst = r'],
  ['xor', 'let r = dst ^ src; flags.logic(r); dst = r'],
  ['cmp', 'flags.sub(dst, src, dst - src)'],
];
ALU.forEach(([name, semantics], n) => {
  const lock = name !== 'cmp';
  row(n * 8 + 0, name, 'Eb,Gb', semantics, { lock });
  row(n * 8 + 1, name, 'Ev,Gv', semantics, { lock });
  row(n * 8 + 2, name, 'Gb,Eb', semantics);
  row(n * 8 + 3, name, 'Gv,Ev', semantics);
  row(n * 8 + 4, name, 'Ab,Ib', semantics);
  row(n * 8 + 5, name, 'Av,Iz', semantics);
  row(0x80, name, 'Eb,Ib', semantics, { group: n, lock });
  row(0x81, name, 'Ev,Iz', semantics, { group: n, lock });
  row(0x82, name, 'Eb,Ib', semantics, { group: n, lock });
  row(0x83, name, 'Ev,Is', semantics, { group: n, lock });
});

const TEST = 'flags.logic(dst & src)';
row(0x84, 'test', 'Eb,Gb', TEST);
row(0x85, 'test', 'Ev,Gv', TEST);
row(0xa8, 'test', 'Ab,Ib', TEST);
row(0xa9, 'test', 'Av,Iz', TEST);
for (const group of [0, 1]) {
  row(0xf6, 'test', 'Eb,Ib', TEST, { group });
  row(0xf7, 'test', 'Ev,Iz', TEST, { group });
}

const INC = 'let r = dst + 1; flags.inc(dst, r); dst = r';
const DEC = 'let r = dst - 1; flags.dec(dst, r); dst = r';
for (let n = 0; n < 8; n++) {
  row(0x40 + n, 'inc', 'Zv', INC);
  row(0x48 + n, 'dec', 'Zv', DEC);
}
row(0xfe, 'inc', 'Eb', INC, { group: 0, lock: true });
row(0xfe, 'dec', 'Eb', DEC, { group: 1, lock: true });
row(0xff, 'inc', 'Ev', INC, { group: 0, lock: true });
row(0xff, 'dec', 'Ev', DEC, { group: 1, lock: true });

const NOT = 'dst = ~dst';
const NEG = 'let r = 0 - dst; flags.sub(0, dst, r); dst = r';
row(0xf6, 'not', 'Eb', NOT, { group: 2, lock: true });
row(0xf7, 'not', 'Ev', NOT, { group: 2, lock: true });
row(0xf6, 'neg', 'Eb', NEG, { group: 3, lock: true });
row(0xf7, 'neg', 'Ev', NEG, { group: 3, lock: true });

// ── Multiplication and division ─────────────────────────────────────────────
const SCALED: [group: number, name: string][] = [
  [4, 'mul'],
  [5, 'imul'],
  [6, 'div'],
  [7, 'idiv'],
];
for (const [group, name] of SCALED) {
  const divides = group >= 6;
  const extra: Extra = divides ? { group, faults: true } : { group, writes: 'CPAZSO' };
  row(0xf6, name, 'Eb', `${name}.w(dst)`, extra);
  row(0xf7, name, 'Ev', `${name}.w(dst)`, extra);
}
row(0x0faf, 'imul', 'Gv,Ev', 'let r = dst * src; let o = imulOverflow.w(dst, src); flags.shift(r, o, o); dst = r');
const IMUL3 = 'let r = src * imm; let o = imulOverflow.w(src, imm); flags.shift(r, o, o); dst = r';
row(0x69, 'imul3', 'Gv,Ev,Iz', IMUL3);
row(0x6b, 'imul3', 'Gv,Ev,Is', IMUL3);

// ── Shifts and rotates ──────────────────────────────────────────────────────
const SHIFTS: [name: string, semantics: string, extra?: Extra][] = [
  ['rol', 'let n = src & 31; if (n) { let r = rotl.w(dst, n); let c = r & 1; flags.carry(c, msb(r) ^ c); dst = r }'],
  [
    'ror',
    'let n = src & 31; if (n) { let r = rotr.w(dst, n); let c = msb(r); flags.carry(c, c ^ ((r >> (bits - 2)) & 1)); dst = r }',
  ],
  ['rcl', 'dst = rcl.w(dst, src & 31)', { reads: 'C', writes: 'CO' }],
  ['rcr', 'dst = rcr.w(dst, src & 31)', { reads: 'C', writes: 'CO' }],
  [
    'shl',
    'let n = src & 31; if (n) { let r = dst << n; let c = (dst >> (bits - n)) & 1; flags.shift(r, c, msb(r) ^ c); dst = r }',
  ],
  [
    'shr',
    'let n = src & 31; if (n) { let r = dst >> n; let c = (dst >> (n - 1)) & 1; flags.shift(r, c, msb(dst)); dst = r }',
  ],
  [
    'shl',
    'let n = src & 31; if (n) { let r = dst << n; let c = (dst >> (bits - n)) & 1; flags.shift(r, c, msb(r) ^ c); dst = r }',
  ],
  [
    'sar',
    'let n = src & 31; if (n) { let r = sar(sext(dst), n); let c = sar(sext(dst), n - 1) & 1; flags.shift(r, c, 0); dst = r }',
  ],
];
SHIFTS.forEach(([name, semantics, extra], group) => {
  row(0xc0, name, 'Eb,Ib', semantics, { ...extra, group });
  row(0xc1, name, 'Ev,Ib', semantics, { ...extra, group });
  row(0xd0, name, 'Eb,1', semantics, { ...extra, group });
  row(0xd1, name, 'Ev,1', semantics, { ...extra, group });
  row(0xd2, name, 'Eb,C', semantics, { ...extra, group });
  row(0xd3, name, 'Ev,C', semantics, { ...extra, group });
});
for (const [opcode, name] of [
  [0x0fa4, 'shld'],
  [0x0fac, 'shrd'],
] as const) {
  row(opcode, name, 'Ev,Gv,Ib', `dst = ${name}.w(dst, src, third & 31)`, { writes: 'CPAZSO', reads: 'CPAZSO' });
  row(opcode + 1, name, 'Ev,Gv,C', `dst = ${name}.w(dst, src, third & 31)`, { writes: 'CPAZSO', reads: 'CPAZSO' });
}

// ── Moves ───────────────────────────────────────────────────────────────────
row(0x88, 'mov', 'Eb,Gb', 'dst = src');
row(0x89, 'mov', 'Ev,Gv', 'dst = src');
row(0x8a, 'mov', 'Gb,Eb', 'dst = src');
row(0x8b, 'mov', 'Gv,Ev', 'dst = src');
row(0xa0, 'mov', 'Ab,Ob', 'dst = src');
row(0xa1, 'mov', 'Av,Ov', 'dst = src');
row(0xa2, 'mov', 'Ob,Ab', 'dst = src');
row(0xa3, 'mov', 'Ov,Av', 'dst = src');
for (let n = 0; n < 8; n++) {
  row(0xb0 + n, 'mov', 'Zb,Ib', 'dst = src');
  row(0xb8 + n, 'mov', 'Zv,Iz', 'dst = src');
}
row(0xc6, 'mov', 'Eb,Ib', 'dst = src', { group: 0 });
row(0xc7, 'mov', 'Ev,Iz', 'dst = src', { group: 0 });
row(0x8d, 'lea', 'Gv,M', 'dst = ea', { only: 'mem' });
row(0x0fb6, 'movzx', 'Gv,Eb', 'dst = src');
row(0x0fb7, 'movzx', 'Gv,Ew', 'dst = src');
row(0x0fbe, 'movsx', 'Gv,Eb', 'dst = sextSource(src)');
row(0x0fbf, 'movsx', 'Gv,Ew', 'dst = sextSource(src)');
const XCHG = 'dst = src; src = dst';
row(0x86, 'xchg', 'Eb,Gb', XCHG, { lock: true });
row(0x87, 'xchg', 'Ev,Gv', XCHG, { lock: true });
row(0x90, 'nop', '', ''); // XCHG eAX,eAX; with F3: PAUSE
for (let n = 1; n < 8; n++) row(0x90 + n, 'xchg', 'Zv,Av', XCHG);
const XADD = 'let r = dst + src; flags.add(dst, src, r); src = dst; dst = r';
row(0x0fc0, 'xadd', 'Eb,Gb', XADD, { lock: true });
row(0x0fc1, 'xadd', 'Ev,Gv', XADD, { lock: true });
const CMPXCHG = 'let r = acc - dst; flags.sub(acc, dst, r); if (r == 0) { dst = src } if (r != 0) { acc = dst }';
row(0x0fb0, 'cmpxchg', 'Eb,Gb', CMPXCHG, { lock: true });
row(0x0fb1, 'cmpxchg', 'Ev,Gv', CMPXCHG, { lock: true });
row(0x0fc7, 'cmpxchg8b', 'M', 'cmpxchg8b(ea)', {
  access: writes(() => 8),
  group: 1,
  only: 'mem',
  lock: true,
  faults: true,
  reads: 'CPASO',
  writes: 'Z',
});
for (let n = 0; n < 8; n++)
  row(0x0fc8 + n, 'bswap', 'Zv', 'dst = (dst << 24) | ((dst & 0xff00) << 8) | ((dst >> 8) & 0xff00) | (dst >> 24)');
row(0x98, 'cbw', '', 'cbw.o()');
row(0x99, 'cdq', '', 'edx = sar(eax, 31)', { sizes: [4] });
row(0x99, 'cwd', '', 'cwd()', { sizes: [2] });
row(0xd7, 'xlat', 'O', 'xlat(ea)', { faults: true, access: reads(() => 1) });

// ── Conditions ──────────────────────────────────────────────────────────────
for (let cc = 0; cc < 16; cc++) {
  row(0x70 + cc, 'jcc', 'Jb', `branch(cond(${cc}))`, { end: 'transfer' });
  row(0x0f80 + cc, 'jcc', 'Jz', `branch(cond(${cc}))`, { end: 'transfer' });
  row(0x0f90 + cc, 'setcc', 'Eb', `dst = cond(${cc})`);
  row(0x0f40 + cc, 'cmovcc', 'Gv,Ev', `if (cond(${cc})) { dst = src }`);
}
row(0xe0, 'loopnz', 'Jb', 'branch(countDown.a() && !zf)', { end: 'transfer' });
row(0xe1, 'loopz', 'Jb', 'branch(countDown.a() && zf)', { end: 'transfer' });
row(0xe2, 'loop', 'Jb', 'branch(countDown.a())', { end: 'transfer' });
row(0xe3, 'jecxz', 'Jb', 'branch(countZero.a())', { end: 'transfer' });

// ── Bits ────────────────────────────────────────────────────────────────────
const BITS: [name: string, effect: string][] = [
  ['bt', ''],
  ['bts', 'dst = dst | b'],
  ['btr', 'dst = dst & ~b'],
  ['btc', 'dst = dst ^ b'],
];
BITS.forEach(([name, effect], n) => {
  const semantics = `let b = 1 << (src & (bits - 1)); flags.cf((dst & b) != 0); ${effect}`;
  const lock = n > 0;
  row(0x0fa3 + n * 8, name, 'Ev,Gv', semantics, { only: 'reg' });
  // The memory form addresses a bit string: the offset's upper part moves the operand.
  row(0x0fa3 + n * 8, `${name}string`, 'M,Gv', `bitString.o(${n}, ea, src)`, {
    only: 'mem',
    lock,
    faults: true,
    access: n > 0 ? writes((size) => size) : reads((size) => size),
    writes: 'C',
    reads: 'PAZSO',
  });
  row(0x0fba, name, 'Ev,Ib', semantics, { group: 4 + n, lock });
});
row(0x0fbc, 'bsf', 'Gv,Ev', 'dst = bsf.w(dst, src)', { writes: 'CPAZSO' });
row(0x0fbd, 'bsr', 'Gv,Ev', 'dst = bsr.w(dst, src)', { writes: 'CPAZSO' });

// ── Stack ───────────────────────────────────────────────────────────────────
for (let n = 0; n < 8; n++) {
  row(0x50 + n, 'push', 'Zv', 'push(dst)');
  row(0x58 + n, 'pop', 'Zv', 'drop(); dst = top');
}
row(0x68, 'push', 'Iz', 'push(dst)');
row(0x6a, 'push', 'Is', 'push(dst)');
row(0xff, 'push', 'Ev', 'push(dst)', { group: 6 });
row(0x8f, 'pop', 'Ev', 'drop(); dst = top', { group: 0, only: 'reg' }); // POP ESP keeps what was popped
row(0x8f, 'pop', 'Ev', 'dst = top; drop()', { group: 0, only: 'mem' });
row(0x60, 'pusha', '', 'pushAll.o()', { faults: true });
row(0x61, 'popa', '', 'popAll.o()', { faults: true });
row(0x9c, 'pushf', '', 'pushFlags.o()', { faults: true, reads: 'CPAZSO' });
row(0x9d, 'popf', '', 'popFlagsStack.o()', { end: 'boundary', faults: true, writes: 'CPAZSO' });
row(0xc8, 'enter', 'W', 'enter.o(imm)', { faults: true });
row(0xc9, 'leave', '', 'esp = ebp + 4; ebp = frame', { sizes: [4] });
row(0xc9, 'leave', '', 'leave.o()', { faults: true, sizes: [2] });
for (const [opcode, index] of [
  [0x06, 0],
  [0x0e, 1],
  [0x16, 2],
  [0x1e, 3],
  [0x0fa0, 4],
  [0x0fa8, 5],
] as const)
  row(opcode, 'pushseg', '', `pushSegment.o(${index})`, { faults: true });
for (const [opcode, index] of [
  [0x07, 0],
  [0x17, 2],
  [0x1f, 3],
  [0x0fa1, 4],
  [0x0fa9, 5],
] as const)
  row(opcode, 'popseg', '', `popSegment.o(${index})`, { end: 'boundary', faults: true });

// ── Flags ───────────────────────────────────────────────────────────────────
row(0xf8, 'clc', '', 'flags.cf(0)');
row(0xf9, 'stc', '', 'flags.cf(1)');
row(0xf5, 'cmc', '', 'flags.cf(cf ^ 1)');
row(0xfc, 'cld', '', 'setDirection(0)');
row(0xfd, 'std', '', 'setDirection(1)');
row(0x9e, 'sahf', '', 'sahf()', { reads: 'O', writes: 'CPAZS' });
row(0x9f, 'lahf', '', 'lahf()', { reads: 'CPAZS' });
row(0xfa, 'cli', '', 'clearInterrupt()', { faults: true });
row(0xfb, 'sti', '', 'setInterrupt()', { end: 'boundary', faults: true });

// ── Decimal ─────────────────────────────────────────────────────────────────
for (const [opcode, name] of [
  [0x27, 'daa'],
  [0x2f, 'das'],
  [0x37, 'aaa'],
  [0x3f, 'aas'],
] as const)
  row(opcode, name, '', `${name}()`, { reads: 'CA', writes: 'CPAZSO' });
row(0xd4, 'aam', 'Ib', 'aam(dst)', { faults: true, writes: 'CPAZSO' });
row(0xd5, 'aad', 'Ib', 'aad(dst)', { writes: 'CPAZSO' });
row(0xd6, 'salc', '', 'al = 0 - cf');

// ── Near transfers ──────────────────────────────────────────────────────────
row(0xe8, 'call', 'Jz', 'push(next); jump()', { end: 'transfer' });
row(0xe9, 'jmp', 'Jz', 'jump()', { end: 'transfer' });
row(0xeb, 'jmp', 'Jb', 'jump()', { end: 'transfer' });
row(0xff, 'call', 'Ev', 'push(next); jump(dst)', { group: 2, end: 'transfer' });
row(0xff, 'jmp', 'Ev', 'jump(dst)', { group: 4, end: 'transfer' });
row(0xc3, 'ret', '', 'drop(); jump(top)', { end: 'transfer' });
row(0xc2, 'ret', 'Iw', 'drop(); release(dst); jump(top)', { end: 'transfer' });

// ── Far transfers, interrupts ───────────────────────────────────────────────
const FAR: Extra = { end: 'transfer', faults: true, reads: 'CPAZSO', writes: 'CPAZSO' };
row(0xea, 'jmpfar', 'P', 'farJump(imm, disp, next, size)', FAR);
row(0x9a, 'callfar', 'P', 'farCall(imm, disp, next, size)', FAR);
row(0xff, 'callfar', 'M', 'farCallIndirect.o(ea, next)', { ...FAR, group: 3, only: 'mem', access: farPointer });
row(0xff, 'jmpfar', 'M', 'farJumpIndirect.o(ea, next)', { ...FAR, group: 5, only: 'mem', access: farPointer });
row(0xcb, 'retfar', '', 'farReturn(size, 0)', FAR);
row(0xca, 'retfar', 'Iw', 'farReturn(size, dst)', FAR);
row(0xcf, 'iret', '', 'interruptReturn(next, size)', FAR);
row(0xcc, 'int3', '', 'softwareInterrupt(3, next, 1)', FAR);
row(0xcd, 'int', 'Ib', 'softwareInterrupt(dst, next, 0)', FAR);
row(0xce, 'into', '', 'interruptOverflow(next)', FAR);
row(0xf1, 'int1', '', 'softwareInterrupt(1, next, 2)', FAR);
row(0x62, 'bound', 'M,Gv', 'bound.o(ea, src)', { only: 'mem', faults: true, access: reads((size) => 2 * size) });
row(0x0f34, 'sysenter', '', 'sysenter()', FAR);
row(0x0f35, 'sysexit', '', 'sysexit()', FAR);

// ── Segment registers ───────────────────────────────────────────────────────
for (let group = 0; group < 6; group++) {
  row(0x8c, 'movfromseg', 'Ev,X', 'dst = selector(reg)', { group, only: 'reg' });
  row(0x8c, 'movfromseg', 'Ew,X', 'dst = selector(reg)', { group, only: 'mem' });
}
for (const group of [0, 2, 3, 4, 5]) {
  // CS and the two numbers without a register are #UD before the operand is read.
  row(0x8e, 'movtoseg', 'Ew,X', 'moveSegment(reg, dst)', { group, end: 'boundary', faults: true });
}
for (const [opcode, index] of [
  [0xc4, 0],
  [0xc5, 3],
  [0x0fb2, 2],
  [0x0fb4, 4],
  [0x0fb5, 5],
] as const)
  row(opcode, 'loadfar', 'M,Gv', `loadFar.o(ea, ${index}, gprIndex)`, {
    only: 'mem',
    end: 'boundary',
    faults: true,
    access: farPointer,
  });

// ── System ──────────────────────────────────────────────────────────────────
const SYS: Extra = { faults: true };
const SYSEND: Extra = { faults: true, end: 'boundary' };
row(0x0f00, 'sldt', 'Ev', 'dst = storeLdt()', { ...SYS, group: 0, only: 'reg' });
row(0x0f00, 'sldt', 'Ew', 'dst = storeLdt()', { ...SYS, group: 0, only: 'mem' });
row(0x0f00, 'str', 'Ev', 'dst = storeTr()', { ...SYS, group: 1, only: 'reg' });
row(0x0f00, 'str', 'Ew', 'dst = storeTr()', { ...SYS, group: 1, only: 'mem' });
row(0x0f00, 'lldt', 'Ew', 'loadLdt(dst)', { ...SYSEND, group: 2 });
row(0x0f00, 'ltr', 'Ew', 'loadTr(dst)', { ...SYSEND, group: 3 });
row(0x0f00, 'verr', 'Ew', 'verify(dst, 0)', { ...SYS, group: 4, reads: 'CPASO', writes: 'Z' });
row(0x0f00, 'verw', 'Ew', 'verify(dst, 1)', { ...SYS, group: 5, reads: 'CPASO', writes: 'Z' });
row(0x0f01, 'sgdt', 'M', 'storeGdt(ea)', { ...SYS, group: 0, only: 'mem', access: writes(() => pseudoDescriptor) });
row(0x0f01, 'sidt', 'M', 'storeIdt(ea)', { ...SYS, group: 1, only: 'mem', access: writes(() => pseudoDescriptor) });
row(0x0f01, 'vmx', 'N', 'vmxGroup(modrm, length)', { ...SYSEND, group: 0, only: 'reg' });
row(0x0f01, 'lgdt', 'M', 'loadGdt(ea, size)', {
  ...SYSEND,
  group: 2,
  only: 'mem',
  access: reads(() => pseudoDescriptor),
});
row(0x0f01, 'lidt', 'M', 'loadIdt(ea, size)', {
  ...SYSEND,
  group: 3,
  only: 'mem',
  access: reads(() => pseudoDescriptor),
});
row(0x0f01, 'smsw', 'Ev', 'dst = storeMsw()', { ...SYS, group: 4, only: 'reg' });
row(0x0f01, 'smsw', 'Ew', 'dst = storeMsw()', { ...SYS, group: 4, only: 'mem' });
row(0x0f01, 'lmsw', 'Ew', 'loadMsw(dst)', { ...SYSEND, group: 6 });
row(0x0f01, 'invlpg', 'M', 'invalidatePage(ea)', { ...SYSEND, group: 7, only: 'mem' });
row(0x0f02, 'lar', 'Gv,Ew', 'lar.o(gprIndex, src)', { ...SYS, reads: 'CPASO', writes: 'Z' });
row(0x0f03, 'lsl', 'Gv,Ew', 'lsl.o(gprIndex, src)', { ...SYS, reads: 'CPASO', writes: 'Z' });
row(0x63, 'arpl', 'Ew,Gw', 'dst = arpl(dst, src)', { ...SYS, reads: 'CPASO', writes: 'Z' });
row(0x0f06, 'clts', '', 'clearTaskSwitched()', SYSEND);
row(0x0f08, 'invd', '', 'invalidateCaches()', SYS);
row(0x0f09, 'wbinvd', '', 'invalidateCaches()', SYS);
row(0x0f0b, 'ud2', '', 'invalidOpcode()', { ...SYS, end: 'boundary' });
row(0x0fb9, 'ud1', 'N', 'invalidOpcode()', { ...SYS, end: 'boundary' });
row(0x0fff, 'ud0', 'N', 'invalidOpcode()', { ...SYS, end: 'boundary' });
row(0x0f20, 'movfromcr', 'Rd,X', 'dst = movFromCr(reg)', SYS);
row(0x0f21, 'movfromdr', 'Rd,X', 'dst = movFromDr(reg)', SYS);
row(0x0f22, 'movtocr', 'Rd,X', 'movToCr(reg, dst)', { ...SYSEND, solo: true });
row(0x0f23, 'movtodr', 'Rd,X', 'movToDr(reg, dst)', SYSEND);
row(0x0f30, 'wrmsr', '', 'settle(); writeMsr(length)', { ...SYSEND, solo: true });
row(0x0f31, 'rdtsc', '', 'settle(); readTsc()', { ...SYS, solo: true });
row(0x0f32, 'rdmsr', '', 'settle(); readMsr(length)', { ...SYS, solo: true });
row(0x0f33, 'rdpmc', '', 'readPmc()', SYS);
row(0x0fa2, 'cpuid', '', 'cpuid(length)', SYSEND);
row(0xf4, 'hlt', '', 'halt(length)', SYSEND);
row(0x0f0d, 'nop', 'N', ''); // PREFETCHW
for (let n = 0x18; n < 0x20; n++) row(0x0f00 + n, 'nop', 'N', ''); // hint NOPs

// ── Floating point and SIMD ─────────────────────────────────────────────────
// One row per opcode: assembly/fpu tells the forms apart by ModRM and mandatory prefix.
const FLOAT: Extra = { faults: true, reads: 'CPAZSO', writes: 'CPAZSO' };
row(0x9b, 'wait', '', 'fwait()', SYS);
for (let n = 0; n < 8; n++) row(0xd8 + n, 'x87', 'F', 'escapeFpu(imm, ea)', FLOAT);
const SIMD_WITH_BYTE = new Set([0x70, 0x71, 0x72, 0x73, 0xc2, 0xc4, 0xc5, 0xc6]);
const SIMD_RANGES = [
  [0x10, 0x17],
  [0x28, 0x2f],
  [0x50, 0x76],
  [0x7e, 0x7f],
  [0xae, 0xae],
  [0xc2, 0xc6],
  [0xd1, 0xef],
  [0xf1, 0xfe],
] as const;
for (const [first, last] of SIMD_RANGES)
  for (let opcode = first; opcode <= last; opcode++)
    row(0x0f00 + opcode, 'simd', SIMD_WITH_BYTE.has(opcode) ? 'Vb' : 'V', 'simd(imm, ea)', FLOAT);
row(0x0f77, 'emms', 'U', 'simd(imm, 0)', FLOAT);

// ── Input and output ────────────────────────────────────────────────────────
row(0xe4, 'in', 'Ib', 'portIo(dst, 1, 1, 1, length)', SYSEND);
row(0xe5, 'in', 'Ib', 'portIo(dst, size, 1, 1, length)', SYSEND);
row(0xe6, 'out', 'Ib', 'portIo(dst, 1, 0, 1, length)', SYSEND);
row(0xe7, 'out', 'Ib', 'portIo(dst, size, 0, 1, length)', SYSEND);
row(0xec, 'in', '', 'portIo(edx & 0xffff, 1, 1, 0, length)', SYSEND);
row(0xed, 'in', '', 'portIo(edx & 0xffff, size, 1, 0, length)', SYSEND);
row(0xee, 'out', '', 'portIo(edx & 0xffff, 1, 0, 0, length)', SYSEND);
row(0xef, 'out', '', 'portIo(edx & 0xffff, size, 0, 0, length)', SYSEND);

// ── Strings ─────────────────────────────────────────────────────────────────
const STRINGS: [opcode: number, name: string, kind: number, compares: boolean][] = [
  [0xa4, 'movs', 0, false],
  [0xa6, 'cmps', 3, true],
  [0xaa, 'stos', 1, false],
  [0xac, 'lods', 2, false],
  [0xae, 'scas', 4, true],
];
for (const [opcode, name, kind, compares] of STRINGS) {
  // REPE and REPNE read ZF only after an element has set it; with a zero count the flags stay.
  const extra: Extra = { end: 'transfer', faults: true, writes: compares ? 'CPAZSO' : '' };
  row(opcode, name, 'Y', `string(${kind}, 1)`, extra);
  row(opcode + 1, name, 'Y', `string(${kind}, size)`, extra);
}
row(0x6c, 'ins', 'Y', 'portString(1, 1, imm >> 4, reg, (imm & 3) != 0, length)', SYSEND);
row(0x6d, 'ins', 'Y', 'portString(1, size, imm >> 4, reg, (imm & 3) != 0, length)', SYSEND);
row(0x6e, 'outs', 'Y', 'portString(0, 1, imm >> 4, reg, (imm & 3) != 0, length)', SYSEND);
row(0x6f, 'outs', 'Y', 'portString(0, size, imm >> 4, reg, (imm & 3) != 0, length)', SYSEND);
