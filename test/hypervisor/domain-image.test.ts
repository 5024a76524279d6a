import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DomainImage, readDomain, writeDomain } from '../../src/hypervisor/domain-image.js';
import { runHost } from '../../src/hypervisor/host.js';
import type { Operator } from '../../src/hypervisor/operator.js';
import { SaveError } from '../../src/hypervisor/sealed-file.js';
import type { DomainConfig, DomainResult, HostConfig } from '../../src/hypervisor/types.js';
import { guestDomain, hostConfig, MIB, manifest } from './fixture.js';

const INLINE = { workers: 1 };
const QUANTUM = 200_000;
const GUESTS = Object.keys(manifest.guests).filter(
  (name) =>
    !manifest.guests[name]!.hostile && !manifest.guests[name]!.disk && name !== 'memory' && !name.startsWith('smm-'),
);

/** All that a domain does and is, but where it ran and where it comes from. */
function life(result: DomainResult) {
  const { name, template, pcpu, scheduling, inherited, tablePages, ...rest } = result;
  return rest;
}

function config(domains: readonly DomainConfig[], change: Partial<HostConfig> = {}): HostConfig {
  return hostConfig(domains, { pcpus: 2, quantumCycles: QUANTUM, sliceCycles: 50_000, ...change });
}

/** Saves the domain in slot `slot` at the end of quantum `at`, by way of a file; `then` may do something to it. */
async function saved(host: HostConfig, at: number, slot = 0, then?: (operator: Operator) => void) {
  let image: DomainImage | undefined;
  let quantum = 0;
  const { deterministic } = await runHost(host, {
    ...INLINE,
    operator: (operator) => {
      if (++quantum !== at) return;
      image = readDomain(writeDomain(operator.save(slot)));
      then?.(operator);
    },
  });
  return { deterministic, image: image! };
}

/** The configuration of a domain that begins from an image. */
function from(image: DomainImage, change: Partial<DomainConfig> = {}): DomainConfig {
  return { ...image.config, name: image.name, restore: image, ...change };
}

/** A host of other domains whose machine frames, slots and pCPUs are not those of the one that saved. */
function elsewhere(image: DomainImage, change: Partial<DomainConfig> = {}): HostConfig {
  const others = [
    guestDomain('timer', { name: 'before', maxInstructions: 50_000 }),
    guestDomain('hello', { name: 'between' }),
  ];
  return config([...others, from(image, { pcpu: 1, ...change })], { quantumCycles: 70_000, pcpus: 3, seed: 9 });
}

describe('a saved domain', () => {
  it.each(GUESTS)('running %s goes on in another host as it would have', async (guest) => {
    const domain = guestDomain(guest, { maxInstructions: 400_000 });
    const alone = (await runHost(config([domain]), INLINE)).deterministic;
    const expected = life(alone.domains[0]!);
    for (const at of [1, 2, 5]) {
      if (at >= alone.quanta) continue;
      const { deterministic, image } = await saved(config([domain]), at);
      expect(deterministic).toEqual(alone);
      const { domains, zeroSum } = (await runHost(elsewhere(image), INLINE)).deterministic;
      expect(zeroSum).toBe(true);
      expect(life(domains[2]!)).toEqual(expected);
      expect(domains[2]!.inherited).toBeGreaterThan(0);
    }
  });

  it('goes on at any moment, whatever its translation, also as a fork, in the same host again', {
    timeout: 120_000,
  }, async () => {
    const translations: DomainConfig['translation'][] = [
      { kind: 'ept', pageSize: '4k', accessedDirty: true },
      { kind: 'ept', pageSize: '4k', accessedDirty: false },
      { kind: 'ept', pageSize: '2m', accessedDirty: true },
      { kind: 'direct' },
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('timer', 'paging', 'rings', 'smc', 'ctx', 'fleet'),
        fc.constantFrom(...translations),
        fc.integer({ min: 10_000, max: 300_000 }),
        fc.integer({ min: 1, max: 6 }),
        fc.boolean(),
        async (guest, translation, quantumCycles, at, forked) => {
          const domain = guestDomain(guest, { maxInstructions: 150_000, memoryBytes: 4 * MIB, translation });
          const settings = { quantumCycles, memoryBytes: 32 * MIB, domainSlots: 3 };
          const alone = (await runHost(config([domain], settings), INLINE)).deterministic.domains[0]!;
          let quantum = 0;
          const { domains, zeroSum } = (
            await runHost(config([domain], settings), {
              ...INLINE,
              operator: (operator) => {
                quantum++;
                const fork = forked && translation.kind === 'ept' && quantum === 1 ? operator.fork(0) : 0;
                if (fork > 0) operator.destroy(0); // waits for the fork's end
                if (quantum !== at) return;
                const newest = operator.domains.at(-1);
                if (newest === undefined) return;
                const slot = operator.restore(readDomain(writeDomain(operator.save(newest))));
                expect(slot).toBeGreaterThan(0);
                if (quantumCycles % 2 === 0) operator.destroy(newest);
              },
            })
          ).deterministic;
          expect(zeroSum).toBe(true);
          for (const each of domains) {
            if (each.outcome.kind === 'destroyed') continue;
            const copies = each.exits['ept-violation'] ?? 0;
            const { exits, exitsTotal, copiedPages, ...rest } = life(each);
            const { exits: _, exitsTotal: total, copiedPages: __, ...others } = life(alone);
            if (copies > 0 && translation.kind === 'ept' && translation.pageSize === '2m') continue; // split by the fork
            expect(rest).toEqual(others);
            expect(exitsTotal - copies).toBe(total - (alone.exits['ept-violation'] ?? 0));
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('keeps what its second-level TLB holds', { timeout: 60_000 }, async () => {
    const change = { cmdline: 'kb=20480', memoryBytes: 32 * MIB, maxInstructions: 26_000_000 };
    const host = config([guestDomain('pchase', change)], { quantumCycles: 2_000_000 });
    const alone = (await runHost(host, INLINE)).deterministic;
    expect(alone.domains[0]!.stlbHits).toBeGreaterThan(10_000);
    const { image } = await saved(host, alone.quanta - 2);
    const { domains } = (await runHost(elsewhere(image), INLINE)).deterministic;
    expect(life(domains[2]!)).toEqual(life(alone.domains[0]!));
  });

  it('has lost its channels to others and its grants, and says so', async () => {
    const pair = ['side=first peer=1', 'side=second peer=0'].map((cmdline, i) =>
      guestDomain('pingpong', { name: `ping-${i}`, cmdline, maxInstructions: 200_000 }),
    );
    const { image } = await saved(config(pair, { pcpus: 1, sliceCycles: 20_000 }), 2);
    const { domains, zeroSum } = (await runHost(elsewhere(image), INLINE)).deterministic;
    expect(zeroSum).toBe(true);
    // It waits for an event that nobody can send any more.
    expect(domains[2]!.outcome).toEqual({ kind: 'halted', interrupts: true });
  });

  it('is restored as often as there is room, and no further', async () => {
    const domain = guestDomain('timer', { maxInstructions: 100_000, memoryBytes: 2 * MIB });
    const found: number[] = [];
    const host = config([domain], { domainSlots: 4, memoryBytes: 7 * MIB, quantumCycles: 50_000 });
    const { domains, zeroSum } = (
      await runHost(host, {
        ...INLINE,
        operator: (operator) => {
          if (found.length > 0) return;
          const image = operator.save(0);
          for (let i = 0; i < 3; i++) found.push(operator.restore(image, { paused: i === 1 }));
          operator.unpause(2);
        },
      })
    ).deterministic;
    expect(found).toEqual([1, 2, -12]);
    expect(domains.map(({ name }) => name)).toEqual(['timer', 'timer/restored-1', 'timer/restored-2']);
    expect(life(domains[1]!)).toEqual(life(domains[0]!));
    expect(life(domains[2]!)).toEqual(life(domains[0]!));
    expect(zeroSum).toBe(true);
    const full = config([domain], { domainSlots: 1, memoryBytes: 32 * MIB, quantumCycles: 50_000 });
    const codes: number[] = [];
    await runHost(full, {
      ...INLINE,
      operator: (operator) => {
        if (codes.length === 0) for (let i = 0; i < 2; i++) codes.push(operator.restore(operator.save(0)));
      },
    });
    expect(codes).toEqual([1, -11]);
  });

  it('is the same for every number of workers', async () => {
    const { image } = await saved(config([guestDomain('timer', { maxInstructions: 300_000 })]), 1);
    const expected = (await runHost(elsewhere(image), INLINE)).deterministic;
    expect((await runHost(elsewhere(image), { workers: 3 })).deterministic).toEqual(expected);
  });
});

/** The code of the SaveError that `act` throws. */
async function codeOf(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    if (error instanceof SaveError) return error.code;
    throw error;
  }
  return 'none';
}

describe('a domain is refused', () => {
  it('by a host of another frequency, cost table or clock', async () => {
    const { image } = await saved(config([guestDomain('sieve', { maxInstructions: 900_000 })]), 1);
    const host = elsewhere(image);
    const { costTable } = host;
    const lines = costTable.lines.map((line) => (line.event === 'tlb-miss' ? { ...line, cycles: 3 } : line));
    for (const change of [{ frequencyHz: 2e9 }, { costTable: { ...costTable, lines } }, { clock: 'pcpu' as const }]) {
      await expect(runHost({ ...host, ...change }, INLINE)).rejects.toMatchObject({ code: 'restore' });
      const operator = (op: Operator): void => void op.restore(image);
      const spare = config([guestDomain('hello')], { ...change, domainSlots: 1 });
      expect(await codeOf(() => runHost(spare, { ...INLINE, operator }))).toBe('machine');
    }
    expect((await runHost(host, INLINE)).deterministic.zeroSum).toBe(true);
  });

  it('if it is protected, privileged, has a disk, or is not there', async () => {
    const domains = [
      guestDomain('sieve', { protection: 'ctr+mac' }),
      guestDomain('sieve', { name: 'vm0', privileged: true }),
      guestDomain('hello', { disk: { sizeBytes: 4096 } }),
    ];
    const codes: string[] = [];
    let quantum = 0;
    await runHost(config(domains, { domainSlots: 1 }), {
      ...INLINE,
      operator: async (operator) => {
        if (++quantum !== 1) return;
        for (const slot of [0, 1, 2, 3]) codes.push(await codeOf(() => operator.save(slot)));
      },
    });
    expect(codes).toEqual(['domain', 'domain', 'domain', 'domain']);
  });

  it('if its file is damaged, cut off, of another version or build, or no such file', async () => {
    const { image } = await saved(config([guestDomain('timer', { maxInstructions: 300_000 })]), 1);
    const file = writeDomain(image);
    const code = (change: (bytes: Buffer) => Uint8Array): Promise<string> =>
      codeOf(() => readDomain(change(Buffer.from(file))));
    const sealed = (bytes: Buffer): Buffer => {
      const body = bytes.subarray(0, -32);
      return Buffer.concat([body, createHash('sha256').update(body).digest()]);
    };
    expect(await code((bytes) => bytes)).toBe('none');
    expect(await code((bytes) => sealed(bytes.fill(9, 8, 9)))).toBe('version');
    expect(await code((bytes) => bytes.fill('RINGFSAV', 0, 8))).toBe('magic');
    const rebuilt = (bytes: Buffer): Buffer =>
      sealed(Buffer.from(bytes.toString('latin1').replace(/"core":"../, '"core":"zz'), 'latin1'));
    expect(await code(rebuilt)).toBe('core');
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), async (at, bits) => {
        const found = await code((bytes) => {
          bytes[at]! ^= bits;
          return bytes;
        });
        expect(found).toBe(at < 8 ? 'magic' : at < 12 ? 'version' : 'damaged');
      }),
      { numRuns: 100 },
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 16, max: file.length - 1 }), async (length) => {
        expect(await code((bytes) => bytes.subarray(0, length))).toBe('damaged');
      }),
      { numRuns: 30 },
    );
  });
});
