/** A domain with a disk that never runs: its registers and its memory are in the hands of a test. */
import { join } from 'node:path';
import { attachDisks, diskContents, diskPages, dmaCounts } from '../../src/hypervisor/disk.js';
import { createDomain, framesNeeded, reserve } from '../../src/hypervisor/domain.js';
import type { DiskConfig, DmaCounts, DomainConfig } from '../../src/hypervisor/types.js';
import { type Core, coreModule, packageRoot } from '../../src/machine/core.js';
import { costWeights, DEFAULT_COST_TABLE } from '../../src/machine/cost-table.js';
import { layOutHost } from '../../src/machine/flat-memory.js';
import { type DomainView, HostView, VcpuView } from '../../src/machine/views.js';
import { codeDomain, MIB } from '../hypervisor/fixture.js';

interface Internals {
  virtioRead(domain: number, offset: number, size: number): number;
  virtioWrite(domain: number, offset: number, value: number, size: number): void;
  picIntr(domain: number): number;
}

/** Offsets of registers: VIRTIO 1.2, 4.2.2, "MMIO Device Register Layout". */
export const REG = {
  ...{ magic: 0x000, version: 0x004, deviceId: 0x008, vendor: 0x00c, features: 0x010, featuresSel: 0x014 },
  ...{ driverFeatures: 0x020, driverFeaturesSel: 0x024, queueSel: 0x030, queueNumMax: 0x034, queueNum: 0x038 },
  ...{ queueReady: 0x044, notify: 0x050, interrupt: 0x060, acknowledge: 0x064, status: 0x070 },
  ...{ desc: 0x080, driver: 0x090, device: 0x0a0, shmLength: 0x0b0, generation: 0x0fc, config: 0x100 },
} as const;
export const STATUS = { acknowledge: 1, driver: 2, driverOk: 4, featuresOk: 8, needsReset: 64 } as const;
export const VERSION_1 = 1; // bit 32
export const INDIRECT = 2 ** 28;
export const MEMORY = 2 * MIB;

/** Where the tests put the queue. */
export const TABLE = 0x10000;
export const AVAILABLE = 0x11000;
export const USED = 0x12000;

export class DiskBoard {
  readonly core: Core;
  readonly domain: DomainView;
  readonly #vcpu: number;
  readonly #internals: Internals;

  constructor(disk: DiskConfig, change: Partial<DomainConfig> = {}) {
    const config = codeDomain('d', [0xf4], { disk, ...change });
    const module = coreModule(join(packageRoot(), 'build', 'probe.wasm'));
    const frames = framesNeeded(config);
    this.core = layOutHost(module, { pcpus: 1, vcpus: 1, domains: 1, frames, diskPages: diskPages(config) });
    const { layout } = this.core;
    this.core.u32.set(costWeights(DEFAULT_COST_TABLE, layout), layout.HOST_WEIGHTS >>> 2);
    createDomain(this.core, 0, config, 0, 0, reserve(this.core, 0, config));
    attachDisks(this.core, [config]);
    const host = new HostView(this.core);
    this.domain = host.domain(0);
    this.#vcpu = host.vcpuAddress(0);
    this.#internals = this.core.call as unknown as Internals;
  }

  read(offset: number, size = 4): number {
    return this.#internals.virtioRead(this.domain.base, offset, size) >>> 0;
  }
  write(offset: number, value: number, size = 4): void {
    this.#internals.virtioWrite(this.domain.base, offset, value, size);
  }

  /** Brings the device to DRIVER_OK, with a queue of so many entries. */
  start(size: number, features = 0): void {
    this.write(REG.status, 0);
    this.write(REG.status, STATUS.acknowledge | STATUS.driver);
    for (const [half, value] of [features, VERSION_1].entries()) {
      this.write(REG.driverFeaturesSel, half);
      this.write(REG.driverFeatures, value);
    }
    this.write(REG.status, STATUS.featuresOk);
    this.write(REG.queueSel, 0);
    this.write(REG.queueNum, size);
    for (const [offset, address] of [
      [REG.desc, TABLE],
      [REG.driver, AVAILABLE],
      [REG.device, USED],
    ] as const) {
      this.write(offset, address);
      this.write(offset + 4, 0);
    }
    this.write(REG.queueReady, 1);
    this.write(REG.status, STATUS.driverOk);
  }

  /** The driver's notification, and what the hypervisor then does. */
  notify(): void {
    this.write(REG.notify, 0);
    this.core.call.virtioServe(this.domain.base, this.#vcpu);
  }

  get needsReset(): boolean {
    return (this.read(REG.status) & STATUS.needsReset) !== 0;
  }
  /** The processor's interrupt line, if the controller lets IRQ 5 through. */
  get line(): boolean {
    return this.#internals.picIntr(this.domain.base) !== 0;
  }
  get counts(): DmaCounts {
    return dmaCounts(this.core, 0);
  }
  get disk(): Uint8Array {
    return diskContents(this.core, 0);
  }
  /** What the domain's accesses cost so far, in events of the cost table's line `dma`. */
  get lines(): number {
    return new VcpuView(this.core, this.#vcpu).counter(this.core.layout.COUNTER_DMA);
  }
}

export interface Descriptor {
  readonly address: bigint;
  readonly length: number;
  readonly flags: number;
  readonly next: number;
}
export const F = { next: 1, write: 2, indirect: 4 } as const;

/** The 16 bytes of VIRTIO 1.2, 2.7.5, "The Virtqueue Descriptor Table". */
export function descriptorBytes({ address, length, flags, next }: Descriptor): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(16));
  bytes.setBigUint64(0, BigInt.asUintN(64, address), true);
  bytes.setUint32(8, length, true);
  bytes.setUint16(12, flags, true);
  bytes.setUint16(14, next, true);
  return new Uint8Array(bytes.buffer);
}

export function words16(...values: number[]): Uint8Array {
  return new Uint8Array(Uint16Array.from(values).buffer);
}

/** The header of a request: 5.2.6, "Device Operation". */
export function headerBytes(type: number, sector: bigint): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(16));
  bytes.setUint32(0, type, true);
  bytes.setBigUint64(8, sector, true);
  return new Uint8Array(bytes.buffer);
}
