import { describe, expect, it } from 'vitest';
import { createDomain, reserve } from '../../src/hypervisor/domain.js';
import { Host, runHost } from '../../src/hypervisor/host.js';
import { AbortedError, type DomainConfig, type DomainResult, HostError } from '../../src/hypervisor/types.js';
import { HostView } from '../../src/machine/views.js';
import { codeDomain, guestDomain, hostConfig, MIB, manifest } from './fixture.js';

const INLINE = { workers: 1 };

const HLT = 0xf4;
const CLI = 0xfa;
const RDTSC = [0x0f, 0x31];
const SPIN = [0xeb, 0xfe]; // JMP $
/** MOV DWORD [address], EAX */
const storeAt = (address: number) => [0xa3, address & 255, (address >> 8) & 255, (address >> 16) & 255, address >>> 24];

/** Guests that together use timers, paging, rings, self-modifying code, input and every way to end. */
function mixture(): DomainConfig[] {
  const names = Object.keys(manifest.guests).filter(
    (name) => manifest.guests[name]!.hostile || !/^(sha|mat|crc)/.test(name),
  );
  return names.map((name) => guestDomain(name, { maxInstructions: 120_000 }));
}

/** What a domain can tell of itself: everything but where it ran and how often it had to wait. */
type Own = Omit<DomainResult, 'pcpu' | 'template' | 'scheduling'>;
function own({ pcpu: _, template: __, scheduling: ___, ...rest }: DomainResult): Own {
  return rest;
}

describe('runHost', () => {
  it('gives the same results for 1, 2 and 4 workers, inline or not', { timeout: 60_000 }, async () => {
    const config = hostConfig(mixture());
    const { deterministic } = await runHost(config, INLINE);
    expect(deterministic.zeroSum).toBe(true);
    expect(new Set(deterministic.domains.map((d) => d.outcome.kind)).size).toBeGreaterThan(4);
    for (const workers of [1, 2, 4]) {
      const again = await runHost(config, { workers });
      expect(again.wallClock.workers).toBe(workers);
      expect(again.deterministic).toEqual(deterministic);
    }
    expect((await runHost(config, { workers: 4, inline: true })).deterministic).toEqual(deterministic);
  });

  it('gives a domain the same results wherever and with whomever it runs', { timeout: 60_000 }, async () => {
    const domains = mixture();
    const { deterministic } = await runHost(hostConfig(domains), INLINE);
    const expected = deterministic.domains.map(own);
    for (const change of [
      { pcpus: 1 },
      { sliceCycles: 33_333 },
      { quantumCycles: 123_457 },
      { pcpus: 7, sliceCycles: 7_777, quantumCycles: 1_000_003 },
    ]) {
      const again = await runHost(hostConfig(domains, change), INLINE);
      expect(again.deterministic.domains.map(own)).toEqual(expected);
    }
    const alone = await runHost(hostConfig(domains.slice(3, 4)), INLINE);
    expect(own(alone.deterministic.domains[0]!)).toEqual(expected[3]);
  });

  it('keeps domains apart from hostile neighbours', { timeout: 60_000 }, async () => {
    const good = ['hello', 'timer', 'rings', 'paging'].map((name) => guestDomain(name));
    const hostile = mixture().filter(({ name }) => manifest.guests[name]!.hostile);
    const among = await runHost(hostConfig([...hostile, ...good], { pcpus: 1 }), INLINE);
    const alone = await runHost(hostConfig(good, { pcpus: 1 }), INLINE);
    const last = among.deterministic.domains.slice(hostile.length);
    expect(last.map(own)).toEqual(alone.deterministic.domains.map(own));
  });

  it('lets domains see stolen time where the clock is the pCPU', async () => {
    const domains = [
      codeDomain('victim', [...RDTSC, CLI, HLT]),
      codeDomain('thief', SPIN, { maxInstructions: 50_000 }),
    ];
    const run = async (all: DomainConfig[], clock: 'pcpu' | 'domain') => {
      const config = hostConfig(all, { pcpus: 1, sliceCycles: 1000, clock });
      const { domains } = (await runHost(config, INLINE)).deterministic;
      return domains.find(({ name }) => name === 'victim')!;
    };
    const both = [domains[1]!, domains[0]!];
    expect((await run(both, 'domain')).clock).toBe((await run([domains[0]!], 'domain')).clock);
    expect((await run(both, 'pcpu')).clock).toBeGreaterThan((await run([domains[0]!], 'pcpu')).clock);
  });

  it('depends on the seed, and only through the time-stamp counter', async () => {
    const hash = async (seed: number, code: number[]) => {
      const result = await runHost(hostConfig([codeDomain('tsc', code)], { seed }), INLINE);
      return result.deterministic.domains[0]!.stateHash;
    };
    expect(await hash(1, [...RDTSC, CLI, HLT])).toBe(await hash(1, [...RDTSC, CLI, HLT]));
    expect(await hash(1, [...RDTSC, CLI, HLT])).not.toBe(await hash(2, [...RDTSC, CLI, HLT]));
    expect(await hash(1, [CLI, HLT])).toBe(await hash(2, [CLI, HLT]));
  });
});

describe('limits', () => {
  it('ends a spinning guest after exactly its instructions', async () => {
    const { deterministic } = await runHost(
      hostConfig([codeDomain('spin', SPIN, { maxInstructions: 123_456 })], { sliceCycles: 1009 }),
      INLINE,
    );
    expect(deterministic.domains[0]).toMatchObject({
      outcome: { kind: 'limit', limit: 'instructions' },
      retired: 123_456,
      eip: MIB,
    });
  });

  it('ends what still runs when the host time is over', async () => {
    const { deterministic } = await runHost(
      hostConfig([codeDomain('spin', SPIN), codeDomain('brief', [CLI, HLT])], { limitCycles: 10_000_000 }),
      INLINE,
    );
    const [spin, brief] = deterministic.domains;
    expect(spin!.outcome).toEqual({ kind: 'limit', limit: 'host-time' });
    // The pCPU's time is its domain's clock and what the context switch to it took.
    const clock = spin!.clock + deterministic.pcpuSwitchCycles[0]!;
    expect(clock).toBeGreaterThanOrEqual(10_000_000);
    expect(clock).toBeLessThan(10_000_100);
    expect(brief).toMatchObject({ outcome: { kind: 'halted', interrupts: false } });
    expect(deterministic.zeroSum).toBe(true);
  });

  it('ends a guest that takes exceptions for ever and retires nothing', async () => {
    const u16 = (n: number) => [n & 255, n >> 8];
    const u32 = (n: number) => [...u16(n & 0xffff), ...u16(n >>> 16)];
    const GDTR = MIB + 0x40;
    const IDTR = MIB + 0x48;
    const GDT = MIB + 0x50;
    const HANDLER = MIB + 0x60;
    const IDT = MIB + 0x80;
    const image = new Uint8Array(0x80 + 32 * 8);
    const put = (at: number, bytes: readonly number[]) => image.set(bytes, at - MIB);
    put(MIB, [0x0f, 0x01, 0x15, ...u32(GDTR), 0x0f, 0x01, 0x1d, ...u32(IDTR), 0xbc, ...u32(MIB * 2), 0x0f, 0x0b]);
    put(GDTR, [...u16(15), ...u32(GDT)]);
    put(IDTR, [...u16(32 * 8 - 1), ...u32(IDT)]);
    put(GDT + 8, [0xff, 0xff, 0, 0, 0, 0x9a, 0xcf, 0]); // flat code
    put(HANDLER, [0x0f, 0x0b]); // UD2
    for (let i = 0; i < 32; i++) put(IDT + 8 * i, [...u16(HANDLER & 0xffff), 8, 0, 0, 0x8e, ...u16(HANDLER >>> 16)]);
    const domain = codeDomain('faults', [...image], { maxInstructions: 10_000 });
    const { deterministic } = await runHost(hostConfig([domain], { limitCycles: 1e9 }), INLINE);
    const [faults] = deterministic.domains;
    expect(faults!.outcome).toEqual({ kind: 'limit', limit: 'instructions' });
    expect(faults!.retired).toBe(3);
    expect(faults!.exceptions).toBeGreaterThan(10_000);
  });
});

describe('what can go wrong', () => {
  it('ends one domain alone when the core traps in it, with a reproducer', async () => {
    const config = hostConfig([codeDomain('sound', [CLI, HLT]), codeDomain('broken', [CLI, HLT])]);
    const host = new Host(config, INLINE);
    const { core } = host;
    core.write(new HostView(core).vcpuAddress(1) + core.layout.VCPU_PCPU, 0xfffffff0);
    const { deterministic, wallClock } = await host.run();
    await host.close();
    const [sound, broken] = deterministic.domains;
    expect(sound!.outcome.kind).toBe('halted');
    expect(broken!.outcome).toMatchObject({ kind: 'platform-error' });
    expect(wallClock.reproducers).toMatchObject([{ domain: 'broken', seed: 1, quantum: 1 }]);
    expect(deterministic.zeroSum).toBe(true);
  });

  it('stops at the end of a quantum when it is aborted', async () => {
    const config = hostConfig([codeDomain('spin', SPIN)]);
    for (const workers of [1, 2]) {
      const controller = new AbortController();
      let quanta = 0;
      const run = runHost(config, {
        workers,
        signal: controller.signal,
        onProgress: () => {
          quanta++;
          if (quanta === 3) controller.abort();
        },
      });
      await expect(run).rejects.toBeInstanceOf(AbortedError);
      expect(quanta).toBeLessThanOrEqual(4);
    }
    const aborted = AbortSignal.abort();
    await expect(runHost(config, { workers: 1, signal: aborted })).rejects.toBeInstanceOf(AbortedError);
  });

  it('refuses configurations that cannot run', async () => {
    const good = codeDomain('good', [HLT]);
    const code = async (...args: Parameters<typeof hostConfig>) => {
      const error = await runHost(hostConfig(...args), INLINE).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(HostError);
      return (error as HostError).code;
    };
    expect(await code([])).toBe('host-config');
    expect(await code([good], { pcpus: 0 })).toBe('host-config');
    expect(await code([good], { sliceCycles: 0.5 })).toBe('host-config');
    expect(await code([good], { memoryBytes: MIB })).toBe('host-memory');
    expect(await code([good, good])).toBe('domain-name');
    expect(await code([{ ...good, pcpu: 4 }])).toBe('domain-pcpu');
    expect(await code([{ ...good, memoryBytes: 4097 }])).toBe('domain-memory');
    expect(await code([{ ...good, image: Uint8Array.of(1, 2, 3) }])).toBe('image-not-elf');
    expect(await code([{ ...good, input: 'x'.repeat(2000) }])).toBe('domain-input');
    expect(await code([{ ...good, maxInstructions: 0 }])).toBe('domain-limit');
    const huge = Array.from({ length: 3 }, (_, i) => ({ ...good, name: `d${i}`, memoryBytes: 2 ** 31 }));
    expect(await code(huge)).toBe('host-memory');
  });

  it('tells which domain has the wrong image', async () => {
    const bad = codeDomain('bad', [HLT], { image: Uint8Array.of(1) });
    await expect(runHost(hostConfig([codeDomain('good', [HLT]), bad]), INLINE)).rejects.toMatchObject({ domain: 1 });
  });
});

describe('many domains', () => {
  it('runs 256 of 4 MiB in one host', { timeout: 30_000 }, async () => {
    const domains = Array.from({ length: 256 }, (_, i) =>
      codeDomain(`d${i}`, [0xb8, i, 0, 0, 0, ...storeAt(MIB + 4096), CLI, HLT], { memoryBytes: 4 * MIB }),
    );
    const { deterministic, wallClock } = await runHost(hostConfig(domains), INLINE);
    expect(deterministic.zeroSum).toBe(true);
    expect(deterministic.domains.every((d) => d.outcome.kind === 'halted')).toBe(true);
    expect(new Set(deterministic.domains.map((d) => d.stateHash)).size).toBe(256);
    expect(wallClock.memoryMiB).toBeLessThan(1200);
  });

  it('gives spare slots to domains that come later, one after the other', async () => {
    const config = hostConfig([codeDomain('first', [CLI, HLT])], { domainSlots: 2, memoryBytes: 16 * MIB });
    const host = new Host(config, INLINE);
    const { core, registry } = host;
    const late = (code: number[]): number => {
      const slot = registry.freeSlot();
      const own = codeDomain('settings', code);
      createDomain(core, slot, own, 0, 0, reserve(core, slot, own));
      registry.born(slot, { parent: 0, kind: 'domain', config: own });
      registry.start(slot);
      return slot;
    };
    expect(late(SPIN)).toBe(1);
    expect(late([CLI, HLT])).toBe(2);
    expect(registry.freeSlot()).toBe(-1);
    registry.end(1, { kind: 'destroyed', by: 'first' });
    expect(registry.freeSlot()).toBe(1);
    expect(late([0x40, CLI, HLT])).toBe(1); // INC EAX
    const { domains, zeroSum } = (await host.run()).deterministic;
    await host.close();
    expect(zeroSum).toBe(true);
    expect(domains.map(({ name, template, outcome, retired }) => [name, template, outcome.kind, retired])).toEqual([
      ['first', 0, 'halted', 2],
      ['first/domain-1', -1, 'destroyed', 0],
      ['first/domain-2', -1, 'halted', 2],
      ['first/domain-3', -1, 'halted', 3],
    ]);
    expect(() => new Host({ ...config, domainSlots: 5000 }, INLINE)).toThrow('domainSlots');
  });
});
