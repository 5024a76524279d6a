/** Recorded results of a real CPU for the integer instructions: docs/oracle.md. */
import { describe } from 'vitest';
import { CORPORA } from './generate.js';
import { testRecorded } from './recorded.js';

describe('the real CPU, recorded', () => {
  for (const corpus of CORPORA) if (corpus.name === 'integer') testRecorded(corpus);
});
