/** The local APIC: the guest's trace, its registers by hand, MSR and CPUID, waiting with HLT, and independence of budgets. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runHost } from '../../src/hypervisor/host.js';
import { NEVER, nextDeadline, nextInterrupt } from '../../src/hypervisor/timers.js';
import type { DomainConfig } from '../../src/hypervisor/types.js';
import { boot, codeDomain, guestDomain, hostConfig } from './fixture.js';

const INLINE = { workers: 1 };
const expected = readFileSync('guests/apic/expected.txt', 'latin1');
const TRACE = { maxInstructions: 50_000_000, apic: true } as const;
const u32 = (n: number): number[] => [n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24];

// SDM Vol. 3A, Table 10-1, "Local APIC Register Address Map"
const [ID, VERSION, TPR, PPR, EOI, LDR, DFR, SVR, ISR, IRR] = [
  0x20, 0x30, 0x80, 0xa0, 0xb0, 0xd0, 0xe0, 0xf0, 0x100, 0x200,
];
const [ESR, ICR, TIMER, LINT0, ERROR, INITIAL, CURRENT, DIVIDE] = [
  0x280, 0x300, 0x320, 0x350, 0x370, 0x380, 0x390, 0x3e0,
];
const MASKED = 0x10000;
const PERIODIC = 0x20000;
const SELF = 0x40000;

function machine(config: Partial<DomainConfig> = { apic: true }) {
  const { core, guest } = boot(codeDomain('apic', [0xf4], config));
  const v = guest.vcpu.base;
  const { layout: l, call } = core;
  const at = (now: number) => core.writeF64(v + l.VCPU_MMIO_NOW, now);
  const read = (offset: number) => call.lapicRead(v, offset) >>> 0;
  const write = (offset: number, value: number) => call.lapicWrite(v, offset, value);
  return { core, guest, v, l, call, at, read, write, intr: () => core.read(v + l.VCPU_INTR) };
}

describe('the trace of guests/apic', () => {
  it('is of many experiments', () => expect(expected.split('\n').length).toBeGreaterThan(45));

  it.each([
    [{ kind: 'ept', pageSize: '4k', accessedDirty: true }],
    [{ kind: 'ept', pageSize: '2m', accessedDirty: false }],
    [{ kind: 'direct' }],
  ] as const)('is what QEMU and the manual say (%o)', async (translation) => {
    const domain = guestDomain('apic', { ...TRACE, translation });
    const { domains } = (await runHost(hostConfig([domain]), INLINE)).deterministic;
    expect(Buffer.from(domains[0]!.console).toString('latin1')).toBe(expected);
    expect(domains[0]!.outcome).toMatchObject({ kind: 'shutdown', reason: 'poweroff' });
    expect(domains[0]!.exits['apic-access']).toBeGreaterThan(100);
  });

  it('and all other results depend neither on slices and quanta nor on neighbours', async () => {
    const run = async (change: object) => {
      const domains = [guestDomain('apic', TRACE), codeDomain('spin', [0xeb, 0xfe], { maxInstructions: 2_000_000 })];
      const result = await runHost(hostConfig(domains, { pcpus: 1, ...change }), INLINE);
      const { scheduling: _, ...own } = result.deterministic.domains[0]!;
      return own;
    };
    const first = await run({});
    expect(await run({ sliceCycles: 1009, quantumCycles: 10_007 })).toEqual(first);
    expect(await run({ scheduler: 'round-robin', sliceCycles: 33_333 })).toEqual(first);
  });

  it('says that there is none where the scenario gives none', async () => {
    const { domains } = (await runHost(hostConfig([guestDomain('apic')]), INLINE)).deterministic;
    expect(Buffer.from(domains[0]!.console).toString('latin1')).toBe('# no local APIC\n# end\n');
  });
});

describe('registers', () => {
  it('begin as a BIOS leaves them', () => {
    const m = machine();
    expect([m.read(ID), m.read(VERSION), m.read(TPR), m.read(LDR), m.read(DFR)]).toEqual([
      0, 0x50014, 0, 0, 0xffffffff,
    ]);
    expect([m.read(SVR), m.read(LINT0), m.read(TIMER), m.read(ERROR)]).toEqual([0x1ff, 0x8700, MASKED, MASKED]);
  });

  it('note errors, which a write of ESR shows and clears', () => {
    const m = machine();
    m.read(0x40); // reserved
    m.write(0x3f0, 1);
    expect(m.read(ESR)).toBe(0);
    m.write(ESR, 0);
    expect(m.read(ESR)).toBe(0x80);
    m.write(ICR, SELF | 3);
    m.write(ESR, 0);
    expect(m.read(ESR)).toBe(0x20);
    m.write(TIMER, 5);
    m.write(INITIAL, 10);
    m.call.lapicSync(m.v, 1e6);
    m.write(ESR, 0);
    expect(m.read(ESR)).toBe(0x40);
    m.write(ERROR, 0x99);
    m.write(ICR, SELF | 3);
    expect(m.read(IRR + 0x40)).toBe(1 << (0x99 - 0x80));
    m.write(ERROR, 1); // an error entry whose own vector is illegal
    m.write(ICR, SELF | 2);
    m.read(0x40);
    m.write(ESR, 0);
    expect(m.read(ESR)).toBe(0xa0);
  });

  it('mask the local vectors and hold interrupts back while disabled by software', () => {
    const m = machine();
    m.write(TIMER, 0x40);
    m.write(SVR, 0xff);
    expect(m.read(TIMER)).toBe(MASKED | 0x40);
    m.write(TIMER, 0x40);
    expect(m.read(TIMER)).toBe(MASKED | 0x40);
    m.call.lapicRequest(m.v, 0x70);
    expect(m.intr() & m.l.INTR_LAPIC).toBe(0);
    m.write(SVR, 0x1ff);
    expect(m.intr() & m.l.INTR_LAPIC).toBe(m.l.INTR_LAPIC);
  });

  it('decide by classes what is delivered', () => {
    const m = machine();
    m.call.lapicRequest(m.v, 0x47);
    m.write(TPR, 0x40);
    expect(m.intr() & m.l.INTR_LAPIC).toBe(0);
    m.write(TPR, 0x3f);
    expect(m.intr() & m.l.INTR_LAPIC).not.toBe(0);
    expect(m.read(PPR)).toBe(0x3f);
    m.write(EOI, 0);
    expect(m.read(ISR + 0x20)).toBe(0);
  });
});

describe('the timer', () => {
  it.each([
    [0b0000, 2],
    [0b0001, 4],
    [0b0010, 8],
    [0b0011, 16],
    [0b1000, 32],
    [0b1001, 64],
    [0b1010, 128],
    [0b1011, 1],
  ])('divides by what %i says: %i', (code, divisor) => {
    const m = machine();
    m.at(1000);
    m.write(DIVIDE, code);
    m.write(TIMER, 0x40);
    m.write(INITIAL, 100);
    expect(m.call.lapicDeadline(m.v)).toBe(1000 + 100 * divisor);
    m.at(1000 + 30 * divisor);
    expect(m.read(CURRENT)).toBe(70);
    m.at(1000 + 100 * divisor);
    expect(m.read(CURRENT)).toBe(0);
    expect(m.read(IRR + 0x20)).toBe(1);
    expect(m.call.lapicDeadline(m.v)).toBe(NEVER);
  });

  it('goes on by whole periods however late it is looked at', () => {
    const m = machine();
    m.at(500);
    m.write(DIVIDE, 0b1011);
    m.write(TIMER, PERIODIC | 0x40);
    m.write(INITIAL, 1000);
    m.call.lapicSync(m.v, 4700);
    expect(m.call.lapicDeadline(m.v)).toBe(5500);
    m.at(4700);
    expect(m.read(CURRENT)).toBe(800);
    m.write(INITIAL, 0);
    expect([m.read(CURRENT), m.call.lapicDeadline(m.v)]).toEqual([0, NEVER]);
  });

  it('wakes who waits only if its interrupt would be delivered', () => {
    const m = machine();
    m.at(0);
    m.write(DIVIDE, 0b1011);
    m.write(TIMER, 0x40);
    m.write(INITIAL, 1000);
    expect([nextDeadline(m.guest), nextInterrupt(m.guest)]).toEqual([1000, 1000]);
    m.write(TPR, 0x40);
    expect([nextDeadline(m.guest), nextInterrupt(m.guest)]).toEqual([1000, NEVER]);
    m.write(TIMER, MASKED | 0x40);
    expect(nextDeadline(m.guest)).toBe(NEVER);
  });
});

describe('IA32_APIC_BASE', () => {
  /** RDMSR, or WRMSR of EAX, then CPUID leaf 1; ends with CLI; HLT, or by #GP as a triple fault. */
  const MSR = [0xb9, ...u32(0x1b)];
  const write = (value: number) => [...MSR, 0xb8, ...u32(value), 0x31, 0xd2, 0x0f, 0x30];
  const CPUID = [0xb8, ...u32(1), 0x0f, 0xa2];
  const run = async (code: number[], config: Partial<DomainConfig> = { apic: true }) => {
    const keep = [0xa3, ...u32(0x108000), 0x89, 0x15, ...u32(0x108004), 0xfa, 0xf4]; // MOV [..], EAX; MOV [..], EDX
    const { domains } = (await runHost(hostConfig([codeDomain('msr', [...code, ...keep], config)]), INLINE))
      .deterministic;
    return domains[0]!;
  };

  it('can be read, is there only with an APIC, and only its enable bit can be written', async () => {
    expect((await run([...MSR, 0x0f, 0x32])).outcome.kind).toBe('halted');
    expect((await run([...MSR, 0x0f, 0x32], {})).outcome.kind).toBe('triple-fault');
    expect((await run(write(0xfee00900))).outcome.kind).toBe('halted');
    expect((await run(write(0xfee00100))).outcome.kind).toBe('halted');
    for (const value of [0xfed00900, 0xfee00800, 0xfee00d00, 0xfee00901]) {
      expect((await run(write(value))).outcome.kind, value.toString(16)).toBe('triple-fault');
    }
  });

  it('takes the registers and the CPUID bit away, and gives them back', async () => {
    const access = [0xa1, ...u32(0xfee00030)]; // MOV EAX, [version]
    expect((await run(access)).outcome.kind).toBe('halted');
    expect((await run([...write(0xfee00100), ...access])).outcome).toMatchObject({
      kind: 'ept-violation',
      address: 0xfee00030,
    });
    expect((await run([...access, ...write(0xfee00100), ...access])).outcome.kind).toBe('ept-violation');
    expect((await run([...write(0xfee00100), ...write(0xfee00900), ...access])).outcome.kind).toBe('halted');
    // TEST EDX, 200h; JZ +1; HLT with interrupts off ends it elsewhere
    const there = [...CPUID, 0xf7, 0xc2, ...u32(0x200), 0x74, 0x02, 0xfa, 0xf4];
    const length = async (code: number[], config?: Partial<DomainConfig>) => (await run(code, config)).retired;
    expect(await length(there)).toBeLessThan(await length(there, {}));
    expect(await length([...write(0xfee00100), ...there])).toBeGreaterThan((await length(there)) + 4);
  });

  it('lets nobody execute the registers', async () => {
    const { outcome } = await run([0xb8, ...u32(0xfee00000), 0xff, 0xe0]); // JMP EAX
    expect(outcome).toMatchObject({ kind: 'ept-violation', access: 'execute' });
  });
});
