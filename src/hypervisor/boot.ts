/**
 * Boot that ends: from a moment on, which the guests themselves may decide, the host goes on with other settings.
 *
 *   settings of HostConfig ──quanta──▶ BootEnd holds, first time ──▶ (saved) ──▶ settings of `later` ──quanta──▶ end
 *
 * The moment is the end of a quantum, after everything else that happens there. So a host that was saved at it and goes on with
 * `later` does what a host does that was never saved: hosts that differ in `later` alone can share their boot.
 */
import type { Core } from '../machine/core.js';
import { HostView, VcpuView } from '../machine/views.js';
import { DEFAULT_WEIGHT, setCap, setWeight } from './credit.js';
import type { Registry } from './registry.js';
import { wakeUp } from './run-queue.js';
import { type BootEnd, type BootOptions, type HostConfig, HostError } from './types.js';

/** What `later` may change. Everything else is laid out in memory, or in guests' memory, when a host starts. */
const HOST_SETTINGS: readonly string[] = ['limitCycles', 'sliceCycles', 'boost', 'security', 'domains'];
const DOMAIN_SETTINGS: readonly string[] = ['weight', 'cap', 'maxInstructions', 'input'];

/** Whether two parts of configurations say the same; images by their bytes, whatever class of array holds them. */
function equal(a: unknown, b: unknown, but: readonly string[] = []): boolean {
  if (a === b) return true;
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => !but.includes(key));
  return keys.every((key) => equal(left[key], right[key]));
}

/** Throws HostError if boot cannot end so. */
export function checkBoot(config: HostConfig, { until, later }: BootOptions): void {
  const same =
    equal(config, later, HOST_SETTINGS) &&
    config.domains.length === later.domains.length &&
    config.domains.every((domain, index) => equal(domain, later.domains[index], DOMAIN_SETTINGS));
  if (!same) throw new HostError('boot', 'what changes when boot ends must be limits, slice, boost, security or input');
  if (until.kind === 'time' || config.domains.some(({ name }) => name === until.domain)) return;
  throw new HostError('boot', `the end of boot names '${until.domain}', which is no domain`);
}

/** Looks after every quantum whether boot has ended. */
export class BootWatch {
  readonly #core: Core;
  readonly #registry: Registry;
  readonly #until: BootEnd;
  readonly #slot: number;
  /** Pieces of the domain's console that were looked at, and their end, in which what is sought may have begun. */
  #pieces = 0;
  #tail = '';

  constructor(core: Core, registry: Registry, config: HostConfig, until: BootEnd) {
    this.#core = core;
    this.#registry = registry;
    this.#until = until;
    this.#slot = until.kind === 'time' ? -1 : config.domains.findIndex(({ name }) => name === until.domain);
  }

  /** `time`: virtual time of the quantum's end, in cycles. */
  ended(time: number): boolean {
    const until = this.#until;
    if (until.kind === 'time') return time >= until.at;
    const { console, result } = this.#registry.at(this.#slot);
    if (until.kind === 'prints') return this.#prints(console, until.text);
    const v = new HostView(this.#core).vcpuAddress(this.#slot);
    return (result?.retired ?? new VcpuView(this.#core, v).retired) >= until.count;
  }

  #prints(console: readonly Uint8Array[], text: string): boolean {
    if (console.length === this.#pieces) return false;
    const seen = this.#tail + Buffer.concat(console.slice(this.#pieces)).toString('latin1');
    this.#pieces = console.length;
    this.#tail = seen.slice(seen.length - Math.min(seen.length, text.length - 1));
    return seen.includes(text);
  }
}

/** Applies what differs between two settings of a host to its domains. What domains changed themselves stays, where it does not. */
export function applySettings(core: Core, registry: Registry, before: HostConfig, later: HostConfig): void {
  const l = core.layout;
  core.writeF64(l.HOST_SLICE, later.sliceCycles);
  core.write(l.HOST_BOOST, later.boost === false ? 0 : 1);
  for (const [slot, domain] of later.domains.entries()) {
    if (!registry.exists(slot)) continue; // it has ended, or is a fork to come, which gets these settings when it comes
    const old = before.domains[slot]!;
    if (domain.weight !== old.weight) setWeight(core, slot, domain.weight ?? DEFAULT_WEIGHT);
    if (domain.cap !== old.cap) setCap(core, slot, domain.cap ?? 0);
    if (domain.maxInstructions !== old.maxInstructions) limitInstructions(core, slot, domain.maxInstructions ?? 0);
    if (domain.input !== undefined && domain.input !== old.input) receive(core, slot, domain.input);
  }
}

/** Ends the domain after so many instructions in all, 0: never. */
export function limitInstructions(core: Core, slot: number, maxInstructions: number): void {
  const l = core.layout;
  const v = new HostView(core).vcpuAddress(slot);
  core.writeF64(v + l.VCPU_MAX_RETIRED, maxInstructions);
  // A chunk ends at the limit at the latest: assembly/vmx/slice.ts.
  const chunkEnd = core.readU64(v + l.VCPU_CHUNK_END);
  if (maxInstructions > 0) core.writeU64(v + l.VCPU_CHUNK_END, Math.min(chunkEnd, maxInstructions));
}

/** Bytes (Latin-1) arrive at the domain's serial port; a domain that waits for an interrupt is woken by theirs. */
export function receive(core: Core, slot: number, input: string): void {
  const host = new HostView(core);
  const v = host.vcpuAddress(slot);
  const domain = host.domain(slot);
  const bytes = Buffer.from(input, 'latin1');
  if (domain.feedInput(bytes) < bytes.length) {
    throw new HostError('domain-input', `the domain's input is full: it has not read what came before`, slot);
  }
  if (core.call.interruptPending(v) !== 0)
    wakeUp(core, v, core.readU64(core.read(v + core.layout.VCPU_PCPU) + core.layout.PCPU_TIME));
}
