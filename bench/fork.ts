/**
 * Forking a booted domain of 16 MiB, putting forks back, ending them: real time per operation, beside creating the same domain
 * from its image. And what a fork that does nothing costs in memory, counted, not measured.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDomain, destroyDomain, reserve } from '../src/hypervisor/domain.js';
import { runHost } from '../src/hypervisor/host.js';
import type { Operator } from '../src/hypervisor/operator.js';
import type { DomainConfig } from '../src/hypervisor/types.js';
import { coreModule, packageRoot } from '../src/machine/core.js';
import { DEFAULT_COST_TABLE } from '../src/machine/cost-table.js';
import { hostBytes, layOutHost } from '../src/machine/flat-memory.js';
import { HostView } from '../src/machine/views.js';
import { BenchError, type Progress } from './progress.js';
import { BASELINE, type Row, rowsOf } from './report.js';
import { median } from './statistics.js';

const FORKS = 1000;
const MIB = 1 << 20;
const QUANTUM = 100_000;
/** The quantum after which the guest has booted: it has filled part of its memory. */
const BOOTED = 20;

interface Times {
  readonly fork: number[];
  readonly reset: number[];
  readonly destroy: number[];
  /** Frames of the host that a fork has: right after it was made, and after it ran. */
  frames: number;
  ran: number;
}

function timed(list: number[], action: () => number | boolean): void {
  const start = performance.now();
  const result = action();
  list.push((performance.now() - start) * 1000);
  if (typeof result === 'number' && result < 0) throw new BenchError(`fork: an operation failed with ${result}`);
}

/** Makes FORKS forks of a running guest, lets them run for a quantum, resets and ends them. */
async function round(config: DomainConfig): Promise<Times> {
  const times: Times = { fork: [], reset: [], destroy: [], frames: 0, ran: 0 };
  let quantum = 0;
  const free = (operator: Operator): number => new HostView(operator.domain(0).core).freeFrames;
  let before = 0;
  const operator = (op: Operator): void => {
    quantum++;
    if (quantum === BOOTED) {
      before = free(op);
      for (let i = 0; i < FORKS; i++) timed(times.fork, () => op.fork(0));
      times.frames = (before - free(op)) / FORKS;
      for (const slot of op.domains.slice(101)) op.pause(slot); // a hundred run
    } else if (quantum === BOOTED + 2) {
      const ran = op.domains.slice(1, 101);
      times.ran = ran.reduce((sum, slot) => sum + ownFrames(op, slot), 0) / ran.length;
      for (const slot of ran) timed(times.reset, () => op.reset(slot));
    } else if (quantum === BOOTED + 3) {
      for (const slot of [...op.domains].reverse()) if (slot > 0) timed(times.destroy, () => op.destroy(slot));
      op.destroy(0);
    }
  };
  const { deterministic } = await runHost(
    {
      ...{ pcpus: 1, frequencyHz: 1e9, quantumCycles: QUANTUM, sliceCycles: 1000, seed: 1 },
      ...{ costTable: DEFAULT_COST_TABLE, domains: [config], domainSlots: FORKS, memoryBytes: 64 * MIB },
    },
    { workers: 1, operator },
  );
  if (!deterministic.zeroSum) throw new BenchError('fork: frames are missing');
  return times;
}

function ownFrames(op: Operator, slot: number): number {
  const { core, base, tablePages } = op.domain(slot);
  return tablePages + core.read(base + core.layout.DOMAIN_COPIED);
}

/** Creating and ending the same domain without forks, microseconds each. */
function cold(config: DomainConfig): number[] {
  const module = coreModule();
  const frames = (20 * MIB) / 4096;
  const core = layOutHost(module, { pcpus: 1, vcpus: 1, domains: 1, frames });
  const list: number[] = [];
  for (let i = 0; i < 20; i++) {
    const start = performance.now();
    createDomain(core, 0, config, 0, 0, reserve(core, 0, config));
    list.push((performance.now() - start) * 1000);
    destroyDomain(core, 0);
  }
  return list;
}

/** Flat memory that one more slot takes: vCPU and domain. */
function slotBytes(): number {
  const bytes = (slots: number): number =>
    hostBytes(coreModule(), { pcpus: 1, vcpus: slots, domains: slots, frames: 16384 });
  return (bytes(1025) - bytes(1)) / 1024;
}

export async function runFork(
  { rounds }: { readonly rounds: number },
  progress: Progress,
): Promise<{ rows: readonly Row[]; summary: string[] }> {
  const config: DomainConfig = {
    ...{ name: 'fleet', imageName: 'fleet.elf', memoryBytes: 16 * MIB, cmdline: '' },
    image: new Uint8Array(readFileSync(join(packageRoot(), 'guests/images/fleet.elf'))),
    translation: { kind: 'ept', pageSize: '4k', accessedDirty: true },
  };
  await round(config); // loads and warms everything
  const all: Times[] = [];
  const created: number[] = [];
  for (let i = 0; i < rounds; i++) {
    progress.step(`fork: round ${i + 1} of ${rounds}`);
    all.push(await round(config));
    created.push(median(cold(config)));
  }
  const of = (key: 'fork' | 'reset' | 'destroy', from = 0, to = FORKS): number[] =>
    all.map((times) => median(times[key].slice(from, to)));
  const [{ frames, ran }] = all as [Times];
  const slot = slotBytes();
  const idle = slot + frames * (4096 + 16);
  const kib = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KiB`;
  return {
    rows: [
      ...rowsOf('fork', 'µs', [
        { subject: BASELINE, about: 'creates a domain of 16 MiB from its image, not booted', values: created },
        { subject: 'fork', about: `forks a booted domain of 16 MiB; median of ${FORKS}`, values: of('fork') },
        { subject: 'reset', about: 'puts a fork that ran for a quantum back', values: of('reset') },
        { subject: 'destroy', about: 'ends a fork; most of it is the SHA-256 over its 16 MiB', values: of('destroy') },
      ]),
      ...rowsOf('fork-flat', 'µs', [
        { subject: BASELINE, about: 'forks while there are 10 to 60 others', values: of('fork', 10, 60) },
        { subject: 'at-100', about: 'while there are 100 to 150', values: of('fork', 100, 150) },
        { subject: 'at-950', about: 'while there are 950 to 1000', values: of('fork', 950, 1000) },
      ]),
    ],
    summary: [
      `fork: an idle fork takes ${kib(idle)}: ${kib(slot)} for vCPU and domain, ${frames.toFixed(2)} frames of 4 KiB`,
      `fork: one that ran for a quantum has ${ran.toFixed(1)} frames: tables and copied pages`,
    ],
  };
}
