/** Real accesses of vCPUs: who is let through, who is refused, and with which record. */
import { describe, expect, it } from 'vitest';
import { END, Guest, RESUME } from '../../src/hypervisor/guest.js';
import { runHost } from '../../src/hypervisor/host.js';
import type { DomainConfig, SmmConfig } from '../../src/hypervisor/types.js';
import { codeDomain, guestDomain, hostConfig } from '../hypervisor/fixture.js';
import { PAGE, SecureHost } from './machine.js';

const GFN = 0x180;
const AT = GFN * PAGE;
const EXIT_EXCEPTION = 0;
const EXIT_HLT = 12;
const PERMISSION = 1;
const CONTEXT = 2;
const word = (n: number): number[] => [n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24];
/** MOV EAX, [AT]; HLT */
const READER = [0xa1, ...word(AT), 0xf4];
/** MOV DWORD [AT], 'new!'; HLT */
const WRITER = [0xc7, 0x05, ...word(AT), ...Buffer.from('new!'), 0xf4];

function host(protections: readonly ('ctr+mac' | 'none')[], smm: SmmConfig = {}): SecureHost {
  const x = new SecureHost({ protections, smm });
  x.write(0, GFN, Buffer.from('mine'));
  return x;
}

/** Runs domain `d` from the given code, told to the unit or not; what EAX is then. */
function run(x: SecureHost, d: number, code: readonly number[], told = true) {
  const v = x.host.vcpuAddress(d);
  const l = x.core.layout;
  const gfn = code === READER ? 0x104 : 0x105; // code that was decoded stays: the hypervisor writes over none
  x.write(d, gfn, Uint8Array.from(code));
  x.core.write(v + l.VCPU_EIP, gfn * PAGE);
  if (told) x.core.call.smmSwitch(x.host.pcpuAddress(0), v);
  const reason = x.core.call.run(v, 10);
  const eax = Buffer.from(Uint32Array.of(x.core.read(v + l.VCPU_EAX)).buffer).toString('latin1');
  return {
    reason,
    kind: x.core.read(v + l.VCPU_EXIT_QUALIFICATION),
    eax,
    info: x.core.read(v + l.VCPU_EXIT_INFO) & 0x7ff,
  };
}

const remap = (x: SecureHost, d: number, frame: number): void => {
  x.core.call.eptMap(x.domain(d).eptp, AT, frame, 1, 7);
  x.core.call.flushAll(x.host.vcpuAddress(d));
};

describe('an access', () => {
  it('of the owner gives plaintext, while DRAM has something else', () => {
    const x = host(['ctr+mac']);
    expect(run(x, 0, READER)).toMatchObject({ reason: EXIT_HLT, eax: 'mine' });
    expect(run(x, 0, WRITER).reason).toBe(EXIT_HLT);
    x.flush();
    expect(Buffer.from(x.dram(x.frame(0, GFN)).slice(0, 4)).toString('latin1')).not.toBe('new!');
    expect(run(x, 0, READER)).toMatchObject({ reason: EXIT_HLT, eax: 'new!' });
  });

  it.each(['ctr+mac', 'none'] as const)(
    'to the page of another, mapped by a lying hypervisor, is refused (%s)',
    (mode) => {
      const x = host(['ctr+mac', mode]);
      remap(x, 1, x.frame(0, GFN));
      expect(run(x, 1, READER)).toMatchObject({ reason: EXIT_EXCEPTION, kind: PERMISSION, info: 0x312 });
      expect(run(x, 0, READER)).toMatchObject({ reason: EXIT_HLT, eax: 'mine' });
    },
  );

  it('of a protected domain to a page that is not its own is refused, so that nobody can slip it one', () => {
    const x = host(['none', 'ctr+mac']);
    remap(x, 1, x.frame(0, GFN));
    expect(run(x, 1, READER)).toMatchObject({ reason: EXIT_EXCEPTION, kind: PERMISSION });
  });

  it('of a vCPU that the unit was not told of is refused before its first instruction', () => {
    const x = host(['ctr+mac', 'ctr+mac']);
    expect(run(x, 0, READER)).toMatchObject({ reason: EXIT_HLT, eax: 'mine' });
    const before = x.core.readU64(x.host.vcpuAddress(1) + x.core.layout.VCPU_COUNTERS);
    expect(run(x, 1, READER, false)).toMatchObject({ reason: EXIT_EXCEPTION, kind: CONTEXT });
    expect(x.core.readU64(x.host.vcpuAddress(1) + x.core.layout.VCPU_COUNTERS)).toBe(before);
    expect(run(x, 1, READER).reason).toBe(EXIT_HLT);
  });
});

it('a page that fails its check under a hypercall ends the domain, and a bad pointer does not', () => {
  const x = host(['ctr+mac']);
  x.flush();
  const guest = new Guest(x.core, x.host.vcpuAddress(0));
  expect(guest.fetch(0x7ffff000, 4)).toBe(false);
  expect(guest.finish(-14)).toBe(RESUME);
  const at = x.host.frameAddress(x.frame(0, GFN));
  x.core.u8[at] = x.core.u8[at]! ^ 1;
  expect(guest.fetch(AT, 4)).toBe(false);
  expect(guest.finish(-14)).toBe(END);
  expect(guest.outcome).toMatchObject({ kind: 'smm-violation', violation: 'integrity', frame: x.frame(0, GFN) });
});

describe('a granted page', () => {
  const shared = (smm: SmmConfig): SecureHost => {
    const x = host(['ctr+mac', 'none'], smm);
    const frame = x.frame(0, GFN);
    remap(x, 1, frame);
    x.core.call.smmShare(1, 5, frame, 3);
    return x;
  };
  const inDram = (x: SecureHost, text: string): boolean => Buffer.from(x.dram(x.frame(0, GFN))).includes(text);

  it("is under its owner's key, and read through the table", () => {
    const x = shared({});
    expect(run(x, 1, READER)).toMatchObject({ reason: EXIT_HLT, eax: 'mine' });
    expect(run(x, 1, WRITER).reason).toBe(EXIT_HLT);
    expect(run(x, 0, READER)).toMatchObject({ reason: EXIT_HLT, eax: 'new!' });
    x.flush();
    expect(inDram(x, 'new!')).toBe(false);
    x.core.call.smmUnshare(1, 5);
    x.core.call.flushAll(x.host.vcpuAddress(1));
    expect(run(x, 1, READER)).toMatchObject({ reason: EXIT_EXCEPTION, kind: PERMISSION });
  });

  it('is plaintext for everybody while it is mapped, by the other rule', () => {
    const x = shared({ grants: 'plaintext' });
    expect(inDram(x, 'mine')).toBe(true);
    expect(run(x, 1, WRITER).reason).toBe(EXIT_HLT);
    expect(inDram(x, 'new!')).toBe(true);
    expect(run(x, 0, READER)).toMatchObject({ reason: EXIT_HLT, eax: 'new!' });
    x.core.call.smmUnshare(1, 5);
    for (const d of [0, 1]) x.core.call.flushAll(x.host.vcpuAddress(d));
    expect(inDram(x, 'new!')).toBe(false);
    expect(run(x, 0, READER)).toMatchObject({ reason: EXIT_HLT, eax: 'new!' });
  });
});

describe('a host', () => {
  const domains = (): DomainConfig[] => [
    ...['sieve', 'pchase', 'strings', 'quicksort'].map((guest, i) =>
      guestDomain(guest, {
        name: `${guest}-${i}`,
        protection: i % 2 ? 'ctr+mac' : 'ctr+mac+tree',
        maxInstructions: 300_000,
      }),
    ),
  ];

  it('gives the same with any number of workers, with either policy', async () => {
    for (const policy of ['keep', 'flush'] as const) {
      const config = hostConfig(domains(), {
        pcpus: 2,
        smm: { slots: 64, policy },
        sliceCycles: 100_000,
        quantumCycles: 250_000,
      });
      const one = (await runHost(config, { workers: 1 })).deterministic;
      expect((await runHost(config, { workers: 2 })).deterministic).toEqual(one);
      expect(one.zeroSum).toBe(true);
    }
  });

  it('ends a domain that its scheduler conceals from the unit, and no other', async () => {
    const two = ['a', 'b'].map((name) =>
      codeDomain(name, [0xeb, 0xfe], { protection: 'ctr', maxInstructions: 10_000 }),
    );
    const config = hostConfig(two, { pcpus: 1, smm: { slots: 64, unnotified: ['b'] }, sliceCycles: 5_000 });
    const { domains: ended } = (await runHost(config, { workers: 1 })).deterministic;
    expect(ended.map(({ outcome }) => outcome.kind)).toEqual(['limit', 'smm-violation']);
    expect(ended[1]!.outcome).toMatchObject({ violation: 'context' });
    expect(ended[1]!.retired).toBe(0);
  });
});
