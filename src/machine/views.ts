/**
 * Typed windows into the flat memory. A view is a core and a base address: nothing is copied, so views of one thing may be
 * made anywhere. Registers and addresses are unsigned numbers.
 */
import type { Core } from './core.js';

/** The registers of one segment; `access` has the format of SDM Vol. 3C, Table 25-2, "Format of Access Rights". */
export interface SegmentValue {
  selector: number;
  base: number;
  limit: number;
  access: number;
}

export class HostView {
  readonly core: Core;

  constructor(core: Core) {
    this.core = core;
  }

  get pcpus(): number {
    return this.core.read(this.core.layout.HOST_PCPUS);
  }
  get vcpus(): number {
    return this.core.read(this.core.layout.HOST_VCPUS);
  }
  get domains(): number {
    return this.core.read(this.core.layout.HOST_DOMAINS);
  }
  get frames(): number {
    return this.core.read(this.core.layout.HOST_FRAMES);
  }
  get freeFrames(): number {
    return this.core.read(this.core.layout.HOST_FREE_COUNT);
  }
  /** Host address of DRAM. */
  get dram(): number {
    return this.core.read(this.core.layout.HOST_DRAM);
  }
  get frequencyHz(): number {
    return this.core.readF64(this.core.layout.HOST_FREQUENCY);
  }
  get sliceCycles(): number {
    return this.core.readF64(this.core.layout.HOST_SLICE);
  }

  pcpuAddress(index: number): number {
    return this.core.read(this.core.layout.HOST_PCPU_BASE) + index * this.core.layout.PCPU_SIZE;
  }
  vcpuAddress(index: number): number {
    return this.core.read(this.core.layout.HOST_VCPU_BASE) + index * this.core.layout.VCPU_SIZE;
  }
  domainAddress(index: number): number {
    return this.core.read(this.core.layout.HOST_DOMAIN_BASE) + index * this.core.layout.DOMAIN_SIZE;
  }
  domain(index: number): DomainView {
    return new DomainView(this.core, this.domainAddress(index));
  }
  /** Host address of a frame of DRAM. */
  frameAddress(frame: number): number {
    return this.dram + frame * this.core.layout.PAGE_SIZE;
  }
}

export class DomainView {
  readonly core: Core;
  readonly base: number;

  constructor(core: Core, base: number) {
    this.core = core;
    this.base = base;
  }

  get id(): number {
    return this.core.read(this.base + this.core.layout.DOMAIN_ID);
  }
  /** EPT pointer; 0 without EPT. */
  get eptp(): number {
    return this.core.read(this.base + this.core.layout.DOMAIN_EPTP);
  }
  /** Machine address of guest-physical 0 where there is no EPT. */
  get directBase(): number {
    return this.core.read(this.base + this.core.layout.DOMAIN_DIRECT_BASE);
  }
  /** Bytes of guest-physical memory. */
  get memory(): number {
    return this.core.read(this.base + this.core.layout.DOMAIN_MEMORY);
  }
  get pages(): number {
    return this.core.read(this.base + this.core.layout.DOMAIN_PAGES);
  }
  get tablePages(): number {
    return this.core.read(this.base + this.core.layout.DOMAIN_TABLE_PAGES);
  }
  /** Address of its vCPU, 0 if it has none. */
  get vcpu(): number {
    return this.core.read(this.base + this.core.layout.DOMAIN_VCPU);
  }

  /** Takes the bytes written to the console since the last call. */
  drainConsole(): Uint8Array {
    const { core, base } = this;
    const l = core.layout;
    const head = core.read(base + l.DOMAIN_CONSOLE_HEAD);
    const tail = core.read(base + l.DOMAIN_CONSOLE_TAIL);
    const bytes = new Uint8Array((head - tail) >>> 0);
    const ring = base + l.DOMAIN_CONSOLE;
    for (let i = 0; i < bytes.length; i++) bytes[i] = core.u8[ring + ((tail + i) & (l.DOMAIN_CONSOLE_SIZE - 1))]!;
    core.write(base + l.DOMAIN_CONSOLE_TAIL, head);
    return bytes;
  }

  /** Puts bytes into the input ring; returns how many there was room for. */
  feedInput(bytes: Uint8Array): number {
    const { core, base } = this;
    const l = core.layout;
    const head = core.read(base + l.DOMAIN_INPUT_HEAD);
    const room = l.DOMAIN_INPUT_SIZE - ((head - core.read(base + l.DOMAIN_INPUT_TAIL)) >>> 0);
    const n = Math.min(room, bytes.length);
    for (let i = 0; i < n; i++) {
      core.u8[base + l.DOMAIN_INPUT + ((head + i) & (l.DOMAIN_INPUT_SIZE - 1))] = bytes[i]!;
    }
    core.write(base + l.DOMAIN_INPUT_HEAD, head + n);
    core.call.uartInput(base);
    return n;
  }

  /** The frame behind guest-physical address `gpa`, or −1 if nothing is mapped there. */
  frame(gpa: number): number {
    const { core } = this;
    if (gpa >= this.memory) return -1;
    if (this.eptp === 0) return Math.floor((this.directBase + gpa) / core.layout.PAGE_SIZE);
    const frame = core.call.eptFrame(this.eptp, gpa) >>> 0;
    return frame === core.layout.FRAME_NONE ? -1 : frame;
  }

  /**
   * Host address of what the domain sees at guest-physical address `gpa`, or −1 if nothing is mapped there. The page of a
   * protected domain is looked at without a trace, and the address is good until the next call; with `access` the hypervisor
   * works with it through the SMM.
   */
  hostAddress(gpa: number, access?: 'read' | 'write'): number {
    const frame = this.frame(gpa);
    if (frame < 0) return -1;
    const { call, layout } = this.core;
    const page = access === undefined ? call.smmPeek(frame) : call.smmAddress(frame, access === 'write' ? 1 : 0);
    return page === 0 ? -1 : (page >>> 0) + (gpa % layout.PAGE_SIZE);
  }

  /** Makes the page at `gpa` the domain's own before it is written from outside. False: the host has no frame for it. */
  own(gpa: number): boolean {
    const { core, base } = this;
    if (this.eptp === 0) return true;
    const pcpu = core.read(this.vcpu + core.layout.VCPU_PCPU);
    return this.vcpu === 0 || core.call.unsharePage(base, gpa, pcpu) !== -1;
  }

  /** Copies bytes into guest-physical memory. Returns false if a page is not mapped (what came before is written). */
  writeMemory(gpa: number, bytes: Uint8Array): boolean {
    for (let done = 0; done < bytes.length; ) {
      if (!this.own(gpa + done)) return false;
      const host = this.hostAddress(gpa + done, 'write');
      if (host < 0) return false;
      const n = Math.min(bytes.length - done, this.core.layout.PAGE_SIZE - ((gpa + done) % this.core.layout.PAGE_SIZE));
      this.core.u8.set(bytes.subarray(done, done + n), host);
      done += n;
    }
    return true;
  }

  /** Makes guest-physical memory zero where it is not; pages that are not mapped are left out. */
  clearMemory(gpa: number, length: number): void {
    const { PAGE_SIZE } = this.core.layout;
    for (let done = 0; done < length; ) {
      const n = Math.min(length - done, PAGE_SIZE - ((gpa + done) % PAGE_SIZE));
      const seen = this.hostAddress(gpa + done);
      if (seen >= 0 && this.core.u8.subarray(seen, seen + n).some((byte) => byte !== 0)) {
        const host = this.own(gpa + done) ? this.hostAddress(gpa + done, 'write') : -1;
        if (host >= 0) this.core.u8.fill(0, host, host + n);
      }
      done += n;
    }
  }

  /** A copy of guest-physical memory; pages that are not mapped read as zeros. */
  readMemory(gpa: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const host = this.hostAddress(gpa + done);
      const n = Math.min(length - done, this.core.layout.PAGE_SIZE - ((gpa + done) % this.core.layout.PAGE_SIZE));
      if (host >= 0) bytes.set(this.core.u8.subarray(host, host + n), done);
      done += n;
    }
    return bytes;
  }
}

export class VcpuView {
  readonly core: Core;
  readonly base: number;

  constructor(core: Core, base: number) {
    this.core = core;
    this.base = base;
  }

  get eax(): number {
    return this.core.read(this.base + this.core.layout.VCPU_EAX);
  }
  set eax(value: number) {
    this.core.write(this.base + this.core.layout.VCPU_EAX, value);
  }
  get ebx(): number {
    return this.core.read(this.base + this.core.layout.VCPU_EBX);
  }
  set ebx(value: number) {
    this.core.write(this.base + this.core.layout.VCPU_EBX, value);
  }
  get ecx(): number {
    return this.core.read(this.base + this.core.layout.VCPU_ECX);
  }
  set ecx(value: number) {
    this.core.write(this.base + this.core.layout.VCPU_ECX, value);
  }
  get edx(): number {
    return this.core.read(this.base + this.core.layout.VCPU_EDX);
  }
  set edx(value: number) {
    this.core.write(this.base + this.core.layout.VCPU_EDX, value);
  }
  get esi(): number {
    return this.core.read(this.base + this.core.layout.VCPU_ESI);
  }
  set esi(value: number) {
    this.core.write(this.base + this.core.layout.VCPU_ESI, value);
  }
  get edi(): number {
    return this.core.read(this.base + this.core.layout.VCPU_EDI);
  }
  set edi(value: number) {
    this.core.write(this.base + this.core.layout.VCPU_EDI, value);
  }
  get ebp(): number {
    return this.core.read(this.base + this.core.layout.VCPU_EBP);
  }
  set ebp(value: number) {
    this.core.write(this.base + this.core.layout.VCPU_EBP, value);
  }
  get esp(): number {
    return this.core.read(this.base + this.core.layout.VCPU_ESP);
  }
  set esp(value: number) {
    this.core.write(this.base + this.core.layout.VCPU_ESP, value);
  }
  get eip(): number {
    return this.core.read(this.base + this.core.layout.VCPU_EIP);
  }
  set eip(value: number) {
    this.core.write(this.base + this.core.layout.VCPU_EIP, value);
  }
  get eflags(): number {
    return this.core.call.getEflags(this.base) >>> 0;
  }
  set eflags(value: number) {
    this.core.call.setEflags(this.base, value);
  }
  get cpl(): number {
    return this.core.read(this.base + this.core.layout.VCPU_CPL);
  }
  get cr0(): number {
    return this.core.read(this.base + this.core.layout.VCPU_CR0);
  }
  get cr3(): number {
    return this.core.read(this.base + this.core.layout.VCPU_CR3);
  }
  get domain(): number {
    return this.core.read(this.base + this.core.layout.VCPU_DOMAIN);
  }

  // Exit record: SDM Vol. 3C, 25.9, "VM-Exit Information Fields".
  get exitQualification(): number {
    return this.core.read(this.base + this.core.layout.VCPU_EXIT_QUALIFICATION);
  }
  get exitLinear(): number {
    return this.core.read(this.base + this.core.layout.VCPU_EXIT_LINEAR);
  }
  get exitPhysical(): number {
    return this.core.read(this.base + this.core.layout.VCPU_EXIT_PHYSICAL);
  }
  get exitLength(): number {
    return this.core.read(this.base + this.core.layout.VCPU_EXIT_LENGTH);
  }

  counter(index: number): number {
    return this.core.readU64(this.base + this.core.layout.VCPU_COUNTERS + 8 * index);
  }
  get retired(): number {
    return this.core.readU64(this.base + this.core.layout.VCPU_COUNTERS + 8 * this.core.layout.COUNTER_RETIRED);
  }

  /** Segment register `index`: ES CS SS DS FS GS LDTR TR. */
  segment(index: number): SegmentValue {
    const l = this.core.layout;
    const p = this.base + l.VCPU_SEGMENTS + index * l.SEGMENT_SIZE;
    return {
      selector: this.core.read(p + l.SEGMENT_SELECTOR),
      base: this.core.read(p + l.SEGMENT_BASE),
      limit: this.core.read(p + l.SEGMENT_LIMIT),
      access: this.core.read(p + l.SEGMENT_ACCESS),
    };
  }
  /** Sets a segment register; `core.call.changeCode` must follow before the vCPU runs. */
  setSegment(index: number, value: SegmentValue): void {
    const l = this.core.layout;
    const p = this.base + l.VCPU_SEGMENTS + index * l.SEGMENT_SIZE;
    this.core.write(p + l.SEGMENT_SELECTOR, value.selector);
    this.core.write(p + l.SEGMENT_BASE, value.base);
    this.core.write(p + l.SEGMENT_LIMIT, value.limit);
    this.core.write(p + l.SEGMENT_ACCESS, value.access);
  }
}
