/**
 * Floating-point escapes. This processor has no FPU: an escape raises #NM where CR0.EM or CR0.TS asks for it, and #UD
 * otherwise. Intel SDM Vol. 3A, Table 2-2, "Action Taken By x87 FPU Instructions for Different Combinations of EM, MP and TS".
 */
import { VCPU_CR0 } from '../layout';
import { raise, VECTOR_NM, VECTOR_UD } from '../record';
import { CR0_EM, CR0_MP, CR0_TS } from './control';

export function escapeFpu(s: usize, modrm: u32, ea: u32): void {
  raise(s, load<u32>(s + VCPU_CR0) & (CR0_EM | CR0_TS) ? VECTOR_NM : VECTOR_UD);
}

/** WAIT traps only where both MP and TS are set. */
export function fwait(s: usize): void {
  const both = CR0_MP | CR0_TS;
  if ((load<u32>(s + VCPU_CR0) & both) == both) raise(s, VECTOR_NM);
}
