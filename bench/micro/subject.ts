/** The subjects of a micro bench: functions of this process, timed by tinybench, and C programs that time themselves. */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Bench } from 'tinybench';

/** Of one round; nanoseconds per call, `rme` in percent. */
export interface Round {
  readonly p50: number;
  readonly p99: number;
  readonly rme: number;
  readonly calls: number;
}

export interface Subject {
  readonly name: string;
  readonly about: string;
  /** One call: what it computed, as u32. */
  readonly check: () => Promise<number>;
  /** Calls for about so many milliseconds. */
  readonly round: (milliseconds: number) => Promise<Round>;
  readonly close: () => void;
}

/** What times calls: the clock on the wall, or the processor time of this process (for a busy machine). */
export type Clock = 'wall' | 'cpu';

function cpuMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

export function functionSubject(name: string, about: string, clock: Clock, call: () => number): Subject {
  return {
    name,
    about,
    check: async () => call() >>> 0,
    round: async (milliseconds) => {
      const now = clock === 'cpu' ? { now: cpuMilliseconds } : {};
      const bench = new Bench({ time: milliseconds, iterations: 8, warmup: false, throws: true, ...now });
      bench.add(name, call);
      const [task] = bench.runSync();
      const result = task?.result;
      if (result?.state !== 'completed') throw new Error(`${name}: ${result?.state ?? 'no result'}`);
      const { p50, p99, rme, samplesCount } = result.latency;
      return { p50: p50 * 1e6, p99: p99 * 1e6, rme, calls: samplesCount };
    },
    close: () => {},
  };
}

const SUBJECTS = fileURLToPath(new URL('../subjects/', import.meta.url));
const FLAGS = ['-std=gnu11', '-O3', '-fno-strict-aliasing', '-Wall', '-Wextra'];

/** Why C cannot take part, or undefined if it can. */
export function whyNoC(): string | undefined {
  if (process.env.RINGFENCE_BENCH_C === '0') return 'RINGFENCE_BENCH_C=0';
  if (process.platform === 'win32') return 'the C subjects need POSIX';
  return spawnSync('gcc', ['--version']).status === 0 ? undefined : 'gcc is not installed';
}

export interface NativeOptions {
  /** Name of a source in bench/subjects/ without `.c`. */
  readonly source: string;
  readonly arguments: readonly number[];
  /** Numbers of assembly/layout.ts: macros of the C program. */
  readonly numbers: ReadonlyMap<string, number>;
  /** The flat memory: the program maps a copy of it. */
  readonly memory: Uint8Array;
  /** An empty folder for its files. */
  readonly folder: string;
  readonly clock: Clock;
}

/** Compiles and starts a C subject. Undefined if it does not compile (gcc says why on stderr). */
export function nativeSubject(name: string, options: NativeOptions): Subject | undefined {
  const { source, numbers, memory, folder, clock } = options;
  const program = join(folder, source);
  const image = join(folder, `${source}.memory`);
  const macros = [...numbers].map(([key, value]) => `-D${key}=${value}u`);
  if (clock === 'cpu') macros.push('-DCLOCK=CLOCK_PROCESS_CPUTIME_ID');
  const args = [...FLAGS, ...macros, join(SUBJECTS, `${source}.c`), '-o', program, '-lm'];
  if (spawnSync('gcc', args, { stdio: ['ignore', 2, 2] }).status !== 0) return undefined;
  writeFileSync(image, memory);
  const child = spawn(program, [image, String(memory.length), ...options.arguments.map((n) => String(n >>> 0))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ask = conversation(child, source);
  return {
    name,
    about: 'C, gcc -O3',
    check: async () => Number(await ask(0)),
    round: async (milliseconds) => {
      const [p50 = Number.NaN, p99 = Number.NaN, , rme = Number.NaN, calls = Number.NaN] = (await ask(milliseconds))
        .split(' ')
        .map(Number);
      return { p50, p99, rme, calls };
    },
    close: () => {
      child.kill();
    },
  };
}

/** One line in, one line out. */
function conversation(
  child: ChildProcessByStdio<Writable, Readable, null>,
  name: string,
): (n: number) => Promise<string> {
  const lines: Interface = createInterface({ input: child.stdout });
  child.stdin.on('error', () => {}); // the end of the program is reported below
  const ended = once(child, 'exit').then(([code, signal]): never => {
    throw new Error(`${name}: the C program ended (${code ?? signal})`);
  });
  ended.catch(() => {}); // at close() nobody waits for it
  return async (n) => {
    const answer = once(lines, 'line');
    child.stdin.write(`${n}\n`);
    const [line] = (await Promise.race([answer, ended])) as [string];
    return line;
  };
}
