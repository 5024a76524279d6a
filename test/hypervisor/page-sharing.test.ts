import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDomain, writeDomain } from '../../src/hypervisor/domain-image.js';
import { runHost } from '../../src/hypervisor/host.js';
import type { Operator } from '../../src/hypervisor/operator.js';
import { readImage, writeImage } from '../../src/hypervisor/save.js';
import type { DomainConfig, DomainResult, HostConfig, HostResult, RunOptions } from '../../src/hypervisor/types.js';
import type { Core } from '../../src/machine/core.js';
import { HostView } from '../../src/machine/views.js';
import { codeDomain, guestDomain, hostConfig, MIB } from './fixture.js';

const INLINE = { workers: 1 };
const QUANTUM = 100_000;
const EVERY = { pageSharing: { every: QUANTUM } };

/** All that a domain does and is; only that its pages were copied, and what its pCPU and the hooks made of that, may differ. */
function life({ scheduling, hooks, copiedPages, mergedPages, exitsTotal, exits, pcpu, ...rest }: DomainResult) {
  const { 'ept-violation': copies = 0, ...others } = exits;
  return { ...rest, exits: others, copies: rest.outcome.kind === 'ept-violation' ? copies - 1 : 0 };
}

function config(domains: readonly DomainConfig[], change: Partial<HostConfig> = {}): HostConfig {
  return hostConfig(domains, { pcpus: 2, quantumCycles: QUANTUM, sliceCycles: 30_000, ...change });
}

/** `count` domains of the same guest, which are not the same in their names. */
function alike(guest: string, count: number, change: Partial<DomainConfig> = {}): DomainConfig[] {
  const settings = { maxInstructions: 200_000, memoryBytes: 4 * MIB, ...change };
  return Array.from({ length: count }, (_, i) => guestDomain(guest, { name: `${guest}-${i}`, ...settings }));
}

async function run(host: HostConfig, options: Partial<RunOptions> = {}): Promise<HostResult['deterministic']> {
  return (await runHost(host, { ...INLINE, ...options })).deterministic;
}

/**
 * What the hypervisor believes of common frames, held against each other: tables of domains, reference counts, EPT leaves, counters. The
 * operator sees the core through a domain.
 */
function audit(core: Core): void {
  const l = core.layout;
  const host = new HostView(core);
  const held = new Map<number, number>();
  // An expectation per page would take most of the time.
  const hold = (what: string, found: unknown, expected: unknown): void => {
    if (found !== expected) throw new Error(`${what}: ${found}, not ${expected}`);
  };
  for (let slot = 0; slot < host.domains; slot++) {
    const directory = core.read(l.HOST_MERGE) + slot * l.MERGE_ENTRY;
    const domain = host.domain(slot);
    const seen = new Set<number>();
    for (let page = 0; page < core.read(directory + 4); page++) {
      const frame = core.read(core.read(directory) + 4 * page) - 1;
      if (frame < 0) continue;
      hold('frame of the EPT', domain.frame(page * 4096), frame);
      hold('shared', core.call.isShared(domain.base, page * 4096), 1);
      hold('held twice', seen.has(frame), false);
      seen.add(frame);
      held.set(frame, (held.get(frame) ?? 0) + 1);
    }
    hold('pages of the domain', core.read(domain.base + l.DOMAIN_MERGED), seen.size);
  }
  let common = 0;
  for (let frame = 0; frame < host.frames; frame++) {
    const entry = core.read(l.HOST_FRAME_TABLE) + frame * l.FRAME_ENTRY_SIZE;
    if (core.u16[(entry + l.FRAME_TYPE) >>> 1] !== l.FRAME_TYPE_COMMON) continue;
    common++;
    hold('references', core.read(entry + l.FRAME_LINK), held.get(frame));
  }
  hold('common frames', held.size, common);
  hold('HOST_MERGE_FRAMES', core.read(l.HOST_MERGE_FRAMES), common);
  const pages = [...held.values()].reduce((sum, n) => sum + n, 0);
  hold('HOST_MERGE_PAGES', core.read(l.HOST_MERGE_PAGES), pages);
}

/** To be called after a quantum: frames that it left to nobody are freed behind the operator. */
const auditing = (operator: Operator): void => {
  const [slot] = operator.domains;
  if (slot === undefined) return;
  const { core } = operator.domain(slot);
  core.call.mergeReap();
  audit(core);
};

describe('pages of equal content', () => {
  it('are kept once, and no guest notices: the same results with and without, for any number of workers', {
    timeout: 60_000,
  }, async () => {
    for (const guest of ['paging', 'smc', 'ctx', 'interp']) {
      const domains = [...alike(guest, 3), ...alike('strings', 1)];
      const without = await run(config(domains));
      const shared = await run(config(domains, EVERY), { operator: auditing });
      expect(shared.domains.map(life)).toEqual(without.domains.map(life));
      expect([without.zeroSum, shared.zeroSum]).toEqual([true, true]);
      expect(without.pageSharing).toEqual({ passes: 0, scanned: 0, merged: 0, unshared: 0, savedMost: 0 });
      // 4 MiB each, and most of it is never touched: two of three frames.
      expect(shared.pageSharing.savedMost).toBeGreaterThan(3 * 800);
      expect(shared.pageSharing.unshared).toBe(shared.domains.reduce((sum, { copiedPages }) => sum + copiedPages, 0));
      expect(shared.domains.reduce((sum, { mergedPages }) => sum + mergedPages, 0)).toBe(shared.pageSharing.merged);
      expect(await run(config(domains, EVERY), { workers: 2 })).toEqual(shared);
    }
  });

  it('are shared by those that take part: EPT with 4 KiB leaves, no protection, no privilege, no refusal', async () => {
    const ept = (pageSize: '4k' | '2m') => ({ kind: 'ept', pageSize, accessedDirty: true }) as const;
    const odd: Partial<DomainConfig>[] = [
      { protection: 'ctr+mac' },
      { privileged: true },
      { translation: { kind: 'direct' } },
      { translation: ept('2m') },
      { pageSharing: false },
    ];
    const domains = odd.flatMap((change, i) =>
      alike('sieve', 2, change).map((each) => ({ ...each, name: `${each.name}-${i}` })),
    );
    const none = await run(config([...domains, ...alike('sieve', 1)], EVERY));
    expect(none.pageSharing).toMatchObject({ merged: 0, savedMost: 0 });
    expect(none.pageSharing.passes).toBeGreaterThan(1);
    const pair = await run(config([...domains, ...alike('sieve', 2)], EVERY));
    expect(pair.domains.map(({ mergedPages }) => mergedPages > 0)).toEqual([...Array(10).fill(false), true, true]);
  });

  it('are not shared by domains that the policy keeps apart', async () => {
    const domains = alike('sieve', 3);
    const security = [{ operation: 'share', subject: 'sieve-2', object: 'sieve-0', verdict: 'deny' }] as const;
    const result = await run(config(domains, { ...EVERY, security }));
    // The first two share; the third may join neither of their frames.
    expect(result.domains.map(({ mergedPages }) => mergedPages > 0)).toEqual([true, true, false]);
    expect(result.audit[0]).toEqual({ operation: 'share', subject: 2, object: 0 });
    expect(result.domains[2]!.hooks.share!.denied).toBeGreaterThan(2);
    expect(result.zeroSum).toBe(true);
  });

  it('stay apart while they are granted or mapped by others, and data still gets through', async () => {
    const pair = (peers: readonly number[]): DomainConfig[] =>
      ['side=first', 'side=second'].map((side, i) =>
        guestDomain('bulk', { name: `bulk-${i}`, cmdline: `${side} peer=${peers[i]}`, maxInstructions: 2_000_000 }),
      );
    const domains = [...pair([1, 0]), ...pair([3, 2]).map((each, i) => ({ ...each, name: `more-${i}` }))];
    const without = await run(config(domains));
    const shared = await run(config(domains, EVERY), { operator: auditing });
    expect(shared.domains.map(({ consoleSha256 }) => consoleSha256)).toEqual(
      without.domains.map(({ consoleSha256 }) => consoleSha256),
    );
    expect(shared.domains.map(({ outcome }) => outcome)).toEqual(without.domains.map(({ outcome }) => outcome));
    expect(shared.pageSharing.merged).toBeGreaterThan(1000);
    expect(shared.zeroSum).toBe(true);
  });

  it('are read by VM0 as any other: a page that it maps becomes its own again first', async () => {
    const victim = { input: 'the secret of the page!\n', maxInstructions: 2_000_000 };
    const domains = [
      guestDomain('vm0-dump', {
        privileged: true,
        cmdline: 'of=1 hex=74686520736563726574',
        maxInstructions: 60_000_000,
      }),
      guestDomain('vm0-victim', { name: 'one', ...victim }),
      guestDomain('vm0-victim', { name: 'two', ...victim }),
    ];
    const without = await run(config(domains, { pcpus: 1 }));
    const shared = await run(config(domains, { pcpus: 1, ...EVERY }));
    expect(Buffer.from(shared.domains[0]!.console).toString()).toBe(
      Buffer.from(without.domains[0]!.console).toString(),
    );
    expect(shared.pageSharing.merged).toBeGreaterThan(1000);
    expect(shared.zeroSum).toBe(true);
  });

  it('are freed with their last holder, in whatever order domains end, are forked, saved, restored', {
    timeout: 120_000,
  }, async () => {
    const steps = fc.array(
      fc.tuple(
        fc.constantFrom('share', 'destroy', 'fork', 'reset', 'save', 'pause', 'unpause', 'write', 'nothing'),
        fc.nat(7),
      ),
      { minLength: 3, maxLength: 14 },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('timer', 'paging', 'smc', 'rings', 'fib'),
        fc.integer({ min: 2, max: 4 }),
        fc.integer({ min: 20_000, max: 200_000 }),
        steps,
        async (guest, count, quantumCycles, todo) => {
          const domains = alike(guest, count, { memoryBytes: 2 * MIB, maxInstructions: 150_000 });
          const settings = { quantumCycles, memoryBytes: 24 * MIB, domainSlots: 4 };
          const { domains: alone } = await run(config(domains, settings));
          let step = 0;
          const operator = (op: Operator): void => {
            const [what, which] = todo[step++] ?? ['unpause', step];
            const there = op.domains;
            const slot = there[which % Math.max(1, there.length)];
            if (slot === undefined) return;
            if (what === 'share') op.sharePages();
            if (what === 'destroy') op.destroy(slot);
            if (what === 'fork') op.fork(slot, which % 2);
            if (what === 'reset') op.reset(slot);
            if (what === 'save') op.restore(readDomain(writeDomain(op.save(slot))));
            if (what === 'pause') op.pause(slot);
            if (what === 'unpause') for (const each of there) op.unpause(each);
            if (what === 'write')
              op.domain(slot).writeMemory(MIB + 64 * 1024, op.domain(slot).readMemory(MIB + 64 * 1024, 9000));
            auditing(op);
          };
          const result = await run(config(domains, { ...settings, pageSharing: {} }), { operator });
          expect(result.zeroSum).toBe(true);
          for (const each of result.domains) {
            // Who is paused when nobody else can run any more ends there.
            if (['destroyed', 'host-memory', 'halted'].includes(each.outcome.kind)) continue;
            const template = alone.find(({ name }) => name === each.name.split('/')[0])!;
            const { name: _, inherited: __, tablePages: ___, template: ____, stateHash, ...rest } = life(each);
            const {
              name: a,
              inherited: b,
              tablePages: c,
              template: d,
              stateHash: expected,
              ...others
            } = life(template);
            expect(stateHash).toBe(expected);
            if (todo.every(([what]) => what !== 'reset')) expect(rest).toEqual(others);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('are part of a saved host', async () => {
    const host = config(alike('timer', 3), EVERY);
    const expected = await run(host);
    expect(expected.pageSharing.unshared).toBeGreaterThan(0);
    for (const at of [1, 2, 4]) {
      let file: Uint8Array | undefined;
      const save = {
        at: at * QUANTUM,
        to: (image: Parameters<typeof writeImage>[0]): void => {
          file = writeImage(image);
        },
      };
      expect(await run(host, { save })).toEqual(expected);
      expect(await run(host, { restore: readImage(file!) })).toEqual(expected);
    }
  });

  it('can be promised twice: who writes what the host has no frame for ends, and nobody else', async () => {
    // Each writes all of its memory after a while; together they have less than that.
    const writer = (name: string, number: number): DomainConfig =>
      codeDomain(
        name,
        [
          ...[0xb9, 0x00, 0x00, 0x20, 0x00], // mov ecx, 0x200000: as the passes run
          ...[0x49, 0x75, 0xfd], // dec ecx; jnz
          ...[0xb8, number, 0x00, 0x00, 0x00], // mov eax, number
          ...[0xbf, 0x00, 0x00, 0x20, 0x00], // mov edi, 2 MiB
          ...[0x89, 0x3f, 0x89, 0x47, 0x04], // mov [edi], edi; mov [edi + 4], eax
          ...[0x81, 0xc7, 0x00, 0x10, 0x00, 0x00], // add edi, 4096
          ...[0x81, 0xff, 0x00, 0x00, 0x80, 0x00, 0x72, 0xed], // cmp edi, 8 MiB; jb
          0xf4,
        ],
        { memoryBytes: 8 * MIB, maxInstructions: 10_000_000 },
      );
    const domains = ['a', 'b', 'c'].map(writer);
    const settings = { pcpus: 1, memoryBytes: 28 * MIB, domainSlots: 40 };
    let forks = 0;
    const result = await run(
      config([...domains, ...alike('timer', 1, { memoryBytes: 2 * MIB })], { ...settings, ...EVERY }),
      {
        // The frames that were saved are given away: copies of a domain that shares no pages.
        operator: (op) => {
          if (forks > 0 || op.domains.length < 4) return;
          const image = op.save(3);
          while (op.restore(image, { paused: true }) > 0) forks++;
        },
      },
    );
    expect(forks).toBeGreaterThan(5);
    const outcomes = result.domains.slice(0, 3).map(({ outcome }) => outcome.kind);
    expect(outcomes).toContain('host-memory');
    expect(result.domains[3]!.outcome.kind).toBe('limit'); // its own
    expect(result.zeroSum).toBe(true);
  });

  it('are not believed to be what an EPT says that somebody wrote', async () => {
    const domains = [
      ...alike('timer', 3, { memoryBytes: 2 * MIB }),
      ...alike('timer', 1, { pageSharing: false, memoryBytes: 2 * MIB }).map((each) => ({ ...each, name: 'victim' })),
    ];
    let step = 0;
    const without = await run(config(domains));
    const result = await run(config(domains, { pageSharing: {} }), {
      operator: (op) => {
        if (++step !== 1) return;
        op.sharePages();
        const { core } = op.domain(0);
        const host = new HostView(core);
        const leafOf = (slot: number, gpa: number): number => {
          let table = Math.floor(op.domain(slot).eptp / 4096);
          for (let level = 4; ; level--) {
            const p = host.frameAddress(table) + 8 * (Math.floor(gpa / 2 ** (3 + 9 * level)) % 512);
            if (level === 1) return p;
            table = core.read(p) >>> 12;
          }
        };
        // A domain that shares nothing is led to a common frame; one that shares is led away, and twice to the same.
        const common = core.read(leafOf(0, 0x1f0000));
        expect(core.call.isShared(op.domain(0).base, 0x1f0000)).toBe(1);
        core.write(leafOf(3, 0x1f0000), common);
        core.write(leafOf(1, 0x1f1000), common);
        core.write(leafOf(1, 0x1f2000), common);
        // Such a write is an EPT violation, which the owner of the page does not survive: it is not copied on trust.
        expect(core.call.unsharePage(op.domain(3).base, 0x1f0000, host.pcpuAddress(0))).toBe(-5);
        expect(core.call.unsharePage(op.domain(1).base, 0x1f1000, host.pcpuAddress(0))).toBe(-5);
        for (const slot of [3, 1]) op.destroy(slot);
        const l = core.layout;
        // The frames that the EPT did not tell of any more are not the point here: they are found where VM0 maps machine frames.
        expect(core.read(l.HOST_MERGE_PAGES)).toBe(
          core.read(op.domain(0).base + l.DOMAIN_MERGED) + core.read(op.domain(2).base + l.DOMAIN_MERGED),
        );
        audit(core);
      },
    });
    for (const slot of [0, 2]) expect(life(result.domains[slot]!)).toEqual(life(without.domains[slot]!));
  });
});
