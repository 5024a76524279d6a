/** Domains with disks: real guests that drive them, and what the hypervisor makes of it. */
import { describe, expect, it } from 'vitest';
import { readChecksums } from '../../src/experiment/checksums.js';
import { EOPNOTSUPP } from '../../src/hypervisor/errno.js';
import { runHost } from '../../src/hypervisor/host.js';
import { type HostImage, readImage, writeImage } from '../../src/hypervisor/save.js';
import type { DiskConfig, DomainConfig, DomainResult, HostConfig, HostError } from '../../src/hypervisor/types.js';
import { codeDomain, guestDomain, hostConfig, manifest } from './fixture.js';

const INLINE = { workers: 1 };
const SHORT = { cmdline: 'n=50 seed=7', maxInstructions: 40_000_000 };
const NATIVE = { 'n=50 seed=7': ['disk-before', 'disk-wrong', 'disk-refused', 'disk-after'] };

const disk = (change: Partial<DomainConfig> = {}): DomainConfig => guestDomain('disk', { ...SHORT, ...change });
const checksums = ({ console }: DomainResult): Record<string, string> => Object.fromEntries(readChecksums(console));

async function run(domains: readonly DomainConfig[], change: Partial<HostConfig> = {}) {
  const { deterministic } = await runHost(hostConfig(domains, { pcpus: 2, ...change }), INLINE);
  expect(deterministic.zeroSum).toBe(true);
  return deterministic.domains;
}

/** MOV EAX, [address] and MOV [address], EAX at a fixed address. */
const word = (value: number): number[] => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];
const loadFrom = (address: number): number[] => [0xa1, ...word(address)];
const HLT = [0xfa, 0xf4];

describe('a domain with a disk', () => {
  it('computes what the same program computes natively, whatever stands between it and memory', {
    timeout: 120_000,
  }, async () => {
    const kinds: Partial<DomainConfig>[] = [
      {},
      { translation: { kind: 'direct' } },
      { translation: { kind: 'ept', pageSize: '2m', accessedDirty: false } },
      { apic: true },
      { protection: 'ctr+mac+tree' },
      { protection: 'xts' },
    ];
    const results = await run(kinds.map((kind, i) => disk({ name: `d${i}`, ...kind })));
    for (const result of results) {
      expect(result.outcome).toEqual({ kind: 'shutdown', code: 0, reason: 'poweroff' });
      expect(Object.keys(checksums(result))).toEqual(NATIVE['n=50 seed=7']);
      expect(result.diskSha256).toBe(results[0]!.diskSha256);
      expect(result.dma).toEqual(results[0]!.dma);
    }
    expect(results[0]!.dma.faults).toBe(0);
    expect(results[0]!.dma.requests).toBe(2 * 256 + 50 + 3);
  });

  it('sleeps until its disk interrupts', { timeout: 60_000 }, async () => {
    const [result] = await run([disk({ cmdline: 'irq=1', maxInstructions: 80_000_000 })]);
    expect(checksums(result!)).toEqual(manifest.guests.disk!.checksums);
    expect(result!.interrupts).toBe(result!.dma.requests);
    expect(result!.exits.hlt).toBeGreaterThan(500);
  });

  it('gives the same results for any number of workers', { timeout: 120_000 }, async () => {
    const domains = [0, 1, 2].map((i) =>
      disk({ name: `d${i}`, ...(i === 2 && { disk: { sizeBytes: 131072, seed: 7, readOnly: true } }) }),
    );
    const config = hostConfig(domains, { pcpus: 3 });
    const { deterministic } = await runHost(config, INLINE);
    expect(deterministic.domains[2]!.outcome).toMatchObject({ kind: 'shutdown', reason: 'crash' }); // it cannot write
    expect((await runHost(config, { workers: 2 })).deterministic).toEqual(deterministic);
  });

  it('goes on from where it was saved, and its disk with it', { timeout: 120_000 }, async () => {
    const config = hostConfig([disk({ protection: 'ctr+mac' }), disk({ name: 'other' })], { pcpus: 2 });
    const { deterministic } = await runHost(config, INLINE);
    let image: HostImage | undefined;
    const to = (saved: HostImage): void => {
      image = readImage(writeImage(saved));
    };
    await runHost(config, { ...INLINE, save: { at: 10_000_000, to } });
    const again = await runHost(config, { ...INLINE, restore: image! });
    expect(again.deterministic).toEqual(deterministic);
  });

  it('may have it passed through: with machine memory from 0 on, an ordinary driver works', {
    timeout: 120_000,
  }, async () => {
    const through = disk({
      ...{ name: 'through', translation: { kind: 'direct' } },
      ...{ cmdline: 'n=5 seed=7', disk: { sizeBytes: 131072, seed: 7, passthrough: true } },
    });
    const plain = disk({ name: 'plain', cmdline: 'n=5 seed=7' });
    const config = hostConfig([through, plain, disk({ name: 'other' })], { pcpus: 3, quantumCycles: 100_000 });
    const { deterministic } = await runHost(config, INLINE);
    const [a, b] = deterministic.domains;
    expect(a!.outcome).toMatchObject({ kind: 'shutdown', reason: 'poweroff' });
    expect(checksums(a!)).toEqual(checksums(b!));
    expect([a!.diskSha256, a!.dma]).toEqual([b!.diskSha256, b!.dma]);
    expect((await runHost(config, { workers: 2 })).deterministic).toEqual(deterministic);
  });

  it('pays for what its disk moves', async () => {
    const costs = (cycles: number): HostConfig['costTable'] => {
      const { costTable } = hostConfig([]);
      return {
        ...costTable,
        lines: costTable.lines.map((line) => (line.event === 'dma' ? { ...line, cycles } : line)),
      };
    };
    const [free] = await run([disk()], { costTable: costs(0) });
    const [dear] = await run([disk()], { costTable: costs(100) });
    expect(dear!.retired).toBe(free!.retired);
    const moved = free!.dma.readBytes + free!.dma.writeBytes;
    expect((dear!.cycles - free!.cycles) / 100).toBeGreaterThan(moved / 64);
  });

  it('cannot be forked: told before anything runs, and to whoever asks later', async () => {
    const forks = [disk(), disk({ name: 'fork', fork: { of: 'disk', at: 'marker' } })];
    await expect(runHost(hostConfig(forks), INLINE)).rejects.toThrow(
      "the disk of 'fork' cannot be: the domain is a fork",
    );
    const { disk: _, ...bare } = forks[1]!;
    await expect(runHost(hostConfig([forks[0]!, bare]), INLINE)).rejects.toThrow("'disk' has a disk");
    let answer = 0;
    const operator = (x: { fork(slot: number): number }): void => {
      if (answer === 0) answer = x.fork(0);
    };
    await runHost(hostConfig([disk()], { domainSlots: 1, memoryBytes: 2 ** 25 }), { ...INLINE, operator });
    expect(answer).toBe(-EOPNOTSUPP);
  });

  it.each<[string, Partial<DiskConfig>]>([
    ["of 'd' must have a multiple of 512", { sizeBytes: 1000 }],
    ["of 'd' must have a multiple of 512", { sizeBytes: 2 ** 31 }],
    ["of 'd' is too small for its contents", { contents: new Uint8Array(513) }],
    ["of 'd' has contents and a seed", { contents: new Uint8Array(1), seed: 1 }],
  ])('is refused: the disk %s', async (message, change) => {
    const error = await runHost(
      hostConfig([codeDomain('d', HLT, { disk: { sizeBytes: 512, ...change } })]),
      INLINE,
    ).catch((thrown: HostError) => thrown);
    expect(error).toMatchObject({ code: 'domain-disk', domain: 0 });
    expect((error as HostError).message).toContain(message);
  });
});

describe('the registers in guest-physical memory', () => {
  const DISK = { sizeBytes: 512 };
  it('are there with a disk alone, to be read and written but not executed', async () => {
    const read = [...loadFrom(0xfeb00000), 0x3d, ...word(0x74726976), 0x74, 0x02, 0x0f, 0x0b, ...HLT]; // else #UD
    const jump = [0xb8, ...word(0xfeb00000), 0xff, 0xe0];
    const results = await run([
      codeDomain('with', read, { disk: DISK }),
      codeDomain('without', read),
      codeDomain('executes', jump, { disk: DISK }),
      codeDomain('beyond', loadFrom(0xfeb01000), { disk: DISK }),
      codeDomain('direct', read, { disk: DISK, translation: { kind: 'direct' } }),
    ]);
    expect(results.map(({ outcome }) => outcome)).toMatchObject([
      { kind: 'halted' },
      { kind: 'ept-violation', address: 0xfeb00000, access: 'read' },
      { kind: 'ept-violation', address: 0xfeb00000, access: 'execute' },
      { kind: 'ept-violation', address: 0xfeb01000, access: 'read' },
      { kind: 'halted' },
    ]);
    expect(results[0]!.exits['ept-violation']).toBe(1);
  });
});
