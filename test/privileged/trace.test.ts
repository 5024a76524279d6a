/**
 * The privileged guest: more than a thousand experiments with exceptions, gates, tasks and modes, a line of trace for each.
 * The trace is guests/privileged/expected.txt. What QEMU and Bochs print is recorded beside it; where they print something
 * else, departures.json names the clause of the manual that decides.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  differences,
  expectedPath,
  parse,
  qemuVersion,
  departures as recordedDepartures,
  runQemu,
  tracePath,
} from '../../guests/privileged/peers.mjs';
import { runHost } from '../../src/hypervisor/host.js';
import type { DomainConfig } from '../../src/hypervisor/types.js';
import { because } from '../guests/compiler.js';
import { hostConfig, MIB } from '../hypervisor/fixture.js';

interface Departure {
  why: string;
  clause: string;
  lines: string[];
}
interface Peer {
  version: string;
  flag?: { bits: number; why: string; clause: string };
  departures: Departure[];
}
type Trace = Map<string, string>;

const peers = recordedDepartures as { qemu: Peer; bochs: Peer };
const NAMES = ['qemu', 'bochs'] as const;
const text = readFileSync(expectedPath, 'latin1');
const expected = parse(text) as Trace;
/** Volume, section, title. */
const CLAUSE = /^Vol\. (1|2[A-D]|3[A-D]|4), ([A-Z]\.)?\d+(\.\d+)*, ".+"/;

const recorded = (name: (typeof NAMES)[number]): Trace => parse(readFileSync(tracePath(name), 'latin1')) as Trace;

/** The experiments in which a peer's trace differs from the expected one. */
function departing(name: (typeof NAMES)[number]): string[] {
  return [...(differences(expected, recorded(name), peers[name].flag?.bits) as Trace).keys()];
}

function domain(name: string, change: Partial<DomainConfig> = {}): DomainConfig {
  return {
    name,
    image: readFileSync('guests/images/privileged.elf'),
    imageName: 'privileged.elf',
    memoryBytes: 4 * MIB,
    cmdline: '',
    translation: { kind: 'ept', pageSize: '4k', accessedDirty: true },
    ...change,
  };
}

/** What a failure shows: the experiments that differ, first those expected, then those seen. */
function compare(console: Uint8Array): [wanted: string[], seen: string[]] {
  const trace = parse(Buffer.from(console).toString('latin1')) as Trace;
  const different = [...(differences(expected, trace) as Trace)];
  return [
    different.map(([name]) => `${name} -- ${expected.get(name)}`).slice(0, 10),
    different.map(([name, events]) => `${name} -- ${events}`).slice(0, 10),
  ];
}

describe('the privileged guest', () => {
  it('prints the expected trace, with EPT and without', async () => {
    const direct = domain('direct', { translation: { kind: 'direct' } });
    const { deterministic } = await runHost(hostConfig([domain('ept'), direct]), { workers: 1 });
    for (const { outcome, console } of deterministic.domains) {
      const [wanted, seen] = compare(console);
      expect(seen).toEqual(wanted);
      expect(outcome).toMatchObject({ kind: 'shutdown', reason: 'poweroff' });
      expect(Buffer.from(console).toString('latin1')).toBe(text);
    }
  });

  it('prints it in slices of any length, too', async () => {
    const config = hostConfig([domain('cut')], { sliceCycles: 9_973, quantumCycles: 1_000_003 });
    const { deterministic } = await runHost(config, { workers: 1 });
    const [wanted, seen] = compare(deterministic.domains[0]!.console);
    expect(seen).toEqual(wanted);
  });

  it('covers every exception, the modes, the rings and the kinds of task switch', () => {
    const events = [...expected.values()];
    const vectors = new Set(
      events.flatMap((line) => [...line.matchAll(/(?:^|; )([01][0-9a-f])[( ]/g)].map((m) => m[1])),
    );
    for (const vector of [0, 1, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 16, 17, 19])
      expect(vectors, `vector ${vector}`).toContain(vector.toString(16).padStart(2, '0'));
    const names = [...expected.keys()].join('\n');
    const parts = 'call task|jmp task|iret with NT|int to a task|T bit|v86|real|call gate|sysenter';
    for (const part of parts.split('|')) expect(names).toContain(part);
    expect(expected.size).toBeGreaterThan(1000);
  });
});

describe('where the expected trace comes from', () => {
  for (const name of NAMES)
    it(`${name}: every line of its recorded trace is the expected one, or a listed departure`, () => {
      const listed = peers[name].departures.flatMap(({ lines }) => lines);
      expect(departing(name).sort()).toEqual(listed.sort());
      expect(recorded(name).size).toBeGreaterThan(1000);
    });

  it('names volume, section and title for every departure', () => {
    for (const name of NAMES) {
      const { flag, departures } = peers[name];
      for (const { why, clause } of flag ? [flag, ...departures] : departures) {
        expect(clause).toMatch(CLAUSE);
        expect(why.length).toBeGreaterThan(10);
      }
    }
  });

  it('is QEMU or Bochs in all lines but those in which both depart', () => {
    const bochs = new Set(departing('bochs'));
    const alone = departing('qemu').filter((name) => bochs.has(name));
    expect(alone.length).toBeLessThanOrEqual(10);
  });

  const installed = qemuVersion() as string;
  const obstacle =
    installed === peers.qemu.version ? '' : installed ? `QEMU ${installed}, recorded ${peers.qemu.version}` : 'no QEMU';
  it.skipIf(obstacle)(`what QEMU prints is what is recorded${because(obstacle)}`, { timeout: 90_000 }, () => {
    expect(Object.fromEntries(parse(runQemu()) as Trace)).toEqual(Object.fromEntries(recorded('qemu')));
  });
});
