/**
 * What instructions do to the arithmetic flags, from Intel SDM Vol. 1, Appendix A, "EFLAGS Cross-Reference", and the "Flags
 * Affected" sections of Vol. 2. Flags in neither set of an effect keep their value.
 */
export const CF = 1 << 0;
export const PF = 1 << 2;
export const AF = 1 << 4;
export const ZF = 1 << 6;
export const SF = 1 << 7;
export const TF = 1 << 8;
export const DF = 1 << 10;
export const OF = 1 << 11;
export const NT = 1 << 14;
export const AC = 1 << 18;
export const ID = 1 << 21;
export const ALL = CF | PF | AF | ZF | SF | OF;
const SZP = SF | ZF | PF;

export interface Effect {
  readonly defined: number;
  readonly undefined: number;
}

function effect(defined: number, undefinedFlags = 0): Effect {
  return { defined, undefined: undefinedFlags };
}

export const NO_EFFECT = effect(0);
export const ARITHMETIC_EFFECT = effect(ALL); //                ADD ADC SUB SBB CMP NEG CMPXCHG XADD CMPS SCAS
export const LOGIC_EFFECT = effect(ALL & ~AF, AF); //           AND OR XOR TEST
export const INCREMENT_EFFECT = effect(ALL & ~CF); //           INC DEC
export const MULTIPLY_EFFECT = effect(CF | OF, SZP | AF); //    MUL IMUL
export const DIVIDE_EFFECT = effect(0, ALL); //                 DIV IDIV
export const BIT_TEST_EFFECT = effect(CF, OF | SF | AF | PF); // BT BTS BTR BTC: ZF is unaffected
export const BIT_SCAN_EFFECT = effect(ZF, CF | OF | SF | AF | PF); // BSF BSR
export const DECIMAL_EFFECT = effect(SZP | AF | CF, OF); //     DAA DAS
export const ASCII_ADD_EFFECT = effect(AF | CF, OF | SZP); //   AAA AAS
export const ASCII_MULTIPLY_EFFECT = effect(SZP, OF | AF | CF); // AAM AAD
export const SAHF_EFFECT = effect(SZP | AF | CF);
export const CARRY_EFFECT = effect(CF); //                      CLC STC CMC
export const ZERO_EFFECT = effect(ZF); //                       CMPXCHG8B LAR LSL VERR VERW ARPL
export const POPF_EFFECT = effect(ALL);

/** SHL SHR SAR by `count` (already masked to five bits) on an operand of `bits` bits. */
export function shiftEffect(count: number, bits: number, arithmetic: boolean): Effect {
  if (count === 0) return NO_EFFECT;
  let lost = AF;
  if (count !== 1) lost |= OF;
  if (!arithmetic && count >= bits) lost |= CF;
  return effect(ALL & ~lost, lost);
}

/** ROL ROR RCL RCR by `count` (already masked to five bits). */
export function rotateEffect(count: number): Effect {
  if (count === 0) return NO_EFFECT;
  return count === 1 ? effect(CF | OF) : effect(CF, OF);
}

/** SHLD SHRD by `count` (already masked to five bits, not above the operand's size). */
export function doubleShiftEffect(count: number): Effect {
  if (count === 0) return NO_EFFECT;
  const lost = count === 1 ? AF : AF | OF;
  return effect(ALL & ~lost, lost);
}

/** What condition code 0 … 15 reads (Vol. 1, Appendix B, "EFLAGS Condition Codes"). */
export function conditionReads(code: number): number {
  const reads = [OF, CF, ZF, CF | ZF, SF, PF, SF | OF, ZF | SF | OF];
  return reads[code >>> 1]!;
}

const NAMES: readonly (readonly [number, string])[] = [
  [CF, 'CF'],
  [PF, 'PF'],
  [AF, 'AF'],
  [ZF, 'ZF'],
  [SF, 'SF'],
  [TF, 'TF'],
  [1 << 9, 'IF'],
  [DF, 'DF'],
  [OF, 'OF'],
  [3 << 12, 'IOPL'],
  [NT, 'NT'],
  [1 << 16, 'RF'],
  [1 << 17, 'VM'],
  [AC, 'AC'],
  [ID, 'ID'],
];

export function flagNames(flags: number): string {
  return NAMES.filter(([bit]) => (flags & bit) !== 0)
    .map(([, name]) => name)
    .join(' ');
}
