/** `ringfence list` */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parse } from 'yaml';
import { oneLine, readCatalogue } from '../index.js';
import { helpText, type Register } from './command.js';
import { EXIT } from './exit.js';
import { renderGrid } from './grid.js';
import type { Io } from './io.js';

interface Shipped {
  readonly name: string;
  readonly file: string;
  readonly title: string;
  readonly description: string;
}

/** The scenarios that come with Ringfence, which lie beside its guests. */
function shipped(io: Io): Shipped[] {
  const folder = join(io.guests, '..', 'scenarios');
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
  return files.sort().map((file) => {
    const { title, description } = (parse(readFileSync(join(folder, file), 'utf8')) ?? {}) as Record<string, unknown>;
    const name = file.replace(/\.yaml$/, '');
    return {
      name,
      file: join(folder, file),
      title: String(title ?? name),
      description: String(description ?? '').trim(),
    };
  });
}

/** The first sentence, for a column. */
const firstSentence = (text: string): string => oneLine(/^.*?[.:](?=\s|$)/s.exec(text)?.[0] ?? text);

export const registerList: Register = (program, io, done) => {
  program
    .command('list')
    .description('list the scenarios that come with Ringfence, or its guests')
    .option('--guests', 'the guests instead')
    .option('--json', 'print a JSON array: {name, file, title, description}, or {name, description, cmdline, hostile}')
    .addHelpText(
      'after',
      helpText(['ringfence list', 'ringfence list --guests'], {
        0: 'printed',
        2: 'the arguments are wrong',
        3: 'a file that comes with Ringfence is damaged',
      }),
    )
    .action((options: { readonly guests?: boolean; readonly json?: boolean }) => {
      io.out.write(options.guests === true ? guests(io, options.json) : scenarios(io, options.json));
      done(EXIT.ok);
    });
};

function scenarios(io: Io, json: boolean | undefined): string {
  const list = shipped(io);
  if (json === true) return `${JSON.stringify(list, null, 2)}\n`;
  const rows = list.map(({ file, title, description }) => {
    const near = relative(process.cwd(), file);
    return [near.startsWith('..') ? file : near, title, firstSentence(description)];
  });
  return renderGrid([{ heading: 'scenario' }, { heading: 'title' }, { heading: 'about' }], rows);
}

function guests(io: Io, json: boolean | undefined): string {
  const { names, find } = readCatalogue(io.guests);
  const list = names.map((name) => find(name)!);
  if (json === true) {
    const plain = list.map(({ name, description, cmdline, hostile }) => ({ name, description, cmdline, hostile }));
    return `${JSON.stringify(plain, null, 2)}\n`;
  }
  const rows = list.map(({ name, description, hostile }) => [
    name,
    hostile ? 'hostile' : '',
    firstSentence(description),
  ]);
  return renderGrid([{ heading: 'guest' }, { heading: '' }, { heading: 'about' }], rows);
}
