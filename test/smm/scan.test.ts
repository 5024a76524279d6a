/**
 * What DRAM holds. Two guests plant a secret each, which no byte of their images contains, all over their memory, again and again; DRAM is
 * searched at the end of every quantum: while both run, while one is paused, after it is destroyed, and when both are. The same test finds the
 * secrets without protection.
 */
import { describe, expect, it } from 'vitest';
import { Host } from '../../src/hypervisor/host.js';
import { PROTECTIONS } from '../../src/hypervisor/smm.js';
import type { DomainConfig, Protection, SmmConfig } from '../../src/hypervisor/types.js';
import type { Core } from '../../src/machine/core.js';
import { HostView, VcpuView } from '../../src/machine/views.js';
import { codeDomain, hostConfig } from '../hypervisor/fixture.js';

const SECRETS = ['plaintext-secret', 'secret-plaintext'].map((text) => Buffer.from(text));
const IMAGES = ['image-of-a-guest', 'image-of-another'].map((text) => Buffer.from(text)); // loaded by the hypervisor
const MASK = 0x5a5a5a5a;
const FIRST = 0x110000;
const LAST = 0x1f0000;

const word = (n: number): number[] => [n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24];

/** MOV EDI, FIRST; per page: the secret, built in EAX, at its beginning; ADD EDI, 4096; JB; JMP to the start. */
function planter(secret: Buffer, image: Buffer): number[] {
  const page: number[] = [];
  for (let i = 0; i < 4; i++) {
    page.push(0xb8, ...word(secret.readUInt32LE(4 * i) ^ MASK), 0x35, ...word(MASK), 0x89, 0x47, 4 * i);
  }
  page.push(0x81, 0xc7, ...word(4096), 0x81, 0xff, ...word(LAST));
  page.push(0x72, -(page.length + 2) & 255);
  const code = [0xbf, ...word(FIRST), ...page];
  return [...code, 0xeb, -(code.length + 2) & 255, ...image];
}

/** Whether what domain `d` knows lies in DRAM. */
function found(core: Core, d: number): boolean {
  const l = core.layout;
  const dram = Buffer.from(core.memory.buffer).subarray(core.read(l.HOST_DRAM), core.read(l.HOST_END));
  return dram.includes(SECRETS[d]!) || dram.includes(IMAGES[d]!);
}

/** All pages are written once: 14 instructions each. */
const PLANTED = ((LAST - FIRST) / 4096) * 14;
const QUANTA = 4; // paused, and then destroyed while the other runs

/** In how many quanta the secret of domain 0 was found in DRAM while it was running, paused, gone, and after all was over. */
async function search(protection: Protection, smm: SmmConfig = {}, scrub = false) {
  const domains: DomainConfig[] = [0, 1].map((i) =>
    codeDomain(`d${i}`, planter(SECRETS[i]!, IMAGES[i]!), { protection, maxInstructions: 1_000_000 }),
  );
  const config = hostConfig(domains, {
    pcpus: 1,
    smm: { slots: 64, ...smm },
    scrub,
    quantumCycles: 40_000,
    sliceCycles: 5_000,
  });
  const quanta = { running: 0, paused: 0, destroyed: 0 };
  const where = { running: 0, paused: 0, destroyed: 0, other: 0 };
  const host: Host = new Host(config, {
    workers: 1,
    inline: true,
    operator: (operator) => {
      const phase = quanta.destroyed > 0 ? 'destroyed' : quanta.paused > 0 ? 'paused' : 'running';
      quanta[phase]++;
      if (found(host.core, 0)) where[phase]++;
      if (phase === 'destroyed' && found(host.core, 1)) where.other++;
      const planted = [0, 1].every(
        (d) => new VcpuView(host.core, new HostView(host.core).vcpuAddress(d)).retired > PLANTED,
      );
      if (phase === 'running' && planted) {
        operator.pause(0);
        quanta.paused++;
        if (found(host.core, 0)) where.paused++;
      } else if (phase === 'paused' && quanta.paused > QUANTA) {
        expect(operator.destroy(0)).toBe(true);
        quanta.destroyed++;
        if (found(host.core, 0)) where.destroyed++;
      } else if (phase === 'destroyed' && quanta.destroyed > QUANTA) operator.destroy(1);
    },
  });
  const booted = [0, 1].some((d) => found(host.core, d));
  const { deterministic } = await host.run();
  await host.close();
  const writeBacks = deterministic.domains.reduce((sum, { smm: counts }) => sum + counts.writeBacks, 0);
  return { booted, where, ended: [0, 1].some((d) => found(host.core, d)), quanta, writeBacks };
}

describe('DRAM of a domain', () => {
  it('holds its secrets without protection, also after its end unless frames are scrubbed', async () => {
    for (const scrub of [false, true]) {
      const { booted, where, ended, quanta } = await search('none', {}, scrub);
      expect(quanta).toEqual({ running: expect.any(Number), paused: QUANTA + 1, destroyed: QUANTA + 1 });
      expect(where).toEqual({ ...quanta, destroyed: scrub ? 0 : quanta.destroyed, other: QUANTA });
      expect([booted, ended]).toEqual([true, !scrub]);
    }
  });

  it.each(PROTECTIONS.filter((name) => name !== 'none'))('never holds them with %s', async (protection) => {
    for (const policy of ['keep', 'flush'] as const) {
      const { writeBacks, quanta, ...places } = await search(protection, { policy });
      expect(places).toEqual({
        booted: false,
        where: { running: 0, paused: 0, destroyed: 0, other: 0 },
        ended: false,
      });
      expect(writeBacks).toBeGreaterThan(150);
      expect(quanta.running).toBeGreaterThan(2);
      expect([quanta.paused, quanta.destroyed]).toEqual([QUANTA + 1, QUANTA + 1]);
    }
  });
});
