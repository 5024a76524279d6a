/** The exported ABI of the core. */

export { armBreakpoints } from './cpu/debug';
export { getEflags, setEflags } from './cpu/flags';
export { deliverException } from './cpu/interrupts';
export { completeIo, skipInstruction } from './cpu/io';
export { changeCode } from './cpu/mode';
export { run } from './cpu/run';
export { runMmio } from './cpu/run-mmio';
export { modelledCycles } from './cpu/time';
export { busReset, portRead, portWrite } from './device/bus';
export { setIdle } from './device/clock';
export { consoleWrite } from './device/console';
export { eventPending, eventSet, eventUnmask, upcallAssert, virqPort } from './device/event-channel';
export {
  lapicDeadline,
  lapicRead,
  lapicRequest,
  lapicReset,
  lapicSetBase,
  lapicSync,
  lapicWrite,
} from './device/lapic';
export { pitDeadline, pitSync } from './device/pit';
export { uartInput } from './device/uart';
export { interruptPending } from './device/upcall';
export { diskAttach, virtioServe } from './device/virtio-mmio';
export { hostInit, hostPages } from './host';
export * from './layout';
export { peekU8 } from './mmu/access';
export { machineWritten } from './mmu/code';
export { eptCreate, eptFrame, eptMap, eptTablesReady, eptUnmap } from './mmu/ept-map';
export { frameAllocate, frameAllocateContiguous, frameFree } from './mmu/frame';
export { copyBytes, copyFromGuest, copyToGuest } from './mmu/guest-copy';
export {
  frameEqual,
  frameHash,
  mergeCandidate,
  mergeInto,
  mergeNominate,
  mergeReap,
  mergeRelease,
} from './mmu/merge';
export { isZero } from './mmu/scrub';
export {
  eptAge,
  eptFork,
  eptReclaim,
  isShared,
  poolDrain,
  poolFill,
  unshareFault,
  unsharePage,
} from './mmu/share';
export { stlbCopy } from './mmu/stlb';
export { flushAll, followCommon, moveFrame, shareHeld, tlbHold, tlbInit, unshareHeld } from './mmu/tlb';
export { contextSwitch } from './sched/context-switch';
export { capAllowance, chargeDomain, domainBudget } from './sched/credit';
export { heapContains, heapPush, heapRemove, heapUpdate } from './sched/heap';
export { runPcpu } from './sched/pcpu';
export { blockVcpu, dequeueVcpu, earliestWake, enqueueVcpu, takeWoken, wakeVcpu } from './sched/run-queue';
export { AES_SCHEDULE_SIZE, aesEncryptBlock, aesExpand, SMM_SCRATCH_SIZE } from './smm/aes';
export { applyJobs, JOB_SIZE, jobsToBlocks } from './smm/batch';
export { COUNTER_LIMIT, counterNext } from './smm/counter';
export { ctrBlocks, ctrPage } from './smm/ctr';
export { macPage, sipHash } from './smm/mac';
export { treeBytes, treeCounter, treeInit, treeMac, treeUpdate, treeVerify } from './smm/tree';
export {
  smmAddress,
  smmFlush,
  smmForget,
  smmKeyEntry,
  smmKeyReady,
  smmLeave,
  smmMetadataBytes,
  smmPeek,
  smmPopulate,
  smmShare,
  smmSwitch,
  smmUnshare,
} from './smm/unit';
export { xtsPage, xtsUnit } from './smm/xts';
export { halt } from './vmx/halt';
export { RUNSTATE_SIZE, runstateFill, runstateTell } from './vmx/runstate';
export { nextDeadline, nextInterrupt, syncTimers } from './vmx/timers';
