/** The exported ABI of the core. */

export { getEflags, setEflags } from './cpu/flags';
export { deliverException } from './cpu/interrupts';
export { completeIo, skipInstruction } from './cpu/io';
export { changeCode, updateMode } from './cpu/mode';
export { run } from './cpu/run';
export { modelledCycles } from './cpu/time';
export { busReset, portRead, portWrite } from './device/bus';
export { setIdle } from './device/clock';
export { consoleWrite } from './device/console';
export { picWouldInterrupt } from './device/pic';
export { pitDeadline, pitSync } from './device/pit';
export { consolePut, uartInput } from './device/uart';
export { interruptPending } from './device/upcall';
export { hostBytes, hostInit } from './host';
export * from './layout';
export { peekU8 } from './mmu/access';
export { machineWritten } from './mmu/code';
export { eptCreate, eptDestroy, eptFrame, eptMap, eptTablesReady, eptUnmap } from './mmu/ept-map';
export { frameAllocate, frameAllocateContiguous, frameFree } from './mmu/frame';
export { copyFromGuest, copyToGuest } from './mmu/guest-copy';
export { isZero } from './mmu/scrub';
export { flushAll, tlbInit } from './mmu/tlb';
