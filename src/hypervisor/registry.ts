/**
 * The domains of a host: who is in which slot, who was ever born, and what became of them.
 *
 *   slots    0 ··· configured ··· │ spare (HostConfig.domainSlots), used again when their domain has ended
 *   births   the configured domains in their order, then the others in the order in which they came into being
 *
 * Between quanta only. A hypercall that waited for the quantum's end reaches it as `guest.registry`.
 */
import { createHash } from 'node:crypto';
import type { Core } from '../machine/core.js';
import { exitReasonName } from '../machine/exit-reasons.js';
import { HostView, VcpuView } from '../machine/views.js';
import { diskSha256, dmaCounts } from './disk.js';
import { destroyDomain } from './domain.js';
import { captureDomain, type DomainImage } from './domain-image.js';
import { restoreDomain } from './domain-restore.js';
import { EAGAIN, EBUSY, EINVAL, ENOMEM } from './errno.js';
import { raiseGlobal, VIRQ_DOM_EXC } from './event-channel.js';
import { forkDomain, resetFork } from './fork.js';
import { verdictCounts } from './hooks.js';
import { ready } from './pause.js';
import { park } from './run-queue.js';
import { SaveError } from './sealed-file.js';
import { smmCounts } from './smm.js';
import { stateHash } from './state-hash.js';
import type { DomainConfig, DomainResult, DomainWallClock, HostConfig, Outcome, Scheduling } from './types.js';

const PHASE_RANGE = 2 ** 40;

/** What the host knows of a domain beside the flat memory. */
export interface Tracked {
  config: DomainConfig;
  /** Its name: the configured one's, or one that tells whom it comes from. */
  readonly name: string;
  /** Index of the configured domain whose settings it has, −1: it was made by a control operation. */
  template: number;
  readonly slot: number;
  readonly console: Uint8Array[];
  /** How many domains it has brought into being. */
  children: number;
  /** Instructions that it took over when it was forked. */
  inherited: number;
  /** Instructions that it had retired when its host was restored. */
  before: number;
  startMs: number;
  runMs: number;
  result: DomainResult | undefined;
}

/** How a domain comes into being while the host runs. */
export interface Birth {
  /** Slot of the domain that asked for it or that it was forked from; its name begins with that one's. */
  readonly parent: number;
  /** `parent/kind-1`, `parent/kind-2` … */
  readonly kind: 'fork' | 'domain';
  readonly config: DomainConfig;
  readonly startMs?: number;
}

/** The registry as plain data, for a saved host. */
export interface RegistryState {
  readonly forks: number;
  readonly births: readonly (Omit<Tracked, 'config' | 'before' | 'startMs' | 'runMs'> & {
    /** Index of the configured domain that has the same settings, or the settings. */
    readonly config: number | DomainConfig;
  })[];
}

export class Registry {
  readonly births: Tracked[] = [];
  /** HostConfig.seed. */
  readonly seed: number;
  readonly #core: Core;
  readonly #view: HostView;
  readonly #configured: number;
  readonly #domains: readonly DomainConfig[];
  readonly #slots: (Tracked | undefined)[];
  /** Domains that have not ended. */
  alive = 0;
  /** No spare slot below it is free: a thousand forks must not each look at a thousand slots. */
  #lowest: number;
  destroyMs = 0;
  /** Forks that there are: domains that share pages. */
  forks = 0;
  /** Carries out what a domain waits for, so that it stands between two instructions. Set by the host. */
  settle: ((slot: number) => void) | undefined;
  /** Told of every end. */
  onEnd: ((tracked: Tracked, outcome: Outcome) => void) | undefined;

  /** Every configured domain is born at once, in its order; `createDomain` and `start` are still to be called. */
  constructor(core: Core, config: HostConfig) {
    this.#core = core;
    this.seed = config.seed;
    this.#view = new HostView(core);
    this.#configured = config.domains.length;
    this.#domains = config.domains;
    this.#lowest = config.domains.length;
    this.#slots = new Array<Tracked | undefined>(this.#view.domains).fill(undefined);
    for (const [slot, domain] of config.domains.entries()) this.#add(slot, domain.name, domain, slot, 0);
  }

  #add(slot: number, name: string, config: DomainConfig, template: number, startMs: number): Tracked {
    const tracked: Tracked = {
      config,
      name,
      template,
      slot,
      console: [],
      children: 0,
      inherited: 0,
      before: 0,
      startMs,
      runMs: 0,
      result: undefined,
    };
    this.#slots[slot] = tracked;
    this.births.push(tracked);
    this.alive++;
    return tracked;
  }

  get state(): RegistryState {
    const births = this.births.map(({ config, before: _, startMs: __, runMs: ___, ...rest }) => {
      const same = this.#domains.indexOf(config);
      return { ...rest, console: [...rest.console], config: same < 0 ? config : same };
    });
    return { forks: this.forks, births };
  }

  /** Takes over what `state` gave. */
  restore(state: RegistryState): void {
    this.births.length = 0;
    this.alive = 0;
    this.forks = state.forks;
    for (const { config, console, children, inherited, result, slot, name, template } of state.births) {
      const settings = typeof config === 'number' ? this.#domains[config]! : config;
      const tracked = this.#add(slot, name, settings, template, 0);
      tracked.console.push(...console);
      tracked.children = children;
      tracked.inherited = inherited;
      tracked.result = result;
      tracked.before = result?.retired ?? new VcpuView(this.#core, this.#view.vcpuAddress(slot)).retired;
      if (result !== undefined) this.alive--;
    }
  }

  /** The lowest spare slot that holds no domain, or −1. */
  freeSlot(): number {
    for (let slot = this.#lowest; slot < this.#slots.length; slot++) {
      this.#lowest = slot;
      const tracked = this.#slots[slot];
      // A domain with forks keeps its slot after its end, until they have ended.
      if (this.#state(slot) === 0 && (tracked === undefined || tracked.result !== undefined)) return slot;
    }
    return -1;
  }

  /** Whether a domain may come into being in the slot. */
  isFree(slot: number): boolean {
    if (slot < this.#configured || slot >= this.#slots.length) return false;
    const state = this.#core.read(this.#view.domainAddress(slot) + this.#core.layout.DOMAIN_STATE);
    return state === 0 && !this.lives(slot);
  }

  /** The domain in a slot: the last one there, if it has ended. Throws RangeError if there was none. */
  at(slot: number): Tracked {
    const tracked = this.#slots[slot];
    if (tracked === undefined) throw new RangeError(`no domain was ever in slot ${slot}`);
    return tracked;
  }

  /** Whether the domain in the slot is there and has not ended. */
  lives(slot: number): boolean {
    const tracked = this.#slots[slot];
    return tracked !== undefined && tracked.result === undefined;
  }

  /** Whether there is a domain in the slot: it has been made and has not ended. */
  exists(slot: number): boolean {
    return this.lives(slot) && this.#state(slot) === 1;
  }

  /** Notes the domain in `slot`, which createDomain or forkDomain has just made. */
  born(slot: number, { parent, kind, config, startMs = 0 }: Birth): Tracked {
    const from = this.at(parent);
    from.children++;
    const template = kind === 'fork' ? from.template : -1;
    return this.#add(slot, `${from.name}/${kind}-${from.children}`, config, template, startMs);
  }

  /**
   * Forks the domain in slot `parent` into slot `child`, by default a spare one, on pCPU `pcpu`, by default its parent's.
   * `pauses`: how often it is paused from the start.
   * Returns the child's slot; −EINVAL if there is no such domain, −EAGAIN if no slot is free, or as forkDomain.
   */
  fork(
    parent: number,
    { child = this.freeSlot(), pcpu, pauses = 0 }: { child?: number; pcpu?: number; pauses?: number } = {},
  ): number {
    if (!this.exists(parent)) return -EINVAL;
    if (child < 0) return -EAGAIN;
    const started = performance.now();
    this.settle?.(parent);
    if (!this.lives(parent)) return -EINVAL; // it waited for its end
    const core = this.#core;
    const from = this.at(parent);
    const where = pcpu ?? core.read(this.#view.domainAddress(parent) + core.layout.DOMAIN_PCPU);
    const error = forkDomain(core, parent, child, where, pauses);
    if (error !== 0) return error;
    this.forks++;
    const startMs = performance.now() - started;
    const tracked = this.lives(child)
      ? this.at(child)
      : this.born(child, { parent, kind: 'fork', config: from.config });
    tracked.config = child < this.#configured ? tracked.config : from.config;
    tracked.template = child < this.#configured ? tracked.template : from.template;
    tracked.startMs = startMs;
    tracked.inherited = new VcpuView(core, this.#view.vcpuAddress(child)).retired;
    tracked.console.push(...from.console);
    return child;
  }

  /** Puts a fork back to its parent's state. −EINVAL: it is none, −EBUSY: it has forks itself. */
  reset(slot: number): number {
    const core = this.#core;
    const d = this.#view.domainAddress(slot);
    if (!this.exists(slot) || core.read(d + core.layout.DOMAIN_PARENT) === 0) return -EINVAL;
    if (core.read(d + core.layout.DOMAIN_FORKS) > 0) return -EBUSY;
    this.settle?.(slot);
    if (!this.lives(slot)) return -EINVAL;
    const error = resetFork(core, slot);
    if (error === -ENOMEM) this.end(slot, { kind: 'host-memory', address: 0 });
    return error;
  }

  /** The domain in the slot as an image; it goes on. Throws SaveError if it cannot be saved. */
  capture(slot: number): DomainImage {
    if (this.exists(slot)) this.settle?.(slot);
    if (!this.exists(slot)) throw new SaveError('domain', `there is no domain in slot ${slot}`);
    const { name, config, console } = this.at(slot);
    return captureDomain(this.#core, slot, { name, config, console });
  }

  /**
   * Makes a domain from an image, in a spare slot, on pCPU `pcpu`, by default the slot's. Its name is the saved one's, with a
   * number if that is taken. Returns its slot; −EAGAIN if no slot is free, −ENOMEM. Throws SaveError.
   */
  restoreImage(image: DomainImage, { pcpu, pauses = 0 }: { pcpu?: number; pauses?: number } = {}): number {
    const slot = this.freeSlot();
    if (slot < 0) return -EAGAIN;
    const started = performance.now();
    const error = restoreDomain(this.#core, slot, pcpu ?? slot % this.#view.pcpus, image, pauses);
    if (error !== 0) return error;
    const taken = new Set(this.births.map(({ name }) => name));
    let name = image.name;
    for (let n = 1; taken.has(name); n++) name = `${image.name}/restored-${n}`;
    this.#restored(this.#add(slot, name, image.config, -1, performance.now() - started), image);
    return slot;
  }

  /** Notes that a configured domain has begun from an image. */
  begunFrom(slot: number, image: DomainImage): void {
    this.#restored(this.at(slot), image);
  }

  #restored(tracked: Tracked, { console }: DomainImage): void {
    tracked.console.push(...console);
    tracked.inherited = new VcpuView(this.#core, this.#view.vcpuAddress(tracked.slot)).retired;
  }

  #state(slot: number): number {
    return this.#core.read(this.#view.domainAddress(slot) + this.#core.layout.DOMAIN_STATE);
  }

  /** Lets the domain's vCPU run: it is queued on its pCPU. */
  start(slot: number): void {
    ready(this.#core, slot);
  }

  /** Ends a domain, whatever it is doing. */
  end(slot: number, outcome: Outcome, hash = stateHash(this.#core, this.#view.vcpuAddress(slot))): void {
    const started = performance.now();
    const tracked = this.at(slot);
    tracked.result = this.#resultOf(tracked, outcome, hash);
    this.onEnd?.(tracked, outcome);
    if (outcome.kind !== 'not-forked') {
      park(this.#core, this.#view, slot);
      if (this.#core.read(this.#view.domainAddress(slot) + this.#core.layout.DOMAIN_PARENT) !== 0) this.forks--;
      destroyDomain(this.#core, slot);
    }
    raiseGlobal(this.#core, VIRQ_DOM_EXC);
    this.#lowest = this.#configured; // its slot, and its parent's, may be free now
    this.alive--;
    this.destroyMs += performance.now() - started;
  }

  #resultOf(tracked: Tracked, outcome: Outcome, hash: string): DomainResult {
    const core = this.#core;
    const l = core.layout;
    const { config, slot } = tracked;
    const domain = this.#view.domainAddress(slot);
    const vcpu = new VcpuView(core, this.#view.vcpuAddress(slot));
    const exits: Record<string, number> = {};
    let exitsTotal = 0;
    for (let counter = l.COUNTER_EXIT; counter < l.COUNTERS; counter++) {
      const n = vcpu.counter(counter);
      if (n > 0) exits[exitReasonName(counter - l.COUNTER_EXIT)] = n;
      exitsTotal += n;
    }
    const console = Buffer.concat(tracked.console);
    const cycles = core.call.modelledCycles(vcpu.base);
    return {
      name: tracked.name,
      template: tracked.template,
      imageName: config.imageName,
      imageSha256: sha256(config.image),
      memoryBytes: core.read(domain + l.DOMAIN_MEMORY),
      translation: config.translation,
      pcpu: core.read(domain + l.DOMAIN_PCPU),
      outcome,
      eip: vcpu.eip,
      retired: vcpu.retired,
      inherited: tracked.inherited,
      cycles,
      scheduling: scheduling(core, vcpu.base),
      clock: cycles + core.readF64(vcpu.base + l.VCPU_IDLE),
      exits,
      exitsTotal,
      tlbMisses: vcpu.counter(l.COUNTER_TLB_MISS),
      stlbHits: vcpu.counter(l.COUNTER_STLB_HIT),
      tlbFlushes: vcpu.counter(l.COUNTER_TLB_FLUSH),
      walkGuest: vcpu.counter(l.COUNTER_WALK_GUEST),
      walkEpt: vcpu.counter(l.COUNTER_WALK_EPT),
      exceptions: vcpu.counter(l.COUNTER_EXCEPTION),
      interrupts: vcpu.counter(l.COUNTER_INTERRUPT),
      pageFaults: vcpu.counter(l.COUNTER_PAGE_FAULT),
      pages: core.read(domain + l.DOMAIN_PAGES),
      tablePages: core.read(domain + l.DOMAIN_TABLE_PAGES),
      copiedPages: core.read(domain + l.DOMAIN_COPIED),
      mergedPages: core.read(domain + l.DOMAIN_MERGES),
      protection: config.protection ?? 'none',
      smm: smmCounts(core, slot),
      dma: dmaCounts(core, slot),
      diskSha256: diskSha256(core, slot),
      hooks: verdictCounts(core, domain),
      stateHash: hash,
      consoleSha256: sha256(console),
      console: new Uint8Array(console),
      consoleDropped: core.readF64(domain + l.DOMAIN_CONSOLE_DROPPED),
    };
  }
}

function scheduling(core: Core, v: number): Scheduling {
  const l = core.layout;
  return {
    contextSwitches: core.read(v + l.VCPU_SWITCHES),
    preemptions: core.read(v + l.VCPU_PREEMPTIONS),
    waited: core.readF64(v + l.VCPU_WAITED),
    wakeups: core.read(v + l.VCPU_WAKEUPS),
    wakeLatency: core.readF64(v + l.VCPU_WAKE_LATENCY),
    wakeLatencyMax: core.readF64(v + l.VCPU_WAKE_LATENCY_MAX),
  };
}

/** Instructions that were executed for the domain in this run: not by its parent, nor before its host was saved. */
export function retiredHere({ inherited, before, result }: Tracked): number {
  return Math.max(0, (result?.retired ?? 0) - Math.max(inherited, before));
}

export function wallClock(tracked: Tracked): DomainWallClock {
  const { name, startMs, runMs } = tracked;
  return { name, startMs, runMs, mips: mips(retiredHere(tracked), runMs) };
}

export function mips(retired: number, ms: number): number {
  return ms > 0 ? retired / (ms * 1000) : 0;
}

/** Images are hashed once: a thousand domains may share one. */
const hashes = new WeakMap<Uint8Array, string>();

function sha256(bytes: Uint8Array): string {
  let hash = hashes.get(bytes);
  if (hash === undefined) {
    hash = createHash('sha256').update(bytes).digest('hex');
    hashes.set(bytes, hash);
  }
  return hash;
}

/** The TSC at a domain's start: what real hardware leaves to chance comes from the seed and the domain's name. */
export function domainPhase(seed: number, name: string): number {
  const digest = createHash('sha256').update(`${seed}\0${name}`).digest();
  return digest.readUIntBE(0, 6) % PHASE_RANGE;
}
