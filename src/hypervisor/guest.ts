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

/** Console bytes kept of a domain: a guest that floods its console must not fill the host's memory. */
export const CONSOLE_LIMIT = 1 << 20;

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
    return (
      this.core.readF64(this.vcpu.base + this.core.layout.VCPU_IDLE) + this.core.call.modelledCycles(this.vcpu.base)
    );
  }

  /** Moves on to the next instruction after an exit at an instruction. */
  advance(): void {
    this.core.call.skipInstruction(this.vcpu.base);
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
