/** Entry of build/fpu-probe.wasm: the FPU alone, for its tests. */

export { getEflags, setEflags } from '../cpu/flags';
export * from '../layout';
export { frameInit } from '../mmu/frame';
export { tlbInit } from '../mmu/tlb';
export { fwait, x87, x87Available } from './x87';
