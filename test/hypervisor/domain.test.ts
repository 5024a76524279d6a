import { describe, expect, it } from 'vitest';
import { checkMemory, createDomain, destroyDomain, framesNeeded, reserve } from '../../src/hypervisor/domain.js';
import { stateHash } from '../../src/hypervisor/state-hash.js';
import type { Translation } from '../../src/hypervisor/types.js';
import { DomainView, VcpuView } from '../../src/machine/views.js';
import { boot, codeDomain, MIB } from './fixture.js';

const KINDS: readonly Translation[] = [
  { kind: 'ept', pageSize: '4k', accessedDirty: true },
  { kind: 'ept', pageSize: '2m', accessedDirty: false },
  { kind: 'direct' },
];
const name = (t: Translation) => (t.kind === 'ept' ? `ept ${t.pageSize}` : t.kind);

describe('domain', () => {
  for (const translation of KINDS) {
    it(`uses exactly the frames foretold and returns them all (${name(translation)})`, () => {
      const config = codeDomain('frames', [0xf4], { memoryBytes: 6 * MIB, translation });
      const { core, host } = boot(config);
      expect(host.frames).toBe(framesNeeded(config));
      expect(host.freeFrames).toBe(0);
      const domain = new DomainView(core, host.domainAddress(0));
      expect(domain.pages + domain.tablePages).toBe(host.frames);
      for (let i = 0; i < 3; i++) {
        domain.writeMemory(5 * MIB, Buffer.from('a secret'));
        destroyDomain(core, 0);
        expect(host.freeFrames).toBe(host.frames);
        createDomain(core, 0, config, 0, 0, reserve(core, 0, config));
        // Whoever gets the frames next finds them empty.
        expect(domain.readMemory(5 * MIB, 8)).toEqual(new Uint8Array(8));
        expect(host.freeFrames).toBe(0);
      }
    });
  }

  it('enters the image as Multiboot demands', () => {
    const { core, host } = boot(codeDomain('entry', [0xf4]));
    const vcpu = new VcpuView(core, host.vcpuAddress(0));
    const l = core.layout;
    expect([vcpu.eax, vcpu.eip, vcpu.cr0 & 0x80000001, vcpu.eflags]).toEqual([0x2badb002, MIB, 1, 2]);
    for (let i = 0; i < 6; i++) expect(vcpu.segment(i)).toMatchObject({ base: 0, limit: 0xffffffff });
    const info = new DataView(new DomainView(core, host.domainAddress(0)).readMemory(vcpu.ebx, 88).buffer);
    expect(info.getUint32(8, true)).toBe(1024); // mem_upper, KiB
    expect(vcpu.cpl).toBe(0);
    expect(core.read(vcpu.base + l.VCPU_IDTR_LIMIT)).toBe(0);
  });

  it('hashes the state without regard to where it lies', () => {
    const [a, b, c] = KINDS.map((translation) => {
      const { core, host } = boot(codeDomain('hash', [0x90, 0xf4], { memoryBytes: 4 * MIB, translation }));
      return stateHash(core, host.vcpuAddress(0));
    });
    expect(b).toBe(a);
    expect(c).toBe(a);
    const other = boot(codeDomain('hash', [0x91, 0xf4], { memoryBytes: 4 * MIB }));
    expect(stateHash(other.core, other.host.vcpuAddress(0))).not.toBe(a);
  });

  it('changes the hash with every register and every byte', () => {
    const { core, host, guest } = boot(codeDomain('hash', [0xf4]));
    const seen = new Set([stateHash(core, guest.vcpu.base)]);
    const changes: (() => void)[] = [
      () => guest.vcpu.edi++,
      () => guest.vcpu.eip++,
      () => {
        guest.vcpu.eflags = 1;
      },
      () => guest.domain.writeMemory(2 * MIB - 1, Uint8Array.of(1)),
      () => guest.domain.writeMemory(2 * MIB - 1, Uint8Array.of(2)),
      () => core.write(host.vcpuAddress(0) + core.layout.VCPU_CR2, 5),
      () => core.write(guest.vcpu.base + core.layout.VCPU_FPU + core.layout.FPU_SCRATCH - 4, 1),
      () => guest.vcpu.setSegment(3, { selector: 0x18, base: 1, limit: 2, access: 0xc093 }),
    ];
    for (const [i, change] of changes.entries()) {
      change();
      seen.add(stateHash(core, guest.vcpu.base));
      expect(seen.size).toBe(i + 2);
    }
  });

  it('refuses sizes that cannot be laid out', () => {
    const memory = (memoryBytes: number, translation: Translation = KINDS[0]!) =>
      checkMemory(codeDomain('size', [0xf4], { memoryBytes, translation }), 0);
    expect(() => memory(2 * MIB)).not.toThrow();
    for (const bytes of [0, MIB, 2 * MIB + 1, 2 ** 32, Number.NaN, -4096])
      expect(() => memory(bytes)).toThrow(/memory/);
    expect(() => memory(3 * MIB, KINDS[1]!)).toThrow(/2097152/);
    expect(() => memory(512 * MIB, { kind: 'ept', pageSize: '1g', accessedDirty: false })).toThrow(/1073741824/);
  });
});
