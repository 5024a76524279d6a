/**
 * Consoles of cells on their way through Redis.
 *
 *   rf:<batch>:consoles    hash: <cell>/<domain>.log → deflated bytes
 *
 * A worker hands them over before the record of their cell, so that whoever sees the record finds them.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { deflateSync, inflateSync } from 'node:zlib';
import type { Redis } from 'ioredis';
import { BATCH_FILES, cellFolder } from './cell.js';
import { BatchError } from './tables.js';

const FIELD = /^[0-9]{6,}\/[a-z0-9][a-z0-9._-]*\.log$/;

/** Moves what the cell left below `folder` to the hash `key`. */
export async function handOverConsoles(connection: Redis, key: string, folder: string, cell: number): Promise<void> {
  const own = join(folder, BATCH_FILES.console, cellFolder(cell));
  if (!existsSync(own)) return;
  const fields = readdirSync(own).map((name) => [
    `${cellFolder(cell)}/${name}`,
    deflateSync(readFileSync(join(own, name))),
  ]);
  if (fields.length > 0) await connection.hset(key, ...fields.flat());
  rmSync(own, { recursive: true, force: true });
}

/** Writes the consoles of a batch into its folder. @throws BatchError if one is damaged */
export async function collectConsoles(connection: Redis, key: string, out: string): Promise<void> {
  for (const field of await connection.hkeys(key)) {
    const bytes = await connection.hgetBuffer(key, field);
    try {
      if (!FIELD.test(field) || bytes === null) throw new Error('its name is not one of a console');
      const path = join(out, BATCH_FILES.console, dirname(field), basename(field));
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, inflateSync(bytes));
    } catch (error) {
      throw new BatchError(`the console ${JSON.stringify(field)} in the queue: ${(error as Error).message}`);
    }
  }
}
