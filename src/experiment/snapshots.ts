/**
 * Boots that cells share. The first cell of a group boots and gives its host as it is when boot has ended; it is kept in shared
 * memory, which costs nothing to send, and the other cells of the group go on from it, in any thread.
 *
 *   group ──first──▶ made by one cell ──▶ kept ──▶ used by the others ──limit──▶ the one not used for longest is dropped
 *              │                            │
 *              └─ others wait               └─ dropped, or none came of it: they boot themselves
 */
import type { HostImage, HostState } from '../hypervisor/save.js';

/** A saved host as it is sent to threads: the pieces of its memory lie one after the other in `bytes`. */
export interface Snapshot {
  readonly state: HostState;
  readonly pieces: readonly { readonly address: number; readonly length: number }[];
  readonly bytes: SharedArrayBuffer;
}

/** The least that a snapshot takes beside its memory. */
const OVERHEAD = 65536;

export const snapshotSize = ({ bytes }: Snapshot): number => bytes.byteLength + OVERHEAD;

/** @returns undefined if it would take more than `limit` bytes */
export function packSnapshot({ state, memory }: HostImage, limit: number): Snapshot | undefined {
  const size = memory.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (size + OVERHEAD > limit) return undefined;
  const bytes = new SharedArrayBuffer(size);
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const piece of memory) {
    all.set(piece.bytes, at);
    at += piece.bytes.length;
  }
  return { state, pieces: memory.map(({ address, bytes: { length } }) => ({ address, length })), bytes };
}

/** What was packed; its memory is not copied. */
export function unpackSnapshot({ state, pieces, bytes }: Snapshot): Pick<HostImage, 'state' | 'memory'> {
  let at = 0;
  const memory = pieces.map(({ address, length }) => {
    at += length;
    return { address, bytes: new Uint8Array(bytes, at - length, length) };
  });
  return { state, memory };
}

/** How a group is to be run: from a snapshot, or by booting, and then maybe for the others too. */
export interface Turn {
  readonly snapshot?: Snapshot;
  /** `end` is to be called with what came of it. */
  readonly make: boolean;
}

/** The snapshots of a batch in one process. */
export class Snapshots {
  private readonly limit: number;
  /** Last used last. */
  private readonly kept = new Map<string, Snapshot>();
  private readonly making = new Map<string, { readonly done: Promise<void>; readonly end: () => void }>();
  private readonly hopeless = new Set<string>();
  private bytes = 0;

  /** @param limit bytes that all may take */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Waits while another makes the snapshot of the group. */
  async begin(group: string): Promise<Turn> {
    for (;;) {
      const snapshot = this.kept.get(group);
      if (snapshot !== undefined) {
        this.kept.delete(group);
        this.kept.set(group, snapshot);
        return { snapshot, make: false };
      }
      if (this.hopeless.has(group)) return { make: false };
      const other = this.making.get(group);
      if (other === undefined) break;
      await other.done;
    }
    let end = (): void => {};
    const done = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.making.set(group, { done, end });
    return { make: true };
  }

  /** @param snapshot undefined: none came of it, and nobody is to try again */
  end(group: string, snapshot: Snapshot | undefined): void {
    const size = snapshot === undefined ? 0 : snapshotSize(snapshot);
    if (snapshot === undefined || size > this.limit) this.hopeless.add(group);
    else {
      for (const [oldest, other] of this.kept) {
        if (this.bytes + size <= this.limit) break;
        this.kept.delete(oldest);
        this.bytes -= snapshotSize(other);
      }
      this.kept.set(group, snapshot);
      this.bytes += size;
    }
    this.making.get(group)?.end();
    this.making.delete(group);
  }

  /** Whether a cell boots for the group just now. */
  isBeingMade(group: string): boolean {
    return this.making.has(group);
  }
}
