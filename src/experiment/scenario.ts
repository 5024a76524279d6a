/** A scenario as the rest of the program sees it: checked, complete, in base units. */
import type { EptPageSize } from '../hypervisor/types.js';
import type { OUTCOMES } from './schema.js';

export type ExpectedOutcome = (typeof OUTCOMES)[number];

export interface Expectation {
  readonly outcome?: ExpectedOutcome;
  /** `native`, or 8 lower-case hexadecimal digits. */
  readonly checksum?: string;
}

export interface ModuleSpec {
  readonly name: string;
  readonly path: string;
}

export interface DomainSpec {
  readonly name: string;
  /** As written: a name of the catalogue or a path. */
  readonly guest: string;
  /** Absolute path of the image. */
  readonly path: string;
  readonly memoryBytes: number;
  readonly cmdline: string;
  readonly pcpu?: number;
  readonly translation:
    | { readonly kind: 'ept'; readonly pageSize: EptPageSize; readonly accessedDirty: boolean }
    | { readonly kind: 'direct' };
  readonly input?: string;
  readonly modules: readonly ModuleSpec[];
  readonly maxInstructions?: number;
  readonly expect?: Expectation;
}

export interface HostSpec {
  readonly pcpus: number;
  readonly frequencyHz: number;
  readonly quantumNs: number;
  readonly sliceNs: number;
  readonly clock: 'domain' | 'pcpu';
  readonly seed: number;
  readonly workers?: number;
}

export interface Scenario {
  /** File name without folder and extension. */
  readonly name: string;
  readonly file: string;
  readonly title: string;
  readonly description: string;
  readonly host: HostSpec;
  /** Virtual time at which the host stops. */
  readonly limitNs: number;
  readonly domains: readonly DomainSpec[];
}
