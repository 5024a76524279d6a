import type { CommandStep } from './markdown.js';

/** Commands of the documents that `commands.test.ts` does not run, each with the reason. What no document says any more must go. */
const NOT_RUN: readonly { readonly why: string; readonly commands: readonly string[] }[] = [
  {
    why: 'fetches, builds, checks: .ci/run does it, in this order, on a fresh clone',
    commands: [
      ...['git clone <this repository> ringfence', 'cd ringfence'],
      ...['npm ci', 'npm start', 'npm test', 'npm run lint', '.ci/run'],
    ],
  },
  {
    why: 'tests start a server of their own, where there is one',
    commands: ['redis-server --appendonly yes'],
  },
  {
    why: 'part of npm test',
    commands: ['npm test -- test/mmu', 'npm test -- test/privileged'],
  },
  {
    why: 'takes minutes; part of npm test with a smaller number',
    commands: [
      'RINGFENCE_FLIPS=100000 npm test -- test/smm/unit.test.ts',
      'npx tsx test/smm/flips-soak.ts',
      'npx tsx test/oracle/soak.ts 2500000 SEED',
      'npx tsx test/hypervisor/exchange-soak.ts 100000 1',
      'npx tsx test/hypervisor/lifecycle-soak.ts 10000 1',
    ],
  },
  {
    why: 'measures for minutes: figures mean nothing beside other tests',
    commands: [
      ...['npm run bench', 'npm run bench -- fork', 'npm run bench -- hypervisor', 'npm run bench -- events'],
      ...['npm run bench -- smm', 'npm run bench -- sweep'],
    ],
  },
  {
    why: 'differs in --out alone from one that is run',
    commands: ['npx ringfence run scenarios/smm-attacks.yaml'],
  },
  {
    why: 'names a command and is no command line',
    commands: [...['ringfence run', 'ringfence report', 'ringfence check file', 'ringfence run --cell n']],
  },
];

/** Words that stand for others. */
const PLACEHOLDER = /<\w+>|(?<![\w.])[A-Z](?![\w.])|…/;

/** Whether a command within a sentence only says what kind of command is meant. */
export const isMention = ({ inline, text }: CommandStep): boolean => inline && PLACEHOLDER.test(text);

export const notRun: ReadonlyMap<string, string> = new Map(
  NOT_RUN.flatMap(({ why, commands }) => commands.map((command) => [command, why] as const)),
);

/** What a command prints, where a document gives it as a figure. */
export const PRINTS: ReadonlyMap<string, { readonly says: string; readonly prints: RegExp }> = new Map([
  [
    'npx ringfence run scenarios/smm-attacks.yaml --out results/attacks',
    { says: '| 104 of 104 hold |', prints: /^cells +104: 104 ok$/m },
  ],
  ['npx ringfence run scenarios/thousand.yaml', { says: '| 359 MiB |', prints: /^memory +359 MiB,/m }],
  [
    'npx ringfence run scenarios/density.yaml',
    { says: '| 4.4 MiB |', prints: /, 4\.(?:3[5-9]|4[0-4]) MiB per domain$/m },
  ],
]);

/** Commands that end with another exit code than 0, and what the document says of it. */
export const EXIT_CODES: ReadonlyMap<string, { readonly code: number; readonly says: string }> = new Map([
  ['npx ringfence compare results/first results/other', { code: 1, says: 'and the exit code is 1' }],
]);
