/**
 * What a document tells its reader to do, in order: files to write, commands to type. A block of TypeScript that imports
 * the library is a file to run: what stands there is JavaScript, too.
 */
import { readFileSync } from 'node:fs';

export interface FileStep {
  readonly kind: 'file';
  readonly line: number;
  readonly name: string;
  readonly text: string;
}

export interface CommandStep {
  readonly kind: 'command';
  readonly line: number;
  /** Without its comment; what `&&` joins are steps of their own. */
  readonly text: string;
  /** Within a sentence or a table, where a name alone is a mention. */
  readonly inline: boolean;
}

export type Step = FileStep | CommandStep;

export interface Document {
  readonly file: string;
  readonly text: string;
  readonly steps: readonly Step[];
  /** Every `code` outside of blocks. */
  readonly inline: readonly { readonly line: number; readonly text: string }[];
}

/** A command: a program's name, behind variables that are set for it alone. */
const COMMAND = /^(?:[A-Z_0-9]+=\S+ )*(?:npx|npm|ringfence|node|git|cd|source|sbatch|redis-server|\.ci\/run)(?: |$)/;
/** A block's file name: its first line, or the end of the sentence before it. */
const NAME_INSIDE = /^# ([\w-]+\.yaml)\n/;
const NAME_BEFORE = /`([\w-]+\.yaml)`:$/;

const uncommented = (line: string): string => line.replace(/\s+# .*$/, '').trim();

function commands(line: number, text: string, inline: boolean): CommandStep[] {
  return uncommented(text)
    .split(' && ')
    .map((each) => ({ kind: 'command', line, text: each.trim(), inline }));
}

function block(line: number, language: string, lines: readonly string[], before: string): Step[] {
  const text = `${lines.join('\n')}\n`;
  if (language === 'yaml') {
    const name = NAME_INSIDE.exec(text)?.[1] ?? NAME_BEFORE.exec(before)?.[1];
    return name === undefined ? [] : [{ kind: 'file', line, name, text }];
  }
  if (language === 'ts' && text.includes("from 'ringfence'")) {
    const name = `line-${line}.mjs`;
    const run: CommandStep = { kind: 'command', line, text: `node ${name}`, inline: false };
    return [{ kind: 'file', line, name, text }, run];
  }
  if (language !== '' || !lines.some((each) => COMMAND.test(each.trim()))) return [];
  return lines.flatMap((each, index) => {
    if (each.trim() === '') return [];
    if (!COMMAND.test(each.trim())) throw new Error(`line ${line + index}: no command, between commands: ${each}`);
    return commands(line + index, each, false);
  });
}

export function parseDocument(file: string, text: string): Document {
  const lines = text.split('\n');
  const steps: Step[] = [];
  const inline: { line: number; text: string }[] = [];
  let before = '';
  for (let index = 0; index < lines.length; index++) {
    const current = lines[index] ?? '';
    const fence = /^```(\w*)$/.exec(current);
    const first = index + (fence === null ? 0 : 1);
    const inside = (each: string | undefined): boolean =>
      each !== undefined && (fence === null ? /^ {4}\S/.test(each) : each !== '```');
    if (fence !== null || (before === '' && inside(current))) {
      let end = first;
      while (inside(lines[end])) end++;
      steps.push(...block(first + 1, fence?.[1] ?? '', lines.slice(first, end), before));
      index = fence === null ? end - 1 : end;
    } else {
      for (const [, code = ''] of current.matchAll(/`([^`]+)`/g)) {
        inline.push({ line: index + 1, text: code });
        if (COMMAND.test(code)) steps.push(...commands(index + 1, code, true));
      }
    }
    // A blank line is kept apart from the sentence before it only for indented blocks.
    const next = lines[index + 1] ?? '';
    if (current.trim() !== '' || /^ {4}\S/.test(next)) before = current.trim();
  }
  return { file, text, steps, inline };
}

export const readDocument = (file: string): Document => parseDocument(file, readFileSync(file, 'utf8'));

/** The documents whose commands are run, in the order in which a newcomer meets them. */
export const RUN_DOCUMENTS: readonly string[] = [
  'README.md',
  'docs/tutorial.md',
  ...['scenarios', 'results', 'smm', 'snapshots', 'devices', 'hypervisor', 'scheduling'].map(
    (name) => `docs/${name}.md`,
  ),
  'CONTRIBUTING.md',
];
