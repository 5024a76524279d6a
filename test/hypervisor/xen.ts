/** Several domains on one core whose hypercalls are fed by hand: arguments lie in guest memory, exits are synthetic. */
import { createDomain, framesNeeded, reserve } from '../../src/hypervisor/domain.js';
import { handleExit } from '../../src/hypervisor/exits.js';
import { DEFER, Guest, type Verdict } from '../../src/hypervisor/guest.js';
import { type HookRule, Hooks, resolveRules } from '../../src/hypervisor/hooks.js';
import { Registry } from '../../src/hypervisor/registry.js';
import { type Core, coreModule } from '../../src/machine/core.js';
import { costWeights, DEFAULT_COST_TABLE } from '../../src/machine/cost-table.js';
import { layOutHost } from '../../src/machine/flat-memory.js';
import { HostView } from '../../src/machine/views.js';
import { codeDomain, FREQUENCY, hostConfig, MIB } from './fixture.js';

export const SELF = 0x7ff0;
/** Guest memory for arguments, and for arrays. */
export const ARGUMENT = MIB + 4096;
const EXIT_VMCALL = 18;
const SPARE_FRAMES = 40;
const MAX_TURNS = 100;

export class Xen {
  readonly core: Core;
  readonly host: HostView;
  readonly guests: readonly Guest[];
  /** Frames free before any domain was created. */
  readonly frames: number;
  /** Guests whose last hypercall had to wait. */
  deferred = 0;
  verdict: Verdict = 0;

  /** `pcpus[i]` is the pCPU of domain i; the domains in `privileged` are control domains; `spare` slots are empty. */
  constructor(
    pcpus: readonly number[],
    rules: readonly HookRule[] = [],
    privileged: readonly number[] = [],
    spare = 0,
  ) {
    const configs = pcpus.map((_, i) => codeDomain(`d${i}`, [0xf4], { privileged: privileged.includes(i) }));
    const names = configs.map(({ name }) => name);
    const module = coreModule();
    const frames = configs.reduce((sum, config) => sum + framesNeeded(config), 0) + SPARE_FRAMES;
    const count = Math.max(...pcpus) + 1;
    const slots = configs.length + spare;
    this.core = layOutHost(module, { pcpus: count, vcpus: slots, domains: slots, frames });
    const { core } = this;
    core.writeF64(core.layout.HOST_FREQUENCY, FREQUENCY);
    core.writeF64(core.layout.HOST_SLICE, 1_000_000);
    core.u32.set(costWeights(DEFAULT_COST_TABLE, core.layout), core.layout.HOST_WEIGHTS >>> 2);
    this.host = new HostView(core);
    this.frames = this.host.freeFrames;
    const hooks = new Hooks(core, resolveRules(rules, names));
    for (const [i, config] of configs.entries()) createDomain(core, i, config, pcpus[i]!, 0, reserve(core, i, config));
    this.guests = configs.map((_, i) => new Guest(core, this.host.vcpuAddress(i), hooks));
    const registry = new Registry(core, hostConfig(configs));
    for (const guest of this.guests) guest.registry = registry;
  }

  /** Carries a hypercall of domain `d` out, at the quantum's end if it must wait; returns EAX as a signed number. */
  call(d: number, number: number, ebx = 0, ecx = 0, edx = 0): number {
    const guest = this.guests[d]!;
    const { core, vcpu } = guest;
    Object.assign(vcpu, { eax: number, ebx, ecx, edx });
    const eip = vcpu.eip;
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      core.write(vcpu.base + core.layout.VCPU_EXIT_REASON, EXIT_VMCALL);
      core.write(vcpu.base + core.layout.VCPU_EXIT_LENGTH, 3);
      this.verdict = handleExit(guest, EXIT_VMCALL);
      if (this.verdict === DEFER) {
        this.deferred++;
        guest.serial = true;
        this.verdict = handleExit(guest, EXIT_VMCALL);
        guest.serial = false;
      }
      if (vcpu.eip !== eip || this.verdict === 3) break;
    }
    vcpu.eip = eip;
    return vcpu.eax | 0;
  }

  /** As `call`, with the argument structure written to ARGUMENT first. */
  op(d: number, number: number, command: number, bytes: Uint8Array, count = 0): number {
    this.guests[d]!.domain.writeMemory(ARGUMENT, bytes);
    return this.call(d, number, command, ARGUMENT, count);
  }

  u32(d: number, gpa: number): number {
    return new DataView(this.guests[d]!.domain.readMemory(gpa, 4).buffer).getUint32(0, true);
  }
  s16(d: number, gpa: number): number {
    return new DataView(this.guests[d]!.domain.readMemory(gpa, 2).buffer).getInt16(0, true);
  }
}

/** Size in bytes and value of a little-endian field. */
export type Field = readonly [1 | 2 | 4 | 8, number];

export function struct(...fields: readonly Field[]): Uint8Array {
  const bytes = new Uint8Array(fields.reduce((sum, [size]) => sum + size, 0));
  let at = 0;
  for (const [size, value] of fields) {
    for (let i = 0; i < size; i++) bytes[at++] = Math.floor(value / 2 ** (8 * i)) & 0xff;
  }
  return bytes;
}

/** Bytes of shared_info at an offset, wherever it lies. */
export function sharedInfo(xen: Xen, d: number): DataView {
  const at = xen.core.read(xen.guests[d]!.domain.base + xen.core.layout.DOMAIN_SHARED_INFO);
  return new DataView(xen.core.memory.buffer, at, 4096);
}
