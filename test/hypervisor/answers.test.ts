/**
 * Exits that the core answers itself, and switches that it makes itself: nobody can tell whether it does, neither from an answer nor
 * from any count or time.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { permitAnswers } from '../../src/hypervisor/answers.js';
import { CPUID_LEAVES, FEATURE_APIC } from '../../src/hypervisor/cpuid.js';
import { handleExit } from '../../src/hypervisor/exits.js';
import { RESUME } from '../../src/hypervisor/guest.js';
import { Host } from '../../src/hypervisor/host.js';
import { NEVER } from '../../src/hypervisor/timers.js';
import type { DomainConfig, HostConfig } from '../../src/hypervisor/types.js';
import { boot, codeDomain, type Fixture, guestDomain, hostConfig, MIB } from './fixture.js';
import { type Field, SELF, sharedInfo, struct, Xen } from './xen.js';

const EXIT_CPUID = 10;
const EXIT_VMCALL = 18;
const CPUID = [0x0f, 0xa2];
const VMCALL = [0x0f, 0x01, 0xc1];
const HLT = 0xf4;
const AMPLE = 1e9; // cycles
const ANSWER_SWITCH = 16;

type Registers = readonly [eax: number, ebx: number, ecx: number, edx: number];

/** Runs the instruction at 1 MiB with these registers; the core answers it, or the handler does. */
function execute({ core, guest }: Fixture, registers: Registers, answers: boolean, reason: number) {
  const l = core.layout;
  const { vcpu } = guest;
  const [eax, ebx, ecx, edx] = registers;
  Object.assign(vcpu, { eip: MIB, eax, ebx, ecx, edx });
  if (answers) permitAnswers(core);
  else core.write(l.HOST_ANSWERS, 0);
  core.call.flushAll(vcpu.base); // alike before each
  const counted = vcpu.counter(l.COUNTER_EXIT + reason);
  const cycles = core.call.modelledCycles(vcpu.base);
  const p = core.read(vcpu.base + l.VCPU_PCPU);
  core.write(p + l.PCPU_CURRENT, 0);
  core.write(p + l.PCPU_STATE, l.PCPU_RUNS);
  core.writeF64(p + l.PCPU_BASE, 0);
  core.writeF64(p + l.PCPU_DEADLINE, AMPLE);
  core.writeF64(vcpu.base + l.VCPU_CHUNK_END, 0);
  // One step further is HLT with interrupts off, which is the hypervisor's.
  let exit = core.call.runPcpu(p, AMPLE, RESUME, 0);
  const answered = exit !== reason;
  if (!answered) {
    handleExit(guest, reason);
    exit = core.call.runPcpu(p, AMPLE, RESUME, 0);
  }
  const state = [
    exit,
    vcpu.eip,
    vcpu.eax,
    vcpu.ebx,
    vcpu.ecx,
    vcpu.edx,
    vcpu.counter(l.COUNTER_EXIT + reason) - counted,
  ];
  return { answered, state: [...state, core.call.modelledCycles(vcpu.base) - cycles] };
}

const word = fc.integer({ min: 0, max: 0xffffffff });

describe('an exit that the core answers', () => {
  it('CPUID says what the hypervisor would say, for every leaf, feature mask and APIC', () => {
    const fixture = boot(codeDomain('guest', [...CPUID, HLT]));
    const { core, guest } = fixture;
    const l = core.layout;
    const leaves = CPUID_LEAVES.map(({ leaf }) => leaf);
    const leaf = fc.oneof(fc.constantFrom(...leaves, ...leaves.map((each) => each + 1)), word);
    const apic = fc.constantFrom(0, l.LAPIC_ADDRESS, l.LAPIC_ADDRESS | l.LAPIC_BASE_ENABLE);
    fc.assert(
      fc.property(leaf, word, word, word, word, apic, (eax, ecx, maskEdx, maskEcx, domain, base) => {
        core.write(guest.vcpu.base + l.VCPU_CPUID_MASK, (maskEdx | FEATURE_APIC) >>> 0);
        core.write(guest.vcpu.base + l.VCPU_CPUID_MASK + 4, maskEcx);
        core.write(guest.vcpu.base + l.VCPU_LAPIC_BASE, base >>> 0);
        const registers = [eax, domain, ecx, 0] as const;
        const answered = execute(fixture, registers, true, EXIT_CPUID);
        const handled = execute(fixture, registers, false, EXIT_CPUID);
        expect([answered.answered, handled.answered]).toEqual([true, false]);
        expect(answered.state).toEqual(handled.state);
      }),
      { numRuns: 500 },
    );
  });

  it('hypercalls that only say something say what the hypervisor would say', () => {
    const fixture = boot(codeDomain('guest', [...VMCALL, HLT]));
    const small = fc.integer({ min: 0, max: 70 });
    const seen = { true: 0, false: 0 };
    // Those with other numbers have effects: they are never answered.
    const number = fc.oneof(
      fc.constant(17),
      small.filter((n) => ![12, 18, 20, 24, 29, 32, 34, 35, 36].includes(n)),
      word,
    );
    fc.assert(
      fc.property(number, small, (eax, ebx) => {
        const registers = [eax, ebx, ARGUMENT, 0] as const;
        const answered = execute(fixture, registers, true, EXIT_VMCALL);
        const handled = execute(fixture, registers, false, EXIT_VMCALL);
        seen[`${answered.answered}`]++;
        expect(handled.answered).toBe(false);
        expect(answered.state).toEqual(handled.state);
      }),
      { numRuns: 500 },
    );
    expect(seen.true).toBeGreaterThan(100);
    expect(seen.false).toBeGreaterThan(20);
  });

  it('is none in ring 3, nor for a number that has a handler', () => {
    const fixture = boot(codeDomain('guest', [...VMCALL, HLT]));
    const { core, guest } = fixture;
    for (const number of [12, 18, 20, 24, 29, 32, 34, 35, 36]) {
      core.write(guest.vcpu.base + core.layout.VCPU_CPL, 0);
      expect(execute(fixture, [number, 0x70, 0, 0], true, EXIT_VMCALL).answered).toBe(false);
    }
    core.write(guest.vcpu.base + core.layout.VCPU_CPL, 3);
    core.call.changeCode(guest.vcpu.base);
    expect(execute(fixture, [0x7f, 0, 0, 0], true, EXIT_VMCALL).answered).toBe(false);
  });
});

const ARGUMENT = MIB + 4096;

describe('a send that the core answers', () => {
  const EVENT_CHANNEL_OP = 32;
  const [BIND_INTERDOMAIN, BIND_VIRQ, SEND, ALLOC_UNBOUND, BIND_IPI, UNMASK] = [0, 1, 4, 6, 7, 9];

  /**
   * Domains 0 and 1 on pCPU 0, 2 on pCPU 1. Ports of domain 0: 1 to domain 1, 2 to domain 2, 3 unbound, 4 IPI, 5 VIRQ_TIMER,
   * 6 as 1 with the peer's end unmasked, 7 IPI, not masked. Domain 1 sleeps.
   */
  function setUp() {
    const xen = new Xen([0, 0, 1]);
    const { core, host } = xen;
    const l = core.layout;
    const op = (d: number, command: number, ...fields: readonly Field[]) =>
      expect(xen.op(d, EVENT_CHANNEL_OP, command, struct(...fields))).toBe(0);
    const offer = (to: number) => op(0, ALLOC_UNBOUND, [2, SELF], [2, to], [4, 0]);
    const take = (d: number, port: number) => op(d, BIND_INTERDOMAIN, [2, 0], [2, 0], [4, port], [4, 0]);
    offer(1);
    offer(2);
    offer(1);
    op(0, BIND_IPI, [4, 0], [4, 0]);
    op(0, BIND_VIRQ, [4, 0], [4, 0], [4, 0]);
    offer(1);
    op(0, BIND_IPI, [4, 0], [4, 0]);
    take(1, 1);
    take(2, 2);
    take(1, 6);
    op(0, UNMASK, [4, 7]);
    op(1, UNMASK, [4, 2]);
    for (const d of [0, 1]) core.write(host.domainAddress(d) + l.DOMAIN_CALLBACK_VECTOR, 0x40);
    // Nothing is pending any more, and domain 1 waits.
    for (const d of [0, 1, 2]) {
      const info = sharedInfo(xen, d);
      new Uint8Array(info.buffer, info.byteOffset, 8).fill(0);
      new Uint8Array(info.buffer, info.byteOffset + 2048, 128).fill(0);
    }
    core.call.blockVcpu(host.pcpuAddress(0), 1, 0, NEVER);
    xen.guests[0]!.domain.writeMemory(MIB, Uint8Array.from([...VMCALL, HLT]));
    return xen;
  }

  /** Sends from domain 0 with `argument` at `at`; what is answered and all that can have changed. */
  function send(answers: boolean, argument: number, at: number, peerEnded: boolean) {
    const xen = setUp();
    const { core, host } = xen;
    const l = core.layout;
    const guest = xen.guests[0]!;
    if (peerEnded) core.write(host.domainAddress(1) + l.DOMAIN_STATE, 2);
    guest.domain.writeMemory(ARGUMENT, struct([4, argument]));
    const registers = [EVENT_CHANNEL_OP, SEND, at, 0] as const;
    const { answered, state } = execute({ core, host, guest }, registers, answers, EXIT_VMCALL);
    const memory = [0, 1, 2].map((d) => {
      const info = sharedInfo(xen, d);
      const hooks = host.domainAddress(d) + l.DOMAIN_HOOKS;
      return [
        Buffer.from(info.buffer, info.byteOffset, 4096).toString('hex'),
        core.u32.slice(hooks >>> 2, (hooks >>> 2) + 2 * l.HOOKS).join(),
        core.read(host.vcpuAddress(d) + l.VCPU_INTR),
        core.readF64(host.vcpuAddress(d) + l.VCPU_WAKE),
      ];
    });
    return { answered, seen: { state, memory, sends: guest.sends, wake: core.call.earliestWake(host.pcpuAddress(0)) } };
  }

  for (const [what, port, at, answered] of [
    ['to a domain of the pCPU', 1, ARGUMENT, true],
    ['to a domain of the pCPU that listens', 6, ARGUMENT, true],
    ['to itself', 4, ARGUMENT, true],
    ['to itself, and it listens', 7, ARGUMENT, true],
    ['to a domain of another pCPU', 2, ARGUMENT, false],
    ['to nobody', 3, ARGUMENT, false],
    ['of a virtual interrupt', 5, ARGUMENT, false],
    ['from a closed port', 8, ARGUMENT, false],
    ['from port 0', 0, ARGUMENT, false],
    ['from a port that there is not', 128, ARGUMENT, false],
    ['from a port beyond all', 0xffffffff, ARGUMENT, false],
    ['with an argument that is not mapped', 1, 0xc0000000, false],
    ['with an argument that wraps', 1, 0xfffffffe, false],
  ] as const)
    it(`${what} ${answered ? 'does what' : 'is left to'} the hypervisor ${answered ? 'would do' : ''}`, () => {
      for (const ended of [false, true]) {
        const core = send(true, port, at, ended);
        const handler = send(false, port, at, ended);
        expect([core.answered, handler.answered]).toEqual([answered, false]);
        expect(core.seen).toEqual(handler.seen);
      }
    });
});

/**
 * A guest of exits that the core may answer, with the PIT ticking among them; ESI takes in every answer, and at each tick the
 * time-stamp counter, how far the loop was and where it was interrupted.
 *
 *          lgdt gdtr; lidt idtr; data segments; ESP = 0x180000; PIC at 0x20, all but IRQ 0 masked; PIT mode 2, count 60; sti
 *   loop:  eax = 0x3ffffffe + (5 × edi & 7);           cpuid;  esi += ecx
 *          eax = 17 (xen_version), ebx = edi & 15;     vmcall; esi += eax
 *          eax = edi & 127 | 64;                       vmcall; esi ^= eax
 *          rdtsc; esi = rol(esi + eax, 3); edi++; jmp loop
 *   tick:  rdtsc; esi = ((esi ^ eax) + edi) ^ the EIP on the stack; EOI; iret
 */
const TICKER = [
  '0f0115a80010000f011dae00100066b810008ed08ed88ec0bc00001800b011e620b020e621b004e621b001e621b0fee621b034e6',
  '43b03ce640b000e64031ff31f6fb8d04bf83e00705feffff3f0fa201ceb81100000089fb83e30f31c90f01c101c689f883e07f83',
  'c8400f01c131c60f3101c6c1c60347ebc950520f3131c601fe33742408b020e6205a58cf',
  '8d7426000000000000000000ffff0000009bcf00ffff00000093cf001700900010000701b80010008d742600', // gdt, gdtr, idtr
  '00'.repeat(32 * 8), // idt: vector 32 is the first that there is
  '79000800008e1000',
].join('');

function ticker(name: string, change: Partial<DomainConfig> = {}): DomainConfig {
  return codeDomain(name, [...Buffer.from(TICKER, 'hex')], { maxInstructions: 60_000, ...change });
}

describe('a host whose core answers exits', () => {
  /** With what the core may do by itself cut to `answers`, bits of HOST_ANSWERS. */
  async function run(config: HostConfig, answers = ~0) {
    const host = new Host(config, { workers: 1, inline: true });
    const { HOST_ANSWERS } = host.core.layout;
    host.core.write(HOST_ANSWERS, host.core.read(HOST_ANSWERS) & answers);
    const { deterministic } = await host.run();
    await host.close();
    return deterministic;
  }

  const talkers = [
    guestDomain('pingpong', { name: 'ping', cmdline: 'side=first peer=1' }),
    guestDomain('pingpong', { name: 'pong', cmdline: 'side=second peer=0' }),
    guestDomain('ring', { name: 'producer', cmdline: 'side=first peer=3' }),
    guestDomain('ring', { name: 'consumer', cmdline: 'side=second peer=2' }),
  ];
  const others = [
    'timer',
    'latency',
    'apic',
    'privileged',
    'hostile-hypercalls',
    'hostile-timer-storm',
    'hostile-halt',
  ];
  const domains = [
    ...talkers,
    ...others.map((name) => guestDomain(name, { maxInstructions: 200_000 })),
    ticker('ticker'),
    ticker('light', { weight: 64 }),
    ticker('capped', { cap: 20 }),
  ];

  const encrypted = [
    { ...talkers[0]!, protection: 'ctr+mac' },
    { ...talkers[1]!, protection: 'xts' },
    ticker('ticker', { maxInstructions: 30_000 }),
  ] as const;

  for (const [what, change] of [
    ['one pCPU, short slices', { pcpus: 1, sliceCycles: 33_333, quantumCycles: 500_003 }],
    ['two pCPUs', { pcpus: 2, sliceCycles: 100_000, quantumCycles: 1_000_000 }],
    ['round robin', { pcpus: 1, scheduler: 'round-robin', sliceCycles: 77_777, quantumCycles: 1_000_000 }],
    ['no boost', { pcpus: 1, boost: false, sliceCycles: 50_000, quantumCycles: 1_000_000 }],
    ['sends denied to one', { pcpus: 1, security: [{ operation: 'send', subject: 'ping', verdict: 'deny' }] }],
    ['other rules', { pcpus: 1, security: [{ operation: 'share', subject: 'ping', verdict: 'deny' }] }],
    ['clocks that show stolen time', { pcpus: 2, clock: 'pcpu', sliceCycles: 50_000, quantumCycles: 1_000_000 }],
    ['encrypted memory', { pcpus: 1, domains: encrypted, smm: { slots: 64, policy: 'flush' }, sliceCycles: 100_000 }],
  ] as const)
    it(`gives the same results: ${what}`, { timeout: 60_000 }, async () => {
      const config = { ...hostConfig(domains, {}), ...change };
      const answered = await run(config);
      expect(await run(config, 0)).toEqual(answered);
      expect(await run(config, ~ANSWER_SWITCH)).toEqual(answered);
      const tick = answered.domains.find(({ name }) => name === 'ticker')!;
      expect(tick.outcome).toEqual({ kind: 'limit', limit: 'instructions' });
      const answers = new Host(config, { workers: 1, inline: true }).core;
      const sends = (answers.read(answers.layout.HOST_ANSWERS) & answers.layout.ANSWER_SEND) !== 0;
      expect(sends).toBe(what !== 'sends denied to one');
      expect(answered.audit.some(({ operation }) => operation === 'send')).toBe(!sends);
      expect(tick.exits.cpuid).toBeGreaterThan(1000);
      expect(tick.interrupts).toBeGreaterThan(50);
    });
});
