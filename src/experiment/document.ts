/**
 * A YAML text whose values know where they came from.
 *
 *   text ──parse──▶ nodes ──expand──▶ nodes without aliases ──--set──▶ nodes ──value()──▶ plain data for the schema
 *                     └────────────────── place(path) ◀── path of a problem ─────────────────────┘
 *
 * Aliases are expanded into copies under a budget, so that a small file cannot grow without bound, an alias to its own
 * ancestor is refused, and `--set` on one domain never changes another that shares its anchor.
 */
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  Scalar,
  visit,
  YAMLMap,
} from 'yaml';
import { type Place, type Problem, quote } from './problem.js';
import { assign, findPair, keyText, SetFault } from './set.js';

/** Largest scenario file, in characters. */
export const MAX_TEXT = 1024 ** 2;
/** Most values a scenario may hold when its aliases are expanded. */
export const MAX_NODES = 200_000;
/** Longest chain of files that include each other. */
const MAX_INCLUDES = 16;
/** Deepest nesting. The language needs five levels. */
const MAX_DEPTH = 50;
/** Plain scalars that are texts to us though YAML may read them as numbers (`checksum: 00112233`). */
const TEXT_KEYS = new Set(['checksum', 'cmdline']);

export type Path = readonly (string | number)[];

/** Messages for the errors of the YAML library that users meet; others are passed on. */
const YAML_ALLOWED: Readonly<Record<string, string>> = {
  BAD_INDENT: 'items of one map or list start in the same column',
  DUPLICATE_KEY: 'each key once in a map',
  MISSING_CHAR: 'closed quotes, brackets and braces',
  MULTIPLE_DOCS: 'one document in a file',
  TAB_AS_INDENT: 'indentation with spaces',
  BLOCK_AS_IMPLICIT_KEY: 'one `key: value` on a line',
};

export class SourceDocument {
  readonly file: string;
  /** Problems of the text itself. When `broken`, values are not to be trusted. */
  readonly problems: Problem[] = [];
  broken = false;
  private readonly lines = new LineCounter();
  private document: Document | undefined;
  /** Nodes that a `--set` brought in, with its argument. */
  private readonly marks = new WeakMap<object, string>();
  /** Nodes that come from included files, with their document. */
  private readonly owners = new WeakMap<object, SourceDocument>();

  constructor(file: string, text: string) {
    this.file = file;
    if (text.length > MAX_TEXT) {
      this.fail({ file, line: 1, column: 1 }, 'the file is too long', `at most ${MAX_TEXT} characters`);
      return;
    }
    try {
      this.parse(text);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.fail({ file, line: 1, column: 1 }, 'values are nested too deeply', `at most ${MAX_DEPTH} levels`);
    }
  }

  private fail(place: Place, problem: string, allowed: string): void {
    this.broken = true;
    this.problems.push({ ...place, problem, allowed });
  }

  private parse(text: string): void {
    const depth = deepestFlow(text);
    if (depth > MAX_DEPTH * 2) throw new RangeError('too deep'); // before the parser recurses into it
    const document = parseDocument(text, {
      lineCounter: this.lines,
      prettyErrors: false,
      merge: true,
      logLevel: 'error',
    });
    this.document = document as unknown as Document;
    for (const { code, message, pos } of [...document.errors, ...document.warnings]) {
      if (/call stack/.test(message)) throw new RangeError(message);
      const place = this.at(pos[0]);
      this.problems.push({
        ...place,
        problem:
          code === 'DUPLICATE_KEY'
            ? `${this.keyAt(text, pos[0])}appears twice`
            : `broken YAML: ${message.replace(/; please use YAML\..*/, '')}`,
        allowed: YAML_ALLOWED[code] ?? 'YAML 1.2',
      });
      if (code !== 'DUPLICATE_KEY') this.broken = true;
    }
    if (this.broken) return;
    const budget = { nodes: MAX_NODES };
    if (document.contents !== null) {
      this.document.contents = this.expand(document.contents as Node, new Map(), budget, 0) as never;
    }
  }

  private keyAt(text: string, offset: number): string {
    const key = /^[^\s:,{}[\]]{1,64}/.exec(text.slice(offset, offset + 64));
    return key === null ? 'a key ' : `${quote(key[0])} `;
  }

  private at(offset: number): Place {
    const { line, col } = this.lines.linePos(offset);
    return { file: this.file, line: Math.max(1, line), column: Math.max(1, col) };
  }

  /** Replaces aliases by copies. In document order, so that an alias sees the last anchor before it, as YAML says. */
  private expand(node: Node, anchors: Map<string, Node | null>, budget: { nodes: number }, depth: number): Node {
    if (this.broken) return node;
    if (--budget.nodes < 0) {
      this.fail(
        this.placeOf(node),
        'the scenario is too large with its aliases expanded',
        `at most ${MAX_NODES} values`,
      );
      return node;
    }
    if (depth > MAX_DEPTH) {
      this.fail(this.placeOf(node), 'values are nested too deeply', `at most ${MAX_DEPTH} levels`);
      return node;
    }
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target === undefined || target === null) {
        const problem = target === null ? `the alias '*${node.source}' contains itself` : `no anchor '&${node.source}'`;
        this.fail(this.placeOf(node), problem, 'an alias to an anchor that is complete before it');
        return node;
      }
      return this.charge(target.clone() as Node, budget, node);
    }
    const anchor = 'anchor' in node ? node.anchor : undefined;
    if (anchor !== undefined) anchors.set(anchor, null);
    if (isMap(node)) {
      for (const pair of node.items) {
        if (isMap(pair.key) || isSeq(pair.key) || keyText(pair) === '__proto__') {
          const problem = `${isScalar(pair.key) ? quote(keyText(pair)) : 'a map or a list'} cannot be a key`;
          this.fail(this.placeOf(pair.key), problem, 'a name');
          return node;
        }
        if (pair.key !== null) pair.key = this.expand(pair.key as Node, anchors, budget, depth + 1);
        if (pair.value !== null) pair.value = this.expand(pair.value as Node, anchors, budget, depth + 1);
        keepText(pair);
      }
    } else if (isSeq(node)) {
      node.items = node.items.map((item) => this.expand(item as Node, anchors, budget, depth + 1));
    }
    if (anchor !== undefined) anchors.set(anchor, node);
    return node;
  }

  /** Pays for a copy; its aliases are already expanded. */
  private charge(copy: Node, budget: { nodes: number }, alias: Node): Node {
    const pending: Node[] = [copy];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      if (--budget.nodes < 0) {
        this.fail(
          this.placeOf(alias),
          'the scenario is too large with its aliases expanded',
          `at most ${MAX_NODES} values`,
        );
        break;
      }
      if ('anchor' in node) delete node.anchor;
      if (isMap(node))
        for (const pair of node.items) pending.push(...([pair.key, pair.value].filter(Boolean) as Node[]));
      else if (isSeq(node)) pending.push(...(node.items as Node[]));
    }
    return copy;
  }

  private placeOf(node: unknown): Place {
    const range = (node as Node | null)?.range;
    return this.at(range?.[0] ?? 0);
  }

  /**
   * Takes over the files of `include:`, and theirs: maps are merged, the including file's values win, later files win over
   * earlier ones.
   * @param open gives the text of a file, or throws an Error whose message says why it cannot
   */
  include(open: (path: string) => string, chain: readonly string[] = [resolve(this.file)]): void {
    const contents: unknown = this.document?.contents;
    if (this.broken || !isMap(contents)) return;
    const written = findPair(contents, 'include')?.value;
    const names = isSeq(written) ? [...written.items] : isScalar(written) ? [written] : [];
    for (const name of names.reverse()) {
      if (!isScalar(name) || typeof name.value !== 'string') continue; // the schema tells
      const file = isAbsolute(name.value) ? name.value : join(dirname(this.file), name.value);
      const path = resolve(file);
      const circle = chain.indexOf(path);
      if (circle >= 0 || chain.length > MAX_INCLUDES) {
        const shown = [...chain.slice(Math.max(0, circle)), path].map((each) => basename(each)).join(' → ');
        const problem = circle >= 0 ? `the file includes itself: ${shown}` : 'files are included too deeply';
        this.fail(this.placeOf(name), problem, `files without a circle, at most ${MAX_INCLUDES} deep`);
        continue;
      }
      let text: string;
      try {
        text = open(path);
      } catch (error) {
        this.fail(
          this.placeOf(name),
          `${quote(name.value)}: ${(error as Error).message}`,
          'the path of a scenario file',
        );
        continue;
      }
      const other = new SourceDocument(file, text);
      other.include(open, [...chain, path]);
      this.problems.push(...other.problems);
      this.broken ||= other.broken;
      const theirs: unknown = other.document?.contents;
      if (this.broken || theirs === null || theirs === undefined) continue;
      if (isMap(theirs)) this.mergeBelow(contents, theirs, other);
      else this.fail(other.placeOf(theirs), 'an included file has no map', 'a map of title, host, domains …');
    }
  }

  /** Adds what `own` lacks. */
  private mergeBelow(own: YAMLMap, theirs: YAMLMap, other: SourceDocument): void {
    const added: Pair[] = [];
    for (const pair of theirs.items as Pair[]) {
      const key = keyText(pair);
      if (key === 'include') continue;
      const mine = own.items.find((candidate) => keyText(candidate as Pair) === key && key !== '');
      if (mine === undefined) {
        added.push(pair);
        this.adopt(pair.key, other);
        this.adopt(pair.value, other);
      } else if (isMap(mine.value) && isMap(pair.value)) this.mergeBelow(mine.value, pair.value, other);
    }
    own.items.unshift(...added);
  }

  private adopt(node: unknown, other: SourceDocument): void {
    if (typeof node !== 'object' || node === null) return;
    const own = (each: object): void => {
      this.owners.set(each, other.owners.get(each) ?? other);
    };
    own(node);
    visit(node as Node, { Node: (_, each) => own(each) });
  }

  /** Applies `path=value`. Problems are recorded with the argument. */
  set(argument: string): void {
    if (this.document === undefined || this.broken) return;
    try {
      const split = argument.indexOf('=');
      if (split <= 0) throw new SetFault('no value', 'path=value, for example host.pcpus=2');
      const value = this.parseValue(argument.slice(split + 1));
      this.document.contents ??= new YAMLMap() as never;
      assign(this.document.contents as unknown as Node, argument.slice(0, split).trim().split('.'), {
        value: () => value.clone() as Node,
        mark: (node) => this.marks.set(node, argument),
      });
      visit(this.document, { Pair: (_, pair) => keepText(pair) });
    } catch (error) {
      if (!(error instanceof SetFault)) throw error;
      const { message: problem, allowed } = error;
      this.problems.push({ file: this.file, line: 0, column: 0, set: argument, problem, allowed });
    }
  }

  private parseValue(text: string): Node {
    if (deepestFlow(text) > MAX_DEPTH)
      throw new SetFault('the value is nested too deeply', `at most ${MAX_DEPTH} levels`);
    const { contents, errors } = parseDocument(text, { prettyErrors: false, logLevel: 'error' });
    if (errors[0] !== undefined) throw new SetFault(`the value is not YAML: ${errors[0].message}`, 'a YAML value');
    const refuse = (): never => {
      throw new SetFault('the value has an alias', 'a value without anchors and aliases');
    };
    if (contents !== null) visit(contents, { Alias: refuse });
    return contents ?? new Scalar(null);
  }

  /** The document as plain data. */
  value(): unknown {
    try {
      return this.document?.toJS({ maxAliasCount: 0 }) ?? null;
    } catch (error) {
      // What is left to go wrong is a merge key whose value is not a map.
      this.fail(this.placeOf(this.document?.contents), `broken YAML: ${(error as Error).message}`, 'a map after <<');
      return null;
    }
  }

  /**
   * Where the value at `path` is written, or its key with `want: 'key'`. A value that is missing is placed at the key of the map
   * that lacks it.
   */
  place(path: Path, want: 'key' | 'value' = 'value'): Place {
    let node: unknown = this.document?.contents;
    let shown: unknown = node;
    let mark: string | undefined;
    let owner: SourceDocument = this;
    for (const [depth, step] of path.entries()) {
      let next: unknown;
      if (isMap(node)) {
        const pair = findPair(node, String(step));
        if (pair === undefined) break;
        mark = this.marks.get(pair.key as object) ?? this.marks.get(Object(pair.value)) ?? mark;
        owner = this.owners.get(pair.key as object) ?? owner;
        next = pair.value;
        const isLast = depth === path.length - 1;
        shown = isLast && want === 'value' && !isMap(next) && !isSeq(next) ? (next ?? pair.key) : pair.key;
      } else if (isSeq(node)) {
        next = node.items[Number(step)];
        if (next === undefined) break;
        mark = this.marks.get(Object(next)) ?? mark;
        owner = this.owners.get(Object(next)) ?? owner;
        shown = next;
      } else break;
      node = next;
    }
    if (mark !== undefined) return { file: this.file, line: 0, column: 0, set: mark };
    return owner.placeOf(shown);
  }
}

/** Depth of brackets in flow style, without parsing: what a recursive parser would descend. */
function deepestFlow(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const char of text) {
    if (char === '[' || char === '{') deepest = Math.max(deepest, ++depth);
    else if (char === ']' || char === '}') depth = Math.max(0, depth - 1);
  }
  return deepest;
}

function keepText(pair: Pair): void {
  const value: unknown = pair.value;
  if (!TEXT_KEYS.has(keyText(pair)) || !isScalar(value)) return;
  if (
    value.source !== undefined &&
    value.type === 'PLAIN' &&
    (typeof value.value === 'number' || typeof value.value === 'bigint')
  ) {
    value.value = value.source;
  }
}
