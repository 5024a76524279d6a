/** The part of the WebAssembly JavaScript API that is used here: neither lib.es2023 nor @types/node 20 declares it. */
declare namespace WebAssembly {
  type ImportValue = ((...args: number[]) => number | undefined) | ((...args: number[]) => void) | Memory | Global;
  type Imports = Record<string, Record<string, ImportValue>>;
  type Exports = Record<string, unknown>;

  class Module {
    constructor(bytes: Uint8Array);
    static exports(module: Module): { name: string; kind: string }[];
    static imports(module: Module): { module: string; name: string; kind: string }[];
  }

  class Instance {
    constructor(module: Module, imports?: Imports);
    readonly exports: Exports;
  }

  class Memory {
    constructor(descriptor: { initial: number; maximum?: number; shared?: boolean });
    readonly buffer: ArrayBuffer | SharedArrayBuffer;
    grow(delta: number): number;
  }

  class Global {
    value: number | bigint;
  }

  class RuntimeError extends Error {}
}
