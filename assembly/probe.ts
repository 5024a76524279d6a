/** The core with its internals exposed to tests. */

export { decodeInstruction } from './cpu/decode';

export { getArithmetic, setArithmetic } from './cpu/flags';
export { findBlock } from './cpu/translate';
export { dmaRead, dmaWrite } from './device/dma';
export { picAcknowledge, picIntr, picSetLine } from './device/pic';
export { pitGate2, pitOutput2 } from './device/pit';
export { virtioRead, virtioWrite } from './device/virtio-mmio';
export * from './fpu/fxsave';
export * from './fpu/sse';
export * from './fpu/x87';
export * from './index';
export { readU8, readU16, readU32, writeU8, writeU16, writeU32 } from './mmu/access';
export { frameInit } from './mmu/frame';
