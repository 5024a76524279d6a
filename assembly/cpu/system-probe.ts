/** Entry of a module that exposes the cold handlers to test/cpu/system*.test.ts. */
export * from '../layout';
export { tlbInit } from '../mmu/tlb';
export { getEflags, setEflags } from './flags';
export { deliverException, deliverFault, deliverInterrupt, resumeDelivery, softwareInterrupt } from './interrupts';
export { completeIo, portIo, portString } from './io';
export { changeCode } from './mode';
export { loadSegment, segmentLinear } from './segments';
export { stringOp } from './string';
export {
  arpl,
  clearInterrupt,
  clearTaskSwitched,
  flagsImage,
  halt,
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
  readMsr,
  readTsc,
  setInterrupt,
  storeGdt,
  storeTr,
  verify,
  writeMsr,
} from './system';
export { farCall, farJump, farReturn, interruptReturn, sysenter, sysexit } from './transfer';
