/**
 * Cells to run, in bundles of about BUNDLE_MS, judged by the slowest of those that were seen last.
 *
 * Cells that share their boot are bundled by themselves, and the first of them alone: the others need what it makes. Meanwhile
 * other threads take cells of other groups.
 */
import type { CellRecord } from './cell.js';
import type { PlannedCell } from './plan.js';

/** Real time that a bundle should take: its message is nothing beside it, and little is lost with its thread. */
const BUNDLE_MS = 100;
const MAX_BUNDLE = 32;

interface Group {
  readonly name: string | undefined;
  readonly cells: readonly PlannedCell[];
  next: number;
}

export class BundleQueue {
  private readonly groups: Group[];
  private readonly workers: number;
  private readonly isBooting: (group: string) => boolean;
  private left: number;
  private size = 1;

  constructor(cells: readonly PlannedCell[], workers: number, isBooting: (group: string) => boolean) {
    this.workers = workers;
    this.isBooting = isBooting;
    this.left = cells.length;
    this.groups = groupsOf(cells);
  }

  /** None when there are no more. Towards the end bundles get small, so that all threads end together. */
  take(): readonly PlannedCell[] {
    const group = this.groups.find(({ name }) => name === undefined || !this.isBooting(name)) ?? this.groups[0];
    if (group === undefined) return [];
    const fair = Math.ceil(this.left / (2 * this.workers));
    const first = group.name !== undefined && group.next === 0;
    const bundle = group.cells.slice(group.next, group.next + (first ? 1 : Math.min(this.size, fair)));
    group.next += bundle.length;
    this.left -= bundle.length;
    if (group.next === group.cells.length) this.groups.splice(this.groups.indexOf(group), 1);
    return bundle;
  }

  learn(records: readonly CellRecord[]): void {
    const slowest = Math.max(...records.map(({ wallClock }) => wallClock?.total_ms ?? BUNDLE_MS));
    this.size = Math.max(1, Math.min(MAX_BUNDLE, Math.floor(BUNDLE_MS / slowest)));
  }
}

/** Groups in the order of their first cells. Who has nobody to share with boots for itself. */
function groupsOf(cells: readonly PlannedCell[]): Group[] {
  const groups = new Map<string | undefined, PlannedCell[]>();
  for (const cell of cells) {
    const known = groups.get(cell.boot);
    if (known === undefined) groups.set(cell.boot, [cell]);
    else known.push(cell);
  }
  const shared: Group[] = [];
  const alone: PlannedCell[] = [];
  for (const [name, members] of groups) {
    if (name !== undefined && members.length > 1) shared.push({ name, cells: members, next: 0 });
    else alone.push(...members.map(({ cell, scenario }) => ({ cell, scenario })));
  }
  if (alone.length > 0) shared.push({ name: undefined, cells: alone, next: 0 });
  return shared;
}
