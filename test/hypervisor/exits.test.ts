import { beforeEach, describe, expect, it } from 'vitest';
import { handleExit } from '../../src/hypervisor/exits.js';
import { BLOCK, CONSOLE_LIMIT, END, type Guest, RESUME, YIELD } from '../../src/hypervisor/guest.js';
import { nextInterrupt } from '../../src/hypervisor/timers.js';
import { boot, codeDomain, type Fixture, FREQUENCY, MIB } from './fixture.js';

const CPUID = 10;
const HLT = 12;
const VMCALL = 18;
const IO = 30;
const DATA = MIB + 4096; // guest memory for arguments
const IF = 1 << 9;

let fixture: Fixture;
let guest: Guest;
beforeEach(() => {
  fixture = boot(codeDomain('exits', [0xf4]));
  guest = fixture.guest;
});

/** Feeds a synthetic exit of an instruction of `length` bytes. */
function exit(reason: number, length = 2, qualification = 0): number {
  const { core, vcpu } = guest;
  const l = core.layout;
  core.write(vcpu.base + l.VCPU_EXIT_REASON, reason);
  core.write(vcpu.base + l.VCPU_EXIT_LENGTH, length);
  core.write(vcpu.base + l.VCPU_EXIT_QUALIFICATION, qualification);
  return handleExit(guest, reason);
}

function characters(...registers: number[]): string {
  return Buffer.from(Uint32Array.from(registers).buffer).toString('latin1');
}

describe('CPUID', () => {
  function leaf(eax: number): number[] {
    guest.vcpu.eax = eax;
    const eip = guest.vcpu.eip;
    expect(exit(CPUID)).toBe(RESUME);
    expect(guest.vcpu.eip).toBe(eip + 2);
    return [guest.vcpu.eax, guest.vcpu.ebx, guest.vcpu.ecx, guest.vcpu.edx];
  }

  it('shows vendor, signature and only what the core has', () => {
    const [max, b, c, d] = leaf(0);
    expect(max).toBe(1);
    expect(characters(b!, d!, c!)).toBe('GenuineIntel');
    const [signature, , features, edx] = leaf(1);
    expect((signature! >> 8) & 15).toBe(6);
    expect(features! >>> 31).toBe(1);
    for (const bit of [3, 4, 5, 8, 11, 13, 15]) expect((edx! >>> bit) & 1, `EDX bit ${bit}`).toBe(1);
    for (const bit of [6, 9, 28]) expect((edx! >>> bit) & 1, `EDX bit ${bit}: PAE, APIC, HTT`).toBe(0);
  });

  it("shows Xen's leaves", () => {
    expect(leaf(0x40000000)).toEqual([0x40000004, 0x566e6558, 0x65584d4d, 0x4d4d566e]);
    expect(leaf(0x40000001)[0]).toBe((4 << 16) | 17);
    expect(leaf(0x40000002).slice(0, 2)).toEqual([1, 0x40000000]);
    expect(leaf(0x40000004)).toEqual([1 << 4, 0, 0, 0]); // ECX is the domain's id, which is 0
  });

  it('hides what the configuration hides, and Xen with the hypervisor bit', () => {
    guest = boot(codeDomain('hidden', [0xf4], { cpuid: { hideEdx: 1 << 15, hideEcx: 1 << 31 } })).guest;
    const [, , ecx, edx] = leaf(1);
    expect([(ecx! >>> 31) & 1, (edx! >>> 15) & 1]).toEqual([0, 0]);
    expect(leaf(0x40000000)[1]).not.toBe(0x566e6558);
  });

  it('answers leaves beyond the last with the last, and the brand string', () => {
    expect(leaf(0x1234)).toEqual(leaf(1));
    const brand = [2, 3, 4].flatMap((n) => leaf(0x80000000 + n));
    expect(characters(...brand)).toMatch(/^Ringfence/);
  });
});

describe('HLT', () => {
  it('ends a domain that halts with interrupts off', () => {
    const eip = guest.vcpu.eip;
    expect(exit(HLT, 1)).toBe(END);
    expect(guest.outcome).toEqual({ kind: 'halted', interrupts: false });
    expect(guest.vcpu.eip).toBe(eip);
  });

  it('ends a domain that waits for what cannot come', () => {
    guest.vcpu.eflags = IF;
    expect(exit(HLT, 1)).toBe(END);
    expect(guest.outcome).toEqual({ kind: 'halted', interrupts: true });
  });

  it('blocks until the timer, and not for a masked timer', () => {
    guest.vcpu.eflags = IF;
    const { core, domain } = guest;
    const out = (port: number, value: number) => core.call.portWrite(domain.base, port, 1, value, 0);
    out(0x43, 0x30); // mode 0: one interrupt when the count ends
    out(0x40, 0x00);
    out(0x40, 0x10);
    expect(exit(HLT, 1)).toBe(END);
    out(0x21, 0xfe);
    const eip = guest.vcpu.eip;
    expect(exit(HLT, 1)).toBe(BLOCK);
    expect(guest.vcpu.eip).toBe(eip + 1);
    expect(nextInterrupt(guest)).toBe(Math.ceil((0x1001 * FREQUENCY) / 1193182));
  });

  it('does not wait when an interrupt is pending', () => {
    guest.vcpu.eflags = IF;
    const { core, domain, vcpu } = guest;
    core.call.portWrite(domain.base, 0x43, 1, 0x34, 0); // OUT rises: an edge
    core.call.portWrite(domain.base, 0x21, 1, 0xfe, 0);
    core.call.portWrite(domain.base, 0x40, 2, 0x1000, 0);
    expect(core.read(vcpu.base + core.layout.VCPU_INTR)).toBe(1);
    expect(exit(HLT, 1)).toBe(RESUME);
  });
});

describe('port I/O', () => {
  function io(port: number, size: number, input: boolean): number {
    return exit(IO, 1, (port << 16) | (input ? 8 : 0) | (size - 1));
  }

  it('writes OUT data to the console', () => {
    const { core, vcpu } = guest;
    for (const c of 'ok\n') {
      core.write(vcpu.base + core.layout.VCPU_EXIT_VALUE, c.charCodeAt(0));
      expect(io(0x3f8, 1, false)).toBe(RESUME);
    }
    guest.drain();
    expect(Buffer.concat(guest.console).toString()).toBe('ok\n');
  });

  it('merges IN data into AL, AX or EAX', () => {
    const { vcpu } = guest;
    for (const [size, expected] of [
      [1, 0x123456ff],
      [2, 0x1234ffff],
      [4, 0xffffffff],
    ] as const) {
      vcpu.eax = 0x12345678;
      expect(io(0x1f0, size, true)).toBe(RESUME);
      expect(vcpu.eax).toBe(expected);
    }
  });

  it('ends the domain on a reset and names the port', () => {
    const { core, vcpu } = guest;
    core.write(vcpu.base + core.layout.VCPU_EXIT_VALUE, 0xfe);
    expect(io(0x64, 1, false)).toBe(END);
    expect(guest.outcome).toEqual({ kind: 'reset', port: 0x64 });
  });

  it('keeps a MiB of a flood and counts the rest', () => {
    const { core, domain, vcpu } = guest;
    const extra = 12_345;
    core.write(vcpu.base + core.layout.VCPU_EXIT_VALUE, 0x78);
    for (let i = 0; i < CONSOLE_LIMIT + extra; i++) io(0x3f8, 1, false);
    guest.drain();
    expect(guest.console.reduce((sum, bytes) => sum + bytes.length, 0)).toBe(CONSOLE_LIMIT);
    expect(core.readF64(domain.base + core.layout.DOMAIN_CONSOLE_DROPPED)).toBe(extra);
  });
});

describe('hypercalls', () => {
  function call(number: number, ebx = 0, ecx = 0, edx = 0): number {
    Object.assign(guest.vcpu, { eax: number, ebx, ecx, edx });
    return exit(VMCALL, 3);
  }
  const result = () => guest.vcpu.eax | 0;

  it('answers −ENOSYS to what it does not know', () => {
    for (const number of [0, 1, 13, 37, 55, 0xffffffff]) {
      const eip = guest.vcpu.eip;
      expect(call(number)).toBe(RESUME);
      expect(result()).toBe(-38);
      expect(guest.vcpu.eip).toBe(eip + 3);
    }
    call(29, 77);
    expect(result()).toBe(-38);
    call(18, 9);
    expect(result()).toBe(-38);
  });

  it('tells its version', () => {
    call(17);
    expect(result()).toBe((4 << 16) | 17);
  });

  it('refuses calls from ring 3', () => {
    guest.core.write(guest.vcpu.base + guest.core.layout.VCPU_CPL, 3);
    call(17);
    expect(result()).toBe(-1);
  });

  it('writes to the console, long texts in several turns', () => {
    const text = 'console_io '.repeat(300);
    guest.domain.writeMemory(DATA - 4096, Buffer.from(text));
    expect(call(18, 0, text.length, DATA - 4096)).toBe(RESUME);
    const eip = guest.vcpu.eip;
    let turns = 1;
    while (guest.vcpu.ecx > 0 && turns < 10 && guest.vcpu.eip === eip) {
      guest.vcpu.eax = 18;
      exit(VMCALL, 3);
      turns++;
    }
    expect(turns).toBe(Math.ceil(text.length / 1024));
    expect(result()).toBe(0);
    guest.drain();
    expect(Buffer.concat(guest.console).toString()).toBe(text);
  });

  it('answers −EFAULT to pointers that lead nowhere', () => {
    for (const pointer of [2 * MIB, 2 * MIB - 4, 0xfffffffe]) {
      call(18, 0, 8, pointer);
      expect(result()).toBe(-14);
      call(29, 2, pointer + (pointer === 2 * MIB - 4 ? 1 : 0));
      expect(result()).toBe(-14);
    }
    expect(guest.outcome).toBeUndefined();
  });

  it('shuts down with the reason given, and yields', () => {
    for (const [code, reason] of [
      [0, 'poweroff'],
      [1, 'reboot'],
      [3, 'crash'],
      [99, 'other'],
    ] as const) {
      guest.domain.writeMemory(DATA, Uint8Array.of(code, 0, 0, 0));
      expect(call(29, 2, DATA)).toBe(END);
      expect(guest.outcome).toEqual({ kind: 'shutdown', code, reason });
    }
    expect(call(29, 0)).toBe(YIELD);
    expect(result()).toBe(0);
  });
});

describe('exits that end a domain', () => {
  it('reports an EPT violation with address, access and qualification', () => {
    const { core, vcpu } = guest;
    core.write(vcpu.base + core.layout.VCPU_EXIT_PHYSICAL, 0xdead000);
    core.write(vcpu.base + core.layout.VCPU_EXIT_LINEAR, 0xbeef000);
    expect(exit(48, 0, 0x182)).toBe(END);
    expect(guest.outcome).toEqual({
      kind: 'ept-violation',
      address: 0xdead000,
      linear: 0xbeef000,
      qualification: 0x182,
      access: 'write',
    });
    exit(48, 0, 0x004);
    expect(guest.outcome).toMatchObject({ access: 'execute', linear: -1 });
    exit(48, 0, 0x181);
    expect(guest.outcome).toMatchObject({ access: 'read' });
  });

  it('reports triple faults, misconfigurations and what it does not know', () => {
    expect(exit(2, 0)).toBe(END);
    expect(guest.outcome).toMatchObject({ kind: 'triple-fault' });
    expect(exit(49, 0)).toBe(END);
    expect(guest.outcome).toMatchObject({ kind: 'ept-misconfiguration' });
    expect(exit(55, 0, 7)).toBe(END);
    expect(guest.outcome).toEqual({ kind: 'unhandled-exit', reason: 55, qualification: 7 });
  });

  it('never throws, whatever the record says', () => {
    for (let reason = 0; reason < 80; reason++) {
      for (const qualification of [0, 0xffffffff, 0x03f80010]) {
        expect([RESUME, BLOCK, YIELD, END]).toContain(exit(reason, 2, qualification));
      }
    }
  });
});
