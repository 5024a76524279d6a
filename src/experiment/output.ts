/**
 * The results folder, written whole or not at all.
 *
 *   .<name>.partial-<pid>/  ──rename──▶  <name>/        (an older <name>/ is moved away first, and then removed)
 *     results.json
 *     console/<domain>.log
 */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import type { Experiment } from './run.js';

/** The folder cannot be used for results. */
export class OutputError extends Error {}

/** What a results folder of ours may hold at its top. */
const OURS = new Set(['results.json', 'console']);

/** Refuses a folder that holds anything but older results, or that cannot be written. Writes nothing. @throws OutputError */
export function checkOutput(folder: string): void {
  const refuse = (why: string): never => {
    throw new OutputError(`--out ${folder}: ${why}; allowed: a new, an empty or an older results folder`);
  };
  const path = resolve(folder);
  if (existsSync(path)) {
    if (!statSync(path).isDirectory()) refuse('is not a folder');
    const names = readdirSync(path);
    const foreign = names.find((name) => !OURS.has(name));
    if (foreign !== undefined) refuse(`holds '${foreign}', which is not a result of Ringfence`);
    if (names.length > 0 && !names.includes('results.json')) refuse('has no results.json');
  }
  let parent = dirname(path);
  while (!existsSync(parent)) parent = dirname(parent);
  if (!statSync(parent).isDirectory()) refuse(`${parent} is not a folder`);
  try {
    accessSync(parent, constants.W_OK);
  } catch {
    refuse(`${parent} cannot be written`);
  }
}

/** Writes what the domains printed; a domain that another one made, `vm0/domain-1`, stands in a folder of its maker's name. */
export function writeConsoles(folder: string, consoles: Experiment['consoles']): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, bytes] of consoles) {
    const file = join(folder, `${name}.log`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
}

/** Writes results and consoles; what was in the folder is replaced. @throws OutputError */
export function writeOutput(folder: string, experiment: Experiment): void {
  const target = existsSync(folder) ? realpathSync(folder) : resolve(folder);
  const partial = sibling(target, 'partial');
  try {
    writeConsoles(join(partial, 'console'), experiment.consoles);
    writeFileSync(join(partial, 'results.json'), `${JSON.stringify(experiment.results, null, 2)}\n`);
    if (!existsSync(target)) renameSync(partial, target);
    else if (isInside(process.cwd(), target)) replaceContents(partial, target);
    else replaceFolder(partial, target);
  } catch (error) {
    throw new OutputError(`--out ${folder}: cannot be written: ${(error as Error).message}`);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

const sibling = (target: string, what: string): string =>
  join(dirname(target), `.${basename(target)}.${what}-${process.pid}`);

function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder + sep);
}

function replaceFolder(partial: string, target: string): void {
  const old = sibling(target, 'old');
  renameSync(target, old);
  try {
    renameSync(partial, target);
  } catch (error) {
    renameSync(old, target);
    throw error;
  }
  rmSync(old, { recursive: true, force: true });
}

/** For a folder that must stay, because somebody stands in it. results.json goes first and comes last. */
function replaceContents(partial: string, target: string): void {
  rmSync(join(target, 'results.json'), { force: true });
  rmSync(join(target, 'console'), { recursive: true, force: true });
  for (const name of ['console', 'results.json']) renameSync(join(partial, name), join(target, name));
}
