/**
 * Sharing pages of equal content: what a pass costs per page, and how many frames 32 equal guests give back. CPU time of this process,
 * because other programs move the wall clock; the first pass of a process, in which V8 still compiles, is thrown away.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runHost } from '../src/hypervisor/host.js';
import type { DomainConfig } from '../src/hypervisor/types.js';
import { packageRoot } from '../src/machine/core.js';
import { DEFAULT_COST_TABLE } from '../src/machine/cost-table.js';
import { HostView } from '../src/machine/views.js';
import { BenchError, type Progress } from './progress.js';
import { BASELINE, type Row, rowsOf } from './report.js';

const GUESTS = 32;
const MIB = 1 << 20;
const QUANTUM = 1_000_000;
/** The quantum after which every guest has filled part of its memory. */
const BOOTED = 40;

interface Times {
  /** Nanoseconds of CPU time per page that was looked at. */
  readonly hash: number;
  readonly merge: number;
  readonly again: number;
  readonly saved: number;
  readonly pages: number;
}

/** CPU time of an action, in nanoseconds. */
function cpu(action: () => void): number {
  const start = process.cpuUsage();
  action();
  const { user, system } = process.cpuUsage(start);
  return (user + system) * 1000;
}

async function round(image: Uint8Array): Promise<Times> {
  let times: Times | undefined;
  let quantum = 0;
  const domains = Array.from(
    { length: GUESTS },
    (_, i): DomainConfig => ({
      ...{ name: `fleet-${i}`, image, imageName: 'fleet.elf', memoryBytes: 16 * MIB, cmdline: '' },
      translation: { kind: 'ept', pageSize: '4k', accessedDirty: true },
    }),
  );
  const { deterministic } = await runHost(
    {
      ...{ pcpus: 1, frequencyHz: 1e9, quantumCycles: QUANTUM, sliceCycles: QUANTUM / 10, seed: 1 },
      ...{ costTable: DEFAULT_COST_TABLE, domains, pageSharing: {}, limitCycles: (BOOTED + 2) * QUANTUM },
    },
    {
      workers: 1,
      operator: (op) => {
        if (++quantum !== BOOTED) return;
        const { core } = op.domain(0);
        const host = new HostView(core);
        const { call, layout } = core;
        const before = host.freeFrames;
        const frames: number[] = [];
        for (let slot = 0; slot < GUESTS; slot++) {
          for (let gpa = 0; gpa < 16 * MIB; gpa += 4096) {
            const frame = call.mergeCandidate(op.domain(slot).base, gpa) >>> 0;
            if (frame !== layout.FRAME_NONE) frames.push(frame);
          }
        }
        const hash = cpu(() => {
          for (const frame of frames) call.frameHash(frame);
        });
        let first = { scanned: 0, merged: 0 };
        const merge = cpu(() => {
          first = op.sharePages();
        });
        const again = cpu(() => op.sharePages());
        const pages = (GUESTS * (16 * MIB)) / 4096;
        const [perPage, saved] = [1 / first.scanned, host.freeFrames - before];
        times = { hash: hash / frames.length, merge: merge * perPage, again: again / pages, saved, pages };
      },
    },
  );
  if (times === undefined || !deterministic.zeroSum) throw new BenchError('page-sharing: the guests ended too early');
  return times;
}

export async function runPageSharing(
  { rounds }: { readonly rounds: number },
  progress: Progress,
): Promise<{ rows: readonly Row[]; summary: string[] }> {
  const image = new Uint8Array(readFileSync(join(packageRoot(), 'guests/images/fleet.elf')));
  await round(image);
  const all: Times[] = [];
  for (let i = 0; i < rounds; i++) {
    progress.step(`page-sharing: round ${i + 1} of ${rounds}`);
    all.push(await round(image));
  }
  const of = (key: 'hash' | 'merge' | 'again'): number[] => all.map((times) => times[key]);
  const [{ saved, pages }] = all as [Times];
  return {
    rows: rowsOf('page-sharing', 'ns', [
      { subject: BASELINE, about: 'hashes a page of 4 KiB', values: of('hash') },
      {
        subject: 'first-pass',
        about: 'per page of the first pass: hash, compare, merge, free its frame',
        values: of('merge'),
      },
      { subject: 'next-pass', about: 'per page of the next: nearly all are common already', values: of('again') },
    ]),
    summary: [
      `page-sharing: ${GUESTS} equal guests of 16 MiB that have booted give ${saved} of ${pages} frames back (${((100 * saved) / pages).toFixed(1)} %)`,
    ],
  };
}
