/** What documents name is there: files, links, npm scripts, benches, options, variables. Nothing is run but `--list`. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { build } from '../../src/cli/program.js';
import { type Document, RUN_DOCUMENTS, readDocument } from './markdown.js';

// The change log tells of what was.
const MARKDOWN = [
  ...['README.md', 'CONTRIBUTING.md'],
  ...['docs', 'bench', 'guests', 'test'].flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(root, name)),
  ),
];
const documents = MARKDOWN.map(readDocument);
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };

/** Every command that a document shows, of any program. */
const commandsOf = ({ steps }: Document): string[] =>
  steps.flatMap((step) => (step.kind === 'command' ? [step.text] : []));
/** `what` of each document that `ok` refuses, with where it stands. */
function wrong(
  all: readonly Document[],
  what: (document: Document) => string[],
  ok: (name: string) => boolean,
): string[] {
  return all.flatMap((document) => what(document).flatMap((name) => (ok(name) ? [] : [`${document.file}: ${name}`])));
}
const matches = (texts: readonly string[], pattern: RegExp): string[] =>
  texts.flatMap((text) => [...text.matchAll(pattern)].map(([, name = '']) => name));

it('there are documents, those whose commands are run among them', () => {
  expect(RUN_DOCUMENTS.filter((file) => !MARKDOWN.includes(file))).toEqual([]);
});

describe('what a document names', () => {
  it('as a script of npm is one', () => {
    const used = (document: Document) => matches(commandsOf(document), /(?:^| )npm (?:run (?:-s )?)?([a-z]+)/g);
    expect(
      wrong(documents, used, (name) => ['ci', 'install', 'test', 'start'].includes(name) || name in scripts),
    ).toEqual([]);
  });

  it('as a file to run is there', () => {
    const used = (document: Document) =>
      matches(commandsOf(document), /(?:npx tsx|npx vitest run|npm test --|(?:^| )node) ((?:[\w.-]+\/)+[\w.-]*)/g);
    expect(documents.flatMap(used).length).toBeGreaterThan(10);
    expect(wrong(documents, used, existsSync)).toEqual([]);
  });

  it('as a file or a folder of the project is there', () => {
    const path = /^((?:assembly|src|test|bench|docs|guests|scenarios|\.ci)\/[\w./-]*[\w/])$/g;
    const used = ({ inline }: Document) =>
      matches(
        inline.map(({ text }) => text),
        path,
      );
    expect(documents.flatMap(used).length).toBeGreaterThan(50);
    expect(wrong(documents, used, existsSync)).toEqual([]);
  });

  it('by a link is there', () => {
    for (const { file, text } of documents) {
      const links = matches([text.replace(/```[\s\S]*?```/g, '')], /\]\((?!https?:|#)([^)#\s]+)/g);
      expect([file, links.filter((link) => !existsSync(join(dirname(file), link)))]).toEqual([file, []]);
    }
  });

  it('as a bench is one', () => {
    const list = spawnSync(process.execPath, ['--import', 'tsx', 'bench/main.ts', '--list'], { encoding: 'utf8' });
    const benches = matches(list.stdout.split('\n'), /^\s*([\w/-]+)/g);
    expect([list.status, benches.includes('walk')]).toEqual([0, true]);
    const used = (document: Document) => matches(commandsOf(document), /npm run (?:-s )?bench -- ([a-z][\w-]*)/g);
    expect(documents.flatMap(used).length).toBeGreaterThan(10);
    expect(wrong(documents, used, (name) => benches.includes(name))).toEqual([]);
  });

  it('as a variable of the environment is read', () => {
    const sources = ['src', 'test', 'bench']
      .flatMap((root) => readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => join(root, name)))
      .filter((file) => file.endsWith('.ts') && statSync(file).isFile())
      .map((file) => readFileSync(file, 'utf8'));
    const used = (document: Document) => matches(commandsOf(document), /(?:^| )([A-Z][A-Z_0-9]+)=\S+ /g);
    expect(wrong(documents, used, (name) => sources.some((text) => text.includes(`env.${name}`)))).toEqual([]);
  });

  it('as an option of the command is one', () => {
    const program = commandLine();
    const all = new Map(program.commands.map((command) => [command.name(), command]));
    const known = (command: Command): string[] => command.options.flatMap(({ long }) => long ?? []);
    const everyOption = [...known(program), ...program.commands.flatMap(known), '--help'];
    const bad: string[] = [];
    for (const { file, steps, inline } of documents.filter((document) => RUN_DOCUMENTS.includes(document.file))) {
      const shown = [
        ...steps.map((step) => (step.kind === 'command' ? step.text : '')),
        ...inline.map(({ text }) => text),
      ].map((text) => text.replace(/^(npx )?ringfence /, '$ '));
      for (const text of shown) {
        const name = /^([a-z]+)(?= --)|^\$ ([a-z]+)/.exec(text)?.slice(1).find(Boolean) ?? '';
        const options = matches([text], /(?:^| )(--[a-z][a-z-]*)/g);
        if (text.startsWith('$ ') && !all.has(name) && !text.startsWith('$ --')) bad.push(`${file}: ${text}`);
        const command = all.get(name);
        if (command === undefined && !/^(?:\$ )?--/.test(text)) continue;
        const allowed = command === undefined ? everyOption : [...known(command), '--help'];
        bad.push(
          ...options.filter((option) => !allowed.includes(option)).map((option) => `${file}: ${text}: ${option}`),
        );
      }
    }
    expect(bad).toEqual([]);
  });
});

function commandLine(): Command {
  const nowhere = { write: () => {}, isTerminal: false, columns: 80 };
  const io = { out: nowhere, err: nowhere, env: {}, parallelism: 1, signal: new AbortController().signal };
  return build(
    { ...io, guests: '', versions: {}, machine: () => Promise.reject(new Error('no command is run')) },
    () => {},
  );
}
