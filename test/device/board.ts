/** One domain's devices on an otherwise empty host, with the timer's input clock as the unit of time. */
import { join } from 'node:path';
import { type Core, coreModule, packageRoot } from '../../src/machine/core.js';
import { layOutHost } from '../../src/machine/flat-memory.js';
import { HostView } from '../../src/machine/views.js';

interface Internals {
  picAcknowledge(domain: number): number;
  picIntr(domain: number): number;
  picSetLine(domain: number, irq: number, level: number): void;
  pitGate2(domain: number, high: number, now: number): void;
  pitOutput2(domain: number, now: number): number;
}

const PIT_HZ = 1193182;
const probePath = join(packageRoot(), 'build', 'probe.wasm');

export class Board {
  readonly core: Core;
  readonly domain: number;
  readonly vcpu: number;
  readonly internals: Internals;

  constructor() {
    this.core = layOutHost(coreModule(probePath), { pcpus: 1, vcpus: 1, domains: 1, frames: 16 });
    const host = new HostView(this.core);
    this.domain = host.domainAddress(0);
    this.vcpu = host.vcpuAddress(0);
    this.core.writeF64(this.core.layout.HOST_FREQUENCY, PIT_HZ);
    this.core.write(this.domain + this.core.layout.DOMAIN_VCPU, this.vcpu);
    this.internals = this.core.call as unknown as Internals;
    this.reset();
  }

  reset(): void {
    this.core.call.busReset(this.domain);
  }
  in(port: number, now = 0, size = 1): number {
    return this.core.call.portRead(this.domain, port, size, now) >>> 0;
  }
  out(port: number, value: number, now = 0, size = 1): number {
    return this.core.call.portWrite(this.domain, port, size, value, now);
  }
  line(irq: number, level: boolean): void {
    this.internals.picSetLine(this.domain, irq, level ? 1 : 0);
  }
  /** The processor's INTR pin, as the core sees it. */
  get intr(): boolean {
    return this.core.read(this.vcpu + this.core.layout.VCPU_INTR) !== 0;
  }
  acknowledge(): number {
    return this.internals.picAcknowledge(this.domain);
  }
  /** The four ICWs of a PC, vectors 0x20 and 0x28. */
  initPics(icw4 = 1): void {
    for (const [port, vector, icw3] of [
      [0x20, 0x20, 4],
      [0xa0, 0x28, 2],
    ] as const) {
      this.out(port, 0x11);
      this.out(port + 1, vector);
      this.out(port + 1, icw3);
      this.out(port + 1, icw4);
    }
  }
  get console(): string {
    const l = this.core.layout;
    const head = this.core.read(this.domain + l.DOMAIN_CONSOLE_HEAD);
    const ring = this.domain + l.DOMAIN_CONSOLE;
    return Buffer.from(this.core.u8.slice(ring, ring + Math.min(head, l.DOMAIN_CONSOLE_SIZE))).toString('latin1');
  }
}
