/** A host with an SMM and domains that never run: their memory is read and written through the unit, as vCPUs would. */
import { createDomain, framesNeeded, reserve } from '../../src/hypervisor/domain.js';
import { initSmm, smmBatch } from '../../src/hypervisor/smm.js';
import type { DomainConfig, Protection, SmmConfig } from '../../src/hypervisor/types.js';
import { type Core, coreModule } from '../../src/machine/core.js';
import { costWeights, DEFAULT_COST_TABLE } from '../../src/machine/cost-table.js';
import { layOutHost } from '../../src/machine/flat-memory.js';
import { DomainView, HostView } from '../../src/machine/views.js';
import { codeDomain, hostConfig, MIB } from '../hypervisor/fixture.js';

export const PAGE = 4096;
/** First of the guest pages that the tests use: behind the image. */
export const FIRST = (MIB + 16 * PAGE) / PAGE;
const SPARE = 64;

export interface Options {
  readonly protections: readonly Protection[];
  readonly smm?: SmmConfig;
  readonly scrub?: boolean;
  readonly pcpus?: number;
  /** Default: the core. */
  readonly module?: WebAssembly.Module;
}

export class SecureHost {
  readonly core: Core;
  readonly host: HostView;
  readonly configs: readonly DomainConfig[];

  constructor({ protections, smm = {}, scrub = true, pcpus = 1, module = coreModule() }: Options) {
    const slots = smm.slots ?? 64;
    this.configs = protections.map((protection, i) => codeDomain(`d${i}`, [0xeb, 0xfe], { protection }));
    const frames = this.configs.reduce((sum, config) => sum + framesNeeded(config), 0) + SPARE;
    const n = this.configs.length;
    const batch = smmBatch({ smm });
    this.core = layOutHost(module, { pcpus, vcpus: n, domains: n, frames, smmSlots: slots, smmBatch: batch });
    this.host = new HostView(this.core);
    const l = this.core.layout;
    this.core.u32.set(costWeights(DEFAULT_COST_TABLE, l), l.HOST_WEIGHTS >>> 2);
    initSmm(this.core, hostConfig(this.configs, { smm: { ...smm, slots }, scrub, pcpus }));
    for (const [i, config] of this.configs.entries()) this.create(i, config, i % pcpus);
  }

  create(index: number, config: DomainConfig, pcpu = 0): void {
    createDomain(this.core, index, config, pcpu, 0, reserve(this.core, index, config));
  }

  domain(index: number): DomainView {
    return new DomainView(this.core, this.host.domainAddress(index));
  }

  frame(index: number, gfn: number): number {
    return this.domain(index).frame(gfn * PAGE);
  }

  /** What a dump of the frame shows. */
  dram(frame: number): Uint8Array {
    const at = this.host.frameAddress(frame);
    return this.core.u8.subarray(at, at + PAGE);
  }

  write(index: number, gfn: number, bytes: Uint8Array): void {
    if (!this.domain(index).writeMemory(gfn * PAGE, bytes)) throw new Error('not mapped, or broken');
  }

  /** As the hypervisor reads it, through the buffer; undefined if the page fails its check. */
  read(index: number, gfn: number, length: number): Uint8Array | undefined {
    const at = this.domain(index).hostAddress(gfn * PAGE, 'read');
    return at < 0 ? undefined : this.core.u8.slice(at, at + length);
  }

  flush(pcpu = 0): number {
    return this.core.call.smmFlush(this.host.pcpuAddress(pcpu));
  }

  key(index: number): number {
    const l = this.core.layout;
    return this.core.read(l.HOST_SMM_KEYS) + index * l.SMM_KEY_SIZE;
  }

  /** The permission table as it is: owner, state, rights and index of every frame. */
  permissions(): Uint8Array {
    const l = this.core.layout;
    const at = this.core.read(l.HOST_SMM_FRAMES);
    const table = this.core.u8.slice(at, at + this.host.frames * l.SMM_FRAME_SIZE);
    for (let p = 0; p < table.length; p += l.SMM_FRAME_SIZE) {
      table.fill(0, p + l.SMM_FRAME_SLOT, p + l.SMM_FRAME_SLOT + 4); // where the plaintext is, is no right
    }
    return table;
  }

  count(index: number, which: number): number {
    return this.core.readU64(this.key(index) + this.core.layout.SMM_KEY_COUNTS + 8 * which);
  }
}
