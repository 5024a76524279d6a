export async function instantiate(module, imports = {}) {
  const { exports } = await WebAssembly.instantiate(module, imports);
  const memory = exports.memory || imports.env.memory;
  const adaptedExports = Object.setPrototypeOf({
    getEflags(s) {
      // assembly/cpu/flags/getEflags(usize) => u32
      return exports.getEflags(s) >>> 0;
    },
    run(s, budget) {
      // assembly/cpu/run/run(usize, i32) => u32
      return exports.run(s, budget) >>> 0;
    },
    portRead(d, port, size, now) {
      // assembly/device/bus/portRead(usize, u32, u32, f64) => u32
      return exports.portRead(d, port, size, now) >>> 0;
    },
    portWrite(d, port, size, value, now) {
      // assembly/device/bus/portWrite(usize, u32, u32, u32, f64) => u32
      return exports.portWrite(d, port, size, value, now) >>> 0;
    },
    consoleWrite(d, s, linear, count) {
      // assembly/device/console/consoleWrite(usize, usize, u32, u32) => u32
      return exports.consoleWrite(d, s, linear, count) >>> 0;
    },
    picWouldInterrupt(d, irq) {
      // assembly/device/pic/picWouldInterrupt(usize, u32) => u32
      return exports.picWouldInterrupt(d, irq) >>> 0;
    },
    interruptPending(s) {
      // assembly/device/upcall/interruptPending(usize) => u32
      return exports.interruptPending(s) >>> 0;
    },
    hostBytes(pcpus, vcpus, domains, frames) {
      // assembly/host/hostBytes(u32, u32, u32, u32) => u32
      return exports.hostBytes(pcpus, vcpus, domains, frames) >>> 0;
    },
    eptCreate(owner, accessedDirty) {
      // assembly/mmu/ept-map/eptCreate(u32, bool) => u32
      accessedDirty = accessedDirty ? 1 : 0;
      return exports.eptCreate(owner, accessedDirty) >>> 0;
    },
    eptDestroy(eptp) {
      // assembly/mmu/ept-map/eptDestroy(u32) => u32
      return exports.eptDestroy(eptp) >>> 0;
    },
    eptFrame(eptp, gpa) {
      // assembly/mmu/ept-map/eptFrame(u32, u32) => u32
      return exports.eptFrame(eptp, gpa) >>> 0;
    },
    eptTablesReady(eptp, gpa) {
      // assembly/mmu/ept-map/eptTablesReady(u32, u32) => u32
      return exports.eptTablesReady(eptp, gpa) >>> 0;
    },
    frameAllocate(owner, type) {
      // assembly/mmu/frame/frameAllocate(u32, u32) => u32
      return exports.frameAllocate(owner, type) >>> 0;
    },
    frameAllocateContiguous(count, align, owner, type) {
      // assembly/mmu/frame/frameAllocateContiguous(u32, u32, u32, u32) => u32
      return exports.frameAllocateContiguous(count, align, owner, type) >>> 0;
    },
    frameFree(frame) {
      // assembly/mmu/frame/frameFree(u32) => bool
      return exports.frameFree(frame) != 0;
    },
    copyFromGuest(s, to, linear, count) {
      // assembly/mmu/guest-copy/copyFromGuest(usize, usize, u32, u32) => u32
      return exports.copyFromGuest(s, to, linear, count) >>> 0;
    },
    copyToGuest(s, linear, from, count) {
      // assembly/mmu/guest-copy/copyToGuest(usize, u32, usize, u32) => u32
      return exports.copyToGuest(s, linear, from, count) >>> 0;
    },
    isZero(address, bytes) {
      // assembly/mmu/scrub/isZero(usize, usize) => bool
      return exports.isZero(address, bytes) != 0;
    },
    AES_SCHEDULE_SIZE: {
      // assembly/smm/aes/AES_SCHEDULE_SIZE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.AES_SCHEDULE_SIZE.value >>> 0;
      }
    },
    SMM_SCRATCH_SIZE: {
      // assembly/smm/aes/SMM_SCRATCH_SIZE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.SMM_SCRATCH_SIZE.value >>> 0;
      }
    },
    COUNTER_LIMIT: {
      // assembly/smm/counter/COUNTER_LIMIT: u64
      valueOf() { return this.value; },
      get value() {
        return BigInt.asUintN(64, exports.COUNTER_LIMIT.value);
      }
    },
    COUNTER_NONE: {
      // assembly/smm/counter/COUNTER_NONE: u64
      valueOf() { return this.value; },
      get value() {
        return BigInt.asUintN(64, exports.COUNTER_NONE.value);
      }
    },
    counterNext(cell, limit) {
      // assembly/smm/counter/counterNext(usize, u64) => u64
      limit = limit || 0n;
      return BigInt.asUintN(64, exports.counterNext(cell, limit));
    },
    ctrPage(schedule, scratch, page, counter, from, to) {
      // assembly/smm/ctr/ctrPage(usize, usize, u32, u64, usize, usize) => void
      counter = counter || 0n;
      exports.ctrPage(schedule, scratch, page, counter, from, to);
    },
    macPage(key, frame, counter, ciphertext) {
      // assembly/smm/mac/macPage(usize, u32, u64, usize) => u64
      counter = counter || 0n;
      return BigInt.asUintN(64, exports.macPage(key, frame, counter, ciphertext));
    },
    sipHash(key, from, length) {
      // assembly/smm/mac/sipHash(usize, usize, usize) => u64
      return BigInt.asUintN(64, exports.sipHash(key, from, length));
    },
    TREE_ARITY: {
      // assembly/smm/tree/TREE_ARITY: u32
      valueOf() { return this.value; },
      get value() {
        return exports.TREE_ARITY.value >>> 0;
      }
    },
    treeBytes(pages, tree) {
      // assembly/smm/tree/treeBytes(u32, bool) => u32
      tree = tree ? 1 : 0;
      return exports.treeBytes(pages, tree) >>> 0;
    },
    treeCounter(region, page) {
      // assembly/smm/tree/treeCounter(usize, u32) => usize
      return exports.treeCounter(region, page) >>> 0;
    },
    treeMac(region, pages, page) {
      // assembly/smm/tree/treeMac(usize, u32, u32) => usize
      return exports.treeMac(region, pages, page) >>> 0;
    },
    treeUpdate(region, pages, key, root, page, counter) {
      // assembly/smm/tree/treeUpdate(usize, u32, usize, usize, u32, u64) => bool
      counter = counter || 0n;
      return exports.treeUpdate(region, pages, key, root, page, counter) != 0;
    },
    treeVerify(region, pages, key, root, page) {
      // assembly/smm/tree/treeVerify(usize, u32, usize, usize, u32) => bool
      return exports.treeVerify(region, pages, key, root, page) != 0;
    },
    xtsPage(dataSchedule, tweakSchedule, scratch, frame, from, to, encrypt) {
      // assembly/smm/xts/xtsPage(usize, usize, usize, u32, usize, usize, bool) => void
      encrypt = encrypt ? 1 : 0;
      exports.xtsPage(dataSchedule, tweakSchedule, scratch, frame, from, to, encrypt);
    },
    xtsUnit(dataSchedule, tweakSchedule, scratch, unit, from, to, encrypt) {
      // assembly/smm/xts/xtsUnit(usize, usize, usize, usize, usize, usize, bool) => void
      encrypt = encrypt ? 1 : 0;
      exports.xtsUnit(dataSchedule, tweakSchedule, scratch, unit, from, to, encrypt);
    },
    LAYOUT_MAGIC: {
      // assembly/layout/LAYOUT_MAGIC: u32
      valueOf() { return this.value; },
      get value() {
        return exports.LAYOUT_MAGIC.value >>> 0;
      }
    },
    LAYOUT_VERSION: {
      // assembly/layout/LAYOUT_VERSION: u32
      valueOf() { return this.value; },
      get value() {
        return exports.LAYOUT_VERSION.value >>> 0;
      }
    },
    PAGE_SHIFT: {
      // assembly/layout/PAGE_SHIFT: u32
      valueOf() { return this.value; },
      get value() {
        return exports.PAGE_SHIFT.value >>> 0;
      }
    },
    PAGE_SIZE: {
      // assembly/layout/PAGE_SIZE: u32
      valueOf() { return this.value; },
      get value() {
        return exports.PAGE_SIZE.value >>> 0;
      }
    },
    PAGE_MASK: {
      // assembly/layout/PAGE_MASK: u32
      valueOf() { return this.value; },
      get value() {
        return exports.PAGE_MASK.value >>> 0;
      }
    },
    HOST: {
      // assembly/layout/HOST: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST.value >>> 0;
      }
    },
    HOST_MAGIC: {
      // assembly/layout/HOST_MAGIC: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_MAGIC.value >>> 0;
      }
    },
    HOST_VERSION: {
      // assembly/layout/HOST_VERSION: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_VERSION.value >>> 0;
      }
    },
    HOST_PCPUS: {
      // assembly/layout/HOST_PCPUS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_PCPUS.value >>> 0;
      }
    },
    HOST_VCPUS: {
      // assembly/layout/HOST_VCPUS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_VCPUS.value >>> 0;
      }
    },
    HOST_DOMAINS: {
      // assembly/layout/HOST_DOMAINS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_DOMAINS.value >>> 0;
      }
    },
    HOST_FRAMES: {
      // assembly/layout/HOST_FRAMES: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_FRAMES.value >>> 0;
      }
    },
    HOST_PCPU_BASE: {
      // assembly/layout/HOST_PCPU_BASE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_PCPU_BASE.value >>> 0;
      }
    },
    HOST_VCPU_BASE: {
      // assembly/layout/HOST_VCPU_BASE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_VCPU_BASE.value >>> 0;
      }
    },
    HOST_DOMAIN_BASE: {
      // assembly/layout/HOST_DOMAIN_BASE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_DOMAIN_BASE.value >>> 0;
      }
    },
    HOST_FRAME_TABLE: {
      // assembly/layout/HOST_FRAME_TABLE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_FRAME_TABLE.value >>> 0;
      }
    },
    HOST_DRAM: {
      // assembly/layout/HOST_DRAM: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_DRAM.value >>> 0;
      }
    },
    HOST_END: {
      // assembly/layout/HOST_END: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_END.value >>> 0;
      }
    },
    HOST_FREE_HEAD: {
      // assembly/layout/HOST_FREE_HEAD: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_FREE_HEAD.value >>> 0;
      }
    },
    HOST_FREE_COUNT: {
      // assembly/layout/HOST_FREE_COUNT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_FREE_COUNT.value >>> 0;
      }
    },
    HOST_FRAME_FRESH: {
      // assembly/layout/HOST_FRAME_FRESH: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_FRAME_FRESH.value >>> 0;
      }
    },
    HOST_CLOCK_MODE: {
      // assembly/layout/HOST_CLOCK_MODE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_CLOCK_MODE.value >>> 0;
      }
    },
    HOST_FREQUENCY: {
      // assembly/layout/HOST_FREQUENCY: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_FREQUENCY.value >>> 0;
      }
    },
    HOST_SLICE: {
      // assembly/layout/HOST_SLICE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_SLICE.value >>> 0;
      }
    },
    HOST_SWITCH_CYCLES: {
      // assembly/layout/HOST_SWITCH_CYCLES: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_SWITCH_CYCLES.value >>> 0;
      }
    },
    HOST_SCHEDULER: {
      // assembly/layout/HOST_SCHEDULER: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_SCHEDULER.value >>> 0;
      }
    },
    HOST_BOOST: {
      // assembly/layout/HOST_BOOST: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_BOOST.value >>> 0;
      }
    },
    SCHEDULER_CREDIT: {
      // assembly/layout/SCHEDULER_CREDIT: u32
      valueOf() { return this.value; },
      get value() {
        return exports.SCHEDULER_CREDIT.value >>> 0;
      }
    },
    SCHEDULER_ROUND_ROBIN: {
      // assembly/layout/SCHEDULER_ROUND_ROBIN: u32
      valueOf() { return this.value; },
      get value() {
        return exports.SCHEDULER_ROUND_ROBIN.value >>> 0;
      }
    },
    HOST_CLOCK_DOMAIN: {
      // assembly/layout/HOST_CLOCK_DOMAIN: u32
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_CLOCK_DOMAIN.value >>> 0;
      }
    },
    HOST_CLOCK_PCPU: {
      // assembly/layout/HOST_CLOCK_PCPU: u32
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_CLOCK_PCPU.value >>> 0;
      }
    },
    HOST_WEIGHTS: {
      // assembly/layout/HOST_WEIGHTS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.HOST_WEIGHTS.value >>> 0;
      }
    },
    COUNTER_RETIRED: {
      // assembly/layout/COUNTER_RETIRED: u32
      valueOf() { return this.value; },
      get value() {
        return exports.COUNTER_RETIRED.value >>> 0;
      }
    },
    COUNTER_TLB_MISS: {
      // assembly/layout/COUNTER_TLB_MISS: u32
      valueOf() { return this.value; },
      get value() {
        return exports.COUNTER_TLB_MISS.value >>> 0;
      }
    },
    COUNTER_WALK_GUEST: {
      // assembly/layout/COUNTER_WALK_GUEST: u32
      valueOf() { return this.value; },
      get value() {
        return exports.COUNTER_WALK_GUEST.value >>> 0;
      }
    },
    COUNTER_WALK_EPT: {
      // assembly/layout/COUNTER_WALK_EPT: u32
      valueOf() { return this.value; },
      get value() {
        return exports.COUNTER_WALK_EPT.value >>> 0;
      }
    },
    COUNTER_EXCEPTION: {
      // assembly/layout/COUNTER_EXCEPTION: u32
      valueOf() { return this.value; },
      get value() {
        return exports.COUNTER_EXCEPTION.value >>> 0;
      }
    },
    COUNTER_INTERRUPT: {
      // assembly/layout/COUNTER_INTERRUPT: u32
      valueOf() { return this.value; },
      get value() {
        return exports.COUNTER_INTERRUPT.value >>> 0;
      }
    },
    COUNTER_PAGE_FAULT: {
      // assembly/layout/COUNTER_PAGE_FAULT: u32
      valueOf() { return this.value; },
      get value() {
        return exports.COUNTER_PAGE_FAULT.value >>> 0;
      }
    },
    COUNTER_TLB_FLUSH: {
      // assembly/layout/COUNTER_TLB_FLUSH: u32
      valueOf() { return this.value; },
      get value() {
        return exports.COUNTER_TLB_FLUSH.value >>> 0;
      }
    },
    COUNTER_DOUBLE_FAULT: {
      // assembly/layout/COUNTER_DOUBLE_FAULT: u32
      valueOf() { return this.value; },
      get value() {
        return exports.COUNTER_DOUBLE_FAULT.value >>> 0;
      }
    },
    COUNTER_EXIT_CYCLES: {
      // assembly/layout/COUNTER_EXIT_CYCLES: u32
      valueOf() { return this.value; },
      get value() {
        return exports.COUNTER_EXIT_CYCLES.value >>> 0;
      }
    },
    COUNTER_EXIT: {
      // assembly/layout/COUNTER_EXIT: u32
      valueOf() { return this.value; },
      get value() {
        return exports.COUNTER_EXIT.value >>> 0;
      }
    },
    COUNTERS: {
      // assembly/layout/COUNTERS: u32
      valueOf() { return this.value; },
      get value() {
        return exports.COUNTERS.value >>> 0;
      }
    },
    DECODE_ROM: {
      // assembly/layout/DECODE_ROM: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DECODE_ROM.value >>> 0;
      }
    },
    DECODE_ROM_SIZE: {
      // assembly/layout/DECODE_ROM_SIZE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DECODE_ROM_SIZE.value >>> 0;
      }
    },
    VOID_PAGE: {
      // assembly/layout/VOID_PAGE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VOID_PAGE.value >>> 0;
      }
    },
    SLOW_BANK: {
      // assembly/layout/SLOW_BANK: usize
      valueOf() { return this.value; },
      get value() {
        return exports.SLOW_BANK.value >>> 0;
      }
    },
    SLOW_BANK_SIZE: {
      // assembly/layout/SLOW_BANK_SIZE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.SLOW_BANK_SIZE.value >>> 0;
      }
    },
    REGIONS: {
      // assembly/layout/REGIONS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.REGIONS.value >>> 0;
      }
    },
    VCPU_EAX: {
      // assembly/layout/VCPU_EAX: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_EAX.value >>> 0;
      }
    },
    VCPU_ECX: {
      // assembly/layout/VCPU_ECX: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_ECX.value >>> 0;
      }
    },
    VCPU_EDX: {
      // assembly/layout/VCPU_EDX: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_EDX.value >>> 0;
      }
    },
    VCPU_EBX: {
      // assembly/layout/VCPU_EBX: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_EBX.value >>> 0;
      }
    },
    VCPU_ESP: {
      // assembly/layout/VCPU_ESP: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_ESP.value >>> 0;
      }
    },
    VCPU_EBP: {
      // assembly/layout/VCPU_EBP: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_EBP.value >>> 0;
      }
    },
    VCPU_ESI: {
      // assembly/layout/VCPU_ESI: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_ESI.value >>> 0;
      }
    },
    VCPU_EDI: {
      // assembly/layout/VCPU_EDI: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_EDI.value >>> 0;
      }
    },
    VCPU_ZERO: {
      // assembly/layout/VCPU_ZERO: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_ZERO.value >>> 0;
      }
    },
    VCPU_T0: {
      // assembly/layout/VCPU_T0: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_T0.value >>> 0;
      }
    },
    VCPU_T1: {
      // assembly/layout/VCPU_T1: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_T1.value >>> 0;
      }
    },
    VCPU_EIP: {
      // assembly/layout/VCPU_EIP: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_EIP.value >>> 0;
      }
    },
    VCPU_FLAG_RESULT: {
      // assembly/layout/VCPU_FLAG_RESULT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_FLAG_RESULT.value >>> 0;
      }
    },
    VCPU_FLAG_AUX: {
      // assembly/layout/VCPU_FLAG_AUX: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_FLAG_AUX.value >>> 0;
      }
    },
    VCPU_EFLAGS: {
      // assembly/layout/VCPU_EFLAGS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_EFLAGS.value >>> 0;
      }
    },
    VCPU_CPL: {
      // assembly/layout/VCPU_CPL: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_CPL.value >>> 0;
      }
    },
    VCPU_FETCH_PAGE: {
      // assembly/layout/VCPU_FETCH_PAGE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_FETCH_PAGE.value >>> 0;
      }
    },
    VCPU_FETCH_BASE: {
      // assembly/layout/VCPU_FETCH_BASE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_FETCH_BASE.value >>> 0;
      }
    },
    VCPU_FETCH_GENERATION: {
      // assembly/layout/VCPU_FETCH_GENERATION: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_FETCH_GENERATION.value >>> 0;
      }
    },
    VCPU_EIP_PAGE: {
      // assembly/layout/VCPU_EIP_PAGE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_EIP_PAGE.value >>> 0;
      }
    },
    VCPU_MODE: {
      // assembly/layout/VCPU_MODE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_MODE.value >>> 0;
      }
    },
    VCPU_TLB_BANK: {
      // assembly/layout/VCPU_TLB_BANK: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_TLB_BANK.value >>> 0;
      }
    },
    VCPU_INHIBIT: {
      // assembly/layout/VCPU_INHIBIT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_INHIBIT.value >>> 0;
      }
    },
    INHIBIT_STI: {
      // assembly/layout/INHIBIT_STI: u32
      valueOf() { return this.value; },
      get value() {
        return exports.INHIBIT_STI.value >>> 0;
      }
    },
    INHIBIT_MOV_SS: {
      // assembly/layout/INHIBIT_MOV_SS: u32
      valueOf() { return this.value; },
      get value() {
        return exports.INHIBIT_MOV_SS.value >>> 0;
      }
    },
    VCPU_INTR: {
      // assembly/layout/VCPU_INTR: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_INTR.value >>> 0;
      }
    },
    VCPU_PCPU: {
      // assembly/layout/VCPU_PCPU: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_PCPU.value >>> 0;
      }
    },
    VCPU_DOMAIN: {
      // assembly/layout/VCPU_DOMAIN: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_DOMAIN.value >>> 0;
      }
    },
    VCPU_INDEX: {
      // assembly/layout/VCPU_INDEX: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_INDEX.value >>> 0;
      }
    },
    VCPU_ACTIVITY: {
      // assembly/layout/VCPU_ACTIVITY: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_ACTIVITY.value >>> 0;
      }
    },
    INTR_PIC: {
      // assembly/layout/INTR_PIC: u32
      valueOf() { return this.value; },
      get value() {
        return exports.INTR_PIC.value >>> 0;
      }
    },
    INTR_EVENT: {
      // assembly/layout/INTR_EVENT: u32
      valueOf() { return this.value; },
      get value() {
        return exports.INTR_EVENT.value >>> 0;
      }
    },
    ACTIVITY_ACTIVE: {
      // assembly/layout/ACTIVITY_ACTIVE: u32
      valueOf() { return this.value; },
      get value() {
        return exports.ACTIVITY_ACTIVE.value >>> 0;
      }
    },
    ACTIVITY_HLT: {
      // assembly/layout/ACTIVITY_HLT: u32
      valueOf() { return this.value; },
      get value() {
        return exports.ACTIVITY_HLT.value >>> 0;
      }
    },
    ACTIVITY_SHUTDOWN: {
      // assembly/layout/ACTIVITY_SHUTDOWN: u32
      valueOf() { return this.value; },
      get value() {
        return exports.ACTIVITY_SHUTDOWN.value >>> 0;
      }
    },
    VCPU_FAULT: {
      // assembly/layout/VCPU_FAULT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_FAULT.value >>> 0;
      }
    },
    VCPU_FAULT_VECTOR: {
      // assembly/layout/VCPU_FAULT_VECTOR: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_FAULT_VECTOR.value >>> 0;
      }
    },
    VCPU_FAULT_ERROR: {
      // assembly/layout/VCPU_FAULT_ERROR: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_FAULT_ERROR.value >>> 0;
      }
    },
    VCPU_FAULT_ADDRESS: {
      // assembly/layout/VCPU_FAULT_ADDRESS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_FAULT_ADDRESS.value >>> 0;
      }
    },
    FAULT_NONE: {
      // assembly/layout/FAULT_NONE: u32
      valueOf() { return this.value; },
      get value() {
        return exports.FAULT_NONE.value >>> 0;
      }
    },
    FAULT_EXCEPTION: {
      // assembly/layout/FAULT_EXCEPTION: u32
      valueOf() { return this.value; },
      get value() {
        return exports.FAULT_EXCEPTION.value >>> 0;
      }
    },
    FAULT_EXIT: {
      // assembly/layout/FAULT_EXIT: u32
      valueOf() { return this.value; },
      get value() {
        return exports.FAULT_EXIT.value >>> 0;
      }
    },
    FAULT_NO_ERROR: {
      // assembly/layout/FAULT_NO_ERROR: u32
      valueOf() { return this.value; },
      get value() {
        return exports.FAULT_NO_ERROR.value >>> 0;
      }
    },
    VCPU_EXIT_REASON: {
      // assembly/layout/VCPU_EXIT_REASON: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_EXIT_REASON.value >>> 0;
      }
    },
    VCPU_EXIT_QUALIFICATION: {
      // assembly/layout/VCPU_EXIT_QUALIFICATION: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_EXIT_QUALIFICATION.value >>> 0;
      }
    },
    VCPU_EXIT_LINEAR: {
      // assembly/layout/VCPU_EXIT_LINEAR: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_EXIT_LINEAR.value >>> 0;
      }
    },
    VCPU_EXIT_PHYSICAL: {
      // assembly/layout/VCPU_EXIT_PHYSICAL: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_EXIT_PHYSICAL.value >>> 0;
      }
    },
    VCPU_EXIT_LENGTH: {
      // assembly/layout/VCPU_EXIT_LENGTH: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_EXIT_LENGTH.value >>> 0;
      }
    },
    VCPU_EXIT_INFO: {
      // assembly/layout/VCPU_EXIT_INFO: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_EXIT_INFO.value >>> 0;
      }
    },
    SEGMENT_SELECTOR: {
      // assembly/layout/SEGMENT_SELECTOR: usize
      valueOf() { return this.value; },
      get value() {
        return exports.SEGMENT_SELECTOR.value >>> 0;
      }
    },
    SEGMENT_BASE: {
      // assembly/layout/SEGMENT_BASE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.SEGMENT_BASE.value >>> 0;
      }
    },
    SEGMENT_LIMIT: {
      // assembly/layout/SEGMENT_LIMIT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.SEGMENT_LIMIT.value >>> 0;
      }
    },
    SEGMENT_ACCESS: {
      // assembly/layout/SEGMENT_ACCESS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.SEGMENT_ACCESS.value >>> 0;
      }
    },
    SEGMENT_SIZE: {
      // assembly/layout/SEGMENT_SIZE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.SEGMENT_SIZE.value >>> 0;
      }
    },
    VCPU_SEGMENTS: {
      // assembly/layout/VCPU_SEGMENTS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_SEGMENTS.value >>> 0;
      }
    },
    ES: {
      // assembly/layout/ES: u32
      valueOf() { return this.value; },
      get value() {
        return exports.ES.value >>> 0;
      }
    },
    CS: {
      // assembly/layout/CS: u32
      valueOf() { return this.value; },
      get value() {
        return exports.CS.value >>> 0;
      }
    },
    SS: {
      // assembly/layout/SS: u32
      valueOf() { return this.value; },
      get value() {
        return exports.SS.value >>> 0;
      }
    },
    DS: {
      // assembly/layout/DS: u32
      valueOf() { return this.value; },
      get value() {
        return exports.DS.value >>> 0;
      }
    },
    FS: {
      // assembly/layout/FS: u32
      valueOf() { return this.value; },
      get value() {
        return exports.FS.value >>> 0;
      }
    },
    GS: {
      // assembly/layout/GS: u32
      valueOf() { return this.value; },
      get value() {
        return exports.GS.value >>> 0;
      }
    },
    LDTR: {
      // assembly/layout/LDTR: u32
      valueOf() { return this.value; },
      get value() {
        return exports.LDTR.value >>> 0;
      }
    },
    TR: {
      // assembly/layout/TR: u32
      valueOf() { return this.value; },
      get value() {
        return exports.TR.value >>> 0;
      }
    },
    VCPU_GDTR_BASE: {
      // assembly/layout/VCPU_GDTR_BASE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_GDTR_BASE.value >>> 0;
      }
    },
    VCPU_GDTR_LIMIT: {
      // assembly/layout/VCPU_GDTR_LIMIT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_GDTR_LIMIT.value >>> 0;
      }
    },
    VCPU_IDTR_BASE: {
      // assembly/layout/VCPU_IDTR_BASE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_IDTR_BASE.value >>> 0;
      }
    },
    VCPU_IDTR_LIMIT: {
      // assembly/layout/VCPU_IDTR_LIMIT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_IDTR_LIMIT.value >>> 0;
      }
    },
    VCPU_CR0: {
      // assembly/layout/VCPU_CR0: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_CR0.value >>> 0;
      }
    },
    VCPU_CR2: {
      // assembly/layout/VCPU_CR2: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_CR2.value >>> 0;
      }
    },
    VCPU_CR3: {
      // assembly/layout/VCPU_CR3: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_CR3.value >>> 0;
      }
    },
    VCPU_CR4: {
      // assembly/layout/VCPU_CR4: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_CR4.value >>> 0;
      }
    },
    VCPU_DR0: {
      // assembly/layout/VCPU_DR0: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_DR0.value >>> 0;
      }
    },
    VCPU_DR6: {
      // assembly/layout/VCPU_DR6: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_DR6.value >>> 0;
      }
    },
    VCPU_DR7: {
      // assembly/layout/VCPU_DR7: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_DR7.value >>> 0;
      }
    },
    VCPU_SYSENTER_CS: {
      // assembly/layout/VCPU_SYSENTER_CS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_SYSENTER_CS.value >>> 0;
      }
    },
    VCPU_SYSENTER_ESP: {
      // assembly/layout/VCPU_SYSENTER_ESP: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_SYSENTER_ESP.value >>> 0;
      }
    },
    VCPU_SYSENTER_EIP: {
      // assembly/layout/VCPU_SYSENTER_EIP: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_SYSENTER_EIP.value >>> 0;
      }
    },
    VCPU_TSC_BASE: {
      // assembly/layout/VCPU_TSC_BASE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_TSC_BASE.value >>> 0;
      }
    },
    VCPU_CPUID_MASK: {
      // assembly/layout/VCPU_CPUID_MASK: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_CPUID_MASK.value >>> 0;
      }
    },
    VCPU_EPTP: {
      // assembly/layout/VCPU_EPTP: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_EPTP.value >>> 0;
      }
    },
    VCPU_DIRECT_BASE: {
      // assembly/layout/VCPU_DIRECT_BASE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_DIRECT_BASE.value >>> 0;
      }
    },
    VCPU_DIRECT_LIMIT: {
      // assembly/layout/VCPU_DIRECT_LIMIT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_DIRECT_LIMIT.value >>> 0;
      }
    },
    VCPU_CODE_EPOCH: {
      // assembly/layout/VCPU_CODE_EPOCH: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_CODE_EPOCH.value >>> 0;
      }
    },
    VCPU_CODE_WRITTEN: {
      // assembly/layout/VCPU_CODE_WRITTEN: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_CODE_WRITTEN.value >>> 0;
      }
    },
    VCPU_EXIT_VALUE: {
      // assembly/layout/VCPU_EXIT_VALUE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_EXIT_VALUE.value >>> 0;
      }
    },
    VCPU_VECTORING_INFO: {
      // assembly/layout/VCPU_VECTORING_INFO: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_VECTORING_INFO.value >>> 0;
      }
    },
    VCPU_VECTORING_ERROR: {
      // assembly/layout/VCPU_VECTORING_ERROR: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_VECTORING_ERROR.value >>> 0;
      }
    },
    VCPU_PAT: {
      // assembly/layout/VCPU_PAT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_PAT.value >>> 0;
      }
    },
    VCPU_RUN_STATE: {
      // assembly/layout/VCPU_RUN_STATE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_RUN_STATE.value >>> 0;
      }
    },
    VCPU_IDLE: {
      // assembly/layout/VCPU_IDLE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_IDLE.value >>> 0;
      }
    },
    VCPU_WAKE: {
      // assembly/layout/VCPU_WAKE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_WAKE.value >>> 0;
      }
    },
    VCPU_BLOCKED_AT: {
      // assembly/layout/VCPU_BLOCKED_AT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_BLOCKED_AT.value >>> 0;
      }
    },
    VCPU_MAX_RETIRED: {
      // assembly/layout/VCPU_MAX_RETIRED: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_MAX_RETIRED.value >>> 0;
      }
    },
    VCPU_CHUNK_END: {
      // assembly/layout/VCPU_CHUNK_END: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_CHUNK_END.value >>> 0;
      }
    },
    VCPU_TSC_ADJUST: {
      // assembly/layout/VCPU_TSC_ADJUST: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_TSC_ADJUST.value >>> 0;
      }
    },
    VCPU_FETCH_USER: {
      // assembly/layout/VCPU_FETCH_USER: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_FETCH_USER.value >>> 0;
      }
    },
    RUN_NONE: {
      // assembly/layout/RUN_NONE: u32
      valueOf() { return this.value; },
      get value() {
        return exports.RUN_NONE.value >>> 0;
      }
    },
    RUN_RUNNABLE: {
      // assembly/layout/RUN_RUNNABLE: u32
      valueOf() { return this.value; },
      get value() {
        return exports.RUN_RUNNABLE.value >>> 0;
      }
    },
    RUN_BLOCKED: {
      // assembly/layout/RUN_BLOCKED: u32
      valueOf() { return this.value; },
      get value() {
        return exports.RUN_BLOCKED.value >>> 0;
      }
    },
    RUN_DEFERRED: {
      // assembly/layout/RUN_DEFERRED: u32
      valueOf() { return this.value; },
      get value() {
        return exports.RUN_DEFERRED.value >>> 0;
      }
    },
    VCPU_POLL_PORT: {
      // assembly/layout/VCPU_POLL_PORT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_POLL_PORT.value >>> 0;
      }
    },
    POLL_NONE: {
      // assembly/layout/POLL_NONE: u32
      valueOf() { return this.value; },
      get value() {
        return exports.POLL_NONE.value >>> 0;
      }
    },
    POLL_UPCALL: {
      // assembly/layout/POLL_UPCALL: u32
      valueOf() { return this.value; },
      get value() {
        return exports.POLL_UPCALL.value >>> 0;
      }
    },
    POLL_ANY: {
      // assembly/layout/POLL_ANY: u32
      valueOf() { return this.value; },
      get value() {
        return exports.POLL_ANY.value >>> 0;
      }
    },
    VCPU_POLL_END: {
      // assembly/layout/VCPU_POLL_END: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_POLL_END.value >>> 0;
      }
    },
    VCPU_TIMER_ONCE: {
      // assembly/layout/VCPU_TIMER_ONCE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_TIMER_ONCE.value >>> 0;
      }
    },
    VCPU_TIMER_NEXT: {
      // assembly/layout/VCPU_TIMER_NEXT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_TIMER_NEXT.value >>> 0;
      }
    },
    VCPU_TIMER_PERIOD: {
      // assembly/layout/VCPU_TIMER_PERIOD: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_TIMER_PERIOD.value >>> 0;
      }
    },
    VCPU_SCHED_KEY: {
      // assembly/layout/VCPU_SCHED_KEY: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_SCHED_KEY.value >>> 0;
      }
    },
    VCPU_SCHED_ORDER: {
      // assembly/layout/VCPU_SCHED_ORDER: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_SCHED_ORDER.value >>> 0;
      }
    },
    VCPU_SCHED_AT: {
      // assembly/layout/VCPU_SCHED_AT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_SCHED_AT.value >>> 0;
      }
    },
    VCPU_SWITCHES: {
      // assembly/layout/VCPU_SWITCHES: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_SWITCHES.value >>> 0;
      }
    },
    VCPU_PREEMPTIONS: {
      // assembly/layout/VCPU_PREEMPTIONS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_PREEMPTIONS.value >>> 0;
      }
    },
    VCPU_WAKEUPS: {
      // assembly/layout/VCPU_WAKEUPS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_WAKEUPS.value >>> 0;
      }
    },
    VCPU_RUNNABLE_SINCE: {
      // assembly/layout/VCPU_RUNNABLE_SINCE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_RUNNABLE_SINCE.value >>> 0;
      }
    },
    VCPU_WAITED: {
      // assembly/layout/VCPU_WAITED: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_WAITED.value >>> 0;
      }
    },
    VCPU_WAKE_LATENCY: {
      // assembly/layout/VCPU_WAKE_LATENCY: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_WAKE_LATENCY.value >>> 0;
      }
    },
    VCPU_WAKE_LATENCY_MAX: {
      // assembly/layout/VCPU_WAKE_LATENCY_MAX: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_WAKE_LATENCY_MAX.value >>> 0;
      }
    },
    VCPU_WOKEN: {
      // assembly/layout/VCPU_WOKEN: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_WOKEN.value >>> 0;
      }
    },
    VCPU_BUDGET: {
      // assembly/layout/VCPU_BUDGET: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_BUDGET.value >>> 0;
      }
    },
    VCPU_RUN_BUDGET: {
      // assembly/layout/VCPU_RUN_BUDGET: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_RUN_BUDGET.value >>> 0;
      }
    },
    VCPU_DELIVERIES: {
      // assembly/layout/VCPU_DELIVERIES: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_DELIVERIES.value >>> 0;
      }
    },
    VCPU_RETIRED_BASE: {
      // assembly/layout/VCPU_RETIRED_BASE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_RETIRED_BASE.value >>> 0;
      }
    },
    VCPU_DEBUG: {
      // assembly/layout/VCPU_DEBUG: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_DEBUG.value >>> 0;
      }
    },
    VCPU_DEBUG_PENDING: {
      // assembly/layout/VCPU_DEBUG_PENDING: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_DEBUG_PENDING.value >>> 0;
      }
    },
    VCPU_FETCH_BUFFER: {
      // assembly/layout/VCPU_FETCH_BUFFER: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_FETCH_BUFFER.value >>> 0;
      }
    },
    VCPU_FETCH_BUFFER_SIZE: {
      // assembly/layout/VCPU_FETCH_BUFFER_SIZE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_FETCH_BUFFER_SIZE.value >>> 0;
      }
    },
    VCPU_STEP_BLOCK: {
      // assembly/layout/VCPU_STEP_BLOCK: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_STEP_BLOCK.value >>> 0;
      }
    },
    VCPU_STEP_BLOCK_SIZE: {
      // assembly/layout/VCPU_STEP_BLOCK_SIZE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_STEP_BLOCK_SIZE.value >>> 0;
      }
    },
    VCPU_COUNTERS: {
      // assembly/layout/VCPU_COUNTERS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_COUNTERS.value >>> 0;
      }
    },
    VCPU_FPU: {
      // assembly/layout/VCPU_FPU: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_FPU.value >>> 0;
      }
    },
    VCPU_FPU_SIZE: {
      // assembly/layout/VCPU_FPU_SIZE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_FPU_SIZE.value >>> 0;
      }
    },
    FPU_CONTROL: {
      // assembly/layout/FPU_CONTROL: usize
      valueOf() { return this.value; },
      get value() {
        return exports.FPU_CONTROL.value >>> 0;
      }
    },
    FPU_STATUS: {
      // assembly/layout/FPU_STATUS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.FPU_STATUS.value >>> 0;
      }
    },
    FPU_TAG: {
      // assembly/layout/FPU_TAG: usize
      valueOf() { return this.value; },
      get value() {
        return exports.FPU_TAG.value >>> 0;
      }
    },
    FPU_OPCODE: {
      // assembly/layout/FPU_OPCODE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.FPU_OPCODE.value >>> 0;
      }
    },
    FPU_IP: {
      // assembly/layout/FPU_IP: usize
      valueOf() { return this.value; },
      get value() {
        return exports.FPU_IP.value >>> 0;
      }
    },
    FPU_CS: {
      // assembly/layout/FPU_CS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.FPU_CS.value >>> 0;
      }
    },
    FPU_DP: {
      // assembly/layout/FPU_DP: usize
      valueOf() { return this.value; },
      get value() {
        return exports.FPU_DP.value >>> 0;
      }
    },
    FPU_DS: {
      // assembly/layout/FPU_DS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.FPU_DS.value >>> 0;
      }
    },
    FPU_MXCSR: {
      // assembly/layout/FPU_MXCSR: usize
      valueOf() { return this.value; },
      get value() {
        return exports.FPU_MXCSR.value >>> 0;
      }
    },
    FPU_REGISTERS: {
      // assembly/layout/FPU_REGISTERS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.FPU_REGISTERS.value >>> 0;
      }
    },
    FPU_XMM: {
      // assembly/layout/FPU_XMM: usize
      valueOf() { return this.value; },
      get value() {
        return exports.FPU_XMM.value >>> 0;
      }
    },
    FPU_SCRATCH: {
      // assembly/layout/FPU_SCRATCH: usize
      valueOf() { return this.value; },
      get value() {
        return exports.FPU_SCRATCH.value >>> 0;
      }
    },
    VCPU_FPU_SEGMENT: {
      // assembly/layout/VCPU_FPU_SEGMENT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_FPU_SEGMENT.value >>> 0;
      }
    },
    VCPU_SCRATCH: {
      // assembly/layout/VCPU_SCRATCH: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_SCRATCH.value >>> 0;
      }
    },
    VCPU_SCRATCH_SIZE: {
      // assembly/layout/VCPU_SCRATCH_SIZE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_SCRATCH_SIZE.value >>> 0;
      }
    },
    TLB_ENTRIES: {
      // assembly/layout/TLB_ENTRIES: u32
      valueOf() { return this.value; },
      get value() {
        return exports.TLB_ENTRIES.value >>> 0;
      }
    },
    TLB_INDEX_MASK: {
      // assembly/layout/TLB_INDEX_MASK: u32
      valueOf() { return this.value; },
      get value() {
        return exports.TLB_INDEX_MASK.value >>> 0;
      }
    },
    TLB_TAG_R: {
      // assembly/layout/TLB_TAG_R: usize
      valueOf() { return this.value; },
      get value() {
        return exports.TLB_TAG_R.value >>> 0;
      }
    },
    TLB_TAG_W: {
      // assembly/layout/TLB_TAG_W: usize
      valueOf() { return this.value; },
      get value() {
        return exports.TLB_TAG_W.value >>> 0;
      }
    },
    TLB_TAG_X: {
      // assembly/layout/TLB_TAG_X: usize
      valueOf() { return this.value; },
      get value() {
        return exports.TLB_TAG_X.value >>> 0;
      }
    },
    TLB_ADDEND: {
      // assembly/layout/TLB_ADDEND: usize
      valueOf() { return this.value; },
      get value() {
        return exports.TLB_ADDEND.value >>> 0;
      }
    },
    TLB_ENTRY_SIZE: {
      // assembly/layout/TLB_ENTRY_SIZE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.TLB_ENTRY_SIZE.value >>> 0;
      }
    },
    TLB_NEVER: {
      // assembly/layout/TLB_NEVER: u32
      valueOf() { return this.value; },
      get value() {
        return exports.TLB_NEVER.value >>> 0;
      }
    },
    TLB_HELD_VALID: {
      // assembly/layout/TLB_HELD_VALID: u32
      valueOf() { return this.value; },
      get value() {
        return exports.TLB_HELD_VALID.value >>> 0;
      }
    },
    TLB_HELD_WRITE: {
      // assembly/layout/TLB_HELD_WRITE: u32
      valueOf() { return this.value; },
      get value() {
        return exports.TLB_HELD_WRITE.value >>> 0;
      }
    },
    TLB_HELD_EXECUTE: {
      // assembly/layout/TLB_HELD_EXECUTE: u32
      valueOf() { return this.value; },
      get value() {
        return exports.TLB_HELD_EXECUTE.value >>> 0;
      }
    },
    TLB_HELD_GLOBAL: {
      // assembly/layout/TLB_HELD_GLOBAL: u32
      valueOf() { return this.value; },
      get value() {
        return exports.TLB_HELD_GLOBAL.value >>> 0;
      }
    },
    TLB_HELD_READ: {
      // assembly/layout/TLB_HELD_READ: u32
      valueOf() { return this.value; },
      get value() {
        return exports.TLB_HELD_READ.value >>> 0;
      }
    },
    TLB_HELD_LARGE: {
      // assembly/layout/TLB_HELD_LARGE: u32
      valueOf() { return this.value; },
      get value() {
        return exports.TLB_HELD_LARGE.value >>> 0;
      }
    },
    TLB_BANK_SIZE: {
      // assembly/layout/TLB_BANK_SIZE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.TLB_BANK_SIZE.value >>> 0;
      }
    },
    TLB_HELD_BANK_SIZE: {
      // assembly/layout/TLB_HELD_BANK_SIZE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.TLB_HELD_BANK_SIZE.value >>> 0;
      }
    },
    VCPU_TLB: {
      // assembly/layout/VCPU_TLB: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_TLB.value >>> 0;
      }
    },
    VCPU_TLB_HELD: {
      // assembly/layout/VCPU_TLB_HELD: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_TLB_HELD.value >>> 0;
      }
    },
    TLB_LOG_CAPACITY: {
      // assembly/layout/TLB_LOG_CAPACITY: u32
      valueOf() { return this.value; },
      get value() {
        return exports.TLB_LOG_CAPACITY.value >>> 0;
      }
    },
    VCPU_TLB_LOG_COUNT: {
      // assembly/layout/VCPU_TLB_LOG_COUNT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_TLB_LOG_COUNT.value >>> 0;
      }
    },
    VCPU_TLB_GLOBALS: {
      // assembly/layout/VCPU_TLB_GLOBALS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_TLB_GLOBALS.value >>> 0;
      }
    },
    VCPU_TLB_LOG: {
      // assembly/layout/VCPU_TLB_LOG: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_TLB_LOG.value >>> 0;
      }
    },
    VCPU_TLB_LARGE: {
      // assembly/layout/VCPU_TLB_LARGE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_TLB_LARGE.value >>> 0;
      }
    },
    TLB_LARGE_SIZE: {
      // assembly/layout/TLB_LARGE_SIZE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.TLB_LARGE_SIZE.value >>> 0;
      }
    },
    VCPU_SIZE: {
      // assembly/layout/VCPU_SIZE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.VCPU_SIZE.value >>> 0;
      }
    },
    PCPU_INDEX: {
      // assembly/layout/PCPU_INDEX: usize
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_INDEX.value >>> 0;
      }
    },
    PCPU_CODE_EPOCH: {
      // assembly/layout/PCPU_CODE_EPOCH: usize
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_CODE_EPOCH.value >>> 0;
      }
    },
    PCPU_ARENA_NEXT: {
      // assembly/layout/PCPU_ARENA_NEXT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_ARENA_NEXT.value >>> 0;
      }
    },
    PCPU_TIME: {
      // assembly/layout/PCPU_TIME: usize
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_TIME.value >>> 0;
      }
    },
    PCPU_CURRENT: {
      // assembly/layout/PCPU_CURRENT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_CURRENT.value >>> 0;
      }
    },
    PCPU_SEQUENCE: {
      // assembly/layout/PCPU_SEQUENCE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_SEQUENCE.value >>> 0;
      }
    },
    PCPU_QUEUE_LENGTH: {
      // assembly/layout/PCPU_QUEUE_LENGTH: usize
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_QUEUE_LENGTH.value >>> 0;
      }
    },
    PCPU_BLOCKED_LENGTH: {
      // assembly/layout/PCPU_BLOCKED_LENGTH: usize
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_BLOCKED_LENGTH.value >>> 0;
      }
    },
    PCPU_SLICE_END: {
      // assembly/layout/PCPU_SLICE_END: usize
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_SLICE_END.value >>> 0;
      }
    },
    PCPU_BUSY: {
      // assembly/layout/PCPU_BUSY: usize
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_BUSY.value >>> 0;
      }
    },
    PCPU_QUEUE: {
      // assembly/layout/PCPU_QUEUE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_QUEUE.value >>> 0;
      }
    },
    PCPU_QUEUE_CAPACITY: {
      // assembly/layout/PCPU_QUEUE_CAPACITY: u32
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_QUEUE_CAPACITY.value >>> 0;
      }
    },
    PCPU_BLOCKED: {
      // assembly/layout/PCPU_BLOCKED: usize
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_BLOCKED.value >>> 0;
      }
    },
    PCPU_BLOCKED_CAPACITY: {
      // assembly/layout/PCPU_BLOCKED_CAPACITY: u32
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_BLOCKED_CAPACITY.value >>> 0;
      }
    },
    PCPU_VTIME: {
      // assembly/layout/PCPU_VTIME: usize
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_VTIME.value >>> 0;
      }
    },
    PCPU_SCHED_ORDER: {
      // assembly/layout/PCPU_SCHED_ORDER: usize
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_SCHED_ORDER.value >>> 0;
      }
    },
    PCPU_SWITCHES: {
      // assembly/layout/PCPU_SWITCHES: usize
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_SWITCHES.value >>> 0;
      }
    },
    PCPU_SWITCH_CYCLES: {
      // assembly/layout/PCPU_SWITCH_CYCLES: usize
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_SWITCH_CYCLES.value >>> 0;
      }
    },
    PCPU_SWITCHED_AT: {
      // assembly/layout/PCPU_SWITCHED_AT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_SWITCHED_AT.value >>> 0;
      }
    },
    PCPU_HASH: {
      // assembly/layout/PCPU_HASH: usize
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_HASH.value >>> 0;
      }
    },
    BLOCK_HASH_SLOTS: {
      // assembly/layout/BLOCK_HASH_SLOTS: u32
      valueOf() { return this.value; },
      get value() {
        return exports.BLOCK_HASH_SLOTS.value >>> 0;
      }
    },
    BLOCK_HASH_SLOT_SIZE: {
      // assembly/layout/BLOCK_HASH_SLOT_SIZE: u32
      valueOf() { return this.value; },
      get value() {
        return exports.BLOCK_HASH_SLOT_SIZE.value >>> 0;
      }
    },
    PCPU_ARENA: {
      // assembly/layout/PCPU_ARENA: usize
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_ARENA.value >>> 0;
      }
    },
    PCPU_ARENA_SIZE: {
      // assembly/layout/PCPU_ARENA_SIZE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_ARENA_SIZE.value >>> 0;
      }
    },
    PCPU_SIZE: {
      // assembly/layout/PCPU_SIZE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.PCPU_SIZE.value >>> 0;
      }
    },
    DOMAIN_ID: {
      // assembly/layout/DOMAIN_ID: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_ID.value >>> 0;
      }
    },
    DOMAIN_STATE: {
      // assembly/layout/DOMAIN_STATE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_STATE.value >>> 0;
      }
    },
    DOMAIN_EPTP: {
      // assembly/layout/DOMAIN_EPTP: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_EPTP.value >>> 0;
      }
    },
    DOMAIN_DIRECT_BASE: {
      // assembly/layout/DOMAIN_DIRECT_BASE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_DIRECT_BASE.value >>> 0;
      }
    },
    DOMAIN_DIRECT_LIMIT: {
      // assembly/layout/DOMAIN_DIRECT_LIMIT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_DIRECT_LIMIT.value >>> 0;
      }
    },
    DOMAIN_PAGES: {
      // assembly/layout/DOMAIN_PAGES: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_PAGES.value >>> 0;
      }
    },
    DOMAIN_TABLE_PAGES: {
      // assembly/layout/DOMAIN_TABLE_PAGES: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_TABLE_PAGES.value >>> 0;
      }
    },
    DOMAIN_SHUTDOWN_REASON: {
      // assembly/layout/DOMAIN_SHUTDOWN_REASON: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_SHUTDOWN_REASON.value >>> 0;
      }
    },
    DOMAIN_VCPU: {
      // assembly/layout/DOMAIN_VCPU: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_VCPU.value >>> 0;
      }
    },
    DOMAIN_MEMORY: {
      // assembly/layout/DOMAIN_MEMORY: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_MEMORY.value >>> 0;
      }
    },
    DOMAIN_PORT_61: {
      // assembly/layout/DOMAIN_PORT_61: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_PORT_61.value >>> 0;
      }
    },
    DOMAIN_PORT_80: {
      // assembly/layout/DOMAIN_PORT_80: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_PORT_80.value >>> 0;
      }
    },
    DOMAIN_PORT_92: {
      // assembly/layout/DOMAIN_PORT_92: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_PORT_92.value >>> 0;
      }
    },
    DOMAIN_PORT_CF9: {
      // assembly/layout/DOMAIN_PORT_CF9: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_PORT_CF9.value >>> 0;
      }
    },
    DOMAIN_UART: {
      // assembly/layout/DOMAIN_UART: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_UART.value >>> 0;
      }
    },
    DOMAIN_PIC: {
      // assembly/layout/DOMAIN_PIC: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_PIC.value >>> 0;
      }
    },
    DOMAIN_PIT: {
      // assembly/layout/DOMAIN_PIT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_PIT.value >>> 0;
      }
    },
    DOMAIN_CONSOLE_HEAD: {
      // assembly/layout/DOMAIN_CONSOLE_HEAD: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_CONSOLE_HEAD.value >>> 0;
      }
    },
    DOMAIN_CONSOLE_TAIL: {
      // assembly/layout/DOMAIN_CONSOLE_TAIL: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_CONSOLE_TAIL.value >>> 0;
      }
    },
    DOMAIN_INPUT_HEAD: {
      // assembly/layout/DOMAIN_INPUT_HEAD: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_INPUT_HEAD.value >>> 0;
      }
    },
    DOMAIN_INPUT_TAIL: {
      // assembly/layout/DOMAIN_INPUT_TAIL: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_INPUT_TAIL.value >>> 0;
      }
    },
    DOMAIN_CONSOLE_KEPT: {
      // assembly/layout/DOMAIN_CONSOLE_KEPT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_CONSOLE_KEPT.value >>> 0;
      }
    },
    DOMAIN_CONSOLE_DROPPED: {
      // assembly/layout/DOMAIN_CONSOLE_DROPPED: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_CONSOLE_DROPPED.value >>> 0;
      }
    },
    DOMAIN_CONSOLE: {
      // assembly/layout/DOMAIN_CONSOLE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_CONSOLE.value >>> 0;
      }
    },
    DOMAIN_CONSOLE_SIZE: {
      // assembly/layout/DOMAIN_CONSOLE_SIZE: u32
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_CONSOLE_SIZE.value >>> 0;
      }
    },
    DOMAIN_INPUT: {
      // assembly/layout/DOMAIN_INPUT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_INPUT.value >>> 0;
      }
    },
    DOMAIN_INPUT_SIZE: {
      // assembly/layout/DOMAIN_INPUT_SIZE: u32
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_INPUT_SIZE.value >>> 0;
      }
    },
    DOMAIN_SHARED_INFO: {
      // assembly/layout/DOMAIN_SHARED_INFO: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_SHARED_INFO.value >>> 0;
      }
    },
    DOMAIN_CALLBACK_VECTOR: {
      // assembly/layout/DOMAIN_CALLBACK_VECTOR: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_CALLBACK_VECTOR.value >>> 0;
      }
    },
    DOMAIN_PCPU: {
      // assembly/layout/DOMAIN_PCPU: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_PCPU.value >>> 0;
      }
    },
    DOMAIN_GANG: {
      // assembly/layout/DOMAIN_GANG: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_GANG.value >>> 0;
      }
    },
    DOMAIN_EVTCHN_PORTS: {
      // assembly/layout/DOMAIN_EVTCHN_PORTS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_EVTCHN_PORTS.value >>> 0;
      }
    },
    DOMAIN_MAPPINGS: {
      // assembly/layout/DOMAIN_MAPPINGS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_MAPPINGS.value >>> 0;
      }
    },
    DOMAIN_PINS: {
      // assembly/layout/DOMAIN_PINS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_PINS.value >>> 0;
      }
    },
    DOMAIN_GRANT_FRAMES: {
      // assembly/layout/DOMAIN_GRANT_FRAMES: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_GRANT_FRAMES.value >>> 0;
      }
    },
    DOMAIN_GRANT_FRAME: {
      // assembly/layout/DOMAIN_GRANT_FRAME: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_GRANT_FRAME.value >>> 0;
      }
    },
    DOMAIN_SHARED_AT: {
      // assembly/layout/DOMAIN_SHARED_AT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_SHARED_AT.value >>> 0;
      }
    },
    DOMAIN_HOOKS: {
      // assembly/layout/DOMAIN_HOOKS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_HOOKS.value >>> 0;
      }
    },
    HOOKS: {
      // assembly/layout/HOOKS: u32
      valueOf() { return this.value; },
      get value() {
        return exports.HOOKS.value >>> 0;
      }
    },
    DOMAIN_PRIVILEGED: {
      // assembly/layout/DOMAIN_PRIVILEGED: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_PRIVILEGED.value >>> 0;
      }
    },
    DOMAIN_PAUSED: {
      // assembly/layout/DOMAIN_PAUSED: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_PAUSED.value >>> 0;
      }
    },
    DOMAIN_PARENT: {
      // assembly/layout/DOMAIN_PARENT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_PARENT.value >>> 0;
      }
    },
    DOMAIN_FORKS: {
      // assembly/layout/DOMAIN_FORKS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_FORKS.value >>> 0;
      }
    },
    DOMAIN_COPIED: {
      // assembly/layout/DOMAIN_COPIED: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_COPIED.value >>> 0;
      }
    },
    DOMAIN_WEIGHT: {
      // assembly/layout/DOMAIN_WEIGHT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_WEIGHT.value >>> 0;
      }
    },
    DOMAIN_CAP: {
      // assembly/layout/DOMAIN_CAP: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_CAP.value >>> 0;
      }
    },
    DOMAIN_VTIME: {
      // assembly/layout/DOMAIN_VTIME: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_VTIME.value >>> 0;
      }
    },
    DOMAIN_BUDGET: {
      // assembly/layout/DOMAIN_BUDGET: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_BUDGET.value >>> 0;
      }
    },
    DOMAIN_REFILL: {
      // assembly/layout/DOMAIN_REFILL: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_REFILL.value >>> 0;
      }
    },
    DOMAIN_EVTCHN: {
      // assembly/layout/DOMAIN_EVTCHN: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_EVTCHN.value >>> 0;
      }
    },
    EVTCHN_PORTS: {
      // assembly/layout/EVTCHN_PORTS: u32
      valueOf() { return this.value; },
      get value() {
        return exports.EVTCHN_PORTS.value >>> 0;
      }
    },
    EVTCHN_STATE: {
      // assembly/layout/EVTCHN_STATE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.EVTCHN_STATE.value >>> 0;
      }
    },
    EVTCHN_VIRQ: {
      // assembly/layout/EVTCHN_VIRQ: usize
      valueOf() { return this.value; },
      get value() {
        return exports.EVTCHN_VIRQ.value >>> 0;
      }
    },
    EVTCHN_REMOTE_DOMAIN: {
      // assembly/layout/EVTCHN_REMOTE_DOMAIN: usize
      valueOf() { return this.value; },
      get value() {
        return exports.EVTCHN_REMOTE_DOMAIN.value >>> 0;
      }
    },
    EVTCHN_REMOTE_PORT: {
      // assembly/layout/EVTCHN_REMOTE_PORT: usize
      valueOf() { return this.value; },
      get value() {
        return exports.EVTCHN_REMOTE_PORT.value >>> 0;
      }
    },
    EVTCHN_SIZE: {
      // assembly/layout/EVTCHN_SIZE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.EVTCHN_SIZE.value >>> 0;
      }
    },
    DOMAIN_MAPTRACK: {
      // assembly/layout/DOMAIN_MAPTRACK: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_MAPTRACK.value >>> 0;
      }
    },
    MAPTRACK_ENTRIES: {
      // assembly/layout/MAPTRACK_ENTRIES: u32
      valueOf() { return this.value; },
      get value() {
        return exports.MAPTRACK_ENTRIES.value >>> 0;
      }
    },
    MAPTRACK_FLAGS: {
      // assembly/layout/MAPTRACK_FLAGS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.MAPTRACK_FLAGS.value >>> 0;
      }
    },
    MAPTRACK_DOMAIN: {
      // assembly/layout/MAPTRACK_DOMAIN: usize
      valueOf() { return this.value; },
      get value() {
        return exports.MAPTRACK_DOMAIN.value >>> 0;
      }
    },
    MAPTRACK_REF: {
      // assembly/layout/MAPTRACK_REF: usize
      valueOf() { return this.value; },
      get value() {
        return exports.MAPTRACK_REF.value >>> 0;
      }
    },
    MAPTRACK_GPA: {
      // assembly/layout/MAPTRACK_GPA: usize
      valueOf() { return this.value; },
      get value() {
        return exports.MAPTRACK_GPA.value >>> 0;
      }
    },
    MAPTRACK_SIZE: {
      // assembly/layout/MAPTRACK_SIZE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.MAPTRACK_SIZE.value >>> 0;
      }
    },
    DOMAIN_GRANT_ACTIVE: {
      // assembly/layout/DOMAIN_GRANT_ACTIVE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_GRANT_ACTIVE.value >>> 0;
      }
    },
    GRANT_FRAMES_MAX: {
      // assembly/layout/GRANT_FRAMES_MAX: u32
      valueOf() { return this.value; },
      get value() {
        return exports.GRANT_FRAMES_MAX.value >>> 0;
      }
    },
    GRANT_REFS_PER_FRAME: {
      // assembly/layout/GRANT_REFS_PER_FRAME: u32
      valueOf() { return this.value; },
      get value() {
        return exports.GRANT_REFS_PER_FRAME.value >>> 0;
      }
    },
    ACTIVE_FRAME: {
      // assembly/layout/ACTIVE_FRAME: usize
      valueOf() { return this.value; },
      get value() {
        return exports.ACTIVE_FRAME.value >>> 0;
      }
    },
    ACTIVE_DOMAIN: {
      // assembly/layout/ACTIVE_DOMAIN: usize
      valueOf() { return this.value; },
      get value() {
        return exports.ACTIVE_DOMAIN.value >>> 0;
      }
    },
    ACTIVE_READERS: {
      // assembly/layout/ACTIVE_READERS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.ACTIVE_READERS.value >>> 0;
      }
    },
    ACTIVE_WRITERS: {
      // assembly/layout/ACTIVE_WRITERS: usize
      valueOf() { return this.value; },
      get value() {
        return exports.ACTIVE_WRITERS.value >>> 0;
      }
    },
    ACTIVE_SIZE: {
      // assembly/layout/ACTIVE_SIZE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.ACTIVE_SIZE.value >>> 0;
      }
    },
    DOMAIN_SIZE: {
      // assembly/layout/DOMAIN_SIZE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.DOMAIN_SIZE.value >>> 0;
      }
    },
    FRAME_OWNER: {
      // assembly/layout/FRAME_OWNER: usize
      valueOf() { return this.value; },
      get value() {
        return exports.FRAME_OWNER.value >>> 0;
      }
    },
    FRAME_TYPE: {
      // assembly/layout/FRAME_TYPE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.FRAME_TYPE.value >>> 0;
      }
    },
    FRAME_LINK: {
      // assembly/layout/FRAME_LINK: usize
      valueOf() { return this.value; },
      get value() {
        return exports.FRAME_LINK.value >>> 0;
      }
    },
    FRAME_CODE_MASK: {
      // assembly/layout/FRAME_CODE_MASK: usize
      valueOf() { return this.value; },
      get value() {
        return exports.FRAME_CODE_MASK.value >>> 0;
      }
    },
    FRAME_GENERATION: {
      // assembly/layout/FRAME_GENERATION: usize
      valueOf() { return this.value; },
      get value() {
        return exports.FRAME_GENERATION.value >>> 0;
      }
    },
    FRAME_ENTRY_SIZE: {
      // assembly/layout/FRAME_ENTRY_SIZE: usize
      valueOf() { return this.value; },
      get value() {
        return exports.FRAME_ENTRY_SIZE.value >>> 0;
      }
    },
    FRAME_NONE: {
      // assembly/layout/FRAME_NONE: u32
      valueOf() { return this.value; },
      get value() {
        return exports.FRAME_NONE.value >>> 0;
      }
    },
  }, exports);
  return adaptedExports;
}
