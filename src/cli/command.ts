/** How a command joins the command line: its file exports a `Register`, and program.ts lists it. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Io } from './io.js';

/** Adds one command to the program. Its action hands the exit code to `done`; what it throws is explained by program.ts. */
export type Register = (program: Command, io: Io, done: (exitCode: number) => void) => void;

/** Reader of a whole number for an option. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (!/^[0-9]+$/.test(text) || number < min || number > max) {
      throw new InvalidArgumentError(`Allowed: ${min} to ${max}.`);
    }
    return number;
  };
}

/** `--set`, which may be repeated. */
export const setOption = (): Option =>
  new Option('--set <path=value>', 'change a value; may be repeated')
    .argParser((value, before: readonly string[]) => [...before, value])
    .default([], 'none');

/** Text below a command's help: one example or more, and the exit codes that it has. */
export function helpText(examples: readonly string[], exits: Readonly<Record<string, string>>): string {
  const width = Math.max(...Object.keys(exits).map((code) => code.length));
  const codes = Object.entries(exits).map(([code, meaning]) => `  ${code.padEnd(width)}  ${meaning}`);
  return ['', 'Examples:', ...examples.map((example) => `  ${example}`), '', 'Exit codes:', ...codes].join('\n');
}
