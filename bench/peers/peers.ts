/** `peers`: whole guests on every engine. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { packageRoot } from '../../src/machine/core.js';
import { BenchError, type Progress } from '../progress.js';
import { BASELINE, type Measured, type Row, rowsOf, significant } from '../report.js';
import { geometricMean, median } from '../statistics.js';
import { ENGINES, type Engine, type Workload } from './engines.js';
import type { Mark } from './markers.js';
import { type Marks, measure, type PeerOptions, presentEngines } from './measure.js';
import { nativeGuest, nativeKernel, whyNoNative } from './native.js';

/** The kernels of ../shared/peers/kern.elf that geometric means are of. */
const EIGHT = ['sieve', 'crc', 'sha', 'sort', 'fib', 'interp', 'icall', 'chase'];
/** Not a matter of speed: too short, waiting for input, waiting for time. */
const NOT_GUESTS = ['hello', 'echo', 'timer', 'disk'];
const KERNEL_MIB = 128;

interface ManifestGuest {
  readonly file: string;
  readonly checksums: Readonly<Record<string, string>>;
  readonly cmdline: string;
  readonly memoryMiB: number;
  readonly hostile: boolean;
}

interface Planned {
  readonly workload: Workload;
  /** One row for all its kernels: alone they are too short. */
  readonly whole: boolean;
  readonly expected: Readonly<Record<string, string>>;
}

export async function runPeers(
  options: PeerOptions,
  progress: Progress,
): Promise<{ rows: readonly Row[]; summary: readonly string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'ringfence-peers-'));
  try {
    const engines = [...presentEngines(options, progress)];
    const wantsNative = engines.some(({ name }) => name === 'native');
    const reason = wantsNative ? whyNoNative(folder) : 'not wanted';
    if (wantsNative && reason !== undefined) progress.note(`native is skipped: ${reason}`);
    const planned = plan(options, reason === undefined ? folder : undefined, progress);
    const rows: Row[] = [];
    for (const { workload, whole, expected } of planned) {
      const marks = await measure(workload, engines, options.rounds, progress, expected);
      if (whole) {
        const total = sumOfKernels(marks, engines);
        rows.push(...rowsOf(`peers/guest-${workload.name}`, 'ms', engineTimes(total, engines, options.clock)));
        continue;
      }
      for (const [kernel, byEngine] of marks) {
        if (kernel === 'warm') continue;
        rows.push(...rowsOf(`peers/${kernel}`, 'ms', engineTimes(byEngine, engines, options.clock)));
      }
    }
    const { rows: means, lines } = geometricMeans(rows);
    return { rows: [...rows, ...means], summary: ['', ...lines, ...targets(rows), ''] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function plan({ kernel, guests }: PeerOptions, nativeFolder: string | undefined, progress: Progress): Planned[] {
  const root = packageRoot();
  const given = resolve(root, '../shared/peers/kern.elf');
  const image = kernel === undefined ? given : resolve(kernel);
  const planned: Planned[] = [];
  if (existsSync(image)) planned.push(kernelPlan(image, nativeFolder));
  else if (kernel !== undefined) throw new BenchError(`${kernel} does not exist`);
  else progress.note(`${given} is not there; --kernel may name another marker-printing kernel`);
  if (!guests) return planned;
  const folder = join(root, 'guests');
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as {
    guests: Readonly<Record<string, ManifestGuest>>;
  };
  for (const [name, guest] of Object.entries(manifest.guests)) {
    if (guest.hostile || NOT_GUESTS.includes(name)) continue;
    const machine = existsSync(join(folder, 'native', `${name}-machine.c`));
    const native = nativeFolder === undefined ? undefined : nativeGuest(name, machine, nativeFolder);
    planned.push({
      whole: true,
      expected: guest.checksums,
      workload: {
        name,
        image: join(folder, 'images', guest.file),
        imageName: guest.file,
        cmdline: guest.cmdline,
        memoryMiB: Math.max(16, guest.memoryMiB),
        checksums: Object.keys(guest.checksums).length,
        ...(native !== undefined && { native }),
      },
    });
  }
  return planned;
}

function kernelPlan(image: string, nativeFolder: string | undefined): Planned {
  const work = join(dirname(image), 'work.c');
  const native = nativeFolder !== undefined && existsSync(work) ? nativeKernel(work, nativeFolder) : undefined;
  const name = basename(image);
  return {
    whole: false,
    expected: {},
    workload: {
      name,
      image,
      imageName: name,
      cmdline: '',
      memoryMiB: KERNEL_MIB,
      checksums: 0,
      ...(native !== undefined && { native }),
    },
  };
}

/** Per engine and round, one mark for all kernels of a guest; engines that lack one are left out. */
function sumOfKernels(marks: Marks, engines: readonly Engine[]): ReadonlyMap<string, readonly Mark[]> {
  const result = new Map<string, readonly Mark[]>();
  for (const { name } of engines) {
    const kernels = [...marks.values()].map((byEngine) => byEngine.get(name) ?? []);
    const rounds = Math.min(...kernels.map(({ length }) => length));
    if (rounds === 0) continue;
    const total = (round: number): Mark => ({
      name,
      checksum: kernels.map((kernel) => kernel[round]!.checksum).join(' '),
      wallMs: kernels.reduce((sum, kernel) => sum + kernel[round]!.wallMs, 0),
      cpuMs: kernels.reduce((sum, kernel) => sum + kernel[round]!.cpuMs, 0),
    });
    result.set(
      name,
      Array.from({ length: rounds }, (_, round) => total(round)),
    );
  }
  return result;
}

/** The engines' times of one kernel, in the engines' order. */
export function engineTimes(
  byEngine: ReadonlyMap<string, readonly Mark[]>,
  engines: readonly Engine[],
  clock: PeerOptions['clock'],
): readonly Measured[] {
  return engines.flatMap(({ name, about }) => {
    const marks = byEngine.get(name);
    if (marks === undefined) return [];
    const { checksum, operations = 1 } = marks[0]!;
    const scale = operations === 1 ? 1 : 1e6 / operations; // of events: nanoseconds each
    const wall = marks.map(({ wallMs }) => wallMs * scale);
    const cpu = marks.map(({ cpuMs }) => cpuMs * scale);
    const known = cpu.every((value) => value > 0);
    const more = {
      checksum,
      clock: clock === 'cpu' && known ? 'cpu' : 'wall',
      wall: significant(median(wall)),
      cpu: known ? significant(median(cpu)) : null,
    };
    return [{ subject: name, about, values: more.clock === 'cpu' ? cpu : wall, more }];
  });
}

/** Rows and lines for the geometric means over the eight kernels, and over the project's guests. */
function geometricMeans(rows: readonly Row[]): { rows: readonly Row[]; lines: readonly string[] } {
  const sets: readonly (readonly [string, string, readonly string[]])[] = [
    ['peers/geomean-eight', `the eight kernels ${EIGHT.join(' ')}`, EIGHT.map((kernel) => `peers/${kernel}`)],
    [
      'peers/geomean-guests',
      "the project's guests",
      [...new Set(rows.map(({ bench }) => bench).filter((bench) => bench.startsWith('peers/guest-')))],
    ],
  ];
  const result: Row[] = [];
  const lines: string[] = [];
  for (const [bench, title, benches] of sets) {
    for (const { name, about } of ENGINES) {
      const own = rows.filter((row) => row.subject === name && benches.includes(row.bench) && row.ratio !== null);
      if (benches.length === 0 || own.length !== benches.length) continue;
      const value = geometricMean(own.map(({ median: time }) => time));
      const ratio = geometricMean(own.map((row) => row.ratio!));
      const rounds = own[0]!.rounds;
      const row = { bench, subject: name, about, median: significant(value), unit: 'ms', ratio: significant(ratio) };
      result.push({ ...row, spread: 0, rounds });
      if (name !== BASELINE)
        lines.push(`${title}: time of ${name} ÷ time of Ringfence without EPT: ${ratio.toFixed(2)}`);
    }
  }
  return { rows: result, lines };
}

/** The three figures that issue 3 asks for, where they can be had. */
function targets(rows: readonly Row[]): readonly string[] {
  const mean = (over: string, under: string): number => {
    const ratios = EIGHT.map((kernel) => {
      const time = (engine: string): number =>
        rows.find(({ bench, subject }) => bench === `peers/${kernel}` && subject === engine)?.median ?? Number.NaN;
      return time(over) / time(under);
    });
    return geometricMean(ratios);
  };
  const figures: readonly (readonly [string, number, string])[] = [
    ["speed with EPT against v86's JIT", mean('v86-jit', 'ringfence-ept'), 'wanted: at least 0.7'],
    ["speed with EPT against v86's interpreter", mean('v86-interpreter', 'ringfence-ept'), 'wanted: at least 6'],
    ['time with EPT ÷ without', mean('ringfence-ept', BASELINE), 'wanted: at most 1.05'],
  ];
  return figures
    .filter(([, value]) => Number.isFinite(value))
    .map(([title, value, wanted]) => `the eight kernels: ${title}: ${value.toFixed(3)} (${wanted})`);
}
