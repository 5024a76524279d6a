/**
 * A guest as exit handlers see it: its vCPU, its domain, its clock. Made once per (worker, vCPU) and reused, so that an exit
 * allocates nothing.
 */
import type { Core } from '../machine/core.js';
import { DomainView, VcpuView } from '../machine/views.js';
import type { Outcome } from './types.js';

/** What happens after an exit. */
export const RESUME = 0; // run on
export const BLOCK = 1; //  wait for the next interrupt
export const YIELD = 2; //  run on after the others had their turn
export const END = 3; //    the domain ends with `guest.outcome`
export type Verdict = typeof RESUME | typeof BLOCK | typeof YIELD | typeof END;

export class Guest {
  readonly core: Core;
  readonly vcpu: VcpuView;
  readonly domain: DomainView;
  readonly index: number;
  outcome: Outcome | undefined;
  /** Console bytes taken out of the ring since the last report. */
  console: Uint8Array[] = [];

  constructor(core: Core, vcpuAddress: number) {
    this.core = core;
    this.vcpu = new VcpuView(core, vcpuAddress);
    this.domain = new DomainView(core, this.vcpu.domain);
    this.index = core.read(vcpuAddress + core.layout.VCPU_INDEX);
  }

  /** The domain's clock in cycles: its own cycles and what it was idle. */
  clock(): number {
    return this.core.readF64(this.vcpu.base + this.core.layout.VCPU_IDLE) + this.core.call.vcpuCycles(this.vcpu.base);
  }

  /** Moves on to the next instruction after an exit at an instruction. */
  advance(): void {
    this.core.call.skipInstruction(this.vcpu.base);
  }

  end(outcome: Outcome): Verdict {
    this.outcome = outcome;
    return END;
  }

  /** Writes bytes to the console; the ring is emptied before it is full. */
  put(byte: number): void {
    this.core.call.consolePut(this.domain.base, byte);
    this.drainIfFull();
  }

  drainIfFull(): void {
    const { core, domain } = this;
    const l = core.layout;
    const used =
      (core.read(domain.base + l.DOMAIN_CONSOLE_HEAD) - core.read(domain.base + l.DOMAIN_CONSOLE_TAIL)) >>> 0;
    if (used >= l.DOMAIN_CONSOLE_SIZE - 8) this.drain();
  }

  drain(): void {
    const bytes = this.domain.drainConsole();
    if (bytes.length > 0) this.console.push(bytes);
  }
}
