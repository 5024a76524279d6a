/** Every scenario that a document shows whole is right as it stands; `commands.test.ts` runs those that have a name. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkScenario } from '../../src/index.js';
import { RUN_DOCUMENTS } from './markdown.js';
import { Scratch } from './scratch.js';

const blocks = RUN_DOCUMENTS.flatMap((file) => {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/```yaml\n([^`]+)```/g)].map(({ index, 1: block = '' }) => {
    const at = `${file}:${text.slice(0, index).split('\n').length}`;
    // Rules of the policy name domains; what else has none is part of a sweep: test/experiment/docs.test.ts.
    const domains = block.startsWith('security:')
      ? 'domains: { backend: { guest: hello }, frontend: { guest: hello } }\n'
      : '';
    return { at, text: block + domains };
  });
});
/** What a reader would have beside the scenario. */
const FILES = { 'data.img': '\0'.repeat(4096), 'guests.yaml': 'templates: { common: { memory: 4MiB } }\n' };

describe('a scenario that a document shows', () => {
  let scratch: Scratch;
  beforeAll(() => {
    scratch = new Scratch();
    for (const [name, text] of Object.entries(FILES)) scratch.write(name, text);
  });
  afterAll(() => scratch.remove());

  const whole = blocks.filter(({ text }) => /^domains:/m.test(text) && !text.includes('restore:'));
  it('is one of many', () => expect(whole.length).toBeGreaterThan(12));
  it.each(whole)('is right: $at', ({ text }) => {
    scratch.write('shown.yaml', text.replace('include: lib/', 'include: '));
    expect(() => checkScenario(scratch.at('shown.yaml'))).not.toThrow();
  });
});
