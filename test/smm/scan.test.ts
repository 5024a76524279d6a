/**
 * What DRAM holds. A guest plants a secret that no byte of its image contains, all over its memory, again and again; DRAM is
 * searched while it runs, when it has ended and after it is destroyed. The same test finds the secret without protection.
 */
import { describe, expect, it } from 'vitest';
import { Host } from '../../src/hypervisor/host.js';
import { PROTECTIONS } from '../../src/hypervisor/smm.js';
import type { DomainConfig, Protection, SmmConfig } from '../../src/hypervisor/types.js';
import type { Core } from '../../src/machine/core.js';
import { codeDomain, hostConfig } from '../hypervisor/fixture.js';

const SECRET = Buffer.from('plaintext-secret');
const IMAGE = Buffer.from('image-of-a-guest'); // in the image: loaded by the hypervisor
const MASK = 0x5a5a5a5a;
const FIRST = 0x110000;
const LAST = 0x1f0000;

const word = (n: number): number[] => [n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24];

/** MOV EDI, FIRST; per page: the secret, built in EAX, at its beginning; ADD EDI, 4096; JB; JMP to the start. */
function planter(): number[] {
  const page: number[] = [];
  for (let i = 0; i < 4; i++) {
    page.push(0xb8, ...word(SECRET.readUInt32LE(4 * i) ^ MASK), 0x35, ...word(MASK), 0x89, 0x47, 4 * i);
  }
  page.push(0x81, 0xc7, ...word(4096), 0x81, 0xff, ...word(LAST));
  page.push(0x72, -(page.length + 2) & 255);
  const code = [0xbf, ...word(FIRST), ...page];
  return [...code, 0xeb, -(code.length + 2) & 255, ...IMAGE];
}

function found(core: Core, text: Buffer): boolean {
  const l = core.layout;
  const dram = Buffer.from(core.memory.buffer).subarray(core.read(l.HOST_DRAM), core.read(l.HOST_END));
  return dram.includes(text);
}

/** Where the texts were found: at some time while running, at the end. */
async function search(protection: Protection, smm: SmmConfig = {}, scrub = false) {
  const domains: DomainConfig[] = [0, 1].map((i) =>
    codeDomain(`d${i}`, planter(), { protection, maxInstructions: 5_000 }),
  );
  const config = hostConfig(domains, {
    pcpus: 1,
    smm: { slots: 64, ...smm },
    scrub,
    quantumCycles: 10_000,
    sliceCycles: 5_000,
  });
  let running = false;
  let quanta = 0;
  const host: Host = new Host(config, {
    workers: 1,
    inline: true,
    onProgress: () => {
      quanta++;
      running ||= found(host.core, SECRET) || found(host.core, IMAGE);
    },
  });
  const booted = found(host.core, IMAGE);
  const { deterministic } = await host.run();
  await host.close();
  const writeBacks = deterministic.domains.reduce((sum, { smm: counts }) => sum + counts.writeBacks, 0);
  return { booted, running, ended: found(host.core, SECRET) || found(host.core, IMAGE), quanta, writeBacks };
}

describe('DRAM of a domain', () => {
  it('holds its secrets without protection, and after its end unless frames are scrubbed', async () => {
    expect(await search('none')).toMatchObject({ booted: true, running: true, ended: true });
    expect(await search('none', {}, true)).toMatchObject({ booted: true, running: true, ended: false });
  });

  it.each(PROTECTIONS.filter((name) => name !== 'none'))('never holds them with %s', async (protection) => {
    for (const policy of ['keep', 'flush'] as const) {
      const { writeBacks, quanta, ...places } = await search(protection, { policy });
      expect(places).toEqual({ booted: false, running: false, ended: false });
      expect(writeBacks).toBeGreaterThan(150);
      expect(quanta).toBeGreaterThan(2);
    }
  });
});
