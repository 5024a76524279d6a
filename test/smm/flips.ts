/**
 * Fault injection: hosts full of protected domains, and in each domain one bit of its DRAM flipped while it sleeps. What it makes of
 * it is compared with the same host without faults.
 *
 *   guests write ─▶ sleep ─▶ buffers written back ─▶ one flip in each domain ─▶ guests wake and read ─▶ results
 */
import { deepStrictEqual, strictEqual } from 'node:assert';
import { RecycledMemory } from '../../src/experiment/recycle.js';
import { Host } from '../../src/hypervisor/host.js';
import { keyEntry } from '../../src/hypervisor/smm.js';
import type { DomainResult, HostConfig, Outcome, Protection } from '../../src/hypervisor/types.js';
import type { Core } from '../../src/machine/core.js';
import { HostView } from '../../src/machine/views.js';
import { guestDomain, hostConfig, MIB } from '../hypervisor/fixture.js';

const PAGE = 4096;
export const HOT = 24;
const COLD = 4;
const FIRST = 0x180000 / PAGE;
const PCPUS = 4;
/** All guests have written their pages by now, and none has woken: their clocks began with the host's. */
const INJECTION = 8_000_000;
const NODE = 8; // words of a tree node

/** Where a bit is flipped: what is read again, what belongs to it, what nobody reads, or anywhere in the domain's frames. */
export const TARGETS = ['page', 'mac', 'counter', 'tree', 'cold', 'anywhere'] as const;
export type Target = (typeof TARGETS)[number];

/** Targets that there are with a protection. */
export function targetsOf(protection: Protection): readonly Target[] {
  const has = (part: string): boolean => protection.split('+').includes(part);
  return TARGETS.filter(
    (target) =>
      (target !== 'mac' || has('mac')) && (target !== 'counter' || has('ctr')) && (target !== 'tree' || has('tree')),
  );
}

export interface Flip {
  readonly target: Target;
  /** Which page, word and bit: any numbers. */
  readonly choice: number;
  readonly bit: number;
}

export interface Tally {
  detected: number;
  unread: number;
  garbled: number;
}

export class FlippedHosts {
  readonly #config: HostConfig;
  readonly #protection: Protection;
  readonly #memory = new RecycledMemory();
  #baseline: readonly DomainResult[] | undefined;

  constructor(protection: Protection, domains: number) {
    this.#protection = protection;
    this.#config = hostConfig(
      Array.from({ length: domains }, (_, i) =>
        guestDomain('smm-pages', {
          name: `d${i}`,
          memoryBytes: 2 * MIB,
          protection,
          cmdline: `hot=${HOT} cold=${COLD}`,
        }),
      ),
      { pcpus: PCPUS, quantumCycles: 1_000_000, sliceCycles: 500_000, smm: { slots: 1024 } },
    );
  }

  /** Injects one flip into each of the first domains. Throws AssertionError for what must not come of it. */
  async inject(flips: readonly Flip[]): Promise<Tally> {
    this.#baseline ??= await this.#run(() => {});
    const frames: number[] = [];
    const results = await this.#run((core) => {
      for (const [domain, flip] of flips.entries()) frames.push(flipBit(core, domain, flip));
    });
    const tally: Tally = { detected: 0, unread: 0, garbled: 0 };
    for (const [i, result] of results.entries()) {
      const clean: DomainResult = this.#baseline[i]!;
      const flip = flips[i];
      if (flip === undefined) deepStrictEqual(own(result), own(clean), `${result.name} was left alone`);
      else tally[this.#judge(flip, result, clean)]++;
    }
    return tally;
  }

  #judge({ target }: Flip, result: DomainResult, clean: DomainResult): keyof Tally {
    const checks = this.#protection.includes('mac');
    const told = `${this.#protection}, ${target}, ${result.name}`;
    const { stateHash: _, ...seen } = own(result);
    const { stateHash: __, ...wanted } = own(clean);
    if (result.outcome.kind === 'smm-violation') {
      strictEqual(checks, true, told);
      strictEqual(target === 'cold', false, told);
      const kind = violationOf(this.#protection, target);
      if (kind !== undefined) strictEqual(result.outcome.violation, kind, told);
      const { integrity, freshness, permission, context } = result.smm.violations;
      deepStrictEqual([integrity + freshness, permission, context], [1, 0, 0], told);
      strictEqual(result.console.length < clean.console.length, true, told); // it ended before it could tell
      return 'detected';
    }
    if (checks) {
      // What is not detected has not been read: not a single count differs.
      strictEqual(target === 'cold' || target === 'anywhere', true, told);
      deepStrictEqual(seen, wanted, told);
      return 'unread';
    }
    try {
      deepStrictEqual(seen, wanted);
      return 'unread';
    } catch {
      return 'garbled';
    }
  }

  async #run(inject: (core: Core) => void): Promise<readonly DomainResult[]> {
    const host = new Host(this.#config, {
      workers: 1,
      memory: this.#memory.take,
      operator: (_, cycles) => {
        if (cycles !== INJECTION) return;
        const view = new HostView(host.core);
        for (let i = 0; i < PCPUS; i++) host.core.call.smmFlush(view.pcpuAddress(i));
        inject(host.core);
      },
    });
    try {
      const { deterministic } = await host.run();
      strictEqual(deterministic.zeroSum, true);
      const broken = deterministic.domains.filter(({ outcome }) => outcome.kind === 'platform-error');
      deepStrictEqual(broken, []);
      return deterministic.domains;
    } finally {
      await host.close();
    }
  }
}

/** A result without what neighbours change. */
function own({ scheduling: _, ...rest }: DomainResult): Omit<DomainResult, 'scheduling'> {
  return rest;
}

/** How a flip there must be told, where that is certain. */
function violationOf(
  protection: Protection,
  target: Target,
): (Outcome & { kind: 'smm-violation' })['violation'] | undefined {
  if (target === 'anywhere') return undefined;
  const fresh = protection.includes('tree') && (target === 'counter' || target === 'tree');
  return fresh ? 'freshness' : 'integrity';
}

/** Flips the bit. Returns its frame. */
function flipBit(core: Core, index: number, { target, choice, bit }: Flip): number {
  const at = place(core, index, target, choice) + (bit >>> 3);
  core.u8[at]! ^= 1 << (bit & 7);
  return Math.floor((at - core.read(core.layout.HOST_DRAM)) / PAGE);
}

/** Address of eight bytes, of which a bit is to be flipped. */
function place(core: Core, index: number, target: Target, choice: number): number {
  const l = core.layout;
  const view = new HostView(core);
  const key = keyEntry(core, index);
  const region = core.read(key + l.SMM_KEY_META);
  const words = Math.ceil(core.read(key + l.SMM_KEY_PAGES) / NODE) * NODE;
  const page = FIRST + (choice % HOT);
  const inPage = (gfn: number): number =>
    view.frameAddress(view.domain(index).frame(gfn * PAGE)) + 8 * (Math.floor(choice / HOT) % (PAGE / 8));
  if (target === 'page') return inPage(page);
  if (target === 'cold') return inPage(FIRST + HOT + (choice % COLD));
  if (target === 'counter') return region + 8 * page;
  if (target === 'mac') return region + 8 * (words + page);
  if (target === 'tree') return onPath(region, words, page, choice);
  const frames: number[] = [];
  for (let frame = 0; frame < view.frames; frame++) {
    const entry = core.read(l.HOST_FRAME_TABLE) + frame * l.FRAME_ENTRY_SIZE;
    const type = core.u16[(entry + l.FRAME_TYPE) >>> 1]!;
    if (core.u16[(entry + l.FRAME_OWNER) >>> 1] !== index) continue;
    if (type === l.FRAME_TYPE_GUEST || type === l.FRAME_TYPE_SMM) frames.push(frame);
  }
  return view.frameAddress(frames[choice % frames.length]!) + 8 * (Math.floor(choice / frames.length) % (PAGE / 8));
}

/** A word of a node above the counters that the check of a page reads: assembly/smm/tree.ts. */
function onPath(region: number, words: number, page: number, choice: number): number {
  const nodes: number[] = [];
  let at = region + 16 * words;
  let [length, index] = [words / NODE, Math.floor(page / NODE)];
  while (length > 1) {
    nodes.push(at + 8 * NODE * Math.floor(index / NODE));
    const padded = Math.ceil(length / NODE) * NODE;
    at += 8 * padded;
    length = padded / NODE;
    index = Math.floor(index / NODE);
  }
  return nodes[choice % nodes.length]! + 8 * (Math.floor(choice / nodes.length) % NODE);
}
