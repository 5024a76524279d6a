/** `ringfence run` of a scenario with a sweep or repeats. */
import {
  AbortedError,
  type BatchProgress,
  type BatchResults,
  CELL_STATUSES,
  type DraftPlan,
  oneLine,
  sweep,
} from '../index.js';
import { CommandError, EXIT } from './exit.js';
import { hasColour, type Io, type Machine, type Output } from './io.js';
import { exitCodeOf, MAX_CLAIMS, type RunArguments } from './run.js';
import { duration, grouped, type Paint, painter } from './table.js';

/** @returns the exit code */
export async function runBatchCommand(
  file: string,
  plan: DraftPlan,
  args: RunArguments,
  io: Io,
  machine: Machine,
): Promise<number> {
  const { name, host } = plan.points[0]!.scenario;
  const folder = args.out ?? `results/${name}`;
  const progress = batchLine(io.err, () => performance.now());
  const { shard, console: consoles, cellTime, cellMemory } = args;
  const start = performance.now();
  let last: BatchProgress | undefined;
  try {
    const results = await sweep(plan, {
      machine,
      out: folder,
      versions: io.versions,
      signal: io.signal,
      workers: args.workers ?? host.workers ?? io.parallelism,
      resume: args.resume === true || args.retry === true,
      retry: args.retry === true,
      limits: {
        ...(cellTime !== undefined && { timeMs: cellTime / 1e6 }),
        ...(cellMemory !== undefined && { memoryBytes: cellMemory }),
      },
      ...(shard !== undefined && { shard }),
      ...(consoles !== undefined && { consoles }),
      onProgress: (now) => {
        last = now;
        progress.update(now);
      },
    });
    progress.clear();
    report(plan, results, folder, args, io, { elapsedMs: performance.now() - start, doneNow: last?.doneNow ?? 0 });
    const { ok, 'claim-failed': claimsFailed } = results.counts;
    if (ok + claimsFailed < results.deterministic.length) return EXIT.fault;
    return results.passed ? EXIT.ok : EXIT.claimFailed;
  } catch (error) {
    if (!io.signal.aborted && !(error instanceof AbortedError)) throw error;
    const kept = `${last?.done ?? 0} of ${last?.total ?? plan.points.length} cells are kept`;
    throw new CommandError(
      exitCodeOf(io.signal),
      `interrupted; ${kept} in ${folder}; go on with: ${again(file, args, folder)}`,
    );
  } finally {
    progress.clear();
  }
}

/** The same command with --resume. */
function again(file: string, args: RunArguments, folder: string): string {
  const word = (text: string): string => (/^[\w./:=,+@%-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
  const shard = args.shard === undefined ? [] : ['--shard', `${args.shard.index}/${args.shard.count}`];
  const sets = args.set.flatMap((set) => ['--set', set]);
  return ['ringfence', 'run', file, ...sets, ...shard, '--out', folder, '--resume'].map(word).join(' ');
}

interface Pace {
  readonly elapsedMs: number;
  readonly doneNow: number;
}

function report(plan: DraftPlan, results: BatchResults, folder: string, args: RunArguments, io: Io, pace: Pace): void {
  if (args.json === true) io.out.write(`${JSON.stringify(results, null, 2)}\n`);
  else io.out.write(summary(plan, results, folder, io, pace));
  tellAcross(results, io);
  let told = 0;
  for (const { cell, status, claims } of results.deterministic) {
    if (status === 'ok') continue;
    if (told++ >= MAX_CLAIMS) continue;
    const wall = results.wallClock[results.deterministic.findIndex((each) => each.cell === cell)];
    const where = `cell ${cell.index}${describe(cell.parameters, cell.repeat)}`;
    if (status === 'claim-failed') {
      for (const { domain, claim, expected, found } of claims.slice(0, 3)) {
        const subject = domain === '' ? '' : `domain '${domain}': `;
        io.err.write(
          `${oneLine(`claim failed: ${where}: ${subject}${claim}: expected ${expected}, found ${found}`)}\n`,
        );
      }
    } else io.err.write(`${oneLine(`${status}: ${where}: ${wall?.error?.message ?? ''}`)}\n`);
    io.err.write(`  ${oneLine(wall?.reproducer ?? '')}\n`);
  }
  if (told > MAX_CLAIMS) io.err.write(`${told - MAX_CLAIMS} more cells failed; all are in ${folder}/results.json\n`);
}

/** Claims across cells that failed. */
export function tellAcross({ across }: BatchResults, io: Io): void {
  for (const { claim, group, expected, found } of across.slice(0, MAX_CLAIMS)) {
    io.err.write(
      `${oneLine(`claim failed: across cells${describe(group, 0)}: ${claim}: expected ${expected}, found ${found}`)}\n`,
    );
  }
  if (across.length > MAX_CLAIMS) io.err.write(`claim failed: ${across.length - MAX_CLAIMS} more across cells\n`);
}

function describe(parameters: Readonly<Record<string, unknown>>, repeat: number): string {
  const parts = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  if (repeat > 0) parts.push(`repeat=${repeat}`);
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

function summary(plan: DraftPlan, results: BatchResults, folder: string, io: Io, { elapsedMs, doneNow }: Pace): string {
  const paint = painter(hasColour(io));
  const { counts, deterministic, scenario, fingerprint, parameters } = results;
  const found = CELL_STATUSES.filter((status) => counts[status] > 0).map((status) => {
    const text = `${grouped(counts[status])} ${status}`;
    return status === 'ok' ? text : paint(text, 'red');
  });
  const rate = doneNow > 0 ? `, ${(doneNow / (elapsedMs / 1000)).toFixed(1)} cells per second` : '';
  const swept = parameters.map(({ name, unit }) => (unit === undefined ? name : `${name} [${unit}]`));
  const lines = [
    paint(scenario.title, 'bold'),
    '',
    `cells        ${grouped(deterministic.length)}${deterministic.length < plan.points.length ? ` of ${grouped(plan.points.length)}` : ''}: ${found.join(', ')}`,
    `swept        ${swept.length === 0 ? 'nothing' : swept.join(', ')}${plan.repeats > 1 ? `, ${plan.repeats} repeats` : ''}`,
    `time         ${duration(elapsedMs * 1e6)}${rate}`,
    `claims       ${claimsLine(results, plan, paint)}`,
    `fingerprint  ${paint(fingerprint, 'bold')}`,
    `results      ${folder}`,
    '',
  ];
  return lines.join('\n');
}

function claimsLine({ counts, across, deterministic }: BatchResults, plan: DraftPlan, paint: Paint): string {
  const failed = [
    ...(counts['claim-failed'] > 0 ? [`${grouped(counts['claim-failed'])} cells failed`] : []),
    ...(across.length > 0 ? [`${grouped(across.length)} failed across cells`] : []),
  ];
  if (failed.length > 0) return paint(failed.join(', '), 'red');
  const judged = ({ scenario }: DraftPlan['points'][number]): boolean =>
    (scenario.claims?.length ?? 0) > 0 || scenario.domains.some((domain) => domain.expect !== undefined);
  if (plan.across.length === 0 && !plan.points.some(judged)) return 'none';
  const later = plan.across.length > 0 && deterministic.length < plan.points.length;
  return `all hold where cells ran${later ? '; those across cells are judged by ringfence merge' : ''}`;
}

const INTERVAL_MS = 200;

interface BatchLine {
  readonly update: (progress: BatchProgress) => void;
  readonly clear: () => void;
}

/** One line on a terminal: cells done and failed, rate, time left. */
export function batchLine(output: Output, now: () => number): BatchLine {
  const start = now();
  let last = Number.NEGATIVE_INFINITY;
  let shown = false;
  return {
    update: (progress) => {
      const time = now();
      if (!output.isTerminal || time - last < INTERVAL_MS) return;
      last = time;
      shown = true;
      output.write(`\r\u001b[2K${describeBatch(progress, time - start).slice(0, Math.max(1, output.columns - 1))}`);
    },
    clear: () => {
      if (shown) output.write('\r\u001b[2K');
      shown = false;
    },
  };
}

export function describeBatch(
  { total, done, doneNow, failed, claimsFailed }: BatchProgress,
  elapsedMs: number,
): string {
  const parts = [`${grouped(done)} of ${grouped(total)} cells`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (claimsFailed > 0) parts.push(`${claimsFailed} with failed claims`);
  if (doneNow > 0 && elapsedMs > 0) {
    const perMs = doneNow / elapsedMs;
    parts.push(`${(perMs * 1000).toFixed(1)} cells/s`, `${duration(((total - done) / perMs) * 1e6)} left`);
  }
  return parts.join(' · ');
}
