/**
 * The privileged guest's trace: every exception, gate, privilege transition, task switch, V86 and real mode, a line for each
 * experiment. The golden text has no independent source in this tree yet, so alone it only guards against change;
 * docs/privileged-peers.patch holds it against QEMU and Bochs. test/cpu/privileged is what is recorded from QEMU.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runHost } from '../../src/hypervisor/host.js';
import type { DomainConfig } from '../../src/hypervisor/types.js';
import { DEFAULT_COST_TABLE } from '../../src/machine/cost-table.js';

const expected = readFileSync('guests/privileged/expected.txt', 'latin1').trimEnd().split('\n');

async function trace(translation: DomainConfig['translation']): Promise<string[]> {
  const result = await runHost(
    {
      pcpus: 1,
      frequencyHz: 1e9,
      quantumCycles: 1e6,
      sliceCycles: 1e6,
      seed: 1,
      costTable: DEFAULT_COST_TABLE,
      domains: [
        {
          name: 'privileged',
          image: readFileSync('guests/images/privileged.elf'),
          imageName: 'privileged',
          memoryBytes: 16 << 20,
          cmdline: '',
          translation,
          maxInstructions: 200e6,
        },
      ],
    },
    { workers: 1 },
  );
  const [domain] = result.deterministic.domains;
  expect(domain!.outcome.kind).toBe('shutdown');
  return Buffer.from(domain!.console).toString('latin1').trimEnd().split('\n');
}

describe('the privileged guest', () => {
  it('is a trace of many experiments', () => {
    expect(expected.length).toBeGreaterThan(500);
  });

  for (const translation of [{ kind: 'ept', pageSize: '4k', accessedDirty: true }, { kind: 'direct' }] as const)
    it(`prints the recorded trace (${translation.kind})`, async () => {
      const lines = await trace(translation);
      const wrong = lines.map((line, i) => [line, expected[i]]).filter(([line, wanted]) => line !== wanted);
      expect(wrong.slice(0, 5)).toEqual([]);
      expect(lines.length).toBe(expected.length);
    });
});
