/** guests/native/expected.json is what the real CPU gives, where it can be asked. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { record } from '../../guests/native/record.mjs';
import { because, missingCompiler } from './compiler.js';

const expected = JSON.parse(readFileSync(new URL('../../guests/native/expected.json', import.meta.url), 'utf8'));
const obstacle = missingCompiler();

describe('guests', () => {
  it.skipIf(obstacle)(`give natively what was recorded${because(obstacle)}`, { timeout: 60_000 }, () => {
    expect(record()).toEqual(expected.results);
  });
});
