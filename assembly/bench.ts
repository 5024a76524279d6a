/** The loops that bench/ times, over a memory that the core laid out; built by bench/build.ts. */
export * from './device/bench';
export * from './layout';
export * from './mmu/bench';
export { FOUND_DIRTY, FOUND_REFERENCES_SHIFT } from './mmu/ept';
