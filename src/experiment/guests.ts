/**
 * The guests that come with Ringfence.
 *
 *   guests/manifest.json          by name: image, command line, memory, input
 *   guests/images/<image>.elf     the images
 *   guests/native/expected.json   image → command line → name → checksum, as the same C prints natively on i386
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';

export interface CatalogueEntry {
  readonly name: string;
  readonly image: string;
  /** Absolute path of the image. */
  readonly path: string;
  readonly description: string;
  readonly cmdline: string;
  /** The least memory it needs with its own command line. */
  readonly memoryBytes: number;
  readonly input?: string;
  /** The disk that it needs: its size, and the seed of its contents. */
  readonly disk?: { readonly bytes: number; readonly seed: number };
  readonly hostile: boolean;
}

/** What a guest must print: checksum by name, in the order of printing. */
export type NativeChecksums = Readonly<Record<string, string>>;

export interface Catalogue {
  readonly names: readonly string[];
  readonly find: (name: string) => CatalogueEntry | undefined;
  /** What the image prints natively with this command line, if it was recorded. */
  readonly native: (image: string, cmdline: string) => NativeChecksums | undefined;
}

const manifestSchema = z.object({
  guests: z.record(
    z.string(),
    z.object({
      /** File below images/. */
      file: z.string(),
      description: z.string(),
      cmdline: z.string(),
      memoryMiB: z.number().positive(),
      input: z.string().optional(),
      disk: z.object({ bytes: z.number(), seed: z.number() }).optional(),
      hostile: z.boolean(),
    }),
  ),
});

const expectedSchema = z.object({
  results: z.record(z.string(), z.record(z.string(), z.record(z.string(), z.string().regex(/^[0-9a-f]{8}$/)))),
});

/** A file that comes with Ringfence is damaged. */
export class CatalogueError extends Error {}

function readJson<T>(path: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    const why =
      error instanceof z.ZodError ? z.prettifyError(error).replace(/\s*\n\s*/g, ' ') : (error as Error).message;
    throw new CatalogueError(`${path}: ${why}`);
  }
}

/** Reads the catalogue below `folder`. @throws CatalogueError */
export function readCatalogue(folder: string): Catalogue {
  const manifest = readJson(join(folder, 'manifest.json'), manifestSchema);
  const expectedPath = join(folder, 'native/expected.json');
  const { results } = existsSync(expectedPath) ? readJson(expectedPath, expectedSchema) : { results: {} };
  const entries = new Map<string, CatalogueEntry>();
  for (const [name, { file, description, cmdline, memoryMiB, input, disk, hostile }] of Object.entries(
    manifest.guests,
  )) {
    const path = join(folder, 'images', file);
    const image = basename(file, '.elf');
    const memoryBytes = memoryMiB * 1024 ** 2;
    const entry = { name, image, path, description, cmdline, memoryBytes, hostile };
    entries.set(name, { ...entry, ...(input !== undefined && { input }), ...(disk !== undefined && { disk }) });
  }
  return {
    names: [...entries.keys()],
    find: (name) => entries.get(name),
    native: (image, cmdline) => (Object.hasOwn(results, image) ? results[image]?.[cmdline] : undefined),
  };
}

/** A guest is given by its name in the catalogue, or by a path. */
export function looksLikePath(guest: string): boolean {
  return /[/\\]|\.elf$/i.test(guest);
}
