/** Forks and saved domains of a domain that stands where few stop: after STI or MOV SS, within a REP, in HLT, in a wait. */
import { describe, expect, it } from 'vitest';
import { readDomain, writeDomain } from '../../src/hypervisor/domain-image.js';
import { runHost } from '../../src/hypervisor/host.js';
import type { Operator } from '../../src/hypervisor/operator.js';
import type { DomainConfig, DomainResult, HostConfig } from '../../src/hypervisor/types.js';
import { HostView } from '../../src/machine/views.js';
import { codeDomain, guestDomain, hostConfig, MIB } from './fixture.js';

const INHIBIT_STI = 1;
const INHIBIT_MOV_SS = 2;
const QUANTUM = 1001; // has no factor with the loop below: every instruction is stopped at
const word = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);

function life(result: DomainResult) {
  const { name, template, pcpu, scheduling, tablePages, copiedPages, inherited, exitsTotal, exits, ...rest } = result;
  const { 'ept-violation': _, ...others } = exits;
  return { ...rest, exits: others };
}

function config(domain: DomainConfig): HostConfig {
  return hostConfig([domain], {
    pcpus: 2,
    quantumCycles: QUANTUM,
    sliceCycles: QUANTUM,
    domainSlots: 60,
    memoryBytes: 96 * MIB,
  });
}

/** Interruptibility, the REP in progress, and the run state of the first domain. */
function stateOf(op: Operator): string {
  const { core } = op.domain(0);
  const l = core.layout;
  const v = new HostView(core).vcpuAddress(0);
  const inhibit = core.read(v + l.VCPU_INHIBIT);
  if (inhibit === INHIBIT_STI) return 'sti';
  if (inhibit === INHIBIT_MOV_SS) return 'mov-ss';
  if (core.read(v + l.VCPU_RUN_STATE) === l.RUN_BLOCKED) return 'blocked';
  const eip = core.read(v + l.VCPU_EIP);
  return op.domain(0).readMemory(eip, 1)[0] === 0xf3 && core.read(v + l.VCPU_ECX) % 3 !== 0 ? 'rep' : 'plain';
}

/** Runs `domain` and makes a fork, and a copy by way of a file, the first two times that it stands in each state. */
async function copies(domain: DomainConfig) {
  const alone = (await runHost(config(domain), { workers: 1 })).deterministic;
  const seen = new Map<string, number>();
  const { domains, zeroSum } = (
    await runHost(config(domain), {
      workers: 1,
      operator: (op) => {
        if (!op.domains.includes(0)) return;
        const state = stateOf(op);
        const times = seen.get(state) ?? 0;
        if (times >= 2) return;
        seen.set(state, times + 1);
        expect(op.restore(readDomain(writeDomain(op.save(0))), { pcpu: 1 })).toBeGreaterThan(0);
        const fork = op.fork(0, 1);
        expect(fork).toBeGreaterThan(0);
        op.reset(fork);
      },
    })
  ).deterministic;
  expect(zeroSum).toBe(true);
  for (const each of domains) expect(life(each)).toEqual(life(alone.domains[0]!));
  return { seen, count: domains.length };
}

describe('a copy of a domain goes on as the domain would', () => {
  it('after STI, after MOV SS, and within a REP', { timeout: 60_000 }, async () => {
    const store = (address: number, value: number): number[] => [0xc7, 0x05, ...word(address), ...word(value)];
    const gdt = 0x100a00;
    const code = [
      ...store(gdt + 8, 0xffff), // MOV SS reads a descriptor
      ...store(gdt + 12, 0x00cf9a00),
      ...store(gdt + 16, 0xffff),
      ...store(gdt + 20, 0x00cf9200),
      ...store(gdt + 32, 0x0a000017),
      ...store(gdt + 36, 0x10),
      ...[0x0f, 0x01, 0x15, ...word(gdt + 32)], // lgdt
      ...[0xbf, 0x00, 0x08, 0x10, 0x00], // start: mov edi, 0x100800
      ...[0xb9, 0x03, 0x00, 0x00, 0x00], // mov ecx, 3
      ...[0xf3, 0xaa], // rep stosb
      0x40, // inc eax
      ...[0x8c, 0xd3], // mov ebx, ss
      ...[0x8e, 0xd3], // mov ss, bx
      ...[0x89, 0x05, 0x00, 0x09, 0x10, 0x00], // mov [0x100900], eax
      ...[0xfb, 0xfa], // sti; cli
      ...[0xeb, 0xe5], // jmp start
    ];
    const { seen, count } = await copies(codeDomain('odd', code, { maxInstructions: 150_000 }));
    expect([...seen.keys()].sort()).toEqual(['mov-ss', 'plain', 'rep', 'sti']);
    expect(count).toBeGreaterThan(12);
  });

  it('in HLT and between, while timer interrupts come', { timeout: 60_000 }, async () => {
    const { seen } = await copies(
      guestDomain('timer', { maxInstructions: 60_000, memoryBytes: 2 * MIB, cmdline: 'hz=10000' }),
    );
    expect([...seen.keys()]).toEqual(expect.arrayContaining(['blocked', 'plain']));
  });
});
