/** All sets of forms and how to make cases of them. */

import { EDGE_FORMS, makeEdgeCase } from './forms-edges.js';
import { makeSseCase, SSE_FORMS } from './forms-sse.js';
import { type Form, makeX87Case, X87_FORMS } from './forms-x87.js';
import type { Random } from './random.js';
import type { Case } from './record.js';

export interface FormSet {
  readonly name: string;
  readonly forms: readonly Form[];
  readonly make: (c: Case, form: Form, random: Random) => void;
  /** Cases of a form in the recorded slice. */
  readonly goldenCases: number;
}

export const FORM_SETS: readonly FormSet[] = [
  { name: 'x87', forms: X87_FORMS, make: makeX87Case, goldenCases: 120 },
  { name: 'edges', forms: EDGE_FORMS, make: makeEdgeCase, goldenCases: 200 },
  { name: 'sse', forms: SSE_FORMS, make: makeSseCase, goldenCases: 50 },
];
