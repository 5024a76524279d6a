/**
 * Configured forks (DomainConfig.fork): domains that come into being when the one they are forked from is ready.
 *
 *   template boots ──marker | blocked | time──▶ forked as often as configured, and paused until the last fork has ended
 */
import type { Core } from '../machine/core.js';
import { HostView } from '../machine/views.js';
import { limitInstructions, receive } from './boot.js';
import { setCap, setWeight } from './credit.js';
import { EOPNOTSUPP } from './errno.js';
import type { Registry } from './registry.js';
import { type DomainConfig, type HostConfig, HostError } from './types.js';

/** DOMAIN_AWAITED: what happens when the guest writes FORK_MARKER to port 0x80. */
export const AWAITED_NOTHING = 0;
export const AWAITED_MARKER = 1; // it stops there
export const AWAITED_STOPPED = 2; // it has stopped

export class Nursery {
  readonly #core: Core;
  readonly #host: HostView;
  #config: HostConfig;
  readonly #registry: Registry;
  /** Slots of the forks to come, by the slot of their template. */
  readonly #expected = new Map<number, readonly number[]>();

  /** Throws HostError for forks of domains that are not there, or cannot be forked. */
  constructor(core: Core, config: HostConfig, registry: Registry) {
    this.#core = core;
    this.#host = new HostView(core);
    this.#config = config;
    this.#registry = registry;
    for (const [slot, domain] of config.domains.entries()) {
      if (domain.fork === undefined) continue;
      const template = templateOf(config.domains, domain, slot);
      this.#expected.set(template, [...(this.#expected.get(template) ?? []), slot]);
    }
  }

  /** Forks to come get their settings from this configuration. */
  configure(config: HostConfig): void {
    this.#config = config;
  }

  get state(): readonly (readonly [number, readonly number[]])[] {
    return [...this.#expected];
  }

  restore(state: Nursery['state']): void {
    this.#expected.clear();
    for (const [template, slots] of state) this.#expected.set(template, slots);
  }

  /** Whether the domain in the slot is still to come. */
  expects(slot: number): boolean {
    for (const slots of this.#expected.values()) if (slots.includes(slot)) return true;
    return false;
  }

  /** Lets templates stop at their marker; to be called when they were created. */
  arm(): void {
    for (const [template, slots] of this.#expected) {
      if (!slots.some((slot) => this.#config.domains[slot]!.fork!.at === 'marker')) continue;
      this.#core.write(this.#host.domainAddress(template) + this.#core.layout.DOMAIN_AWAITED, AWAITED_MARKER);
    }
  }

  /** Whether the domain stopped because it wrote the marker: that exit has been dealt with, and it is forked now. */
  awaited(slot: number): boolean {
    const at = this.#host.domainAddress(slot) + this.#core.layout.DOMAIN_AWAITED;
    if (this.#core.read(at) !== AWAITED_STOPPED) return false;
    this.#core.write(at, AWAITED_NOTHING);
    this.#core.write(this.#host.vcpuAddress(slot) + this.#core.layout.VCPU_RUN_STATE, this.#core.layout.RUN_RUNNABLE);
    this.#fork(slot, ({ fork }) => fork!.at === 'marker');
    return true;
  }

  /** Forks what is ready at the end of a quantum. */
  look(end: number): void {
    const l = this.#core.layout;
    for (const [template, slots] of [...this.#expected]) {
      if (!this.#registry.lives(template)) {
        this.#expected.delete(template);
        for (const slot of slots) this.#registry.end(slot, { kind: 'not-forked' });
        continue;
      }
      const state = this.#core.read(this.#host.vcpuAddress(template) + l.VCPU_RUN_STATE);
      this.#fork(template, ({ fork: { at } = { at: 0 } }) =>
        typeof at === 'number' ? end >= at : at === 'blocked' && state === l.RUN_BLOCKED,
      );
    }
  }

  #fork(template: number, ready: (config: DomainConfig) => boolean): void {
    const core = this.#core;
    const slots = this.#expected.get(template) ?? [];
    const now = slots.filter((slot) => ready(this.#config.domains[slot]!));
    if (now.length === 0) return;
    if (now.length < slots.length) {
      this.#expected.set(
        template,
        slots.filter((slot) => !now.includes(slot)),
      );
    } else this.#expected.delete(template);
    for (const slot of now) {
      const config = this.#config.domains[slot]!;
      const result = this.#registry.fork(template, { child: slot, pcpu: config.pcpu ?? slot % this.#config.pcpus });
      if (result === -EOPNOTSUPP) {
        throw new HostError('fork', `'${config.name}' cannot be forked: '${config.fork!.of}' is protected`, slot);
      }
      if (result < 0) {
        this.#registry.end(slot, { kind: 'not-forked' });
        continue;
      }
      if (config.weight !== undefined) setWeight(core, slot, config.weight);
      if (config.cap !== undefined) setCap(core, slot, config.cap);
      if (config.input !== undefined) receive(core, slot, config.input);
      if (config.maxInstructions !== undefined) limitInstructions(core, slot, config.maxInstructions);
    }
  }
}

function templateOf(domains: readonly DomainConfig[], domain: DomainConfig, slot: number): number {
  const of = domain.fork?.of;
  const template = domains.findIndex(({ name }) => name === of);
  const wrong = (why: string): HostError => new HostError('fork', `'${domain.name}' cannot be forked: ${why}`, slot);
  if (template < 0) throw wrong(`there is no domain '${of}'`);
  if (domains[template]!.fork !== undefined) throw wrong(`'${of}' is a fork itself`);
  if (domains[template]!.translation.kind !== 'ept') throw wrong(`'${of}' has no EPT`);
  if (domains[template]!.privileged) throw wrong(`'${of}' is privileged`);
  if (domains[template]!.disk !== undefined) throw wrong(`'${of}' has a disk`);
  return template;
}
