/**
 * A guest as exit handlers see it: its vCPU, its domain, its clock, its arguments. Made once per (worker, vCPU) and reused,
 * so that an exit allocates nothing.
 */
import type { Core } from '../machine/core.js';
import { DomainView, HostView, VcpuView } from '../machine/views.js';
import { EFAULT } from './errno.js';
import { Hooks } from './hooks.js';
import type { Registry } from './registry.js';
import { lastViolation } from './smm.js';
import type { Outcome } from './types.js';

/** What happens after an exit. */
export const RESUME = 0; // run on
export const BLOCK = 1; //  wait for the next interrupt
export const YIELD = 2; //  run on after the others had their turn
export const END = 3; //    the domain ends with `guest.outcome`
export const DEFER = 4; //  the hypercall is carried out at the quantum's end, when no pCPU runs
export type Verdict = typeof RESUME | typeof BLOCK | typeof YIELD | typeof END | typeof DEFER;
/** What a part of a hypercall may return beside 0 and errors, which are negative: DEFER. */
export const DEFERRED = 1;

/** Console bytes kept of a domain: a guest that floods its console must not fill the host's memory. */
export const CONSOLE_LIMIT = 1 << 20;

/** The domain that a hypercall means by "myself": xen/include/public/xen.h. */
export const DOMID_SELF = 0x7ff0;

/** An event for a domain of another pCPU, applied at the quantum's end. */
export interface Send {
  readonly from: number;
  readonly fromPort: number;
  readonly to: number;
  readonly port: number;
}

export class Guest {
  readonly core: Core;
  readonly vcpu: VcpuView;
  readonly domain: DomainView;
  readonly host: HostView;
  readonly index: number;
  readonly hooks: Hooks;
  /** The arguments of a hypercall, VCPU_SCRATCH. */
  readonly scratch: DataView;
  outcome: Outcome | undefined;
  /** Wall-clock milliseconds that it ran since the last report. */
  wallMs = 0;
  /** Whether it did. */
  ran = false;
  /** Console bytes taken out of the ring since the last report. */
  console: Uint8Array[] = [];
  /** True between quanta, when no pCPU runs: everything may be touched. */
  serial = false;
  /** Cycles of the last exit that pass for the host but not for the domain. */
  stolen = 0;
  /** The host's domains, for hypercalls that are carried out between quanta. */
  registry: Registry | undefined;
  /** Where events for other pCPUs go. */
  sends: Send[] = [];

  constructor(core: Core, vcpuAddress: number, hooks: Hooks = new Hooks(core)) {
    this.core = core;
    this.hooks = hooks;
    this.vcpu = new VcpuView(core, vcpuAddress);
    this.domain = new DomainView(core, this.vcpu.domain);
    this.host = new HostView(core);
    this.index = core.read(vcpuAddress + core.layout.VCPU_INDEX);
    const { VCPU_SCRATCH, VCPU_SCRATCH_SIZE } = core.layout;
    this.scratch = new DataView(core.memory.buffer, vcpuAddress + VCPU_SCRATCH, VCPU_SCRATCH_SIZE);
  }

  /** The clock before which none of the domain's timers is due; 0: not known, one may have been moved. */
  get deadline(): number {
    return this.core.readF64(this.vcpu.base + this.core.layout.VCPU_TIMERS_DUE);
  }
  set deadline(clock: number) {
    this.core.writeF64(this.vcpu.base + this.core.layout.VCPU_TIMERS_DUE, clock);
  }

  /** The domain's clock in cycles: its own cycles and what it was idle. */
  clock(): number {
    return (
      this.core.readF64(this.vcpu.base + this.core.layout.VCPU_IDLE) + this.core.call.modelledCycles(this.vcpu.base)
    );
  }

  /** The time of its pCPU in cycles. */
  now(): number {
    return this.serial ? this.core.readU64(this.#pcpu() + this.core.layout.PCPU_TIME) : this.#running();
  }

  #running(): number {
    return this.core.readF64(this.#pcpu() + this.core.layout.PCPU_BASE) + this.core.call.modelledCycles(this.vcpu.base);
  }

  #pcpu(): number {
    return this.core.read(this.vcpu.base + this.core.layout.VCPU_PCPU);
  }

  /** Whether domain `index` may be touched now: between quanta any, else those of the same pCPU. */
  reaches(index: number): boolean {
    const { core, host } = this;
    const at = core.layout.DOMAIN_PCPU;
    return this.serial || core.read(host.domainAddress(index) + at) === core.read(this.domain.base + at);
  }

  /** The index of the domain that a hypercall names, DOMID_SELF included, or −1 if there is no such slot. */
  named(domid: number): number {
    if (domid === DOMID_SELF) return this.index;
    return domid < this.host.domains ? domid : -1;
  }

  /** Whether it is a control domain. */
  get privileged(): boolean {
    return this.core.read(this.domain.base + this.core.layout.DOMAIN_PRIVILEGED) !== 0;
  }

  /** Whether domain `index`, which must be reached, exists. */
  alive(index: number): boolean {
    return this.core.read(this.host.domainAddress(index) + this.core.layout.DOMAIN_STATE) === 1;
  }

  /** Copies `count` bytes from guest-linear memory to the scratch area at `at`. False: −EFAULT. */
  fetch(linear: number, count: number, at = 0): boolean {
    return this.core.call.copyFromGuest(this.vcpu.base, this.scratch.byteOffset + at, linear, count) !== 0;
  }

  /** Copies `count` bytes of the scratch area at `at` to guest-linear memory. False: −EFAULT. */
  put(linear: number, count: number, at = 0): boolean {
    return this.core.call.copyToGuest(this.vcpu.base, linear >>> 0, this.scratch.byteOffset + at, count) !== 0;
  }

  /** Moves on to the next instruction after an exit at an instruction. */
  advance(): void {
    this.core.call.skipInstruction(this.vcpu.base);
  }

  /** Ends a hypercall with its result in EAX. */
  finish(result: number): Verdict {
    // A page that fails its check under the hypervisor's hands is no bad pointer.
    const violation = result === -EFAULT ? lastViolation(this.core, this.vcpu.base, -1) : undefined;
    if (violation !== undefined) return this.end(violation);
    this.vcpu.eax = result;
    this.advance();
    return RESUME;
  }

  end(outcome: Outcome): Verdict {
    this.outcome = outcome;
    return END;
  }

  /** Empties the console ring when fewer than `room` bytes are free. */
  makeRoom(room: number): void {
    const { core, domain } = this;
    const l = core.layout;
    const used =
      (core.read(domain.base + l.DOMAIN_CONSOLE_HEAD) - core.read(domain.base + l.DOMAIN_CONSOLE_TAIL)) >>> 0;
    if (used + room > l.DOMAIN_CONSOLE_SIZE) this.drain();
  }

  /** Takes what is in the console ring; beyond the limit bytes are counted and dropped. */
  drain(): void {
    const { core, domain } = this;
    const keptAt = domain.base + core.layout.DOMAIN_CONSOLE_KEPT;
    const droppedAt = domain.base + core.layout.DOMAIN_CONSOLE_DROPPED;
    const kept = core.read(keptAt);
    const bytes = domain.drainConsole();
    const room = Math.min(bytes.length, CONSOLE_LIMIT - kept);
    if (room > 0) this.console.push(bytes.subarray(0, room));
    core.write(keptAt, kept + room);
    core.writeF64(droppedAt, core.readF64(droppedAt) + bytes.length - room);
  }
}
