/**
 * manifest.json: all that one must have to repeat a batch, and where it was run. Nothing in it changes a result: what does is
 * hashed under `identity` and `images`, the rest is for people who wonder about wall-clock columns.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type { SmmBackend } from '../hypervisor/types.js';
import { BATCH_FILES, BATCH_FORMAT, type BatchIdentity, type ResolvedBatch } from './cell.js';

export interface MachineDescription {
  /** As the processor names itself; '' where the system does not say. */
  readonly cpu: string;
  /** Hardware threads of the computer, and those this process may use. */
  readonly threads: number;
  readonly usable: number;
  readonly memoryBytes: number;
  /** `linux x64`, and the kernel's release. */
  readonly platform: string;
  readonly release: string;
}

export interface Manifest {
  readonly format: typeof BATCH_FORMAT;
  /** Ringfence, Node.js, V8, platform. */
  readonly versions: Readonly<Record<string, string>>;
  /** Version of Ringfence, SHA-256 of core.wasm, fingerprints of the cost table and of the plan. */
  readonly identity: BatchIdentity;
  readonly scenario: {
    readonly name: string;
    readonly title: string;
    /** SHA-256 of the scenario's text as it was read; absent where the text was not kept. */
    readonly sha256?: string;
    /** SHA-256 of included files, by path from the scenario's folder. */
    readonly included?: Readonly<Record<string, string>>;
    /** `--set` arguments, in order. */
    readonly sets: readonly string[];
  };
  /** SHA-256 by guest or path. */
  readonly images: Readonly<Record<string, string>>;
  /** Who encrypted pages of protected domains. */
  readonly smmBackend?: SmmBackend;
  readonly cells: number;
  readonly repeats: number;
  /** The computer that put the folder together; merged batches may have been run on others. */
  readonly machine: MachineDescription;
  /** ISO 8601. */
  readonly written: string;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const hashes = (texts: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(texts).map(([path, text]) => [path, sha256(Buffer.from(text))]));

export function describeMachine(): MachineDescription {
  const list = cpus();
  return {
    cpu: list[0]?.model.trim() ?? '',
    threads: list.length,
    usable: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${platform()} ${arch()}`,
    release: release(),
  };
}

/** @param folder of the batch; the scenario's text is hashed if it lies there */
export function makeManifest(
  folder: string,
  resolved: ResolvedBatch,
  identity: BatchIdentity,
  versions: Readonly<Record<string, string>>,
): Manifest {
  const text = join(folder, BATCH_FILES.scenario);
  return {
    format: BATCH_FORMAT,
    versions,
    identity,
    scenario: {
      name: resolved.name,
      title: resolved.title,
      ...(existsSync(text) && { sha256: sha256(readFileSync(text)) }),
      ...(resolved.included !== undefined && { included: hashes(resolved.included) }),
      sets: resolved.sets,
    },
    images: resolved.images,
    ...(resolved.smmBackend !== undefined && { smmBackend: resolved.smmBackend }),
    cells: resolved.cells.length,
    repeats: resolved.repeats,
    machine: describeMachine(),
    written: new Date().toISOString(),
  };
}

/** Writes manifest.json into the folder of a batch. */
export function writeManifest(
  folder: string,
  resolved: ResolvedBatch,
  identity: BatchIdentity,
  versions: Readonly<Record<string, string>>,
): void {
  const manifest = makeManifest(folder, resolved, identity, versions);
  writeFileSync(join(folder, BATCH_FILES.manifest), `${JSON.stringify(manifest, null, 2)}\n`);
}
