/**
 * Kills the runner of a batch with SIGKILL at random moments, takes the batch up again each time, and compares what is
 * left at the end with an undisturbed run, byte by byte. Run alone, it is the soak: npx tsx test/experiment/kill.ts [kills]
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readJournal } from '../../src/experiment/journal.js';

const SCENARIO = `host: { pcpus: 1 }
domains:
  a: { guest: sieve, cmdline: n=1000, memory: 4MiB, expect: { outcome: poweroff, checksum: native } }
boot: { until: 100us }
sweep: { grid: { domains.a.memory: { from: 4MiB, to: 16MiB, step: 1MiB }, domains.a.cap: [0, 50] } }
repeat: REPEATS
`;

const main = resolve(import.meta.dirname, '../../src/cli/main.ts');

interface Kill {
  /** Lines that the journal must have grown by, its header or resume line included. */
  readonly lines: number;
  /** Milliseconds after that. */
  readonly ms: number;
}

/** Runs the batch to its end, or kills it. */
function runner(scenario: string, out: string, kill: Kill | undefined, ...more: string[]): Promise<number | null> {
  const args = ['--import', 'tsx', main, 'run', scenario, '--out', out, '--resume', '--workers', '2', ...more];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const before = lines(out);
  let timer: NodeJS.Timeout | undefined;
  const watch = setInterval(() => {
    if (kill === undefined || timer !== undefined || lines(out) < before + kill.lines) return;
    timer = setTimeout(() => child.kill('SIGKILL'), kill.ms);
  }, 5);
  return new Promise((done) =>
    child.on('exit', (code) => {
      clearInterval(watch);
      clearTimeout(timer);
      done(code);
    }),
  );
}

function lines(out: string): number {
  const path = join(out, 'journal.ndjson');
  return existsSync(path) ? readFileSync(path).filter((byte) => byte === 0x0a).length : 0;
}

/** The bytes of results.json that must not differ. */
function deterministicText(out: string): string {
  const text = readFileSync(join(out, 'results.json'), 'utf8');
  return text.slice(text.indexOf(' "deterministic": ['), text.indexOf(' "wallClock": ['));
}

export interface KillOutcome {
  readonly kills: number;
  readonly cells: number;
  /** Cells in the journal when each kill had happened. */
  readonly kept: readonly number[];
  readonly same: boolean;
  /** No cell twice in the journal. */
  readonly once: boolean;
  readonly exitCode: number | null;
}

/** @param random gives numbers from 0 to 1 */
export async function killAndResume(kills: number, repeats: number, random: () => number): Promise<KillOutcome> {
  const folder = mkdtempSync(join(tmpdir(), 'ringfence-kill-'));
  try {
    const scenario = join(folder, 's.yaml');
    writeFileSync(scenario, SCENARIO.replace('REPEATS', String(repeats)));
    const [calm, stormy] = [join(folder, 'calm'), join(folder, 'stormy')];
    await runner(scenario, calm, undefined, '--set', 'limits.snapshots=0B'); // every cell boots by itself
    const kept: number[] = [];
    let killed = 0;
    for (; killed < kills; killed++) {
      // From before the first cell to well into the work.
      const code = await runner(scenario, stormy, { lines: 1 + Math.floor(random() * 25), ms: random() * 100 });
      if (code === 0) break; // it was faster than the kill
      kept.push(readJournal(stormy).records.size);
    }
    const exitCode = await runner(scenario, stormy, undefined);
    const cells = readFileSync(join(stormy, 'journal.ndjson'), 'utf8').match(/"kind":"cell"/g)?.length ?? 0;
    return {
      ...{ kills: killed, cells, kept, exitCode },
      same: deterministicText(calm) === deterministicText(stormy),
      once: cells === readJournal(stormy).records.size,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1]?.endsWith('kill.ts')) {
  const kills = Number(process.argv[2] ?? 20);
  const outcome = await killAndResume(kills, 30, Math.random);
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
  process.exitCode = outcome.same && outcome.once && outcome.kills === kills && outcome.exitCode === 0 ? 0 : 1;
}
