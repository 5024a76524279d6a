import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprint } from '../../src/experiment/fingerprint.js';
import { runHost } from '../../src/hypervisor/host.js';
import type { Operator } from '../../src/hypervisor/operator.js';
import { readImage, writeImage } from '../../src/hypervisor/save.js';
import { SaveError } from '../../src/hypervisor/sealed-file.js';
import type { DomainConfig, HostConfig, RunOptions } from '../../src/hypervisor/types.js';
import { guestDomain, hostConfig, MIB } from './fixture.js';

const INLINE = { workers: 1 };

/** Runs to the end, saving at `at`; gives the result and the file. */
async function saving(config: HostConfig, at: number, options: Partial<RunOptions> = {}) {
  let file: Uint8Array | undefined;
  const { deterministic } = await runHost(config, {
    ...INLINE,
    ...options,
    save: {
      at,
      to: (image) => {
        file = writeImage(image);
      },
    },
  });
  return { deterministic, file };
}

/** Timers, paging, rings, code that changes itself, input, and three that exchange data by channels and grants. */
function mixture(): DomainConfig[] {
  const alone = ['timer', 'paging', 'rings', 'smc', 'echo', 'hello', 'ctx'].map((name) => guestDomain(name));
  const pair = ['side=first peer=8', 'side=second peer=7'].map((cmdline, i) =>
    guestDomain('pingpong', { name: `ping-${i}`, cmdline }),
  );
  return [...alone, ...pair].map((domain) => ({ ...domain, maxInstructions: 200_000 }));
}

describe('a saved host', () => {
  it('goes on as if it had never been saved, at any moment, with any number of workers', {
    timeout: 120_000,
  }, async () => {
    const config = hostConfig(mixture(), {
      pcpus: 3,
      quantumCycles: 60_000,
      sliceCycles: 20_000,
      limitCycles: 2_400_000,
    });
    const expected = (await runHost(config, INLINE)).deterministic;
    expect(expected.zeroSum).toBe(true);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: expected.quanta - 1 }), async (quantum) => {
        const { deterministic, file } = await saving(config, quantum * 60_000);
        expect(deterministic).toEqual(expected);
        const image = readImage(file!);
        expect(fingerprint(image.config)).toBe(fingerprint(config));
        expect((await runHost(image.config, { ...INLINE, restore: image })).deterministic).toEqual(expected);
      }),
      { numRuns: 8 },
    );
    const { file } = await saving(config, 180_000);
    const restored = await runHost(config, { workers: 2, restore: readImage(file!) });
    expect(restored.deterministic).toEqual(expected);
  });

  it('may have forks, and forks to come', { timeout: 60_000 }, async () => {
    const domains = [
      guestDomain('timer', { maxInstructions: 200_000 }),
      guestDomain('timer', { name: 'later', fork: { of: 'timer', at: 400_000 } }),
    ];
    const config = hostConfig(domains, {
      pcpus: 2,
      quantumCycles: 100_000,
      domainSlots: 3,
      memoryBytes: 64 * MIB,
      limitCycles: 3_000_000,
    });
    // The operator has no state of its own: what it does depends on the time alone.
    const operator = (op: Operator, cycles: number): void => {
      if (cycles === 100_000) op.fork(0, 1);
      if (cycles === 500_000) op.reset(2);
      if (cycles === 700_000) op.destroy(2);
    };
    const { deterministic: expected } = await runHost(config, { ...INLINE, operator });
    expect(expected.domains.map(({ name }) => name)).toEqual(['timer', 'later', 'timer/fork-1']);
    expect(expected.zeroSum).toBe(true);
    for (const at of [100_000, 300_000, 400_000, 600_000]) {
      const { file } = await saving(config, at, { operator });
      const restored = await runHost(config, { ...INLINE, operator, restore: readImage(file!) });
      expect(restored.deterministic).toEqual(expected);
    }
  });

  it('may go on with other limits', async () => {
    const domain = guestDomain('sieve', { maxInstructions: 1_000_000 });
    const config = hostConfig([domain], { quantumCycles: 100_000 });
    const { file } = await saving(config, 200_000);
    const image = readImage(file!);
    for (const maxInstructions of [400_000, 600_001]) {
      const other = { ...config, domains: [{ ...domain, maxInstructions }], limitCycles: 90_000_000 };
      const { deterministic } = await runHost(other, { ...INLINE, restore: image });
      expect(deterministic).toEqual((await runHost(other, INLINE)).deterministic);
    }
  });

  it('is refused if it is damaged, cut off, of another version, of another build or no such file', async () => {
    const { file } = await saving(hostConfig([guestDomain('hello')], { quantumCycles: 2000 }), 2000);
    const code = (change: (bytes: Buffer) => Uint8Array): string => {
      try {
        readImage(change(Buffer.from(file!)));
      } catch (error) {
        if (error instanceof SaveError) return error.code;
        throw error;
      }
      return 'read';
    };
    /** With a right checksum. */
    const sealed = (bytes: Buffer): Buffer => {
      const body = bytes.subarray(0, -32);
      return Buffer.concat([body, createHash('sha256').update(body).digest()]);
    };
    expect(code((bytes) => bytes)).toBe('read');
    expect(code((bytes) => bytes.subarray(0, 10))).toBe('damaged');
    expect(code(() => new Uint8Array())).toBe('magic');
    expect(code(() => Buffer.from('#!/bin/sh and so on, for more than sixteen bytes'))).toBe('magic');
    expect(code((bytes) => bytes.fill(9, 8, 9))).toBe('version');
    expect(
      code((bytes) => sealed(Buffer.from(bytes.toString('latin1').replace(/"core":"../, '"core":"zz'), 'latin1'))),
    ).toBe('core');
    fc.assert(
      fc.property(fc.nat(file!.length - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
        const found = code((bytes) => {
          bytes[at]! ^= bits;
          return bytes;
        });
        expect(found).toBe(at < 8 ? 'magic' : at < 12 ? 'version' : 'damaged');
      }),
      { numRuns: 60 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 16, max: file!.length - 1 }), (length) => {
        expect(code((bytes) => bytes.subarray(0, length))).toBe('damaged');
      }),
      { numRuns: 30 },
    );
  });
});
