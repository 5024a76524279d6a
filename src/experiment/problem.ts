/** What is wrong with a user's input, where, and what would be right. */

export interface Place {
  readonly file: string;
  /** 1-based; 0 when the problem has no place in the text. */
  readonly line: number;
  /** 1-based. */
  readonly column: number;
  /** The `--set` argument at fault, in place of a line. */
  readonly set?: string;
}

export interface Problem extends Place {
  readonly problem: string;
  readonly allowed: string;
}

/** `file:line:column: what was wrong; allowed: what is allowed` */
export function formatProblem(problem: Problem): string {
  const where =
    problem.set !== undefined
      ? `--set ${problem.set}`
      : problem.line > 0
        ? `${problem.file}:${problem.line}:${problem.column}`
        : problem.file;
  return oneLine(`${where}: ${problem.problem}; allowed: ${problem.allowed}`);
}

/** Control characters would let a scenario write on the reader's terminal. */
export function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ');
}

/** In the order of the text, arguments last; no line twice. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  const rank = (problem: Problem): number => (problem.set === undefined ? 0 : 1);
  const sorted = [...problems].sort(
    (a, b) => rank(a) - rank(b) || a.line - b.line || a.column - b.column || (a.problem < b.problem ? -1 : 1),
  );
  const seen = new Set<string>();
  return sorted.filter((problem) => {
    const line = formatProblem(problem);
    return !seen.has(line) && seen.add(line);
  });
}

/** The user's scenario or arguments cannot be used. Its message is the list of problems, one per line. */
export class ScenarioError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const sorted = sortProblems(problems);
    super(sorted.map(formatProblem).join('\n'));
    this.name = 'ScenarioError';
    this.problems = sorted;
  }
}

/** Shows a value of the user in a message, cut to a readable length. */
export function quote(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  const text = oneLine(String(value));
  const cut = text.length > 60 ? `${text.slice(0, 57)}…` : text;
  return typeof value === 'string' ? `'${cut}'` : cut;
}

/** Lists names for a message; long lists are cut. */
export function listNames(names: readonly string[]): string {
  const shown = names.slice(0, 40);
  return names.length > shown.length ? `${shown.join(', ')} … (${names.length} in all)` : shown.join(', ');
}

/** Optimal string alignment distance: insertions, deletions, substitutions, swaps of neighbours. */
export function editDistance(a: string, b: string): number {
  const width = b.length + 1;
  const cost = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number): number => cost[i * width + j] ?? 0;
  for (let i = 0; i <= a.length; i++) {
    for (let j = 0; j <= b.length; j++) {
      if (i === 0 || j === 0) {
        cost[i * width + j] = i + j;
        continue;
      }
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + same);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) best = Math.min(best, at(i - 2, j - 2) + 1);
      cost[i * width + j] = best;
    }
  }
  return at(a.length, b.length);
}

/** `, did you mean 'x'?` for the nearest of the names, or '' if none is near. */
export function suggest(word: string, names: readonly string[]): string {
  if (word.length > 64) return '';
  let best = '';
  let nearest = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const name of names) {
    const distance = editDistance(word.toLowerCase(), name.toLowerCase());
    if (distance < nearest) [best, nearest] = [name, distance];
  }
  return best === '' ? '' : `, did you mean '${best}'?`;
}
