/** The kernels of test/cpu/privileged on the whole machine: their traces are QEMU's, however the run is cut. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { runHost } from '../../src/hypervisor/host.js';
import type { DomainConfig } from '../../src/hypervisor/types.js';
import { hostConfig, MIB } from '../hypervisor/fixture.js';

const file = (name: string): Buffer => readFileSync(new URL(`privileged/${name}`, import.meta.url));

const EPT = { kind: 'ept', pageSize: '4k', accessedDirty: true } as const;

function domain(name: string, change: Partial<DomainConfig> = {}): DomainConfig {
  return {
    name,
    image: file(`${name}.elf`),
    imageName: name,
    memoryBytes: 4 * MIB,
    cmdline: '',
    translation: EPT,
    ...change,
  };
}

/** Lines that differ, with their numbers: what a failure should show. */
function differences(actual: string, expected: string): string[] {
  const lines = actual.split('\n');
  return expected
    .split('\n')
    .flatMap((line, n) => (line === lines[n] ? [] : [`${n} expected ${line}`, `${n} actual   ${lines[n]}`]))
    .slice(0, 12);
}

describe.each(['privileged', 'real'])('the kernel %s', (name) => {
  const trace = gunzipSync(file(`${name}.trace.gz`)).toString('latin1');

  it('prints what it prints on QEMU, with and without EPT', async () => {
    const direct = domain(name, { name: 'direct', translation: { kind: 'direct' } });
    const { deterministic } = await runHost(hostConfig([domain(name), direct]), { workers: 1 });
    for (const result of deterministic.domains) {
      expect(differences(Buffer.from(result.console).toString('latin1'), trace)).toEqual([]);
      expect(result.outcome.kind).toBe('triple-fault');
    }
  });

  it('does the same in slices of any length', async () => {
    const whole = await runHost(hostConfig([domain(name)]), { workers: 1 });
    const cut = await runHost(hostConfig([domain(name)], { sliceCycles: 50_021, quantumCycles: 1_000_003 }), {
      workers: 1,
    });
    expect(cut.deterministic.domains).toEqual(whole.deterministic.domains);
  });
});
