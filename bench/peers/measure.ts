/** Runs workloads on engines, in turns, and puts the markers' times in order. */
import { BenchError, type Progress } from '../progress.js';
import { ENGINES, type Engine, type Workload } from './engines.js';
import type { Mark } from './markers.js';

export interface PeerOptions {
  readonly rounds: number;
  /** Which time the medians are of. */
  readonly clock: 'wall' | 'cpu';
  /** Names of engines; all that are there by default. */
  readonly engines?: readonly string[];
  /** peers: a Multiboot kernel that prints markers. */
  readonly kernel?: string;
  /** peers: also run the project's own guests. */
  readonly guests: boolean;
}

/** kernel name → engine name → one mark per round */
export type Marks = ReadonlyMap<string, ReadonlyMap<string, readonly Mark[]>>;

/** The engines that are wanted and there; notes say which are not. */
export function presentEngines({ engines }: PeerOptions, progress: Progress): readonly Engine[] {
  return ENGINES.filter((engine) => {
    if (engines !== undefined && !engines.includes(engine.name)) return false;
    const reason = engine.absent();
    if (reason !== undefined) progress.note(`${engine.name} is skipped: ${reason}`);
    return reason === undefined;
  });
}

/**
 * Every engine runs the workload once per round. A kernel's checksum must be the `expected` one, or where none is known the
 * same as the first engine's: throws BenchError where Ringfence's is not; where a peer's is not, says so and leaves it out.
 */
export async function measure(
  workload: Workload,
  engines: readonly Engine[],
  rounds: number,
  progress: Progress,
  expected: Readonly<Record<string, string>> = {},
): Promise<Marks> {
  const marks = new Map<string, Map<string, Mark[]>>();
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < engines.length; i++) {
      const engine = engines[(round + i) % engines.length]!;
      const running = engine.run(workload);
      if (running === undefined) continue;
      progress.step(`${workload.name}: round ${round + 1} of ${rounds}, ${engine.name}`);
      const result = await running;
      for (const mark of result.marks) {
        const byEngine = marks.get(mark.name) ?? new Map<string, Mark[]>();
        marks.set(mark.name, byEngine);
        byEngine.set(engine.name, [...(byEngine.get(engine.name) ?? []), mark]);
      }
      const missing = Object.keys(expected).filter((kernel) => !result.marks.some(({ name }) => name === kernel));
      if (result.marks.length === 0 || missing.length > 0) {
        const what = missing.length > 0 ? missing.join(', ') : 'anything';
        complain(engine, `${workload.name} ends without having printed ${what}: ${result.end}`, progress);
      }
    }
  }
  for (const [kernel, byEngine] of marks) compareChecksums(kernel, byEngine, engines, expected[kernel], progress);
  return marks;
}

function compareChecksums(
  kernel: string,
  byEngine: Map<string, readonly Mark[]>,
  engines: readonly Engine[],
  expected: string | undefined,
  progress: Progress,
): void {
  const present = engines.filter(({ name }) => byEngine.has(name));
  const right = expected ?? byEngine.get(present[0]!.name)![0]!.checksum;
  for (const engine of present) {
    const wrong = byEngine.get(engine.name)!.find(({ checksum }) => checksum !== right);
    if (wrong === undefined) continue;
    complain(engine, `${kernel} gives ${wrong.checksum}, not ${right}`, progress);
    byEngine.delete(engine.name);
  }
}

/** What Ringfence gets wrong ends the bench; what a peer gets wrong is said. */
function complain(engine: Engine, what: string, progress: Progress): void {
  if (engine.ringfence) throw new BenchError(`${engine.about}: ${what}`);
  progress.note(`${engine.about}: ${what}`);
}
