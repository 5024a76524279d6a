/**
 * Builds what is stale, and nothing else: run by `npm start`, `npm test` and `npm run build`.
 *
 *   src/isa/**  ──generate──▶ assembly/generated/**
 *   assembly/** ──core──────▶ build/core.wasm     (the machine)
 *   assembly/** ──probe─────▶ build/probe.wasm    (the machine with its internals exported, for tests; --probe)
 *   src/**      ──host──────▶ dist/**             (everything else)
 *
 * A step is stale when the digest of its inputs or of its outputs differs from the one in build/stamp.json.
 * Contents are compared, not times: a fresh clone, a branch switch or a restored backup never fools it.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Step {
  readonly name: string;
  /** What the user is told while it runs. */
  readonly says: string;
  /** Files or folders, relative to the root, whose contents decide whether the step is stale. */
  readonly inputs: readonly string[];
  /** Files or folders that the step writes. */
  readonly outputs: readonly string[];
  /** Files among them that the shell runs. npx makes a command executable once per folder, not again when it is built again. */
  readonly executable?: readonly string[];
  /** Names of steps that must have ended before. */
  readonly after: readonly string[];
  /** Arguments for Node.js. `staging` is an empty folder; files left in it are moved to build/ when the step succeeded. */
  readonly command: (staging: string) => readonly string[];
}

export interface Options {
  readonly force: boolean;
  readonly say: (line: string) => void;
}

interface Stamp {
  readonly inputs: string;
  readonly outputs: string;
}

const DEPENDENCIES = ['package.json', 'package-lock.json'];
const ASC = 'node_modules/assemblyscript/bin/asc.js';

function compile(name: string, says: string, entry: string, target: string): Step {
  return {
    name,
    says,
    inputs: ['assembly', 'asconfig.json', ...DEPENDENCIES],
    outputs: [`build/${name}.wasm`],
    after: ['generate'],
    command: (staging) => [ASC, entry, '--target', target, '--outFile', join(staging, `${name}.wasm`)],
  };
}

/** The project's steps. */
export function projectSteps(probe: boolean): readonly Step[] {
  const steps: Step[] = [
    {
      name: 'generate',
      says: 'writing the decoder and the interpreter from the opcode table',
      inputs: ['src/isa', ...DEPENDENCIES],
      outputs: ['assembly/generated'],
      after: [],
      command: () => ['node_modules/tsx/dist/cli.mjs', 'src/isa/generate.ts'],
    },
    {
      name: 'host',
      says: 'compiling TypeScript',
      inputs: ['src', 'tsconfig.json', ...DEPENDENCIES],
      outputs: ['dist'],
      executable: ['dist/src/cli/main.js'],
      after: ['generate'],
      command: () => ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'],
    },
    compile('core', 'compiling the machine to WebAssembly', 'assembly/index.ts', 'release'),
  ];
  if (probe) {
    steps.push({
      ...compile('probe', 'compiling the machine with its internals exported, for tests', 'assembly/probe.ts', 'probe'),
      after: ['core'], // both are large; one compiler at a time keeps a small machine out of swap
    });
  }
  return steps;
}

function* filesBelow(root: string, path: string): Generator<string> {
  const entries = readdirSync(join(root, path), { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const child = `${path}/${entry.name}`;
    if (entry.isDirectory()) yield* filesBelow(root, child);
    else if (entry.isFile()) yield child;
  }
}

/** SHA-256 over names and contents of files and folders; `absent` if one of them does not exist. */
export function digest(root: string, paths: readonly string[], extra: readonly string[] = []): string {
  const hash = createHash('sha256');
  for (const word of extra) hash.update(`${word}\0`);
  const add = (file: string): void => {
    const bytes = readFileSync(join(root, file));
    hash.update(`${file}\0${bytes.length}\0`).update(bytes);
  };
  for (const path of paths) {
    try {
      if (/\.[a-z]+$/.test(path)) add(path);
      else for (const file of filesBelow(root, path)) add(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'absent';
      throw error;
    }
  }
  return hash.digest('hex');
}

function readStamps(root: string): Record<string, Stamp> {
  try {
    const stamps: unknown = JSON.parse(readFileSync(join(root, 'build/stamp.json'), 'utf8'));
    return typeof stamps === 'object' && stamps !== null ? (stamps as Record<string, Stamp>) : {};
  } catch {
    return {}; // none, or cut short: everything is stale
  }
}

/** Inputs of a step as a digest; the command counts as an input. */
function inputDigest(root: string, step: Step): string {
  return digest(root, step.inputs, step.command('staging'));
}

function isStale(root: string, step: Step, stamp: Stamp | undefined): boolean {
  if (stamp === undefined || stamp.inputs !== inputDigest(root, step)) return true;
  return stamp.outputs === 'absent' || stamp.outputs !== digest(root, step.outputs);
}

/** Runs Node.js with its output on our stderr. @returns exit code, 128 + n for a process ended by signal n */
function runNode(root: string, args: readonly string[]): Promise<number> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 2, 2] });
    child.on('error', fail);
    child.on('exit', (code, signal) => done(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
  });
}

/** Runs one step. @returns its exit code */
async function runStep(root: string, step: Step, say: Options['say']): Promise<number> {
  const staging = join(root, 'build', `.${step.name}-${process.pid}`);
  await mkdir(staging, { recursive: true });
  try {
    const start = performance.now();
    say(`${step.says} …`);
    const code = await runNode(root, step.command(staging));
    if (code !== 0) {
      say(`step '${step.name}' failed (exit code ${code})`);
      return code;
    }
    for (const file of readdirSync(staging)) await rename(join(staging, file), join(root, 'build', file));
    say(`${step.name} built in ${((performance.now() - start) / 1000).toFixed(1)} s`);
    return 0;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function writeStamps(root: string, stamps: Record<string, Stamp>): Promise<void> {
  const temporary = join(root, `build/.stamp-${process.pid}.json`);
  await writeFile(temporary, `${JSON.stringify(stamps, null, 2)}\n`);
  await rename(temporary, join(root, 'build/stamp.json'));
}

/**
 * Builds every stale step, independent ones side by side.
 * @returns 0, or the exit code of the first step that failed
 */
export async function ensure(root: string, steps: readonly Step[], options: Options): Promise<number> {
  await mkdir(join(root, 'build'), { recursive: true });
  const stamps = readStamps(root);
  const running = new Map<string, Promise<number>>();
  const build = async (step: Step): Promise<number> => {
    for (const name of step.after) {
      const code = await running.get(name);
      if (code !== undefined && code !== 0) return code;
    }
    if (!options.force && !isStale(root, step, stamps[step.name])) return 0;
    delete stamps[step.name];
    const inputs = inputDigest(root, step); // before the step: what changes meanwhile stays stale
    const code = await runStep(root, step, options.say);
    if (code !== 0) return code;
    const outputs = digest(root, step.outputs);
    if (outputs === 'absent') {
      options.say(`step '${step.name}' ended well but did not write ${step.outputs.join(', ')}`);
      return 1;
    }
    for (const file of step.executable ?? []) chmodSync(join(root, file), 0o755);
    stamps[step.name] = { inputs, outputs };
    await writeStamps(root, stamps);
    return 0;
  };
  for (const step of steps) running.set(step.name, build(step));
  const codes = await Promise.all(running.values());
  return codes.find((code) => code !== 0) ?? 0;
}

/** Takes build/lock, so that two builds in one tree do not write over each other. Waits while its owner lives. */
async function takeLock(root: string, say: Options['say']): Promise<() => Promise<void>> {
  const path = join(root, 'build/lock');
  mkdirSync(dirname(path), { recursive: true });
  for (let told = false; ; ) {
    try {
      const file = openSync(path, 'wx');
      writeSync(file, String(process.pid));
      closeSync(file);
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = Number(await readFile(path, 'utf8').catch(() => ''));
    if (owner > 0 && !isAlive(owner)) {
      await rm(path, { force: true }); // left by a build that was killed
      continue;
    }
    if (!told) say(`waiting for the build of process ${owner || '?'}`);
    told = true;
    await new Promise((done) => setTimeout(done, 100));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function main(args: readonly string[]): Promise<number> {
  const unknown = args.find((arg) => arg !== '--force' && arg !== '--probe');
  const say = (line: string): void => void process.stderr.write(`build: ${line}\n`);
  if (unknown !== undefined) {
    say(`unknown argument '${unknown}'; allowed: --force (build everything), --probe (also the test build)`);
    return 2;
  }
  const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
  const steps = projectSteps(args.includes('--probe'));
  if (!existsSync(join(root, ASC))) {
    say('the packages are not installed; run: npm ci');
    return 2;
  }
  const force = args.includes('--force');
  const stamps = readStamps(root);
  if (!force && steps.every((step) => !isStale(root, step, stamps[step.name]))) return 0;
  const release = await takeLock(root, say);
  try {
    for (const name of readdirSync(join(root, 'build'))) {
      if (name.startsWith('.')) await rm(join(root, 'build', name), { recursive: true, force: true }); // of a killed build
    }
    return await ensure(root, steps, { force, say });
  } finally {
    await release();
  }
}

const entry = process.argv[1];
if (entry !== undefined && resolve(entry).split(sep).join('/').endsWith('src/build/ensure.ts')) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`build: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 70;
  }
}
