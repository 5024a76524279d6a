/** `--set path=value`: writes one value into the nodes of a scenario. */
import { isMap, isScalar, isSeq, type Node, Pair, Scalar, YAMLMap, type YAMLSeq } from 'yaml';
import { listNames, quote, suggest } from './problem.js';

/** Why an argument cannot be applied. */
export class SetFault extends Error {
  readonly allowed: string;
  constructor(problem: string, allowed: string) {
    super(problem);
    this.allowed = allowed;
  }
}

export interface NewNodes {
  /** A fresh copy of the value. */
  readonly value: () => Node;
  /** Told of every node that the argument brings in. */
  readonly mark: (node: Node) => void;
}

/** A place for a value inside a map or a list. */
interface Slot {
  readonly get: () => unknown;
  readonly put: (node: Node) => void;
}

/** The slots that a path leads to next, and the number of its steps that were used. */
type Choice = readonly [slots: readonly Slot[], used: number];

export function keyText(pair: Pair<unknown, unknown>): string {
  return isScalar(pair.key) ? String(pair.key.value) : '';
}

/** Whether the pair is `<<: maps`. The YAML library keeps that key as a symbol. */
function isMerge(pair: Pair<unknown, unknown>): boolean {
  return isScalar(pair.key) && (pair.key.value === '<<' || typeof pair.key.value === 'symbol');
}

/** A pair of the map, or of the maps merged into it with `<<`. */
export function findPair(map: YAMLMap, key: string): Pair<unknown, unknown> | undefined {
  const own = map.items.find((pair) => keyText(pair) === key && !isMerge(pair));
  if (own !== undefined) return own;
  for (const pair of map.items) {
    if (!isMerge(pair)) continue;
    for (const source of isSeq(pair.value) ? pair.value.items : [pair.value]) {
      const found = isMap(source) ? findPair(source, key) : undefined;
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** Names may contain dots: the longest name that the path starts with, and the number of steps it takes. */
function longestName(path: readonly string[], isKnown: (name: string) => boolean): [string, number] {
  for (let used = path.length; used > 1; used--) {
    const name = path.slice(0, used).join('.');
    if (isKnown(name)) return [name, used];
  }
  return [path[0] ?? '', 1];
}

function inMap(map: YAMLMap, path: readonly string[], isDomains: boolean, nodes: NewNodes): Choice {
  const slot = (pair: Pair<unknown, unknown>): Slot => ({
    get: () => pair.value,
    put: (node) => {
      pair.value = node;
    },
  });
  if (isDomains && path[0] === '*') return [map.items.filter((pair) => !isMerge(pair)).map(slot), 1];
  const [key, used] = longestName(path, (name) => findPair(map, name) !== undefined);
  const found = findPair(map, key);
  if (isDomains && found === undefined) throw unknownDomain(key, map.items.map(keyText));
  const own = map.items.find((pair) => pair === found);
  if (own !== undefined) return [[slot(own)], used];
  const name = new Scalar(key);
  nodes.mark(name);
  // A merged value is copied, so that the other maps it is merged into stay as they are.
  const value = isMap(found?.value) || isSeq(found?.value) ? (found.value.clone() as Node) : null;
  const created = new Pair<unknown, unknown>(name, value);
  map.items.push(created);
  return [[slot(created)], used];
}

function inSequence(list: YAMLSeq, path: readonly string[], isDomains: boolean): Choice {
  const slot = (_: unknown, index: number): Slot => ({
    get: () => list.items[index],
    put: (node) => {
      list.items[index] = node;
    },
  });
  const slots = list.items.map(slot);
  if (isDomains && path[0] === '*') return [slots, 1];
  const names = list.items.map((item) => {
    const name = isMap(item) ? (findPair(item, 'name') ?? findPair(item, 'guest'))?.value : undefined;
    return isScalar(name) ? String(name.value) : '';
  });
  const [name, used] = longestName(path, (candidate) => names.includes(candidate));
  const byName = slots.filter((_, index) => names[index] === name);
  if (byName.length > 0 && name !== '') return [byName, used];
  const byIndex = /^[0-9]{1,6}$/.test(name) ? slots[Number(name)] : undefined;
  if (byIndex === undefined) throw unknownDomain(name, isDomains ? names : slots.map((_, index) => String(index)));
  return [[byIndex], used];
}

function unknownDomain(name: string, names: readonly string[]): SetFault {
  const known = names.filter((candidate) => candidate !== '');
  return new SetFault(
    `nothing is called ${quote(name)}${suggest(name, known)}`,
    `${listNames(known)}, or * for all domains`,
  );
}

/** Writes a value at `path` below `target`, making maps on the way. @throws SetFault */
export function assign(target: Node, path: readonly string[], nodes: NewNodes, done: readonly string[] = []): void {
  const isDomains = done.length === 1 && done[0] === 'domains';
  if (!isMap(target) && !isSeq(target)) {
    throw new SetFault(`${done.join('.')} has no parts`, 'the path of a value, for example host.pcpus=2');
  }
  const [slots, used] = isMap(target) ? inMap(target, path, isDomains, nodes) : inSequence(target, path, isDomains);
  const rest = path.slice(used);
  for (const slot of slots) {
    const old = slot.get();
    if (rest.length === 0) {
      const value = nodes.value();
      nodes.mark(value);
      slot.put(value);
      continue;
    }
    let next = old as Node;
    if (old === null || old === undefined || (isScalar(old) && old.value === null)) {
      next = new YAMLMap();
      nodes.mark(next);
      slot.put(next);
    }
    assign(next, rest, nodes, [...done, ...path.slice(0, used)]);
  }
}
