/** Every command line that a document tells its reader to type is typed here, literally and in the document's order. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePort, hasRedis, Server } from '../scale/redis.js';
import { type CommandStep, RUN_DOCUMENTS, readDocument } from './markdown.js';
import { EXIT_CODES, isMention, notRun, PRINTS } from './not-run.js';
import { Scratch } from './scratch.js';

// Whole sweeps, as a user runs them: slow on a busy computer.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });

const REDIS = '127.0.0.1:6379';
const documents = RUN_DOCUMENTS.map(readDocument);
const said = (text: string): boolean => documents.some(({ steps }) => steps.some((step) => step.text === text));

it('no exception outlives the command that it is for', () => {
  expect([...notRun.keys(), ...EXIT_CODES.keys(), ...PRINTS.keys()].filter((text) => !said(text))).toEqual([]);
  for (const [text, { says }] of [...EXIT_CODES, ...PRINTS]) {
    const where = documents.filter(({ steps }) => steps.some((step) => step.text === text));
    expect([text, where.some((document) => document.text.includes(says))]).toEqual([text, true]);
  }
});

describe.each(documents.map((document) => ({ ...document })))('$file', ({ steps, inline }) => {
  const typed = steps
    .filter((step): step is CommandStep => step.kind === 'command')
    .filter((step) => !notRun.has(step.text) && !isMention(step));
  const queued = typed.some(({ text }) => text.includes(REDIS));
  let scratch: Scratch;
  let server: Server | undefined;

  beforeAll(async () => {
    scratch = new Scratch();
    if (queued && hasRedis) {
      server = new Server(await freePort(), scratch.at('redis'));
      await server.start();
    }
  });
  afterAll(async () => {
    await server?.kill();
    scratch.remove();
  });

  for (const step of steps) {
    if (step.kind === 'file') {
      it(`line ${step.line}: ${step.name} is written`, () => scratch.write(step.name, step.text));
      continue;
    }
    if (!typed.includes(step)) continue;
    const skip = step.text.includes(REDIS) && !hasRedis;
    it.skipIf(skip)(`line ${step.line}: ${step.text}${skip ? ' (needs redis-server)' : ''}`, async () => {
      expect(step.text, 'a command is run or listed in not-run.ts').toMatch(
        /^(?:(?:npx )?ringfence |node line-\d+\.mjs$)/,
      );
      const { code, out, err } = await scratch.type(step.text.replace(REDIS, `127.0.0.1:${server?.port}`));
      expect({ code, err }).toEqual({ code: EXIT_CODES.get(step.text)?.code ?? 0, err: expect.any(String) });
      expect(out).toMatch(PRINTS.get(step.text)?.prints ?? /(?:)/);
      expect(out + err).not.toMatch(/internal error|undefined|NaN/);
    });
  }

  it.runIf(typed.length > 0)('what it says to be there is there', () => {
    const paths = [...typed.map(({ text }) => text), ...inline.map(({ text }) => text)]
      .filter((text) => hasRedis || !text.includes(REDIS))
      .flatMap((text) => [...text.matchAll(/(?<![\w/])results\/[\w./-]+(?![\w<])/g)].map(([path]) => path));
    expect([...new Set(paths)].filter((path) => !existsSync(scratch.at(path)))).toEqual([]);
  });
});

it('npm finds the command in a clone', () => {
  const scratch = new Scratch();
  try {
    const { status, stdout } = spawnSync('npx', ['ringfence', '--version'], {
      ...{ cwd: scratch.path, encoding: 'utf8' },
      env: { ...process.env, npm_config_offline: 'true', npm_config_cache: scratch.at('npm') },
    });
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]);
  } finally {
    scratch.remove();
  }
});
