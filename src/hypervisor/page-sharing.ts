/**
 * Which pages of equal content domains share, and when: the policy above assembly/mmu/merge.ts. A pass looks at every page of
 * every domain that takes part, by slot and page number, and makes one frame of those that are equal; what a domain writes
 * is its own again. So Xen's mem_sharing (nominate, share) with the scanning of Linux's KSM, at virtual times.
 *
 *   page ─▶ hash ─▶ group of the same hash ─▶ first frame of it that holds the same, that the domain does not hold yet, and
 *                                             whose holders a policy lets it share with ─▶ merged; none: waits for others
 *
 * A domain holds a common frame for one page at most: two equal pages of its own stay two frames. Else a TLB entry would not tell
 * which of its pages it is of, when one is written. Between quanta only.
 */
import type { Core } from '../machine/core.js';
import { HostView } from '../machine/views.js';
import type { Hooks } from './hooks.js';
import { isSecure } from './smm.js';
import type { DomainConfig, HostConfig } from './types.js';

const PAGE = 4096;

/** What decides how many pages can become common. */
interface MergeHost {
  readonly pageSharing?: unknown;
  readonly domains: readonly (Pick<
    DomainConfig,
    'memoryBytes' | 'translation' | 'protection' | 'privileged' | 'pageSharing' | 'fork'
  > & { readonly disk?: unknown })[];
}

/**
 * Whether a domain can take part at all: 4 KiB EPT leaves, no protection, no privilege, no device that writes its memory, and it did
 * not refuse.
 */
function takesPart(config: MergeHost['domains'][number]): boolean {
  const { translation, protection = 'none', privileged, pageSharing = true, fork, disk } = config;
  if (translation.kind !== 'ept' || translation.pageSize !== '4k' || disk !== undefined) return false;
  return pageSharing && protection === 'none' && !privileged && fork === undefined;
}

/** Pages of each configured domain that can become common; none where the host shares no pages. */
function mergeTables({ pageSharing, domains }: MergeHost): readonly number[] {
  if (pageSharing === undefined) return [];
  return domains.map((domain) => (takesPart(domain) ? domain.memoryBytes / PAGE : 0));
}

/** Pages of all domains that can, as the host's plan says. */
export function mergeablePages(config: MergeHost): number {
  return mergeTables(config).reduce((sum, pages) => sum + pages, 0);
}

/** Tells the machine where each domain's table lies; the host is laid out. */
export function dealMergeTables(core: Core, config: MergeHost): void {
  const l = core.layout;
  const directory = core.read(l.HOST_MERGE);
  if (directory === 0) return;
  let table = directory + core.read(l.HOST_DOMAINS) * l.MERGE_ENTRY;
  for (const [slot, pages] of mergeTables(config).entries()) {
    core.write(directory + slot * l.MERGE_ENTRY, table);
    core.write(directory + slot * l.MERGE_ENTRY + 4, pages);
    table += 4 * pages;
  }
}

/** Whether a pass is due between virtual times `from` and `to`. */
export function passIsDue({ pageSharing }: Pick<HostConfig, 'pageSharing'>, from: number, to: number): boolean {
  const every = pageSharing?.every;
  return every !== undefined && Math.floor(to / every) > Math.floor(from / every);
}

/** What a pass did, in pages. */
export interface SharingPass {
  readonly scanned: number;
  readonly merged: number;
}

/** What page sharing did in a host's run. */
export interface PageSharingCounts {
  readonly passes: number;
  /** Pages looked at, in all passes. */
  readonly scanned: number;
  /** Pages that became common frames. */
  readonly merged: number;
  /** Of them, those that were copied because they were to be written. */
  readonly unshared: number;
  /** Frames that the host had more after the pass that saved most: pages that are common, less the frames they are. */
  readonly savedMost: number;
}

export function pageSharingCounts(core: Core): PageSharingCounts {
  const l = core.layout;
  return {
    passes: core.read(l.HOST_MERGE_PASSES),
    scanned: core.readF64(l.HOST_MERGE_SCANNED),
    merged: core.readF64(l.HOST_MERGE_TOTAL),
    unshared: core.read(l.HOST_MERGE_UNDONE),
    savedMost: core.read(l.HOST_MERGE_SAVED),
  };
}

/** Whether a write may have to copy a page that is common. */
export function hasCommonPages(core: Core): boolean {
  return core.read(core.layout.HOST_MERGE_PAGES) > 0;
}

/** A frame that others may join: common, or a page of one domain that would become so. */
interface Candidate {
  readonly frame: number;
  readonly holders: number[];
  /** The page, while it is not common. */
  page: { readonly domain: number; readonly gpa: number } | undefined;
}

/** Candidates whose contents have one hash. */
interface Group {
  readonly candidates: Candidate[];
  /** The domain that is looked at, and its first candidate that was not yet found to be of no use to it. */
  slot: number;
  next: number;
}

class Pass {
  readonly #core: Core;
  readonly #host: HostView;
  readonly #hooks: Hooks;
  readonly #groups = new Map<number, Group>();
  /** Verdicts of this pass. */
  readonly #verdicts = new Map<number, boolean>();
  /** Frames to be freed, and vCPUs whose TLBs may hold them. */
  readonly #left: number[] = [];
  readonly #vcpus = new Set<number>();
  scanned = 0;
  merged = 0;

  constructor(core: Core, hooks: Hooks) {
    this.#core = core;
    this.#host = new HostView(core);
    this.#hooks = hooks;
  }

  run(): void {
    const slots = Array.from({ length: this.#host.domains }, (_, slot) => slot).filter((slot) => this.#isFree(slot));
    this.#known();
    for (const slot of slots) this.#scan(slot);
    for (const vcpu of this.#vcpus) this.#core.call.followCommon(vcpu);
    for (const frame of this.#left) this.#core.call.frameFree(frame);
  }

  /** Whether the domain's memory is its own to change: domains with forks, and forks, share it otherwise. */
  #isFree(slot: number): boolean {
    const core = this.#core;
    const l = core.layout;
    const d = this.#host.domainAddress(slot);
    if (core.read(d + l.DOMAIN_STATE) !== 1 || core.read(core.read(l.HOST_MERGE) + slot * l.MERGE_ENTRY + 4) === 0) {
      return false;
    }
    if (core.read(d + l.DOMAIN_PARENT) !== 0 || core.read(d + l.DOMAIN_FORKS) !== 0) return false;
    return core.read(d + l.DOMAIN_PRIVILEGED) === 0 && !isSecure(core, slot);
  }

  /** Frames that earlier passes made common. */
  #known(): void {
    const core = this.#core;
    const l = core.layout;
    const found = new Map<number, Candidate>();
    for (let slot = 0; slot < this.#host.domains; slot++) {
      const entry = core.read(l.HOST_MERGE) + slot * l.MERGE_ENTRY;
      const [table, pages] = [core.read(entry), core.read(entry + 4)];
      for (let page = 0; page < pages; page++) {
        const frame = core.read(table + 4 * page) - 1;
        if (frame < 0) continue;
        let candidate = found.get(frame);
        if (candidate === undefined) {
          candidate = { frame, holders: [], page: undefined };
          found.set(frame, candidate);
          this.#group(core.call.frameHash(frame)).candidates.push(candidate);
        }
        candidate.holders.push(slot);
      }
    }
  }

  #group(hash: number): Group {
    let group = this.#groups.get(hash);
    if (group === undefined) {
      group = { candidates: [], slot: -1, next: 0 };
      this.#groups.set(hash, group);
    }
    return group;
  }

  #scan(slot: number): void {
    const core = this.#core;
    const l = core.layout;
    const d = this.#host.domainAddress(slot);
    const pages = core.read(core.read(l.HOST_MERGE) + slot * l.MERGE_ENTRY + 4);
    for (let page = 0; page < pages; page++) {
      const gpa = page * PAGE;
      const frame = core.call.mergeCandidate(d, gpa) >>> 0;
      if (frame === l.FRAME_NONE) continue;
      this.scanned++;
      this.#place(slot, d, gpa, frame);
    }
  }

  /** Lets a page join the first candidate that will have it, or wait for others. */
  #place(slot: number, d: number, gpa: number, frame: number): void {
    const { call } = this.#core;
    const group = this.#group(call.frameHash(frame));
    if (group.slot !== slot) {
      group.slot = slot;
      group.next = 0;
    }
    // Whom this domain cannot join with one page, it cannot join with another.
    while (group.next < group.candidates.length) {
      const candidate = group.candidates[group.next++]!;
      if (!this.#mayJoin(slot, candidate) || call.frameEqual(frame, candidate.frame) === 0) continue;
      if (candidate.page !== undefined) {
        call.mergeNominate(candidate.page.domain, candidate.page.gpa);
        this.#count(candidate.page.domain);
        candidate.page = undefined;
      }
      call.mergeInto(d, gpa, candidate.frame);
      this.#left.push(frame);
      this.#count(d);
      candidate.holders.push(slot);
      return;
    }
    group.candidates.push({ frame, holders: [slot], page: { domain: d, gpa } });
    group.next = group.candidates.length;
  }

  #count(domain: number): void {
    this.merged++;
    this.#vcpus.add(this.#core.read(domain + this.#core.layout.DOMAIN_VCPU));
  }

  #mayJoin(slot: number, { holders }: Candidate): boolean {
    for (const holder of holders) {
      if (holder === slot || !this.#permitted(slot, holder)) return false;
    }
    return true;
  }

  /** Asks the security hooks once per pair. */
  #permitted(subject: number, object: number): boolean {
    const pair = subject * this.#host.domains + object;
    let verdict = this.#verdicts.get(pair);
    if (verdict === undefined) {
      verdict = this.#hooks.check('share', subject, object);
      this.#verdicts.set(pair, verdict);
    }
    return verdict;
  }
}

/** One pass over all domains that take part. */
export function sharePages(core: Core, hooks: Hooks): SharingPass {
  const l = core.layout;
  if (core.read(l.HOST_MERGE) === 0) return { scanned: 0, merged: 0 };
  core.call.mergeReap();
  const pass = new Pass(core, hooks);
  pass.run();
  const { scanned, merged } = pass;
  core.write(l.HOST_MERGE_PASSES, core.read(l.HOST_MERGE_PASSES) + 1);
  core.writeF64(l.HOST_MERGE_SCANNED, core.readF64(l.HOST_MERGE_SCANNED) + scanned);
  core.writeF64(l.HOST_MERGE_TOTAL, core.readF64(l.HOST_MERGE_TOTAL) + merged);
  const saved = core.read(l.HOST_MERGE_PAGES) - core.read(l.HOST_MERGE_FRAMES);
  core.write(l.HOST_MERGE_SAVED, Math.max(core.read(l.HOST_MERGE_SAVED), saved));
  return { scanned, merged };
}
