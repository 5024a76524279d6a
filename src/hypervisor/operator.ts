/**
 * What the operator of the host may do, from TypeScript, at the end of a quantum (RunOptions.operator): no guest stands above
 * it, and no policy is asked. Domains are named by their slot. A guest's way to the same are control operations.
 */
import type { Core } from '../machine/core.js';
import { type DomainView, HostView } from '../machine/views.js';
import type { DomainImage } from './domain-image.js';
import type { SharingPass } from './page-sharing.js';
import { pauseDomain, unpauseDomain } from './pause.js';
import type { Registry } from './registry.js';

export class Operator {
  readonly #core: Core;
  readonly #host: HostView;
  readonly #registry: Registry;

  readonly #sharePages: () => SharingPass;

  constructor(core: Core, registry: Registry, share: () => SharingPass = () => ({ scanned: 0, merged: 0 })) {
    this.#sharePages = share;
    this.#core = core;
    this.#host = new HostView(core);
    this.#registry = registry;
  }

  /** Slots of the domains that have not ended, by birth. */
  get domains(): readonly number[] {
    const there = this.#registry.births.filter(
      ({ slot, result }) => result === undefined && this.#registry.exists(slot),
    );
    return there.map(({ slot }) => slot);
  }

  name(slot: number): string {
    return this.#registry.at(slot).name;
  }

  /** The domain in a slot: its memory can be read and written through it. */
  domain(slot: number): DomainView {
    return this.#host.domain(slot);
  }

  /**
   * Forks a domain onto a pCPU (default: its own), which is paused until its last fork has ended. Returns the fork's slot, or a
   * negative error number (errno.ts): EINVAL no such domain, EAGAIN no free slot, ENOMEM no host memory, EOPNOTSUPP no EPT.
   */
  fork(slot: number, pcpu?: number): number {
    return this.#registry.fork(slot, pcpu === undefined ? {} : { pcpu });
  }

  /** Puts a fork back to what it was forked from. Returns 0, or −EINVAL: it is no fork, −EBUSY: it has forks itself. */
  reset(slot: number): number {
    return this.#registry.reset(slot);
  }

  /**
   * A domain as it is now, for a file (writeDomain) or for `restore`, here or in another host; it goes on. Throws SaveError
   * (`domain`) if there is none, or if it is protected or privileged.
   */
  save(slot: number): DomainImage {
    return this.#registry.capture(slot);
  }

  /**
   * Makes a domain from an image, on a pCPU (default: its slot modulo their number). Returns its slot, or a negative error number: EAGAIN
   * no free slot, ENOMEM no host memory. Throws SaveError (`machine`) if the host has another clock frequency or cost table, or too
   * small a second-level TLB.
   */
  restore(image: DomainImage, options: { readonly pcpu?: number; readonly paused?: boolean } = {}): number {
    const { pcpu, paused = false } = options;
    return this.#registry.restoreImage(image, { pauses: paused ? 1 : 0, ...(pcpu !== undefined && { pcpu }) });
  }

  /** Makes one frame of pages of equal content, now; nothing on a host without HostConfig.pageSharing. */
  sharePages(): SharingPass {
    return this.#sharePages();
  }

  /** Ends a domain. False: there is none. */
  destroy(slot: number): boolean {
    if (!this.#registry.exists(slot)) return false;
    this.#registry.end(slot, { kind: 'destroyed', by: 'operator' });
    return true;
  }

  /** Pauses are counted. */
  pause(slot: number): void {
    if (this.#registry.exists(slot)) pauseDomain(this.#core, slot);
  }

  unpause(slot: number): void {
    if (this.#registry.exists(slot)) unpauseDomain(this.#core, slot);
  }
}
