/** Entry of build/fpu-probe.wasm: the FPU alone, for its tests. */

export { getEflags, setEflags } from '../cpu/flags';
export * from '../layout';
export { frameInit } from '../mmu/frame';
export { flushAll, tlbInit } from '../mmu/tlb';
export { emms, fpuReset, fxrstor, fxsave, ldmxcsr, stmxcsr } from './fxsave';
export { sse, sseHasModrm, sseImmediate, sseOpcode } from './sse';
export { fwait, x87, x87Available } from './x87';
