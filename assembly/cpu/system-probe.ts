/** Entry of a module that exposes the cold handlers to test/cpu/system*.test.ts. */
import { readMsr, writeMsr } from './msr';

export * from '../layout';
export { frameInit } from '../mmu/frame';
export { flushAll, tlbInit } from '../mmu/tlb';
export { cpuid } from './cpuid';
export { getEflags, setEflags } from './flags';
export {
  deliverException,
  deliverFault,
  deliverInterrupt,
  interruptOverflow,
  resumeDelivery,
  softwareInterrupt,
} from './interrupts';
export { completeIo, portIo, portString } from './io';
export { changeCode } from './mode';
export { readTsc } from './msr';
export { loadSegment, segmentLinear } from './segments';
export { stringOp } from './string';
export { enterSwiftly, returnSwiftly, swiftFrame } from './swift';
export {
  arpl,
  clearInterrupt,
  clearTaskSwitched,
  flagsImage,
  halt,
  invalidatePage,
  lar,
  loadGdt,
  loadIdt,
  loadLdt,
  loadMsw,
  loadTr,
  lsl,
  movFromCr,
  movFromDr,
  movToCr,
  movToDr,
  popFlags,
  setInterrupt,
  storeGdt,
  storeMsw,
  storeTr,
  verify,
  vmxGroup,
} from './system';
export { modelledCycles } from './time';
export { farCall, farJump, farReturn, interruptReturn, sysenter, sysexit } from './transfer';

// The length of RDMSR and WRMSR is optional, which an export cannot be.
export function rdmsr(s: usize, length: u32): void {
  readMsr(s, length);
}
export function wrmsr(s: usize, length: u32): void {
  writeMsr(s, length);
}
