/** The prebuilt images are what the sources give, where the same compiler is there to ask. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { build, toolchain } from '../../guests/build.mjs';
import { because, missingCompiler } from './compiler.js';

const manifest = JSON.parse(readFileSync(new URL('../../guests/manifest.json', import.meta.url), 'utf8'));
const scratch = mkdtempSync(join(tmpdir(), 'ringfence-rebuild-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const obstacle = missingCompiler() || (toolchain() === manifest.toolchain ? '' : `built with ${manifest.toolchain}`);

describe('guests', () => {
  it.skipIf(obstacle)(`rebuild to the same bytes${because(obstacle)}`, { timeout: 60_000 }, () => {
    const built: Map<string, { sha256: string }> = build(scratch);
    const listed = Object.entries(manifest.guests as Record<string, { sha256: string }>);
    expect([...built].map(([name, { sha256 }]) => [name, sha256])).toEqual(
      listed.map(([name, { sha256 }]) => [name, sha256]),
    );
  });
});
