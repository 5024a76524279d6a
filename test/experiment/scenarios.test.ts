/** The scenarios that come with Ringfence, against the guests that come with it. Nothing is run here. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readCatalogue } from '../../src/experiment/guests.js';
import type { LoadContext } from '../../src/experiment/load-domain.js';
import { loadScenario, parseScenario } from '../../src/experiment/plan.js';
import { planBoot } from '../../src/hypervisor/multiboot.js';

const catalogue = readCatalogue('guests');
const context: LoadContext = {
  catalogue,
  inspectImage: ({ image, memoryBytes, cmdline, modules }) => void planBoot(image, memoryBytes, cmdline, modules),
};
const load = (name: string) => loadScenario(`scenarios/${name}.yaml`, [], context);
const entries = catalogue.names.map((name) => catalogue.find(name)!);

describe('the scenarios', () => {
  it.each(readdirSync('scenarios'))('%s is right', (file) => {
    expect(load(file.replace('.yaml', '')).domains.length).toBeGreaterThan(0);
  });

  it('first-light runs every well-behaved guest on four physical CPUs, and expects native checksums of all', () => {
    const { host, domains } = load('first-light');
    expect(host.pcpus).toBe(4);
    expect(domains.length).toBeGreaterThanOrEqual(16);
    // A guest that prints a trace instead of checksums has a test of its own: test/privileged, test/hypervisor/apic.test.ts.
    // Those named vm0-… and smm-… need a privileged domain, or somebody who looks at them; scenarios/disk.yaml has the one with a disk.
    const wanted = entries
      .filter(({ hostile, disk }) => !hostile && disk === undefined)
      .filter(
        ({ name }) =>
          !['privileged', 'apic', 'fork-bomb', 'page-probe', 'pvh'].includes(name) && !/^(vm0|smm)-/.test(name),
      )
      .map(({ name }) => name);
    expect([...new Set(domains.map((domain) => domain.guest))].sort()).toEqual(wanted.sort());
    for (const domain of domains) {
      expect(domain.expect?.outcome).toBe('poweroff');
      expect(Object.keys(domain.expect?.checksum ?? {}).length).toBeGreaterThan(0);
    }
  });

  it('hostile runs every hostile guest beside neighbours that must print what they print natively', () => {
    const { domains } = load('hostile');
    const hostile = entries.filter((entry) => entry.hostile).map((entry) => entry.name);
    const guests = new Set(domains.map((domain) => domain.guest));
    expect(hostile.filter((name) => !guests.has(name))).toEqual([]);
    const neighbours = domains.filter((domain) => !hostile.includes(domain.guest));
    expect(neighbours.length).toBeGreaterThanOrEqual(4);
    for (const domain of neighbours) expect(typeof domain.expect?.checksum).toBe('object');
  });

  it('density runs 256 domains of 4 MiB', () => {
    expect(load('density').domains.map((domain) => domain.memoryBytes)).toEqual(Array(256).fill(4 * 1024 ** 2));
  });

  it('the first own scenario of the README is right', () => {
    const text = /```yaml\n# mine\.yaml\n([^`]+)```/.exec(readFileSync('README.md', 'utf8'))?.[1] ?? '';
    expect(text.trimEnd().split('\n')).toHaveLength(5);
    expect(parseScenario('mine.yaml', text, [], context).domains).toHaveLength(10);
  });
});
